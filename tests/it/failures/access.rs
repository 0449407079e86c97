//! Entra ID, secrets and rights during a load.

use super::failure_of;
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{CREDENTIAL_SECRET, Fault};
use serde_json::json;
use std::time::Duration;

const ROTATED: &str = "Sandbox~Secret of tomorrow";

/// A world whose load takes long enough for its token to expire several times.
async fn slow_world() -> World {
    let world = World::start().await;
    world.sandbox.entra.expires_in(Duration::from_secs(5));
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(4));
    world
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_or_is_revoked_during_the_load_is_renewed() {
    let world = slow_world().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..12_000));
    let (answer, ()) = tokio::join!(world.deliver(&key), async {
        world.sandbox.dataverse.arrived("AddStaticMembers", 5).await;
        world.sandbox.entra.revoke_tokens();
    });
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(0..12_000));
    assert!(world.sandbox.entra.requests().len() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_secret_rotated_during_the_load_is_read_once_more() {
    let world = slow_world().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..12_000));
    let (answer, ()) = tokio::join!(world.deliver(&key), async {
        world.sandbox.dataverse.arrived("AddStaticMembers", 5).await;
        world.sandbox.entra.rotate_secret(ROTATED);
        world
            .sandbox
            .secrets
            .merge(CREDENTIAL_SECRET, &json!({"client_secret": ROTATED}));
    });
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(0..12_000));
    let reads = world.sandbox.secrets.requests().len();
    assert!(
        (3..=4).contains(&reads),
        "destination, credential and once more: {reads}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_secret_that_stays_wrong_names_the_secret_and_the_number_and_leaves_the_audience() {
    let world = slow_world().await;
    world.load("sunday.csv", &contacts(0..100)).await;
    world.sandbox.entra.rotate_secret(ROTATED);
    world.sandbox.entra.revoke_tokens();
    let key = world.drop_contacts("monday.csv", &contacts(0..120));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "EntraRefused", "{reason}");
    assert!(
        reason.contains("AADSTS7000215") && reason.contains(CREDENTIAL_SECRET),
        "{reason}"
    );
    assert_eq!(world.published(), contacts(0..100));
}

/// How the environment is broken, the type of the failure, and Dynamics' code for it.
type Broken = (fn(&World), &'static str, &'static str);

#[tokio::test(start_paused = true)]
async fn a_missing_user_privilege_or_solution_are_three_different_sentences() {
    let cases: [Broken; 3] = [
        (
            |world| world.sandbox.dataverse.modes(|modes| modes.user_missing = true),
            "ApplicationUserMissing",
            "0x80072560",
        ),
        (
            |world| world.sandbox.dataverse.deny("AddStaticMembers"),
            "PrivilegeMissing",
            "0x80040220",
        ),
        (
            |world| world.sandbox.dataverse.modes(|modes| modes.no_journeys = true),
            "JourneysNotInstalled",
            "0x80060888",
        ),
    ];
    for (break_it, kind, code) in cases {
        let world = World::start().await;
        break_it(&world);
        let key = world.drop_contacts("monday.csv", &contacts(0..120));
        let (found, reason) = failure_of(&world, &key).await;
        assert_eq!(found, kind, "{reason}");
        assert!(reason.contains(code), "{reason}");
        assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_entra_that_throttles_is_waited_for_and_one_that_stays_so_continues_later() {
    let world = World::start().await;
    let throttled = || Fault::on("Token").answer(429).header("Retry-After", "60");
    world.sandbox.entra.fault(throttled().times(2));
    assert_eq!(world.load("monday.csv", &contacts(0..100)).await.outcome(), "loaded");

    let world = World::start().await;
    world.sandbox.entra.fault(throttled().always());
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(sandbox::BUCKET, &key);
    let ended = world.invoke_for(event, Duration::from_mins(2)).await.unwrap();
    Run::first(&ended).assert_continues();
    assert_eq!(world.head()["lease"], json!(null));
}
