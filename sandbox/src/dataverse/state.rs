//! Segments, definitions, members, and what publishing and the clock do to them.

use super::modes::{Drafts, Modes, Scoping};
use super::privileges::{Depth, Role};
use super::publishing::Publishing;
use super::refusal::Refusal;
use super::tables::{Row, Table};
use crate::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// An audience: sorted contact ids, shared between the views of it.
pub type Audience = Arc<Vec<u128>>;

/// The business unit at the top, which is the application user's unless a test says otherwise.
pub const ROOT_UNIT: Uuid = Uuid::from_u128(1);
/// The column of the business unit that owns a row.
pub const OWNER: &str = "_owningbusinessunit_value";

/// The whole organization.
#[derive(Default)]
pub struct State {
    pub modes: Modes,
    pub segments: BTreeMap<Uuid, Segment>,
    pub definitions: BTreeMap<Uuid, Definition>,
    pub executions: BTreeMap<Uuid, Row>,
    pub contacts: Contacts,
    pub business_units: BTreeMap<Uuid, Row>,
    /// The application user's business unit.
    pub user_unit: Uuid,
    /// The application user's roles.
    pub roles: Vec<Role>,
    /// The clock behind the dates of rows and answers.
    pub clock: Clock,
    /// The first member of a page of a group, by how many members are before it, until anything changes: to count them off again
    /// for every page would take longer than all else.
    pub(super) page_starts: BTreeMap<(Uuid, usize), u128>,
    version: u64,
}

/// A segment row and its published audience.
#[derive(Default)]
pub struct Segment {
    pub row: Row,
    pub published: Option<Audience>,
    /// Every audience that was ever published, with the time from which it held.
    pub history: Vec<(Instant, Audience)>,
    pub publishes: u32,
    /// The words in which edits are refused, as the UI refuses them while others use the segment.
    pub locked: Option<String>,
    pub(super) publishing: Option<Publishing>,
    /// The row from before the last publish, and when that was.
    pub(super) before: Option<(Instant, Row)>,
    pub(super) next_refresh: Option<Instant>,
}

/// A definition row and the members of its groups.
#[derive(Default)]
pub struct Definition {
    pub row: Row,
    pub members: BTreeMap<Uuid, BTreeSet<u128>>,
    /// What lists still show, and for how many calls.
    pub stale: BTreeMap<Uuid, (BTreeSet<u128>, u32)>,
}

/// Which ids are contacts; without a known set every id is.
#[derive(Default)]
pub struct Contacts {
    pub known: Option<BTreeSet<u128>>,
    /// Dropped when an audience is computed: another business unit, or inactive.
    pub dropped: BTreeSet<u128>,
    /// Contacts with the state of inactive ones.
    pub inactive: BTreeSet<u128>,
    /// Those of them that were merged into another contact, which is their master.
    pub merged: BTreeSet<u128>,
    /// Whose they are that are not of the business unit at the top.
    pub units: BTreeMap<u128, Uuid>,
}

/// A group as the definition's column describes it.
#[derive(Clone, Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub group_id: String,
    pub include_type: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub input_type: String,
}

impl State {
    /// Starts with the business unit at the top and nothing else.
    pub fn with_root_unit() -> Self {
        let mut state = Self::default();
        state.add_business_unit(ROOT_UNIT, "socktown");
        state.user_unit = ROOT_UNIT;
        state.roles.push(Role {
            unit: ROOT_UNIT,
            depth: Depth::Global,
            is_of_a_team: false,
        });
        state
    }

    /// Adds a business unit.
    pub fn add_business_unit(&mut self, id: Uuid, name: &str) {
        let mut row = Row::default();
        let parent = if id == ROOT_UNIT {
            Value::Null
        } else {
            json!(ROOT_UNIT.to_string())
        };
        let fields = [
            ("name", json!(name)),
            ("isdisabled", json!(false)),
            ("_parentbusinessunitid_value", parent),
        ];
        row.change(&fields, self.next_version());
        self.business_units.insert(id, row);
    }

    /// Lets everything happen that the clock has brought; called before anything is read or changed.
    pub fn advance(&mut self, now: Instant) {
        let ids: Vec<Uuid> = self.segments.keys().copied().collect();
        for id in ids {
            self.advance_publishing(id, now);
            self.show_draft(id, now);
            self.advance_refresh(id, now);
        }
    }

    /// Finds a segment.
    pub fn segment(&mut self, id: Uuid) -> Result<&mut Segment, Refusal> {
        let missing = Refusal::no_row(Table::Segments.logical(), id);
        self.segments.get_mut(&id).ok_or(missing)
    }

    /// Finds the id of a segment's definition.
    pub fn definition_of(&mut self, id: Uuid) -> Result<Uuid, Refusal> {
        let uid = self.segment(id)?.row.fields.get("msdynmkt_sourcesegmentuid").cloned();
        let definition = uid.and_then(|uid| Uuid::try_parse(uid.as_str()?).ok());
        let definition = definition.filter(|id| self.definitions.contains_key(id));
        definition.ok_or_else(|| Refusal::plug_in("The segment definition of this segment was not found."))
    }

    /// Changes columns of a segment and gives the row a new version.
    pub fn set_segment(&mut self, id: Uuid, changes: &[(&str, Value)]) {
        let version = self.next_version();
        if let Some(segment) = self.segments.get_mut(&id) {
            segment.row.change(changes, version);
        }
    }

    /// Changes columns of a definition and gives the row a new version.
    pub fn set_definition(&mut self, id: Uuid, changes: &[(&str, Value)]) {
        let version = self.next_version();
        if let Some(definition) = self.definitions.get_mut(&id) {
            definition.row.change(changes, version);
        }
    }

