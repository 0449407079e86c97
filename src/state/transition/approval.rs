//! What an approval does: it opens the guards for a job where that was refused or waits, and asks for nothing beyond that.

use super::{Enqueued, higher};
use crate::state::head::{Head, Job};
use crate::state::precedence::Precedence;

impl Head {
    /// Takes up what somebody approves, in its own place; what was loaded or overtaken since is not loaded once more for it.
    pub(super) fn approve(&mut self, job: Job) -> Enqueued {
        if let Some(known) = self.known_of_approved(&job) {
            self.note_what_asks_for_known(&job, &known);
            return known;
        }
        let approved = self.approved_in_place(job);
        if !approved.stands_above() {
            // Nobody has told of it by an event, perhaps, and a direct load stands above all that is known.
            self.newest = higher(self.newest.take(), &approved.position);
        }
        self.take_place_of_same(&approved);
        self.lift_pauses_for(&approved);
        self.pending.push(approved);
        Enqueued::Queued
    }

    /// Returns a job that is approved where it stands: as a direct load that waits or was refused, else where its file does.
    pub fn approved_in_place(&self, job: Job) -> Job {
        let pending = self.pending.iter().filter(|pending| pending.asks_as(&job));
        let pending = pending.filter_map(|pending| pending.direct.as_ref());
        let refused = self.refusal_of(&job).and_then(|refused| refused.direct.as_deref());
        let above = pending.chain(refused).filter(|direct| !direct.is_in_place);
        let highest = above.max_by_key(|direct| Precedence::rank(Some(direct), &job.position));
        let direct = highest.cloned().unwrap_or_else(|| Precedence {
            is_in_place: true,
            ..self.precedence_over_all(&job.position)
        });
        Job {
            direct: Some(direct),
            approved: true,
            ..job
        }
    }

    /// Returns what became of an approval that was given before, or of what it is for; `None` if it is to be taken up.
    fn known_of_approved(&self, job: &Job) -> Option<Enqueued> {
        let is_this = |pending: &Job| pending.approved && pending.run_id == job.run_id;
        if self.pending.iter().any(is_this) {
            return Some(Enqueued::Pending);
        }
        let waits = self.pending.iter().any(|pending| pending.asks_as(job));
        if waits || self.refusal_of(job).is_some() {
            return None;
        }
        let overtaken = || self.is_overtaken(job).then_some(Enqueued::Superseded);
        self.was_carried_out(job)
            .then_some(Enqueued::Applied)
            .or_else(overtaken)
    }
}
