//! Two contents of one key within one second, which S3's `LastModified` cannot tell apart: what lies there now is newer.

use crate::failures::{kill_at, outcomes, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const KEY: &str = "incoming/Summer Sale/monday.csv";
/// Version ids in no order: of the first content and of the second.
const VERSIONS: [(&str, &str); 2] = [("aaa", "zzz"), ("zzz", "aaa")];

fn first() -> Vec<Uuid> {
    contacts(0..200)
}

fn second() -> Vec<Uuid> {
    contacts(50..200)
}

/// Puts contacts under the key, always within one and the same second, and returns the event.
fn put(world: &World, contacts: &[Uuid], version: Option<&str>) -> Value {
    let (s3, content) = (&world.sandbox.s3, crate::world::csv(contacts));
    match version {
        Some(version) => s3.put_version(BUCKET, KEY, version, content),
        None => drop(s3.put(BUCKET, KEY, content)),
    }
    // Later than whatever the test has dropped before.
    s3.date(BUCKET, KEY, s3.clock().started() + Duration::from_secs(30));
    s3.notification(BUCKET, KEY)
}

async fn own(world: &World, event: &Value) -> Run {
    Run::first(&world.invoke(event.clone()).await.unwrap())
}

/// Starts one world of a bucket without versions, and one for each order of two version ids.
async fn worlds() -> [(World, [Option<&'static str>; 2]); 3] {
    let unversioned = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    let [one, other] = VERSIONS.map(|(first, second)| [Some(first), Some(second)]);
    [
        (unversioned, [None, None]),
        (World::start().await, one),
        (World::start().await, other),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_lies_there_now_is_newer_than_what_was_loaded() {
    for (world, [older, newer]) in worlds().await {
        let early = put(&world, &first(), older);
        assert_eq!(own(&world, &early).await.outcome(), "loaded");
        let late = put(&world, &second(), newer);
        let run = own(&world, &late).await;
        run.assert_loaded();
        assert_eq!(world.published(), second(), "{newer:?}");
        for event in [&early, &late, &early] {
            let again = own(&world, event).await;
            assert_ne!(again.outcome(), "loaded", "{again}");
        }
        sweep(&world).await;
        assert_eq!(world.published(), second());
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_content_whose_event_comes_late_is_superseded() {
    for (world, [older, newer]) in worlds().await {
        let early = put(&world, &first(), older);
        let late = put(&world, &second(), newer);
        assert_eq!(own(&world, &late).await.outcome(), "loaded");
        let run = own(&world, &early).await;
        // Without versions the event is about what lies there, whatever lay there when it was sent.
        let expected = if older.is_some() { "superseded" } else { "unchanged" };
        assert_eq!(run.outcome(), expected, "{run}");
        assert_eq!(world.published(), second());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_finds_the_newer_content_whose_event_was_lost() {
    for (world, [older, newer]) in worlds().await {
        let early = put(&world, &first(), older);
        own(&world, &early).await;
        put(&world, &second(), newer);
        let swept = sweep(&world).await;
        assert_eq!(outcomes(&swept), ["loaded"], "{swept}");
        assert_eq!(world.published(), second());
        assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_newer_content_overtakes_an_older_one_that_is_pending() {
    for (world, [older, newer]) in worlds().await {
        let early = put(&world, &first(), older);
        kill_at(&world, early.clone(), "AddStaticMembers", 1).await;
        let late = put(&world, &second(), newer);
        tokio::time::sleep(Duration::from_secs(182)).await;
        let run = own(&world, &late).await;
        run.assert_loaded();
        own(&world, &early).await;
        sweep(&world).await;
        assert_eq!(world.published(), second());
        assert_eq!(published_sizes(&world), [150], "{newer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_for_an_older_file_is_undone_by_the_newer_content_of_the_newest_second() {
    for (world, [older, newer]) in worlds().await {
        let old = world.drop_contacts("sunday.csv", &contacts(0..180));
        world.deliver(&old).await;
        let early = put(&world, &first(), older);
        own(&world, &early).await;
        assert_eq!(world.load_directly(&old, &json!({})).await.outcome(), "loaded");
        assert_eq!(own(&world, &early).await.outcome(), "superseded");
        let late = put(&world, &second(), newer);
        let run = own(&world, &late).await;
        run.assert_loaded();
        assert_eq!(world.published(), second());
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_content_counts_where_the_newer_one_is_refused() {
    for (first_id, second_id) in VERSIONS {
        let world = World::start().await;
        let early = put(&world, &first(), Some(first_id));
        let late = put(&world, &[], Some(second_id));
        assert_eq!(own(&world, &late).await.outcome(), "refused");
        assert_eq!(own(&world, &early).await.outcome(), "loaded");
        assert_eq!(own(&world, &late).await.outcome(), "refused");
        assert_eq!(world.published(), first());
    }
}

#[tokio::test(start_paused = true)]
async fn of_additions_both_contents_count_once() {
    for (first_id, second_id) in VERSIONS {
        let world = World::start().await;
        world.destination(&json!({"mode": "append"}));
        let early = put(&world, &contacts(0..10), Some(first_id));
        let late = put(&world, &contacts(10..20), Some(second_id));
        for event in [&late, &early] {
            assert_eq!(own(&world, event).await.outcome(), "loaded");
        }
        for event in [&late, &early] {
            assert_eq!(own(&world, event).await.outcome(), "unchanged");
        }
        assert_eq!(world.published(), contacts(0..20));
    }
}

#[tokio::test(start_paused = true)]
async fn s3_is_asked_what_lies_there_only_where_two_contents_are_known() {
    let world = World::start().await;
    let early = put(&world, &first(), Some("zzz"));
    let asked = || {
        let requests = world.sandbox.s3.requests();
        let is_unpinned = |path: &str| path.ends_with(KEY);
        let looks = requests
            .iter()
            .filter(|call| call.operation == "HeadObject" && is_unpinned(&call.path));
        looks
            .filter(|call| call.query.iter().all(|(name, _)| name != "versionId"))
            .count()
    };
    own(&world, &early).await;
    own(&world, &early).await;
    assert_eq!(asked(), 0);
    let late = put(&world, &second(), Some("aaa"));
    own(&world, &late).await;
    assert_eq!(asked(), 1);
    assert_eq!(world.head()["segment_name"], SEGMENT);
}

#[tokio::test(start_paused = true)]
async fn where_s3_does_not_say_what_lies_there_a_sweep_takes_no_side() {
    for (older, newer) in VERSIONS {
        let world = World::start().await;
        let early = put(&world, &first(), Some(older));
        let unreadable = Fault::on("GetObject").path("monday").times(2);
        world.sandbox.s3.fault(unreadable.answer(403).code("AccessDenied"));
        world.invoke(early).await.unwrap_err();
        put(&world, &second(), Some(newer));
        // The first tells what the object is, the second what lies there now; with all that the SDK tries.
        let silent = Fault::on("HeadObject").path("monday").nth(2).times(3);
        world.sandbox.s3.fault(silent.answer(503).code("SlowDown"));
        world.sandbox.s3.clock().advance(Duration::from_mins(16));
        sweep(&world).await;
        assert_eq!(world.head()["pending"].as_array().unwrap().len(), 1, "it waits for S3");
        world.sandbox.s3.clock().advance(Duration::from_mins(46));
        let swept = sweep(&world).await;
        assert!(outcomes(&swept).contains(&"loaded"), "{swept}");
        assert_eq!(published_sizes(&world), [150], "the older one is no result any more");
        assert_eq!(world.published(), second());
    }
}
