//! Attempts: each counts from its beginning, however it ends, and whoever works or does not is told truly.

use crate::failures::{A_LEASE, failure_of, kill_at, kill_when, outcomes, sweep};
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::dataverse::Outcome;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// Kills a sweep as soon as it has begun to read a file for the nth time.
async fn kill_a_reading(world: &World, event: Value, nth: usize) {
    let is_reading = world.sandbox.s3.arrived(nth, |request| {
        request.operation == "GetObject" && request.path.contains("incoming/")
    });
    kill_when(world, event, is_reading).await;
}

fn sweep_event() -> Value {
    json!({"action": "sweep"})
}

/// Returns the receipts of all attempts, in the order of their times.
async fn receipts(world: &World) -> Vec<Value> {
    let history = world.invoke(json!({"action": "history", "limit": 200})).await.unwrap();
    let mut runs = history["runs"].as_array().unwrap().clone();
    runs.reverse();
    runs
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_dies_waits_for_its_lease_only_and_leaves_a_receipt_with_the_next() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    kill_a_reading(&world, world.sandbox.s3.notification(BUCKET, &key), 1).await;
    assert_eq!(outcomes(&sweep(&world).await), [""; 0], "its lease still holds");
    tokio::time::sleep(A_LEASE).await;
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["loaded"], "one entry for one input: {swept}");
    assert_eq!(world.published(), contacts(0..100));
    assert_eq!(world.head()["failures"], json!(null), "a clean end clears it");
    let kept = receipts(&world).await;
    assert_eq!(kept.len(), 2, "{kept:?}");
    let lost = kept.iter().find(|run| run["error_type"] == "AttemptLost").unwrap();
    Run::of(lost).assert_failed();
    assert_eq!(lost["run_id"], swept["runs"][0]["run_id"], "{lost}");
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_did_for_one_segment_is_told_although_it_dies_at_the_next() {
    let world = World::start().await;
    for segment in ["One", "Another"] {
        let key = format!("incoming/{segment}/monday.csv");
        world.sandbox.s3.put(BUCKET, &key, b"name\nAnna\n".to_vec());
    }
    kill_a_reading(&world, sweep_event(), 2).await;
    let kept = receipts(&world).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["trigger"]["kind"], "sweep");
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_did_for_one_file_is_told_although_it_dies_at_the_next_of_the_segment() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.drop_file("monday.csv", "name\nAnna\n");
    let key = world.drop_contacts("tuesday.csv", &contacts(0..100));
    kill_a_reading(&world, sweep_event(), 2).await;
    let kept = receipts(&world).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        (&kept[0]["outcome"], &kept[0]["trigger"]["kind"]),
        (&json!("failed"), &json!("sweep"))
    );
    tokio::time::sleep(A_LEASE).await;
    let run = Run::first(&world.deliver(&key).await);
    run.assert_loaded();
    let kept = receipts(&world).await;
    let told: Vec<_> = kept.iter().filter_map(|run| run["error_type"].as_str()).collect();
    assert_eq!(told, ["SourceInvalid", "AttemptLost"], "each is told once: {kept:?}");
    let requesters: Vec<_> = kept.iter().map(|run| run["trigger"]["requester"].is_string()).collect();
    assert_eq!(requesters, [false, true, true], "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_die_again_and_again_are_failures_with_pauses_and_after_five_a_person_is_called() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    kill_a_reading(&world, world.sandbox.s3.notification(BUCKET, &key), 1).await;
    tokio::time::sleep(A_LEASE).await;
    kill_a_reading(&world, sweep_event(), 2).await;
    tokio::time::sleep(A_LEASE).await;
    let swept = sweep(&world).await;
    assert!(
        !outcomes(&swept).contains(&"loaded"),
        "from the second on as after a failure: {swept}"
    );
    for nth in 3..=5 {
        tokio::time::sleep(Duration::from_hours(25)).await;
        kill_a_reading(&world, sweep_event(), nth).await;
        tokio::time::sleep(A_LEASE).await;
        let swept = sweep(&world).await;
        Run::first(&swept).as_type("AttemptLost");
        assert_eq!(Run::first(&swept).needs_attention(), nth == 5, "{swept}");
    }
    tokio::time::sleep(Duration::from_hours(25)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_dies_counts_too() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    kill_a_reading(&world, json!({"action": "load", "key": key}), 1).await;
    tokio::time::sleep(A_LEASE).await;
    kill_a_reading(&world, sweep_event(), 2).await;
    tokio::time::sleep(A_LEASE).await;
    assert!(!outcomes(&sweep(&world).await).contains(&"loaded"));
    tokio::time::sleep(Duration::from_mins(31)).await;
    assert_eq!(outcomes(&sweep(&world).await).last(), Some(&"loaded"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_gets_nowhere_continues_once_and_then_fails_until_a_person_is_called() {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..100)).await;
    world
        .sandbox
        .dataverse
        .latency("ListGroupMembers", Duration::from_hours(1));
    let run = world.load("monday.csv", &contacts(0..110)).await;
    run.assert_continues();
    for count in 1..=5 {
        tokio::time::sleep(Duration::from_hours(25)).await;
        let run = Run::first(&sweep(&world).await);
        run.assert_failed().as_type("OutOfTime");
        assert_eq!(world.head()["failures"]["count"], count, "{run}");
        assert_eq!(run.needs_attention(), count == 5, "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_after_members_were_taken_counts_too() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..3_000));
    kill_at(
        &world,
        world.sandbox.s3.notification(BUCKET, &key),
        "AddStaticMembers",
        2,
    )
    .await;
    tokio::time::sleep(A_LEASE).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    let kept = receipts(&world).await;
    assert!(kept.iter().any(|run| run["error_type"] == "AttemptLost"), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_fails_after_the_wait_is_a_failure_each_time_and_a_person_is_called() {
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_mins(6);
        modes.outcome = Outcome::Error;
    });
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    let (mut failed, mut attention) = (0, false);
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_hours(25)).await;
        let swept = sweep(&world).await;
        for run in swept["runs"].as_array().unwrap().iter().map(Run::of) {
            failed += usize::from(run.is_failed_as("PublishFailed"));
            attention |= run.needs_attention();
            assert_eq!(run["segment_name"], "Summer Sale", "{run}");
        }
    }
    assert!(failed >= 5, "{failed}");
    assert!(attention);
    assert!(world.segment().publishes <= 7, "{}", world.segment().publishes);
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_failed_late_is_repeated_only_after_its_pause() {
    let world = World::start().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_mins(6);
        modes.outcome = Outcome::Error;
    });
    world.load("monday.csv", &contacts(0..100)).await;
    tokio::time::sleep(Duration::from_mins(15)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["failed"]);
    assert_eq!(world.segment().publishes, 1, "not at once");
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_secs(1);
        modes.outcome = Outcome::Active;
    });
    tokio::time::sleep(Duration::from_mins(16)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.head()["failures"], json!(null));
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_fails_after_the_lease_was_taken_is_a_failure_and_not_busy() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    // Read to enqueue, to claim, and to take the first job: the third fails, with all that the SDK tries.
    let fault = Fault::on("GetObject").path("_state/segments").nth(3).times(3);
    world.sandbox.s3.fault(fault.answer(503).code("SlowDown"));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "StateUnavailable", "{reason}");
    assert_eq!(world.head()["lease"], json!(null), "given back");
    world.run(&key).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn an_error_while_looking_after_a_segment_is_told_of_it_and_with_pauses() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(20));
    let loaded = world.load("monday.csv", &contacts(0..100)).await;
    let fault = Fault::on("GET msdynmkt_segments").always().answer(500);
    world.sandbox.dataverse.fault(fault);
    let mut failed = Vec::new();
    for _ in 0..4 {
        failed.extend(sweep(&world).await["runs"].as_array().unwrap().clone());
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
    assert!((1..4).contains(&failed.len()), "{failed:?}");
    for run in failed.iter().map(Run::of) {
        run.assert_failed();
        assert_eq!(
            (&run["run_id"], &run["segment_name"], &run["source"]["key"]),
            (&loaded["run_id"], &loaded["segment_name"], &loaded["source"]["key"])
        );
    }
    assert!(world.head()["failures"]["count"].as_u64() >= Some(1));
}

