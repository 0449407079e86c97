//! The static segment: what the rest of the program may ask of Dynamics.

use super::call::{Answer, Call};
use super::client::Client;
use super::entra::{Entra, TokenCache};
use super::error::Error;
use super::group::{Definition, DefinitionId, Group};
use super::list::PageSize;
use super::members::Lanes;
use super::odata::{self, Page};
use super::refusal::Kind;
use super::retry::Budget;
use super::throttle::Gate;
use crate::fence::Fence;
use crate::settings::{Secrets, SegmentName, Settings};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// One Dynamics environment during one run; cheap to clone, all clones share limits, pauses, token and counters.
#[derive(Clone)]
pub struct Dataverse(pub(super) Arc<Shared>);

/// What the clones share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) page_size: PageSize,
    pub(super) lanes: Lanes,
    pub(super) max_concurrent: usize,
}

/// The key of a row in `msdynmkt_segments`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(pub Uuid);

/// A row of `msdynmkt_segments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The key.
    pub id: SegmentId,
    /// The definition that the segment shows.
    pub definition_id: DefinitionId,
    /// What the status code means.
    pub status: SegmentStatus,
    /// `statuscode` as Dynamics gave it.
    pub status_code: i64,
    /// The computed number of members; nothing until Dynamics has computed it.
    pub member_count: Option<u64>,
    /// How many live journeys use the segment; only [`Dataverse::segment`] asks for it.
    pub published_journeys: Option<u64>,
    /// Changes with every change of the row.
    pub etag: String,
}

/// What a segment's `statuscode` means for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentStatus {
    /// Published and computed.
    Active,
    /// Published and computed, with warnings that the segment's page in Dynamics shows.
    ActiveWithWarnings,
    /// Never published.
    Inactive,
    /// Publishing, computing or stopping; also every code that is not known.
    Busy,
    /// Stopped by a person: to be published again.
    Stopped,
    /// Unused for long: to be published again.
    Expired,
    /// Publishing or computing failed.
    Error,
    /// Computing failed.
    Faulted,
    /// Deleted, though the row is still there.
    Deleted,
}

impl SegmentStatus {
    /// Reads the status code; 1 to 7 are documented, 8, 9 and 11 observed, 10 is inferred.
    pub const fn of(code: i64) -> Self {
        match code {
            1 => Self::Active,
            2 => Self::Inactive,
            3 => Self::Error,
            4 => Self::Deleted,
            7 => Self::ActiveWithWarnings,
            9 => Self::Stopped,
            10 => Self::Expired,
            11 => Self::Faulted,
            _ => Self::Busy,
        }
    }
}

impl Dataverse {
    /// Prepares the calls of one run; nothing is sent yet.
    ///
    /// `request_timeout` bounds each call; the fence must lie that long before the end of the lease.
    pub fn new(
        http: reqwest::Client,
        settings: &Settings,
        secrets: Secrets,
        request_timeout: Duration,
        fence: Fence,
    ) -> Self {
        Self::with_tokens(http, settings, secrets, request_timeout, fence, TokenCache::default())
    }

    /// The same with a token that may be left from an earlier run.
    pub fn with_tokens(
        http: reqwest::Client,
        settings: &Settings,
        secrets: Secrets,
        request_timeout: Duration,
        fence: Fence,
        tokens: TokenCache,
    ) -> Self {
        let max_concurrent = settings.destination.max_concurrent_requests.max(1);
        let client = Client {
            entra: Entra::new(http.clone(), settings, secrets, fence.clone(), tokens),
            http,
            organization: settings.destination.organization.url().clone(),
            gate: Gate::new(max_concurrent),
            budget: Budget::full(),
            fence,
            request_timeout,
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        };
        Self(Arc::new(Shared {
            client,
            page_size: PageSize::default(),
            lanes: Lanes::default(),
            max_concurrent,
        }))
    }

    /// Returns how many calls are in flight at most.
    pub fn max_concurrent(&self) -> usize {
        self.0.max_concurrent
    }

    /// Fetches a token with the credential as it is now, cached or not.
    pub async fn token_check(&self) -> Result<(), Error> {
        self.client().entra.fresh().await.map(drop)
    }

