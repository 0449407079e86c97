//! Until when requests may leave: the planned stop before the invocation's deadline, and the lease.

use crate::domain::Fate;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Until when requests may leave; cheap to clone, all clones move together.
///
/// Two limits: a fixed `stop_at` (the planned stop before the invocation's deadline), past which nothing leaves any more,
/// and a movable limit (the lease), past which requests wait until the lease is renewed. Both are monotonic instants, so a
/// wrong clock of the host does not matter.
#[derive(Clone, Debug)]
pub struct Fence {
    stop_at: Option<Instant>,
    shared: Arc<Shared>,
}

/// The movable limit, and those who wait for it to move: woken in the order they came, so that a seed decides a simulation.
#[derive(Debug)]
struct Shared {
    limit: Mutex<Limit>,
    moved: Notify,
}

/// Why no request may leave any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The planned stop is reached, or would be before the wait ends.
    #[error("the invocation is out of time")]
    OutOfTime,
    /// Another run owns the segment now.
    #[error("another run took over the lease of this segment")]
    LeaseLost,
}

impl Closed {
    /// Tells what becomes of a job for which no more may be sent.
    pub const fn fate(self) -> Fate {
        match self {
            Self::OutOfTime => Fate::Continue,
            Self::LeaseLost => Fate::LostLease,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Never,
    At(Instant),
    Lost,
}

impl Fence {
    /// Lets requests leave until `limit`, movable by [`Self::extend`], and never past `stop_at`.
    pub fn new(stop_at: Instant, limit: Instant) -> Self {
        Self {
            stop_at: Some(stop_at),
            shared: Shared::new(Limit::At(limit)),
        }
    }

    /// Lets requests leave until `stop_at`, without any lease: for runs that write nothing.
    pub fn stopping_at(stop_at: Instant) -> Self {
        Self {
            stop_at: Some(stop_at),
            shared: Shared::new(Limit::Never),
        }
    }

    /// Lets every request leave; a throttled call then waits for as long as the remote side asks.
    pub fn open() -> Self {
        Self {
            stop_at: None,
            shared: Shared::new(Limit::Never),
        }
    }

    /// Moves the limit after the lease was renewed; never backwards, and not once the lease is lost.
    pub fn extend(&self, until: Instant) {
        if matches!(self.shared.limit(), Limit::At(at) if at < until) {
            self.shared.set(Limit::At(until));
        }
    }

    /// Closes the fence for good: somebody else owns the segment now.
    pub fn lost(&self) {
        self.shared.set(Limit::Lost);
    }

    /// Waits until a request may leave and returns the time left for it; no call's own timeout may be longer.
    pub async fn pass(&self) -> Result<Duration, Closed> {
        loop {
            let moved = self.shared.moved.notified();
            let left = self.time_left();
            if left.is_zero() {
                return Err(Closed::OutOfTime);
            }
            match self.shared.limit() {
                Limit::Lost => return Err(Closed::LeaseLost),
                Limit::Never => return Ok(left),
                Limit::At(at) if Instant::now() < at => return Ok(left),
                Limit::At(_) => tokio::select! {
                    biased;
                    () = moved => {}
                    () = tokio::time::sleep(left) => {}
                },
            }
        }
    }

    /// Sleeps, or refuses at once where the sleep would reach the planned stop; a lost lease ends it early.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Closed> {
        if duration >= self.time_left() {
            return Err(Closed::OutOfTime);
        }
        let mut end = pin!(tokio::time::sleep(duration));
        loop {
            let moved = self.shared.moved.notified();
            if self.shared.limit() == Limit::Lost {
                return Err(Closed::LeaseLost);
            }
            tokio::select! {
                biased;
                () = moved => {}
                () = &mut end => return Ok(()),
            }
        }
    }

    /// Carries on until nothing may leave any more; work that is not done by then is dropped.
    ///
    /// For work without writes: a lease that is late does not hold it up.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = Result<F::Output, Closed>> {
        // Boxed, since what is awaited may be large.
        let work = Box::pin(work);
        async {
            let (mut work, mut end) = (work, pin!(tokio::time::sleep(self.time_left())));
            loop {
                let moved = self.shared.moved.notified();
                if self.shared.limit() == Limit::Lost {
                    return Err(Closed::LeaseLost);
                }
                tokio::select! {
                    biased;
                    () = moved => {}
                    () = &mut end => return Err(Closed::OutOfTime),
                    output = &mut work => return Ok(output),
                }
            }
        }
    }

