//! Lists that lag behind a write, and contacts that Dynamics drops in silence: what the one looks like the other.

use crate::failures::writes::know;
use crate::failures::{A_LEASE, failure_of, kill_at, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::BUCKET;
use sandbox::dataverse::{Seed, UnknownContacts};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_for_long_is_waited_for_and_takes_nothing_for_refused() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    dataverse.modes(|modes| modes.stale_reads = 6);
    let run = world.load("monday.csv", &contacts(5..1_010)).await;
    run.assert_loaded().not_accepted(0);
    assert_eq!(dataverse.count("AddStaticMembers"), 1);
    assert_eq!(world.published(), contacts(5..1_010));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_shows_what_was_written_is_verified_by_nobody_and_publishes_nothing() {
    for (file, draft) in [(0..1_010, 0..1_010), (5..1_010, 5..1_010), (5..1_000, 5..1_000)] {
        let world = World::start().await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
        dataverse.modes(|modes| modes.stale_reads = 1_000);
        let key = world.drop_contacts("monday.csv", &contacts(file.clone()));
        let (kind, reason) = failure_of(&world, &key).await;
        assert_eq!(kind, "MembersDiffer", "{reason}");
        assert!(reason.contains("lags"), "{reason}");
        assert_eq!(published_sizes(&world), [1_000]);
        assert_eq!(world.segment().members, contacts(draft), "whoever was tried is back");

        world.sandbox.dataverse.modes(|modes| modes.stale_reads = 0);
        world.sandbox.dataverse.edit(|state| {
            state
                .definitions
                .values_mut()
                .for_each(|definition| definition.stale.clear());
        });
        world.sandbox.s3.clock().advance(Duration::from_mins(16));
        Run::first(&sweep(&world).await).assert_loaded();
        assert_eq!(world.published(), contacts(file));
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_from_before_a_run_that_died_is_no_proof_that_its_half_written_draft_is_the_next_file() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    dataverse.modes(|modes| modes.stale_reads = 1_000);
    let key = world.drop_contacts("tuesday.csv", &contacts(5..1_010));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, "RemoveStaticMembers", 1).await;
    assert!(
        world.segment().members != contacts(0..1_000),
        "something of it was written"
    );
    tokio::time::sleep(A_LEASE).await;
    // By the list that lags, the draft is this file.
    let key = world.drop_contacts("wednesday.csv", &contacts(0..1_000));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "MembersDiffer", "{reason}");
    assert_eq!(published_sizes(&world), [1_000]);

    dataverse.modes(|modes| modes.stale_reads = 0);
    let caught_up = |state: &mut sandbox::dataverse::State| {
        let definitions = state.definitions.values_mut();
        definitions.for_each(|definition| definition.stale.clear());
    };
    dataverse.edit(caught_up);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(world.published(), contacts(0..1_000));
}

#[tokio::test(start_paused = true)]
async fn contacts_that_are_dropped_every_day_are_reported_every_day() {
    let world = World::start().await;
    know(&world, 20..3_000, UnknownContacts::Ignore);
    world.load("monday.csv", &contacts(0..3_000)).await;
    // Of what this file asks for nothing is done, so that no list can show it.
    let run = world.load("tuesday.csv", &contacts(0..3_000)).await;
    run.assert_loaded().not_accepted(20);
    assert_eq!(world.published(), contacts(20..3_000));
}

#[tokio::test(start_paused = true)]
async fn contacts_of_which_not_one_is_taken_publish_nothing() {
    let world = World::start().await;
    know(&world, 5_000..6_000, UnknownContacts::Ignore);
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "MembersDiffer", "{reason}");
    assert!(reason.contains("check that the ids are contacts"), "{reason}");
    assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_who_was_taken_out_to_try_the_list_comes_back_where_the_run_dies_meanwhile() {
    let world = World::start().await;
    know(&world, 20..3_000, UnknownContacts::Ignore);
    world.load("monday.csv", &contacts(0..3_000)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..3_000));
    world.sandbox.dataverse.clear_log();
    let event = world.sandbox.s3.notification(BUCKET, &key);
    // The first call is for those who are dropped, the second for whoever was taken out.
    kill_at(&world, event, "AddStaticMembers", 2).await;
    assert_eq!(world.published(), contacts(20..3_000));
    tokio::time::sleep(A_LEASE).await;
    Run::first(&sweep(&world).await).assert_loaded().not_accepted(20);
    assert_eq!(world.segment().members, contacts(20..3_000));
    assert_eq!(world.published(), contacts(20..3_000));
}
