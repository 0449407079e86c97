//! Where a direct load stands.

use crate::domain::Position;
use crate::state::counted::Counted;
use crate::state::head::{Head, Job};
use crate::state::precedence::Precedence;
use crate::state::refused::Refused;

impl Head {
    /// Returns a job as a direct load of it that is asked for now: above all that is known.
    pub fn asked_directly(&self, job: Job) -> Job {
        let is_of_event = |refused: &Refused| job.is_about(&refused.position) && !refused.is_direct;
        let is_in_place = job.approved && self.refused.iter().any(is_of_event);
        let direct = Some(self.precedence_over_all(&job.position, is_in_place));
        Job { direct, ..job }
    }

    fn precedence_over_all(&self, own: &Position, is_in_place: bool) -> Precedence {
        let pending = self.pending.iter().map(Job::stands_at);
        let known = pending.chain(&self.newest).chain(&self.settled);
        // What was counted goes over what comes late, as those that wait do over each other.
        let counted = self.counted.iter().filter_map(Counted::number);
        let turns = self.pending.iter().map(|job| job.rank().2).chain(counted);
        Precedence {
            above: known
                .chain([own])
                .max_by_key(|position| position.place())
                .unwrap_or(own)
                .clone(),
            number: turns.max().unwrap_or(0).saturating_add(1),
            is_in_place,
        }
    }
}
