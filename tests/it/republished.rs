//! What was published and is not shown is published again: the same, or nothing.

use crate::failures::{outcomes, sweep};
use crate::run::Run;
use crate::world::{World, contact, contacts};
use sandbox::dataverse::{Outcome, State};
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// Loads a file in this mode that Dynamics fails to compute after nobody waits for it any more; whatever is published later
/// is computed at once.
async fn fails_late(mode: &str, file: &[uuid::Uuid]) -> (World, String) {
    // Without versions what is deleted is gone.
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.load("base.csv", &contacts(0..100)).await;
    world.destination(&json!({"mode": mode}));
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_mins(20);
        modes.outcome = Outcome::Error;
    });
    let key = world.drop_contacts("monday.csv", file);
    assert_eq!(outcomes(&world.deliver(&key).await), ["computing"]);
    tokio::time::sleep(Duration::from_mins(20)).await;
    world.sandbox.dataverse.modes(|modes| {
        modes.publish_delay = Duration::from_secs(1);
        modes.outcome = Outcome::Active;
    });
    (world, key)
}

/// Lets a stranger into the draft, as somebody in Dynamics would, and takes a member out.
fn edit_the_draft(world: &World) {
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
        let members = groups.values_mut().next().unwrap();
        members.insert(contact(900).as_u128());
        members.remove(&contact(7).as_u128());
    });
}

/// Sweeps until the failure was counted and its pause is over, and once more; returns the last run.
async fn swept(world: &World) -> Run {
    Run::first(&sweep(world).await).as_type("PublishFailed");
    tokio::time::sleep(Duration::from_mins(16)).await;
    Run::first(&sweep(world).await)
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_is_still_what_was_published_needs_no_file() {
    for (mode, file, wanted) in [
        ("append", contacts(50..150), contacts(0..150)),
        ("remove", contacts(60..200), contacts(0..60)),
        ("replace", contacts(0..120), contacts(0..120)),
    ] {
        let (world, key) = fails_late(mode, &file).await;
        world.sandbox.s3.delete(BUCKET, &key);
        world.sandbox.s3.delete(BUCKET, "incoming/Summer Sale/base.csv");
        let run = swept(&world).await;
        assert_eq!(run.outcome(), "loaded", "{mode}: {run}");
        assert_eq!(run["source"]["key"], key);
        assert_eq!(world.published(), wanted, "{mode}");
        let head = world.head();
        assert_eq!(
            (&head["failures"], &head["applied"]["confirmed"]),
            (&json!(null), &json!(true))
        );
        assert_eq!(world.segment().publishes, 3, "one more, and not a word about members");
    }
}

#[tokio::test(start_paused = true)]
async fn automatic_refresh_that_somebody_switched_on_is_off_before_a_draft_is_published_again() {
    let (world, _) = fails_late("append", &contacts(50..150)).await;
    let definition = world.segment().definition_id.unwrap();
    let refreshes = [("msdynmkt_disablesegmentrefresh", json!(false))];
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_definition(definition, &refreshes));
    let run = swept(&world).await;
    run.assert_loaded();
    assert!(world.segment().refresh_disabled);
    edit_the_draft(&world);
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(world.published(), contacts(0..150));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_changed_is_loaded_from_its_file_again_where_that_says_who_is_in() {
    let (world, _) = fails_late("replace", &contacts(0..120)).await;
    edit_the_draft(&world);
    let run = swept(&world).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..120));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_changed_and_has_no_file_is_never_published_and_a_person_is_called() {
    for (mode, is_there) in [("replace", false), ("append", true), ("remove", true)] {
        let (world, key) = fails_late(mode, &contacts(20..120)).await;
        edit_the_draft(&world);
        if !is_there {
            world.sandbox.s3.delete(BUCKET, &key);
            world.sandbox.s3.delete(BUCKET, "incoming/Summer Sale/base.csv");
        }
        for _ in 0..3 {
            let run = swept_or_nothing(&world).await;
            tokio::time::sleep(Duration::from_hours(25)).await;
            if run.is_null() || run["error_type"] == "PublishFailed" {
                continue;
            }
            run.assert_failed().as_type("MembersDiffer");
            assert!(run.needs_attention(), "{run}");
            let reason = run.reason();
            assert!(
                reason.contains("not published again") && reason.contains("replace"),
                "{reason}"
            );
        }
        assert_eq!(world.segment().publishes, 2, "{mode}");
        assert_eq!(
            world.published(),
            contacts(0..100),
            "{mode}: what journeys see is still right"
        );
    }
}