#[tokio::test(start_paused = true)]
async fn no_time_left_to_follow_up_a_segment_is_no_failure() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(20));
    world.load("monday.csv", &contacts(0..100)).await;
    world
        .sandbox
        .dataverse
        .latency("GET msdynmkt_segments", Duration::from_hours(1));
    let swept = world.invoke_for(sweep_event(), Duration::from_mins(1)).await.unwrap();
    assert!(!outcomes(&swept).contains(&"failed"), "{swept}");
    assert_eq!(world.head()["failures"], json!(null));
    assert_eq!(world.head()["lease"], json!(null));
}

/// Lets a sweep die while it follows up what was published.
async fn kill_a_look(world: &World) {
    world.sandbox.dataverse.clear_log();
    kill_when(
        world,
        sweep_event(),
        world.sandbox.dataverse.arrived("GET msdynmkt_segments", 1),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn looks_after_a_publish_that_die_are_failures_with_pauses_until_a_person_is_called() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.publish_delay = Duration::from_mins(1));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    dataverse.latency("GET msdynmkt_segments", Duration::from_secs(5));
    for nth in 1..=5 {
        kill_a_look(&world).await;
        tokio::time::sleep(A_LEASE).await;
        let lost = Run::first(&sweep(&world).await);
        assert_eq!(
            (&lost["error_type"], &lost["run_id"]),
            (&json!("AttemptLost"), &run["run_id"])
        );
        assert_eq!(lost.needs_attention(), nth == 5, "{nth}: {lost}");
        if nth > 1 {
            assert_eq!(outcomes(&sweep(&world).await), [""; 0], "it waits");
        }
        tokio::time::sleep(Duration::from_hours(25)).await;
    }
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.head()["failures"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn looks_after_a_publish_that_get_nowhere_are_failures_from_the_second_on() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.publish_delay = Duration::from_mins(1));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_computing();
    dataverse.latency("GET msdynmkt_segments", Duration::from_hours(1));
    assert_eq!(outcomes(&sweep(&world).await), [""; 0], "once may happen to anybody");
    tokio::time::sleep(Duration::from_hours(1)).await;
    let failed = Run::first(&sweep(&world).await);
    assert_eq!(
        (&failed["error_type"], &failed["run_id"]),
        (&json!("OutOfTime"), &run["run_id"])
    );
}

/// A person asks, so that nothing but the lease is waited for.
#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_asked_for_now_tells_of_an_attempt_that_died_again_and_loads_in_one_go() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    for _ in 0..3 {
        let nth = world.sandbox.dataverse.count("AddStaticMembers") + 1;
        let event = world.sandbox.s3.notification(BUCKET, &key);
        kill_at(&world, event, "AddStaticMembers", nth).await;
    }
    tokio::time::sleep(A_LEASE).await;
    let now = json!({"action": "sweep", "now": true});
    let swept = world.invoke(now).await.unwrap();
    assert_eq!(outcomes(&swept), ["loaded"], "{swept}");
    assert_eq!(world.published(), contacts(0..100));
    let told = world.invoke(json!({"action": "history"})).await.unwrap();
    let lost = told["runs"].as_array().unwrap().iter();
    assert_eq!(
        lost.filter(|run| run["error_type"] == "AttemptLost").count(),
        3,
        "{told}"
    );
}
