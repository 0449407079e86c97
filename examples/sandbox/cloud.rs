//! What is there before anything runs: the sandbox, last week's segment, the deployed function.

use crate::arguments::Options;
use crate::query_result::{QueryResult, SHIPPED_SEGMENT};
use sandbox::dataverse::Seed;
use sandbox::lambda::{InvocationError, Lambda, OnLine};
use sandbox::{BUCKET, DESTINATION_SECRET, Sandbox};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use uuid::Uuid;

/// How long Dynamics takes to compute a published segment; in reality minutes.
pub const PUBLISH_DELAY: Duration = Duration::from_secs(2);
/// How long a Dataverse call takes; in reality five to ten times that.
const DATAVERSE_LATENCY: Duration = Duration::from_millis(30);
/// Lambda's limit, as the template sets it.
pub const TIMEOUT: Duration = Duration::from_mins(15);

/// Every 17th contact of this week's file is new.
const NEW_EVERY: usize = 17;
/// So many members of last week are in this week's file no more.
const LEFT: u128 = 180;

/// Starts AWS, Entra ID and Dataverse.
pub async fn start(options: &Options) -> Sandbox {
    let sandbox = Sandbox::start().await;
    let settings: Map<_, _> = options.settings.iter().cloned().collect();
    sandbox.secrets.merge(DESTINATION_SECRET, &Value::Object(settings));
    sandbox.dataverse.modes(|modes| modes.publish_delay = PUBLISH_DELAY);
    sandbox.dataverse.latency("*", DATAVERSE_LATENCY);
    sandbox
}

/// Puts in the segment of the shipped file as last week's file left it.
pub fn seed_last_week(sandbox: &Sandbox) {
    let this_week: BTreeSet<Uuid> = QueryResult::shipped().contacts().unwrap_or_default();
    let stayed = this_week
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % NEW_EVERY != 0);
    let left = (1..=LEFT).map(|number| Uuid::from_u128((0x50CC << 112) | (0x4000 << 64) | (0x8000 << 48) | number));
    let members = stayed.map(|(_, id)| id).chain(left);
    sandbox
        .dataverse
        .seed_segment(Seed::named(SHIPPED_SEGMENT).group(members));
}

/// Says who is a contact: those of the shipped file.
pub fn seed_contacts(sandbox: &Sandbox) {
    let contacts = QueryResult::shipped().contacts().unwrap_or_default();
    sandbox.dataverse.set_known_contacts(contacts);
}

/// Drops a result into the bucket and returns the notification that S3 sends.
pub fn drop_result(sandbox: &Sandbox, result: &QueryResult) -> Value {
    let metadata: Vec<_> = result
        .metadata
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for (key, bytes) in &result.objects {
        sandbox.s3.put_with_metadata(BUCKET, key, bytes.clone(), &metadata);
    }
    sandbox.s3.notification(BUCKET, result.key())
}

/// Deploys this program as the function, whose every line goes to `on_line`; see `main`.
pub async fn deploy(sandbox: &Sandbox, options: &Options, on_line: OnLine) -> io::Result<Lambda> {
    let mut environment = sandbox.environment();
    let lease = options.lease_seconds.map(|seconds| seconds.to_string());
    environment.extend(lease.map(|seconds| ("LEASE_SECONDS".to_owned(), seconds)));
    Ok(Lambda::deploy_with(&std::env::current_exe()?, &environment, on_line).await)
}

/// Says how an invocation failed, in one line.
pub fn explained(error: &InvocationError) -> String {
    format!("{} ({})", error.error_message, error.error_type)
}
