//! What confirms a publish: only what can be of that publish alone, in the run and in the sweeps after it.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::{Outcome, Seed, State, Times};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A segment of 1,000 in an environment that tells when segments were computed, or does not.
async fn with_audience(times: Times) -> World {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.times = times);
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    world
}

/// Changes the segment's row as somebody or something in Dynamics does, whatever it shows.
fn touch(world: &World, changes: &[(&str, Value)]) {
    let id = world.segment().id;
    world.sandbox.dataverse.edit(|state| state.set_segment(id, changes));
}

/// As many contacts as before, of whom a half are others.
async fn swap_half(world: &World) -> Run {
    world.load("monday.csv", &contacts(500..1_500)).await
}

#[tokio::test(start_paused = true)]
async fn a_row_that_changes_for_another_reason_confirms_nothing_in_the_run_and_in_sweeps() {
    for times in [Times::Told, Times::Missing] {
        let world = with_audience(times).await;
        world.destination(&json!({"publish_wait_seconds": 60}));
        let lag = Duration::from_mins(10);
        world.sandbox.dataverse.modes(|modes| modes.publish_lag = lag);
        let (run, ()) = tokio::join!(swap_half(&world), async {
            world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            touch(&world, &[("msdynmkt_publishedjourneycount", json!(2))]);
        });
        run.assert_computing();
        touch(&world, &[("msdynmkt_description", json!("ours"))]);
        assert_eq!(sweep(&world).await["runs"], json!([]));
        assert_eq!(world.head()["applied"]["confirmed"], false);

        tokio::time::sleep(lag).await;
        assert_eq!(world.segment().statuscode, 1);
        let swept = sweep(&world).await;
        if times == Times::Told {
            Run::first(&swept).assert_loaded().warns_of_nothing();
            continue;
        }
        assert_eq!(
            swept["runs"],
            json!([]),
            "nothing tells this Active from the one before"
        );
        world.sandbox.s3.clock().advance(Duration::from_mins(76));
        let run = Run::first(&sweep(&world).await);
        run.assert_loaded().warns("75 minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn what_dynamics_computes_before_anybody_looks_is_seen_at_once_where_it_tells_when() {
    for (times, outcome) in [(Times::Told, "loaded"), (Times::Missing, "computing")] {
        let world = with_audience(times).await;
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::ZERO);
        let start = Instant::now();
        let run = swap_half(&world).await;
        run.assert_outcome(outcome);
        assert_eq!(
            start.elapsed() < Duration::from_secs(10),
            times == Times::Told,
            "{:?}",
            start.elapsed()
        );
        assert_eq!(world.published(), contacts(500..1_500));
    }
}

#[tokio::test(start_paused = true)]
async fn another_count_is_believed_without_times_and_so_is_a_first_publish() {
    let world = with_audience(Times::Missing).await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::ZERO);
    assert_eq!(world.load("monday.csv", &contacts(0..1_100)).await.outcome(), "loaded");
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.times = Times::Missing;
        modes.publish_delay = Duration::ZERO;
    });
    assert_eq!(swap_half(&world).await.outcome(), "loaded");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_earlier_publish_confirms_nothing() {
    for times in [Times::Told, Times::Missing] {
        let world = with_audience(times).await;
        let lag = Duration::from_mins(20);
        world.sandbox.dataverse.modes(|modes| modes.publish_lag = lag);
        let computing = [
            ("statecode", json!(1)),
            ("statuscode", json!(6)),
            ("msdynmkt_membercount", Value::Null),
        ];
        touch(&world, &computing);
        let (run, ()) = tokio::join!(swap_half(&world), async {
            world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            let ended = [
                ("statecode", json!(0)),
                ("statuscode", json!(1)),
                ("msdynmkt_membercount", json!(1_000)),
            ];
            touch(&world, &ended);
            let definition = world.segment().definition_id.unwrap();
            world.sandbox.dataverse.edit(|state| {
                let finished = state.date(Instant::now());
                state.set_definition(definition, &[("msdynmkt_computationfinishedon", finished)]);
            });
        });
        run.assert_computing();
        assert_eq!(sweep(&world).await["runs"], json!([]));
        tokio::time::sleep(lag).await;
        sweep(&world).await;
        tokio::time::sleep(lag).await;
        world.sandbox.s3.clock().advance(Duration::from_mins(76));
        let runs = sweep(&world).await["runs"].clone();
        assert_eq!(world.head()["applied"]["confirmed"], true, "{runs}");
        assert_eq!(world.published(), contacts(500..1_500));
    }
}

#[tokio::test(start_paused = true)]
async fn a_publish_by_somebody_else_is_one_of_the_same_draft() {
    for times in [Times::Told, Times::Missing] {
        let world = with_audience(times).await;
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_secs(30));
        let id = world.segment().id;
        let (run, ()) = tokio::join!(swap_half(&world), async {
            world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            let publish = |state: &mut State| state.publish(id).is_ok();
            assert!(world.sandbox.dataverse.edit(publish));
        });
        run.assert_loaded();
        assert_eq!(world.published(), contacts(500..1_500));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_file_again_does_not_take_a_touched_row_for_the_published_one() {
    let world = with_audience(Times::Told).await;
    world.destination(&json!({"publish_wait_seconds": 5}));
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_lag = Duration::from_mins(10);
        modes.outcome = Outcome::Error;
    });
    assert_eq!(swap_half(&world).await.outcome(), "computing");
    touch(&world, &[("msdynmkt_description", json!("ours"))]);
    let run = world.load("tuesday.csv", &contacts(500..1_500)).await;
    assert_eq!(run.outcome(), "computing", "published again, and still not seen: {run}");
}
