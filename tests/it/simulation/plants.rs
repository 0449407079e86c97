//! Planted breakages: what passes between a worker and the world is falsified, an observation changed or an action dropped.

use super::Plant;
use segment_loader::domain::Mode;
use segment_loader::dynamics::GroupId;
use segment_loader::state::{Head, Wish, head::Lease};
use std::collections::{BTreeMap, BTreeSet};

/// What the falsification remembers of one worker's work on one segment.
#[derive(Default)]
pub(super) struct Sight {
    /// The worker has begun to write, and has not published.
    pub(super) is_drafting: bool,
    /// The lease that the worker believes to have.
    lease: Option<Lease>,
    /// What it was not shown of the heads that it read, by their versions.
    hidden: BTreeMap<String, Vec<Wish>>,
    /// The groups that were emptied before they were listed.
    emptied: BTreeSet<GroupId>,
}

impl Sight {
    /// Changes what a worker sees of a head.
    pub(super) fn falsify_seen(&mut self, plant: Option<Plant>, mut head: Head) -> Head {
        match plant {
            Some(Plant::EveryLeaseIsGranted) => head.lease.clone_from(&self.lease),
            Some(Plant::NothingNewIsSeen) if self.is_drafting => {
                let hidden = hide_newer(&mut head);
                self.hidden.insert(head.nonce.clone(), hidden);
            }
            _ => {}
        }
        head
    }

    /// Changes what a worker writes in place of the version `replacing`.
    pub(super) fn falsify_written(&mut self, plant: Option<Plant>, mut head: Head, replacing: Option<&str>) -> Head {
        match plant {
            Some(Plant::EveryLeaseIsGranted) => self.lease.clone_from(&head.lease),
            Some(Plant::NothingIsMarked) => head.writing = None,
            Some(Plant::NoBeginningIsNoted) => head.attempt = None,
            Some(Plant::NothingNewIsSeen) => {
                let hidden = replacing.and_then(|etag| self.hidden.get(etag));
                head.pending.extend(hidden.into_iter().flatten().cloned());
            }
            _ => {}
        }
        head
    }

    /// Tells whether a group was not yet emptied for this load.
    pub(super) fn is_first_look_at(&mut self, group: &GroupId) -> bool {
        self.emptied.insert(group.clone())
    }

    /// Forgets what belongs to a load that is now published.
    pub(super) fn published(&mut self) {
        self.is_drafting = false;
        self.emptied.clear();
    }
}

/// Takes out the replaces that are newer than what is being written.
fn hide_newer(head: &mut Head) -> Vec<Wish> {
    let Some(writing) = &head.writing else {
        return Vec::new();
    };
    let written = head.pending.iter().filter(|wish| wish.run_id == writing.run_id);
    let Some(written) = written.max_by_key(|wish| wish.rank()).cloned() else {
        return Vec::new();
    };
    let is_newer = |wish: &mut Wish| wish.mode == Mode::Replace && wish.rank() > written.rank();
    head.pending.extract_if(.., is_newer).collect()
}
