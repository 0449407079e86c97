//! Members that were published and are not counted: told on every road to the published segment.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use serde_json::json;
use std::time::Duration;

fn told(run: &Run) -> (&str, Option<u64>, Option<u64>) {
    let outcome = run["outcome"].as_str().unwrap_or_default();
    (outcome, run["member_count"].as_u64(), run["published_missing"].as_u64())
}

#[tokio::test(start_paused = true)]
async fn members_that_are_missing_are_told_after_the_wait_by_a_sweep_and_after_an_unchanged_file_in_every_mode() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.destination(&json!({"mode": mode}));
        world.sandbox.dataverse.drop_at_compute(contacts(0..3));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        assert_eq!(told(&run), ("loaded", Some(97), Some(3)), "{run}");
        run.warns("97 members where 100");
        let run = world.load("tuesday.csv", &contacts(0..100)).await;
        assert_eq!(told(&run), ("unchanged", Some(97), Some(3)), "{run}");
        run.warns("97 members where 100");

        world.destination(&json!({"publish_wait_seconds": 1}));
        world
            .sandbox
            .dataverse
            .modes(|modes| modes.publish_delay = Duration::from_mins(1));
        let run = world.load("wednesday.csv", &contacts(0..110)).await;
        assert_eq!(told(&run), ("computing", None, None), "{run}");
        tokio::time::sleep(Duration::from_mins(1)).await;
        let run = Run::first(&sweep(&world).await);
        assert_eq!(told(&run), ("loaded", Some(107), Some(3)), "{run}");
        run.warns("107 members where 110");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_an_exclude_group_keeps_out_is_not_missing_after_an_unchanged_file_either() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..50)).exclude(contacts(40..60));
    world.sandbox.dataverse.seed_segment(seed);
    let run = world.load("monday.csv", &contacts(0..60)).await;
    assert_eq!(told(&run), ("loaded", Some(40), Some(0)), "{run}");
    let run = world.load("tuesday.csv", &contacts(0..60)).await;
    assert_eq!(
        (told(&run), &run["warnings"]),
        (("unchanged", Some(40), Some(0)), &json!([])),
        "{run}"
    );
}

#[tokio::test(start_paused = true)]
async fn more_members_than_were_published_are_somebody_else_s_and_none_is_missing() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let id = world.segment().id;
    let counted = [("msdynmkt_membercount", json!(101))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &counted));
    let run = world.load("tuesday.csv", &contacts(0..100)).await;
    assert_eq!(told(&run), ("unchanged", Some(101), Some(0)), "{run}");
    run.warns("somebody else");
}