    /// Returns the time until the planned stop; practically endless where there is none.
    pub fn time_left(&self) -> Duration {
        self.stop_at.map_or(Duration::MAX, |stop_at| {
            stop_at.saturating_duration_since(Instant::now())
        })
    }
}

impl Shared {
    fn new(limit: Limit) -> Arc<Self> {
        Arc::new(Self {
            limit: Mutex::new(limit),
            moved: Notify::new(),
        })
    }

    fn limit(&self) -> Limit {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, limit: Limit) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = limit;
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_request_gets_the_time_until_the_planned_stop() {
        let now = Instant::now();
        let fence = Fence::new(now + 60 * SECOND, now + 50 * SECOND);
        assert_eq!(fence.pass().await, Ok(60 * SECOND));
        advance(40 * SECOND).await;
        assert_eq!(fence.pass().await, Ok(20 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_planned_stop_nothing_leaves() {
        let fence = Fence::stopping_at(Instant::now() + SECOND);
        advance(SECOND).await;
        assert_eq!(fence.pass().await, Err(Closed::OutOfTime));
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_limit_requests_wait_for_the_renewal() {
        let start = Instant::now();
        let fence = Fence::new(start + 100 * SECOND, start + 10 * SECOND);
        advance(11 * SECOND).await;
        let waiting = tokio::spawn({
            let fence = fence.clone();
            async move { fence.pass().await }
        });
        tokio::time::sleep(4 * SECOND).await;
        assert!(!waiting.is_finished());
        fence.extend(Instant::now() + 10 * SECOND);
        assert_eq!(waiting.await.unwrap(), Ok(85 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_never_extended_ends_at_the_planned_stop() {
        let start = Instant::now();
        let fence = Fence::new(start + 100 * SECOND, start);
        assert_eq!(fence.pass().await, Err(Closed::OutOfTime));
        assert_eq!(start.elapsed(), 100 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_wakes_those_who_wait_and_stays_lost() {
        let start = Instant::now();
        let fence = Fence::new(start + 100 * SECOND, start);
        let (passed, slept, ()) = tokio::join!(fence.pass(), fence.sleep(50 * SECOND), async {
            tokio::time::sleep(SECOND).await;
            fence.lost();
        });
        assert_eq!((passed, slept), (Err(Closed::LeaseLost), Err(Closed::LeaseLost)));
        assert_eq!(start.elapsed(), SECOND);
        fence.extend(start + 90 * SECOND);
        assert_eq!(fence.pass().await, Err(Closed::LeaseLost));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_past_the_planned_stop_is_refused_at_once() {
        let start = Instant::now();
        let fence = Fence::stopping_at(start + 10 * SECOND);
        assert_eq!(fence.sleep(10 * SECOND).await, Err(Closed::OutOfTime));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(fence.sleep(9 * SECOND).await, Ok(()));
        assert_eq!(start.elapsed(), 9 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_until_the_planned_stop_whatever_the_limit() {
        let start = Instant::now();
        let fence = Fence::new(start + 10 * SECOND, start);
        assert_eq!(fence.within(tokio::time::sleep(9 * SECOND)).await, Ok(()));
        assert_eq!(fence.within(std::future::pending::<()>()).await, Err(Closed::OutOfTime));
        assert_eq!(start.elapsed(), 10 * SECOND);
        assert_eq!(
            fence.within(async {}).await,
            Err(Closed::OutOfTime),
            "past the stop nothing begins"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_with_the_lease() {
        let start = Instant::now();
        let fence = Fence::new(start + 100 * SECOND, start + 50 * SECOND);
        let (outcome, ()) = tokio::join!(fence.within(std::future::pending::<()>()), async {
            tokio::time::sleep(SECOND).await;
            fence.lost();
        });
        assert_eq!(outcome, Err(Closed::LeaseLost));
        assert_eq!(start.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_fence_lets_everything_pass() {
        let fence = Fence::open();
        assert_eq!(fence.pass().await, Ok(Duration::MAX));
        assert_eq!(timeout(2 * SECOND, fence.sleep(SECOND)).await, Ok(Ok(())));
    }
}
