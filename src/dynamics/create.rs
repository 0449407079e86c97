//! Creating a segment: two rows, of which neither may ever come into being twice.

use super::business_unit::{Unfit, unfit};
use super::call::{Answer, Call, Odd};
use super::client::Failure;
use super::description::{DESCRIPTION, LONGEST_DESCRIPTION};
use super::error::Error;
use super::group::{Definition, DefinitionId, Group};
use super::odata;
use super::rows::Strangers;
use super::segment::{self, Dataverse, Segment, SegmentId};
use super::version::Saved;
use crate::domain::{LATE_COMMIT, SegmentName, SegmentStatus};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const DEFINE: &str = "create the segment's definition";
const CREATE: &str = "create the segment";

/// How often a definition that was found is changed and read again: it takes two changes, and others may come between.
const CHANGES_TRIED: usize = 7;

/// How often the row of a create is looked for whose answer was lost: one that came after a second create would be a second
/// segment of the name.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Dataverse {
    /// Creates a segment of this name: a Draft definition with one empty Include group and no refresh, then its segment.
    ///
    /// The caller has found no segment of the name. A create whose answer is lost is looked up before it is tried again, and a
    /// definition that an earlier, interrupted run left without a segment is used. Where Dynamics refuses the segment, the
    /// definition goes again that was made for it.
    pub async fn create_segment(&self, name: &SegmentName, description: &str) -> Result<(Segment, Definition), Error> {
        let (definition, is_made_here) = match self.orphan(name).await? {
            Some(orphan) => (self.made_usable(orphan, name).await?.id, false),
            None => self.new_definition(name).await?,
        };
        let id = match self.new_segment(name, description, definition).await {
            Err(error) if is_made_here && is_refused(&error) => {
                self.take_back(definition).await;
                return Err(error);
            }
            created => created?,
        };
        // What was asked for is not yet what is there.
        let segment = self.created_segment(id, name, definition);
        let (segment, definition) = tokio::join!(segment, self.new_row(async || self.definition(definition).await));
        Ok((segment?, definition?))
    }

    /// Reads the new segment: a row of another name or definition would be found by nobody, or would be somebody else's.
    async fn created_segment(
        &self,
        id: SegmentId,
        name: &SegmentName,
        definition: DefinitionId,
    ) -> Result<Segment, Error> {
        let row = self.new_row(async || self.segment_row(id).await).await?;
        let segment = row.segment;
        if row.name != name.as_str() || segment.definition_id != definition {
            let what = "the new row has another name or definition than was written";
            return Err(Error::unexpected(CREATE, what));
        }
        match (self.0.business_unit, row.owner) {
            (Some(_), None) => Err(Error::unexpected(
                CREATE,
                "the new row does not say which business unit owns it",
            ))?,
            (Some(unit), Some(owner)) if owner != unit => Err(unfit(&unit, Unfit::NotTaken(id)))?,
            _ => {}
        }
        Ok(segment)
    }

    /// Reads a row that was made just now: it may be as late as one whose create nobody heard the answer of.
    async fn new_row<T>(&self, read: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        let until = Instant::now() + LATE_COMMIT;
        loop {
            match read().await {
                Err(error) if !error.is_absence() => return Err(error),
                Err(_) if Instant::now() < until => {}
                Err(_) => {
                    let what = "the row that Dynamics says it has made cannot be read, two minutes later";
                    return Err(Error::unexpected(CREATE, what));
                }
                row => return row,
            }
        }
    }

    /// Deletes a definition that Dynamics says it has made just now, unless a segment shows it by now, be it another function's.
    ///
    /// One that cannot be deleted is used by the next attempt.
    async fn take_back(&self, definition: DefinitionId) {
        let deleting = async {
            if self.segments_of(DEFINE, definition).await?.is_empty() {
                self.delete_definition(definition).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = deleting.await {
            tracing::warn!(
                error = %error,
                "the definition stays of a segment that could not be created; the next attempt uses it"
            );
        }
    }

    /// Makes a definition; returns also whether Dynamics says so, for one that is found after an answer was lost may be somebody
    /// else's.
    async fn new_definition(&self, name: &SegmentName) -> Result<(DefinitionId, bool), Error> {
        let group = self.first_group(name);
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
                Ok(id) => return Ok((DefinitionId(id), true)),
                Err(failure) => {
                    let come = self
                        .wait_for_row(failure, DEFINE, &mut tries, || self.orphan(name))
                        .await?;
                    if let Some(found) = come {
                        return Ok((self.made_usable(found, name).await?.id, false));
                    }
                }
            }
        }
    }

    async fn new_segment(
        &self,
        name: &SegmentName,
        description: &str,
        definition: DefinitionId,
    ) -> Result<SegmentId, Error> {
        let mut body = json!({
            "msdynmkt_displayname": name.as_str(),
            DESCRIPTION: description.chars().take(LONGEST_DESCRIPTION).collect::<String>(),
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
        if let Some(unit) = self.0.business_unit {
            body["owningbusinessunit@odata.bind"] = format!("/businessunits({unit})").into();
        }
        let call = Call::create(CREATE, "msdynmkt_segments", &body);
        let mut tries = 0;
        loop {
            let created = created_id("msdynmkt_segments", "msdynmkt_segmentid");
            match self.client().send(&call, created).await {
                Ok(id) => return Ok(SegmentId(id)),
                Err(Failure::Final(error)) => return Err(self.closed(error)),
                Err(failure) => {
                    let look = || self.segment_of(definition);
                    if let Some(id) = self.wait_for_row(failure, CREATE, &mut tries, look).await? {
                        return Ok(id);
                    }
                }
            }
        }
    }

    /// Makes the group that members are added to first.
    fn first_group(&self, name: &SegmentName) -> Group {
        match self.0.business_unit {
            Some(unit) => Group::fresh(&Group::name_for(unit)),
            None => Group::fresh(name.as_str()),
        }
    }

    /// Says of a create that is refused that it is the business unit's.
    fn closed(&self, error: Error) -> Error {
        match (self.0.business_unit, error) {
            (Some(unit), Error::PrivilegeMissing { refusal, .. } | Error::RowAccessDenied(refusal)) => {
                unfit(&unit, Unfit::Closed(refusal))
            }
            (Some(unit), Error::DynamicsRefused(refusal)) if refusal.status == 404 => unfit(&unit, Unfit::Missing),
            (_, error) => error,
        }
    }

    /// Finds the segment of a definition that has none of its own yet, or the new one only.
    async fn segment_of(&self, definition: DefinitionId) -> Result<Option<SegmentId>, Error> {
        match self.segments_of(CREATE, definition).await?[..] {
            [] => Ok(None),
            [id] => Ok(Some(id)),
            _ => Err(Error::unexpected(CREATE, "the new definition has several segments")),
        }
    }

    /// Finds a Draft definition of exactly this name that belongs to no segment, not even to a deleted one.
    ///
    /// One that was made for another business unit may get its segment in this very moment; and one of this unit that has a
    /// segment already, where none of the unit was found, has one of another.
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
        let unit = self.0.business_unit;
        for definition in drafts.await? {
            // With a query it is somebody's work in progress.
            let is_ours = definition.groups.iter().find_map(Group::unit) == unit;
            if !is_ours || !definition.query.trim().is_empty() {
                continue;
            }
            let segments = self.segments_of(DEFINE, definition.id).await?;
            if segments.is_empty() {
                return Ok(Some(definition));
            }
            if let Some(unit) = unit {
                self.check_owner(&segments, unit).await?;
            }
        }
        Ok(None)
    }

    /// Refuses to create one more segment for a business unit where Dynamics has given one to another unit.
    async fn check_owner(&self, segments: &[SegmentId], unit: Uuid) -> Result<(), Error> {
        for id in segments {
            let row = self.segment_row(*id).await?;
            if row.segment.status != SegmentStatus::Deleted && row.owner != Some(unit) {
                return Err(unfit(&unit, Unfit::NotTaken(*id)));
            }
        }
        Ok(())
    }

    /// Gives a definition that was found what one of our own has: no refresh, and an Include group.
    async fn made_usable(&self, mut definition: Definition, name: &SegmentName) -> Result<Definition, Error> {
        for _ in 0..CHANGES_TRIED {
            let saved = if !definition.refresh_disabled {
                self.disable_refresh(&definition).await?
            } else if !definition.groups.iter().any(|group| group.include) {
                let groups: Vec<_> = definition
                    .groups
                    .iter()
                    .cloned()
                    .chain([self.first_group(name)])
                    .collect();
                self.save_groups(&definition, &groups).await?
            } else {
                return Ok(definition);
            };
            definition = self.definition(definition.id).await?;
            if saved == Saved::NotVersioned {
                definition.etag = None;
            }
        }
        Err(Error::unexpected(
            DEFINE,
            "a definition without a segment does not keep what is written to it",
        ))
    }

    /// Returns all segments of a definition, deleted ones included.
    pub(super) async fn segments_of(
        &self,
        operation: &'static str,
        definition: DefinitionId,
    ) -> Result<Vec<SegmentId>, Error> {
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

    /// Looks for the row of a create whose answer was lost, until none can come any more: then it may be sent again.
    async fn wait_for_row<T>(
        &self,
        failure: Failure,
        operation: &'static str,
        tries: &mut u32,
        look: impl AsyncFn() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let reason = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Contention(refusal) => return Err(Error::DynamicsRefused(refusal)),
            Failure::Unclear(reason) => reason,
        };
        let until = Instant::now() + LATE_COMMIT;
        loop {
            if let Some(row) = look().await? {
                return Ok(Some(row));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.client().sleep(LOOK_EVERY.min(left), operation, &reason).await?;
        }
        *tries += 1;
        self.client().back_off(operation, *tries, reason).await?;
        Ok(None)
    }
}

/// Returns whether Dynamics has refused a create, so that nothing can come of it any more.
fn is_refused(error: &Error) -> bool {
    error.refusal().is_some() || matches!(error, Error::BusinessUnitUnknown { .. })
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
