//! The sandbox with its one function, which events and people invoke.

use crate::arguments::Options;
use crate::faults::Faults;
use crate::{cloud, page, progress, report, say};
use sandbox::lambda::{InvocationError, Killer, Lambda};
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Lambda waits a minute and two between the attempts of one event.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];
/// How often an event that waits looks whether the function may run again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many characters of an event are shown.
const SHOWN: usize = 90;

/// The sandbox with its one function.
pub struct Place {
    pub sandbox: Sandbox,
    pub faults: Faults,
    /// What kills the function while it works.
    pub killer: Killer,
    pub lease_seconds: Option<u32>,
    /// Set while the function's concurrency is zero: then nothing runs.
    pub is_stopped: AtomicBool,
    /// One invocation at a time: there is one instance.
    function: tokio::sync::Mutex<Lambda>,
    log: Log,
    failed: Mutex<Vec<Failed>>,
}

/// What the function has logged: milliseconds since 1970, and the line.
type Log = Arc<Mutex<Vec<(u64, String)>>>;

/// An event that failed for good, in the queue that the stack has for them.
#[derive(Clone)]
pub struct Failed {
    pub id: Uuid,
    pub message: Value,
}

impl Place {
    /// Deploys the function in a sandbox.
    pub async fn open(sandbox: Sandbox, options: &Options) -> io::Result<Self> {
        let log = Log::default();
        let kept = Arc::clone(&log);
        let on_line = move |line: &str| {
            locked(&kept).push((now(), line.to_owned()));
            progress::relay(line);
        };
        let function = cloud::deploy(&sandbox, options, Arc::new(on_line)).await?;
        Ok(Self {
            sandbox,
            faults: Faults::default(),
            killer: function.killer(),
            lease_seconds: options.lease_seconds,
            is_stopped: AtomicBool::new(false),
            function: tokio::sync::Mutex::new(function),
            log,
            failed: Mutex::default(),
        })
    }

    /// Invokes the function and tells what it does.
    pub async fn invoke(&self, event: &Value) -> Result<Value, InvocationError> {
        let mut function = self.function.lock().await;
        let before = report::receipts(&self.sandbox);
        let shown: String = event.to_string().chars().take(SHOWN).collect();
        println!("\nInvoked with {shown}");
        let answer = progress::told(&self.sandbox, function.invoke(event, cloud::TIMEOUT)).await;
        self.tell(answer.clone(), &before);
        answer
    }

    /// Delivers S3's event about an object, unless it is to be lost.
    pub async fn deliver(&self, key: &str, event: &Value) {
        println!("\nDropped: s3://{BUCKET}/{key}");
        if self.faults.loses_event() {
            return println!("  its event is lost: nobody tells the function");
        }
        while self.is_stopped.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let mut function = self.function.lock().await;
        let before = report::receipts(&self.sandbox);
        let delivery = function.deliver(event, cloud::TIMEOUT, RETRY_PAUSES);
        let mut attempts = progress::told(&self.sandbox, delivery).await;
        let count = attempts.len();
        if let Some(last) = attempts.pop() {
            if count > 1 {
                println!("  the event was delivered {count} times, as Lambda does when an invocation fails");
            }
            if let Err(error) = &last {
                println!("  it lies in the failure queue now");
                self.keep_failed(event, error, count);
            }
            self.tell(last, &before);
        }
    }

    /// Returns the lines that the function logged from then on, in milliseconds since 1970.
    pub fn logged_since(&self, start: u64) -> Vec<(u64, String)> {
        let log = locked(&self.log);
        log.iter().filter(|(at, _)| *at >= start).cloned().collect()
    }

    /// Returns the events that failed for good.
    pub fn failed(&self) -> Vec<Failed> {
        locked(&self.failed).clone()
    }

    /// Takes an event out of the failure queue.
    pub fn forget_failed(&self, id: &str) {
        locked(&self.failed).retain(|failed| failed.id.to_string() != id);
    }

    fn keep_failed(&self, event: &Value, error: &InvocationError, count: usize) {
        let message = json!({
            "version": "1.0",
            "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": count},
            "requestPayload": event,
            "responsePayload": {"errorType": error.error_type, "errorMessage": error.error_message},
        });
        let id = Uuid::new_v4();
        locked(&self.failed).push(Failed { id, message });
    }

    fn tell(&self, answer: Result<Value, InvocationError>, before: &BTreeSet<String>) {
        match report::of(&self.sandbox, answer, before) {
            Ok(reports) if reports.is_empty() => println!("  answered; nothing was to be loaded"),
            Ok(reports) => {
                for report in &reports {
                    report::print_in_short(report);
                }
            }
            Err(reason) => say::line("  failed: ", &reason),
        }
        if let Err(error) = page::write(&self.sandbox) {
            println!("  the status page could not be written to a file: {error}");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> u64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
