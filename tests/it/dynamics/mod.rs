//! Entra ID and Dataverse through the real client, against the sandbox.
#![expect(clippy::unwrap_used, reason = "what the helpers of tests cannot do fails the test")]

mod endless;
mod lies;
mod members;
mod refusals;
mod segments;
mod throttling;
mod token;

use sandbox::dataverse::Seed;
use sandbox::{DESTINATION_SECRET, Sandbox};
use segment_loader::config::{AwsIdentity, Secrets, Settings};
use segment_loader::domain::{ContactId, SegmentName};
use segment_loader::dynamics::{Dataverse, GroupId, SegmentId, TokenCache};
use segment_loader::time::Fence;
use std::time::Duration;
use uuid::Uuid;

/// As in production.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Connects with the sandbox's secrets.
async fn connected(sandbox: &Sandbox) -> Dataverse {
    connected_until(sandbox, Fence::open()).await
}

async fn connected_until(sandbox: &Sandbox, fence: Fence) -> Dataverse {
    connected_with(sandbox, fence, TokenCache::default()).await
}

async fn connected_with(sandbox: &Sandbox, fence: Fence, tokens: TokenCache) -> Dataverse {
    crate::leaks::watch();
    let client = aws_sdk_secretsmanager::Client::new(&sandbox.aws_config());
    let identity = AwsIdentity::new(aws_sdk_sts::Config::new(&sandbox.aws_config()));
    let secrets = Secrets::new(client, identity, DESTINATION_SECRET);
    let destination = secrets.destination().await.unwrap();
    let credential = secrets.credential(&destination).await.unwrap();
    let settings = Settings {
        destination,
        credential,
        business_unit: None,
    };
    Dataverse::with_tokens(http_client(), &settings, secrets, REQUEST_TIMEOUT, fence, tokens)
}

#[expect(
    clippy::disallowed_methods,
    reason = "these tests need no whole function; as in production, no redirection is followed"
)]
fn http_client() -> reqwest::Client {
    let redirect = reqwest::redirect::Policy::none();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect)
        .build()
        .unwrap()
}

fn name(text: &str) -> SegmentName {
    SegmentName::parse(text).unwrap()
}

/// Makes so many ids, always the same and in ascending order.
fn uuids(count: u128) -> Vec<Uuid> {
    (1..=count)
        .map(|n| Uuid::from_u128((n << 80) | (0x4000 << 64) | (0x8000 << 48) | n))
        .collect()
}

fn contacts(uuids: &[Uuid]) -> Vec<ContactId> {
    uuids
        .iter()
        .map(|id| ContactId::from_bytes(*id.as_bytes()).unwrap())
        .collect()
}

/// Puts a published segment with one group in, and returns what is needed to work on it.
async fn seeded(sandbox: &Sandbox, dataverse: &Dataverse, members: &[Uuid]) -> (SegmentId, GroupId) {
    sandbox
        .dataverse
        .seed_segment(Seed::named("Socks").group(members.iter().copied()));
    let found = dataverse.find_segments(&name("Socks")).await.unwrap();
    let definition = dataverse.definition(found[0].definition_id).await.unwrap();
    (found[0].id, definition.groups[0].id.clone())
}
