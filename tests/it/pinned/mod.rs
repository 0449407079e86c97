//! A result in several files is its parts, as they were when its marker or manifest was taken up.

mod approvals;

use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::ops::Range;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A world whose segment holds 100 contacts, in a bucket with versions or without, and whose results come in so many files.
async fn world_of_100(files: &str, is_versioned: bool) -> World {
    let sandbox = if is_versioned {
        Sandbox::start().await
    } else {
        Sandbox::builder().unversioned().start().await
    };
    let world = World::in_sandbox(sandbox, &[]);
    world.load("monday.csv", &contacts(0..100)).await;
    world.destination(&json!({"result_files": files}));
    world
}

fn part(number: usize) -> String {
    format!("run/data_0_{number}_0.csv")
}

/// Writes the parts of a result, one for each range.
fn write_parts(world: &World, parts: &[Range<u32>]) {
    for (number, ids) in parts.iter().enumerate() {
        world.drop_contacts(&part(number), &contacts(ids.clone()));
    }
}

/// Writes what says that the result is complete, a marker or a manifest of so many parts, and returns its key.
fn complete(world: &World, files: &str, parts: usize) -> String {
    if files == "folder" {
        return world.drop_file("run/_SUCCESS", "");
    }
    let url = |number| format!("s3://{BUCKET}/incoming/{SEGMENT}/{}", part(number));
    let entries: Vec<_> = (0..parts)
        .map(|number| json!({"url": url(number), "mandatory": true}))
        .collect();
    world.drop_file("run/manifest", json!({ "entries": entries }).to_string())
}

/// Delivers the event of a key and returns its run, also where that failed.
async fn run_of(world: &World, key: &str) -> Run {
    let event = world.sandbox.s3.notification(BUCKET, key);
    Run::of_event(world.invoke(event).await)
}

async fn sweep(world: &World) -> Value {
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    world.invoke(json!({"action": "sweep"})).await.unwrap()["runs"].clone()
}

/// Takes a result up while Dynamics is down, so that its files are read by a later attempt only.
async fn take_up(world: &World, key: &str) {
    let dataverse = &world.sandbox.dataverse;
    dataverse.fault(Fault::on("GET msdynmkt_segments").always().answer(500));
    run_of(world, key).await.as_type("DynamicsUnavailable");
    dataverse.clear_faults();
}

