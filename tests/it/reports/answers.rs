//! The printed answers, as snapshots.

use super::{receipt, steady};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use insta::assert_json_snapshot;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};

async fn history(world: &World, fields: &Value) -> Vec<Value> {
    let mut command = json!({"action": "history"});
    command
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let answer = world.invoke(command).await.unwrap();
    answer["runs"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_loaded_run_and_its_receipt() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..3_000)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(500..3_200));
    let answer = world.deliver(&key).await;
    assert_json_snapshot!("loaded", steady(answer.clone()));
    let receipt = receipt(&world, &Run::first(&answer));
    for id in contacts(0..3_200) {
        assert!(!receipt.to_string().contains(&id.to_string()));
    }
    assert_json_snapshot!("receipt", steady(receipt));
}

#[tokio::test(start_paused = true)]
async fn a_refused_run() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("2026-11-23.csv", &contacts(0..499));
    assert_json_snapshot!("refused", steady(world.deliver(&key).await));
}

#[tokio::test(start_paused = true)]
async fn a_failed_run() {
    let world = World::start().await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let answer = world.invoke(json!({"action": "load", "key": key})).await.unwrap();
    assert_json_snapshot!("failed", steady(answer));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_anywhere_and_tells_everything() {
    let world = World::start().await;
    world.destination(&json!({"check_contacts": "added"}));
    world.load("monday.csv", &contacts(0..1_000)).await;
    let file = format!(
        "{}nobody\n",
        String::from_utf8(crate::world::csv(&contacts(600..1_200))).unwrap()
    );
    let key = world.drop_file("tuesday.csv", file);
    world.sandbox.dataverse.set_known_contacts(contacts(0..1_199));
    world.sandbox.dataverse.clear_log();
    world.sandbox.s3.clear_log();

    let command = json!({"action": "load", "key": key, "dry_run": true});
    let answer = world.invoke(command).await.unwrap();
    assert_json_snapshot!("dry_run", steady(answer));
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    let s3 = world.sandbox.s3.requests();
    assert!(!s3.is_empty());
    assert!(
        s3.iter()
            .all(|request| request.method == "GET" || request.method == "HEAD"),
        "a dry run only reads in S3"
    );
    assert_eq!(world.published(), contacts(0..1_000));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_comes_to_nothing_leaves_no_trace_either() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let good = world.drop_contacts("tuesday.csv", &contacts(0..1_000));
    let columnless = world.drop_file("columnless.csv", "name\nDoe\n");
    let rowless = world.drop_file("useless.csv", "contactid\nDoe\n");
    world.sandbox.s3.clear_log();
    let nowhere = "incoming/2026-11-23.csv";
    world.sandbox.s3.put(BUCKET, nowhere, csv(&contacts(0..10)));
    for (key, fields, outcome, error_type) in [
        (&*columnless, json!({}), "failed", json!("SourceInvalid")),
        (&rowless, json!({}), "refused", json!("Refused")),
        (
            "incoming/none.csv",
            json!({"segment_name": "Other"}),
            "failed",
            json!("SourceMissing"),
        ),
        (nowhere, json!({}), "failed", json!("NoSegmentName")),
        (&good, json!({"approve": "0123456789abcdef"}), "refused", Value::Null),
    ] {
        let mut command = json!({"action": "load", "key": key, "dry_run": true});
        command
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let answer = world.invoke(command).await.unwrap();
        let run = Run::first(&answer);
        assert_eq!(
            (&run["outcome"], &run["error_type"]),
            (&json!(outcome), &error_type),
            "{run}"
        );
        assert_eq!(run["receipt"], Value::Null, "{run}");
    }
    let requests = world.sandbox.s3.requests();
    assert!(requests.iter().all(|request| request.method != "PUT"), "{requests:?}");
    let outcomes: Vec<_> = history(&world, &json!({}))
        .await
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["loaded"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_guard_that_would_refuse_and_what_is_left_to_do_of_nothing() {
    let world = World::start().await;
    let monday = world.drop_contacts("monday.csv", &contacts(0..1_000));
    world.deliver(&monday).await;
    let key = world.drop_contacts("less.csv", &contacts(0..10));
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    run.assert_dry_run();
    let verdicts: Vec<_> = run["guards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guard| &guard["verdict"])
        .collect();
    assert_eq!(verdicts, ["passes", "passes", "refuses", "passes", "passes"], "{run}");
    assert_eq!((&run["unchanged"], &run["removed"]), (&json!(10), &json!(990)));

    let run = world.load_directly(&monday, &json!({"dry_run": true})).await;
    assert_eq!(run["estimated_requests"], run["requests"], "nothing to write: {run}");
}

#[tokio::test(start_paused = true)]
async fn a_good_connection() {
    let world = World::start().await;
    let answer = world.invoke(json!({"action": "test_connection"})).await.unwrap();
    assert_json_snapshot!("test_connection", steady(answer));
}

#[tokio::test(start_paused = true)]
async fn history_tells_the_last_runs_of_a_segment_or_of_all_newest_first() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world
        .sandbox
        .s3
        .clock()
        .advance(std::time::Duration::from_hours(3 * 24));
    // S3 says so more than once before a file of then comes.
    world.invoke(json!({"action": "status"})).await.unwrap();
    world.load("thursday.csv", &contacts(0..10)).await;
    world
        .sandbox
        .s3
        .put(BUCKET, "incoming/Other/a.csv", crate::world::csv(&contacts(0..5)));
    world.sandbox.s3.clock().advance(std::time::Duration::from_secs(1));
    world.deliver("incoming/Other/a.csv").await;

    let runs = history(&world, &json!({"segment_name": SEGMENT})).await;
    let told: Vec<_> = runs.iter().map(|run| (&run["outcome"], &run["segment_name"])).collect();
    assert_eq!(
        told,
        [
            (&json!("refused"), &json!(SEGMENT)),
            (&json!("loaded"), &json!(SEGMENT))
        ]
    );
    let all = history(&world, &json!({})).await;
    assert_eq!((all.len(), &all[0]["segment_name"]), (3, &json!("Other")));
    assert_eq!(all[1..], runs);
    assert_eq!(history(&world, &json!({"limit": 1})).await, all[..1]);
    assert!(history(&world, &json!({"segment_name": "Nobody's"})).await.is_empty());
    world
        .sandbox
        .s3
        .clock()
        .advance(std::time::Duration::from_hours(92 * 24));
    world.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!(history(&world, &json!({})).await.len(), 0, "the look back is bounded");
    assert_json_snapshot!("history", steady(json!({"runs": all[..1]})));
}

#[tokio::test(start_paused = true)]
async fn history_tells_the_other_runs_where_an_object_among_the_receipts_is_none() {
    let world = World::start().await;
    for content in ["", "[]", "nothing"] {
        let run = world.load("monday.csv", &contacts(0..100)).await;
        let key = run["receipt"].as_str().unwrap().replace(&format!("s3://{BUCKET}/"), "");
        world.sandbox.s3.put(BUCKET, &key, content);
    }
    world.load("tuesday.csv", &contacts(0..101)).await;
    let answer = world.invoke(json!({"action": "history"})).await.unwrap();
    assert_eq!(answer["runs"].as_array().unwrap().len(), 1, "{answer}");
    let warnings = answer["warnings"].as_array().unwrap();
    assert!(
        warnings.len() == 3 && warnings[0].to_string().contains("is no receipt"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn history_that_may_not_be_read_says_so() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.sandbox.s3.deny(BUCKET, "_state/receipts/");
    let error = world.invoke(json!({"action": "history"})).await.unwrap_err();
    assert_eq!(error.error_type(), "StateForbidden");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_names_who_dropped_the_file_and_is_never_overwritten() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..100)).await;
    assert_eq!(
        receipt(&world, &run)["trigger"],
        json!({"kind": "event", "requester": "AWS:123456789012"})
    );
    let key = world.drop_contacts("tuesday.csv", &contacts(0..101));
    let event = world.sandbox.s3.event_bridge(BUCKET, &key);
    let run = Run::first(&world.invoke(event).await.unwrap());
    assert_eq!(receipt(&world, &run)["trigger"]["requester"], "123456789012");
    let run = world.load_directly(&key, &json!({})).await;
    assert_eq!(
        receipt(&world, &run)["trigger"],
        json!({"kind": "command", "requester": null})
    );
    assert_eq!(world.sandbox.s3.keys(BUCKET, "_state/receipts/").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_written_is_a_warning() {
    let world = World::start().await;
    world.sandbox.s3.deny(BUCKET, "_state/receipts/");
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded();
    assert_eq!(run["receipt"], json!(null), "{run}");
    run.warns("s3:PutObject");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_whose_answer_was_lost_counts_as_written_and_is_not_written_again() {
    let world = World::start().await;
    let lost = Fault::on("PutObject").path("/receipts/").nth(1).commit_then_reset();
    world.sandbox.s3.fault(lost);
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.warns_of_nothing();
    assert_eq!(receipt(&world, &run)["run_id"], run["run_id"]);
    let puts = world.sandbox.s3.requests();
    let statuses = puts
        .iter()
        .filter(|put| put.method == "PUT" && put.path.contains("/receipts/"));
    let statuses: Vec<_> = statuses.filter_map(|put| put.status).collect();
    assert_eq!(
        statuses.last(),
        Some(&412),
        "a receipt is never overwritten: {statuses:?}"
    );
}
