//! What others publish, refresh or change during a load: told of afterwards.

use crate::aside::half_written;
use crate::editors::{edit, load_while, set, with_audience};
use crate::failures::sweep;
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::dataverse::Times;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const ADD: &str = "AddStaticMembers";
pub(crate) const COMPUTED_BY_OTHERS: &str = "somebody else has published or refreshed it";

/// Publishes as somebody in Dynamics would.
pub(crate) fn publish(world: &World) {
    let id = world.segment().id;
    world.sandbox.dataverse.edit(|state| state.publish(id)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn somebody_s_publish_or_refresh_during_the_load_is_told_of_afterwards() {
    type Does<'a> = &'a dyn Fn(&World);
    let refresh = |world: &World| {
        set(world, "msdynmkt_computationstartedon", json!("2030-01-01T00:00:00Z"));
    };
    let count_others = |world: &World| {
        let id = world.segment().id;
        let counted = [("msdynmkt_membercount", json!(1_007))];
        world.sandbox.dataverse.edit(|state| state.set_segment(id, &counted));
    };
    let cases: [(Times, &str, Does, bool); 6] = [
        (Times::Told, ADD, &publish, true),
        (Times::Missing, "ListGroupMembers", &publish, true),
        (Times::Told, ADD, &refresh, true),
        (Times::Missing, ADD, &count_others, true),
        (Times::Told, ADD, &|_| {}, false),
        (Times::Missing, ADD, &|_| {}, false),
    ];
    for (number, (times, at, does, is_told)) in cases.into_iter().enumerate() {
        let world = with_audience().await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.modes(|modes| modes.times = times);
        dataverse.latency(at, Duration::from_secs(5));
        let nth = if at == ADD { 1 } else { 3 };
        let run = load_while(&world, (at, nth), || does(&world)).await.unwrap();
        run.assert_loaded();
        assert_eq!(world.published(), contacts(0..1_100));
        let warnings = run["warnings"].to_string();
        assert_eq!(warnings.contains(COMPUTED_BY_OTHERS), is_told, "{number}: {run}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_this_function_has_published_itself_is_nobody_else_s_publish() {
    for times in [Times::Told, Times::Missing] {
        let world = World::start().await;
        world.destination(&json!({"publish_wait_seconds": 0}));
        world.sandbox.dataverse.modes(|modes| {
            (modes.times, modes.publish_delay) = (times, Duration::from_secs(20));
        });
        let first = world.load("monday.csv", &contacts(0..100)).await;
        assert_eq!(first["outcome"], "computing");
        world
            .sandbox
            .dataverse
            .latency("AddStaticMembers", Duration::from_secs(30));
        let second = world.load("tuesday.csv", &contacts(0..110)).await;
        assert!(!second["warnings"].to_string().contains(COMPUTED_BY_OTHERS), "{second}");
    }
}

#[tokio::test(start_paused = true)]
async fn members_whom_somebody_changes_between_reading_back_and_publishing_are_found_by_the_count() {
    type Change = fn(&mut BTreeSet<u128>) -> bool;
    let changes: [(Change, u64, u64); 2] = [
        (|members| members.insert(contacts([9_000])[0].as_u128()), 1_101, 0),
        (|members| members.remove(&contacts([7])[0].as_u128()), 1_099, 1),
    ];
    for (change, counted, missing) in changes {
        let world = with_audience().await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.latency("PublishSegmentDefinition", Duration::from_secs(5));
        let run = load_while(&world, ("PublishSegmentDefinition", 1), || {
            edit(&world, |state, id| {
                let groups = &mut state.definitions.get_mut(&id).unwrap().members;
                assert!(groups.values_mut().any(change));
            });
        });
        let run = run.await.unwrap();
        assert_eq!(
            (&run["member_count"], &run["published_missing"]),
            (&json!(counted), &json!(missing)),
            "{run}"
        );
        run.warns(&format!("Dynamics counts {counted} members where 1100 were published"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_somebody_published_between_two_attempts_is_told_by_the_one_that_publishes_the_whole() {
    for is_published in [false, true] {
        let (world, _) = half_written("append").await;
        if is_published {
            publish(&world);
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert_ne!(world.published(), contacts(0..3_000), "journeys see a part");
        }
        let run = Run::first(&sweep(&world).await);
        run.assert_loaded();
        assert_eq!(world.published(), contacts(0..4_500));
        let warnings = run["warnings"].to_string();
        assert_eq!(warnings.contains(COMPUTED_BY_OTHERS), is_published, "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_published_of_a_file_that_steps_aside_is_published_away_and_told_by_whoever_does_so() {
    for (is_published, is_next) in [(false, false), (true, false), (false, true), (true, true)] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        world.destination(&json!({"mode": "append", "max_concurrent_requests": 1}));
        let dataverse = &world.sandbox.dataverse;
        dataverse.set_known_contacts(contacts((0..100).chain(200..1_210)));
        dataverse.latency(ADD, Duration::from_secs(5));
        let key = world.drop_contacts("tuesday.csv", &contacts(200..1_500));
        let event = world.sandbox.s3.notification(sandbox::BUCKET, &key);
        let (failed, ()) = tokio::join!(world.invoke(event), async {
            dataverse.arrived(ADD, 3).await;
            if is_published {
                publish(&world);
            }
        });
        assert_eq!(failed.unwrap_err().error_type(), "ContactsNotAccepted");
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(world.segment().members, contacts(0..100), "its change is out again");
        assert_eq!(world.published() == contacts(0..100), !is_published);
        let publishes = world.segment().publishes;
        if is_next {
            let run = world.load("wednesday.csv", &contacts([200])).await;
            let warnings = run.assert_loaded().warnings();
            assert_eq!(warnings.contains(COMPUTED_BY_OTHERS), is_published, "{run}");
            assert_eq!(world.published(), contacts((0..100).chain([200])));
            continue;
        }
        let swept = sweep(&world).await;
        assert_eq!(world.published(), contacts(0..100));
        assert_eq!(
            world.segment().publishes - publishes,
            u32::from(is_published),
            "no more than is needed"
        );
        let told = swept["runs"].to_string();
        assert_eq!(told.contains(COMPUTED_BY_OTHERS), is_published, "{swept}");
    }
}
