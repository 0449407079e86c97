//! `test_connection`: each check, and one sentence with a fix for each way to fail.

use crate::world::World;
use sandbox::{CREDENTIAL_SECRET, DESTINATION_SECRET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

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

#[tokio::test(start_paused = true)]
async fn what_took_the_time_is_told_where_it_runs_out() {
    let throttled = || {
        Fault::on("WhoAmI")
            .answer(429)
            .header("Retry-After", "60")
            .code("0x80072322")
    };
    let waiting = "Dynamics throttles: requests have to wait 60 s more, and ";
    for (fault, words) in [
        (throttled(), waiting),
        (
            Fault::on("WhoAmI").answer(503).header("Retry-After", "60"),
            "Dynamics is not available",
        ),
        (Fault::on("WhoAmI").answer(500), "the last one: HTTP 500"),
        (
            Fault::on("WhoAmI").answer(200).html(),
            "a web page instead of an answer",
        ),
        (Fault::on("WhoAmI").drop_connection(), "the connection broke"),
        (Fault::on("WhoAmI").delay(Duration::from_hours(1)), "no answer in time"),
    ] {
        let world = World::start().await;
        world.sandbox.dataverse.fault(fault.always());
        let time = Duration::from_secs(20);
        let answer = world.invoke_for(json!({"action": "test_connection"}), time).await;
        let answer = answer.unwrap();
        let detail = answer["checks"][3]["detail"].as_str().unwrap();
        // Chance decides how often the others are asked before the time is over.
        let is_waited_for = words.contains("Dynamics") || words.contains("in time");
        assert!(detail.contains(words), "{words}: {detail}");
        assert!(!is_waited_for || detail.contains("out of time, since"), "{detail}");
    }
    let world = World::start().await;
    world
        .sandbox
        .entra
        .fault(Fault::on("Token").answer(429).header("Retry-After", "60").always());
    let answer = world
        .invoke_for(json!({"action": "test_connection"}), Duration::from_secs(20))
        .await;
    let detail = answer.unwrap()["checks"][2]["detail"].to_string();
    assert!(
        detail.contains("since Entra ID gave no token, the last answer: HTTP 429"),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_entra_that_waited_too_long_for_the_request_is_asked_again() {
    let world = World::start().await;
    world.sandbox.entra.fault(Fault::on("Token").answer(408).times(2));
    assert_eq!(test(&world).await["ok"], true);
}

#[tokio::test(start_paused = true)]
async fn for_how_long_entra_throttles_is_told_too() {
    let world = World::start().await;
    let throttled = Fault::on("Token").answer(429).header("Retry-After", "60");
    world.sandbox.entra.fault(throttled.always());
    let words = ["the test gives up after 30 s", "HTTP 429", "have to wait 60 s more"];
    assert_fails(&world, "token", &words).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_kept_waiting_for_longer_than_half_a_minute_and_what_dynamics_said_is_told() {
    let throttled = |seconds: &str| Fault::on("WhoAmI").answer(429).header("Retry-After", seconds);
    for (fault, words) in [
        (throttled("300"), "Dynamics throttles: requests have to wait 300 s more"),
        (throttled("7"), "Dynamics throttles: requests have to wait 7 s more"),
        (
            Fault::on("WhoAmI").answer(429),
            "Dynamics throttles: requests have to wait ",
        ),
        (
            Fault::on("WhoAmI").answer(503).header("Retry-After", "300"),
            "Dynamics is not available",
        ),
        (Fault::on("WhoAmI").delay(Duration::from_hours(1)), "no answer in time"),
    ] {
        let world = World::start().await;
        world.sandbox.dataverse.fault(fault.always());
        let start = Instant::now();
        assert_fails(&world, "who_am_i", &["the test gives up after 30 s, since", words]).await;
        assert!(
            start.elapsed() <= Duration::from_secs(31),
            "{words}: {:?}",
            start.elapsed()
        );
    }
}