async fn swept_or_nothing(world: &World) -> Run {
    Run::first(&sweep(world).await)
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_sets_right_what_could_not_be_published_again() {
    let (world, key) = fails_late("append", &contacts(50..150)).await;
    edit_the_draft(&world);
    swept(&world).await;
    let run = world.load_directly(&key, &json!({"mode": "replace"})).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(50..150));
    assert_eq!(world.head()["failures"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_somebody_stopped_is_published_again_only_as_it_was() {
    for is_changed in [false, true] {
        let world = World::start().await;
        world.destination(&json!({"mode": "append"}));
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_mins(20));
        world.load("monday.csv", &contacts(0..100)).await;
        let id = world.segment().id;
        tokio::time::sleep(Duration::from_mins(20)).await;
        world
            .sandbox
            .dataverse
            .edit(|state| state.set_segment(id, &[("statuscode", json!(9))]));
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_secs(1));
        if is_changed {
            edit_the_draft(&world);
        }
        let run = Run::first(&sweep(&world).await);
        assert_eq!(run.outcome() == "loaded", !is_changed, "{run}");
        assert_eq!(run.needs_attention(), is_changed, "{run}");
        assert_eq!(world.segment().publishes, 2 - u32::from(is_changed), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_somebody_changed_and_did_not_publish_is_not_called_unchanged() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("monday.csv", &contacts(0..100)).await;
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
        groups.values_mut().next().unwrap().insert(contact(500).as_u128());
    });
    let run = world.load("tuesday.csv", &[contact(500)]).await;
    run.assert_loaded();
    assert!(world.published().contains(&contact(500)));
    assert_eq!(
        world.load("wednesday.csv", &[contact(500)]).await.outcome(),
        "unchanged"
    );
}

/// Publishes a complete result that somebody has stopped by the time anybody looks.
async fn stopped() -> World {
    let world = World::start().await;
    let delay = |delay| world.sandbox.dataverse.modes(|modes| modes.publish_delay = delay);
    delay(Duration::from_mins(20));
    world.load("monday.csv", &contacts(0..100)).await;
    tokio::time::sleep(Duration::from_mins(20)).await;
    let id = world.segment().id;
    let stop = |state: &mut State| state.set_segment(id, &[("statuscode", json!(9))]);
    world.sandbox.dataverse.edit(stop);
    delay(Duration::from_secs(1));
    world
}

/// Sweeps every quarter of an hour for a day, and returns all runs.
async fn a_day_of_sweeps(world: &World) -> Vec<Value> {
    let mut runs = Vec::new();
    for _ in 0..96 {
        tokio::time::sleep(Duration::from_mins(15)).await;
        runs.extend(sweep(world).await["runs"].as_array().unwrap().clone());
    }
    runs
}

/// Asserts that something failed in a day as often as its growing pauses let it, and called a person.
fn assert_failed_with_pauses(runs: &[Value]) {
    assert!(runs.iter().all(|run| run["outcome"] == "failed"), "{runs:?}");
    assert!((5..=7).contains(&runs.len()), "{}: {runs:?}", runs.len());
    assert_eq!(runs[4]["needs_attention"], true, "{runs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_segment_that_somebody_gave_a_query_is_a_failure_with_pauses() {
    let world = stopped().await;
    let definition = world.segment().definition_id.unwrap();
    let query = |text: &'static str| {
        let query = [("msdynmkt_segmentquery", json!(text))];
        let edit = |state: &mut State| state.set_definition(definition, &query);
        world.sandbox.dataverse.edit(edit);
    };
    query("PROFILE(contact)");
    assert_failed_with_pauses(&a_day_of_sweeps(&world).await);
    query("");
    let runs = a_day_of_sweeps(&world).await;
    assert_eq!(runs.last().unwrap()["outcome"], "loaded", "{runs:?}");
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_loaded_again_and_refused_is_a_failure_with_pauses() {
    let world = stopped().await;
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
        let strangers = contacts(1_000..1_500).into_iter().map(|id| id.as_u128());
        groups.values_mut().next().unwrap().extend(strangers);
    });
    let runs = a_day_of_sweeps(&world).await;
    assert_failed_with_pauses(&runs);
    let reason = runs[0]["reason"].as_str().unwrap();
    let command: Value = serde_json::from_str(&reason[reason.find('{').unwrap()..]).unwrap();
    let run = Run::first(&world.invoke(command).await.unwrap());
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..100));
    assert_eq!(world.head()["pending"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_failed_since_is_published_again_for_the_members_that_were_missing() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await;
    let id = world.segment().id;
    let failed = [("statecode", json!(1)), ("statuscode", json!(3))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &failed));
    world.sandbox.dataverse.drop_at_compute([]);
    world.sandbox.s3.clock().advance(Duration::from_mins(76));
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded();
    assert_eq!(
        (&run["member_count"], &run["published_missing"]),
        (&json!(100), &json!(0)),
        "{run}"
    );
    assert_eq!((world.segment().publishes, world.published()), (2, contacts(0..100)));
}
