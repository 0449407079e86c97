//! Where a direct load stands.

use crate::domain::{Mode, Position};
use crate::state::counted::Counted;
use crate::state::head::{Head, Job};
use crate::state::ledger::Standing;
use crate::state::precedence::Precedence;

impl Head {
    /// Returns a job as a direct load of it that is asked for now: above all that is known.
    pub fn asked_directly(&self, job: Job) -> Job {
        let direct = Some(self.precedence_over_all(&job.position));
        Job { direct, ..job }
    }

    /// Takes up a direct load, which stands above all, whatever is known of its input.
    pub(super) fn order(&mut self, job: Job) {
        // An approval stays until its input is applied or replaced: who asks for the very same takes it from nobody.
        let is_approved = |pending: &Job| pending.approved && pending.run_id == job.run_id;
        let approved = self.pending.iter().any(is_approved);
        self.take_place_of_same(&job);
        let direct = self.asked_directly(job);
        self.lift_pauses_for(&direct);
        self.pending.push(Job { approved, ..direct });
    }

    /// Drops what is pending and is asked for once more.
    ///
    /// The later of two direct loads of the same counts. What an event asked to replace stays: the direct one may be refused, and
    /// an older result counts then. Of additions and removals each counts by itself, so that the direct one is all.
    pub(super) fn take_place_of_same(&mut self, job: &Job) {
        let is_replaced = |pending: &Job| pending.direct.is_some() || pending.mode != Mode::Replace;
        self.pending
            .retain(|pending| !(pending.asks_as(job) && is_replaced(pending)));
    }

    pub(super) fn precedence_over_all(&self, own: &Position) -> Precedence {
        let pending = self.pending.iter().map(Job::stands_at);
        // Of what events told `newest` knows; what was asked for directly leaves it as it is.
        let refused = self.refused.iter().filter_map(|refused| refused.direct.as_ref());
        let refused = refused.map(|direct| &direct.above);
        let counted = self.counted.iter().map(Counted::stands_at);
        let stood = self.stood().map(Standing::stands_at);
        let known = pending.chain(refused).chain(counted).chain(stood);
        let known = known.chain(&self.newest).chain(&self.settled);
        // What was counted goes over what comes late, as those that wait do over each other.
        let counted = self.counted.iter().filter_map(Counted::number);
        let counted = counted.chain(self.stood().map(|stood| stood.rank().2));
        // What was refused comes back where it stood, once it is approved.
        let refused = self
            .refused
            .iter()
            .filter_map(|refused| Some(refused.direct.as_ref()?.number));
        let turns = self
            .pending
            .iter()
            .map(|job| job.rank().2)
            .chain(counted)
            .chain(refused)
            .chain(self.in_force_number);
        Precedence {
            above: known
                .chain([own])
                .max_by_key(|position| position.place())
                .unwrap_or(own)
                .clone(),
            number: turns.max().unwrap_or(0).saturating_add(1),
            is_in_place: false,
        }
    }
}
