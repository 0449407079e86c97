//! The result file: cut, replaced, deleted, forbidden, damaged.
//!
//! In real time: a paused clock stands still while a file is being parsed.

use super::{failure_of, sweep};
use crate::run::Run;
use crate::world::{World, contacts, csv};
use sandbox::{BUCKET, Fault, Sandbox};
use std::io::Write as _;
use std::time::Duration;

fn on_the_file() -> Fault {
    Fault::on("GetObject").path("incoming/")
}

#[tokio::test]
async fn a_body_that_is_cut_dropped_or_throttled_still_ends_as_the_exact_audience() {
    for fault in [
        on_the_file().cut_after(4_093),
        on_the_file().times(3).cut_after(20_000),
        on_the_file().times(2).answer(503).code("SlowDown"),
        on_the_file().drop_connection(),
    ] {
        let world = World::start().await;
        world.sandbox.s3.fault(fault.clone());
        let run = world.load("monday.csv", &contacts(0..2_500)).await;
        assert_eq!(run.outcome(), "loaded", "{fault:?}: {run}");
        assert_eq!(world.published(), contacts(0..2_500));
    }
}

#[tokio::test]
async fn an_s3_that_stays_slow_is_a_failure_that_the_sweep_mends() {
    let world = World::start().await;
    world
        .sandbox
        .s3
        .fault(on_the_file().always().answer(503).code("SlowDown"));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, _) = failure_of(&world, &key).await;
    assert_eq!(kind, "SourceUnavailable");
    assert_eq!(world.head()["lease"], serde_json::json!(null));
    world.sandbox.s3.clear_faults();
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    Run::first(&sweep(&world).await).assert_loaded();
}

/// Loads a file that is changed as soon as its reading has begun.
async fn load_while(world: &World, change: impl FnOnce(&str)) -> Result<Run, segment_loader::Error> {
    world.sandbox.s3.latency("GetObject", Duration::from_millis(100));
    let key = world.drop_contacts("monday.csv", &contacts(0..2_500));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let is_file = |request: &sandbox::Logged| request.operation == "GetObject" && request.path.contains("incoming/");
    let (answer, ()) = tokio::join!(world.invoke(event), async {
        world.sandbox.s3.arrived(1, is_file).await;
        change(&key);
    });
    answer.map(|answer| Run::first(&answer))
}

#[tokio::test]
async fn with_versions_a_file_replaced_while_it_is_read_stays_what_it_was_until_its_own_event() {
    let world = World::start().await;
    let newer = csv(&contacts(100..2_600));
    let run = load_while(&world, |key| {
        world.sandbox.s3.clock().advance(Duration::from_secs(1));
        world.sandbox.s3.put(BUCKET, key, newer);
    })
    .await
    .unwrap();
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..2_500));
    world.run("incoming/Summer Sale/monday.csv").await.assert_loaded();
    assert_eq!(world.published(), contacts(100..2_600));
}

#[tokio::test]
async fn without_versions_a_file_replaced_while_it_is_read_is_superseded_and_nothing_is_written() {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    let newer = csv(&contacts(100..2_600));
    let run = load_while(&world, |key| {
        world.sandbox.s3.clock().advance(Duration::from_secs(1));
        world.sandbox.s3.put(BUCKET, key, newer);
    })
    .await
    .unwrap();
    run.assert_superseded();
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    world.run("incoming/Summer Sale/monday.csv").await.assert_loaded();
    assert_eq!(world.published(), contacts(100..2_600));
}

#[tokio::test]
async fn a_file_deleted_while_it_is_read_is_a_failure_for_good_and_nothing_is_written() {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    let error = load_while(&world, |key| world.sandbox.s3.delete(BUCKET, key))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "SourceMissing", "{error}");
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!(
        world.head()["pending"],
        serde_json::json!([]),
        "no sweep tries it again"
    );
}

#[tokio::test]
async fn a_file_that_may_not_be_read_or_decrypted_names_the_actions_to_allow() {
    let world = World::start().await;
    let message = "The ciphertext refers to a customer master key that you may not use.";
    world
        .sandbox
        .s3
        .fault(on_the_file().always().answer(403).error("AccessDenied", message));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "SourceForbidden", "{reason}");
    for part in ["s3:GetObject", "kms:Decrypt", BUCKET] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test]
async fn a_truncated_or_damaged_file_writes_nothing_and_publishes_nothing() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&csv(&contacts(0..2_500))).unwrap();
    let whole = gzip.finish().unwrap();
    let mut damaged = whole.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 0xFF;
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.sandbox.dataverse.clear_log();
    for content in [
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1],
        &whole[..10],
        &damaged,
    ] {
        let key = world.drop_file("tuesday.csv.gz", content);
        let (kind, reason) = failure_of(&world, &key).await;
        assert_eq!(kind, "SourceInvalid", "{reason}");
    }
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!(world.published(), contacts(0..100));
    let key = world.drop_file("tuesday.csv.gz", whole);
    world.run(&key).await.assert_loaded();
}