    /// Asks Dataverse who the application is: proves token and application user, no privilege.
    pub async fn who_am_i(&self) -> Result<(), Error> {
        let call = Call::get("ask who the application is", "WhoAmI".to_owned());
        self.client().call(&call, Answer::json::<Value>).await.map(drop)
    }

    /// Reads from both tables of real-time segments: proves that Journeys is installed and may be read.
    pub async fn check_segment_tables(&self) -> Result<(), Error> {
        for (set, key) in [
            ("msdynmkt_segments", "msdynmkt_segmentid"),
            ("msdynmkt_segmentdefinitions", "msdynmkt_segmentdefinitionid"),
        ] {
            let call = Call::get("read the segment tables", format!("{set}?$top=1&$select={key}"));
            self.client().call(&call, Answer::json::<Value>).await?;
        }
        Ok(())
    }

    /// Finds the real-time segments of exactly this name, deleted ones excepted.
    pub async fn find_segments(&self, name: &SegmentName) -> Result<Vec<Segment>, Error> {
        const OPERATION: &str = "find the segment";
        // 12: made in real-time journeys. Neither type nor state is a criterion: both read back other than written.
        let filter = format!(
            "msdynmkt_displayname%20eq%20{}%20and%20msdynmkt_source%20eq%2012",
            odata::literal(name.as_str())
        );
        let rows: Vec<SegmentRow> = self
            .rows(
                OPERATION,
                format!("msdynmkt_segments?$select={SEGMENT_COLUMNS}&$filter={filter}"),
            )
            .await?;
        rows.into_iter()
            // Dynamics compares without regard to case.
            .filter(|row| row.name.as_deref() == Some(name.as_str()))
            .filter(|row| SegmentStatus::of(row.status_code) != SegmentStatus::Deleted)
            .map(|row| row.into_segment(OPERATION))
            .collect()
    }

    /// Reads the segment's row as it is now.
    pub async fn segment(&self, id: SegmentId) -> Result<Segment, Error> {
        const OPERATION: &str = "read the segment";
        // All columns: naming one that an older release of Journeys lacks would be an error.
        let call = Call::get(OPERATION, format!("msdynmkt_segments({id})"));
        let row: SegmentRow = self.client().call(&call, Answer::json).await?;
        row.into_segment(OPERATION)
    }

    /// Reads the segment's definition.
    pub async fn definition(&self, id: DefinitionId) -> Result<Definition, Error> {
        const OPERATION: &str = "read the segment's definition";
        let call = Call::get(
            OPERATION,
            format!("msdynmkt_segmentdefinitions({id})?$select={DEFINITION_COLUMNS}"),
        );
        let row: DefinitionRow = self.client().call(&call, Answer::json).await?;
        row.into_definition(OPERATION)
    }

    /// Switches the automatic refresh off, so that changed members take effect at the next publish only.
    pub async fn disable_refresh(&self, id: DefinitionId) -> Result<(), Error> {
        let body = json!({"msdynmkt_disablesegmentrefresh": true});
        self.update("switch the segment's refresh off", id, &body).await
    }

    /// Replaces the definition's groups; a group that is left out is dropped.
    pub async fn save_groups(&self, definition: &Definition, groups: &[Group]) -> Result<(), Error> {
        let body = json!({"msdynmkt_staticlistmembers": Group::write_all(groups)});
        self.update("save the segment's groups", definition.id, &body).await
    }

    /// Publishes the segment: only now do journeys see its members.
    pub async fn publish(&self, segment: SegmentId) -> Result<(), Error> {
        let body = json!({"SegmentId": segment.to_string()});
        let call = Call::action(
            "publish the segment",
            Kind::Publish,
            "msdynmkt_PublishSegmentDefinition",
            &body,
        );
        self.client().call(&call, |_| Ok(())).await
    }

    /// Returns how many requests were sent to Dataverse, retries included.
    pub fn requests(&self) -> u64 {
        self.client().requests.load(Ordering::Relaxed)
    }

    /// Returns how many of them were repetitions.
    pub fn retries(&self) -> u64 {
        self.client().retries.load(Ordering::Relaxed)
    }

