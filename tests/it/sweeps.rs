//! The scheduled sweep: what it goes on with, follows up and finds.

use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::dataverse::Outcome;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

async fn sweep(world: &World) -> Value {
    world.invoke(json!({"action": "sweep"})).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_result_whose_event_was_lost_is_found() {
    let world = World::start().await;
    world.drop_contacts("monday.csv", &contacts(0..100));
    world.drop_contacts("tuesday.csv", &contacts(10..120));
    let answer = sweep(&world).await;
    assert_eq!(
        answer["runs"].as_array().unwrap().len(),
        1,
        "only the newest counts: {answer}"
    );
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(10..120));
    assert_eq!(
        sweep(&world).await["runs"],
        json!([]),
        "a second sweep has nothing to do"
    );
}

#[tokio::test(start_paused = true)]
async fn every_lost_file_to_append_counts() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.drop_contacts("monday.csv", &contacts(0..10));
    world.drop_contacts("tuesday.csv", &contacts(10..20));
    sweep(&world).await;
    assert_eq!(world.published(), contacts(0..20));
}

#[tokio::test(start_paused = true)]
async fn an_old_result_and_an_object_that_is_none_are_left_alone() {
    let world = World::start().await;
    world.drop_contacts("old.csv", &contacts(0..100));
    world.sandbox.s3.clock().advance(Duration::from_hours(8 * 24));
    world.drop_file("zero.csv", "");
    world.sandbox.s3.put(BUCKET, "incoming/Summer Sale/_SUCCESS", "");
    world.sandbox.s3.put(BUCKET, "elsewhere/file.csv", csv(&contacts(0..3)));
    assert_eq!(sweep(&world).await["runs"], json!([]));
    assert!(world.sandbox.dataverse.segments(SEGMENT).is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_the_newest_was_refused_the_sweep_finds_the_next_older() {
    let world = World::start().await;
    world.drop_contacts("lost.csv", &contacts(0..100));
    let key = world.drop_contacts("empty.csv", &[]);
    world.run(&key).await.assert_refused();
    sweep(&world).await;
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_is_tried_again_after_its_pause_and_not_before() {
    let world = World::start().await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    assert_eq!(world.invoke(event).await.unwrap_err().error_type(), "PrivilegeMissing");
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());

    assert_eq!(
        sweep(&world).await["runs"],
        json!([]),
        "the first pause is fifteen minutes"
    );
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    let answer = sweep(&world).await;
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_asks_for_it_now_waits_for_no_pause_and_it_counts() {
    let world = World::start().await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    let empty = world.drop_contacts("empty.csv", &[]);
    world.run(&empty).await.assert_refused();
    let now = json!({"action": "sweep", "now": true});
    for count in 3..=5 {
        let run = Run::first(&world.invoke(now.clone()).await.unwrap());
        run.assert_failed();
        assert_eq!(world.head()["failures"]["count"], count);
        assert_eq!(run.needs_attention(), count == 5, "{run}");
        assert_eq!(sweep(&world).await["runs"], json!([]));
    }
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let answer = world.invoke(now).await.unwrap();
    Run::first(&answer).assert_loaded();
    assert_eq!(answer["runs"].as_array().unwrap().len(), 1, "a refusal stays: {answer}");
}

#[tokio::test(start_paused = true)]
async fn after_five_failures_the_report_calls_for_a_person() {
    let world = World::start().await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    for _ in 0..4 {
        world.sandbox.s3.clock().advance(Duration::from_hours(25));
        let run = Run::first(&sweep(&world).await);
        run.assert_failed();
        assert_eq!(
            run.warnings().contains("attention"),
            world.head()["failures"]["count"] == 5
        );
    }
    assert_eq!(world.head()["failures"]["count"], 5);
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let run = world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(run.outcome(), "loaded", "a new file tries again at once: {run}");
    assert_eq!(world.head()["failures"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_computes_for_long_is_only_looked_at_until_it_is_active() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(20));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    assert_eq!(world.head()["applied"]["confirmed"], false);

    assert_eq!(sweep(&world).await["runs"], json!([]));
    tokio::time::sleep(Duration::from_mins(20)).await;
    let answer = sweep(&world).await;
    Run::first(&answer).assert_loaded();
    assert_eq!(world.head()["applied"]["confirmed"], true);
    assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_dynamics_failed_to_compute_later_is_loaded_and_published_again() {
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_mins(20);
        modes.outcome = Outcome::Error;
    });
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    tokio::time::sleep(Duration::from_mins(20)).await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_secs(1);
        modes.outcome = Outcome::Active;
    });
    let failed = Run::first(&sweep(&world).await);
    failed.as_type("PublishFailed");
    tokio::time::sleep(Duration::from_mins(16)).await;
    let answer = sweep(&world).await;
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_addition_of_nobody_does_not_hide_that_dynamics_failed_to_compute_what_came_before() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_mins(20);
        modes.outcome = Outcome::Error;
    });
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    let run = world.load("nobody.csv", &[]).await;
    run.assert_unchanged();
    tokio::time::sleep(Duration::from_mins(20)).await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_secs(1);
        modes.outcome = Outcome::Active;
    });
    let failed = Run::first(&sweep(&world).await);
    failed.as_type("PublishFailed");
    tokio::time::sleep(Duration::from_mins(16)).await;
    let answer = sweep(&world).await;
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn one_head_that_cannot_be_read_is_reported_kept_and_keeps_nobody_else_waiting() {
    let world = World::start().await;
    world.sandbox.s3.put(
        BUCKET,
        "_state/segments/0123/head.json",
        r#"{"v": 99, "segment_name": "Other"}"#,
    );
    world.drop_contacts("monday.csv", &contacts(0..100));
    let answer = sweep(&world).await;
    let outcomes: Vec<_> = answer["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert_eq!(outcomes.len(), 2, "{answer}");
    assert!(
        outcomes.contains(&json!("loaded")) && outcomes.contains(&json!("failed")),
        "{answer}"
    );
    assert!(
        world
            .sandbox
            .s3
            .get(BUCKET, "_state/segments/0123/head.json")
            .unwrap()
            .starts_with(br#"{"v": 99"#)
    );
}

#[tokio::test(start_paused = true)]
async fn a_load_that_runs_out_of_time_continues_with_the_next_sweep() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(5));
    let wanted = contacts(0..60_000);
    let key = world.drop_contacts("monday.csv", &wanted);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let answer = world.invoke_for(event, Duration::from_mins(1)).await.unwrap();
    Run::first(&answer).assert_continues();
    assert_eq!(world.head()["lease"], json!(null), "the lease is given back");
    let mut sweeps = 0;
    while world.head()["applied"].is_null() {
        world
            .invoke_for(json!({"action": "sweep"}), Duration::from_mins(1))
            .await
            .unwrap();
        sweeps += 1;
        assert!(sweeps < 10);
    }
    assert_eq!(world.published(), wanted);
    assert_eq!(world.segment().publishes, 1);
}

