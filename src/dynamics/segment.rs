//! The static segment: what the rest of the program may ask of Dynamics.

use super::call::{Answer, Call, Odd};
use super::client::Client;
use super::collation;
use super::description::DESCRIPTION;
use super::entra::{Entra, TokenCache};
use super::error::Error;
use super::group::{Definition, DefinitionId, Group};
use super::json::Row;
use super::list::PageSize;
use super::members::Lanes;
use super::odata;
use super::refusal::Kind;
use super::retry::Budget;
use super::rows::Strangers;
use super::throttle::Gate;
use super::used_by;
use super::version::{Saved, number_of};
use crate::config::{Secrets, Settings};
use crate::domain::{Computation, SegmentName, SegmentStatus, View};
use crate::time::Fence;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
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
    /// The business unit whose segments are found and created; `None` is any, and the application user's.
    pub(super) business_unit: Option<Uuid>,
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
    /// What the segment's members are, in lower case; `None` if Dynamics does not say it.
    pub base_entity: Option<String>,
    /// How many live journeys use the segment; `None` if Dynamics does not tell.
    pub published_journeys: Option<u64>,
    /// What it says about itself to people; `None` if Dynamics does not tell.
    pub description: Option<String>,
    /// The version of the row that was read; `None` if Dynamics does not tell.
    pub etag: Option<String>,
}

