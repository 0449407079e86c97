//! A segment in Dynamics: a draft that is written, and an audience that Publish makes of it.

use super::contacts::Contacts;
use super::marketer::Edits;
use super::world::{LEASE, dynamics_time};
use segment_loader::domain::{Computation, SegmentStatus};
use segment_loader::dynamics::{Definition, DefinitionId, Group, GroupId, Saved, Segment as Row, SegmentId};
use uuid::Uuid;

/// How long it may take from a look at the row to what follows from it.
pub(super) const LONGEST_LOOK: u64 = 2 * LEASE;

/// A segment; nothing of it exists before it is created.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Segment {
    pub(super) exists: bool,
    /// The groups of the draft, and the members of each.
    pub(super) groups: Vec<(Group, Contacts)>,
    /// It is made of leads, which no result holds.
    pub(super) is_of_leads: bool,
    /// The people whom a query adds; a static segment has none.
    pub(super) queried: Contacts,
    /// When a query was added or taken out.
    pub(super) queried_at: Option<u64>,
    /// With automatic refresh every change of the draft is visible at once.
    pub(super) refreshes: bool,
    /// A marketer has switched it on.
    pub(super) is_refreshed_by_hand: bool,
    pub(super) edits: Edits,
    /// Whom groups kept out when it was published last.
    pub(super) excluded: Contacts,
    /// All whom groups ever kept out.
    pub(super) ever_excluded: Contacts,
    /// What was published last, computed or not.
    pub(super) published: Contacts,
    /// What was published when a head last took note of it.
    pub(super) noted: Contacts,
    /// What journeys see.
    pub(super) visible: Contacts,
    pub(super) status: Status,
    /// Until when readers still see the row as it was before the last publication.
    stale: Option<(u64, Seen)>,
    /// When the row has changed last.
    changed_at: u64,
    /// When the audience was computed last, where definitions say so.
    computation: Option<Computation>,
    /// Counts the changes of the definition.
    pub(super) edition: u64,
    /// What the row says about itself to people.
    pub(super) description: String,
    /// Counts the changes of the row, whatever they are.
    pub(super) version: u64,
    /// What others have published since we did.
    pub(super) others: Option<Contacts>,
    /// What journeys see was published by others.
    pub(super) is_shown_by_others: bool,
    /// What journeys see lacks members of what was published.
    pub(super) is_short: bool,
    /// Counts publications, so that only the last one is computed.
    pub(super) publications: u64,
    /// Until when Dynamics has something to compute.
    pub(super) busy_until: u64,
    /// What groups held before: until when, and whom.
    past: Vec<(GroupId, u64, Contacts)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Inactive,
    Busy,
    Active,
    Failed,
    Stopped,
    Expired,
}

/// What a reader of the segment's row learns.
#[derive(Clone)]
struct Seen {
    status: Status,
    members: Option<u64>,
    description: String,
    version: u64,
}

impl Segment {
    /// A segment that somebody has made and published by hand.
    pub(super) fn made_by_hand(groups: Vec<Contacts>, refreshes: bool, tells_times: bool) -> Self {
        let members = groups.iter().fold(0, |union, group| union | group);
        Self {
            exists: true,
            groups: groups
                .into_iter()
                .map(|group| (Group::fresh("by hand"), group))
                .collect(),
            refreshes,
            published: members,
            noted: members,
            visible: members,
            status: Status::Active,
            computation: tells_times.then(Computation::default),
            ..Self::default()
        }
    }

    /// Returns the members of all groups that include.
    pub(super) fn draft(&self) -> Contacts {
        self.members_of(true)
    }

    /// Returns those whom Dynamics would count if it computed the draft.
    pub(super) fn audience(&self) -> Contacts {
        (self.draft() | self.queried) & !self.members_of(false)
    }

    fn members_of(&self, including: bool) -> Contacts {
        let groups = self.groups.iter().filter(|(group, _)| group.include == including);
        groups.fold(0, |union, (_, members)| union | members)
    }

    /// Returns whether a query makes the segment dynamic, or did so a moment ago.
    fn is_dynamic(&self, now: u64) -> bool {
        self.queried != 0 || self.queried_at.is_some_and(|at| now < at + LONGEST_LOOK)
    }

    /// Returns whether no result may be loaded into it at `now`, or could not be a moment ago.
    pub(super) fn takes_no_result(&self, now: u64) -> bool {
        self.is_of_leads || self.is_dynamic(now)
    }

    /// Returns the row as it is seen at `now`.
    pub(super) fn row(&self, index: usize, now: u64) -> Row {
        let stale = self.stale.clone().filter(|(until, _)| now < *until);
        let Seen {
            status,
            members,
            description,
            version,
        } = stale.map_or_else(|| self.seen(), |(_, seen)| seen);
        let code = match status {
            Status::Inactive => 2,
            Status::Busy => 8,
            Status::Active => 1,
            Status::Failed => 3,
            Status::Stopped => 9,
            Status::Expired => 10,
        };
        Row {
            id: id_of(index),
            definition_id: DefinitionId(id_of(index).0),
            status: SegmentStatus::of(code),
            status_code: code,
            member_count: members,
            base_entity: Some(if self.is_of_leads { "lead" } else { "contact" }.to_owned()),
            published_journeys: None,
            description: Some(description),
            etag: Some(version.to_string()),
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            status: self.status,
            members: (self.status != Status::Inactive).then(|| self.visible.count_ones().into()),
            description: self.description.clone(),
            version: self.version,
        }
    }

