//! A list that shows nothing of what a run has written that died, for longer than it is waited for: what is taken for a draft without
//! it is published by nobody before a list has proved it.

use crate::failures::{A_LEASE, kill_at, kill_when, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

const ADD: &str = "AddStaticMembers";
const REMOVE: &str = "RemoveStaticMembers";

/// A segment of 0 to 2,999, of whose first file a half is in the draft and on no list; the file is gone, and has stepped aside.
async fn hidden(mode: &str) -> World {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.destination(&json!({"mode": mode, "max_concurrent_requests": 1}));
    let seed = Seed::named(SEGMENT).group(contacts(0..3_000));
    world.sandbox.dataverse.seed_segment(seed);
    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 1_000);
    let (file, operation) = match mode {
        "append" => (contacts(2_500..4_500), ADD),
        _ => (contacts(0..2_000), REMOVE),
    };
    let key = world.drop_contacts("monday.csv", &file);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, operation, 2).await;
    tokio::time::sleep(A_LEASE).await;
    world.sandbox.s3.delete(BUCKET, &key);
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["failed"], "{swept}");
    let head = world.head();
    assert_eq!(
        (&head["pending"], &head["writing"]),
        (&json!([]), &Value::Null),
        "it keeps nobody waiting"
    );
    assert!(head["unproven"].is_object(), "{head}");
    assert_ne!(world.segment().members, contacts(0..3_000), "a part is there");
    world
}

/// Lets the lists show what there is.
fn catch_up(world: &World) {
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.stale_reads = 0);
    dataverse.edit(|state| {
        state
            .definitions
            .values_mut()
            .for_each(|definition| definition.stale.clear());
    });
}

#[tokio::test(start_paused = true)]
async fn a_part_that_a_list_shows_before_the_next_file_is_begun_is_published_by_nobody() {
    for mode in ["append", "remove"] {
        let world = hidden(mode).await;
        catch_up(&world);
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(2_999..3_001));
        let event = world.sandbox.s3.notification(BUCKET, &tuesday);
        let run = Run::of_event(world.invoke(event).await);
        run.assert_failed()
            .as_type("MembersDiffer")
            .says("may hold a part of another result");
        assert_eq!(world.published(), contacts(0..3_000), "{mode}");
        let whole = world.drop_contacts("whole.csv", &contacts(0..3_100));
        world
            .load_directly(&whole, &json!({"mode": "replace"}))
            .await
            .assert_loaded();
        assert_eq!(world.published(), contacts(0..3_100));
        assert_eq!(world.head()["unproven"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_a_list_shows_while_the_next_file_is_written_is_taken_out_and_published_by_nobody() {
    for (mode, operation, expected) in [("append", ADD, 0..3_001), ("remove", REMOVE, 0..2_999)] {
        let world = hidden(mode).await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.clear_log();
        dataverse.latency(operation, Duration::from_secs(2));
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(2_999..3_001));
        let event = world.sandbox.s3.notification(BUCKET, &tuesday);
        let (answer, ()) = tokio::join!(world.invoke(event), async {
            dataverse.arrived(operation, 1).await;
            catch_up(&world);
        });
        let run = Run::of_event(answer);
        run.assert_failed().as_type("MembersDiffer");
        assert_eq!(world.published(), contacts(0..3_000), "{mode}: {run}");
        assert_eq!(world.segment().members, contacts(0..3_000), "{mode}: {run}");
        tokio::time::sleep(Duration::from_mins(31)).await;
        assert_eq!(outcomes(&sweep(&world).await), ["loaded"], "{mode}");
        assert_eq!(world.published(), contacts(expected), "{mode}");
        assert_eq!(world.head()["unproven"], Value::Null);
    }
}

/// The lists were right: nothing is told, and nobody waits.
#[tokio::test(start_paused = true)]
async fn a_draft_that_holds_nothing_more_is_proved_by_the_next_file() {
    for (mode, expected) in [("append", 0..3_001), ("remove", 0..2_999), ("replace", 2_999..3_001)] {
        let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
        world.destination(&json!({"mode": "append", "max_shrink_percent": 100}));
        let seed = Seed::named(SEGMENT).group(contacts(0..3_000));
        world.sandbox.dataverse.seed_segment(seed);
        let key = world.drop_contacts("monday.csv", &contacts(2_500..4_500));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let noted = async {
            while world.head()["writing"].is_null() {
                tokio::task::yield_now().await;
            }
        };
        kill_when(&world, event, noted).await;
        tokio::time::sleep(A_LEASE).await;
        world.sandbox.s3.delete(BUCKET, &key);
        sweep(&world).await;
        assert!(world.head()["unproven"].is_object());
        world.destination(&json!({"mode": mode}));
        let run = world.load("tuesday.csv", &contacts(2_999..3_001)).await;
        run.assert_loaded();
        assert!(!run.needs_attention(), "{run}");
        assert_eq!(world.published(), contacts(expected), "{mode}");
        assert_eq!(world.head()["unproven"], Value::Null);
    }
}

/// Whoever begins once more on a draft that may have been published knows no more who was in it before.
#[tokio::test(start_paused = true)]
async fn of_what_was_killed_around_its_publish_and_once_more_nobody_believes_anything() {
    for is_sent in [false, true] {
        let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
        world.destination(&json!({"mode": "append"}));
        let dataverse = &world.sandbox.dataverse;
        dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..100)));
        dataverse.latency("PublishSegmentDefinition", Duration::from_secs(5));
        let key = world.drop_contacts("monday.csv", &contacts(50..150));
        let noted = async {
            while world.head()["writing"]["publishing"].is_null() {
                tokio::task::yield_now().await;
            }
            if is_sent {
                dataverse.arrived("PublishSegmentDefinition", 1).await;
            }
        };
        kill_when(&world, world.sandbox.s3.notification(BUCKET, &key), noted).await;
        tokio::time::sleep(A_LEASE).await;
        // It tries the list with a member, who is out then.
        kill_at(&world, json!({"action": "sweep"}), REMOVE, 1).await;
        assert_eq!(world.head()["writing"]["draft"], Value::Null);
        tokio::time::sleep(A_LEASE).await;
        let published = world.published();
        assert_eq!(published.len(), if is_sent { 150 } else { 100 });
        world.sandbox.s3.delete(BUCKET, &key);
        Run::first(&sweep(&world).await).as_type("AttemptLost");
        tokio::time::sleep(Duration::from_mins(31)).await;
        Run::first(&sweep(&world).await).as_type("SourceMissing");
        let tuesday = world.drop_contacts("tuesday.csv", &contacts([200]));
        let event = world.sandbox.s3.notification(BUCKET, &tuesday);
        let run = Run::of_event(world.invoke(event).await);
        run.assert_failed().says("monday.csv goes first");
        assert_eq!(world.published(), published);
        let whole = world.drop_contacts("whole.csv", &contacts(0..90));
        let run = world.load_directly(&whole, &json!({"mode": "replace"})).await;
        run.assert_loaded();
        assert_eq!(world.published(), contacts(0..90));
    }
}
