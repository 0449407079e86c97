//! One gate for all requests of a client: the pause that throttling asks for, and how many may be in flight.

use super::error::Error;
use crate::time::Fence;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The shortest pause: live servers send `Retry-After: 0`, and sending on at once prolongs the penalty.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that is chosen where `Retry-After` is missing: one window of the service protection limits.
const LONGEST_GUESS: Duration = Duration::from_mins(5);
/// Why requests wait.
pub(super) const THROTTLED: &str = "Dynamics throttles";
const UNAVAILABLE: &str = "Dynamics is not available";
/// So many answers in a row without throttling let one more request fly.
const GOOD_ANSWERS_PER_STEP: u32 = 10;

/// Lets requests through one by one: never inside a penalty, never more than the limit at once.
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// The most that may ever be in flight, by configuration.
    configured: usize,
    /// The same, lowered by what the server recommends.
    ceiling: usize,
    /// What may be in flight now: halved by throttling, probed up again.
    limit: usize,
    in_flight: usize,
    paused_until: Instant,
    /// The pause without its jitter, and why there is one.
    asked_until: Instant,
    cause: &'static str,
    last_cut: Option<Instant>,
    good_answers: u32,
    /// Refusals since the last good answer.
    streak: u32,
    /// How long somebody waited since Dynamics throttles, until the last time that nobody did.
    throttled: Duration,
    /// How many wait for that, and since when one does.
    waiting: usize,
    waiting_since: Instant,
}

/// One request that waits since Dynamics throttles; where it is given up, it waits no more.
struct Wait<'a>(&'a Gate);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting -= 1;
        if state.waiting == 0 {
            let waited = state.waiting_since.elapsed();
            state.throttled += waited;
        }
    }
}

/// The right to have one request in flight.
pub(super) struct Permit<'a>(&'a Gate);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Gate {
    pub(super) fn new(max_in_flight: usize) -> Self {
        let limit = max_in_flight.max(1);
        let state = State {
            configured: limit,
            ceiling: limit,
            limit,
            in_flight: 0,
            paused_until: Instant::now(),
            asked_until: Instant::now(),
            cause: THROTTLED,
            last_cut: None,
            good_answers: 0,
            streak: 0,
            throttled: Duration::ZERO,
            waiting: 0,
            waiting_since: Instant::now(),
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Waits until no penalty lasts and a place is free.
    pub(super) async fn enter(&self, fence: &Fence) -> Result<Permit<'_>, Error> {
        loop {
            // Created before the look at the state, so that no change in between is missed.
            let changed = self.changed.notified();
            let pause = {
                let mut state = self.lock();
                let pause = state.paused_until.saturating_duration_since(Instant::now());
                if pause.is_zero() && state.in_flight < state.limit {
                    state.in_flight += 1;
                    return Ok(Permit(self));
                }
                pause
            };
            if pause.is_zero() {
                changed.await;
            } else {
                let _wait = self.begin_to_wait();
                let slept = fence.sleep(pause).await;
                slept.map_err(|closed| Error::from(closed).since(Some(self.why_paused(fence))))?;
            }
        }
    }

    /// Begins to count how long it is waited for the end of throttling; nothing else counts.
    fn begin_to_wait(&self) -> Option<Wait<'_>> {
        let mut state = self.lock();
        if state.cause != THROTTLED {
            return None;
        }
        if state.waiting == 0 {
            state.waiting_since = Instant::now();
        }
        state.waiting += 1;
        Some(Wait(self))
    }

    /// Says what the requests wait for, and how long, where the time left is shorter.
    fn why_paused(&self, fence: &Fence) -> String {
        let state = self.lock();
        let wait = state.asked_until.saturating_duration_since(Instant::now());
        format!(
            "{}: requests have to wait {} s more, and {} s are left",
            state.cause,
            wait.as_secs_f64().ceil(),
            fence.time_left().as_secs()
        )
    }

