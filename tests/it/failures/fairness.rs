//! The sweep is fair: no segment keeps another one from its turn, in any of its steps.

use super::{A_LEASE, kill_when, outcomes, sweep};
use crate::world::{World, contacts, csv};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

fn put(world: &World, key: &str, range: std::ops::Range<u32>) {
    world.sandbox.s3.put(BUCKET, key, csv(&contacts(range)));
}

async fn deliver(world: &World, key: &str) -> Result<Value, segment_loader::Error> {
    world.invoke(world.sandbox.s3.notification(BUCKET, key)).await
}

#[tokio::test(start_paused = true)]
async fn a_head_that_cannot_be_read_does_not_keep_others_from_being_found() {
    let world = World::start().await;
    put(&world, "incoming/Other/monday.csv", 0..10);
    deliver(&world, "incoming/Other/monday.csv").await.unwrap();
    let head = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    world.sandbox.s3.put(BUCKET, &head, r#"{"v": 99}"#);
    world.drop_contacts("monday.csv", &contacts(0..100));
    let swept = sweep(&world).await;
    let mut told = outcomes(&swept);
    told.sort_unstable();
    assert_eq!(told, ["failed", "loaded"], "{swept}");
    assert_eq!(world.published(), contacts(0..100));
    assert_eq!(world.sandbox.s3.get(BUCKET, &head).unwrap(), r#"{"v": 99}"#);
}

#[tokio::test(start_paused = true)]
async fn a_head_of_another_segment_is_told_of_and_keeps_nobody_waiting() {
    let world = World::start().await;
    for name in ["Other", "Third"] {
        let key = format!("incoming/{name}/monday.csv");
        put(&world, &key, 0..10);
        deliver(&world, &key).await.unwrap();
    }
    let heads = world.sandbox.s3.keys(BUCKET, "_state/segments/");
    let [first, second] = &heads[..] else {
        panic!("two heads: {heads:?}");
    };
    let other = world.sandbox.s3.get(BUCKET, second).unwrap();
    world.sandbox.s3.put(BUCKET, first, other);
    world.drop_contacts("monday.csv", &contacts(0..100));
    let swept = sweep(&world).await;
    assert!(outcomes(&swept).contains(&"loaded"), "{swept}");
    assert!(swept.to_string().contains("is the state of another segment"), "{swept}");
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn results_that_cannot_be_listed_do_not_keep_what_was_left_unfinished() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    deliver(&world, &key).await.unwrap_err();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    let fault = Fault::on("ListObjectsV2").times(3).answer(503).code("SlowDown");
    world.sandbox.s3.fault(fault);
    let swept = sweep(&world).await;
    assert!(outcomes(&swept).contains(&"loaded"), "{swept}");
    assert!(outcomes(&swept).contains(&"failed"), "{swept}");
}

/// Whichever of the segments comes first in a sweep, its file kills the function; the other one's turn comes all the same.
#[tokio::test(start_paused = true)]
async fn a_sweep_begins_behind_the_segment_that_the_last_one_died_of() {
    let world = World::start().await;
    for name in ["One", "Two"] {
        put(&world, &format!("incoming/{name}/monday.csv"), 0..10);
    }
    let event = json!({"action": "sweep"});
    let first_reading = world.sandbox.s3.arrived(1, |request| {
        request.operation == "GetObject" && request.path.contains("incoming/")
    });
    kill_when(&world, event.clone(), first_reading).await;
    let (poison, healthy) = world
        .sandbox
        .s3
        .requests()
        .iter()
        .find(|request| request.operation == "GetObject" && request.path.contains("incoming/"))
        .map(|request| {
            if request.path.contains("/One/") {
                ("One", "Two")
            } else {
                ("Two", "One")
            }
        })
        .unwrap();
    tokio::time::sleep(A_LEASE).await;
    let poison_again = world.sandbox.s3.arrived(2, move |request| {
        request.operation == "GetObject" && request.path.contains(&format!("incoming/{poison}/"))
    });
    kill_when(&world, event, poison_again).await;
    assert_eq!(
        world.sandbox.dataverse.segment(healthy).published.unwrap_or_default(),
        contacts(0..10),
        "it was served before the sweep came to the other again"
    );
}

#[tokio::test(start_paused = true)]
async fn where_a_sweep_is_goes_without_saying_and_nobody_waits_for_it() {
    for content in ["", "{", r#"{"v": 99, "behind": 3}"#] {
        let world = World::start().await;
        world.sandbox.s3.put(BUCKET, "_state/sweep.json", content);
        world.drop_contacts("monday.csv", &contacts(0..100));
        assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
        let bookmark = world.sandbox.s3.get_json(BUCKET, "_state/sweep.json").unwrap();
        let behind = bookmark["behind"].as_object().unwrap().values();
        let behind: Vec<_> = behind.map(|key| key.as_str().unwrap()).collect();
        assert_eq!(behind, world.sandbox.s3.keys(BUCKET, "_state/segments/"));
    }
    let world = World::start().await;
    let fault = Fault::on("*").path("_state/sweep.json").always();
    world.sandbox.s3.fault(fault.answer(503).code("SlowDown"));
    world.drop_contacts("monday.csv", &contacts(0..100));
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
}
