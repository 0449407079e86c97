//! Workers that are stopped, too slow, too many, or of another version.

use super::{A_LEASE, DEADLINE, Lane, signal};
use crate::deployed::binary;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

fn outcomes(answer: &Value) -> Vec<&str> {
    let runs = answer["runs"].as_array().unwrap().iter();
    runs.filter_map(|run| run["outcome"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_that_wakes_after_its_lease_sends_nothing_more_and_publishes_nothing() {
    tokio::join!(zombie_after_the_work_is_done(), zombie_beside_a_newer_file());
}

async fn zombie_after_the_work_is_done() {
    let mut lane = Lane::start("a retry took over", 0..3_000).await;
    let dataverse = &lane.sandbox.dataverse.clone();
    dataverse.latency("AddStaticMembers", Duration::from_millis(150));
    let event = lane.drop_file(1_000..11_000);
    let (mut holder, mut retry) = (lane.deploy().await, lane.deploy().await);
    let process = holder.process();
    let (zombie, ()) = tokio::join!(holder.invoke_for(&event, DEADLINE), async {
        dataverse.arrived("AddStaticMembers", 4).await;
        signal(process, "STOP").await;
        // The same run: the retry waits for the end of the lease by itself.
        let started = Instant::now();
        let answer = retry.invoke(&event).await;
        assert_eq!(outcomes(&answer), ["loaded"], "{answer}");
        assert!(started.elapsed() > Duration::from_secs(super::LEASE_SECONDS - 1));
        dataverse.clear_log();
        signal(process, "CONT").await;
    });
    let zombie = zombie.unwrap();
    assert_eq!(outcomes(&zombie), ["busy"], "{zombie}");
    assert_eq!(dataverse.requests().len(), 0, "the zombie sent something");
    assert_eq!(dataverse.segment(crate::world::SEGMENT).publishes, 1);
    lane.assert_is_exact();
}

async fn zombie_beside_a_newer_file() {
    let mut lane = Lane::start("a newer file took over", 0..3_000).await;
    let dataverse = &lane.sandbox.dataverse.clone();
    dataverse.latency("AddStaticMembers", Duration::from_millis(150));
    let older = lane.drop_file(1_000..9_000);
    let (mut holder, mut other) = (lane.deploy().await, lane.deploy().await);
    let process = holder.process();
    let (zombie, ()) = tokio::join!(holder.invoke_for(&older, DEADLINE), async {
        dataverse.arrived("AddStaticMembers", 4).await;
        signal(process, "STOP").await;
        dataverse.quiet().await;
        let newer = lane.drop_file(1_500..12_000);
        let busy = other.invoke(&newer).await;
        assert_eq!(outcomes(&busy), ["busy"], "{busy}");
        tokio::time::sleep(A_LEASE).await;
        dataverse.clear_log();
        let (swept, ()) = tokio::join!(other.sweep(), async {
            dataverse.arrived("AddStaticMembers", 2).await;
            signal(process, "CONT").await;
        });
        assert_eq!(outcomes(&swept), ["superseded", "loaded"], "{swept}");
    });
    let zombie = zombie.unwrap();
    assert_eq!(outcomes(&zombie), ["busy"], "{zombie}");
    assert_eq!(dataverse.segment(crate::world::SEGMENT).publishes, 1);
    lane.assert_is_exact();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_at_once_on_one_segment_end_as_the_newest_file() {
    let mut lane = Lane::start("two workers", 0..3_000).await;
    lane.sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_millis(30));
    let (mut one, mut two) = (lane.deploy().await, lane.deploy().await);
    for round in 1..=4 {
        let older = lane.drop_file(round * 300..round * 300 + 4_000);
        let newer = lane.drop_file(round * 300 + 100..round * 300 + 4_100);
        // In the last rounds both get the very same event.
        let first = if round < 3 { older } else { newer.clone() };
        tokio::join!(one.invoke(&first), two.invoke(&newer));
        one.sweep().await;
        lane.assert_is_exact();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_hangs_past_its_deadline_is_killed_and_the_next_attempt_finishes() {
    let mut lane = Lane::start("hard deadline", 0..3_000).await;
    let dataverse = &lane.sandbox.dataverse.clone();
    dataverse.latency("AddStaticMembers", Duration::from_millis(150));
    let event = lane.drop_file(500..4_000);
    let mut function = lane.deploy().await;
    let process = function.process();
    // Whatever it waits for it stops in time; only a frozen process hangs.
    let (killed, ()) = tokio::join!(function.invoke_for(&event, Duration::from_secs(4)), async {
        dataverse.arrived("AddStaticMembers", 1).await;
        signal(process, "STOP").await;
    });
    assert_eq!(killed.unwrap_err().error_type, "Sandbox.Timedout");
    lane.assert_history_is_clean();
    lane.outlive_the_lease().await;
    let retried = function.invoke(&event).await;
    assert_eq!(outcomes(&retried), ["loaded"], "{retried}");
    lane.assert_is_exact();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_sees_its_deadline_coming_stops_in_time_and_a_sweep_finishes() {
    let mut lane = Lane::start("planned stop", 0..3_000).await;
    let dataverse = lane.sandbox.dataverse.clone();
    dataverse.latency("AddStaticMembers", Duration::from_millis(800));
    let mut function = lane.deploy().await;
    // Starting takes time of its own.
    function.sweep().await;
    let event = lane.drop_file(500..40_000);
    let started = Instant::now();
    let stopped = function.invoke_for(&event, Duration::from_secs(7)).await.unwrap();
    assert_eq!(outcomes(&stopped), ["continues"], "{stopped}");
    assert!(started.elapsed() < Duration::from_secs(7));
    assert_eq!(lane.head()["lease"], json!(null));
    dataverse.latency("AddStaticMembers", Duration::ZERO);
    assert_eq!(outcomes(&function.sweep().await), ["loaded"]);
    lane.assert_is_exact();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_during_a_run_goes_on_with_what_the_old_version_left() {
    let mut lane = Lane::start("deployment", 0..3_000).await;
    let dataverse = lane.sandbox.dataverse.clone();
    dataverse.latency("AddStaticMembers", Duration::from_millis(30));
    // A file of its own, as a deployed version is.
    let old_version = std::env::temp_dir().join(format!("segment-loader-{}", uuid::Uuid::new_v4()));
    std::fs::copy(binary(), &old_version).unwrap();
    let event = lane.drop_file(500..6_000);
    let mut function = lane.deploy_binary(&old_version).await;
    tokio::select! {
        answer = function.invoke(&event) => panic!("it ended before the deployment: {answer}"),
        () = dataverse.arrived("AddStaticMembers", 3) => {}
    }
    function.0.update(&binary());
    function.0.kill().await;
    std::fs::remove_file(&old_version).unwrap();
    lane.outlive_the_lease().await;
    assert_eq!(outcomes(&function.invoke(&event).await), ["loaded"]);
    lane.assert_is_exact();
}
