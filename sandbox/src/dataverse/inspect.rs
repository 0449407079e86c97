//! What tests look at and put in directly, past the Web API.

use super::Dataverse;
use super::state::{Audience, Definition, OWNER, ROOT_UNIT, Segment, State};
use super::tables::Row;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// A segment as it stands.
#[derive(Clone, Debug)]
pub struct SegmentView {
    pub id: Uuid,
    pub definition_id: Option<Uuid>,
    pub name: String,
    pub statecode: i64,
    pub statuscode: i64,
    pub member_count: Option<i64>,
    pub etag: String,
    /// The draft: every member of an Include group, sorted.
    pub members: Vec<Uuid>,
    pub groups: Vec<GroupView>,
    /// The audience that journeys see, sorted; nothing before the first publish.
    pub published: Option<Vec<Uuid>>,
    /// Every audience ever published, in order, with the time from which it held.
    pub history: Vec<(Instant, Audience)>,
    /// Publish calls accepted.
    pub publishes: u32,
    pub query: String,
    pub refresh_disabled: bool,
    pub definition_statuscode: i64,
    /// The row of the segment.
    pub fields: Value,
    /// The row of the definition.
    pub definition: Value,
}

/// A group as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupView {
    pub id: Uuid,
    pub name: String,
    pub include: bool,
    pub count: usize,
}

/// A segment to put in.
#[derive(Clone, Debug)]
pub struct Seed {
    name: String,
    groups: Vec<(bool, Vec<Uuid>)>,
    refresh: bool,
    query: String,
    published: bool,
    statuscode: Option<i64>,
    live_journeys: u32,
    locked: Option<String>,
    unit: Uuid,
}

impl Seed {
    /// Starts a published static segment without groups and with refresh disabled.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: Vec::new(),
            refresh: false,
            query: String::new(),
            published: true,
            statuscode: None,
            live_journeys: 0,
            locked: None,
            unit: ROOT_UNIT,
        }
    }

    /// Adds an Include group.
    pub fn group(mut self, members: impl IntoIterator<Item = Uuid>) -> Self {
        self.groups.push((true, members.into_iter().collect()));
        self
    }

    /// Adds an Exclude group.
    pub fn exclude(mut self, members: impl IntoIterator<Item = Uuid>) -> Self {
        self.groups.push((false, members.into_iter().collect()));
        self
    }

    /// Lets another business unit than the one at the top own it.
    pub fn owned_by(mut self, unit: Uuid) -> Self {
        self.unit = unit;
        self
    }

    /// Leaves the periodic refresh on, as a segment made elsewhere has it.
    pub fn with_refresh(mut self) -> Self {
        self.refresh = true;
        self
    }

    /// Gives the segment a query: it is dynamic.
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Leaves the segment a draft that was never published.
    pub fn draft(mut self) -> Self {
        self.published = false;
        self
    }

    /// Sets the status code, such as 9 (Stopped).
    pub fn status(mut self, statuscode: i64) -> Self {
        self.statuscode = Some(statuscode);
        self
    }

    /// Says that live journeys use the segment; edits are still allowed.
    pub fn live_journeys(mut self, count: u32) -> Self {
        self.live_journeys = count;
        self
    }

    /// Refuses every edit because a live journey uses the segment.
    pub fn locked_by_journey(self) -> Self {
        self.locked("The segment can't be edited because it's used in a live journey. Stop the journey first.")
            .live_journeys(1)
    }

    /// Refuses every edit in these words.
    pub fn locked(mut self, words: &str) -> Self {
        self.locked = Some(words.to_owned());
        self
    }
}

impl Dataverse {
    /// Returns the only segment of this name; fails the test where there is none or more.
    pub fn segment(&self, name: &str) -> SegmentView {
        let mut found = self.segments(name);
        assert_eq!(found.len(), 1, "segments named {name:?}");
        found.remove(0)
    }

    /// Returns every segment of exactly this name.
    pub fn segments(&self, name: &str) -> Vec<SegmentView> {
        self.edit(|state| {
            let named = |segment: &Segment| segment.row.text("msdynmkt_displayname") == name;
            let found = state.segments.iter().filter(|(_, segment)| named(segment));
            found.map(|(id, segment)| view(state, *id, segment)).collect()
        })
    }

    /// Returns the ids of all definitions.
    pub fn definitions(&self) -> Vec<Uuid> {
        self.edit(|state| state.definitions.keys().copied().collect())
    }

    /// Puts a segment in and returns its id.
    pub fn seed_segment(&self, seed: Seed) -> Uuid {
        self.edit(|state| state.plant(seed))
    }

    /// Says how many live journeys use a segment, and which segments build on it.
    pub fn set_users(&self, segment: Uuid, journeys: u32, segments: &[Uuid]) {
        let ids: Vec<_> = segments.iter().map(Uuid::to_string).collect();
        self.edit(|state| {
            let definition = state.definition_of(segment).expect("it has one");
            state.set_segment(segment, &[("msdynmkt_publishedjourneycount", json!(journeys))]);
            state.set_definition(definition, &[("msdynmkt_dependentsegmentids", json!(ids.join(",")))]);
        });
    }

    /// Says in which words edits of a segment are refused from now on; without any they are made.
    pub fn lock(&self, segment: Uuid, words: Option<&str>) {
        self.edit(|state| {
            let segment = state.segment(segment).expect("the segment is there");
            segment.locked = words.map(str::to_owned);
        });
    }

    /// Puts in a draft definition that no segment names, as a create that broke in the middle leaves it.
    pub fn seed_orphan(&self, name: &str) -> Uuid {
        self.edit(|state| {
            let segment = state.plant(Seed::named(name).group([]).draft());
            let definition = state.definition_of(segment).expect("it was put in with its definition");
            state.segments.remove(&segment);
            definition
        })
    }

