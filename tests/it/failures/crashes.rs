//! Kills at chosen points; the published audience is only ever the old or the new one.

use super::{A_LEASE, deliver_to, kill_at, kill_when, outcomes, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_kill_while_reading_has_touched_nothing_and_the_next_attempt_starts_over() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let is_reading = world.sandbox.s3.arrived(1, |request| {
        request.operation == "GetObject" && request.path.contains("incoming/")
    });
    kill_when(&world, event, is_reading).await;
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
    world.run(&key).await.assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_kill_anywhere_in_the_first_load_ends_as_one_exact_segment() {
    for (operation, nth) in [
        ("POST msdynmkt_segmentdefinitions", 1),
        ("POST msdynmkt_segments", 1),
        ("AddStaticMembers", 1),
        ("AddStaticMembers", 3),
        ("ListGroupMembers", 1),
        ("PublishSegmentDefinition", 1),
    ] {
        let world = World::start().await;
        let key = world.drop_contacts("monday.csv", &contacts(0..3_500));
        kill_at(&world, world.sandbox.s3.notification(BUCKET, &key), operation, nth).await;
        let retried = world.run(&key).await;
        assert_eq!(retried.outcome(), "loaded", "{operation} {nth}: {retried}");
        assert_eq!(world.published(), contacts(0..3_500), "{operation} {nth}");
        assert!(published_sizes(&world).iter().all(|size| *size == 3_500));
        assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{operation} {nth}");
        assert_eq!(
            (&world.head()["lease"], &world.head()["writing"]),
            (&json!(null), &json!(null))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_anywhere_in_a_later_load_leaves_the_old_audience_until_the_new_one_is_whole() {
    for (operation, nth) in [
        ("AddStaticMembers", 1),
        ("AddStaticMembers", 2),
        ("RemoveStaticMembers", 1),
        ("ListGroupMembers", 3),
    ] {
        let world = World::start().await;
        world
            .sandbox
            .dataverse
            .seed_segment(Seed::named(SEGMENT).group(contacts(0..3_000)));
        let key = world.drop_contacts("monday.csv", &contacts(1_000..4_500));
        kill_at(&world, world.sandbox.s3.notification(BUCKET, &key), operation, nth).await;
        assert_eq!(world.published(), contacts(0..3_000), "{operation} {nth}");

        tokio::time::sleep(A_LEASE).await;
        let swept = sweep(&world).await;
        Run::first(&swept).assert_loaded();
        assert_eq!(published_sizes(&world), [3_000, 3_500], "{operation} {nth}");
        assert_eq!(world.published(), contacts(1_000..4_500));
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_right_after_publishing_is_published_again_since_nobody_can_tell() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..3_000));
    let dataverse = &world.sandbox.dataverse;
    let looked_after_publishing = async {
        dataverse.arrived("PublishSegmentDefinition", 1).await;
        let looks = dataverse.count("GET msdynmkt_segments");
        dataverse.arrived("GET msdynmkt_segments", looks + 1).await;
    };
    kill_when(
        &world,
        world.sandbox.s3.notification(BUCKET, &key),
        looked_after_publishing,
    )
    .await;
    assert_eq!(world.head()["applied"], json!(null));
    assert!(world.head()["writing"].is_object());

    let retried = world.run(&key).await;
    retried.assert_loaded();
    assert_eq!(world.segment().publishes, 2);
    let dataverse = &world.sandbox.dataverse;
    let calls = ["AddStaticMembers", "RemoveStaticMembers"].map(|operation| dataverse.count(operation));
    assert_eq!(
        calls,
        [3 + 1, 1],
        "nobody is added twice but the one whom the list is tried with"
    );
    assert_eq!(world.published(), contacts(0..3_000));
    assert_eq!(world.head()["writing"], json!(null));
}

/// Dynamics shows the count that the dead attempt published, which is what guards go by then.
#[tokio::test(start_paused = true)]
async fn what_an_attempt_published_that_died_is_not_told_as_published_before_it() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..3_000)).await.assert_loaded();
    let key = world.drop_contacts("tuesday.csv", &contacts(1_000..4_500));
    let dataverse = &world.sandbox.dataverse;
    dataverse.clear_log();
    let looked_after_publishing = async {
        dataverse.arrived("PublishSegmentDefinition", 1).await;
        let looks = dataverse.count("GET msdynmkt_segments");
        dataverse.arrived("GET msdynmkt_segments", looks + 1).await;
    };
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_when(&world, event, looked_after_publishing).await;
    tokio::time::sleep(A_LEASE).await;
    assert_eq!(world.published(), contacts(1_000..4_500));
    let retried = world.run(&key).await;
    retried
        .assert_loaded()
        .added(0)
        .warns("3000 members were published before it");
    assert_eq!(world.published(), contacts(1_000..4_500));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_is_whole_but_was_never_published_is_not_taken_for_unchanged() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..3_000)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..3_500));
    let dataverse = &world.sandbox.dataverse;
    dataverse.clear_log();
    let all_added = async {
        dataverse.arrived("AddStaticMembers", 1).await;
        let lists = dataverse.count("ListGroupMembers");
        dataverse.arrived("ListGroupMembers", lists + 1).await;
    };
    kill_when(&world, world.sandbox.s3.notification(BUCKET, &key), all_added).await;
    assert_eq!(world.segment().members, contacts(0..3_500), "the draft is whole");
    assert_eq!(world.published(), contacts(0..3_000));
    let retried = world.run(&key).await;
    retried
        .assert_loaded()
        .added(0)
        .warns("3000 members were published before it");
    assert_eq!(world.published(), contacts(0..3_500));
}