#[tokio::test(start_paused = true)]
async fn more_objects_than_a_sweep_lists_are_a_warning() {
    let world = World::start().await;
    for number in 0..10_001 {
        world
            .sandbox
            .s3
            .put(BUCKET, &format!("incoming/Summer Sale/{number:05}_$folder$"), "");
    }
    let answer = sweep(&world).await;
    assert!(answer["warnings"][0].as_str().unwrap().contains("10000"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_follows_a_failed_event_is_one_run_and_tells_how_it_ended() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("GET msdynmkt_segments").always().answer(500));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    world.sandbox.dataverse.clear_faults();
    let answer = world.invoke(json!({"action": "load", "key": key})).await.unwrap();
    let outcomes: Vec<_> = answer["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["outcome"])
        .collect();
    assert_eq!(outcomes, ["loaded"], "{answer}");
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_fails_after_a_failed_event_tells_its_own_failure() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("GET msdynmkt_segments").always().answer(500));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    world.sandbox.dataverse.clear_faults();
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let answer = world.invoke(json!({"action": "load", "key": key})).await.unwrap();
    let outcomes: Vec<_> = answer["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["outcome"])
        .collect();
    assert_eq!(outcomes, ["failed"], "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_cannot_even_start_is_an_error() {
    let world = World::start().await;
    world.sandbox.secrets.fault(
        Fault::on("GetSecretValue")
            .always()
            .answer(400)
            .code("AccessDeniedException"),
    );
    assert!(world.invoke(json!({"action": "sweep"})).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_since_a_sweep_looked_is_not_counted_by_what_was_published_before() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.publish_delay = Duration::from_mins(10));
    let first = world.load("monday.csv", &contacts(0..100)).await;
    assert_eq!(first["outcome"], "computing");
    dataverse.modes(|modes| modes.publish_delay = Duration::ZERO);
    // Between its look at the head and its turn the sweep notes where it is.
    let slow = Fault::on("PutObject").path("sweep.json");
    world.sandbox.s3.fault(slow.late_answer(Duration::from_secs(25)));
    let (swept, second) = tokio::join!(sweep(&world), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.load("tuesday.csv", &contacts(0..90)).await
    });
    second.assert_loaded();
    assert_eq!(swept["runs"], json!([]), "ten are not missing: they were taken out");
    assert_eq!(world.head()["shortage"], Value::Null);
    assert_eq!(world.segment().publishes, 2);
}
