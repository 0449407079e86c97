//! How the segments are, told by their heads at once: `status`, and what a sweep leaves alone.

use crate::failures::{A_LEASE, sweep};
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, DESTINATION_SECRET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

async fn status(world: &World) -> Value {
    world.invoke(json!({"action": "status"})).await.unwrap()
}

/// Returns the one segment that is known.
async fn only(world: &World) -> Value {
    let answer = status(world).await;
    assert_eq!(answer["segments"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["segments"][0]["segment_name"], SEGMENT, "{answer}");
    answer["segments"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_segment_is_fresh_then_refused_then_stale_as_its_head_says() {
    let world = World::start().await;
    assert_eq!(
        status(&world).await,
        json!({"segments": [], "files_without_marker": [], "warnings": []})
    );
    world.load("monday.csv", &contacts(0..200)).await.assert_loaded();
    let fresh = only(&world).await;
    assert_eq!(fresh["state"], "fresh", "{fresh}");
    assert_eq!(
        (&fresh["contacts"], &fresh["pending"], &fresh["failures"]),
        (&json!(200), &json!(0), &json!(0))
    );
    assert!(
        fresh["last_load"].is_string() && fresh["environment"].is_string(),
        "{fresh}"
    );
    assert_eq!(fresh["reason"], Value::Null);

    world.load("tuesday.csv", &contacts(0..20)).await.assert_refused();
    let refused = only(&world).await;
    assert_eq!(
        (&refused["state"], &refused["contacts"]),
        (&json!("refused"), &json!(200)),
        "{refused}"
    );
    assert!(refused["reason"].as_str().unwrap().contains("approve"), "{refused}");

    world.load("wednesday.csv", &contacts(0..190)).await.assert_loaded();
    world.destination(&json!({"stale_after_hours": 24}));
    assert_eq!(only(&world).await["state"], "fresh");
    world.sandbox.s3.clock().advance(Duration::from_hours(25));
    let stale = only(&world).await;
    assert_eq!(stale["state"], "stale", "{stale}");
}

#[tokio::test(start_paused = true)]
async fn what_is_computing_failing_or_under_way_is_told_with_its_times() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 0}));
    world.load("monday.csv", &contacts(0..50)).await.assert_computing();
    assert_eq!(only(&world).await["state"], "computing");
    tokio::time::sleep(Duration::from_mins(5)).await;
    sweep(&world).await;
    assert_eq!(only(&world).await["state"], "fresh");

    let fault = Fault::on("AddStaticMembers").always().answer(403);
    world.sandbox.dataverse.fault(fault);
    let key = world.drop_contacts("tuesday.csv", &contacts(0..60));
    world
        .invoke(world.sandbox.s3.notification(BUCKET, &key))
        .await
        .unwrap_err();
    let failing = only(&world).await;
    assert_eq!(
        (&failing["state"], &failing["failures"], &failing["pending"]),
        (&json!("failing"), &json!(1), &json!(1))
    );
    assert!(
        failing["waiting_until"].is_string() && failing["lease_until"].is_null(),
        "{failing}"
    );
    assert!(failing["reason"].as_str().unwrap().contains("1 attempt"), "{failing}");

    let swept = sweep(&world).await;
    assert_eq!(swept["runs"], json!([]), "{swept}");
    assert_eq!(swept["waiting"][0]["segment_name"], SEGMENT, "{swept}");
    assert_eq!(swept["waiting"][0]["until"], failing["waiting_until"], "{swept}");
    world.sandbox.dataverse.clear_faults();
    let swept = world.invoke(json!({"action": "sweep", "now": true})).await.unwrap();
    assert_eq!(
        (&swept["runs"][0]["outcome"], &swept["waiting"]),
        (&json!("computing"), &json!([])),
        "{swept}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_a_dead_run_holds_is_loading_until_its_lease_is_over() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..10)));
    let key = world.drop_contacts("monday.csv", &contacts(0..60));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    crate::failures::kill_at(&world, event, "AddStaticMembers", 1).await;
    let loading = only(&world).await;
    assert_eq!(loading["state"], "loading", "{loading}");
    assert!(
        loading["lease_until"].is_string() && loading["waiting_until"].is_null(),
        "{loading}"
    );
    let swept = sweep(&world).await;
    assert_eq!(swept["waiting"][0]["until"], loading["lease_until"], "{swept}");
    tokio::time::sleep(A_LEASE).await;
    assert_eq!(only(&world).await["state"], "waiting");
}

#[tokio::test]
async fn a_damaged_head_another_environment_and_an_unreadable_secret_are_told_and_keep_nothing_from_the_answer() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let other = World::in_sandbox(Sandbox::start().await, &[]);
    other.load("monday.csv", &contacts(0..30)).await.assert_loaded();
    let theirs = other.sandbox.s3.keys(BUCKET, "_state/segments/").pop().unwrap();
    world
        .sandbox
        .s3
        .put(BUCKET, &theirs, other.sandbox.s3.get(BUCKET, &theirs).unwrap());
    let damaged = format!("_state/segments/{}/head.json", "0".repeat(32));
    world.sandbox.s3.put(BUCKET, &damaged, "{\"v\":");

    let answer = status(&world).await;
    let told = |name: &str| {
        let segments = answer["segments"].as_array().unwrap();
        segments.iter().filter(|segment| segment["state"] == name).count()
    };
    assert_eq!((told("fresh"), told("unreadable")), (2, 1), "{answer}");
    let named = world
        .invoke(json!({"action": "status", "segment_name": "Nobody"}))
        .await
        .unwrap();
    assert_eq!(named["segments"], json!([]));

    world.destination(&json!({"stale_after_hours": 1}));
    world.sandbox.s3.clock().advance(Duration::from_hours(2));
    let stale = status(&world).await;
    let states: Vec<_> = stale["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| &segment["state"])
        .collect();
    assert_eq!(
        states.iter().filter(|state| **state == "stale").count(),
        1,
        "only its own: {stale}"
    );

    world.sandbox.secrets.put_text(DESTINATION_SECRET, "no JSON");
    let answer = status(&world).await;
    assert_eq!(answer["segments"].as_array().unwrap().len(), 3, "{answer}");
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 1, "{answer}");
    assert!(!answer.to_string().contains("\"stale\""), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn files_that_wait_for_a_marker_are_listed_and_after_an_hour_a_sweep_warns_of_them() {
    let world = World::start().await;
    world.destination(&json!({"result_files": "folder"}));
    let part = world.drop_contacts("2026-11-23/part-0.csv", &contacts(0..50));
    let answer = status(&world).await;
    assert_eq!(
        answer["files_without_marker"],
        json!([format!("s3://{BUCKET}/{part}")]),
        "{answer}"
    );
    assert_eq!(sweep(&world).await["warnings"], json!([]));
    world.sandbox.s3.clock().advance(Duration::from_mins(61));
    // S3 says so more than once before it is believed.
    status(&world).await;
    let warned = sweep(&world).await["warnings"].to_string();
    assert!(
        warned.contains("data files wait") && warned.contains("part-0.csv"),
        "{warned}"
    );
    let marker = world.drop_file("2026-11-23/_SUCCESS", Vec::new());
    world.run(&marker).await.assert_loaded();
    assert_eq!(status(&world).await["files_without_marker"], json!([]));
    assert_eq!(sweep(&world).await["warnings"], json!([]));
}