impl Segment {
    /// Returns what the row shows, beside what its definition tells of the last computation.
    pub fn view(&self, computation: Option<Computation>) -> View {
        View {
            status_code: self.status_code,
            count: self.member_count,
            computation,
            version: self.etag.as_deref().and_then(number_of),
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
        let max_concurrent = settings.destination.rules.max_concurrent().max(1);
        let client = Client {
            entra: Entra::new(http.clone(), settings, secrets, fence.clone(), tokens),
            http,
            organization: settings.destination.organization.url().clone(),
            gate: Gate::new(max_concurrent),
            budget: Budget::full(),
            fence,
            request_timeout,
            requests: AtomicU64::new(0),
            unanswered: Mutex::default(),
        };
        Self(Arc::new(Shared {
            client,
            page_size: PageSize::default(),
            lanes: Lanes::default(),
            max_concurrent,
            business_unit: settings.business_unit,
        }))
    }

    /// Returns how many calls are in flight at most.
    pub fn max_concurrent(&self) -> usize {
        self.0.max_concurrent
    }

    /// Fetches a token with the credential as it is now, cached or not; returns whether the app registration knows what was shown
    /// first, and not only another certificate beside it.
    pub async fn token_check(&self) -> Result<bool, Error> {
        let entra = &self.client().entra;
        entra.fresh().await?;
        Ok(!entra.shows_another_certificate().await)
    }

    /// Asks Dataverse who the application is: proves token and application user, no privilege.
    pub async fn who_am_i(&self) -> Result<(), Error> {
        self.user().await.map(drop)
    }

    /// Asks for the id of the application user.
    pub(super) async fn user(&self) -> Result<Uuid, Error> {
        let call = Call::get("ask who the application is", "WhoAmI".to_owned());
        let read = |answer: &Answer| answer.row()?.guid("UserId");
        self.client().call(&call, read).await
    }

    /// Reads from both tables of real-time segments: proves that Journeys is installed and may be read.
    pub async fn check_segment_tables(&self) -> Result<(), Error> {
        for (set, key) in [
            ("msdynmkt_segments", "msdynmkt_segmentid"),
            ("msdynmkt_segmentdefinitions", "msdynmkt_segmentdefinitionid"),
        ] {
            let call = Call::get("read the segment tables", format!("{set}?$top=1&$select={key}"));
            let read = |answer: &Answer| {
                let rows = answer.row()?.take_rows("value")?;
                rows.iter().try_for_each(|row| row.guid(key).map(drop))
            };
            self.client().call(&call, read).await?;
        }
        Ok(())
    }

    /// Finds the real-time segments of exactly this name, deleted ones and those of other business units excepted.
    pub async fn find_segments(&self, name: &SegmentName) -> Result<Vec<Segment>, Error> {
        const OPERATION: &str = "find the segment";
        // Neither type nor state is a criterion: both read back other than written.
        let filter = format!(
            "{SEGMENT_NAME}%20eq%20{}%20and%20{SOURCE}%20eq%2012",
            odata::literal(name.as_str())
        );
        let of_the_unit = self
            .0
            .business_unit
            .map(|unit| format!("%20and%20{OWNER}%20eq%20{unit}"));
        // All columns, as of a single row: naming one that an older release of Journeys lacks would be an error.
        let path = format!("msdynmkt_segments?$filter={filter}{}", of_the_unit.unwrap_or_default());
        let strangers = Strangers::default();
        let found = self.client().rows(OPERATION, path, SEGMENT_KEY, |row| {
            // A row without a name may be the one that is looked for.
            let found = row.text(SEGMENT_NAME)?;
            if !collation::may_compare_as_equal(found, name.as_str()) {
                strangers.note();
            }
            let is_meant = found == name.as_str() && !is_deleted(row)? && self.is_of_the_unit(row)?;
            is_meant.then(|| segment_of(row)).transpose()
        });
        let found = found.await?;
        if found.is_empty() {
            strangers.allow_absence(OPERATION)?;
        }
        Ok(found)
    }

    /// Switches the automatic refresh off, so that changed members take effect at the next publish only.
    pub async fn disable_refresh(&self, definition: &Definition) -> Result<Saved, Error> {
        let body = json!({"msdynmkt_disablesegmentrefresh": true});
        self.update("switch the segment's refresh off", definition, &body).await
    }

    /// Replaces the definition's groups; a group that is left out is dropped.
    pub async fn save_groups(&self, definition: &Definition, groups: &[Group]) -> Result<Saved, Error> {
        let body = json!({"msdynmkt_staticlistmembers": Group::write_all(groups)});
        self.update("save the segment's groups", definition, &body).await
    }

    /// Publishes the segment: only now do journeys see its members. Returns when Dynamics has answered, by its own clock.
    pub async fn publish(&self, segment: SegmentId) -> Result<Option<DateTime<Utc>>, Error> {
        let body = json!({"SegmentId": segment.to_string()});
        let call = Call::action(
            "publish the segment",
            Kind::Publish,
            "msdynmkt_PublishSegmentDefinition",
            &body,
        );
        self.client().call(&call, |answer| Ok(answer.date())).await
    }

    /// Returns how many requests were sent to Dataverse, retries included.
    pub fn requests(&self) -> u64 {
        self.client().requests.load(Ordering::Relaxed)
    }

    /// Returns when an answer to a change was given up last: it may still be carried out, whatever became of its repetition.
    pub fn unanswered(&self) -> Option<Instant> {
        *self.client().unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long requests have really waited since Dynamics throttles.
    pub fn throttled(&self) -> Duration {
        self.client().gate.time_throttled()
    }

    /// Returns whether a segment is owned by the business unit that is asked for.
    pub(super) fn is_of_the_unit(&self, row: &Row) -> Result<bool, Odd> {
        self.0
            .business_unit
            .map_or(Ok(true), |unit| Ok(row.guid(OWNER)? == unit))
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    /// Changes the definition as it was read: what others changed since is not written over.
    async fn update(&self, operation: &'static str, definition: &Definition, body: &Value) -> Result<Saved, Error> {
        let row = format!("msdynmkt_segmentdefinitions({})", definition.id);
        let call = Call::update(operation, row, body).of_version(definition.etag.as_deref());
        Saved::of(self.client().call(&call, |_| Ok(())).await)
    }
}

/// The columns of a definition that are read.
pub(super) const DEFINITION_COLUMNS: &str = "msdynmkt_segmentdefinitionid,msdynmkt_name,msdynmkt_segmentquery,msdynmkt_staticlistmembers,msdynmkt_disablesegmentrefresh";

pub(super) const SEGMENT_KEY: &str = "msdynmkt_segmentid";
/// The business unit that owns a row.
pub(super) const OWNER: &str = "_owningbusinessunit_value";
pub(super) const SEGMENT_NAME: &str = "msdynmkt_displayname";
/// Where a segment was made: 12 is in real-time journeys.
pub(super) const SOURCE: &str = "msdynmkt_source";
pub(super) const DEFINITION_KEY: &str = "msdynmkt_segmentdefinitionid";

/// The longest version of a row that is remembered; Dataverse writes `W/"` and a number.
const LONGEST_ETAG: usize = 100;

/// Returns whether a row is left from a segment that was deleted: `statuscode` 4, which has `statecode` 1 (Microsoft's segment
/// API). A row that says both that and that it is active would be created once more where it is not gone.
pub(super) fn is_deleted(row: &Row) -> Result<bool, Odd> {
    const INACTIVE: i64 = 1;
    let is_deleted = SegmentStatus::of(row.number("statuscode")?) == SegmentStatus::Deleted;
    if is_deleted && row.number("statecode")? != INACTIVE {
        return Err(Odd::Unexpected(
            "`statuscode` says deleted, and `statecode` does not".to_owned(),
        ));
    }
    Ok(is_deleted)
}

pub(super) fn segment_of(row: &Row) -> Result<Segment, Odd> {
    const BASE_ENTITY: &str = "msdynmkt_baseentitylogicalname";
    let status_code = row.number("statuscode")?;
    Ok(Segment {
        id: SegmentId(row.guid(SEGMENT_KEY)?),
        definition_id: DefinitionId(row.guid("msdynmkt_sourcesegmentuid")?),
        status: SegmentStatus::of(status_code),
        status_code,
        member_count: row.count_or_null("msdynmkt_membercount")?,
        base_entity: if row.has(BASE_ENTITY) {
            let name = row.text_or_null(BASE_ENTITY)?.unwrap_or_default().trim();
            (!name.is_empty()).then(|| name.to_lowercase())
        } else {
            None
        },
        published_journeys: used_by::journeys(row)?,
        // What only informs may be missing.
        description: row
            .text_or_null(DESCRIPTION)
            .ok()
            .map(Option::unwrap_or_default)
            .map(str::to_owned),
        etag: etag_of(row).ok(),
    })
}

pub(super) fn definition_of(row: &Row) -> Result<Definition, Odd> {
    const GROUPS: &str = "msdynmkt_staticlistmembers";
    let groups = Group::read_all(row.text_or_null(GROUPS)?);
    Ok(Definition {
        id: DefinitionId(row.guid(DEFINITION_KEY)?),
        query: row
            .text_or_null("msdynmkt_segmentquery")?
            .unwrap_or_default()
            .to_owned(),
        groups: groups.map_err(|what| Odd::Unexpected(format!("`{GROUPS}` {what}")))?,
        refresh_disabled: row.flag_or_null("msdynmkt_disablesegmentrefresh")?.unwrap_or(false),
        dependents: used_by::dependents(row),
        computation: computation_of(row),
        etag: Some(etag_of(row)?),
    })
}

/// Reads what only informs, and may be missing or be anything: a time that cannot be read tells nothing.
fn computation_of(row: &Row) -> Option<Computation> {
    const FINISHED: &str = "msdynmkt_computationfinishedon";
    let is_at = |status: i64| row.number("msdynmkt_computationstatus").ok() == Some(status);
    let time = |column| DateTime::parse_from_rfc3339(row.text(column).ok()?).ok();
    row.has(FINISHED).then(|| Computation {
        started: time("msdynmkt_computationstartedon").map(DateTime::from),
        finished: time(FINISHED).map(DateTime::from),
        has_failed: is_at(723_270_002),
        is_running: is_at(723_270_000),
    })
}

fn etag_of(row: &Row) -> Result<String, Odd> {
    let etag = row.text("@odata.etag")?;
    if etag.is_empty() || etag.len() > LONGEST_ETAG {
        return Err(Odd::Unexpected("`@odata.etag` is no version of a row".to_owned()));
    }
    Ok(etag.to_owned())
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