    pub(super) fn definition(&self, index: usize) -> Definition {
        Definition {
            id: DefinitionId(id_of(index).0),
            query: if self.queried == 0 {
                String::new()
            } else {
                "a query".to_owned()
            },
            groups: self.groups.iter().map(|(group, _)| group.clone()).collect(),
            refresh_disabled: !self.refreshes,
            dependents: None,
            computation: self.computation,
            etag: Some(self.edition.to_string()),
        }
    }

    /// Creates the segment unless it is there: an unclear creation is looked up before it is repeated.
    pub(super) fn create(&mut self, description: &str, refreshes: bool, tells_times: bool) {
        if !self.exists {
            *self = Self {
                exists: true,
                refreshes,
                computation: tells_times.then(Computation::default),
                groups: vec![(Group::fresh("ours"), 0)],
                description: description.to_owned(),
                ..Self::default()
            };
        }
    }

    /// Takes the draft for the audience.
    pub(super) fn take_the_draft(&mut self, now: u64) {
        self.published = self.audience();
        self.others = None;
        self.excluded = self.members_of(false);
        self.ever_excluded |= self.excluded;
        self.edits.publish(now);
    }

    /// Returns whether it is Active, and its definition says when it was computed last.
    pub(super) fn tells_when_it_was_computed(&self) -> bool {
        let finished = self.computation.and_then(|computation| computation.finished);
        self.status == Status::Active && finished.is_some()
    }

    /// Is busy from now on with computing the draft; for a while readers may still see the earlier row.
    pub(super) fn begin_computing(&mut self, now: u64, stale_until: u64) {
        // One step behind at most: what has changed just now was not yet seen by whoever publishes.
        let is_settled = now >= self.changed_at + LONGEST_LOOK;
        self.stale = is_settled.then(|| (stale_until, self.seen()));
        self.publications += 1;
        if self.is_to_wait(now) {
            // Dynamics is busy already: only the row's version tells of one more.
            self.version += 1;
            self.changed_at = now;
        } else {
            self.show(Status::Busy, now);
        }
    }

    /// Returns whether what is published at `now` is computed after what was published before.
    pub(super) fn is_to_wait(&self, now: u64) -> bool {
        self.status == Status::Busy && now < self.busy_until
    }

    /// Shows journeys the draft as it is.
    pub(super) fn show_audience(&mut self) {
        self.visible = self.audience();
        self.is_short = false;
    }

    /// Shows another status.
    pub(super) fn show(&mut self, status: Status, now: u64) {
        self.status = status;
        self.version += 1;
        if let Some(computation) = &mut self.computation {
            let time = Some(dynamics_time(now));
            match status {
                Status::Busy => computation.started = time,
                Status::Active | Status::Failed => computation.finished = time,
                Status::Inactive | Status::Stopped | Status::Expired => {}
            }
            computation.has_failed = status == Status::Failed;
        }
        self.changed_at = now;
    }

    /// Returns whether everybody who began to look a while ago has seen what was published last.
    pub(super) fn is_well_known(&self, now: u64) -> bool {
        let seen_since = self.changed_at.max(self.stale.as_ref().map_or(0, |(until, _)| *until));
        self.status == Status::Active && now >= seen_since + LONGEST_LOOK
    }

    /// Returns whether a group keeps contacts out.
    pub(super) fn keeps_out(&self, group: &GroupId) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|(existing, _)| existing.id == *group && !existing.include)
    }

    pub(super) fn members(&self, group: &GroupId) -> Contacts {
        let found = self.groups.iter().find(|(existing, _)| existing.id == *group);
        found.map_or(0, |(_, members)| *members)
    }

    /// Returns the members that a group had at some moment.
    pub(super) fn members_at(&self, group: &GroupId, moment: u64) -> Contacts {
        let mut past = self.past.iter();
        let then = past.find(|(of, until, _)| of == group && moment < *until);
        then.map_or_else(|| self.members(group), |(.., members)| *members)
    }

    pub(super) fn change(&mut self, group: &GroupId, change: Change, now: u64) {
        if let Some((_, members)) = self.groups.iter_mut().find(|(existing, _)| existing.id == *group) {
            self.past.push((group.clone(), now, *members));
            match change {
                Change::Add(contacts) => *members |= contacts,
                Change::Remove(contacts) => *members &= !contacts,
            }
        }
        if self.refreshes {
            self.show_audience();
            if self.is_refreshed_by_hand {
                self.edits.is_shown = true;
            } else {
                self.published = self.visible;
            }
        }
    }

    /// Changes the definition, where it is still of the version that was read.
    pub(super) fn save(&mut self, etag: Option<&str>, change: impl FnOnce(&mut Self)) -> Saved {
        if etag.is_some_and(|etag| etag != self.edition.to_string()) {
            return Saved::Outdated;
        }
        self.edition += 1;
        change(self);
        Saved::Done
    }

    /// Replaces the groups; one that stays keeps its members.
    pub(super) fn replace_groups(&mut self, groups: &[Group]) {
        let with_members = |group: &Group| (group.clone(), self.members(&group.id));
        self.groups = groups.iter().map(with_members).collect();
    }
}

/// One call about members.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Add(Contacts),
    Remove(Contacts),
}

impl Change {
    /// Tells it, for a person who looks into a seed.
    pub(super) fn told(self) -> String {
        match self {
            Self::Add(contacts) => format!("adds {contacts:032x}"),
            Self::Remove(contacts) => format!("removes {contacts:032x}"),
        }
    }
}

/// Returns the key of the segment with this index.
pub(super) fn id_of(index: usize) -> SegmentId {
    SegmentId(Uuid::from_u128(index as u128 + 1))
}

/// Returns the index of the segment with this key.
pub(super) fn index_of(id: Uuid) -> usize {
    usize::try_from(id.as_u128() - 1).unwrap()
}
