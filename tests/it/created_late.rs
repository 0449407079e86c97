//! A create that nobody heard the answer of is not sent again as long as its row may still come, whoever works then.

use crate::failures::{kill_at, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A function whose leases are over long before a create is.
async fn with_short_leases() -> World {
    World::in_sandbox(Sandbox::start().await, &[("LEASE_SECONDS", "30")])
}

fn assert_there_is_one(world: &World, what: &str) {
    assert_eq!(world.sandbox.dataverse.segments(SEGMENT).len(), 1, "{what}");
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{what}");
    assert_eq!(world.published(), contacts(0..100), "{what}");
    assert_eq!(world.head()["creating"], Value::Null, "{what}");
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_from_a_run_that_was_killed_in_a_create_waits_for_its_row() {
    for set in ["POST msdynmkt_segmentdefinitions", "POST msdynmkt_segments"] {
        for late in [40, 80, 115] {
            let world = with_short_leases().await;
            let key = world.drop_contacts("monday.csv", &contacts(0..100));
            world
                .sandbox
                .dataverse
                .fault(Fault::on(set).delay(Duration::from_secs(late)));
            kill_at(&world, world.sandbox.s3.notification(BUCKET, &key), set, 1).await;
            world.sandbox.dataverse.clear_faults();
            tokio::time::sleep(Duration::from_secs(32)).await;
            let swept = sweep(&world).await;
            assert!(outcomes(&swept).contains(&"loaded"), "{swept}");
            tokio::time::sleep(Duration::from_mins(5)).await;
            assert_there_is_one(&world, &format!("{set} after {late} s"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_killed_runs_creates_one_segment() {
    let world = with_short_leases().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let set = "POST msdynmkt_segments";
    world
        .sandbox
        .dataverse
        .fault(Fault::on(set).delay(Duration::from_secs(110)));
    kill_at(&world, world.sandbox.s3.notification(BUCKET, &key), set, 1).await;
    world.sandbox.dataverse.clear_faults();
    tokio::time::sleep(Duration::from_secs(32)).await;
    let looked = "GET msdynmkt_segments";
    let nth = world.sandbox.dataverse.count(looked) + 3;
    kill_at(&world, json!({"action": "sweep"}), looked, nth).await;
    tokio::time::sleep(Duration::from_secs(32)).await;
    let answer = world.deliver(&key).await;
    assert!(outcomes(&answer).contains(&"loaded"), "{answer}");
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_there_is_one(&world, "three runs");
}

#[tokio::test(start_paused = true)]
async fn the_attempt_after_one_that_ran_out_of_time_in_a_create_waits_for_its_row() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let slow = Fault::on("POST msdynmkt_segments").delay(Duration::from_secs(100));
    world.sandbox.dataverse.fault(slow);
    let event = || world.sandbox.s3.notification(BUCKET, &key);
    let answer = world.invoke_for(event(), Duration::from_mins(1)).await.unwrap();
    assert_eq!(outcomes(&answer), ["continues"], "{answer}");
    world.sandbox.dataverse.clear_faults();
    let answer = world.invoke(event()).await.unwrap();
    assert_eq!(outcomes(&answer), ["loaded"], "{answer}");
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_there_is_one(&world, "out of time");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_arrived_is_sent_again_after_two_minutes() {
    let world = with_short_leases().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let set = "POST msdynmkt_segments";
    world
        .sandbox
        .dataverse
        .fault(Fault::on(set).drop_connection().delay(Duration::from_secs(1)));
    kill_at(&world, world.sandbox.s3.notification(BUCKET, &key), set, 1).await;
    world.sandbox.dataverse.clear_faults();
    tokio::time::sleep(Duration::from_secs(32)).await;
    let began = tokio::time::Instant::now();
    assert!(outcomes(&sweep(&world).await).contains(&"loaded"));
    let waited = began.elapsed();
    assert!((80..130).contains(&waited.as_secs()), "{waited:?}");
    assert_there_is_one(&world, "once more");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_refused_keeps_nobody_waiting() {
    let world = World::start().await;
    let refusal = Fault::on("POST msdynmkt_segments").answer(400);
    world
        .sandbox
        .dataverse
        .fault(refusal.error("0x80048408", "State code is invalid"));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    let began = tokio::time::Instant::now();
    assert_eq!(outcomes(&world.deliver(&key).await), ["loaded"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_there_is_one(&world, "after a refusal");
}

#[tokio::test(start_paused = true)]
async fn invocations_too_short_for_a_lost_create_say_what_they_wait_for_and_fail_not() {
    let world = with_short_leases().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let set = "POST msdynmkt_segments";
    world
        .sandbox
        .dataverse
        .fault(Fault::on(set).delay(Duration::from_secs(110)));
    let time = Duration::from_secs(40);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let mut answer = world.invoke_for(event, time).await.unwrap();
    let mut told = 0;
    while !outcomes(&answer).contains(&"loaded") {
        told += 1;
        assert_eq!(outcomes(&answer), ["continues"], "{answer}");
        Run::first(&answer).says("to wait for the row of the segment");
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = world.invoke_for(json!({"action": "sweep"}), time).await.unwrap();
    }
    assert!(told >= 3, "{told}");
    assert_there_is_one(&world, "short invocations");
}
