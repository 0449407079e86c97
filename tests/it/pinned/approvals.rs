//! An approval is for the files that were looked at and for the mode in which they were to be loaded.

use super::{complete, part, run_of, sweep, world_of_100, write_parts};
use crate::run::Run;
use crate::upgrade::age_the_head;
use crate::world::{SEGMENT, World, contacts};
use sandbox::BUCKET;
use segment_loader::domain::{Mode, ObjectRef, RunId, SegmentName};
use serde_json::{Value, json};

/// Refuses a result of 45 contacts for 100 members, and returns the command that approves it.
async fn refused_command(world: &World, marker: &str) -> Value {
    let run = run_of(world, marker).await;
    run.assert_refused();
    let reason = run.reason();
    serde_json::from_str(&reason[reason.find('{').unwrap()..]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_approval_opens_the_guards_for_the_files_that_were_looked_at_only() {
    for (files, is_versioned, marker_too) in [
        ("folder", true, false),
        ("folder", false, true),
        ("manifest", true, false),
        ("manifest", false, true),
    ] {
        let world = world_of_100(files, is_versioned).await;
        write_parts(&world, &[0..20, 20..45]);
        let marker = complete(&world, files, 2);
        let command = refused_command(&world, &marker).await;
        world.drop_contacts(&part(0), &contacts(0..3));
        world.drop_contacts(&part(1), &contacts(3..4));
        if marker_too {
            complete(&world, files, 2);
        }
        let run = Run::first(&world.invoke(command).await.unwrap());
        run.assert_refused();
        let reason = run.reason();
        assert!(reason.contains("the files of the result are others now"), "{reason}");
        assert_eq!(world.published(), contacts(0..100));
    }
    let world = world_of_100("folder", true).await;
    write_parts(&world, &[0..20, 20..45]);
    let command = refused_command(&world, &complete(&world, "folder", 2)).await;
    let run = Run::first(&world.invoke(command).await.unwrap());
    run.assert_loaded();
    assert_eq!(run["approved"], json!(true), "{run}");
    assert_eq!(world.published(), contacts(0..45));
}

#[tokio::test(start_paused = true)]
async fn an_approval_opens_the_guards_for_the_mode_that_was_refused_only() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1000)).await;
    world.destination(&json!({"max_growth_percent": 10}));
    let key = world.drop_contacts("more.csv", &contacts(1000..1500));
    let refused = world.load_directly(&key, &json!({"mode": "append"})).await;
    refused.assert_refused();
    let run = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    run.assert_refused().says("mode (this is replace)");
    assert_eq!(world.published(), contacts(0..1000));
    let approval = json!({"mode": "append", "approve": refused.run_id()});
    assert_eq!(world.load_directly(&key, &approval).await.outcome(), "loaded");
    assert_eq!(world.published(), contacts(0..1500));
}

#[tokio::test(start_paused = true)]
async fn what_a_head_of_before_has_counted_applied_and_refused_is_known_by_the_name_it_had() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.destination(&json!({"mode": mode, "max_invalid_percent": 5}));
        let loaded = world.drop_contacts("loaded.csv", &contacts(0..100));
        assert_eq!(run_of(&world, &loaded).await.outcome(), "loaded");
        let refused = world.drop_file("refused.csv", "contactid\nx\nx\n");
        assert_eq!(run_of(&world, &refused).await.outcome(), "refused");
        let ids = age_the_head(&world);
        for (key, outcome) in [(&loaded, "unchanged"), (&refused, "refused")] {
            let run = run_of(&world, key).await;
            run.assert_outcome(outcome);
            assert!(ids.iter().any(|id| run["run_id"] == id.as_str()), "{ids:?} {run}");
        }
        assert_eq!(sweep(&world).await, json!([]), "nor does the sweep find anything new");
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_was_printed_before_is_refused_as_that() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1000)).await;
    let key = world.drop_contacts("small.csv", &contacts(0..100));
    let refused = run_of(&world, &key).await;
    let source = &refused["source"];
    let object = ObjectRef {
        etag: source["etag"].as_str().unwrap().to_owned(),
        ..ObjectRef::unseen(
            BUCKET.to_owned(),
            key.clone(),
            source["version_id"].as_str().map(str::to_owned),
        )
    };
    let name = SegmentName::parse(SEGMENT).unwrap();
    for id in RunId::of_before(&name, Mode::Replace, &object, None) {
        let run = world.load_directly(&key, &json!({"approve": id})).await;
        run.assert_refused();
        let reason = run.reason();
        assert!(reason.contains("printed by an earlier version"), "{run}");
    }
    assert_eq!(world.published(), contacts(0..1000));
    let run = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    run.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn an_approval_outlives_a_failure_and_a_later_load_without_it() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1000)).await;
    let key = world.drop_contacts("small.csv", &contacts(0..100));
    let refused = run_of(&world, &key).await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let run = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    run.assert_failed();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_loaded();
    assert_eq!(run["approved"], json!(true), "{run}");
    assert_eq!(world.published(), contacts(0..100));
}
