//! An addition or removal that fails for a reason of its own after a crash: what of it is in the draft is taken out again.

use crate::failures::{A_LEASE, failure_of, kill_at, kill_when, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A file of two calls in this mode, killed at the second: a half of it is in the draft.
pub(crate) async fn half_written(mode: &str) -> (World, String) {
    // Without versions what is deleted is gone.
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.destination(&json!({"mode": mode}));
    let seed = Seed::named(SEGMENT).group(contacts(0..3_000));
    world.sandbox.dataverse.seed_segment(seed);
    let (file, operation) = match mode {
        "append" => (contacts(2_500..4_500), "AddStaticMembers"),
        _ => (contacts(0..2_000), "RemoveStaticMembers"),
    };
    world.destination(&json!({"max_concurrent_requests": 1}));
    let key = world.drop_contacts("monday.csv", &file);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, operation, 2).await;
    assert_ne!(world.segment().members, contacts(0..3_000), "a part is there");
    assert_eq!(world.published(), contacts(0..3_000));
    tokio::time::sleep(A_LEASE).await;
    (world, key)
}

/// Loads a later file, which must change the segment as if the half-written one had never been.
async fn assert_goes_on(world: &World, mode: &str) {
    let run = world.load("tuesday.csv", &contacts(2_999..3_001)).await;
    run.assert_loaded();
    let expected = if mode == "append" { 0..3_001 } else { 0..2_999 };
    assert_eq!(world.published(), contacts(expected), "{mode}");
    assert_eq!(world.head()["writing"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_after_a_crash_leaves_nothing_in_the_draft_and_keeps_nobody_waiting() {
    for mode in ["append", "remove"] {
        let (world, key) = half_written(mode).await;
        world.sandbox.s3.delete(BUCKET, &key);
        let swept = sweep(&world).await;
        assert_eq!(outcomes(&swept), ["failed"], "{swept}");
        Run::first(&swept).as_type("SourceMissing");
        assert_eq!(world.head()["pending"], json!([]), "it is put aside: {mode}");
        assert_eq!(world.segment().members, contacts(0..3_000), "{mode}");
        assert_goes_on(&world, mode).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_after_a_crash_steps_aside_and_is_loaded_later() {
    for mode in ["append", "remove"] {
        let (world, _) = half_written(mode).await;
        let fault = Fault::on("GetObject").path("monday").times(1);
        world.sandbox.s3.fault(fault.answer(403).code("AccessDenied"));
        sweep(&world).await;
        assert_goes_on(&world, mode).await;
        tokio::time::sleep(Duration::from_mins(31)).await;
        assert_eq!(outcomes(&sweep(&world).await), ["loaded"], "{mode}");
        let expected = if mode == "append" { 0..4_500 } else { 2_000..2_999 };
        assert_eq!(world.published(), contacts(expected), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_kills_again_and_again_lets_others_go_on_without_it() {
    for mode in ["append", "remove"] {
        let (world, _) = half_written(mode).await;
        let is_reading = world.sandbox.s3.arrived(2, |request| {
            request.operation == "GetObject" && request.path.contains("monday")
        });
        let sweeping = json!({"action": "sweep"});
        kill_when(&world, sweeping, is_reading).await;
        tokio::time::sleep(A_LEASE).await;
        assert_goes_on(&world, mode).await;
    }
}

/// Kills the load of a file in this mode once it has noted that it writes, before it writes anything.
async fn noted_and_killed(mode: &str, seed: Option<Seed>) -> (World, String) {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.destination(&json!({"mode": mode}));
    if let Some(seed) = seed {
        world.sandbox.dataverse.seed_segment(seed);
    }
    let key = world.drop_contacts("monday.csv", &contacts(50..150));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let noted = async {
        while world.head()["writing"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    kill_when(&world, event, noted).await;
    let dataverse = &world.sandbox.dataverse;
    let written = ["AddStaticMembers", "RemoveStaticMembers", "CREATE"].map(|operation| dataverse.count(operation));
    assert_eq!(written, [0; 3]);
    tokio::time::sleep(A_LEASE).await;
    (world, key)
}

#[tokio::test(start_paused = true)]
async fn what_had_written_nothing_yet_keeps_nobody_waiting_although_its_file_is_gone_and_the_time_is_short() {
    let hundred = || Seed::named(SEGMENT).group(contacts(0..100));
    for (mode, seed, after_tuesday) in [
        ("append", Some(hundred()), 0..101),
        ("remove", Some(hundred()), 0..99),
        ("append", None, 99..101),
    ] {
        let (world, key) = noted_and_killed(mode, seed).await;
        world.sandbox.s3.delete(BUCKET, &key);
        // Less than a list is given that shows nothing of a write.
        let short = Duration::from_mins(1);
        for _ in 0..2 {
            world.invoke_for(json!({"action": "sweep"}), short).await.unwrap();
            tokio::time::sleep(Duration::from_mins(31)).await;
        }
        let head = world.head();
        assert_eq!(
            (&head["pending"], &head["writing"]),
            (&json!([]), &json!(null)),
            "{mode}"
        );
        world.load("tuesday.csv", &contacts(99..101)).await.assert_loaded();
        assert_eq!(world.published(), contacts(after_tuesday), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replace_that_had_written_nothing_yet_and_cannot_be_read_lets_removals_go_first() {
    let seed = Seed::named(SEGMENT).group(contacts(0..100));
    let (world, _) = noted_and_killed("replace", Some(seed)).await;
    let fault = Fault::on("GetObject").path("monday").always();
    world.sandbox.s3.fault(fault.answer(403).code("AccessDenied"));
    world.destination(&json!({"mode": "remove", "max_shrink_percent": 100}));
    let run = world.load("tuesday.csv", &contacts(90..110)).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..90));
    world.sandbox.s3.clear_faults();
    tokio::time::sleep(Duration::from_mins(31)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), [contacts(50..90), contacts(110..150)].concat());
}

/// Kills the load of a file whose draft was read back: right before Publish leaves, and once it has taken effect.
async fn read_back_and_killed(mode: &str, operation: &str) -> (World, String) {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.destination(&json!({"mode": mode, "max_shrink_percent": 100}));
    let seed = Seed::named(SEGMENT).group(contacts(0..100));
    world.sandbox.dataverse.seed_segment(seed);
    let slow = Fault::on("PublishSegmentDefinition").late_answer(Duration::from_mins(1));
    world.sandbox.dataverse.fault(slow);
    let key = world.drop_contacts("monday.csv", &contacts(50..150));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let noted = async {
        while world.head()["writing"]["publishing"].is_null() {
            tokio::task::yield_now().await;
        }
        if operation == "Publish" {
            world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
        }
    };
    kill_when(&world, event, noted).await;
    world.sandbox.dataverse.clear_faults();
    tokio::time::sleep(A_LEASE).await;
    (world, key)
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_read_back_is_published_although_its_file_is_gone_and_later_files_go_on() {
    for (mode, after_monday, after_tuesday) in [
        ("append", 0..150, 0..151),
        ("remove", 0..50, 0..49),
        ("replace", 50..150, 49..151),
    ] {
        for operation in ["the note", "Publish"] {
            let (world, key) = read_back_and_killed(mode, operation).await;
            world.sandbox.s3.delete(BUCKET, &key);
            let swept = sweep(&world).await;
            assert_eq!(outcomes(&swept), ["loaded"], "{mode} after {operation}: {swept}");
            Run::first(&swept).warns("published without reading it once more");
            assert_eq!(
                world.published(),
                contacts(after_monday.clone()),
                "{mode} after {operation}"
            );
            world.load("tuesday.csv", &contacts(49..151)).await.assert_loaded();
            assert_eq!(
                world.published(),
                contacts(after_tuesday.clone()),
                "{mode} after {operation}"
            );
        }
    }
}

/// The way out is named by the one in the way, and by whoever waits for it.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_for_good_names_the_complete_result_as_the_way_out() {
    let (world, key) = half_written("append").await;
    world.sandbox.dataverse.deny("MembersList");
    world.sandbox.s3.delete(BUCKET, &key);
    let run = Run::first(&sweep(&world).await);
    run.as_type("SourceMissing")
        .says("a part of this file may be in the segment's draft")
        .says("a complete result is loaded directly");
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(2_999..3_001));
    let run = Run::of_event(world.invoke(world.sandbox.s3.notification(BUCKET, &tuesday)).await);
    run.assert_outcome("failed")
        .as_type("SourceMissing")
        .says("monday.csv goes first");

    let fields = json!({"mode": "replace"});
    world.load_directly(&tuesday, &fields).await.assert_refused();
    let whole = world.drop_contacts("whole.csv", &contacts(0..3_000));
    world.load_directly(&whole, &fields).await.assert_loaded();
    assert_eq!(world.published(), contacts(0..3_000));
    assert_eq!(world.head()["pending"], json!([]));
}

/// Where nobody can tell who was in the draft, nothing of the segment is published.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_out_for_certain_is_published_by_nobody() {
    type Spoil = fn(&World);
    let spoils: [Spoil; 3] = [
        |world| world.sandbox.dataverse.deny("MembersList"),
        |world| {
            let lost = Fault::on("RemoveStaticMembers").always();
            world.sandbox.dataverse.fault(lost.answer(503));
        },
        |world| {
            let id = world.segment().id;
            let others = |state: &mut sandbox::dataverse::State| {
                let published = &mut state.segments.get_mut(&id).unwrap().published;
                let mut fewer = published.as_deref().unwrap().clone();
                fewer.pop();
                *published = Some(fewer.into());
            };
            world.sandbox.dataverse.edit(others);
        },
    ];
    for spoil in spoils {
        let (world, key) = half_written("append").await;
        spoil(&world);
        let published = world.segment().publishes;
        world.sandbox.s3.delete(BUCKET, &key);
        sweep(&world).await;
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(2_999..3_001));
        let event = world.sandbox.s3.notification(BUCKET, &tuesday);
        let answer: Result<Value, _> = world.invoke(event).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(world.segment().publishes, published);
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_for_a_reason_of_its_own_puts_back_whom_it_took_out() {
    let world = World::start().await;
    world.destination(&json!({"mode": "remove", "max_concurrent_requests": 1}));
    let seed = Seed::named(SEGMENT).group(contacts(0..3_000));
    world.sandbox.dataverse.seed_segment(seed);
    let refused = Fault::on("RemoveStaticMembers").nth(2).times(200);
    let refused = refused.answer(400).code("0x80040217");
    world.sandbox.dataverse.fault(refused);
    let key = world.drop_contacts("monday.csv", &contacts(0..2_000));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "ContactsRefused", "{reason}");
    assert_eq!(world.segment().members, contacts(0..3_000));
    assert_eq!(world.head()["writing"], json!(null));
    world.sandbox.dataverse.clear_faults();
    assert_goes_on(&world, "remove").await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_out_to_try_the_list_of_a_draft_that_is_brought_back() {
    let (world, key) = half_written("remove").await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.stale_reads = 1_000);
    dataverse.clear_log();
    world.sandbox.s3.delete(BUCKET, &key);
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["failed"], "{swept}");
    assert!(dataverse.count("AddStaticMembers") > 0, "they are put back");
    assert_eq!(
        dataverse.count("RemoveStaticMembers"),
        0,
        "a removal would not put back who is taken out"
    );
    assert_eq!(
        world.head()["pending"].as_array().unwrap().len(),
        1,
        "the list has not shown it"
    );
    assert_eq!(world.published(), contacts(0..3_000));
}

/// An attempt that died has taken them out, the next one has put them back, and lists still show the first of these.
#[tokio::test(start_paused = true)]
async fn whom_a_draft_that_is_brought_back_holds_again_is_not_published_where_a_list_may_not_show_it_yet() {
    let world = World::start().await;
    world.destination(&json!({"mode": "remove"}));
    let seed = Seed::named(SEGMENT).group(contacts(0..1_500));
    world.sandbox.dataverse.seed_segment(seed);
    let key = world.drop_contacts("monday.csv", &contacts(0..500));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let taken_out = async {
        while world.segment().members.len() != 1_000 {
            tokio::task::yield_now().await;
        }
    };
    kill_when(&world, event, taken_out).await;
    tokio::time::sleep(A_LEASE).await;

    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 1_000);
    let fault = Fault::on("GetObject").path("monday").times(1);
    world.sandbox.s3.fault(fault.answer(403).code("AccessDenied"));
    sweep(&world).await;
    assert_eq!(world.segment().members, contacts(0..1_500), "they are back");
    let publishes = world.segment().publishes;
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "MembersDiffer", "{reason}");
    assert!(reason.contains("a list may lag behind"), "{reason}");
    assert_eq!(world.segment().publishes, publishes);

    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 0);
    let shown = |state: &mut sandbox::dataverse::State| {
        let definitions = state.definitions.values_mut();
        definitions.for_each(|definition| definition.stale.clear());
    };
    world.sandbox.dataverse.edit(shown);
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(500..1_500));
}
