//! Exclude groups: they are the marketer's, they are never written to, and whom they keep out is told.

use crate::editors::{edit, load_while};
use crate::failures::sweep;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const GROUPS: &str = "msdynmkt_staticlistmembers";
const ADD: &str = "AddStaticMembers";

/// A segment of some people, with an Exclude group of others.
async fn excluding(members: &[Uuid], excluded: &[Uuid]) -> World {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(members.to_vec());
    world.sandbox.dataverse.seed_segment(seed.exclude(excluded.to_vec()));
    world
}

/// Makes every group an Exclude group, as a marketer may.
fn turn_groups(world: &World) {
    edit(world, |state, id| {
        let column = state.definitions[&id]
            .row
            .text(GROUPS)
            .replace("\"Include\"", "\"Exclude\"");
        state.set_definition(id, &[(GROUPS, json!(column))]);
    });
}

/// Returns the members of each group that keeps contacts out.
fn kept_out(world: &World) -> Vec<usize> {
    let groups = world.segment().groups.into_iter().filter(|group| !group.include);
    groups.map(|group| group.count).collect()
}

fn sentence(run: &Run) -> &str {
    run["sentence"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn whom_exclude_groups_keep_out_is_told_in_warning_and_sentence_whatever_the_outcome() {
    let world = excluding(&contacts(0..50), &contacts(40..60)).await;
    let told = "20 of the segment's 60 members are kept out by its Exclude groups";
    let run = world.load("monday.csv", &contacts(0..60)).await;
    run.assert_loaded().warns(told);
    assert!(
        sentence(&run).contains("Its Exclude groups keep out 20 of its 60 people."),
        "{run}"
    );
    assert!(!run.needs_attention(), "{run}");
    let run = world.load("tuesday.csv", &contacts(0..60)).await;
    run.assert_unchanged().warns(told);

    world.destination(&json!({"publish_wait_seconds": 0, "mode": "append"}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(1));
    let told = "20 of the segment's 70 members are kept out by its Exclude groups";
    let run = world.load("wednesday.csv", &contacts(60..70)).await;
    run.assert_computing().warns(told);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded().warns(told);
}

#[tokio::test(start_paused = true)]
async fn where_everybody_is_kept_out_a_person_is_called() {
    let world = excluding(&contacts(100..110), &contacts(0..60)).await;
    for name in ["monday.csv", "tuesday.csv"] {
        let run = world.load(name, &contacts(0..60)).await;
        run.warns("60 of the segment's 60 members are kept out")
            .warns("nobody is left");
        assert!(run.needs_attention(), "{run}");
        assert!(sentence(&run).contains("keep out everybody in it (60 people)"), "{run}");
        assert!(world.published().is_empty());
    }
    let run = world.load("wednesday.csv", &contacts(0..61)).await;
    run.assert_loaded().counted(1);
    assert!(!run.needs_attention(), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_keeps_contacts_out_before_the_first_write_is_not_written_to() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(5_000..5_010));
    world.sandbox.dataverse.seed_segment(seed);
    world
        .sandbox
        .dataverse
        .latency("ListGroupMembers", Duration::from_secs(5));
    let run = load_while(&world, ("ListGroupMembers", 1), || turn_groups(&world)).await;
    let run = run.unwrap();
    run.assert_loaded().counted(1_100);
    assert!(!run.warnings().contains("kept out"), "{run}");
    assert_eq!(kept_out(&world), [10]);
    assert_eq!(world.published(), contacts(0..1_100));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_keeps_contacts_out_once_it_was_written_to_ends_the_run_and_the_next_one_tells() {
    for (operation, nth) in [(ADD, 1), ("ListGroupMembers", 3)] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(0..1_000));
        world.sandbox.dataverse.seed_segment(seed);
        world.sandbox.dataverse.latency(operation, Duration::from_secs(5));
        let failed = load_while(&world, (operation, nth), || turn_groups(&world)).await;
        let (kind, reason) = failed.unwrap_err();
        assert_eq!(kind, "SegmentChanged", "{reason}");
        assert!(reason.contains("was made an Exclude group during the run"), "{reason}");
        assert_eq!((world.segment().publishes, kept_out(&world)), (0, vec![1_100]));
        world.sandbox.s3.clock().advance(Duration::from_mins(16));
        let run = Run::first(&sweep(&world).await);
        run.assert_loaded()
            .warns("1100 of the segment's 1100 members are kept out");
        assert!(run.needs_attention(), "{run}");
        assert_eq!(kept_out(&world), [1_100], "it is left as it is");
    }
}

/// Changes the members of the group that keeps contacts out, as a marketer may without publishing it.
fn keep_out(world: &World, excluded: &[Uuid]) {
    edit(world, |state, id| {
        let definition = state.definitions.get_mut(&id).unwrap();
        let group = definition
            .groups()
            .into_iter()
            .find(|group| group.include_type == "Exclude");
        let group = Uuid::try_parse(&group.unwrap().group_id).unwrap();
        let excluded = excluded.iter().map(Uuid::as_u128);
        definition.members.insert(group, excluded.collect());
    });
}

/// A segment that was published without contacts 40 to 60, of which Dynamics does not count `missing`, and is still being computed.
async fn computing_without_some(missing: &[Uuid]) -> World {
    let world = excluding(&contacts(0..50), &contacts(40..60)).await;
    world.sandbox.dataverse.drop_at_compute(missing.to_vec());
    world.destination(&json!({"publish_wait_seconds": 0}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(1));
    world.load("monday.csv", &contacts(0..60)).await.assert_computing();
    world
}

#[tokio::test(start_paused = true)]
async fn whom_a_marketer_lets_in_after_publish_is_not_called_missing_and_nothing_of_his_edit_is_published_by_a_sweep() {
    let world = computing_without_some(&[]).await;
    keep_out(&world, &[]);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded()
        .counted(40)
        .warns("20 of the segment's 60 members are kept out");
    assert_eq!(run["published_missing"], json!(0), "{run}");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_mins(80)).await;
        sweep(&world).await;
    }
    assert_eq!(world.segment().publishes, 1, "nobody has published the marketer's edit");
    assert_eq!(world.published(), contacts(0..40));
}

#[tokio::test(start_paused = true)]
async fn whom_a_marketer_keeps_out_after_publish_excuses_nobody_who_is_missing() {
    let world = computing_without_some(&contacts(0..1)).await;
    keep_out(&world, &contacts(39..60));
    tokio::time::sleep(Duration::from_mins(2)).await;
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded().counted(39);
    assert_eq!(run["published_missing"], json!(1), "{run}");
}
