//! What an attempt at a job learned and did, as data: the stages return it, and reports are made of it.

use super::{Audience, LeftBehind, Outcome, Past, PhaseTimes};
use crate::domain::{ContactId, NearNames, ObjectRef, OlderFiles, UsedBy};
use crate::error::Error;
use crate::means::Leftovers;
use crate::reconcile::{Converged, Evaluation, Shown};
use crate::source::{ObjectVersion, Rejected, Remark};
use crate::state::{Change, Job, Shortfall, Undone};
use std::time::Duration;

/// What one attempt at a job learned and did, stage by stage; what it did not come to is none.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What the head told before.
    pub(crate) past: Past,
    pub(crate) reading: Reading,
    pub(crate) comparison: Comparison,
    pub(crate) writing: Writing,
}

/// What was learned of the files of a result.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) parts: Vec<ObjectVersion>,
    /// What the source says about the files.
    pub(crate) remarks: Vec<Remark>,
    /// Files that may be left over from an earlier result.
    pub(crate) older_files: Option<OlderFiles>,
    pub(crate) content: Option<Content>,
    /// The rows without a valid contact id.
    pub(crate) rejected: Rejected,
    /// How many additions and removals that were counted before go over it, since they are newer.
    pub(crate) newer: usize,
    /// Those of them, all removals, that took some of its contacts out.
    pub(crate) removals: Vec<ObjectRef>,
    /// The additions and removals that are newer and that it undoes, as far as it says otherwise.
    pub(crate) undone: Undone,
}

/// What the files of a result hold, in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    pub(crate) rows: u64,
    pub(crate) contacts: usize,
    pub(crate) duplicates: u64,
}

/// What was learned of the segment and its difference to what is desired.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// The segment, where there is one.
    pub(crate) found: Option<Found>,
    /// What has become of the segment that was loaded last, where another one is meant now.
    pub(crate) left: Option<LeftBehind>,
    /// What comes near the name of a segment that is to be made; `None` if none is.
    pub(crate) beside: Option<NearNames>,
    /// How many ids were looked up among the contacts, where the destination wants it.
    pub(crate) looked_up: Option<usize>,
    /// Those of them that are no contacts, sorted.
    pub(crate) not_found: Vec<ContactId>,
    /// Those that are inactive, sorted.
    pub(crate) inactive: Vec<ContactId>,
    /// Those that were merged into others, sorted.
    pub(crate) merged: Vec<ContactId>,
    pub(crate) difference: Option<Difference>,
    /// How many members journeys see, where people have taken some out of the draft since it was published.
    pub(crate) shown_before: Option<u64>,
    /// The destination forbids loads into segments in use, and Dynamics does not tell whether this one is.
    pub(crate) is_use_unknown: bool,
    /// What each guard says.
    pub(crate) evaluations: Vec<Evaluation>,
}

/// What was done to the segment.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    /// Set where there was nothing to write and nothing to publish.
    pub(crate) is_settled: bool,
    /// The jobs that count no more, since this one does.
    pub(crate) overtaken: Vec<Job>,
    /// How many members were published before an attempt that began to write and did not come to its end.
    pub(crate) begun_with: Option<u64>,
    /// The segment that is written to, from the first write on.
    pub(crate) segment_id: Option<String>,
    /// Its automatic refresh was on, and was switched off.
    pub(crate) refresh_was_on: bool,
    pub(crate) written: Option<Written>,
    /// Contacts that Dynamics refused or dropped, sorted.
    pub(crate) not_accepted: Vec<ContactId>,
    /// Dynamics has computed the segment while it was written, and it was not this function that published it.
    pub(crate) is_computed_by_others: bool,
    /// How the segment shows what was published, where it does.
    pub(crate) shown: Option<Shown>,
    /// Why the segment's description does not tell of the run, where it should.
    pub(crate) undescribed: Option<String>,
    /// What follows from members that are missing.
    pub(crate) missing: Option<Missing>,
    /// Whom Exclude groups keep out; `None` if they keep out nobody.
    pub(crate) kept_out: Option<KeptOut>,
}

/// How many members no journey sees, since Exclude groups keep them out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptOut {
    /// How many they are.
    pub(crate) count: u64,
    /// How many members there are in all.
    pub(crate) members: u64,
}

/// What follows from members that were published and are not shown.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) shortfall: Shortfall,
    /// Who they are, sorted; `None` if nobody asked, or Dynamics does not tell.
    pub(crate) who: Option<Vec<ContactId>>,
}

