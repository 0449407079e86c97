//! What of a segment's results is still open, and whether all is well again: the one place that decides that something is over.

use super::failures::InputFailures;
use super::head::{Head, Job};
use super::precedence::{Precedence, Rank};
use super::refused::Refused;
use crate::domain::Mode;

/// How all is well again after something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing is left of it.
    Whole,
    /// An addition or removal that was refused is still not carried out, and only newer ones were.
    LeavesOut,
}

impl Head {
    /// Ends what went wrong before a good load, where nothing else is open.
    pub(super) fn recover(&mut self) {
        if self.is_well() {
            self.has_recovered |= std::mem::take(&mut self.went_wrong);
        }
    }

    /// Returns how all is well again, where the attempt that came to its end last has made it so.
    pub fn recovery(&self) -> Option<Recovery> {
        self.has_recovered.then(|| {
            if self.refused.iter().any(|refused| self.leaves_out(refused)) {
                Recovery::LeavesOut
            } else {
                Recovery::Whole
            }
        })
    }

    /// Returns whether nothing is open: nothing stands refused, waits until nothing uses the segment, or is tried again.
    fn is_well(&self) -> bool {
        let has_failed = |failures: &InputFailures| failures.count > 0;
        self.open_refusals().next().is_none() && !self.input_failures.iter().any(has_failed)
    }

    /// Returns the newest refusal of a result that is newer than what was carried out, or waits until nothing uses the segment.
    pub(super) fn refused_since(&self) -> Option<&Refused> {
        let done = self.done().map(|(place, ..)| place);
        let of_results = self
            .open_refusals()
            .filter(|refused| refused.waits() || Some(refused.position.place()) > done);
        of_results.max_by(|a, b| a.position.place().cmp(&b.position.place()))
    }

    /// Returns the refusal that people have to decide about: that of a newer result, or the last of what was asked for directly
    /// since.
    pub(super) fn refused_last(&self) -> Option<&Refused> {
        self.refused_since().or_else(|| self.open_refusals().last())
    }

    /// Returns the refusals that nothing has settled which was carried out since, in the order in which they came.
    fn open_refusals(&self) -> impl Iterator<Item = &Refused> {
        let done = self.done();
        self.refused
            .iter()
            .filter(move |refused| Some(refused.rank()) > done || self.waits_still(refused))
    }

    fn waits_still(&self, refused: &Refused) -> bool {
        let waiting = refused.refusal.waiting.as_deref();
        waiting.is_some_and(|job| self.still_counts(job))
    }

    /// Returns up to where refusals are settled: by a complete result, or since a better file was dropped later and carried out.
    ///
    /// A direct load of a complete result stands above all that was known. One that adds or takes out somebody says nothing of
    /// other files, so that it settles no more than its own file would.
    fn done(&self) -> Option<Rank<'_>> {
        let settled = self.settled.iter().map(|position| Precedence::rank(None, position));
        let counted = self
            .counted
            .iter()
            .map(|counted| Precedence::rank(None, &counted.input.position));
        let applied = self.applied.iter().map(|applied| settles(&applied.job));
        settled.chain(counted).chain(applied).max()
    }

    /// Returns whether a refusal is settled, and what it was about counts all the same and is not carried out.
    fn leaves_out(&self, refused: &Refused) -> bool {
        let applied = self.applied.as_ref().map(|applied| applied.job.mode);
        let mode = refused.mode.or(applied).unwrap_or(Mode::Replace);
        let place = Precedence::place(refused.direct.as_deref(), &refused.position).place();
        let is_overtaken = self.decided_to(mode).is_some_and(|decided| place <= decided.place());
        mode != Mode::Replace && !is_overtaken
    }
}

fn settles(job: &Job) -> Rank<'_> {
    match job.mode {
        Mode::Replace => job.rank(),
        Mode::Append | Mode::Remove => Precedence::rank(None, &job.position),
    }
}
