//! When the status page is written, by whom, and that nothing else depends on it.

use super::{PAGE, assert_shows, lines};
use crate::failures::sweep;
use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, SEGMENT, World, contacts, csv};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, DESTINATION_SECRET, Fault, Sandbox};
use serde_json::json;
use std::time::Duration;

/// Returns how often the page was asked to be written.
fn writes(world: &World) -> usize {
    let requests = world.sandbox.s3.requests();
    let writes = requests
        .iter()
        .filter(|request| request.operation == "PutObject" && request.path.ends_with("status.html"));
    writes.count()
}

#[tokio::test(start_paused = true)]
async fn of_runs_that_end_at_once_each_is_on_the_page() {
    let world = World::start().await;
    let names = ["One", "Two", "Three", "Four", "Five", "Six"];
    let load = async |name: &str| {
        let app = World::app(&world.sandbox, &[]);
        let key = format!("incoming/{name}/a.csv");
        world.sandbox.s3.put(BUCKET, &key, csv(&contacts(0..20)));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let answer = Box::pin(app.handle(event, FIFTEEN_MINUTES)).await.unwrap();
        Run::first(&answer).assert_loaded();
    };
    futures_util::future::join_all(names.map(load)).await;
    assert_shows(
        &world,
        &names
            .map(|name| format!("“{name}” was created"))
            .each_ref()
            .map(String::as_str),
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_somebody_else_has_written_meanwhile_is_made_anew() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    // As if it were another one when it is written.
    let fault = Fault::on("HeadObject").path("status.html");
    world.sandbox.s3.fault(fault.alter_header("etag", Some("\"0123\"")));
    world.sandbox.s3.clear_log();
    world.load("tuesday.csv", &contacts(0..60)).await.assert_loaded();
    assert_eq!(writes(&world), 2);
    assert_shows(&world, &["60 people"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_never_comes_first_leaves_the_page_to_the_next() {
    let world = World::start().await;
    let taken = Fault::on("PutObject").path("status.html").always().answer(412);
    world.sandbox.s3.fault(taken.code("PreconditionFailed"));
    world
        .load("monday.csv", &contacts(0..50))
        .await
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(writes(&world), 3);
    world.sandbox.s3.clear_faults();
    sweep(&world).await;
    assert_shows(&world, &["“Summer Sale” was created, with 50 people."]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_written_or_looked_at_fails_no_run() {
    for (operation, status) in [
        ("PutObject", 403),
        ("PutObject", 503),
        ("HeadObject", 403),
        ("HeadObject", 500),
    ] {
        let world = World::start().await;
        let fault = Fault::on(operation).path("status.html").always().answer(status);
        world.sandbox.s3.fault(fault.code("AccessDenied"));
        world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
        assert_eq!(sweep(&world).await["warnings"], json!([]));
        assert_eq!(world.published(), contacts(0..50));
        assert!(world.sandbox.s3.get(BUCKET, PAGE).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_hangs_holds_a_run_up_for_seconds_only() {
    let world = World::start().await;
    let fault = Fault::on("HeadObject").path("status.html").always();
    world.sandbox.s3.fault(fault.delay(Duration::from_hours(1)));
    let begun = tokio::time::Instant::now();
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_browser_is_told_that_it_is_a_page() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let client = aws_sdk_s3::Client::new(&world.sandbox.aws_config());
    let head = client.head_object().bucket(BUCKET).key(PAGE).send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/html; charset=utf-8"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_what_was_known_already_write_no_page() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..50));
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    run.assert_dry_run();
    world.sandbox.secrets.deny(DESTINATION_SECRET);
    world.load_directly(&key, &json!({"dry_run": true})).await;
    assert!(world.sandbox.s3.keys(BUCKET, "_state/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_writes_the_page_again_only_where_it_shows_something_else_or_is_an_hour_old() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    sweep(&world).await;
    world.sandbox.s3.clear_log();
    for _ in 0..3 {
        world.sandbox.s3.clock().advance(Duration::from_mins(15));
        sweep(&world).await;
    }
    assert_eq!(writes(&world), 0);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    sweep(&world).await;
    assert_eq!(writes(&world), 1);
    world.destination(&json!({"stale_after_hours": 1}));
    sweep(&world).await;
    assert_shows(&world, &["▲ Too old", "it should have one every hour"]);
    let page = world.sandbox.s3.get(BUCKET, PAGE).unwrap();
    assert!(page.starts_with(b"<!DOCTYPE html>"));
}

#[tokio::test(start_paused = true)]
async fn the_page_costs_an_idle_sweep_one_listing_and_three_looks() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    world.sandbox.s3.clear_log();
    sweep(&world).await;
    let requests = world.sandbox.s3.requests();
    let count = |operations: &[&str]| {
        requests
            .iter()
            .filter(|request| operations.contains(&request.operation.as_str()))
            .count()
    };
    let without_the_page = (3, 4);
    let (listed, looked) = (
        count(&["ListObjectsV2", "PutObject"]),
        count(&["GetObject", "HeadObject"]),
    );
    assert_eq!((listed - 1, looked - 3), without_the_page, "{requests:#?}");
}

#[tokio::test(start_paused = true)]
async fn beside_more_than_two_hundred_segments_a_load_leaves_the_page_to_the_sweep() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let mut head = world.head();
    head["environment"] = json!("test.crm4.dynamics.com");
    for number in 0..200 {
        let name = format!("Theirs {number}");
        head["segment_name"] = json!(name);
        let key = super::key_of("test.crm4.dynamics.com", &name);
        world.sandbox.s3.put(BUCKET, &key, head.to_string());
    }
    world.sandbox.s3.clear_log();
    world.load("tuesday.csv", &contacts(0..60)).await.assert_loaded();
    assert_eq!(writes(&world), 0);
    sweep(&world).await;
    assert_eq!(writes(&world), 1);
    assert_shows(&world, &["201 segments", "60 people", "Theirs 199"]);
}

#[tokio::test(start_paused = true)]
async fn the_page_is_no_result_and_nobody_who_lists_the_state_stumbles_over_it() {
    let world = World::in_sandbox(Sandbox::start().await, &[("RESULTS_PREFIX", "")]);
    let key = "Summer Sale/monday.csv";
    world.sandbox.s3.put(BUCKET, key, csv(&contacts(0..50)));
    world.run(key).await.assert_loaded();
    assert_eq!(world.deliver(PAGE).await, json!({"runs": []}));
    let swept = sweep(&world).await;
    assert_eq!((&swept["runs"], &swept["warnings"]), (&json!([]), &json!([])));
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!(status["segments"].as_array().unwrap().len(), 1, "{status}");
    let history = world.invoke(json!({"action": "history"})).await.unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history}");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_people_is_that_of_the_segment_as_dynamics_counts_it_whatever_a_file_held() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..200));
    world.sandbox.dataverse.seed_segment(seed.exclude(contacts(0..150)));
    world.load("monday.csv", &contacts(0..200)).await.assert_loaded();
    assert_shows(&world, &["50 people", "One load: 50 people"]);
    world.destination(&json!({"mode": "append"}));
    world.load("tuesday.csv", &contacts(200..230)).await.assert_loaded();
    world.load("nobody.csv", &[]).await.assert_unchanged();
    assert_shows(&world, &["80 people", ": 50 to 80 people"]);
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    let segment = &status["segments"][0];
    assert_eq!(
        (&segment["people"], &segment["contacts"]),
        (&json!(80), &json!(30)),
        "{segment}"
    );
    world.destination(&json!({"mode": "remove"}));
    world.load("wednesday.csv", &contacts(0..230)).await.assert_loaded();
    let shown = lines(&world).join("\n");
    assert!(
        shown.contains("\n0 people\n") && shown.contains(": 0 to 80 people"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_published_again_for_missing_members_is_one_load_of_its_own_time() {
    let world = World::start().await;
    world.load("sunday.csv", &contacts(0..40)).await.assert_loaded();
    world.sandbox.dataverse.drop_at_compute(contacts(0..10));
    let run = world.load("monday.csv", &contacts(0..50)).await;
    run.assert_loaded();
    assert_shows(&world, &["40 of 50 people", "2 loads since"]);
    let loaded_at = world.head()["applied"]["at"].clone();
    for _ in 0..3 {
        world.sandbox.s3.clock().advance(Duration::from_mins(80));
        sweep(&world).await;
    }
    assert_eq!(world.segment().publishes, 5, "published three times more");
    assert_shows(&world, &["2 loads since"]);
    assert_eq!(world.head()["applied"]["at"], loaded_at);
    let told = world.segment().fields["msdynmkt_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        told.contains(&format!("Last load: {}", &loaded_at.as_str().unwrap()[..19])),
        "{told}"
    );
}
