//! A publish that Dynamics computes for ever: nobody waits for it in silence.

use crate::failures::sweep;
use crate::page::lines;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Sandbox;
use sandbox::dataverse::Seed;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// A segment that Dynamics computes for a month, published just now.
async fn computing() -> World {
    let variables = [("EVENT_BUS_NAME", "marketing"), ("AWS_LAMBDA_FUNCTION_NAME", "loader")];
    let world = World::in_sandbox(Sandbox::start().await, &variables);
    world.destination(&json!({"publish_wait_seconds": 1}));
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    dataverse.modes(|modes| modes.publish_delay = HOUR * 24 * 30);
    world.load("monday.csv", &contacts(0..1_100)).await.assert_computing();
    world
}

/// Lets time pass, and S3 say so before a file comes.
async fn pass(world: &World, time: Duration) {
    world.sandbox.s3.clock().advance(time);
    status(world).await;
}

async fn sweep_after(world: &World, time: Duration) -> Value {
    pass(world, time).await;
    sweep(world).await["runs"].clone()
}

async fn status(world: &World) -> Value {
    world.invoke(json!({"action": "status"})).await.unwrap()["segments"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn what_dynamics_has_not_computed_for_a_day_calls_a_person_once_and_says_since_when() {
    let world = computing().await;
    let since = world.head()["applied"]["at"].as_str().unwrap().to_owned();
    assert_eq!(sweep_after(&world, HOUR * 23).await, json!([]));

    let runs = sweep_after(&world, HOUR * 2).await;
    let told = Run::first(&json!({"runs": runs}));
    told.assert_computing().warns(&since[..16]);
    assert!(told.needs_attention(), "{told}");
    let sentence = told["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("Nothing that was published of “Summer Sale” since ")
            && sentence.contains("Whoever looks after Dynamics has to look."),
        "{sentence}"
    );
    let event = world.sandbox.events.events().pop().unwrap();
    assert_eq!(
        (&event.detail, &event.detail["needs_attention"]),
        (&*told, &json!(true))
    );
    for day in 0..3 {
        assert_eq!(
            sweep_after(&world, HOUR * 24).await,
            json!([]),
            "{day}: it is told once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn status_and_page_say_since_when_dynamics_computes_also_after_it_was_published_anew() {
    let world = computing().await;
    let since = world.head()["applied"]["at"].as_str().unwrap().to_owned();
    for file in ["tuesday.csv", "wednesday.csv"] {
        let status = status(&world).await;
        assert_eq!(
            (&status["state"], &status["computing_since"]),
            (&json!("computing"), &json!(since))
        );
        let shown = lines(&world).join("\n");
        assert!(shown.contains("Dynamics has not shown what was published."), "{shown}");
        pass(&world, HOUR * 20).await;
        world.load(file, &contacts(0..1_200)).await.assert_computing();
    }
    let runs = sweep_after(&world, HOUR).await;
    assert!(
        Run::first(&json!({"runs": runs})).needs_attention(),
        "a new file every day hides nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_run_says_that_the_publish_before_was_never_seen_and_the_one_that_is_seen_that_it_is_over() {
    let world = computing().await;
    sweep_after(&world, HOUR * 25).await;
    let run = world.load("tuesday.csv", &contacts(0..1_200)).await;
    let sentence = run.assert_computing()["sentence"].as_str().unwrap();
    assert!(sentence.contains("was never seen in Dynamics"), "{sentence}");

    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::ZERO);
    let run = world.load("wednesday.csv", &contacts(0..1_300)).await;
    assert_eq!((run.outcome(), &run["recovered"]), ("loaded", &json!(true)), "{run}");
    assert_eq!(world.published(), contacts(0..1_300));
    assert_eq!(status(&world).await["computing_since"], Value::Null);
    let run = world.load("thursday.csv", &contacts(0..1_300)).await;
    let sentence = run.assert_unchanged()["sentence"].as_str().unwrap();
    assert!(!sentence.contains("never seen"), "{sentence}");
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_another_one_follows_within_the_hour_is_not_called_unseen() {
    let world = computing().await;
    pass(&world, HOUR).await;
    let run = world.load("tuesday.csv", &contacts(0..1_200)).await;
    let sentence = run.assert_computing()["sentence"].as_str().unwrap();
    assert!(!sentence.contains("never seen"), "{sentence}");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_published_again_a_day_after_it_was_seen_was_not_unseen_all_that_time() {
    let world = World::start().await;
    world.destination(&json!({"republish_minutes": 1_440, "publish_wait_seconds": 1}));
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::ZERO);
    let run = world.load("monday.csv", &contacts(0..1_000)).await;
    assert_eq!(
        (run.outcome(), run["published_missing"].as_u64()),
        ("loaded", Some(3)),
        "{run}"
    );
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = HOUR * 24 * 30);
    let again = sweep_after(&world, HOUR * 25).await;
    Run::of(&again[0]).assert_computing();
    assert!(!again.to_string().contains("needs_attention"), "{again}");
    assert_eq!(sweep_after(&world, HOUR * 23).await, json!([]), "it was seen before");
    let overdue = sweep_after(&world, HOUR * 2).await;
    assert!(Run::of(&overdue[0]).needs_attention(), "{overdue}");
}
