//! A draft that a result left half-written, and that result is gone.

use crate::aside::half_written;
use crate::failures::{A_LEASE, failure_of, kill_at, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::json;
use uuid::Uuid;

/// Loads contacts; then a larger result comes in, of whose additions only the first thousand arrive, and is gone.
async fn world() -> World {
    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.load("base.csv", &contacts(0..1_500)).await;
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").nth(2).times(2).answer(403));
    let key = world.drop_contacts("tuesday.csv", &contacts(0..4_500));
    failure_of(&world, &key).await;
    assert_eq!(world.segment().members.len(), 2_500);
    world.sandbox.s3.delete(BUCKET, &key);
    world.sandbox.s3.delete(BUCKET, "incoming/Summer Sale/base.csv");
    tokio::time::sleep(std::time::Duration::from_mins(16)).await;
    let runs = sweep(&world).await;
    Run::first(&runs).as_type("SourceMissing");
    world
}

async fn ordered(world: &World, mode: &str, file: &[Uuid]) -> Run {
    let key = world.drop_contacts("wednesday.csv", file);
    world.load_directly(&key, &json!({"mode": mode})).await
}

#[tokio::test(start_paused = true)]
async fn nothing_is_added_to_a_draft_that_a_lost_result_left_half_written() {
    for mode in ["append", "remove"] {
        let world = world().await;
        let run = ordered(&world, mode, &contacts(5_000..5_010)).await;
        run.assert_failed().as_type("MembersDiffer");
        assert!(run.needs_attention(), "{run}");
        run.says("replace");
        assert_eq!(world.published(), contacts(0..1_500));
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_sets_a_half_written_draft_right() {
    let world = world().await;
    ordered(&world, "append", &contacts(5_000..5_010)).await;
    let run = ordered(&world, "replace", &contacts(100..1_400)).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(100..1_400));
    assert_eq!(world.head()["writing"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_was_put_right_by_hand_is_added_to() {
    let world = world().await;
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
        let people = contacts(0..1_500).into_iter().map(|id| id.as_u128());
        *groups.values_mut().next().unwrap() = people.collect();
    });
    let run = ordered(&world, "append", &contacts(5_000..5_010)).await;
    run.assert_loaded();
    assert_eq!(world.published().len(), 1_510);
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_that_cannot_be_read_any_more_lets_later_additions_go_on_without_its_part() {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..1_500)).await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.fault(Fault::on("AddStaticMembers").nth(2).times(2).answer(403));
    let key = world.drop_contacts("tuesday.csv", &contacts(0..4_500));
    failure_of(&world, &key).await;
    assert_eq!(world.segment().members.len(), 2_500);
    let denied = Fault::on("GetObject").path("tuesday").times(1);
    world.sandbox.s3.fault(denied.answer(403).code("AccessDenied"));

    let run = ordered(&world, "append", &contacts(5_000..5_010)).await;
    run.assert_loaded();
    let with_addition = |file: std::ops::Range<u32>| contacts(file.chain(5_000..5_010));
    assert_eq!(world.published(), with_addition(0..1_500), "nothing of the other one");
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(
        world.published(),
        with_addition(0..4_500),
        "the newer addition goes over it"
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_out_while_a_list_is_tried_is_put_back_and_not_said_to_be_refused() {
    let (world, _) = half_written("append").await;
    let definition = world.segment().definition_id.unwrap();
    let dataverse = world.sandbox.dataverse.clone();
    let taking_out = move || {
        dataverse.edit(|state| {
            let groups = &mut state.definitions.get_mut(&definition).unwrap().members;
            let members = groups.values_mut().next().unwrap();
            members.retain(|id| contacts(4_000..4_500).iter().all(|out| out.as_u128() != *id));
        });
    };
    taking_out();
    let tried = Fault::on("RemoveStaticMembers").times(1);
    world.sandbox.dataverse.fault(tried.commit_then(taking_out));
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded();
    assert_eq!(run["not_accepted"], 0, "{run}");
    assert_eq!(world.published(), contacts(0..4_500));
}

#[tokio::test(start_paused = true)]
async fn a_result_of_nobody_is_not_published_while_a_list_may_lag_behind_an_attempt_before() {
    let world = World::start().await;
    world.destination(&json!({"empty_result": "clear", "max_concurrent_requests": 1}));
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(Vec::new()));
    let key = world.drop_contacts("monday.csv", &contacts(0..2_000));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, "AddStaticMembers", 2).await;
    tokio::time::sleep(A_LEASE).await;
    let lagging = Fault::on("ListGroupMembers").always();
    let nobody = json!({"Response": "{\"entityIds\":[]}"});
    world.sandbox.dataverse.fault(lagging.says(move |_| nobody.clone()));
    let publishes = world.segment().publishes;
    let key = world.drop_contacts("tuesday.csv", &[]);
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "MembersDiffer", "{reason}");
    assert!(reason.contains("a list may lag behind"), "{reason}");
    assert_eq!(world.segment().publishes, publishes);

    world.sandbox.dataverse.clear_faults();
    tokio::time::sleep(std::time::Duration::from_mins(31)).await;
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(
        (world.published(), world.segment().members),
        (contacts(0..0), contacts(0..0))
    );
}
