//! How Dynamics computes what was published: some time later, and now and then not at all.

use super::contacts::Contacts;
use super::dataverse::Status;
use super::noticing::is_unconfirmed;
use super::patience::CALLED_AFTER;
use super::situations::Situation;
use super::world::{MINUTE, SECOND, Shared, World};
use std::cell::Cell;
use std::rc::Rc;

impl Shared {
    /// Publishes the draft: it is computed some time later, or that fails.
    pub(super) fn publish(&self, world: &mut World, index: usize) {
        let is_failing = world.now() < world.scenario.failing_publishes[index];
        let takes_long = if is_failing || world.scenario.computes_in_turn {
            500
        } else {
            100
        };
        let takes = if world.rng.happens(takes_long) {
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
        let is_without_effect = world.has_no_effect(index);
        let waits = world.wait_for_a_turn(index, takes);
        let segment = &mut world.segments[index];
        segment.take_the_draft(now);
        if !is_without_effect {
            segment.begin_computing(now, now + stale);
        }
        let (publication, members) = (segment.publications, segment.published);
        let doubt = world.doubt(index);
        let breach = world.oracle.published(&world.scenario, index, members, doubt);
        world.break_off(breach);
        let breach = world.refuses_to_be_published(index);
        world.break_off(breach);
        if is_without_effect {
            return;
        }
        let is_begun = Rc::new(Cell::new(waits == 0));
        if waits > 0 {
            let begins = Rc::clone(&is_begun);
            self.after(waits, move |_, world| {
                let now = world.now();
                let segment = &mut world.segments[index];
                if segment.publications == publication {
                    begins.set(true);
                    segment.show(Status::Busy, now);
                }
            });
        }
        self.after(waits + takes, move |shared, world| {
            if world.segments[index].publications != publication {
                world.show_in_turn(index, members, end, is_begun.get());
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
    /// Returns how long what is published now waits until it is computed, which takes so long.
    fn wait_for_a_turn(&mut self, index: usize, takes: u64) -> u64 {
        if !self.scenario.computes_in_turn {
            return 0;
        }
        let (now, pause) = (self.now(), self.rng.between(SECOND, 90 * SECOND));
        let segment = &mut self.segments[index];
        let waits = if segment.is_to_wait(now) {
            self.seen.meet(Situation::PublishedWhileComputing);
            segment.busy_until + pause - now
        } else {
            0
        };
        segment.busy_until = now + waits + takes;
        waits
    }

    /// Shows what was published before something else was, until Dynamics begins with that.
    fn show_in_turn(&mut self, index: usize, members: Contacts, end: Status, is_begun: bool) {
        let now = self.now();
        if !self.scenario.computes_in_turn || !is_begun {
            return;
        }
        self.say(|| format!("segment {index} is {end:?} by what was published before"));
        let segment = &mut self.segments[index];
        if end == Status::Active {
            segment.visible = members;
        }
        segment.show(end, now);
    }

    /// Draws whether Dynamics does nothing when it has answered that it publishes: only its own times tell of that.
    fn has_no_effect(&mut self, index: usize) -> bool {
        let ignore = self.scenario.faults.ignore;
        let was_computed = self.segments[index].tells_when_it_was_computed();
        let has_none = ignore > 0 && was_computed && self.goes_wrong(ignore);
        if has_none {
            self.seen.meet(Situation::PublishedWithoutEffect);
            self.say(|| format!("segment {index} is published without any effect"));
        }
        has_none
    }

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
    pub(super) fn compute(&mut self, index: usize, end: Status) {
        let now = self.now();
        self.say(|| format!("segment {index} is {end:?}"));
        if end == Status::Active {
            let was_by_others = self.segments[index].is_shown_by_others;
            if !self.segments[index].show_what_others_published() {
                self.show_published(index);
            }
            self.segments[index].edits.is_shown = false;
            if was_by_others && !self.segments[index].is_shown_by_others {
                self.seen.meet(Situation::PutRight);
            }
        }
        self.segments[index].show(end, now);
        match end {
            // So many that a person is called are remembered.
            Status::Active if self.late_failures[index] <= CALLED_AFTER => self.late_failures[index] = 0,
            Status::Active => {}
            Status::Failed => {
                self.late_failures[index] += u32::from(now < self.scenario.failing_publishes[index]);
                self.seen.meet(Situation::PublishFailed);
                let head = self.heads[index].as_ref();
                if head.is_some_and(|head| head.lease.is_none() && is_unconfirmed(head)) {
                    self.seen.meet(Situation::PublishFailedLate);
                }
            }
            _ => self.seen.meet(Situation::PublishLapsed),
        }
    }
}
