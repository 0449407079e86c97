//! More was counted or refused than a head keeps whole: nothing is taken for what it is not, and nothing older is loaded as though
//! nothing newer existed.

use crate::failures::sweep;
use crate::late::load_as;
use crate::run::Run;
use crate::world::{World, contacts, csv};
use chrono::{DateTime, TimeDelta, Utc};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// As many as a head keeps whole.
const MOST: usize = 500;

/// A segment of 0 to 9.
async fn world() -> World {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    world
}

/// Changes the head of the segment as its worker would have, had it done more.
fn change_head(world: &World, change: impl FnOnce(&mut Value)) {
    let s3 = &world.sandbox.s3;
    let head = world.head();
    let is_it = |key: &String| s3.get_json(BUCKET, key).is_some_and(|other| other == head);
    let key = s3.keys(BUCKET, "_state/segments/").into_iter().find(is_it).unwrap();
    let mut head = head;
    change(&mut head);
    s3.put(BUCKET, &key, head.to_string());
}

/// Puts as many entries into a list of the head as it keeps whole, of files that were written `after` the first that was loaded.
fn fill(world: &World, list: &str, after: i64, entry: &Value) {
    let clock = world.sandbox.s3.clock();
    clock.advance(Duration::from_mins(1));
    change_head(world, |head| {
        let first = head["settled"]["last_modified"].as_str().unwrap();
        let first: DateTime<Utc> = first.parse().unwrap();
        let entries = (0..MOST).map(|number| {
            let mut entry = entry.clone();
            let key = format!("incoming/Summer Sale/{list}-{number:03}.csv");
            let written = first + TimeDelta::seconds(after);
            entry["order"] = json!({"last_modified": written, "key": key, "version_id": null, "etag": "e"});
            entry["run_id"] = json!(format!("{number:016x}"));
            entry
        });
        head[list].as_array_mut().unwrap().extend(entries);
    });
}

/// Counts more additions than a head keeps whole, the last of them in earnest.
async fn count_many(world: &World) {
    fill(world, "counted", 30, &json!({"bucket": BUCKET, "mode": "append"}));
    load_as(world, "append", "last.csv", &contacts([90])).await;
    assert_eq!(world.head()["counted"].as_array().unwrap().len(), MOST);
}

async fn sweep_as(world: &World, mode: &str) -> Value {
    world.destination(&json!({"mode": mode}));
    sweep(world).await
}

