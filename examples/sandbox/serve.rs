//! The sandbox that stays up: files that are dropped are loaded, and the function can be invoked.

use crate::arguments::Options;
use crate::place::Place;
use crate::query_result::SHIPPED;
use crate::{cloud, endpoint, manual};
use sandbox::{BUCKET, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

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

/// Serves until it is dropped.
pub async fn run(options: Options) -> ExitCode {
    let sandbox = cloud::start(&options).await;
    cloud::seed_last_week(&sandbox);
    put_event_objects(&sandbox);
    let seen = newest_versions(&sandbox);
    let place = match Place::open(sandbox, &options).await {
        Ok(place) => Arc::new(place),
        Err(error) => {
            eprintln!("The function cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (listener, address) = match endpoint::listen().await {
        Ok(listening) => listening,
        Err(error) => {
            eprintln!("No port of 127.0.0.1 is free: {error}");
            return ExitCode::FAILURE;
        }
    };
    manual::print(&place.sandbox, address);
    tokio::select! {
        served = endpoint::serve(listener, Arc::clone(&place)) => {
            eprintln!("The endpoint ended: {served:?}");
            ExitCode::FAILURE
        }
        () = deliver_what_is_dropped(&place, seen) => ExitCode::FAILURE,
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
