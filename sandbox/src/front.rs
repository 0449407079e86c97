//! What every service has in front of it: the log of requests, the fault rules and the latency.

use super::faults::{ErrorFormat, Fault};
use super::server::{Answer, Call, Dropped};
use axum::http::Method;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// One request as a service saw it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The operation, such as `AddStaticMembers`, `GET msdynmkt_segments`, `GetObject`.
    pub operation: String,
    /// The HTTP method.
    pub method: Method,
    /// The decoded path.
    pub path: String,
    /// The decoded query.
    pub query: Vec<(String, String)>,
    /// The number of body bytes.
    pub size: usize,
    /// The status answered; nothing while it is under way or where the connection was dropped.
    pub status: Option<u16>,
    /// When it had arrived.
    pub at: Instant,
}

/// Log, faults and latency of one service.
pub struct Front {
    format: ErrorFormat,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    log: BTreeMap<u64, Logged>,
    next: u64,
    in_flight: usize,
    most_in_flight: usize,
    latency: BTreeMap<String, Duration>,
}

impl Front {
    /// Starts with an empty log, no faults and no latency.
    pub fn new(format: ErrorFormat) -> Self {
        Self {
            format,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Logs a call, plays the first fault rule that concerns it, and processes it.
    pub async fn serve<F>(
        &self,
        operation: &str,
        call: Call,
        process: impl FnOnce(Call) -> F,
    ) -> Result<Answer, Dropped>
    where
        F: Future<Output = Result<Answer, Dropped>>,
    {
        let (number, fault, latency) = self.begin(operation, &call);
        let format = self.format;
        let processed = async move {
            if !latency.is_zero() {
                tokio::time::sleep_until(call.arrived + latency).await;
            }
            process(call).await
        };
        let answer = match fault {
            Some(fault) => fault.play(format, processed).await,
            None => processed.await,
        };
        self.end(number, answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        answer
    }

    /// Adds a fault rule.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Makes every call of an operation (`*` is any without its own) take this long.
    pub fn latency(&self, operation: &str, latency: Duration) {
        self.state().latency.insert(operation.to_owned(), latency);
    }

    /// Returns the requests since the start or the last clearing, in order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.state().log.values().cloned().collect()
    }

    /// Counts the logged requests that satisfy a condition.
    pub fn count(&self, condition: impl Fn(&Logged) -> bool) -> usize {
        self.state().log.values().filter(|logged| condition(logged)).count()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        let mut state = self.state();
        state.log.clear();
        state.most_in_flight = state.in_flight;
    }

    /// Returns how many requests were at most in flight since the last clearing.
    pub fn most_in_flight(&self) -> usize {
        self.state().most_in_flight
    }

    /// Waits until so many logged requests satisfy a condition.
    pub async fn arrived(&self, count: usize, condition: impl Fn(&Logged) -> bool) {
        loop {
            // Created before the look, so that no request in between is missed.
            let changed = self.changed.notified();
            if self.count(&condition) >= count {
                return;
            }
            changed.await;
        }
    }

    /// Waits until nothing is in flight: what a killed client sent is still carried out.
    pub async fn quiet(&self) {
        loop {
            let changed = self.changed.notified();
            if self.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Returns how many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    fn begin(&self, operation: &str, call: &Call) -> (u64, Option<Fault>, Duration) {
        let path = call.path();
        let mut state = self.state();
        let mut concerned = None;
        for fault in &mut state.faults {
            // Every rule counts the call, the first one that fires wins.
            if fault.concerns(operation, &path) && concerned.is_none() {
                concerned = Some(fault.clone());
            }
        }
        let latency = state.latency.get(operation).or_else(|| state.latency.get("*"));
        let latency = latency.copied().unwrap_or_default();
        let number = state.next;
        state.next += 1;
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        state.log.insert(
            number,
            Logged {
                operation: operation.to_owned(),
                method: call.method.clone(),
                path,
                query: call.query(),
                size: call.body.len(),
                status: None,
                at: call.arrived,
            },
        );
        self.changed.notify_waiters();
        (number, concerned, latency)
    }

    fn end(&self, number: u64, status: Option<u16>) {
        let mut state = self.state();
        state.in_flight -= 1;
        self.changed.notify_waiters();
        if let Some(logged) = state.log.get_mut(&number) {
            logged.status = status;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
