//! `test_connection`: each check, and one sentence with a fix for each way to fail.

use crate::sandbox::{CREDENTIAL_SECRET, DESTINATION_SECRET};
use crate::world::World;
use serde_json::{Value, json};

const CHECKS: [&str; 5] = [
    "destination_secret",
    "credential_secret",
    "token",
    "who_am_i",
    "segment_tables",
];

async fn test(world: &World) -> Value {
    let event = include_str!("../../events/test-connection.json");
    world.invoke(serde_json::from_str(event).unwrap()).await.unwrap()
}

/// Tests a broken connection: all checks before `check` pass, it fails with these words, none follows.
async fn assert_fails(world: &World, check: &str, words: &[&str]) {
    let answer = test(world).await;
    let checks = answer["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    let position = CHECKS.iter().position(|name| *name == check).unwrap();
    assert_eq!(names, CHECKS[..=position], "{answer}");
    let (last, passed) = checks.split_last().unwrap();
    assert!(passed.iter().all(|check| check["ok"] == true), "{answer}");
    assert_eq!((&answer["ok"], &last["ok"]), (&json!(false), &json!(false)));
    let detail = last["detail"].as_str().unwrap();
    assert!(words.iter().all(|word| detail.contains(word)), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_good_connection_passes_five_checks_and_writes_nothing() {
    let world = World::start().await;
    let answer = test(&world).await;
    assert_eq!(answer["ok"], true, "{answer}");
    let names: Vec<_> = answer["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].clone())
        .collect();
    assert_eq!(names, CHECKS);
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_malformed_destination_is_named() {
    let world = World::start().await;
    world.sandbox.secrets.remove(DESTINATION_SECRET);
    assert_fails(&world, "destination_secret", &[DESTINATION_SECRET]).await;
    world.sandbox.secrets.put_text(DESTINATION_SECRET, "{ not json");
    assert_fails(&world, "destination_secret", &[DESTINATION_SECRET, "JSON"]).await;
    world.sandbox.secrets.put(
        DESTINATION_SECRET,
        &json!({"credential": "x", "environment_url": "https://a.example.com"}),
    );
    assert_fails(&world, "destination_secret", &["environment_url"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_credential_without_a_field_or_without_access_is_named() {
    let world = World::start().await;
    world
        .sandbox
        .secrets
        .merge(CREDENTIAL_SECRET, &json!({"client_secret": null}));
    assert_fails(&world, "credential_secret", &[CREDENTIAL_SECRET, "client_secret"]).await;
    world.sandbox.secrets.deny(CREDENTIAL_SECRET);
    assert_fails(
        &world,
        "credential_secret",
        &[
            "the secret that `credential` names in",
            DESTINATION_SECRET,
            "secretsmanager:GetSecretValue",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_tenant_client_or_secret_is_told_by_its_number() {
    let unknown = "11111111-2222-4333-8444-555555555555";
    for (field, value, words) in [
        ("tenant_id", unknown, ["AADSTS90002", "tenant"]),
        ("client_id", unknown, ["AADSTS700016", "client_id"]),
        ("client_secret", "wrong", ["AADSTS7000215", "client_secret"]),
    ] {
        let world = World::start().await;
        world.sandbox.secrets.merge(CREDENTIAL_SECRET, &json!({ field: value }));
        assert_fails(&world, "token", &words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_application_user_and_a_missing_privilege_and_a_missing_solution_differ() {
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| modes.user_missing = true);
    assert_fails(&world, "who_am_i", &["application user", "0x80072560"]).await;

    let world = World::start().await;
    world.sandbox.dataverse.deny("GET msdynmkt_segmentdefinitions");
    assert_fails(&world, "segment_tables", &["privilege", "0x80040220"]).await;

    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| modes.no_journeys = true);
    assert_fails(
        &world,
        "segment_tables",
        &["Customer Insights - Journeys is not installed"],
    )
    .await;
}
