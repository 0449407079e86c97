//! Service protection: three sliding windows, and who did not respect them.

use super::refusal::Refusal;
use crate::server::Answer;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The limits of one user on one web server, with Microsoft's numbers as the default.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The length of the sliding window.
    pub window: Duration,
    /// The requests within a window.
    pub requests: usize,
    /// The combined execution time within a window.
    pub execution_time: Duration,
    /// The requests at the same time.
    pub concurrency: usize,
    /// Requests this soon after a 429 may have been sent before it was read: no violation.
    pub grace: Duration,
}

/// A request that a client must not have sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it arrived.
    pub at: Instant,
    /// What was wrong, for people.
    pub what: String,
}

/// The windows as they stand.
#[derive(Default)]
pub struct Windows {
    pub limits: Limits,
    arrivals: VecDeque<Instant>,
    executions: VecDeque<(Instant, Duration)>,
    executed: Duration,
    in_flight: usize,
    /// Set where a real limit was hit: everything is refused until then, and hammering extends it.
    blocked: Option<Block>,
    /// Set by any 429 with `Retry-After`, whoever made it.
    penalty: Option<(Instant, Instant)>,
    violations: Vec<Violation>,
}

#[derive(Clone, Copy)]
struct Block {
    until: Instant,
    seconds: u64,
    facet: Facet,
}

#[derive(Clone, Copy)]
enum Facet {
    Requests,
    ExecutionTime,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(5),
            requests: 6000,
            execution_time: Duration::from_mins(20),
            concurrency: 52,
            grace: Duration::from_millis(50),
        }
    }
}

impl Limits {
    /// No limits at all; violations of a `Retry-After` are still noted.
    pub fn off() -> Self {
        Self {
            requests: usize::MAX,
            execution_time: Duration::MAX,
            concurrency: usize::MAX,
            ..Self::default()
        }
    }
}

impl Windows {
    /// Takes note of a request and refuses it where a limit is exceeded.
    pub fn arrive(&mut self, now: Instant) -> Option<Answer> {
        self.in_flight += 1;
        self.note_violations(now);
        self.forget(now);
        if self.in_flight > self.limits.concurrency {
            let message = format!(
                "Number of concurrent requests exceeded the limit of {}.",
                self.limits.concurrency
            );
            return Some(Refusal::throttled("0x80072326", message, 2));
        }
        if let Some(block) = self.blocked.as_mut().filter(|block| now < block.until) {
            // Hammering on extends the penalty.
            block.until = now + Duration::from_secs(block.seconds);
            let block = *block;
            return Some(self.refused(block));
        }
        self.blocked = None;
        let facet = if self.arrivals.len() >= self.limits.requests {
            Facet::Requests
        } else if self.executed >= self.limits.execution_time {
            Facet::ExecutionTime
        } else {
            self.arrivals.push_back(now);
            return None;
        };
        let seconds = self.seconds_until_free(facet, now);
        let until = now + Duration::from_secs(seconds);
        let block = Block { until, seconds, facet };
        self.blocked = Some(block);
        Some(self.refused(block))
    }

    /// Takes note of the end of a request, and of the penalty that its answer imposes.
    pub fn leave(&mut self, arrived: Instant, now: Instant, retry_after: Option<Duration>) {
        self.in_flight -= 1;
        let duration = now - arrived;
        self.executions.push_back((now, duration));
        self.executed += duration;
        if let Some(penalty) = retry_after {
            let until = now + penalty;
            let later = self.penalty.is_none_or(|(_, known)| known < until);
            if later {
                self.penalty = Some((now, until));
            }
        }
    }

    /// Returns the requests that broke a rule.
    pub fn violations(&self) -> Vec<Violation> {
        self.violations.clone()
    }

    /// Forgets violations, windows and penalties.
    pub fn reset(&mut self) {
        *self = Self {
            limits: self.limits,
            in_flight: self.in_flight,
            ..Self::default()
        };
    }

    fn note_violations(&mut self, now: Instant) {
        if self.in_flight > self.limits.concurrency {
            let what = format!("{} requests at the same time", self.in_flight);
            self.violations.push(Violation { at: now, what });
        }
        if let Some((since, until)) = self.penalty
            && since + self.limits.grace < now
            && now < until
        {
            let what = format!("sent {:?} before the end of a Retry-After", until - now);
            self.violations.push(Violation { at: now, what });
        }
    }

    fn forget(&mut self, now: Instant) {
        let window = self.limits.window;
        while self.arrivals.front().is_some_and(|at| *at + window <= now) {
            self.arrivals.pop_front();
        }
        while let Some((at, duration)) = self.executions.front().copied()
            && at + window <= now
        {
            self.executions.pop_front();
            self.executed -= duration;
        }
    }

    fn seconds_until_free(&self, facet: Facet, now: Instant) -> u64 {
        let oldest = match facet {
            Facet::Requests => self.arrivals.front().copied(),
            Facet::ExecutionTime => self.executions.front().map(|(at, _)| *at),
        };
        let free = oldest.map_or(now, |oldest| oldest + self.limits.window);
        // Whole seconds, rounded up so that waiting exactly that long is enough.
        (free - now).as_secs() + 1
    }

    fn refused(&self, block: Block) -> Answer {
        let window = self.limits.window.as_secs();
        let (code, message) = match block.facet {
            Facet::Requests => (
                "0x80072322",
                format!(
                    "Number of requests exceeded the limit of {} over time window of {window} seconds.",
                    self.limits.requests
                ),
            ),
            Facet::ExecutionTime => (
                "0x80072321",
                format!(
                    "Combined execution time of incoming requests exceeded limit of {} milliseconds over time window \
                     of {window} seconds. Decrease number of concurrent requests or reduce the duration of requests \
                     and try again later.",
                    self.limits.execution_time.as_millis()
                ),
            ),
        };
        Refusal::throttled(code, message, block.seconds)
    }
}
