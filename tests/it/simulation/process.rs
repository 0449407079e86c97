//! One invocation's process: killed, or standing still, at any step.

use super::world::{LEASE, SECOND, Shared};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// One Lambda environment at one invocation; at every step it may be killed, or stand still past its lease.
pub(super) struct Process<W> {
    pub(super) number: usize,
    pub(super) work: Pin<Box<W>>,
    pub(super) world: Shared,
    pub(super) killed_at: u64,
    pub(super) frozen: Option<Pin<Box<Sleep>>>,
    pub(super) is_new: bool,
}

impl<W: Future<Output = bool>> Future for Process<W> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        if let Some(frozen) = &mut self.frozen {
            ready!(frozen.as_mut().poll(context));
            self.frozen = None;
        } else if !std::mem::take(&mut self.is_new) {
            if let Some(millis) = self.freezes() {
                let mut frozen = Box::pin(sleep(Duration::from_millis(millis)));
                let polled = frozen.as_mut().poll(context);
                self.frozen = Some(frozen);
                ready!(polled);
                self.frozen = None;
            }
            if self.is_killed() {
                return Poll::Ready(false);
            }
        }
        let polled = self.work.as_mut().poll(context);
        if self.is_doomed() {
            return Poll::Ready(false);
        }
        polled
    }
}

impl<W> Process<W> {
    /// Draws whether the worker stands still, and for how long; never past the end of its time.
    fn freezes(&self) -> Option<u64> {
        let mut world = self.world.get();
        let freeze = world.scenario.faults.freeze;
        if !world.goes_wrong(freeze) {
            return None;
        }
        let millis = world.rng.between(SECOND, 2 * LEASE);
        (world.now() + millis < self.killed_at).then_some(millis)
    }

    /// Returns whether the worker has just read what kills it.
    fn is_doomed(&self) -> bool {
        self.world.get().doomed.contains(&self.number)
    }

    fn is_killed(&self) -> bool {
        let mut world = self.world.get();
        let kill = world.scenario.faults.kill;
        let is_killed = world.now() >= self.killed_at || world.goes_wrong(kill);
        if is_killed {
            world.note_death(self.number);
        }
        is_killed
    }
}