    /// Returns a version that no row had before.
    pub fn next_version(&mut self) -> u64 {
        self.version += 1;
        4_000_000 + self.version
    }

    /// Computes who is in the Include groups, in no Exclude group, and visible; with scoping, only whom the segment's business
    /// unit owns.
    pub fn audience(&self, definition: Uuid) -> Audience {
        let unit = self.unit_of(definition).filter(|_| self.modes.scoping == Scoping::On);
        let Some(definition) = self.definitions.get(&definition) else {
            return Audience::default();
        };
        let (included, excluded) = (definition.members_of(true), definition.members_of(false));
        let mut audience: Vec<u128> = included.into_iter().flatten().copied().collect();
        audience.retain(|id| !excluded.iter().any(|group| group.contains(id)) && !self.contacts.dropped.contains(id));
        if let Some(unit) = unit {
            audience.retain(|id| *self.contacts.units.get(id).unwrap_or(&ROOT_UNIT) == unit);
        }
        audience.sort_unstable();
        audience.dedup();
        Arc::new(audience)
    }

    /// Returns the business unit that owns the segment of a definition.
    fn unit_of(&self, definition: Uuid) -> Option<Uuid> {
        let definition = definition.to_string();
        let shows = |segment: &&Segment| segment.row.text("msdynmkt_sourcesegmentuid") == definition;
        Uuid::try_parse(self.segments.values().find(shows)?.row.text(OWNER)).ok()
    }

    /// Where drafts are not hidden, a published segment has the members of its draft.
    fn show_draft(&mut self, id: Uuid, now: Instant) {
        if self.modes.drafts == Drafts::Hidden || !self.segments.get(&id).is_some_and(Segment::is_live) {
            return;
        }
        let Ok(definition) = self.definition_of(id) else { return };
        let audience = self.audience(definition);
        let count = audience.len();
        if let Some(segment) = self.segments.get_mut(&id)
            && segment.published.as_ref() != Some(&audience)
        {
            segment.publish_audience(audience, now);
            self.set_segment(id, &[("msdynmkt_membercount", json!(count))]);
        }
    }

    /// With refresh enabled a published segment is computed again by the clock.
    fn advance_refresh(&mut self, id: Uuid, now: Instant) {
        let Some(segment) = self.segments.get(&id) else { return };
        let due = segment
            .next_refresh
            .filter(|at| *at <= now && segment.publishing.is_none());
        let (Some(due), true) = (due, segment.is_live()) else {
            return;
        };
        let Ok(definition) = self.definition_of(id) else { return };
        let every = self.modes.refresh_every;
        let frozen = self.definitions[&definition].row.flag("msdynmkt_disablesegmentrefresh");
        let audience = (!frozen).then(|| self.audience(definition));
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let mut next = due;
        while next <= now {
            next += every;
        }
        segment.next_refresh = Some(next);
        if let Some(audience) = audience {
            let count = audience.len();
            segment.publish_audience(audience, due);
            self.set_segment(id, &[("msdynmkt_membercount", json!(count))]);
            let (at, succeeded) = (self.date(due), json!(723_270_001));
            let times = [
                ("msdynmkt_computationstartedon", at.clone()),
                ("msdynmkt_computationfinishedon", at),
                ("msdynmkt_computationstatus", succeeded),
            ];
            self.set_definition(definition, &times);
        }
    }
}

impl Segment {
    /// Starts unpublished.
    pub fn new(row: Row) -> Self {
        Self { row, ..Self::default() }
    }

    /// Refuses an edit in the words with which the segment is locked.
    pub fn editable(&self) -> Result<(), Refusal> {
        match &self.locked {
            Some(words) => Err(Refusal::plug_in(words)),
            None => Ok(()),
        }
    }

    /// Makes an audience the published one.
    pub fn publish_audience(&mut self, audience: Audience, at: Instant) {
        self.history.push((at, audience.clone()));
        self.published = Some(audience);
    }

    /// Returns the row that readers see, where it lags behind a publish for so long.
    pub(super) fn seen(&self, row_lag: Duration) -> &Row {
        let before = self.before.as_ref().filter(|(since, _)| since.elapsed() < row_lag);
        before.map_or(&self.row, |(_, row)| row)
    }

    fn is_live(&self) -> bool {
        matches!(self.row.number("statuscode"), Some(1 | 7))
    }

    /// Starts the clock of periodic evaluation, as for a segment that was published before the test.
    pub fn refresh_from(&mut self, at: Instant) {
        self.next_refresh = Some(at);
    }
}

impl Definition {
    /// Returns the groups of the definition's column; a column that cannot be read has none.
    pub fn groups(&self) -> Vec<Group> {
        let text = self
            .row
            .fields
            .get("msdynmkt_staticlistmembers")
            .and_then(Value::as_str);
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// Finds a group by id.
    pub fn has_group(&self, id: Uuid) -> bool {
        self.groups()
            .iter()
            .any(|group| Uuid::try_parse(&group.group_id) == Ok(id))
    }

    fn members_of(&self, included: bool) -> Vec<&BTreeSet<u128>> {
        let groups = self.groups();
        let ids = groups
            .iter()
            .filter(|group| (group.include_type == "Include") == included);
        ids.filter_map(|group| self.members.get(&Uuid::try_parse(&group.group_id).ok()?))
            .collect()
    }
}

impl Row {
    /// Changes columns and the version.
    pub fn change(&mut self, changes: &[(&str, Value)], version: u64) {
        for (name, value) in changes {
            self.fields.insert((*name).to_owned(), value.clone());
        }
        self.version = version;
    }

    /// Returns the `ETag` with its quotes.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    /// Returns a text column, empty where it is null.
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a number column.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name).and_then(Value::as_i64)
    }

    /// Returns a boolean column, false where it is null.
    pub fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool).unwrap_or_default()
    }
}