    /// Returns how long throttling held all requests back.
    pub fn throttled(&self) -> Duration {
        self.client().gate.time_throttled()
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Reads all pages of a list.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: String,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        let mut next = Some(path);
        while let Some(path) = next {
            let page: Page<T> = self.client().call(&Call::get(operation, path), Answer::json).await?;
            rows.extend(page.value);
            next = page.next;
        }
        Ok(rows)
    }

    async fn update(&self, operation: &'static str, id: DefinitionId, body: &Value) -> Result<(), Error> {
        let call = Call::update(operation, format!("msdynmkt_segmentdefinitions({id})"), body);
        self.client().call(&call, |_| Ok(())).await
    }
}

const SEGMENT_COLUMNS: &str = "msdynmkt_segmentid,msdynmkt_displayname,msdynmkt_sourcesegmentuid,statecode,statuscode,msdynmkt_membercount,msdynmkt_publishedjourneycount";

/// The columns of a definition that are read.
pub(super) const DEFINITION_COLUMNS: &str = "msdynmkt_segmentdefinitionid,msdynmkt_name,msdynmkt_segmentquery,msdynmkt_staticlistmembers,msdynmkt_disablesegmentrefresh";

/// A segment as the Web API writes it.
#[derive(Deserialize)]
pub(super) struct SegmentRow {
    #[serde(rename = "@odata.etag", default)]
    etag: String,
    #[serde(rename = "msdynmkt_segmentid")]
    pub(super) id: String,
    #[serde(rename = "msdynmkt_displayname")]
    name: Option<String>,
    #[serde(rename = "msdynmkt_sourcesegmentuid")]
    definition: Option<String>,
    #[serde(rename = "statuscode", default)]
    status_code: i64,
    #[serde(rename = "msdynmkt_membercount")]
    member_count: Option<Value>,
    #[serde(rename = "msdynmkt_publishedjourneycount")]
    published_journeys: Option<Value>,
}

impl SegmentRow {
    pub(super) fn into_segment(self, operation: &'static str) -> Result<Segment, Error> {
        let odd = |what: &str| Error::UnexpectedAnswer {
            operation,
            what: what.to_owned(),
        };
        let count = |value: Option<Value>| value.as_ref().and_then(Value::as_u64);
        let id = Uuid::try_parse(&self.id).map_err(|_| odd("the segment has no id"))?;
        let definition = self.definition.and_then(|id| Uuid::try_parse(id.trim()).ok());
        Ok(Segment {
            id: SegmentId(id),
            definition_id: DefinitionId(definition.ok_or_else(|| odd("the segment names no definition"))?),
            status: SegmentStatus::of(self.status_code),
            status_code: self.status_code,
            member_count: count(self.member_count),
            published_journeys: count(self.published_journeys),
            etag: self.etag,
        })
    }
}

/// A definition as the Web API writes it.
#[derive(Deserialize)]
pub(super) struct DefinitionRow {
    #[serde(rename = "msdynmkt_segmentdefinitionid")]
    id: String,
    #[serde(rename = "msdynmkt_name")]
    pub(super) name: Option<String>,
    #[serde(rename = "msdynmkt_segmentquery")]
    query: Option<String>,
    #[serde(rename = "msdynmkt_staticlistmembers")]
    groups: Option<String>,
    #[serde(rename = "msdynmkt_disablesegmentrefresh")]
    refresh_disabled: Option<bool>,
}

impl DefinitionRow {
    pub(super) fn into_definition(self, operation: &'static str) -> Result<Definition, Error> {
        let odd = |what: &str| Error::UnexpectedAnswer {
            operation,
            what: what.to_owned(),
        };
        let id = Uuid::try_parse(&self.id).map_err(|_| odd("the definition has no id"))?;
        Ok(Definition {
            id: DefinitionId(id),
            query: self.query.unwrap_or_default(),
            groups: Group::read_all(self.groups.as_deref()).map_err(odd)?,
            refresh_disabled: self.refresh_disabled.unwrap_or(false),
        })
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Dataverse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dataverse(..)")
    }
}
