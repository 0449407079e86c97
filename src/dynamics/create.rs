//! Creating a segment: two rows, of which neither may ever come into being twice.

use super::call::{Answer, Call, Odd};
use super::client::Failure;
use super::error::Error;
use super::group::{Definition, DefinitionId, Group};
use super::odata;
use super::rows::Strangers;
use super::segment::{self, Dataverse, Segment, SegmentId};
use super::version::Saved;
use crate::domain::SegmentName;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const DEFINE: &str = "create the segment's definition";
const CREATE: &str = "create the segment";

/// The longest description (`msdynmkt_description`, Microsoft's table reference).
const MAX_DESCRIPTION: usize = 1_000;

/// How often a definition that was found is changed and read again: it takes two changes, and others may come between.
const CHANGES_TRIED: usize = 7;

/// How long an unclear create is given before the look for its row: a gateway that gave up leaves the server at work, and a
/// row that appears after the look would be a second segment of the name.
const LATE_COMMIT: Duration = Duration::from_secs(10);

impl Dataverse {
    /// Creates a segment of this name: a Draft definition with one empty Include group and no refresh, then its segment.
    ///
    /// The caller has found no segment of the name. A create whose answer is lost is looked up before it is tried again, and a
    /// definition that an earlier, interrupted run left without a segment is used.
    pub async fn create_segment(&self, name: &SegmentName, description: &str) -> Result<(Segment, Definition), Error> {
        let definition = match self.orphan(name).await? {
            Some(orphan) => self.made_usable(orphan, name).await?,
            None => self.new_definition(name).await?,
        };
        let id = self.new_segment(name, description, definition).await?;
        let segment = self.created_segment(id, name, definition).await?;
        Ok((segment, self.definition(definition).await?))
    }

    /// Reads the new segment: a row of another name or definition would be found by nobody, or would be somebody else's.
    async fn created_segment(
        &self,
        id: SegmentId,
        name: &SegmentName,
        definition: DefinitionId,
    ) -> Result<Segment, Error> {
        let row = self.segment_row(id).await?;
        let segment = row.segment;
        if row.name != name.as_str() || segment.definition_id != definition {
            let what = "the new row has another name or definition than was written";
            return Err(Error::unexpected(CREATE, what));
        }
        Ok(segment)
    }

    async fn new_definition(&self, name: &SegmentName) -> Result<DefinitionId, Error> {
        let group = Group::fresh(name.as_str());
        let body = json!({
            "msdynmkt_name": name.as_str(),
            "msdynmkt_segmentquery": "",
            "statecode": 0,
            "statuscode": DRAFT,
            "msdynmkt_staticlistmembers": Group::write_all(std::slice::from_ref(&group)),
            "msdynmkt_disablesegmentrefresh": true,
        });
        let call = Call::create(DEFINE, "msdynmkt_segmentdefinitions", &body);
        let mut tries = 0;
        loop {
            match self
                .client()
                .send(
                    &call,
                    created_id("msdynmkt_segmentdefinitions", "msdynmkt_segmentdefinitionid"),
                )
                .await
            {
                Ok(id) => return Ok(DefinitionId(id)),
                Err(failure) => self.wait_if_unclear(failure, DEFINE, &mut tries).await?,
            }
            if let Some(found) = self.orphan(name).await? {
                return self.made_usable(found, name).await;
            }
        }
    }

    async fn new_segment(
        &self,
        name: &SegmentName,
        description: &str,
        definition: DefinitionId,
    ) -> Result<SegmentId, Error> {
        let body = json!({
            "msdynmkt_displayname": name.as_str(),
            "msdynmkt_description": description.chars().take(MAX_DESCRIPTION).collect::<String>(),
            // 10: static, 12: real-time journeys, 1 and 2: inactive while the definition is a draft.
            "msdynmkt_type": 10,
            "msdynmkt_source": 12,
            "statecode": 1,
            "statuscode": 2,
            "msdynmkt_baseentitylogicalname": "contact",
            "msdynmkt_cdmpartitionprimarykeycolumn": "contactid",
            // For the whole organization, not for one business unit.
            "msdynmkt_scope": 270_100_000,
            "msdynmkt_sourcesegmentuid": definition.to_string(),
        });
        let call = Call::create(CREATE, "msdynmkt_segments", &body);
        let mut tries = 0;
        loop {
            let created = created_id("msdynmkt_segments", "msdynmkt_segmentid");
            match self.client().send(&call, created).await {
                Ok(id) => return Ok(SegmentId(id)),
                Err(failure) => self.wait_if_unclear(failure, CREATE, &mut tries).await?,
            }
            match self.segments_of(CREATE, definition).await?[..] {
                [] => {}
                [id] => return Ok(id),
                _ => return Err(Error::unexpected(CREATE, "the new definition has several segments")),
            }
        }
    }

