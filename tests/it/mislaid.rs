//! Segments that are there, and that a list does not show for a moment, or that somebody calls otherwise by now.

use crate::failures::{failure_of, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::{OWNER, Seed};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use uuid::Uuid;

const SEGMENTS: &str = "GET msdynmkt_segments";
const RENAMED: &str = "Summer Sale 2026";
const SOCKS: Uuid = Uuid::from_u128(0x5f1c_0000_0000_4000_8000_0000_0000_0001);
const SHOES: Uuid = Uuid::from_u128(0x5f1c_0000_0000_4000_8000_0000_0000_0002);

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

/// The segment is renamed, and somebody makes another one of its name.
fn another(world: &World) {
    rename(world, RENAMED);
    let seed = Seed::named(SEGMENT).group(contacts(500..510));
    world.sandbox.dataverse.seed_segment(seed);
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
    let seed = Seed::named(SEGMENT).group(contacts(500..510));
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
    let cases: [(Does, &str); 3] = [
        (
            delete,
            "the segment that was published is deleted, or not to be found any more",
        ),
        (|world| rename(world, RENAMED), "is called \"Summer Sale 2026\" now"),
        (
            another,
            "the segment that was published is called \"Summer Sale 2026\" now, and another one has its name",
        ),
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

/// What files added to the segment and took out of it is not done in another one that has its name by now.
#[tokio::test(start_paused = true)]
async fn additions_that_were_counted_in_a_segment_that_is_another_one_now_are_told_of_with_the_command_that_loads_the_first()
 {
    type Does = fn(&World);
    let cases: [(Does, &str); 2] = [
        (delete, "it is deleted, or not to be found any more; what earlier files"),
        (
            another,
            "it is called \"Summer Sale 2026\" now, and whoever uses that one goes on",
        ),
    ];
    for (does, told) in cases {
        let world = World::start().await;
        world.destination(&json!({"mode": "append"}));
        for (name, range) in [("monday.csv", 0..100), ("tuesday.csv", 100..110)] {
            world.load(name, &contacts(range)).await.assert_loaded();
        }
        does(&world);
        let run = world.load("wednesday.csv", &contacts(110..115)).await;
        run.assert_loaded().added(5).warns(told);
        assert!(run.needs_attention(), "{run}");
        let sentence = run["sentence"].as_str().unwrap();
        assert!(
            sentence.contains("whoever runs this program has to load them again"),
            "{run}"
        );
        let (_, command) = run
            .warnings()
            .split_once("beginning with ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let command: Value = serde_json::Deserializer::from_str(&command)
            .into_iter()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(
            command["key"],
            json!(format!("incoming/{SEGMENT}/monday.csv")),
            "{command}"
        );
        Run::first(&world.invoke(command).await.unwrap())
            .assert_loaded()
            .added(100)
            .warns_of_nothing();
    }
}

/// A complete result needs none of them; whoever uses the segment that has another name now is told of all the same.
#[tokio::test(start_paused = true)]
async fn a_complete_result_for_another_segment_of_the_name_says_that_the_one_of_before_is_left_behind() {
    let world = loaded_once().await;
    another(&world);
    let run = world.load("tuesday.csv", &contacts(0..90)).await;
    run.assert_loaded()
        .warns("it is called \"Summer Sale 2026\" now, and whoever uses that one goes on");
    assert!(!run.needs_attention(), "{run}");
    assert!(!run.warnings().contains("earlier files"), "{run}");
    let run = world.load("wednesday.csv", &contacts(0..95)).await;
    run.assert_loaded().warns_of_nothing();
}

/// What was loaded last is known by its id: that the unit gets another one of the name is not said as if there had been none.
#[tokio::test(start_paused = true)]
async fn a_segment_that_was_given_to_another_unit_is_made_anew_and_told_of_as_left_behind() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.sandbox.dataverse.edit(|state| {
            state.add_business_unit(SOCKS, "Socks");
            state.add_business_unit(SHOES, "Shoes");
        });
        world.destination(&json!({"owning_business_unit": SOCKS.to_string(), "mode": mode}));
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        let given = [(OWNER, json!(SHOES.to_string()))];
        let ours = world.segment().id;
        world.sandbox.dataverse.edit(|state| state.set_segment(ours, &given));
        let run = world.load("tuesday.csv", &contacts(0..110)).await;
        run.assert_loaded()
            .warns("it belongs to another business unit now, and whoever uses that one goes on")
            .warns("since the business unit has none of exactly this name");
        assert_eq!(
            (run["created"] == true, run.needs_attention()),
            (true, mode == "append"),
            "{run}"
        );
        assert!(
            run["sentence"]
                .as_str()
                .unwrap()
                .contains("belongs to another business unit now"),
            "{run}"
        );
        let audience_of = |unit: Uuid| {
            let segments = world.sandbox.dataverse.segments(SEGMENT);
            let owned = segments
                .into_iter()
                .find(|segment| segment.fields[OWNER] == json!(unit.to_string()));
            owned.unwrap().published
        };
        assert_eq!(audience_of(SHOES), Some(contacts(0..100)));
        assert_eq!(audience_of(SOCKS), Some(contacts(0..110)));
    }
}
