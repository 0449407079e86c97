//! What confirms a publish: only what can be of that publish alone, in the run and in the sweeps after it.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
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
        let told = run["sentence"].as_str().unwrap();
        assert!(
            told.contains("nothing proves that it shows what was published"),
            "{told}"
        );
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

/// A segment of 1,000 whose definition tells that it was computed long ago.
async fn computed_long_ago() -> World {
    let world = with_audience(Times::Told).await;
    world.destination(&json!({"publish_wait_seconds": 60}));
    tell_times(&world, "2026-01-01T06:00:00Z", "2026-01-01T06:01:00Z", 723_270_001);
    world
}

/// Lets the definition tell when its last computation began and ended, and what it is at.
fn tell_times(world: &World, started: impl Into<Value>, finished: impl Into<Value>, status: i64) {
    let definition = world.segment().definition_id.unwrap();
    let told = [
        ("msdynmkt_computationstartedon", started.into()),
        ("msdynmkt_computationfinishedon", finished.into()),
        ("msdynmkt_computationstatus", json!(status)),
    ];
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_definition(definition, &told));
}

/// Looks at what was published, and again when it has had so much time to show itself.
async fn sweep_after(world: &World, minutes: u64) -> Value {
    sweep(world).await;
    world.sandbox.s3.clock().advance(Duration::from_mins(minutes));
    sweep(world).await
}

#[tokio::test(start_paused = true)]
async fn what_was_published_without_any_effect_is_published_again_and_never_taken_for_loaded() {
    let world = computed_long_ago().await;
    let swallowed = Fault::on("PublishSegmentDefinition").always().answer(204);
    world.sandbox.dataverse.fault(swallowed);
    swap_half(&world).await.assert_computing();
    for minutes in [76, 152] {
        let run = Run::first(&sweep_after(&world, minutes).await);
        run.assert_computing().warns("has not computed it since");
        assert!(run.needs_attention(), "{run}");
        let told = run["sentence"].as_str().unwrap();
        assert!(
            told.contains("was published again, since Dynamics has not computed it"),
            "{told}"
        );
        assert_eq!(run["member_count"], Value::Null);
        let next = sweep_after(&world, minutes).await;
        assert_eq!(next["runs"], json!([]), "it waits for twice as long");
    }
    assert_eq!(world.published(), contacts(0..1_000));
    world.sandbox.dataverse.clear_faults();
    Run::first(&sweep_after(&world, 160).await)
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(world.published(), contacts(500..1_500));
}

#[tokio::test(start_paused = true)]
async fn an_active_row_beside_a_computation_that_failed_is_not_taken_for_loaded_however_long_it_lasts() {
    let world = computed_long_ago().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("PublishSegmentDefinition").answer(204));
    let (run, ()) = tokio::join!(swap_half(&world), async {
        world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let now = world.sandbox.dataverse.edit(|state| state.date(Instant::now()));
        tell_times(&world, now.clone(), now, 723_270_002);
    });
    run.assert_computing();
    Run::first(&sweep_after(&world, 76).await).assert_loaded();
    assert_eq!(world.published(), contacts(500..1_500), "it was published again");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_active_while_its_definition_still_computes_confirms_nothing() {
    let world = computed_long_ago().await;
    let lag = Duration::from_mins(10);
    world.sandbox.dataverse.modes(|modes| modes.publish_lag = lag);
    let (run, ()) = tokio::join!(swap_half(&world), async {
        world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let now = world.sandbox.dataverse.edit(|state| state.date(Instant::now()));
        tell_times(&world, now, "2026-01-01T06:01:00Z", 723_270_000);
        touch(&world, &[("statecode", json!(1)), ("statuscode", json!(6))]);
        tokio::time::sleep(Duration::from_secs(20)).await;
        touch(&world, &[("statecode", json!(0)), ("statuscode", json!(1))]);
    });
    run.assert_computing();
    assert_eq!(sweep(&world).await["runs"], json!([]));
    tokio::time::sleep(lag).await;
    Run::first(&sweep(&world).await).assert_loaded().warns_of_nothing();
    assert_eq!(world.published(), contacts(500..1_500));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_lags_behind_the_definition_does_not_say_how_many_are_missing() {
    for (before, dropped, missing) in [(0..90, 0..0, 0), (0..100, 3..6, 3)] {
        let world = World::start().await;
        let dataverse = &world.sandbox.dataverse;
        world.load("monday.csv", &contacts(before)).await.assert_loaded();
        tokio::time::sleep(Duration::from_mins(1)).await;
        dataverse.modes(|modes| modes.row_lag = Duration::from_secs(40));
        dataverse.drop_at_compute(contacts(dropped));
        let run = world.load("tuesday.csv", &contacts((3..100).chain(200..203))).await;
        run.assert_loaded();
        let told = (&run["member_count"], &run["published_missing"]);
        assert_eq!(told, (&json!(100 - missing), &json!(missing)), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_over_as_long_as_a_newer_result_stands_refused() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    world.destination(&json!({"publish_wait_seconds": 1}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(30));
    world.load("tuesday.csv", &contacts(0..900)).await.assert_computing();
    world.load("wednesday.csv", &contacts(0..9)).await.assert_refused();
    tokio::time::sleep(Duration::from_mins(40)).await;
    let seen = Run::first(&sweep(&world).await);
    assert_eq!(seen.assert_loaded()["recovered"], Value::Null, "{seen}");
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::ZERO);
    let next = world.load("thursday.csv", &contacts(0..800)).await;
    assert_eq!(next.assert_loaded()["recovered"], json!(true), "{next}");
}