fn assert_changed(run: &Run, expected: &str) {
    run.assert_failed().as_type("ResultChanged");
    let reason = run.reason();
    assert!(reason.contains(expected), "{expected}: {reason}");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_an_overwriting_statement_left_behind_is_refused_until_somebody_approves() {
    for files in ["folder", "manifest"] {
        let world = world_of_100(files, true).await;
        write_parts(&world, &[0..40, 40..80, 80..120]);
        let run = run_of(&world, &complete(&world, files, 3)).await;
        run.assert_loaded();

        world.sandbox.s3.clock().advance(DAY);
        write_parts(&world, &[0..40, 40..70]);
        let marker = complete(&world, files, 3);
        let into_dry_run = world.load_directly(&marker, &json!({"dry_run": true})).await;
        into_dry_run.warns("1 of the 3 files");
        let run = run_of(&world, &marker).await;
        run.assert_refused();
        let reason = run.reason();
        for expected in [
            "1 of the 3 files are older",
            "CLEANPATH",
            "mode(\"overwrite\")",
            "REMOVE @",
            "\"approve\"",
        ] {
            assert!(reason.contains(expected), "{expected}: {reason}");
        }
        assert_eq!(world.published(), contacts(0..120));

        let touched = complete(&world, files, 3);
        let again = run_of(&world, &touched).await;
        assert_eq!(
            again.outcome(),
            "refused",
            "a marker written again makes no part newer: {again}"
        );
        let approval = json!({"approve": again.run_id()});
        assert_eq!(world.load_directly(&touched, &approval).await.outcome(), "loaded");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_that_are_all_older_than_the_marker_before_are_the_same_result_again() {
    for files in ["folder", "manifest"] {
        let world = world_of_100(files, true).await;
        write_parts(&world, &[0..40, 40..80]);
        assert_eq!(run_of(&world, &complete(&world, files, 2)).await.outcome(), "loaded");
        world.sandbox.s3.clock().advance(DAY);
        let run = run_of(&world, &complete(&world, files, 2)).await;
        run.assert_unchanged().warns("the same result again");

        world.sandbox.s3.clock().advance(DAY);
        write_parts(&world, &[0..40, 40..90]);
        let run = run_of(&world, &complete(&world, files, 2)).await;
        run.assert_loaded();
        assert_eq!(run["warnings"], json!([]), "{run}");
        assert_eq!(world.published(), contacts(0..90));
    }
}

#[tokio::test(start_paused = true)]
async fn markers_of_another_folder_tell_nothing() {
    let world = world_of_100("folder", true).await;
    world.drop_contacts("a/part-0.csv", &contacts(0..40));
    world.drop_contacts("b/part-0.csv", &contacts(0..50));
    let a = world.drop_file("a/_SUCCESS", "");
    assert_eq!(run_of(&world, &a).await.outcome(), "refused", "it shrinks by 60 %");
    world.drop_contacts("b/part-1.csv", &contacts(50..110));
    let b = world.drop_file("b/_SUCCESS", "");
    let run = run_of(&world, &b).await;
    run.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_rewritten_before_it_is_read_fails_and_the_next_marker_loads() {
    for (files, is_versioned) in [
        ("folder", true),
        ("folder", false),
        ("manifest", true),
        ("manifest", false),
    ] {
        let world = world_of_100(files, is_versioned).await;
        write_parts(&world, &[0..40, 40..80, 80..120]);
        let marker = complete(&world, files, 3);
        take_up(&world, &marker).await;

        // The job runs again: it empties the folder first, and has written two of its three files.
        world.sandbox.s3.clock().advance(Duration::from_mins(5));
        for key in [marker.clone(), part(0), part(1), part(2)] {
            world.sandbox.s3.delete(
                BUCKET,
                &if key == marker {
                    key
                } else {
                    format!("incoming/{SEGMENT}/{key}")
                },
            );
        }
        write_parts(&world, &[0..50, 50..90]);
        let runs = sweep(&world).await;
        assert_changed(&Run::of(&runs[0]), "it was deleted after it was taken up");
        assert_eq!(sweep(&world).await, json!([]), "it is not tried again");
        assert_eq!(world.published(), contacts(0..100));

        write_parts(&world, &[0..50, 50..90, 90..130]);
        let run = run_of(&world, &complete(&world, files, 3)).await;
        run.assert_loaded();
        assert_eq!(world.published(), contacts(0..130));
    }
}

#[tokio::test(start_paused = true)]
async fn parts_that_change_after_they_were_taken_up_fail_whatever_changed() {
    type Change = fn(&World);
    let at = |number| format!("incoming/{SEGMENT}/{}", part(number));
    let delete_all: Change = |world| {
        for number in 0..2 {
            world
                .sandbox
                .s3
                .delete(BUCKET, &format!("incoming/{SEGMENT}/{}", part(number)));
        }
    };
    let cases: [(&str, Change, &str); 5] = [
        (
            "folder",
            |world| drop(world.drop_contacts(&part(0), &contacts(0..41))),
            "1 of its 2 files are younger than it",
        ),
        (
            "manifest",
            |world| drop(world.drop_contacts(&part(0), &contacts(0..40))),
            "1 of its 2 files are younger than it",
        ),
        ("folder", delete_all, "(2 files of "),
        ("manifest", delete_all, "now it lists"),
        (
            "folder",
            |world| {
                world
                    .sandbox
                    .s3
                    .delete(BUCKET, &format!("incoming/{SEGMENT}/{}", part(1)));
            },
            "then, 1 file of ",
        ),
    ];
    for (files, change, expected) in cases {
        let world = world_of_100(files, true).await;
        write_parts(&world, &[0..40, 40..100]);
        let marker = complete(&world, files, 2);
        take_up(&world, &marker).await;
        change(&world);
        assert_changed(&Run::of(&sweep(&world).await[0]), expected);
        let again = run_of(&world, &marker).await;
        assert_changed(&again, expected);
        assert_eq!(world.published(), contacts(0..100), "{}", at(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_there_before_its_event_is_taken_up_but_younger_than_the_marker_fails() {
    let world = world_of_100("folder", true).await;
    world.drop_contacts(&part(0), &contacts(0..60));
    let marker = complete(&world, "folder", 1);
    world.drop_contacts(&part(1), &contacts(60..120));
    assert_changed(&run_of(&world, &marker).await, "1 of its 2 files are younger than it");
    let run = run_of(&world, &complete(&world, "folder", 2)).await;
    assert_eq!(
        run.outcome(),
        "refused",
        "one part is older than the first marker: {run}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_was_replaced_is_superseded_by_the_one_that_lies_there() {
    for is_versioned in [true, false] {
        let world = world_of_100("folder", is_versioned).await;
        write_parts(&world, &[0..40, 40..100]);
        let first = complete(&world, "folder", 2);
        take_up(&world, &first).await;
        world.sandbox.s3.clock().advance(DAY);
        write_parts(&world, &[0..50, 50..120]);
        complete(&world, "folder", 2);
        let runs = sweep(&world).await;
        let outcomes: Vec<_> = runs.as_array().unwrap().iter().map(|run| &run["outcome"]).collect();
        assert!(
            outcomes.contains(&&json!("loaded")) && !outcomes.contains(&&json!("failed")),
            "{runs}"
        );
        assert_eq!(world.published(), contacts(0..120));
    }
}

#[tokio::test]
async fn a_part_that_is_replaced_while_it_is_read_fails_an_order_and_is_heard_of() {
    let world = world_of_100("folder", true).await;
    write_parts(&world, &[0..40, 40..100]);
    let marker = complete(&world, "folder", 2);
    let key = format!("incoming/{SEGMENT}/{}", part(1));
    let fault = Fault::on("GetObject").path("data_0_1_0").delay(Duration::from_secs(2));
    world.sandbox.s3.fault(fault);
    let order = world.invoke(json!({"action": "load", "key": marker}));
    let touch = async {
        world
            .sandbox
            .s3
            .arrived(1, |line| format!("{line:?}").contains("data_0_1_0"))
            .await;
        world.sandbox.s3.put(BUCKET, &key, crate::world::csv(&contacts(40..99)));
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! { answer = order => answer.unwrap(), () = touch => unreachable!() };
    assert_changed(&Run::first(&answer), "was replaced or deleted while it was read");
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn what_the_head_knows_is_answered_without_a_listing() {
    for files in ["folder", "manifest"] {
        let world = world_of_100(files, true).await;
        write_parts(&world, &[0..40, 40..100]);
        let marker = complete(&world, files, 2);
        let first = run_of(&world, &marker).await;
        world.sandbox.s3.clear_log();
        let again = run_of(&world, &marker).await;
        again.assert_unchanged();
        assert_eq!(again["run_id"], first["run_id"]);
        let requests = world.sandbox.s3.requests();
        let of_the_result = |request: &&sandbox::Logged| !format!("{request:?}").contains("_state/");
        let log: Vec<_> = requests.iter().filter(of_the_result).collect();
        assert_eq!(log.len(), 1, "its event's object alone is looked at: {log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_that_cannot_be_listed_fail_without_a_run_id_and_are_found_by_the_sweep() {
    let world = world_of_100("folder", true).await;
    write_parts(&world, &[0..40, 40..100]);
    let marker = complete(&world, "folder", 2);
    world.sandbox.s3.fault(Fault::on("ListObjectsV2").always().answer(503));
    let run = world.load_directly(&marker, &json!({})).await;
    run.assert_failed();
    assert_eq!(run["run_id"], json!(null), "{run}");
    world.sandbox.s3.clear_faults();
    let runs = sweep(&world).await;
    assert_eq!(runs[0]["outcome"], "unchanged", "{runs}");
}
