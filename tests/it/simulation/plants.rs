//! Planted breakages: what passes between a worker and the world is falsified, an observation changed or an action dropped.

use super::calls::segment_of;
use super::contacts::Contacts;
use super::dataverse::Change;
use super::noticing::is_of;
use super::outcomes::Invocation;
use super::world::World;
use segment_loader::domain::{Mode, SegmentStatus};
use segment_loader::dynamics::{Definition, GroupId, Segment};
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::{Head, Job, head::Lease};
use std::collections::{BTreeMap, BTreeSet};

/// What is falsified between the workers and the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// Whoever wants the lease sees it free, and then sees it as his own.
    EveryLeaseIsGranted,
    /// No sweep is ever started.
    NobodySweeps,
    /// A group is emptied before it is listed, and automatic refresh stays on whatever is asked for.
    TruncateInPlace,
    /// The beginning of an attempt is not stored.
    NoBeginningIsNoted,
    /// The mark of a half-written draft is not stored.
    NothingIsMarked,
    /// A newer result that came after the first write is not shown before publishing.
    NothingNewIsSeen,
    /// S3's time is told by the host's clock.
    TheHostsOwnClock,
    /// Calls leave whether the fence is open or not.
    TheFenceIsOpen,
    /// Of two versions of one second S3 does not tell which lies there.
    NothingLiesThere,
    /// While an addition or removal waits after a failure, those behind it are not shown.
    WhatFailsGoesFirst,
    /// An approval names the run of whatever the file is by then.
    ApprovalsNameAnything,
    /// An approval that was given before is understood as a direct load.
    ApprovalsAreForgotten,
    /// One head that cannot be read makes every list fail.
    OneHeadStandsForAll,
    /// That Dynamics failed to compute what was published is not stored.
    NoLateFailureIsCounted,
    /// A file without anybody in it stores that what was published before was seen.
    NobodyConfirms,
    /// Each load is shown the definition that it read first, and no version of it.
    TheDefinitionIsReadOnce,
    /// Who asks for a dry run is understood to ask for a load.
    DryRunsAreLoads,
    /// The parts of a result are all of one tag, and as old as its marker.
    PartsAreNotPinned,
    /// An approval names the run of whatever parts lie beside the marker by then.
    ApprovalsNameTheMarker,
    /// Heads lie where their segments' names say, whatever the environment.
    HeadsKnowNoEnvironment,
    /// What was counted holds nobody when it is read again.
    NobodyIsFoundAgain,
    /// A description is written over whatever has become of its row.
    VersionsOfRowsAreIgnored,
    /// A list that lags shows a change of one member at once.
    EveryListSeemsFresh,
    /// Where a sweep is, is not stored.
    EverySweepBeginsAtTheBeginning,
    /// That an attempt has come to its end is not stored for whoever has to tell of it.
    NoEndIsNoted,
    /// What a segment showed before the first write is not stored, and what others publish is not seen.
    OthersPublishUnseen,
    /// Members that are missing are not stored.
    NoShortageIsNoted,
    /// What an event asked for is shown as another input than a direct load of the same.
    DirectLoadsAreOthers,
    /// A part that was replaced is told of as the marker.
    PartsAreTakenForTheMarker,
    /// Whose answer was lost sees the lease that he has taken as another's.
    OwnLeasesSeemForeign,
    /// Segments do not say what they are made of.
    EverySegmentIsOfContacts,
    /// Groups that keep contacts out are listed as empty.
    NobodyIsKeptOut,
    /// What Dynamics computes is not shown to whoever is about to publish.
    NobodySeesItBusy,
    /// That an answer was given up is forgotten.
    NothingIsAwaited,
    /// A failure with what is published already is told of no segment.
    LateFailuresNameNobody,
    /// Whoever looks whether a run has got on sees that it has.
    EveryRunGetsOn,
}

/// What the falsification remembers of one worker's work on one segment.
#[derive(Default)]
pub(super) struct Sight {
    /// The worker has begun to write, and has not published.
    pub(super) is_drafting: bool,
    /// The lease that the worker believes to have.
    lease: Option<Lease>,
    /// The owner of a lease in a head of which the worker does not know whether it has written it.
    unheard_owner: Option<String>,
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
            Some(Plant::DirectLoadsAreOthers) => tell_events_apart(&mut head),
            Some(Plant::OwnLeasesSeemForeign) => {
                let own = head
                    .lease
                    .as_mut()
                    .filter(|lease| self.unheard_owner.as_ref() == Some(&lease.owner));
                if let Some(own) = own {
                    "somebody else, as it seems, who has it".clone_into(&mut own.owner);
                }
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
            Some(Plant::DirectLoadsAreOthers) => head.pending.iter_mut().for_each(|job| job.sample = None),
            Some(Plant::NoEndIsNoted) => head.unreported = None,
            Some(Plant::NoShortageIsNoted) => head.shortage = None,
            Some(Plant::OthersPublishUnseen) => {
                head.writing.iter_mut().for_each(|writing| writing.seen = None);
                head.applied.iter_mut().for_each(|applied| applied.is_overlaid = false);
            }
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

    /// Changes what a worker sees of a segment's row.
    pub(super) fn falsify_row(&self, plant: Option<Plant>, row: Segment) -> Segment {
        match plant {
            Some(Plant::EverySegmentIsOfContacts) => Segment {
                base_entity: None,
                ..row
            },
            Some(Plant::NobodySeesItBusy) if self.is_drafting && row.status == SegmentStatus::Busy => Segment {
                status: SegmentStatus::Active,
                status_code: 1,
                ..row
            },
            _ => row,
        }
    }

    /// Takes note that nobody knows whether a head was written.
    pub(super) fn leaves_unheard(&mut self, head: &Head) {
        self.unheard_owner = head.lease.as_ref().map(|lease| lease.owner.clone());
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

impl World {
    /// Changes what people are told of a run.
    pub(super) fn falsify_told(&self, report: RunReport, by: Invocation) -> RunReport {
        let segment = report.segment_name().map(|name| segment_of(name, by.environment));
        let applied = segment.and_then(|segment| self.heads[segment].as_ref()?.applied.as_ref());
        let is_late = applied.is_some_and(|applied| report.run_id() == Some(&applied.job.run_id));
        match self.plant {
            Some(Plant::LateFailuresNameNobody) if is_late && report.outcome() == Outcome::Failed => {
                RunReport::new(Outcome::Failed)
            }
            _ => report,
        }
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

/// Lets what events ask for look like another input than what is loaded directly of the same file.
fn tell_events_apart(head: &mut Head) {
    let direct: Vec<_> = head
        .pending
        .iter()
        .filter(|job| job.direct.is_some())
        .cloned()
        .collect();
    for job in head.pending.iter_mut().filter(|job| job.direct.is_none()) {
        if direct.iter().any(|direct| direct.asks_as(job)) {
            job.sample = Some(usize::MAX);
        }
    }
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
