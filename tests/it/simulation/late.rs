//! Calls that nobody hears the answer of, and that take effect up to two minutes after they were given up.

use super::calls::Simulated;
use super::situations::Situation;
use super::world::{SECOND, Shared, World};
use segment_loader::domain::LATE_COMMIT;

impl Simulated {
    /// Returns until when a call that this worker has given up may still take effect.
    pub(super) fn awaits_until(&self) -> Option<u64> {
        let waited = self.unanswered.get()?.elapsed();
        let left = LATE_COMMIT.checked_sub(waited)?;
        Some(self.now() + u64::try_from(left.as_millis()).unwrap())
    }

    /// Lets a call take effect after its worker has given it up.
    ///
    /// What a worker has sent that died, or stood still past its lease, is over with that: where it could not note that
    /// something may come, nothing comes.
    pub(super) fn send_late(&self, segment: usize, travel: u64, carry_out: impl FnOnce(&Shared, &mut World) + 'static) {
        let longest = u64::try_from(LATE_COMMIT.as_millis()).unwrap() - SECOND;
        let later = self.between(SECOND, longest);
        let process = self.process;
        self.world.after(travel + later, move |shared, world| {
            let is_held = world.known.is_held_by(process, segment, world.now());
            if !is_held && !world.expects_something_late(segment) {
                return;
            }
            world.seen.meet(if is_held {
                Situation::CameLate
            } else {
                Situation::CameLateAfterTheRun
            });
            world.say(|| format!("a call of worker {process} about segment {segment} takes effect late"));
            world.comes_late = true;
            carry_out(shared, world);
            world.comes_late = false;
        });
    }
}

impl World {
    /// Returns whether some worker knew that something may still take effect, and could note it.
    fn expects_something_late(&self, segment: usize) -> bool {
        self.late_until[segment].is_some_and(|until| self.now() <= until)
    }
}
