//! A segment that lacks members and cannot be published again for them: it is put off, and is neither a failure nor a load.

use crate::failures::sweep;
use crate::world::{World, contacts};
use sandbox::Fault;
use sandbox::dataverse::State;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const PUBLISH: &str = "PublishSegmentDefinition";

/// A segment of 100 of whom Dynamics counted 97.
async fn short() -> World {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    world.sandbox.dataverse.drop_at_compute([]);
    world
}

/// Sweeps so often, with more than a day in between; returns the runs.
async fn sweeps(world: &World, times: usize) -> Vec<Value> {
    let mut runs = Vec::new();
    for _ in 0..times {
        world.sandbox.s3.clock().advance(Duration::from_hours(25));
        runs.extend(sweep(world).await["runs"].as_array().unwrap().clone());
    }
    runs
}

fn edit_definition(world: &World, edit: impl FnOnce(&mut State, Uuid)) {
    let definition = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| edit(state, definition));
}

/// What keeps a segment from being published again, and what ends it.
type Hindrance = (&'static str, fn(&World), fn(&World));

const HINDRANCES: [Hindrance; 6] = [
    ("in use", |world| answers(world, in_use()), heal),
    (
        "unavailable",
        |world| answers(world, Fault::on(PUBLISH).answer(503)),
        heal,
    ),
    (
        "unanswered",
        |world| answers(world, Fault::on(PUBLISH).drop_connection()),
        heal,
    ),
    (
        "dynamic",
        |world| query(world, "Contact.Filter()"),
        |world| query(world, ""),
    ),
    ("of leads", |world| of(world, "lead"), |world| of(world, "contact")),
    (
        "used against the rules",
        |world| used_by(world, 1),
        |world| used_by(world, 0),
    ),
];

fn answers(world: &World, fault: Fault) {
    world.sandbox.dataverse.fault(fault.always());
}

fn heal(world: &World) {
    world.sandbox.dataverse.clear_faults();
}

fn used_by(world: &World, journeys: u32) {
    world.destination(&json!({"when_in_use": "refuse"}));
    world.sandbox.dataverse.set_users(world.segment().id, journeys, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_published_again_is_neither_failed_nor_recovered_and_a_person_hears_once() {
    for (what, hinder, lift) in HINDRANCES {
        let world = short().await;
        let before = world.head();
        hinder(&world);
        let runs = sweeps(&world, 7).await;
        assert_eq!(runs.len(), 7, "{what}: {runs:?}");
        for run in &runs {
            let said = (&run["outcome"], &run["published_missing"], run.get("recovered"));
            assert_eq!(said, (&json!("loaded"), &json!(3), None), "{what}: {run}");
            assert!(
                run["warnings"].to_string().contains("could not be published again"),
                "{run}"
            );
        }
        let called: Vec<_> = runs.iter().map(|run| run["needs_attention"] == true).collect();
        assert_eq!(called, [false, false, true, false, false, false, false], "{what}");
        let after = world.head();
        for known in ["/last_good", "/failures", "/applied/confirmed", "/went_wrong", "/loads"] {
            assert_eq!(after.pointer(known), before.pointer(known), "{what}: {known}");
        }
        lift(&world);
        let runs = sweeps(&world, 1).await;
        assert_eq!(runs[0]["published_missing"], 0, "{what}: {runs:?}");
        assert_eq!(runs[0].get("recovered"), None, "{what}: {runs:?}");
        assert_eq!(world.published(), contacts(0..100), "{what}");
    }
}

fn in_use() -> Fault {
    let text = "The segment definition cannot be modified because it is used in a live journey.";
    Fault::on(PUBLISH).answer(400).error("0x80040265", text)
}

fn query(world: &World, query: &str) {
    let changes = [("msdynmkt_segmentquery", json!(query))];
    edit_definition(world, |state, id| state.set_definition(id, &changes));
}

fn of(world: &World, table: &str) {
    let (id, changes) = (world.segment().id, [("msdynmkt_baseentitylogicalname", json!(table))]);
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &changes));
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_dynamics_refuses_is_none_of_the_three_for_members_that_are_missing() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    world.sandbox.dataverse.fault(in_use().times(2));
    let runs = sweeps(&world, 7).await;
    assert_eq!(world.segment().publishes, 4, "the first, and three more");
    let called: Vec<_> = runs.iter().map(|run| run["needs_attention"] == true).collect();
    assert_eq!(called, [false, false, false, false, true], "{runs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_only_a_person_can_put_right_calls_one_at_once_and_is_not_published() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let group = world.segment().groups[0].id;
    edit_definition(&world, |state, id| {
        let members = &mut state.definitions.get_mut(&id).unwrap().members;
        members.get_mut(&group).unwrap().insert(contacts(500..501)[0].as_u128());
    });
    let runs = sweeps(&world, 3).await;
    let called: Vec<_> = runs.iter().map(|run| run["needs_attention"] == true).collect();
    assert_eq!(called, [true, false, true], "{runs:?}");
    assert_eq!(world.segment().publishes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_lacks_members_and_is_not_there_any_more_is_told_of_once() {
    for (what, is_renamed) in [
        ("Winter Sale", true),
        ("is deleted, or not to be found any more", false),
    ] {
        let world = short().await;
        let id = world.segment().id;
        world.sandbox.dataverse.edit(|state| {
            if is_renamed {
                state.set_segment(id, &[("msdynmkt_displayname", json!("Winter Sale"))]);
            } else {
                state.segments.remove(&id);
            }
        });
        let runs = sweeps(&world, 3).await;
        assert_eq!(runs.len(), 1, "{what}: {runs:?}");
        assert!(runs[0]["warnings"].to_string().contains(what), "{runs:?}");
    }
}
