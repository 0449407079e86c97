//! Files that wait until nothing uses the segment, and are overtaken meanwhile.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::BUCKET;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A segment of 0 to 99 that was loaded from a file, and another file that waits since a journey uses it; its keys and id.
async fn waiting(mode: &str) -> (World, Uuid, String, String) {
    let world = World::start().await;
    let base = world.drop_contacts("base.csv", &contacts(0..100));
    world.run(&base).await.assert_loaded();
    let segment = world.segment().id;
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    world.sandbox.dataverse.set_users(segment, 1, &[]);
    world.destination(&json!({"when_in_use": "refuse", "mode": mode}));
    let waiting = world.drop_contacts("waiting.csv", &contacts(60..120));
    Run::first(&world.deliver(&waiting).await).assert_refused();
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    world.destination(&json!({"when_in_use": "refuse", "mode": "replace"}));
    (world, segment, base, waiting)
}

/// Overtakes what waits, by a newer file, by the approval of one, or by a direct load of the older one.
async fn overtake(world: &World, segment: Uuid, by: &str, base: &str) -> Value {
    if by == "direct" {
        return world
            .invoke(json!({"action": "load", "bucket": BUCKET, "key": base}))
            .await
            .unwrap();
    }
    if by == "newer" {
        world.sandbox.dataverse.set_users(segment, 0, &[]);
    }
    let key = world.drop_contacts("newer.csv", &contacts(0..90));
    let answer = world.deliver(&key).await;
    if by == "newer" {
        return answer;
    }
    let refused = Run::first(&answer);
    world
        .invoke(json!({"action": "load", "bucket": BUCKET, "key": key, "approve": refused.run_id()}))
        .await
        .unwrap()
}

/// It would be dropped without a word, and its last one would be that it is loaded by itself.
#[tokio::test(start_paused = true)]
async fn what_waits_and_is_overtaken_is_told_as_superseded_once_and_a_direct_load_warns_of_what_it_drops() {
    for (mode, by) in [
        ("remove", "newer"),
        ("append", "newer"),
        ("replace", "newer"),
        ("remove", "approved"),
        ("remove", "direct"),
        ("replace", "direct"),
    ] {
        let (world, segment, base, waiting) = waiting(mode).await;
        let answer = overtake(&world, segment, by, &base).await;
        let runs = answer["runs"].as_array().unwrap();
        let told = runs.iter().find(|run| run["source"]["key"] == waiting.as_str());
        let told = told.unwrap_or_else(|| panic!("{mode} {by}: {answer}"));
        assert_eq!(told["outcome"], "superseded", "{answer}");
        let reason = told["reason"].as_str().unwrap();
        assert_eq!(reason.contains("newer result"), by != "direct", "{reason}");
        assert!(reason.ends_with("counts instead"), "{reason}");
        let warning = "1 addition or removal that is newer than this result, or was asked for directly since, was not carried out yet";
        let warns = Run::first(&answer).warnings().contains(warning);
        assert_eq!(warns, by == "direct" && mode == "remove", "{answer}");
        world.sandbox.dataverse.set_users(segment, 0, &[]);
        assert_eq!(sweep(&world).await["runs"], json!([]), "{mode} {by}: it waits no more");
        world.destination(&json!({"when_in_use": "refuse", "mode": mode}));
        let again = Run::first(&world.deliver(&waiting).await);
        again.assert_outcome("superseded").says("it was refused");
        let expected = if by == "direct" { 100 } else { 90 };
        assert_eq!(world.published(), contacts(0..expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_warns_of_what_waits_and_a_direct_load_would_drop() {
    let (world, _, base, _) = waiting("remove").await;
    let dry = world.load_directly(&base, &json!({"dry_run": true})).await;
    assert!(dry.warnings().contains("was not carried out yet"), "{dry}");
    assert!(
        dry.warnings().contains("load directly afterwards what is to hold"),
        "{dry}"
    );
}
