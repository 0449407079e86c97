//! Segments that others made or use: their groups, their refresh, their journeys.

use super::failure_of;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
use sandbox::dataverse::Seed;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_segment_with_groups_of_others_only_gets_one_for_the_result() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).exclude(contacts(0..10)));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded();
    let groups: Vec<_> = world
        .segment()
        .groups
        .iter()
        .map(|group| (group.include, group.count))
        .collect();
    assert_eq!(groups, [(false, 10), (true, 100)]);
    assert_eq!(
        world.published(),
        contacts(10..100),
        "whom the marketer excludes stays out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_cannot_be_switched_off_stops_the_load_before_any_member_is_written() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..100)).with_refresh());
    world.sandbox.dataverse.deny("PATCH msdynmkt_segmentdefinitions");
    let key = world.drop_contacts("monday.csv", &contacts(0..120));
    assert_eq!(failure_of(&world, &key).await.0, "PrivilegeMissing");
    assert_eq!(world.sandbox.dataverse.count("AddStaticMembers"), 0);
    assert_eq!(world.segment().members, contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_stays_on_although_it_was_switched_off_stops_the_load_before_any_member_is_written() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..100)).with_refresh());
    dataverse.fault(Fault::on("PATCH msdynmkt_segmentdefinitions").always().answer(204));
    let key = world.drop_contacts("monday.csv", &contacts(0..120));
    for attempt in 0..2 {
        let (kind, reason) = failure_of(&world, &key).await;
        assert_eq!(kind, "SegmentChanged", "{attempt}: {reason}");
        assert!(reason.contains("refresh stays on"), "{attempt}: {reason}");
        assert!(!reason.contains("somebody"), "{attempt}: {reason}");
    }
    assert_eq!(dataverse.count("AddStaticMembers"), 0);
    assert_eq!(dataverse.count("RemoveStaticMembers"), 0);
    dataverse.clear_faults();
    world.run(&key).await.assert_loaded();
    assert_eq!(world.published(), contacts(0..120));
    assert!(world.segment().refresh_disabled);
}

#[tokio::test(start_paused = true)]
async fn a_new_segment_whose_refresh_is_on_in_spite_of_the_create_has_it_switched_off_first() {
    const CREATE: &str = "POST msdynmkt_segmentdefinitions";
    for takes_patches in [true, false] {
        let world = World::start().await;
        let dataverse = &world.sandbox.dataverse;
        if !takes_patches {
            dataverse.fault(Fault::on("PATCH msdynmkt_segmentdefinitions").always().answer(204));
        }
        dataverse.fault(Fault::on(CREATE).late_answer(Duration::from_secs(2)));
        // Before it is answered: the definition is made as if nothing had been said of its refresh.
        let ignoring = async {
            dataverse.arrived(CREATE, 1).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let definition = dataverse.definitions()[0];
            let refreshes = [("msdynmkt_disablesegmentrefresh", json!(false))];
            dataverse.edit(|state| state.set_definition(definition, &refreshes));
        };
        world.drop_contacts("monday.csv", &contacts(0..100));
        let key = format!("incoming/{SEGMENT}/monday.csv");
        let fields = json!({});
        let (run, ()) = tokio::join!(world.load_directly(&key, &fields), ignoring);
        if takes_patches {
            run.assert_loaded();
            assert!(world.segment().refresh_disabled);
            assert_eq!(world.published(), contacts(0..100));
        } else {
            run.assert_failed().as_type("SegmentChanged").says("refresh stays on");
            assert_eq!(dataverse.count("AddStaticMembers"), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_refreshes_by_the_clock_never_shows_a_half_written_draft() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.modes(|modes| modes.refresh_every = Duration::from_secs(1));
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..5_000)).with_refresh());
    dataverse.latency("AddStaticMembers", Duration::from_secs(3));
    dataverse.latency("RemoveStaticMembers", Duration::from_secs(3));
    let run = world.load("monday.csv", &contacts(2_000..8_000)).await;
    run.assert_loaded();
    let mut sizes = super::published_sizes(&world);
    sizes.dedup();
    assert_eq!(sizes, [5_000, 6_000]);
}

#[tokio::test(start_paused = true)]
async fn live_journeys_are_counted_in_answer_and_receipt() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..100)).live_journeys(2));
    let run = world.load("monday.csv", &contacts(0..120)).await;
    run.assert_loaded();
    assert_eq!(run["live_journeys"], json!(2), "{run}");
    let key = run["receipt"]
        .as_str()
        .unwrap()
        .split_once("/_state/")
        .unwrap()
        .1
        .to_owned();
    let receipt = world
        .sandbox
        .s3
        .get_json(sandbox::BUCKET, &format!("_state/{key}"))
        .unwrap();
    assert_eq!(receipt["live_journeys"], 2);
}
