//! Planted breakages: what passes between a worker and the world is falsified, an observation changed or an action dropped.

use super::Plant;
use super::contacts::Contacts;
use super::dataverse::Change;
use super::noticing::is_of;
use segment_loader::domain::Mode;
use segment_loader::dynamics::{Definition, GroupId};
use segment_loader::state::{Head, Job, head::Lease};
use std::collections::{BTreeMap, BTreeSet};

/// What the falsification remembers of one worker's work on one segment.
#[derive(Default)]
pub(super) struct Sight {
    /// The worker has begun to write, and has not published.
    pub(super) is_drafting: bool,
    /// The lease that the worker believes to have.
    lease: Option<Lease>,
    /// What it was not shown of the heads that it read, by their versions.
    hidden: BTreeMap<String, Vec<Job>>,
    /// The groups that were emptied before they were listed.
    emptied: BTreeSet<GroupId>,
    /// How many files without anybody in them the head that was read last has counted, and others.
    counted: usize,
    /// The definition that was read first.
    definition: Option<Definition>,
    /// The last change, where it was of one member.
    pub(super) changed_alone: Option<(GroupId, Change)>,
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
            Some(Plant::WhatFailsGoesFirst) => {
                let hidden = hide_behind_a_failure(&mut head);
                self.hidden.insert(head.nonce.clone(), hidden);
            }
            _ => {}
        }
        self.counted = head.counted.len();
        head
    }

    /// Changes what a worker writes in place of the version `replacing`.
    pub(super) fn falsify_written(&mut self, plant: Option<Plant>, mut head: Head, replacing: Option<&str>) -> Head {
        match plant {
            Some(Plant::EveryLeaseIsGranted) => self.lease.clone_from(&head.lease),
            Some(Plant::NothingIsMarked) => head.writing = None,
            Some(Plant::NoBeginningIsNoted) => head.attempt = None,
            Some(Plant::NothingNewIsSeen | Plant::WhatFailsGoesFirst) => {
                let hidden = replacing.and_then(|etag| self.hidden.get(etag));
                for job in hidden.into_iter().flatten() {
                    if !head.pending.contains(job) {
                        head.pending.push(job.clone());
                    }
                }
            }
            Some(Plant::NoLateFailureIsCounted) => {
                if let Some(unseen) = head.applied.as_ref().filter(|applied| !applied.confirmed) {
                    head.input_failures.retain(|failures| !is_of(failures, &unseen.job));
                    head.failures = None;
                }
            }
            Some(Plant::NobodyConfirms) if head.counted.len() > self.counted => {
                head.applied.iter_mut().for_each(|applied| applied.confirmed = true);
            }
            _ => {}
        }
        head
    }

    /// Changes what a worker sees of a definition.
    pub(super) fn falsify_definition(&mut self, plant: Option<Plant>, definition: Definition) -> Definition {
        match plant {
            Some(Plant::TruncateInPlace) => Definition {
                refresh_disabled: true,
                ..definition
            },
            Some(Plant::TheDefinitionIsReadOnce) => {
                let unversioned = Definition {
                    etag: None,
                    ..definition
                };
                self.definition.get_or_insert(unversioned).clone()
            }
            _ => definition,
        }
    }

    /// Changes what a worker sees of a list of members.
    pub(super) fn falsify_listed(&self, plant: Option<Plant>, group: &GroupId, members: Contacts) -> Contacts {
        match &self.changed_alone {
            Some((of, change)) if plant == Some(Plant::EveryListSeemsFresh) && of == group => match change {
                Change::Add(contacts) => members | contacts,
                Change::Remove(contacts) => members & !contacts,
            },
            _ => members,
        }
    }

    /// Forgets the definition, which the worker has changed.
    pub(super) fn defines_anew(&mut self) {
        self.definition = None;
    }

    /// Returns whether a group was not yet emptied for this load.
    pub(super) fn is_first_look_at(&mut self, group: &GroupId) -> bool {
        self.emptied.insert(group.clone())
    }

    /// Forgets what belongs to a load that is now published.
    pub(super) fn published(&mut self) {
        self.is_drafting = false;
        self.definition = None;
        self.emptied.clear();
    }
}

/// Takes out the replaces that are newer than what is being written.
fn hide_newer(head: &mut Head) -> Vec<Job> {
    let Some(writing) = &head.writing else {
        return Vec::new();
    };
    let written = head.pending.iter().filter(|job| job.run_id == writing.run_id);
    let Some(written) = written.max_by_key(|job| job.rank()).cloned() else {
        return Vec::new();
    };
    let is_newer = |job: &mut Job| job.mode == Mode::Replace && job.rank() > written.rank();
    head.pending.extract_if(.., is_newer).collect()
}

/// Takes out the additions and removals that come behind one that has failed.
fn hide_behind_a_failure(head: &mut Head) -> Vec<Job> {
    let has_failed =
        |job: &&Job| job.mode != Mode::Replace && head.input_failures.iter().any(|failures| is_of(failures, job));
    let failed = head.pending.iter().filter(has_failed).min_by_key(|job| job.rank());
    let Some(failed) = failed.cloned() else {
        return Vec::new();
    };
    let is_behind = |job: &mut Job| job.mode != Mode::Replace && job.rank() > failed.rank();
    head.pending.extract_if(.., is_behind).collect()
}
