//! A wall clock that tests may set wrong and move.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Wall time that follows tokio's clock, so that it stands still and jumps with it in paused tests.
pub struct Clock {
    started: (SystemTime, Instant),
    skew: Mutex<Skew>,
}

#[derive(Clone, Copy, Default)]
struct Skew {
    ahead: Duration,
    behind: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// Starts at the real time.
    pub(crate) fn new() -> Self {
        Self {
            started: (SystemTime::now(), Instant::now()),
            skew: Mutex::default(),
        }
    }

    /// Returns the real time at which it was started.
    pub fn started(&self) -> SystemTime {
        self.started.0
    }

    /// Returns the time this clock shows.
    pub fn now(&self) -> SystemTime {
        let skew = *self.skew.lock().expect("nobody panics with the clock in hand");
        self.started.0 + self.started.1.elapsed() + skew.ahead - skew.behind
    }

    /// Sets the clock this much ahead of the real time, instead of any earlier skew.
    pub fn skew_ahead(&self, ahead: Duration) {
        self.set(Skew {
            ahead,
            behind: Duration::ZERO,
        });
    }

    /// Sets the clock this much behind the real time, instead of any earlier skew.
    pub fn skew_behind(&self, behind: Duration) {
        self.set(Skew {
            ahead: Duration::ZERO,
            behind,
        });
    }

    /// Moves the clock forward from what it shows now.
    pub fn advance(&self, step: Duration) {
        self.skew.lock().expect("nobody panics with the clock in hand").ahead += step;
    }

    fn set(&self, skew: Skew) {
        *self.skew.lock().expect("nobody panics with the clock in hand") = skew;
    }
}
