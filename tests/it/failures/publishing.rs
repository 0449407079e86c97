//! Publishing: refused, failed, slow, never finished, shown late.

use super::{failure_of, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Outcome, Seed};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

async fn with_audience() -> World {
    let world = World::start().await;
    world.load("sunday.csv", &contacts(0..1_000)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_segment_in_a_live_journey_fails_with_the_way_out_and_keeps_its_audience() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)).locked_by_journey());
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "SegmentInUse", "{reason}");
    assert!(
        reason.contains("stop the journey") && reason.contains("another segment"),
        "{reason}"
    );
    assert_eq!(published_sizes(&world), [1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_is_refused_keeps_the_old_audience_and_is_tried_again_later() {
    let world = with_audience().await;
    let fault = Fault::on("PublishSegmentDefinition").answer(400);
    world
        .sandbox
        .dataverse
        .fault(fault.error("0x80040265", "The segment is not valid."));
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    assert_eq!(failure_of(&world, &key).await.0, "PublishRefused");
    assert_eq!(published_sizes(&world), [1_000]);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(published_sizes(&world), [1_000, 1_100]);
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_ends_in_error_or_faulted_keeps_the_old_audience_and_is_tried_again_later() {
    for outcome in [Outcome::Error, Outcome::Faulted] {
        let world = with_audience().await;
        world.sandbox.dataverse.modes(|modes| modes.outcome = outcome);
        let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
        let (kind, reason) = failure_of(&world, &key).await;
        assert_eq!(kind, "PublishFailed", "{reason}");
        assert_eq!(published_sizes(&world), [1_000]);
        let head = world.head();
        assert_eq!((&head["failures"]["count"], &head["lease"]), (&json!(1), &json!(null)));

        world.sandbox.dataverse.modes(|modes| modes.outcome = Outcome::Active);
        world.sandbox.s3.clock().advance(Duration::from_mins(16));
        Run::first(&sweep(&world).await).assert_loaded();
        assert_eq!(published_sizes(&world), [1_000, 1_100]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_never_becomes_active_is_computing_and_only_looked_at() {
    for outcome in [Outcome::Never, Outcome::Status(77)] {
        let world = with_audience().await;
        world.sandbox.dataverse.modes(|modes| modes.outcome = outcome);
        let run = world.load("monday.csv", &contacts(0..1_100)).await;
        run.assert_computing();
        assert_eq!(run["member_count"], json!(null), "{run}");
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_hours(1)).await;
            assert_eq!(sweep(&world).await["runs"], json!([]), "{outcome:?}");
        }
        assert_eq!(world.segment().publishes, 2, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_computing_segment_that_somebody_stops_is_loaded_again() {
    for status in [9, 10] {
        let world = with_audience().await;
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.outcome = Outcome::Status(status));
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_mins(10));
        let run = world.load("monday.csv", &contacts(0..1_100)).await;
        run.assert_computing();
        tokio::time::sleep(Duration::from_mins(10)).await;
        world.sandbox.dataverse.modes(|modes| {
            modes.outcome = Outcome::Active;
            modes.publish_delay = Duration::from_secs(1);
        });
        Run::first(&sweep(&world).await).assert_loaded();
        assert_eq!(published_sizes(&world), [1_000, 1_100]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_active_of_before_is_not_believed_right_after_publishing() {
    let world = with_audience().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_lag = Duration::from_secs(20);
        modes.publish_delay = Duration::from_secs(40);
    });
    let start = Instant::now();
    let run = world.load("monday.csv", &contacts(0..1_100)).await;
    run.assert_loaded().counted(1_100);
    assert!(start.elapsed() >= Duration::from_mins(1), "{:?}", start.elapsed());
    assert_eq!(world.published(), contacts(0..1_100));
}

#[tokio::test(start_paused = true)]
async fn a_lag_longer_than_the_wait_is_computing_and_confirmed_by_a_sweep() {
    let world = with_audience().await;
    world.destination(&json!({"publish_wait_seconds": 60}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_lag = Duration::from_mins(5));
    let run = world.load("monday.csv", &contacts(0..1_100)).await;
    run.assert_computing();
    tokio::time::sleep(Duration::from_mins(5)).await;
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(world.head()["applied"]["confirmed"], true);
    assert_eq!(world.published(), contacts(0..1_100));
}

#[tokio::test(start_paused = true)]
async fn an_active_of_before_that_a_sweep_sees_does_not_confirm_what_is_still_to_come() {
    let world = with_audience().await;
    world.destination(&json!({"publish_wait_seconds": 60}));
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_lag = Duration::from_mins(10);
        modes.outcome = Outcome::Error;
    });
    let run = world.load("monday.csv", &contacts(0..1_100)).await;
    run.assert_computing();
    sweep(&world).await;
    assert_eq!(
        world.head()["applied"]["confirmed"],
        false,
        "the row still shows the old Active"
    );
}

#[tokio::test(start_paused = true)]
async fn a_segment_stopped_or_expired_is_published_again_although_nothing_changed() {
    for (status, word) in [(9, "stopped"), (10, "expired")] {
        let world = World::start().await;
        let key = world.drop_contacts("monday.csv", &contacts(0..30));
        world.deliver(&key).await;
        let id = world.segment().id;
        world
            .sandbox
            .dataverse
            .edit(|state| state.set_segment(id, &[("statecode", json!(1)), ("statuscode", json!(status))]));
        let run = world.load_directly(&key, &json!({})).await;
        run.assert_loaded().warns(word);
        assert_eq!(world.segment().statuscode, 1);
    }
}
