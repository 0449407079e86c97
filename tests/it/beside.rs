//! The segment is looked at while the rest of a long result is read; what is wrong with the result is told all the same.

use crate::editors::{add_group, edit};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How long S3 holds the second half of a result back.
const HELD_BACK: Duration = Duration::from_millis(500);

/// A result of 3 MiB, whose second half comes late: in real time, since paused time stands still while
/// a thread reads.
fn long_and_slow(world: &World) -> Vec<u8> {
    let gets = || Fault::on("GetObject").path("incoming/");
    world.sandbox.s3.fault(gets().cut_after(3 << 19));
    world.sandbox.s3.fault(gets().nth(2).delay(HELD_BACK));
    csv(&contacts(0..80_000))
}

/// The same one, whose last byte is none of a text.
fn broken_at_the_end(world: &World) -> Vec<u8> {
    let mut content = long_and_slow(world);
    content.push(0);
    content
}

async fn load(world: &World, content: Vec<u8>) -> Run {
    let key = world.drop_file("monday.csv", content);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    Run::of_event(world.invoke(event).await)
}

/// When Dynamics was first asked for this.
fn asked(world: &World, operation: &str) -> Option<Instant> {
    let requests = world.sandbox.dataverse.requests();
    let asked = requests.iter().find(|request| request.operation == operation);
    asked.map(|request| request.at)
}

/// When the second half of a result came.
fn came_late(world: &World) -> Instant {
    let requests = world.sandbox.s3.requests();
    let of_results =
        |request: &&sandbox::Logged| request.operation == "GetObject" && request.path.contains("incoming/");
    requests.iter().rfind(of_results).unwrap().at + HELD_BACK
}

#[tokio::test]
async fn the_members_are_listed_while_the_rest_of_a_long_result_is_read() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50));
    world.sandbox.dataverse.seed_segment(seed);
    let content = long_and_slow(&world);
    let run = load(&world, content).await;
    run.assert_loaded();
    run.contacts(80_000).added(79_950).removed(0);
    assert_eq!(world.published(), contacts(0..80_000));
    assert!(asked(&world, "ListGroupMembers").unwrap() < came_late(&world));
    assert!(asked(&world, "AddStaticMembers").unwrap() > came_late(&world));
}

#[tokio::test]
async fn a_result_that_is_refused_at_its_end_has_cost_looks_and_no_write() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50));
    world.sandbox.dataverse.seed_segment(seed);
    let content = broken_at_the_end(&world);
    let run = load(&world, content).await;
    run.as_type("SourceInvalid").says("NUL");
    assert!(asked(&world, "ListGroupMembers").unwrap() < came_late(&world));
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_the_result_is_told_and_not_what_is_wrong_with_the_segment() {
    let world = World::start().await;
    for _ in 0..2 {
        world.sandbox.dataverse.seed_segment(Seed::named(SEGMENT));
    }
    let content = broken_at_the_end(&world);
    let run = load(&world, content).await;
    run.as_type("SourceInvalid").says("NUL");
    assert!(asked(&world, "GET msdynmkt_segments").unwrap() < came_late(&world));
}

#[tokio::test]
async fn what_is_wrong_with_the_segment_is_told_once_the_result_is_known_to_be_good() {
    let world = World::start().await;
    for _ in 0..2 {
        world.sandbox.dataverse.seed_segment(Seed::named(SEGMENT));
    }
    let content = long_and_slow(&world);
    let run = load(&world, content).await;
    run.assert_refused().as_type("SeveralSegments");
    run.contacts(80_000);
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_look_at_the_segment_once_the_result_is_refused() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50));
    world.sandbox.dataverse.seed_segment(seed);
    let slow = Fault::on("ListGroupMembers").delay(Duration::from_mins(5)).always();
    world.sandbox.dataverse.fault(slow);
    let content = broken_at_the_end(&world);
    let begun = Instant::now();
    load(&world, content).await.as_type("SourceInvalid").says("NUL");
    assert!(begun.elapsed() < Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_short_result_is_read_before_dynamics_is_asked_anything() {
    let world = World::start().await;
    let mut content = csv(&contacts(0..1_000));
    content.push(0);
    load(&world, content).await.as_type("SourceInvalid").says("NUL");
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_definition_that_was_loaded_last_is_read_beside_the_segment() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    world.sandbox.dataverse.clear_log();
    world.sandbox.dataverse.latency("*", HELD_BACK);
    world.load("tuesday.csv", &contacts(0..12)).await.assert_loaded();
    let row = asked(&world, "GET msdynmkt_segments").unwrap();
    let definition = asked(&world, "GET msdynmkt_segmentdefinitions").unwrap();
    assert!(definition - row < HELD_BACK);
    assert_eq!(world.published(), contacts(0..12));
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_the_segment_is_not_of_any_more_says_nothing_of_it() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    let (before, renamed) = (world.segment().id, [("msdynmkt_displayname", json!("Summer before"))]);
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(before, &renamed));
    let seed = Seed::named(SEGMENT).group(contacts(5..8));
    world.sandbox.dataverse.seed_segment(seed);
    let run = world.load("tuesday.csv", &contacts(0..12)).await;
    run.assert_loaded();
    run.added(9).removed(0);
    assert_eq!(world.published(), contacts(0..12));
    let old = world.sandbox.dataverse.segment("Summer before");
    assert_eq!(old.published, Some(contacts(0..10)));
}

#[tokio::test(start_paused = true)]
async fn the_groups_that_were_loaded_last_are_listed_beside_the_segment() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    world.sandbox.dataverse.clear_log();
    world.sandbox.dataverse.latency("*", HELD_BACK);
    world.load("tuesday.csv", &contacts(0..12)).await.assert_loaded();
    let row = asked(&world, "GET msdynmkt_segments").unwrap();
    let list = asked(&world, "ListGroupMembers").unwrap();
    assert!(list - row < HELD_BACK);
    assert_eq!(world.published(), contacts(0..12));
}

#[tokio::test(start_paused = true)]
async fn groups_that_are_not_all_there_are_any_more_say_nothing_of_the_segment() {
    for (kind, expected) in [("Include", 0..12), ("Exclude", 0..10)] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
        add_group(&world, kind, &contacts(10..15));
        world.load("tuesday.csv", &contacts(0..12)).await.assert_loaded();
        assert_eq!(world.published(), contacts(expected), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_keeps_contacts_out_by_now_are_not_taken_for_those_of_the_segment() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    edit(&world, |state, id| {
        let column = "msdynmkt_staticlistmembers";
        let groups = state.definitions[&id].row.text(column).replace("Include", "Exclude");
        state.set_definition(id, &[(column, json!(groups))]);
    });
    let run = world.load("tuesday.csv", &contacts(5..12)).await;
    run.assert_loaded();
    run.added(7).removed(0);
    assert_eq!(world.published(), contacts(10..12));
}

/// A refresh takes as long as the answers that it awaits one after the other: row, definition and members, the end of the
/// members, the definition before the first write, additions, removals, members and definition once more, the end of the
/// members, row and definition before Publish, Publish, row and times after it, the row once they tell, and the description.
#[tokio::test(start_paused = true)]
async fn a_refresh_awaits_twelve_answers_one_after_the_other() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::ZERO);
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    world.sandbox.dataverse.latency("*", HELD_BACK);
    let begun = Instant::now();
    world.load("tuesday.csv", &contacts(1..11)).await.assert_loaded();
    assert_eq!(begun.elapsed().as_millis() / HELD_BACK.as_millis(), 12);
    assert_eq!(world.published(), contacts(1..11));
}