fn with_last(people: &[Uuid]) -> Vec<Uuid> {
    [people, &contacts([90])].concat()
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_comes_after_more_additions_than_are_remembered_is_refused_and_never_called_loaded() {
    for is_swept in [false, true] {
        let world = world().await;
        let key = world.drop_contacts("late.csv", &contacts(0..3));
        count_many(&world).await;
        let published = world.published();
        let run = if is_swept {
            Run::first(&sweep_as(&world, "remove").await)
        } else {
            world.destination(&json!({"mode": "remove"}));
            world.run(&key).await
        };
        run.assert_refused()
            .says("than are remembered")
            .says("load it directly");
        assert!(run.needs_attention());
        world.run(&key).await.assert_refused();
        for mode in ["append", "remove"] {
            assert_eq!(sweep_as(&world, mode).await["runs"], json!([]), "{mode}");
        }
        assert_eq!(world.published(), published);
        let direct = world.load_directly(&key, &json!({"mode": "remove"})).await;
        direct.assert_loaded().warns("perhaps more that are not remembered");
        assert_eq!(world.published(), with_last(&contacts(3..10)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_addition_that_waited_while_more_than_are_remembered_were_counted_brings_nobody_back() {
    for is_refused in [false, true] {
        let world = world().await;
        world.destination(&json!({"mode": "append", "max_invalid_percent": 0}));
        let unusable = if is_refused { &b"no id\n"[..] } else { b"" };
        let key = world.drop_file("late.csv", [&csv(&contacts([2, 20])), unusable].concat());
        let unreadable = Fault::on("GetObject").path("late.csv").always().answer(403);
        world.sandbox.s3.fault(unreadable.code("AccessDenied"));
        if is_refused {
            world.sandbox.s3.clear_faults();
        }
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let first = Run::of_event(world.invoke(event).await);
        load_as(&world, "remove", "optout.csv", &contacts([2])).await;
        count_many(&world).await;
        let published = world.published();
        world.sandbox.s3.clear_faults();
        let run = if is_refused {
            world.load_directly(&key, &json!({"approve": first.run_id()})).await
        } else {
            let swept = world.invoke(json!({"action": "sweep", "now": true})).await.unwrap();
            Run::first(&swept)
        };
        run.assert_refused().says("than are remembered");
        assert!(run.needs_attention());
        assert_eq!(world.published(), published);
        for mode in ["append", "remove"] {
            assert_eq!(sweep_as(&world, mode).await["runs"], json!([]), "{mode}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_addition_that_comes_after_additions_alone_is_loaded_however_many_they_were() {
    let world = world().await;
    let key = world.drop_contacts("late.csv", &contacts(0..12));
    count_many(&world).await;
    load_as(&world, "remove", "optout.csv", &contacts([2])).await;
    world.destination(&json!({"mode": "append"}));
    world.run(&key).await.assert_loaded().added(2);
    let expected = with_last(&[contacts(0..2), contacts(3..12)].concat());
    assert_eq!(world.published(), expected);
    world.run(&key).await.assert_unchanged();
}

#[tokio::test(start_paused = true)]
async fn what_a_full_head_of_an_earlier_version_has_forgotten_is_no_reason_to_load_or_to_pass_over_in_silence() {
    let world = world().await;
    let older = world.drop_contacts("older.csv", &contacts(0..3));
    world.sandbox.s3.clock().advance(Duration::from_secs(20));
    let between = world.drop_contacts("between.csv", &contacts(3..5));
    fill(&world, "counted", 10, &json!({"bucket": BUCKET, "mode": "append"}));
    change_head(&world, |head| {
        head["counted"][MOST - 1]["order"]["last_modified"] = {
            let first: DateTime<Utc> = head["settled"]["last_modified"].as_str().unwrap().parse().unwrap();
            json!(first + TimeDelta::seconds(40))
        };
        head.as_object_mut().unwrap().remove("ledger");
    });
    let swept = sweep_as(&world, "remove").await;
    Run::first(&swept).assert_refused().says("than are remembered");
    assert_eq!(swept["runs"][0]["source"]["key"], json!(between));
    assert_eq!(swept["runs"].as_array().unwrap().len(), 1);
    let warning = swept["warnings"][0].as_str().unwrap();
    assert!(warning.contains("whether 1 results"), "{warning}");
    assert!(warning.contains("older.csv"), "{warning}");
    world.run(&older).await.assert_refused().says("than are remembered");
    assert_eq!(world.published(), contacts(0..10));
    assert_eq!(sweep(&world).await, json!({"runs": [], "waiting": [], "warnings": []}));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_refused_no_second_time_however_many_others_were_since() {
    for mode in ["append", "replace"] {
        let world = world().await;
        world.destination(&json!({"mode": mode, "max_invalid_percent": 0}));
        let refuse = async |name: &str| {
            let key = world.drop_file(name, [csv(&contacts(0..3)), b"no id\n".to_vec()].concat());
            world.run(&key).await.assert_refused();
            key
        };
        let first = refuse("first.csv").await;
        fill(
            &world,
            "refused",
            30,
            &json!({"reason": "too small", "unreadable": false}),
        );
        refuse("last.csv").await;
        assert_eq!(world.head()["refused"].as_array().unwrap().len(), MOST);
        for _ in 0..2 {
            assert_eq!(sweep(&world).await["runs"], json!([]), "{mode}");
        }
        world.destination(&json!({"max_invalid_percent": 100}));
        assert_eq!(sweep(&world).await["runs"], json!([]), "{mode}");
        world.run(&first).await.assert_refused().says("not remembered any more");
        assert_eq!(world.published(), contacts(0..10));
        world
            .load_directly(&first, &json!({}))
            .await
            .assert_outcome(if mode == "append" { "unchanged" } else { "loaded" });
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_result_before_has_left_in_a_folder_is_found_however_many_other_folders_were_loaded_since() {
    let world = world().await;
    world.destination(&json!({"result_files": "folder"}));
    world.drop_contacts("monthly/part-0.csv", &contacts(0..8));
    world.drop_contacts("monthly/part-1.csv", &contacts(8..10));
    let marker = world.drop_file("monthly/_SUCCESS", "");
    world.run(&marker).await;
    let clock = world.sandbox.s3.clock();
    clock.advance(Duration::from_mins(1));
    change_head(&world, |head| {
        let at = head["markers"][0]["at"].clone();
        let others =
            (0..50).map(|hour| json!({"bucket": BUCKET, "folder": format!("incoming/Summer Sale/{hour}/"), "at": at}));
        head["markers"].as_array_mut().unwrap().extend(others);
    });
    world.drop_contacts("monthly/part-0.csv", &contacts(0..6));
    let marker = world.drop_file("monthly/_SUCCESS", "");
    let run = world.run(&marker).await;
    run.assert_refused().says("1 of the 2 files are older");
    assert_eq!(world.published(), contacts(0..10));
}
