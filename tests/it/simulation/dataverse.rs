//! A segment in Dynamics: a draft that is written, and an audience that Publish makes of it.

use super::contacts::Contacts;

/// A segment; nothing of it exists before it is created.
#[derive(Default)]
pub(super) struct Segment {
    pub(super) exists: bool,
    /// The members of each group of the draft.
    pub(super) groups: Vec<Contacts>,
    /// With automatic refresh every change of the draft is visible at once.
    pub(super) refreshes: bool,
    /// What was published last, computed or not.
    pub(super) published: Contacts,
    /// What was published when a head last took note of it.
    pub(super) noted: Contacts,
    /// What journeys see.
    pub(super) visible: Contacts,
    pub(super) status: Status,
    /// Counts publications, so that only the last one is computed.
    pub(super) publications: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Inactive,
    Busy,
    Active,
    Failed,
}

/// What a reader of the segment learns.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) exists: bool,
    pub(super) groups: Vec<Contacts>,
    pub(super) refreshes: bool,
    pub(super) status: Status,
}

impl Segment {
    /// A segment that somebody has made and published by hand.
    pub(super) fn made_by_hand(groups: Vec<Contacts>, refreshes: bool) -> Self {
        let members = union(&groups);
        Self {
            exists: true,
            groups,
            refreshes,
            published: members,
            noted: members,
            visible: members,
            status: Status::Active,
            publications: 0,
        }
    }

    pub(super) fn draft(&self) -> Contacts {
        union(&self.groups)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            exists: self.exists,
            groups: self.groups.clone(),
            refreshes: self.refreshes,
            status: self.status,
        }
    }

    /// Creates the segment unless it is there: an unclear creation is looked up before it is repeated.
    pub(super) fn create(&mut self, refreshes: bool) {
        if !self.exists {
            *self = Self {
                exists: true,
                refreshes,
                ..Self::default()
            };
        }
    }

    pub(super) fn change(&mut self, group: usize, change: Change) {
        if let Some(members) = self.groups.get_mut(group) {
            match change {
                Change::Add(contacts) => *members |= contacts,
                Change::Remove(contacts) => *members &= !contacts,
            }
        }
        if self.refreshes {
            self.visible = self.draft();
            self.published = self.visible;
        }
    }
}

/// One call about members.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Add(Contacts),
    Remove(Contacts),
}

fn union(groups: &[Contacts]) -> Contacts {
    groups.iter().fold(0, |union, group| union | group)
}
