//! Nothing of a trial is left, and nothing else is ever touched.

use super::{assert_nothing_is_left, assert_seen, detail, environment, notes, rows, verify};
use crate::world::{World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a trial belongs to the run that made it.
const OWN_TIME: Duration = Duration::from_mins(20);

async fn sweep(world: &World) -> Value {
    world.invoke(json!({"action": "sweep"})).await.unwrap()
}

fn later(world: &World, time: Duration) {
    world.sandbox.s3.clock().advance(time);
}

/// Cuts a verification off when Dynamics gets this call, and returns the name of its trial.
async fn cut_off_at(world: &World, operation: &str) -> String {
    let event = json!({"action": "verify_environment"});
    let dataverse = &world.sandbox.dataverse;
    dataverse.clear_log();
    tokio::select! {
        biased;
        () = dataverse.arrived(operation, 1) => {}
        _ = world.app.handle(event, crate::world::FIFTEEN_MINUTES) => panic!("it was to be cut off"),
    }
    dataverse.quiet().await;
    let note = world.sandbox.s3.get_json(BUCKET, &notes(world)[0]).unwrap();
    note["segment_name"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_invocation_left_is_removed_by_the_next_sweep_but_not_too_early() {
    for operation in [
        "POST msdynmkt_segmentdefinitions",
        "POST msdynmkt_segments",
        "AddStaticMembers",
        "PublishSegmentDefinition",
        "DELETE msdynmkt_segments",
        "DELETE msdynmkt_segmentdefinitions",
    ] {
        let world = environment().await;
        cut_off_at(&world, operation).await;
        let (segments, definitions) = rows(&world);
        let answer = sweep(&world).await;
        assert_eq!(rows(&world), (segments, definitions), "{operation}");
        assert_eq!(answer["warnings"], json!([]), "{answer}");
        later(&world, OWN_TIME);
        let answer = sweep(&world).await;
        assert_eq!(answer["warnings"], json!([]), "{operation}");
        assert_nothing_is_left(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_invocation_left_is_removed_by_the_next_call_and_is_none_of_its_trial() {
    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    let answer = verify(&world).await;
    assert_ne!(answer["segment_name"], json!(name));
    assert_eq!(
        world.sandbox.dataverse.segments(&name).len(),
        1,
        "it may still be at work"
    );
    later(&world, OWN_TIME);
    assert_eq!(verify(&world).await["ok"], true);
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn a_kept_segment_is_nobodys_to_remove() {
    let world = environment().await;
    let event = json!({"action": "verify_environment", "keep": true});
    let answer = world.invoke(event).await.unwrap();
    assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(true), &json!(false)));
    assert_seen(&answer, "stop", None, "the segment is kept");
    assert_seen(&answer, "delete", None, "by hand");
    assert_eq!(notes(&world), Vec::<String>::new());
    later(&world, 3 * OWN_TIME);
    sweep(&world).await;
    verify(&world).await;
    let kept = world
        .sandbox
        .dataverse
        .segment(answer["segment_name"].as_str().unwrap());
    assert_eq!((kept.statuscode, kept.published), (1, Some(contacts(0..10))));
}

#[tokio::test(start_paused = true)]
async fn where_deleting_is_forbidden_the_segment_is_named_and_people_hear_of_it_once_a_day() {
    let world = environment().await;
    world.sandbox.dataverse.deny("DELETE msdynmkt_segments");
    let answer = verify(&world).await;
    let name = answer["segment_name"].as_str().unwrap();
    assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(true), &json!(false)));
    assert_seen(&answer, "stop", Some(true), "");
    assert_seen(&answer, "delete", Some(false), name);
    assert_seen(&answer, "delete", Some(false), "prvDelete");
    assert_seen(
        &answer,
        "delete",
        Some(false),
        "by hand in Customer Insights - Journeys",
    );
    for (time, is_told) in [(OWN_TIME, false), (Duration::from_hours(24), true), (OWN_TIME, false)] {
        later(&world, time);
        let warnings = sweep(&world).await["warnings"].to_string();
        assert_eq!(warnings.contains(name), is_told, "{warnings}");
    }
    let other = verify(&world).await;
    assert!(detail(&other, "delete").contains(name), "{other}");
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    later(&world, OWN_TIME);
    verify(&world).await;
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_stopped_is_deleted_all_the_same() {
    let world = environment().await;
    world.sandbox.dataverse.deny("StopSegments");
    let answer = verify(&world).await;
    assert_seen(&answer, "stop", Some(false), "lacks the privilege");
    assert_seen(&answer, "delete", Some(true), "gone");
    assert_eq!(answer["ok"], true);
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn a_segment_whose_answer_to_its_create_is_lost_is_found_and_removed() {
    let world = environment().await;
    let lost = Fault::on("POST msdynmkt_segments").commit_then_reset();
    world.sandbox.dataverse.fault(lost);
    let answer = verify(&world).await;
    assert_seen(&answer, "create", Some(true), "");
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn no_other_segment_is_touched_whatever_its_name() {
    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    let near = [
        format!("{name} "),
        name.to_uppercase(),
        name[..name.len() - 1].to_owned(),
        format!("Copy of {name}"),
        "segment-loader trial".to_owned(),
        "segment-loader trial 2026-01-01T00:00:00Z 1a2b3c4d".to_owned(),
    ];
    for name in &near {
        world
            .sandbox
            .dataverse
            .seed_segment(Seed::named(name).group(contacts([1])));
    }
    world
        .sandbox
        .dataverse
        .seed_orphan("segment-loader trial 2026-01-01T00:00:00Z 5e6f7a8b");
    later(&world, OWN_TIME);
    sweep(&world).await;
    verify(&world).await;
    assert_eq!(world.sandbox.dataverse.segments(&name).len(), 0);
    for name in &near {
        let segment = world.sandbox.dataverse.segment(name);
        assert_eq!((segment.statuscode, segment.members), (1, contacts([1])), "{name}");
    }
    assert_eq!(rows(&world).1.len(), near.len() + 1);
}

/// Nobody draws the same name by chance; but people rename, copy and delete.
#[tokio::test(start_paused = true)]
async fn a_segment_of_a_noted_name_that_is_not_the_trial_is_left_alone() {
    let world = environment().await;
    let name = cut_off_at(&world, "POST msdynmkt_segmentdefinitions").await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(&name).group(contacts([1])));
    later(&world, OWN_TIME);
    let warnings = sweep(&world).await["warnings"].to_string();
    assert!(
        warnings.contains("another one than the trial; it is left alone"),
        "{warnings}"
    );
    assert_eq!(world.sandbox.dataverse.segment(&name).statuscode, 1);

    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    let trial = world.sandbox.dataverse.segment(&name);
    world.sandbox.dataverse.edit(|state| state.segments.remove(&trial.id));
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(&name).group(contacts([1])));
    later(&world, OWN_TIME);
    sweep(&world).await;
    assert_eq!(world.sandbox.dataverse.segment(&name).statuscode, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_no_list_shows_is_removed_and_one_that_somebody_renamed_is_left_alone() {
    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("GET msdynmkt_segments").rewrite(|body| {
            body["value"] = json!([]);
            body["@odata.count"] = json!(0);
        }));
    later(&world, OWN_TIME);
    assert_eq!(sweep(&world).await["warnings"], json!([]));
    assert!(world.sandbox.dataverse.segments(&name).is_empty());
    assert_nothing_is_left(&world);

    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    let trial = world.sandbox.dataverse.segment(&name);
    let renamed = [("msdynmkt_displayname", json!("Wanted"))];
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(trial.id, &renamed));
    later(&world, OWN_TIME);
    let warnings = sweep(&world).await["warnings"].to_string();
    assert!(
        warnings.contains("somebody has renamed it; it is left alone"),
        "{warnings}"
    );
    assert_eq!(world.sandbox.dataverse.segment("Wanted").members, contacts(0..9));
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_a_journey_uses_by_now_is_left_to_people() {
    for (journeys, words) in [(1, "used by 1 live journey:"), (2, "used by 2 live journeys:")] {
        assert_is_left_to_people(journeys, words).await;
    }
}

async fn assert_is_left_to_people(journeys: u64, words: &str) {
    let world = environment().await;
    let name = cut_off_at(&world, "PublishSegmentDefinition").await;
    let trial = world.sandbox.dataverse.segment(&name);
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(trial.id, &[("msdynmkt_publishedjourneycount", json!(journeys))]));
    later(&world, OWN_TIME);
    let warnings = sweep(&world).await["warnings"].to_string();
    assert!(warnings.contains(words), "{warnings}");
    assert_eq!(world.sandbox.dataverse.segment(&name).members, contacts(0..9));
}

#[tokio::test(start_paused = true)]
async fn a_note_that_names_a_segment_of_people_deletes_nothing() {
    let world = environment().await;
    cut_off_at(&world, "PublishSegmentDefinition").await;
    let key = &notes(&world)[0];
    let mut note = world.sandbox.s3.get_json(BUCKET, key).unwrap();
    let id = world
        .sandbox
        .dataverse
        .seed_segment(Seed::named("Summer Sale").group(contacts([1])));
    note["segment_name"] = json!("Summer Sale");
    note["segment_id"] = json!(id.to_string());
    world.sandbox.s3.put(BUCKET, key, note.to_string());
    later(&world, OWN_TIME);
    sweep(&world).await;
    verify(&world).await;
    assert_eq!(world.segment().statuscode, 1);
    assert_eq!(notes(&world).len(), 1);
}