/// A segment as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) segment_id: String,
    /// What uses it, where Dynamics tells.
    pub(crate) used_by: Option<UsedBy>,
    /// Whom it shows to journeys, where that is what was loaded last.
    pub(crate) journeys: Option<Audience>,
    /// No earlier run had loaded it.
    pub(crate) is_taken_over: bool,
    /// It was published before, and shows its audience no more.
    pub(crate) lapsed: Option<Lapsed>,
}

/// Why a published segment shows its audience no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapsed {
    /// Somebody stopped it.
    Stopped,
    /// It was not used for too long.
    Expired,
}

/// How the segment is to change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// The contacts desired that exist, as far as they were looked up.
    pub(crate) desired: usize,
    pub(crate) members_before: usize,
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// How the segment was changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) added: usize,
    pub(crate) removed: usize,
    /// Its groups were saved without regard to their version, since the table knows none.
    pub(crate) is_unversioned: bool,
}

impl Written {
    pub(crate) const fn of(converged: &Converged) -> Self {
        Self {
            added: converged.added,
            removed: converged.removed,
            is_unversioned: converged.is_unversioned,
        }
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The job is carried out.
    Done(Outcome),
    /// It is not, or not yet.
    Failed {
        /// What became of it.
        outcome: Outcome,
        /// Why.
        error: Error,
        /// The segment's last runs all failed.
        needs_attention: bool,
    },
    /// A dry run came to its end.
    DryRun(Estimate),
    /// A dry run came to nothing.
    FailedDryRun(Error),
}

/// What a load would cost, about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Dataverse calls.
    pub(crate) requests: u64,
    pub(crate) duration: Duration,
}

/// What an attempt has cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) requests: u64,
    pub(crate) throttled: Duration,
    pub(crate) duration: Duration,
    pub(crate) phases: PhaseTimes,
}

impl Writing {
    /// Returns how the segment was changed by a file with so many rejected rows; what an attempt before has changed nobody has
    /// counted.
    pub(crate) fn change(&self, rejected: u64) -> Option<Change> {
        let written = self.written?;
        let members = (written.added as u64, written.removed as u64);
        Some(Change {
            members: self.begun_with.is_none().then_some(members),
            rejected,
        })
    }
}

impl Difference {
    /// Returns how many members are to be added and removed.
    pub(crate) const fn size(self) -> u64 {
        (self.added + self.removed) as u64
    }
}

impl KeptOut {
    /// Compares the members with those whom Dynamics is to count; `None` if it is to count them all.
    pub(crate) fn of(members: u64, counted: u64) -> Option<Self> {
        let count = members.saturating_sub(counted);
        (count > 0).then_some(Self { count, members })
    }

    /// Returns whether nobody is left.
    pub(crate) const fn is_everybody(self) -> bool {
        self.count == self.members
    }
}

impl Missing {
    /// Returns who is missing, as far as it is known.
    pub(super) fn those(missing: Option<&Self>) -> &[ContactId] {
        missing.and_then(|missing| missing.who.as_deref()).unwrap_or_default()
    }
}

impl Account {
    /// Returns what of the result did not come into the segment.
    pub(crate) fn leftovers(&self) -> Leftovers<'_> {
        Leftovers {
            parts: &self.reading.parts,
            rejected: Some(&self.reading.rejected),
            not_found: &self.comparison.not_found,
            inactive: &self.comparison.inactive,
            merged: &self.comparison.merged,
            not_accepted: &self.writing.not_accepted,
            not_shown: Missing::those(self.writing.missing.as_ref()),
        }
    }

    /// Returns how many of the contacts the segment holds, or is to hold, and of how many; nothing as long as that cannot
    /// be told.
    pub(super) fn match_rate(&self) -> Option<(usize, usize)> {
        let Self {
            comparison, writing, ..
        } = self;
        let is_told = comparison.looked_up.is_some() || writing.is_settled || writing.written.is_some();
        let desired = comparison.difference.filter(|_| is_told)?.desired;
        let not_accepted = writing.written.map_or(0, |_| writing.not_accepted.len());
        Some((desired - not_accepted, desired + comparison.not_found.len()))
    }

    /// Returns what uses the segment, where Dynamics tells.
    pub(crate) fn used_by(&self) -> Option<&UsedBy> {
        self.comparison.found.as_ref()?.used_by.as_ref()
    }

    /// Returns whether the change is more than a plan that a run has begun to carry out, and not come so far as to know it.
    pub(super) const fn is_change_known(&self) -> bool {
        self.writing.written.is_some() || self.writing.segment_id.is_none()
    }

    /// Returns how many contacts were added and removed, or would be.
    pub(super) fn change(&self) -> Option<(usize, usize)> {
        let planned = self.comparison.difference;
        let planned = planned.map(|difference| (difference.added, difference.removed));
        let written = self.writing.written;
        written.map(|written| (written.added, written.removed)).or(planned)
    }
}
