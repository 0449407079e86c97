//! How Dynamics computes what was published: some time later, and now and then not at all.

use super::dataverse::Status;
use super::patience::CALLED_AFTER;
use super::situations::Situation;
use super::world::{MINUTE, SECOND, Shared, World};

impl Shared {
    /// Publishes the draft: it is computed some time later, or that fails.
    pub(super) fn publish(&self, world: &mut World, index: usize) {
        let is_failing = world.now() < world.scenario.failing_publishes[index];
        let takes = if world.rng.happens(if is_failing { 500 } else { 100 }) {
            world.rng.between(5 * MINUTE, 20 * MINUTE)
        } else {
            world.rng.between(SECOND, MINUTE)
        };
        let stale = if world.rng.happens(300) {
            world.rng.between(SECOND, 40 * SECOND)
        } else {
            0
        };
        let end = world.draw_end(index);
        let now = world.now();
        if world.scenario.shown_by_lists(now) < now {
            world.seen.meet(Situation::PublishedWhileListsLagged);
        }
        let segment = &mut world.segments[index];
        segment.publish(now, now + stale);
        let (publication, members) = (segment.publications, segment.published);
        let doubt = world.doubt(index);
        let breach = world.oracle.published(&world.scenario, index, members, doubt);
        world.break_off(breach);
        let breach = world.refuses_to_be_published(index);
        world.break_off(breach);
        self.after(takes, move |shared, world| {
            if world.segments[index].publications != publication {
                return;
            }
            world.compute(index, end);
            if end == Status::Active && world.goes_wrong(world.scenario.faults.miscompute) {
                shared.fail_later(world, index);
            }
        });
    }

    /// Lets an Active segment fail a while later: what was seen of it was true.
    fn fail_later(&self, world: &mut World, index: usize) {
        let publication = world.segments[index].publications;
        let later = world.rng.between(SECOND, 10 * MINUTE);
        self.after(later, move |_, world| {
            if world.segments[index].publications == publication {
                world.seen.meet(Situation::FailedAfterActive);
                world.compute(index, Status::Failed);
            }
        });
    }
}

impl World {
    fn draw_end(&mut self, index: usize) -> Status {
        if self.now() < self.scenario.failing_publishes[index] {
            return Status::Failed;
        }
        if self.goes_wrong(self.scenario.faults.miscompute) {
            return self
                .rng
                .one_of(&[Status::Failed, Status::Failed, Status::Stopped, Status::Expired]);
        }
        Status::Active
    }

    /// Comes to the end of computing what was published last.
    fn compute(&mut self, index: usize, end: Status) {
        let now = self.now();
        let segment = &mut self.segments[index];
        if end == Status::Active {
            segment.visible = segment.published;
            segment.edits.is_shown = false;
        }
        segment.show(end, now);
        match end {
            // So many that a person is called are remembered.
            Status::Active if self.late_failures[index] <= CALLED_AFTER => self.late_failures[index] = 0,
            Status::Active => {}
            Status::Failed => {
                self.late_failures[index] += u32::from(now < self.scenario.failing_publishes[index]);
                self.seen.meet(Situation::PublishFailed);
            }
            _ => self.seen.meet(Situation::PublishLapsed),
        }
    }
}
