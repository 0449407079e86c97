//! Segments that are there, and that a list does not show for a moment, or that somebody calls otherwise by now.

use crate::failures::{failure_of, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const SEGMENTS: &str = "GET msdynmkt_segments";
const RENAMED: &str = "Summer Sale 2026";

/// So many lists of segments, of those that are asked for from now on, show none.
fn lists_lag(world: &World, times: u64) {
    let left = AtomicU64::new(times);
    let empty = Fault::on(SEGMENTS).always().rewrite(move |body| {
        let lags = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        if body["value"].is_array() && lags() {
            body["value"] = json!([]);
            body["@odata.count"] = json!(0);
        }
    });
    world.sandbox.dataverse.fault(empty);
}

/// So many rows of one table, of those that are read by their ids from now on, are not there.
fn rows_lag(world: &World, table: &str, times: u64) {
    let missing = Fault::on(&format!("GET {table}")).path("(").times(times).answer(404);
    let missing = missing.error("0x80040217", "Entity With Id Does Not Exist");
    world.sandbox.dataverse.fault(missing);
}

fn rename(world: &World, to: &str) {
    let id = world.segment().id;
    let name = [("msdynmkt_displayname", json!(to))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &name));
}

fn delete(world: &World) {
    let id = world.segment().id;
    world.sandbox.dataverse.edit(|state| state.segments.remove(&id));
}

async fn loaded_once() -> World {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    world
}

