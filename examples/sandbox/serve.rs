//! The sandbox that stays up: files that are dropped are loaded, and the function can be invoked.

use crate::query_result::SHIPPED;
use crate::report;
use crate::{cloud, endpoint, manual, progress};
use sandbox::lambda::{InvocationError, Lambda};
use sandbox::{BUCKET, Sandbox};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The objects that `events/*.json` speak of, with the versions that some of them name; each is newer than the one before,
/// also where they come within one second.
const OF_THE_EVENTS: [(&str, Option<&str>); 3] = [
    ("incoming/Summer Sale/2026-11-23.csv", None),
    (
        "incoming/Summer Sale/café+wool-2026-11-23.csv",
        Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"),
    ),
    (
        "incoming/Summer Sale/café-2026-11-23.csv",
        Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"),
    ),
];
/// How often the bucket is looked at for new objects.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Lambda waits a minute and two between the attempts of one event.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];

/// How many characters of an event are shown.
const SHOWN: usize = 90;

/// The sandbox with its one function.
pub struct Place {
    pub sandbox: Sandbox,
    /// One invocation at a time: there is one instance.
    function: Mutex<Lambda>,
}

/// Serves until it is dropped.
pub async fn run() -> ExitCode {
    let sandbox = cloud::start().await;
    cloud::seed_last_week(&sandbox);
    put_event_objects(&sandbox);
    let seen = newest_versions(&sandbox);
    let function = match cloud::deploy(&sandbox).await {
        Ok(function) => Mutex::new(function),
        Err(error) => {
            eprintln!("The function cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let place = Arc::new(Place { sandbox, function });
    let listener = match endpoint::listen().await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("No port of 127.0.0.1 is free: {error}");
            return ExitCode::FAILURE;
        }
    };
    manual::print(&place.sandbox, &listener);
    tokio::select! {
        served = endpoint::serve(listener, Arc::clone(&place)) => {
            eprintln!("The endpoint ended: {served:?}");
            ExitCode::FAILURE
        }
        () = deliver_what_is_dropped(&place, seen) => ExitCode::FAILURE,
    }
}

impl Place {
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

    async fn deliver(&self, key: &str, event: &Value) {
        let mut function = self.function.lock().await;
        let before = report::receipts(&self.sandbox);
        println!("\nDropped: s3://{BUCKET}/{key}");
        let delivery = function.deliver(event, cloud::TIMEOUT, RETRY_PAUSES);
        let mut attempts = progress::told(&self.sandbox, delivery).await;
        let count = attempts.len();
        if let Some(last) = attempts.pop() {
            if count > 1 {
                println!("  the event was delivered {count} times, as Lambda does when an invocation fails");
            }
            self.tell(last, &before);
        }
    }

    fn tell(&self, answer: Result<Value, InvocationError>, before: &BTreeSet<String>) {
        match report::of(&self.sandbox, answer, before) {
            Ok(reports) if reports.is_empty() => println!("  answered; nothing was to be loaded"),
            Ok(reports) => {
                for report in &reports {
                    println!("  {}", report::in_short(report));
                }
            }
            Err(reason) => println!("  failed: {reason}"),
        }
    }
}

async fn deliver_what_is_dropped(place: &Place, mut seen: BTreeMap<String, Value>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for (key, version) in newest_versions(&place.sandbox) {
            if seen.get(&key) != Some(&version) {
                let event = place.sandbox.s3.notification(BUCKET, &key);
                seen.insert(key.clone(), version);
                place.deliver(&key, &event).await;
                // Others may be gone by now.
                break;
            }
        }
    }
}

fn newest_versions(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let keys = sandbox.s3.keys(BUCKET, "incoming/").into_iter();
    keys.map(|key| {
        let mut event = sandbox.s3.notification(BUCKET, &key);
        let version = event["Records"][0]["s3"]["object"]["versionId"].take();
        (key, version)
    })
    .collect()
}

fn put_event_objects(sandbox: &Sandbox) {
    for (key, version) in OF_THE_EVENTS {
        match version {
            Some(version) => sandbox.s3.put_version(BUCKET, key, version, SHIPPED),
            None => drop(sandbox.s3.put(BUCKET, key, SHIPPED)),
        }
    }
}