    /// Says which ids are contacts; until then every id is.
    pub fn set_known_contacts(&self, ids: impl IntoIterator<Item = Uuid>) {
        let known = ids.into_iter().map(|id| id.as_u128()).collect();
        self.edit(|state| state.contacts.known = Some(known));
    }

    /// Says which contacts were merged into another one, which makes them inactive.
    pub fn merge_away(&self, ids: impl IntoIterator<Item = Uuid>) {
        let merged: BTreeSet<u128> = ids.into_iter().map(|id| id.as_u128()).collect();
        self.edit(|state| {
            state.contacts.inactive.extend(&merged);
            state.contacts.merged.extend(merged);
        });
    }

    /// Says which contacts vanish when an audience is computed (another business unit, inactive).
    pub fn drop_at_compute(&self, ids: impl IntoIterator<Item = Uuid>) {
        let dropped: BTreeSet<u128> = ids.into_iter().map(|id| id.as_u128()).collect();
        self.edit(|state| state.contacts.dropped = dropped);
    }
}

impl State {
    fn plant(&mut self, seed: Seed) -> Uuid {
        let (id, definition_id) = (Uuid::new_v4(), Uuid::new_v4());
        let mut definition = Definition::default();
        let mut groups = Vec::new();
        for (index, (include, members)) in seed.groups.into_iter().enumerate() {
            let group = Uuid::new_v4();
            groups.push(json!({
                "groupId": group.to_string(), "includeType": if include { "Include" } else { "Exclude" },
                "name": format!("Group {}", index + 1), "inputType": "manualSelect",
            }));
            let members = members.into_iter().map(|id| id.as_u128()).collect();
            definition.members.insert(group, members);
        }
        let live = if seed.published { 723_270_000 } else { 723_270_001 };
        definition.row.change(
            &[
                ("msdynmkt_name", json!(seed.name)),
                ("msdynmkt_segmentquery", json!(seed.query)),
                ("statecode", json!(0)),
                ("statuscode", json!(live)),
                ("msdynmkt_staticlistmembers", json!(Value::Array(groups).to_string())),
                ("msdynmkt_disablesegmentrefresh", json!(!seed.refresh)),
            ],
            self.next_version(),
        );
        self.definitions.insert(definition_id, definition);

        let status = seed.statuscode.unwrap_or(if seed.published { 1 } else { 2 });
        let audience: Option<Audience> = seed.published.then(|| self.audience(definition_id));
        let mut row = Row::default();
        row.change(
            &[
                ("msdynmkt_displayname", json!(seed.name)),
                ("msdynmkt_type", json!(if seed.published { 11 } else { 10 })),
                ("msdynmkt_source", json!(12)),
                ("msdynmkt_baseentitylogicalname", json!("contact")),
                ("statecode", json!(i64::from(status != 1))),
                ("statuscode", json!(status)),
                ("msdynmkt_sourcesegmentuid", json!(definition_id.to_string())),
                (
                    "msdynmkt_membercount",
                    json!(audience.as_ref().map(|audience| audience.len())),
                ),
                ("msdynmkt_publishedjourneycount", json!(seed.live_journeys)),
                (OWNER, json!(seed.unit.to_string())),
            ],
            self.next_version(),
        );
        let mut segment = Segment::new(row);
        segment.locked = seed.locked;
        if let Some(audience) = audience {
            let now = Instant::now();
            segment.publish_audience(audience, now);
            segment.refresh_from(now + self.modes.refresh_every);
        }
        self.segments.insert(id, segment);
        id
    }
}

fn view(state: &State, id: Uuid, segment: &Segment) -> SegmentView {
    let definition_id = Uuid::try_parse(segment.row.text("msdynmkt_sourcesegmentuid")).ok();
    let definition = definition_id.and_then(|id| state.definitions.get(&id));
    let groups: Vec<GroupView> = definition.map(group_views).unwrap_or_default();
    let mut members: Vec<u128> = Vec::new();
    if let Some(definition) = definition {
        let included = groups.iter().filter(|group| group.include);
        let sets = included.filter_map(|group| definition.members.get(&group.id));
        members.extend(sets.flatten());
        members.sort_unstable();
        members.dedup();
    }
    let row = definition.map(|definition| definition.row.clone()).unwrap_or_default();
    SegmentView {
        id,
        definition_id,
        name: segment.row.text("msdynmkt_displayname").to_owned(),
        statecode: segment.row.number("statecode").unwrap_or_default(),
        statuscode: segment.row.number("statuscode").unwrap_or_default(),
        member_count: segment.row.number("msdynmkt_membercount"),
        etag: segment.row.etag(),
        members: members.into_iter().map(Uuid::from_u128).collect(),
        groups,
        published: segment.published.as_ref().map(uuids),
        history: segment.history.clone(),
        publishes: segment.publishes,
        query: row.text("msdynmkt_segmentquery").to_owned(),
        refresh_disabled: row.flag("msdynmkt_disablesegmentrefresh"),
        definition_statuscode: row.number("statuscode").unwrap_or_default(),
        fields: Value::Object(segment.row.fields.clone()),
        definition: Value::Object(row.fields),
    }
}

fn group_views(definition: &Definition) -> Vec<GroupView> {
    let groups = definition.groups().into_iter();
    groups
        .filter_map(|group| {
            let id = Uuid::try_parse(&group.group_id).ok()?;
            Some(GroupView {
                id,
                name: group.name,
                include: group.include_type == "Include",
                count: definition.members.get(&id).map_or(0, BTreeSet::len),
            })
        })
        .collect()
}

fn uuids(audience: &Arc<Vec<u128>>) -> Vec<Uuid> {
    audience.iter().map(|id| Uuid::from_u128(*id)).collect()
}