fn assert_there_is_one(world: &World) {
    assert_eq!(world.sandbox.dataverse.segments(SEGMENT).len(), 1);
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_the_list_does_not_show_is_found_by_the_id_that_was_loaded_last() {
    for mode in ["replace", "append"] {
        let world = loaded_once().await;
        world.destination(&json!({"mode": mode}));
        lists_lag(&world, u64::MAX);
        let run = world.load("tuesday.csv", &contacts(0..120)).await;
        run.assert_loaded().added(20).warns_of_nothing();
        assert_eq!(run["created"], json!(false), "{run}");
        assert_there_is_one(&world);
        assert_eq!(world.published(), contacts(0..120));
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_neither_the_list_nor_its_row_shows_for_a_moment_is_waited_for() {
    let world = loaded_once().await;
    rows_lag(&world, "msdynmkt_segments", 5);
    lists_lag(&world, 1);
    world
        .load("tuesday.csv", &contacts(0..120))
        .await
        .assert_loaded()
        .added(20);
    assert_there_is_one(&world);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_somebody_renamed_is_not_made_once_more_and_the_refusal_says_what_to_do() {
    for mode in ["replace", "append", "remove"] {
        let world = loaded_once().await;
        world.destination(&json!({"mode": mode}));
        rename(&world, RENAMED);
        let key = world.drop_contacts("tuesday.csv", &contacts(0..90));
        for fields in [json!({"dry_run": true}), json!({})] {
            let run = world.load_directly(&key, &fields).await;
            run.assert_refused().as_type("SegmentMissing");
            run.says("is called \"Summer Sale 2026\" now")
                .says("\"action\":\"forget\"");
        }
        let run = world.run(&key).await;
        let approved = world.load_directly(&key, &json!({"approve": run.run_id()})).await;
        approved.assert_refused().as_type("SegmentMissing");
        assert!(world.sandbox.dataverse.segments(SEGMENT).is_empty(), "{mode}");
        assert_eq!(world.sandbox.dataverse.segment(RENAMED).members, contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_for_a_renamed_segment_is_loaded_once_it_has_its_name_again_or_is_forgotten() {
    let world = loaded_once().await;
    rename(&world, RENAMED);
    let refused = world.load("tuesday.csv", &contacts(0..90)).await;
    refused.assert_refused();
    let id = world.sandbox.dataverse.segment(RENAMED).id;
    let name = [("msdynmkt_displayname", json!(SEGMENT))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &name));
    let key = format!("incoming/{SEGMENT}/tuesday.csv");
    world.load_directly(&key, &json!({})).await.assert_loaded().removed(10);

    rename(&world, RENAMED);
    world.load("wednesday.csv", &contacts(0..80)).await.assert_refused();
    let command = json!({"action": "forget", "segment_name": SEGMENT});
    world.invoke(command).await.unwrap();
    let key = format!("incoming/{SEGMENT}/wednesday.csv");
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_loaded().added(80);
    assert_eq!(run["created"], json!(true), "{run}");
    assert_eq!(
        world.sandbox.dataverse.segment(RENAMED).published,
        Some(contacts(0..90))
    );
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_deleted_is_made_again_whether_or_not_its_row_is_left() {
    for is_left in [true, false] {
        let world = loaded_once().await;
        let id = world.segment().id;
        let deleted = [("statecode", json!(1)), ("statuscode", json!(4))];
        if is_left {
            world.sandbox.dataverse.edit(|state| state.set_segment(id, &deleted));
        } else {
            delete(&world);
        }
        let run = world.load("tuesday.csv", &contacts(0..120)).await;
        run.assert_loaded().added(120);
        assert_eq!(run["created"], json!(true), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_segment_of_the_name_beside_the_one_that_the_list_does_not_show_is_not_taken_for_it() {
    let world = loaded_once().await;
    let ours = world.segment().id.to_string();
    let seed = sandbox::dataverse::Seed::named(SEGMENT).group(contacts(500..510));
    world.sandbox.dataverse.seed_segment(seed);
    let hide = Fault::on(SEGMENTS).always().rewrite(move |body| {
        if let Some(rows) = body["value"].as_array_mut() {
            rows.retain(|row| row["msdynmkt_segmentid"] != ours.as_str());
            body["@odata.count"] = Value::from(rows.len());
        }
    });
    world.sandbox.dataverse.fault(hide);
    let run = world.load("tuesday.csv", &contacts(0..120)).await;
    run.assert_refused().as_type("SeveralSegments");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_comes_to_be_read_late_after_it_was_made_keeps_nobody_from_the_load() {
    for (table, times) in [
        ("msdynmkt_segments", 3),
        ("msdynmkt_segments", 10),
        ("msdynmkt_segmentdefinitions", 5),
    ] {
        let world = World::start().await;
        rows_lag(&world, table, times);
        world
            .load("monday.csv", &contacts(0..100))
            .await
            .assert_loaded()
            .added(100);
        assert_there_is_one(&world);
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_was_made_and_cannot_be_read_is_not_made_a_second_time() {
    let world = World::start().await;
    rows_lag(&world, "msdynmkt_segments", u64::MAX);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "DynamicsAnswerUnexpected", "{reason}");
    world.sandbox.dataverse.clear_faults();
    lists_lag(&world, 3);
    world.sandbox.s3.clock().advance(Duration::from_secs(16));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    Run::of_event(world.invoke(event).await).assert_loaded();
    assert_there_is_one(&world);
}

/// A segment that was published and is still being computed.
async fn computing() -> World {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 0}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(1));
    world.load("monday.csv", &contacts(0..100)).await.assert_computing();
    world.sandbox.s3.clock().advance(Duration::from_mins(2));
    tokio::time::sleep(Duration::from_mins(2)).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_published_segment_that_is_not_listed_for_a_moment_is_followed_up_all_the_same() {
    let world = computing().await;
    rows_lag(&world, "msdynmkt_segments", 4);
    lists_lag(&world, u64::MAX);
    let answer = sweep(&world).await;
    assert_eq!(outcomes(&answer), ["loaded"], "{answer}");
    Run::first(&answer).counted(100).warns_of_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_published_segment_that_is_gone_is_told_of_once_and_by_its_new_name_where_it_has_one() {
    type Does = fn(&World);
    let cases: [(Does, &str); 2] = [
        (delete, "the segment was deleted after it was published"),
        (|world| rename(world, RENAMED), "is called \"Summer Sale 2026\" now"),
    ];
    for (does, told) in cases {
        let world = computing().await;
        does(&world);
        let answer = sweep(&world).await;
        assert_eq!(outcomes(&answer), ["computing"], "{answer}");
        Run::first(&answer).warns(told);
        assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    }
}
