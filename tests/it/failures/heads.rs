//! The head of a segment in S3: lost answers, conflicts, wrong clocks, missing rights and what cannot be read.

use super::{deliver_to, failure_of, kill_at, outcomes, sweep};
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_head_whose_write_was_answered_by_nobody_is_known_to_be_ours() {
    for nth in 1..=5 {
        for fault in [
            Fault::on("PutObject").commit_then_reset(),
            Fault::on("PutObject").drop_connection(),
            Fault::on("PutObject").answer(500).code("InternalError"),
        ] {
            let world = World::start().await;
            world.sandbox.s3.fault(fault.path("_state/segments/").nth(nth));
            let run = world.load("monday.csv", &contacts(0..100)).await;
            assert_eq!(run.outcome(), "loaded", "{nth}: {run}");
            let head = world.head();
            assert_eq!(
                (&head["pending"], &head["lease"], &head["applied"]["run_id"]),
                (&json!([]), &json!(null), &run["run_id"])
            );
            assert_eq!(world.segment().publishes, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_and_a_missing_object_at_a_conditional_write_are_tried_again() {
    for (status, code) in [
        (409, "ConditionalRequestConflict"),
        (404, "NoSuchKey"),
        (412, "PreconditionFailed"),
    ] {
        let world = World::start().await;
        let fault = Fault::on("PutObject").path("_state/segments/").nth(2).times(3);
        world.sandbox.s3.fault(fault.answer(status).code(code));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        assert_eq!(run.outcome(), "loaded", "{status}: {run}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_writes_of_a_head_ever_have_the_same_etag() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    for _ in 0..3 {
        world.load_directly(&key, &json!({})).await;
    }
    let s3 = aws_sdk_s3::Client::new(&world.sandbox.aws_config());
    let listed = s3.list_object_versions().bucket(BUCKET).prefix("_state/segments/");
    let versions = listed.send().await.unwrap();
    let etags: Vec<_> = versions
        .versions()
        .iter()
        .filter_map(|version| version.e_tag())
        .collect();
    assert!(etags.len() >= 9, "{etags:?}");
    assert_eq!(etags.iter().collect::<BTreeSet<_>>().len(), etags.len());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_an_hour_wrong_neither_shortens_nor_prolongs_a_lease() {
    const HOUR: Duration = Duration::from_hours(1);
    let skews: [fn(&Sandbox); 2] = [
        |sandbox| sandbox.s3.clock().skew_ahead(HOUR),
        |sandbox| sandbox.s3.clock().skew_behind(HOUR),
    ];
    for skew in skews {
        let world = World::start().await;
        skew(&world.sandbox);
        let monday = world.drop_contacts("monday.csv", &contacts(0..3_000));
        kill_at(
            &world,
            world.sandbox.s3.notification(BUCKET, &monday),
            "AddStaticMembers",
            2,
        )
        .await;

        let tuesday = world.drop_contacts("tuesday.csv", &contacts(100..3_100));
        let other = World::app(&world.sandbox, &[]);
        tokio::time::sleep(Duration::from_secs(170)).await;
        let early = deliver_to(&other, world.sandbox.s3.notification(BUCKET, &tuesday)).await;
        early.assert_busy();
        tokio::time::sleep(Duration::from_secs(12)).await;
        let swept = sweep(&world).await;
        assert_eq!(outcomes(&swept), ["superseded", "loaded"], "{swept}");
        assert_eq!(world.published(), contacts(100..3_100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_cannot_be_read_is_kept_and_the_load_fails() {
    for content in ["", "{", r#"{"v": 99, "segment_name": "Summer Sale"}"#, r#"{"v": 1}"#] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await;
        let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
        world.sandbox.s3.put(BUCKET, &key, content);
        world.sandbox.dataverse.clear_log();
        let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
        let (kind, reason) = failure_of(&world, &file).await;
        assert_eq!(kind, "StateUnreadable", "{reason}");
        assert!(reason.contains(&key), "{reason}");
        assert_eq!(world.sandbox.s3.get(BUCKET, &key).unwrap(), content);
        assert_eq!(world.sandbox.dataverse.requests().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_to_list_is_named_and_not_taken_for_a_first_run() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.sandbox.s3.deny_list(BUCKET);
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "StateForbidden", "{reason}");
    assert!(reason.contains("s3:ListBucket"), "{reason}");
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
    world.sandbox.s3.allow_all();
    world.run(&key).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_state_that_may_not_be_written_stops_the_load_before_dynamics_is_asked() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.sandbox.s3.deny(BUCKET, "_state/segments/");
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "StateForbidden", "{reason}");
    assert!(reason.contains("s3:PutObject"), "{reason}");
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
}