    /// Returns whether a penalty began since the permit was given.
    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused_until > Instant::now()
    }

    /// Pauses everybody after a refusal, and halves what may be in flight, once per penalty.
    ///
    /// Without `Retry-After` the pause doubles with every refusal in a row.
    pub(super) fn throttled(&self, retry_after: Option<Duration>, sent_at: Instant) -> Duration {
        let mut state = self.lock();
        let asked = retry_after.unwrap_or_else(|| Duration::from_secs(1_u64 << state.streak.min(9)).min(LONGEST_GUESS));
        // Requests that were in flight together are refused together: that is one penalty.
        if state.last_cut.is_none_or(|cut| sent_at >= cut) {
            state.limit = (state.limit / 2).max(1);
            state.last_cut = Some(Instant::now());
            state.streak += 1;
        }
        state.good_answers = 0;
        state.pause(asked, THROTTLED)
    }

    /// Pauses everybody because a server that is unavailable said for how long.
    pub(super) fn unavailable(&self, retry_after: Duration) -> Duration {
        self.lock().pause(retry_after, UNAVAILABLE)
    }

    /// Counts a good answer; every tenth in a row raises the limit by one.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.streak = 0;
        state.good_answers += 1;
        if state.good_answers >= GOOD_ANSWERS_PER_STEP && state.limit < state.ceiling {
            state.good_answers = 0;
            state.limit += 1;
            self.changed.notify_waiters();
        }
    }

    /// Takes the degree of parallelism that the server recommends (`x-ms-dop-hint`), never above the configured one.
    pub(super) fn recommended(&self, parallelism: usize) {
        let mut state = self.lock();
        let unthrottled = state.limit == state.ceiling;
        state.ceiling = parallelism.clamp(1, state.configured);
        state.limit = if unthrottled {
            state.ceiling
        } else {
            state.limit.min(state.ceiling)
        };
        self.changed.notify_waiters();
    }

    /// Returns how many requests may be in flight now.
    pub(super) fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Returns how long requests have really waited since Dynamics throttles, be it one or several at once.
    pub(super) fn time_throttled(&self) -> Duration {
        let state = self.lock();
        let now = if state.waiting > 0 {
            state.waiting_since.elapsed()
        } else {
            Duration::ZERO
        };
        state.throttled + now
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Jitter comes on top, never below what was asked for: servers punish those who come early.
    fn pause(&mut self, asked: Duration, cause: &'static str) -> Duration {
        let pause = asked.max(SHORTEST_PAUSE);
        let jitter = (Duration::from_millis(250) + pause / 10).mul_f64(fastrand::f64());
        let now = Instant::now();
        let until = now + pause + jitter;
        if until > self.paused_until {
            self.paused_until = until;
            self.asked_until = now + pause;
            self.cause = cause;
        }
        pause + jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn nobody_enters_during_a_penalty_whatever_its_length() {
        for (retry_after, at_least, at_most) in [(0, 1, 2), (1, 1, 2), (27, 27, 31), (300, 300, 331)] {
            let gate = Gate::new(4);
            let start = Instant::now();
            gate.throttled(Some(SECOND * retry_after), start);
            let fence = Fence::open();
            let (first, second) = tokio::join!(gate.enter(&fence), gate.enter(&fence));
            assert!(first.is_ok() && second.is_ok());
            assert!(start.elapsed() >= SECOND * at_least, "{retry_after}");
            assert!(start.elapsed() <= SECOND * at_most, "{retry_after}");
            assert!(gate.time_throttled().abs_diff(start.elapsed()) < Duration::from_millis(2));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_penalty_that_grows_while_waiting_is_waited_out() {
        let gate = Gate::new(1);
        let start = Instant::now();
        gate.throttled(Some(5 * SECOND), start);
        let fence = Fence::open();
        let (permit, ()) = tokio::join!(gate.enter(&fence), async {
            tokio::time::sleep(3 * SECOND).await;
            gate.throttled(Some(20 * SECOND), start);
        });
        assert!(permit.is_ok());
        assert!(start.elapsed() >= 23 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_penalty_longer_than_the_time_left_ends_at_once() {
        let gate = Gate::new(4);
        gate.throttled(Some(300 * SECOND), Instant::now());
        let start = Instant::now();
        let fence = Fence::stopping_at(start + 60 * SECOND);
        let error = gate.enter(&fence).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            "the invocation is out of time, since Dynamics throttles: requests have to wait 300 s more, and 60 s are left"
        );
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(gate.time_throttled(), Duration::ZERO, "nobody waited");
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_really_waited_for_the_end_of_throttling_counts() {
        let gate = Gate::new(4);
        let fence = Fence::open();
        gate.unavailable(20 * SECOND);
        assert!(gate.enter(&fence).await.is_ok());
        assert_eq!(
            gate.time_throttled(),
            Duration::ZERO,
            "it was not available, which is no throttling"
        );
        gate.throttled(Some(60 * SECOND), Instant::now());
        tokio::time::sleep(50 * SECOND).await;
        assert_eq!(gate.time_throttled(), Duration::ZERO, "nobody asked meanwhile");
        let waiting = tokio::time::timeout(5 * SECOND, async {
            tokio::join!(gate.enter(&fence), gate.enter(&fence))
        });
        assert!(waiting.await.is_err(), "and then two did, and gave up");
        assert_eq!(gate.time_throttled(), 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn one_penalty_halves_once_and_good_answers_raise_the_limit_again() {
        let gate = Gate::new(8);
        let sent = Instant::now();
        tokio::time::advance(SECOND).await;
        for _ in 0..8 {
            gate.throttled(Some(SECOND), sent);
        }
        assert_eq!(gate.limit(), 4);
        tokio::time::advance(5 * SECOND).await;
        gate.throttled(Some(SECOND), Instant::now());
        assert_eq!(gate.limit(), 2);
        (0..20).for_each(|_| gate.answered());
        assert_eq!(gate.limit(), 4);
        (0..200).for_each(|_| gate.answered());
        assert_eq!(gate.limit(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn without_retry_after_the_pause_doubles() {
        let gate = Gate::new(1);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            pauses.push(gate.throttled(None, Instant::now()).as_secs_f64().floor());
            tokio::time::advance(60 * SECOND).await;
        }
        assert!(pauses[3] >= 8.0 && pauses[1] >= 2.0 && pauses[0] < 2.0, "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_may_lower_the_parallelism_but_not_raise_it_above_the_setting() {
        let gate = Gate::new(4);
        gate.recommended(2);
        assert_eq!(gate.limit(), 2);
        gate.recommended(50);
        assert_eq!(gate.limit(), 4);
        gate.recommended(0);
        assert_eq!(gate.limit(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_is_in_flight() {
        let gate = Gate::new(2);
        let fence = Fence::open();
        let first = gate.enter(&fence).await.unwrap();
        let _second = gate.enter(&fence).await.unwrap();
        assert!(tokio::time::timeout(SECOND, gate.enter(&fence)).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(SECOND, gate.enter(&fence)).await.is_ok());
    }
}
