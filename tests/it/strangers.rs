//! More members than were published: told on every road to the published segment, and put right by the next load.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Puts a contact into the draft behind the loader's back.
fn slip_in(world: &World, contact: Uuid) {
    let id = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state| {
        let groups = &mut state.definitions.get_mut(&id).unwrap().members;
        groups.values_mut().next().unwrap().insert(contact.as_u128());
    });
}

/// Loads a file, and somebody slips in between the last look at the members and Publish.
async fn load_with_a_stranger(world: &World) -> Run {
    world.load("monday.csv", &contacts(0..100)).await;
    let publish = "PublishSegmentDefinition";
    let fault = Fault::on(publish).delay(Duration::from_secs(5));
    world.sandbox.dataverse.fault(fault);
    let nth = world.sandbox.dataverse.count(publish) + 1;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..110));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let (answer, ()) = tokio::join!(world.invoke(event), async {
        world.sandbox.dataverse.arrived(publish, nth).await;
        slip_in(world, contacts([500])[0]);
    });
    Run::first(&answer.unwrap())
}

fn assert_calls_for_a_person(run: &Run, counted: &str) {
    run.assert_loaded().warns(counted).warns("load the result once more");
    assert!(run.needs_attention(), "{run}");
    let sentence = run["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("Dynamics counts 1 person more than were published"),
        "{sentence}"
    );
    assert_eq!(run["published_missing"], 0, "none is missing");
}

#[tokio::test(start_paused = true)]
async fn who_slips_in_before_publishing_is_told_of_and_gone_after_the_next_load() {
    let world = World::start().await;
    assert_calls_for_a_person(&load_with_a_stranger(&world).await, "counts 111 members where 110");
    let key = "incoming/Summer Sale/tuesday.csv";
    world.load_directly(key, &json!({})).await.assert_loaded().removed(1);
    assert_eq!(world.published(), contacts(0..110));
}

#[tokio::test(start_paused = true)]
async fn who_slips_in_is_told_of_by_the_sweep_that_sees_the_segment_first() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    let delay = Duration::from_mins(1);
    world.sandbox.dataverse.modes(|modes| modes.publish_delay = delay);
    load_with_a_stranger(&world).await.assert_computing();
    tokio::time::sleep(2 * delay).await;
    let run = Run::first(&sweep(&world).await);
    assert_calls_for_a_person(&run, "counts 111 members where 110");
}

#[tokio::test(start_paused = true)]
async fn who_is_counted_and_not_in_the_draft_goes_with_the_same_file_once_more() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let id = world.segment().id;
    let counted = [("msdynmkt_membercount", json!(101))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &counted));
    let run = world.load("tuesday.csv", &contacts(0..100)).await;
    run.assert_loaded().counted(100).warns_of_nothing();
    assert_eq!(world.segment().publishes, 2);
    assert_eq!(world.head()["writing"], Value::Null);
    world.load("wednesday.csv", &contacts(0..100)).await.assert_unchanged();
}
