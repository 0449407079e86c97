//! What a head knows of an input, by the place and the tag of its object: in whatever mode and of whatever files it was loaded.

use super::Enqueued;
use crate::domain::{Mode, Position, RunId};
use crate::state::head::{Head, Job, Refused};
use crate::state::precedence::Rank;

impl Head {
    /// Returns what the head knows of what an event tells of; `None` if it is new, or where only S3 can say whether it is.
    pub fn recall(&self, job: &Job) -> Option<Enqueued> {
        self.heard_of(job)
            .or_else(|| (!self.is_undecided(job) && self.is_overtaken(job)).then_some(Enqueued::Superseded))
    }

    /// Returns what became of what an event tells of, where the head has met it: about a refusal that something newer has overtaken
    /// nobody has to decide any more.
    pub(super) fn heard_of(&self, job: &Job) -> Option<Enqueued> {
        match self.find(job)? {
            Enqueued::Refused(refused) if self.is_overtaken_by_another(job.mode, &refused.position) => {
                Some(Enqueued::RefusedAndOvertaken)
            }
            known => Some(known),
        }
    }

    /// Returns what became of a job that the head has met, whoever asked for it.
    pub(super) fn find(&self, job: &Job) -> Option<Enqueued> {
        // What was refused before waits again where somebody has approved it since, or has asked for it directly.
        if self.pending.iter().any(|pending| pending.is_same_object(job)) {
            return Some(Enqueued::Pending);
        }
        let refused = self
            .refused
            .iter()
            .find(|refused| job.is_about(&refused.position))
            .cloned();
        let refused = refused
            .or_else(|| self.refusal_forgotten_of(job))
            .map(Enqueued::Refused);
        refused.or_else(|| self.was_carried_out(job).then_some(Enqueued::Applied))
    }

    /// Returns whether a job's input was loaded, as far as the head remembers.
    pub(super) fn was_carried_out(&self, job: &Job) -> bool {
        let was_applied = self.applied.iter().any(|applied| applied.job.is_same_object(job));
        let settled = self.settled.iter().filter(|_| self.is_settled_loaded);
        let mut complete = settled.chain(&self.in_force);
        let was_complete = complete.any(|complete| job.is_about(complete));
        was_applied || was_complete || self.has_counted(job)
    }

    /// Returns the refusal of just this run.
    pub(super) fn refusal_of(&self, job: &Job) -> Option<&Refused> {
        let is_it = |refused: &&Refused| refused.run_id == job.run_id && job.is_about(&refused.position);
        self.refused.iter().find(is_it)
    }

    /// Returns whether a replace counts, or was overtaken, at or above the job's place.
    pub(super) fn is_overtaken(&self, job: &Job) -> bool {
        self.is_overtaken_at(job.mode, &job.position)
    }

    /// Returns whether what counts, or was overtaken, at or above a place is something else than what stands there: a result that
    /// was approved and loaded, and then refused once more, has not overtaken itself.
    fn is_overtaken_by_another(&self, mode: Mode, position: &Position) -> bool {
        let is_itself = |settled: &Position| self.is_settled_loaded && settled.is_same(position);
        self.is_overtaken_at(mode, position) && !self.settled.as_ref().is_some_and(is_itself)
    }

    fn is_overtaken_at(&self, mode: Mode, position: &Position) -> bool {
        let decided = self.decided_to(mode);
        decided.is_some_and(|decided| position.place() <= decided.place())
    }

    /// Returns whether somebody approves an addition or removal below a complete result that counts: of what came between the two
    /// nobody can tell.
    pub(in crate::state) fn is_approved_below_what_counts(&self, job: &Job) -> bool {
        let is_below = match &job.direct {
            Some(direct) if direct.is_in_place => self.is_overtaken(job),
            Some(_) => job.approved && self.rank_in_force().is_some_and(|in_force| job.rank() < in_force),
            None => false,
        };
        job.mode != Mode::Replace && is_below && !self.is_half_written(job)
    }

    /// Returns what compares additions and removals with the complete result that is in force.
    pub(in crate::state) fn rank_in_force(&self) -> Option<Rank<'_>> {
        let decided = self.decided_to(Mode::Append)?;
        let number = self.in_force_number;
        Some((decided.place(), number.is_some(), number.unwrap_or(0)))
    }

    /// Returns up to where replaces have decided what events of a mode say: of complete results the highest, of additions and removals
    /// the one that is in force, from above which they go over it.
    pub(in crate::state) fn decided_to(&self, mode: Mode) -> Option<&Position> {
        match mode {
            Mode::Replace => self.settled.as_ref(),
            Mode::Append | Mode::Remove => self.in_force_at.as_ref().or(self.settled.as_ref()),
        }
    }

    /// Returns whether the head knows another content that the job's key had within the same second: S3 has to be asked then
    /// what lies there now.
    pub fn is_undecided(&self, job: &Job) -> bool {
        self.positions().any(|known| known.is_twin(&job.position))
    }

    /// Gives a job its place among the contents that its key had within one second; `lies_there` tells whether it is what
    /// S3 has there now, after this head was read.
    ///
    /// What lies there now is newer than all of them. Of what does not, it is only known that something is newer, so that it
    /// takes the place of nothing that was known before.
    pub fn place(&self, job: &mut Job, lies_there: bool) {
        let known = self.positions().find(|known| known.is_same(&job.position));
        let known = known.map(|known| known.nth);
        let twins = || {
            self.positions()
                .filter(|known| known.is_twin(&job.position))
                .map(|twin| twin.nth)
        };
        let nth = match (twins().min(), twins().max()) {
            (Some(_), Some(newest)) if lies_there => {
                known.filter(|known| *known > newest).or_else(|| newest.checked_add(1))
            }
            (Some(oldest), _) => known.or_else(|| oldest.checked_sub(1)),
            _ => known,
        };
        job.position.nth = nth.unwrap_or_default();
    }

    /// Returns the name that the head knows a job's object by, which may have been given for another mode or other files.
    pub fn name_of(&self, job: &Job) -> Option<&RunId> {
        let pending = self.pending.iter().filter(|pending| pending.is_same_object(job));
        let pending = pending.max_by_key(|pending| pending.rank());
        let applied = self.applied.iter().map(|applied| &applied.job);
        let applied = applied.filter(|applied| applied.is_same_object(job));
        let refused = self.refused.iter().filter(|refused| job.is_about(&refused.position));
        let counted = self.counted.iter().map(|counted| &counted.input);
        let counted = counted.filter(|counted| job.is_about(&counted.position));
        let pending = pending.into_iter().map(|job| &job.run_id);
        let names = pending.chain(refused.map(|refused| &refused.run_id));
        let names = names.chain(applied.map(|applied| &applied.run_id));
        names.chain(counted.map(|counted| &counted.run_id)).next()
    }

    /// Returns every content that the head speaks of.
    fn positions(&self) -> impl Iterator<Item = &Position> {
        let applied = self.applied.iter().map(|applied| &applied.job);
        let jobs = self.pending.iter().chain(applied);
        let asked_for = jobs.flat_map(|job| [&job.position, job.knows()]);
        let refused = self.refused.iter().map(|refused| &refused.position);
        let counted = self.counted.iter().map(|counted| &counted.input.position);
        let others = refused
            .chain(counted)
            .chain(&self.newest)
            .chain(&self.settled)
            .chain(&self.in_force);
        asked_for.chain(others)
    }
}