    /// Finds a Draft definition of exactly this name that belongs to no segment, not even to a deleted one.
    async fn orphan(&self, name: &SegmentName) -> Result<Option<Definition>, Error> {
        let filter = format!(
            "msdynmkt_name%20eq%20{}%20and%20statuscode%20eq%20{DRAFT}",
            odata::literal(name.as_str())
        );
        let columns = segment::DEFINITION_COLUMNS;
        let path = format!("msdynmkt_segmentdefinitions?$select={columns},statuscode&$filter={filter}");
        let key = "msdynmkt_segmentdefinitionid";
        let drafts = self.client().rows(DEFINE, path, key, |row| {
            let is_meant = row.text("msdynmkt_name")? == name.as_str() && row.number("statuscode")? == DRAFT;
            is_meant.then(|| segment::definition_of(row)).transpose()
        });
        for definition in drafts.await? {
            // With a query it is somebody's work in progress.
            if definition.query.trim().is_empty() && self.segments_of(DEFINE, definition.id).await?.is_empty() {
                return Ok(Some(definition));
            }
        }
        Ok(None)
    }

    /// Gives a definition that was found what one of our own has: no refresh, and an Include group.
    async fn made_usable(&self, mut definition: Definition, name: &SegmentName) -> Result<DefinitionId, Error> {
        for _ in 0..CHANGES_TRIED {
            let saved = if !definition.refresh_disabled {
                self.disable_refresh(&definition).await?
            } else if !definition.groups.iter().any(|group| group.include) {
                let groups: Vec<_> = definition
                    .groups
                    .iter()
                    .cloned()
                    .chain([Group::fresh(name.as_str())])
                    .collect();
                self.save_groups(&definition, &groups).await?
            } else {
                return Ok(definition.id);
            };
            definition = self.definition(definition.id).await?;
            if saved == Saved::NotVersioned {
                definition.etag = None;
            }
        }
        Err(Error::unexpected(
            DEFINE,
            "a definition without a segment keeps changing",
        ))
    }

    /// Returns all segments of a definition, deleted ones included.
    async fn segments_of(&self, operation: &'static str, definition: DefinitionId) -> Result<Vec<SegmentId>, Error> {
        // The column is a string, so that the GUID stands in quotes.
        let filter = format!(
            "msdynmkt_sourcesegmentuid%20eq%20{}",
            odata::literal(&definition.to_string())
        );
        let path = format!(
            "msdynmkt_segments?$select=msdynmkt_segmentid,msdynmkt_sourcesegmentuid,statuscode&$filter={filter}"
        );
        let key = "msdynmkt_segmentid";
        let strangers = Strangers::default();
        let found = self
            .client()
            .rows(operation, path, key, |row| {
                // Segments that others made may have anything in this column.
                if Uuid::try_parse(row.text("msdynmkt_sourcesegmentuid")?.trim()) == Ok(definition.0) {
                    return Ok(Some(SegmentId(row.guid(key)?)));
                }
                strangers.note();
                Ok(None)
            })
            .await?;
        if found.is_empty() {
            strangers.allow_absence(operation)?;
        }
        Ok(found)
    }

    async fn wait_if_unclear(&self, failure: Failure, operation: &'static str, tries: &mut u32) -> Result<(), Error> {
        match failure {
            Failure::Final(error) => Err(error),
            Failure::Contention(refusal) => Err(Error::DynamicsRefused(refusal)),
            Failure::Unclear(reason) => {
                *tries += 1;
                self.client().back_off(operation, *tries, reason.clone()).await?;
                self.client().sleep(LATE_COMMIT, operation, &reason).await
            }
        }
    }
}

/// The definition's `statuscode` before it is published (Microsoft's segment API).
const DRAFT: i64 = 723_270_001;

/// Takes the new row's id from the header, or from the row where the server sends it.
fn created_id(set: &'static str, key: &'static str) -> impl Fn(&Answer) -> Result<Uuid, Odd> {
    move |answer| {
        let header = answer
            .headers
            .get("OData-EntityId")
            .and_then(|value| value.to_str().ok());
        match header.and_then(|header| odata::entity_id(header, set)) {
            Some(id) => Ok(id),
            None => answer.row()?.guid(key),
        }
    }
}
