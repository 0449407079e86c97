//! Events that come twice, late, together, out of order or not at all.

use super::{deliver_to, failure_of, published_sizes, sweep};
use crate::run::Run;
use crate::world::{World, contacts, csv};
use sandbox::{BUCKET, Fault, s3::sqs_batch};
use serde_json::json;
use std::time::Duration;

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_duplicate_event_during_the_run_makes_no_second_writer() {
    let world = World::start().await;
    world.sandbox.dataverse.latency("AddStaticMembers", SECONDS);
    let key = world.drop_contacts("monday.csv", &contacts(0..5_000));
    let duplicate = world.sandbox.s3.notification(BUCKET, &key);
    let other = World::app(&world.sandbox, &[]);
    let (first, second) = tokio::join!(world.deliver(&key), async {
        world.sandbox.dataverse.arrived("AddStaticMembers", 1).await;
        deliver_to(&other, duplicate).await
    });
    Run::first(&first).assert_loaded();
    assert_eq!(second.outcome(), "unchanged", "nobody works on it by then: {second}");
    assert_eq!(world.sandbox.dataverse.count("AddStaticMembers"), 5);
    assert_eq!(world.segment().publishes, 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_files_of_the_same_second_the_later_key_wins_in_whatever_order_the_events_come() {
    for order in [["a", "b"], ["b", "a"]] {
        let world = World::start().await;
        let keys = ["a", "b"].map(|name| format!("incoming/Summer Sale/{name}.csv"));
        world.sandbox.s3.put(BUCKET, &keys[0], csv(&contacts(0..100)));
        world.sandbox.s3.put(BUCKET, &keys[1], csv(&contacts(10..120)));
        for name in order {
            let run = world.run(&format!("incoming/Summer Sale/{name}.csv")).await;
            let is_late = name == "a" && order[0] == "b";
            assert_eq!(run.outcome(), if is_late { "superseded" } else { "loaded" }, "{run}");
        }
        assert_eq!(world.published(), contacts(10..120), "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_after_a_newer_file_was_loaded_is_superseded_and_leaves_a_receipt() {
    let world = World::start().await;
    let old = world.drop_contacts("monday.csv", &contacts(0..100));
    world.load("tuesday.csv", &contacts(10..120)).await;
    world.sandbox.dataverse.clear_log();
    let late = world.run(&old).await;
    late.assert_superseded();
    assert!(late["receipt"].is_string(), "{late}");
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
    assert_eq!(world.published(), contacts(10..120));
}

#[tokio::test(start_paused = true)]
async fn a_newer_file_that_comes_during_the_load_is_the_only_one_published() {
    let world = World::start().await;
    world.sandbox.dataverse.latency("AddStaticMembers", SECONDS);
    let monday = world.drop_contacts("monday.csv", &contacts(0..8_000));
    let other = World::app(&world.sandbox, &[]);
    let (first, second) = tokio::join!(world.deliver(&monday), async {
        world.sandbox.dataverse.arrived("AddStaticMembers", 2).await;
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(100..8_200));
        deliver_to(&other, world.sandbox.s3.notification(BUCKET, &tuesday)).await
    });
    second.assert_busy();
    Run::first(&first).assert_superseded();
    Run::of(&first["runs"][1]).assert_loaded();
    assert_eq!(published_sizes(&world), [8_100]);
    assert_eq!(world.published(), contacts(100..8_200));
}

#[tokio::test(start_paused = true)]
async fn a_newer_file_that_is_refused_lets_the_older_go_on() {
    let world = World::start().await;
    world.sandbox.dataverse.latency("AddStaticMembers", SECONDS);
    let monday = world.drop_contacts("monday.csv", &contacts(0..8_000));
    let other = World::app(&world.sandbox, &[]);
    let (first, second) = tokio::join!(world.deliver(&monday), async {
        world.sandbox.dataverse.arrived("AddStaticMembers", 2).await;
        let empty = world.drop_contacts("empty.csv", &[]);
        deliver_to(&other, world.sandbox.s3.notification(BUCKET, &empty)).await
    });
    second.assert_busy();
    Run::first(&first).assert_loaded();
    Run::of(&first["runs"][1]).assert_refused();
    assert_eq!(published_sizes(&world), [8_000]);
}

#[tokio::test(start_paused = true)]
async fn one_bad_message_and_one_that_fails_are_delivered_again_and_no_other() {
    let world = World::start().await;
    let good = world.drop_contacts("good.csv", &contacts(0..100));
    let unreadable = world.drop_file("unreadable.csv", "email\nann@example.com\n");
    let s3 = &world.sandbox.s3;
    let batch = sqs_batch(&[
        s3.notification(BUCKET, &good),
        json!({"no": "event"}),
        s3.event_bridge(BUCKET, &unreadable),
    ]);
    let answer = world.invoke(batch).await.unwrap();
    assert_eq!(
        answer["batchItemFailures"],
        json!([{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]),
        "{answer}"
    );
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_result_in_parts_starts_with_its_marker_only_and_fails_where_the_parts_are_missing() {
    let world = World::start().await;
    world.destination(&json!({"result_files": "folder"}));
    let marker = world.drop_file("run/_SUCCESS", "");
    let (_, reason) = failure_of(&world, &marker).await;
    assert!(reason.contains("no data files"), "{reason}");

    let parts = [(0..60), (40..100)].map(contacts);
    for (number, part) in parts.iter().enumerate() {
        let key = world.drop_contacts(&format!("run/part-{number}.csv"), part);
        assert_eq!(world.deliver(&key).await["runs"], json!([]), "a part starts nothing");
    }
    let marker = world.drop_file("run/_SUCCESS", "");
    let run = world.run(&marker).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_byte_is_refused_and_its_next_version_loads() {
    let world = World::start().await;
    let key = world.drop_file("monday.csv", "");
    world.run(&key).await.assert_refused();
    assert!(world.sandbox.dataverse.segments("Summer Sale").is_empty());
    world.drop_contacts("monday.csv", &contacts(0..100));
    world.run(&key).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_file_without_a_segment_name_fails_with_the_four_places_that_may_give_one() {
    let world = World::start().await;
    world.sandbox.s3.put(BUCKET, "incoming/file.csv", csv(&contacts(0..3)));
    let (_, reason) = failure_of(&world, "incoming/file.csv").await;
    for place in ["segment_name", "segment-name", "folder", "destination"] {
        assert!(reason.contains(place), "{place}: {reason}");
    }
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_three_failed_attempts_the_job_stays_and_the_sweep_goes_on_after_its_pause() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("GET msdynmkt_segments").always().answer(500));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    for _ in 0..3 {
        assert_eq!(failure_of(&world, &key).await.0, "DynamicsUnavailable");
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let head = world.head();
    assert_eq!((&head["failures"]["count"], &head["lease"]), (&json!(3), &json!(null)));
    assert_eq!(head["pending"].as_array().unwrap().len(), 1);
    world.sandbox.dataverse.clear_faults();
    assert_eq!(sweep(&world).await["runs"], json!([]), "the third pause is an hour");
    world.sandbox.s3.clock().advance(Duration::from_mins(61));
    Run::first(&sweep(&world).await).assert_loaded();
}