#[tokio::test(start_paused = true)]
async fn a_crash_never_turns_the_next_good_file_into_a_refusal() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..6_000));
    world.sandbox.dataverse.clear_log();
    kill_at(
        &world,
        world.sandbox.s3.notification(BUCKET, &key),
        "ListGroupMembers",
        3,
    )
    .await;
    assert_eq!(
        world.segment().members.len(),
        6_000,
        "the draft holds six times the audience"
    );

    // Measured by the draft this file would lose five members in six.
    tokio::time::sleep(A_LEASE).await;
    let next = world.load("wednesday.csv", &contacts(0..1_010)).await;
    next.assert_loaded();
    assert_eq!(world.published(), contacts(0..1_010));
}

#[tokio::test(start_paused = true)]
async fn sweeps_alone_finish_what_every_attempt_left() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_secs(1));
    let key = world.drop_contacts("monday.csv", &contacts(0..30_000));
    for nth in 1..=3 {
        world.sandbox.dataverse.clear_log();
        kill_at(
            &world,
            world.sandbox.s3.notification(BUCKET, &key),
            "AddStaticMembers",
            nth,
        )
        .await;
    }
    assert_eq!(
        sweep(&world).await["runs"],
        json!([]),
        "the dead worker's lease still holds"
    );
    tokio::time::sleep(A_LEASE).await;
    let lost = Run::first(&sweep(&world).await);
    lost.as_type("AttemptLost");
    tokio::time::sleep(Duration::from_hours(1)).await;
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(world.published(), contacts(0..30_000));
    assert_eq!(world.head()["pending"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_the_server_carries_out_late_is_in_before_another_worker_may_begin() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").nth(2).delay(Duration::from_secs(110)));
    let monday = world.drop_contacts("monday.csv", &contacts(0..4_000));
    kill_at(
        &world,
        world.sandbox.s3.notification(BUCKET, &monday),
        "AddStaticMembers",
        4,
    )
    .await;
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(3_000..6_000));
    let other = World::app(&world.sandbox, &[]);
    let early = deliver_to(&other, world.sandbox.s3.notification(BUCKET, &tuesday)).await;
    early
        .assert_busy()
        .says("it is dead, and the first sweep after that goes on with this result");
    let until = early
        .reason()
        .split("until ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    let told = status["segments"][0]["lease_until"].as_str().unwrap();
    assert_eq!(told[..19], until[..19], "{early}");
    tokio::time::sleep(A_LEASE).await;
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["superseded", "loaded"], "{swept}");
    assert_eq!(world.segment().members, contacts(3_000..6_000));
    assert_eq!(world.published(), contacts(3_000..6_000));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_later_than_any_call_may_take_touches_the_draft_only_and_the_next_load_repairs_it() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").nth(2).delay(Duration::from_mins(10)));
    let monday = world.drop_contacts("monday.csv", &contacts(0..4_000));
    kill_at(
        &world,
        world.sandbox.s3.notification(BUCKET, &monday),
        "AddStaticMembers",
        4,
    )
    .await;
    tokio::time::sleep(A_LEASE).await;
    world.load("tuesday.csv", &contacts(3_500..6_500)).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_ne!(
        world.segment().members,
        contacts(3_500..6_500),
        "the stray batch has come"
    );
    assert_eq!(world.published(), contacts(3_500..6_500));
    world.load("wednesday.csv", &contacts(3_500..6_600)).await;
    assert_eq!(world.segment().members, contacts(3_500..6_600));
    assert_eq!(published_sizes(&world), [3_000, 3_100]);
}
