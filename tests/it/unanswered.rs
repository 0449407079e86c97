//! Requests that nobody heard the answer of, and that Dynamics carries out later: no load publishes what comes of one unseen.

use crate::failures::{failure_of, outcomes, published_sizes, sweep};
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A function that waits for no answer longer than 20 seconds, and a segment of 0 to 99.
async fn impatient() -> World {
    let world = World::in_sandbox(Sandbox::start().await, &[("LEASE_SECONDS", "30")]);
    world.load("base.csv", &contacts(0..100)).await;
    world
}

fn late(operation: &str, seconds: u64) -> Fault {
    Fault::on(operation).delay(Duration::from_secs(seconds))
}

/// Loads a file with a call to add members that nobody hears the answer of, and that takes effect after so many seconds.
async fn load_with_a_late_addition(world: &World, seconds: u64) {
    world.sandbox.dataverse.fault(late("AddStaticMembers", seconds));
    world.load("monday.csv", &contacts(0..110)).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn the_next_load_publishes_nothing_before_what_was_unanswered_has_come_and_was_seen() {
    for seconds in [30, 45, 60, 100, 135] {
        let world = impatient().await;
        load_with_a_late_addition(&world, seconds).await;
        // Whatever comes while it is published goes in with it.
        world.sandbox.dataverse.fault(late("PublishSegmentDefinition", 15));
        world.load("tuesday.csv", &contacts(0..100)).await.assert_loaded();
        assert_eq!(world.published(), contacts(0..100), "after {seconds} s");
        world.load("wednesday.csv", &contacts(0..101)).await.assert_loaded();
        assert_eq!(published_sizes(&world), [100, 110, 100, 101], "after {seconds} s");
        assert_eq!(world.head()["unanswered_until"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_comes_late_shows_nothing_of_the_next_draft() {
    let world = impatient().await;
    world.destination(&json!({"max_concurrent_requests": 1, "max_growth_percent": null}));
    world.sandbox.dataverse.fault(late("PublishSegmentDefinition", 25));
    world.load("monday.csv", &contacts(0..110)).await.assert_loaded();
    let slow = Fault::on("AddStaticMembers").nth(2).delay(Duration::from_secs(15));
    world.sandbox.dataverse.fault(slow);
    world.load("tuesday.csv", &contacts(0..3_000)).await.assert_loaded();
    let sizes = published_sizes(&world);
    assert!(sizes.iter().all(|size| [100, 110, 3_000].contains(size)), "{sizes:?}");
    assert_eq!(world.published(), contacts(0..3_000));
}

#[tokio::test(start_paused = true)]
async fn an_invocation_too_short_to_wait_for_what_was_unanswered_continues_and_counts_no_failure() {
    let world = impatient().await;
    load_with_a_late_addition(&world, 60).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    for _ in 0..3 {
        let answer = world.invoke_for(event.clone(), Duration::from_mins(1)).await.unwrap();
        assert_eq!(outcomes(&answer), ["continues"], "{answer}");
        let reason = answer["runs"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("nobody heard the answer"), "{reason}");
    }
    assert_eq!(world.head()["failures"], Value::Null);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(0..100));
}

/// Its next attempt asks for the same once more: whichever comes last, nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_load_that_goes_on_where_its_time_was_over_does_not_wait_for_its_own_calls() {
    let world = impatient().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..5_000));
    world.sandbox.dataverse.fault(late("AddStaticMembers", 60).times(4));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let answer = world.invoke_for(event, Duration::from_secs(15)).await.unwrap();
    assert_eq!(outcomes(&answer), ["continues"], "{answer}");
    let begun = tokio::time::Instant::now();
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(world.segment().members, contacts(0..5_000));
    assert_eq!(published_sizes(&world), [100, 5_000]);
}

/// What takes a change back meets the change itself, where that comes late.
#[tokio::test(start_paused = true)]
async fn what_steps_aside_waits_for_its_own_unanswered_call_before_it_takes_its_change_out() {
    let world = impatient().await;
    world.destination(&json!({"mode": "append", "max_concurrent_requests": 1}));
    world.sandbox.dataverse.fault(late("AddStaticMembers", 60));
    let refused = Fault::on("AddStaticMembers").nth(3).times(1_000);
    world.sandbox.dataverse.fault(refused.answer(400).code("0x80040217"));
    let bad = world.drop_contacts("bad.csv", &contacts(1_000..3_000));
    let (kind, reason) = failure_of(&world, &bad).await;
    assert_eq!(kind, "ContactsNotAccepted", "{reason}");
    world.sandbox.dataverse.clear_faults();
    for (name, people) in [("good.csv", 100..110), ("better.csv", 110..120)] {
        world.load(name, &contacts(people)).await.assert_loaded();
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(published_sizes(&world), [100, 110, 120]);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_behind_one_that_goes_on_with_the_next_sweep_has_not_failed() {
    let world = impatient().await;
    world.destination(&json!({"mode": "append"}));
    world.sandbox.dataverse.fault(late("AddStaticMembers", 60));
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let monday = world.drop_contacts("monday.csv", &contacts(100..110));
    failure_of(&world, &monday).await;
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(110..120));
    let event = world.sandbox.s3.notification(BUCKET, &tuesday);
    let answer = world.invoke_for(event, Duration::from_mins(1)).await.unwrap();
    assert_eq!(outcomes(&answer), ["continues", "continues"], "{answer}");
    let run = Run::first(&answer);
    run.says("is not done yet");
    assert_eq!(run["error_type"], Value::Null, "{run}");
    tokio::time::sleep(Duration::from_mins(3)).await;
    sweep(&world).await;
    assert_eq!(world.published(), contacts(0..120));
}
