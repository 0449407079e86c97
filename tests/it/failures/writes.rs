//! Writes whose fate is unclear, contacts that Dynamics does not take, lists that lag, members that others change.

use super::{failure_of, published_sizes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contact, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Repeats, Seed, State, UnknownContacts};
use serde_json::json;
use std::time::Duration;

/// Lets only some contacts exist.
pub(crate) fn know(world: &World, numbers: impl IntoIterator<Item = u32>, unknown: UnknownContacts) {
    world.sandbox.dataverse.edit(|state| {
        let known = numbers.into_iter().map(|number| contact(number).as_u128());
        state.contacts.known = Some(known.collect());
        state.modes.unknown_contacts = unknown;
    });
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_or_may_not_have_happened_makes_exactly_one_segment() {
    for operation in ["POST msdynmkt_segmentdefinitions", "POST msdynmkt_segments"] {
        for fault in [
            Fault::on(operation).commit_then_reset(),
            Fault::on(operation).drop_connection(),
            Fault::on(operation).answer(504).html(),
            Fault::on(operation).late_answer(Duration::from_secs(130)),
            Fault::on(operation).delay(Duration::from_secs(125)),
            // The client gives up after two minutes, and the server is at work for more than one on top.
            Fault::on(operation).delay(Duration::from_secs(200)),
            Fault::on(operation).times(2).commit_then_reset(),
        ] {
            let world = World::start().await;
            world.sandbox.dataverse.fault(fault.clone());
            let run = world.load("monday.csv", &contacts(0..100)).await;
            assert_eq!(run.outcome(), "loaded", "{fault:?}: {run}");
            assert_eq!(world.published(), contacts(0..100));
            assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_definition_left_behind_is_used_by_the_next_attempt() {
    let world = World::start().await;
    world.sandbox.dataverse.deny("POST msdynmkt_segments");
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    assert_eq!(failure_of(&world, &key).await.0, "PrivilegeMissing");
    assert_eq!(
        world.sandbox.dataverse.definitions().len(),
        0,
        "it is taken back where it may be"
    );
    world.sandbox.dataverse.deny("DELETE msdynmkt_segmentdefinitions");
    assert_eq!(failure_of(&world, &key).await.0, "PrivilegeMissing");
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1);
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    world.run(&key).await.assert_loaded();
    assert_eq!(world.sandbox.dataverse.definitions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn any_write_whose_answer_is_lost_is_repeated_without_harm() {
    for operation in [
        "PATCH msdynmkt_segmentdefinitions",
        "AddStaticMembers",
        "RemoveStaticMembers",
        "PublishSegmentDefinition",
    ] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(0..1_000)).with_refresh();
        world.sandbox.dataverse.seed_segment(seed);
        world.sandbox.dataverse.fault(Fault::on(operation).commit_then_reset());
        let run = world.load("monday.csv", &contacts(500..2_500)).await;
        assert_eq!(run.outcome(), "loaded", "{operation}: {run}");
        run.added(1_500).removed(500);
        assert_eq!(world.published(), contacts(500..2_500), "{operation}");
        assert!(published_sizes(&world).iter().all(|size| [1_000, 2_000].contains(size)));
    }
}

#[tokio::test(start_paused = true)]
async fn contacts_that_are_refused_by_name_are_singled_out_and_counted() {
    let world = World::start().await;
    know(
        &world,
        (0..3_000).filter(|number| number % 600 != 7),
        UnknownContacts::Refuse,
    );
    let run = world.load("monday.csv", &contacts(0..3_000)).await;
    run.assert_loaded().not_accepted(5).warns("did not accept 5");
    assert_eq!(world.published().len(), 2_995);
}

#[tokio::test(start_paused = true)]
async fn more_refused_contacts_than_may_be_invalid_fail_and_publish_nothing() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    know(
        &world,
        (0..2_000).filter(|number| number % 10 != 7),
        UnknownContacts::Refuse,
    );
    let key = world.drop_contacts("monday.csv", &contacts(500..2_000));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "ContactsNotAccepted", "{reason}");
    assert_eq!(published_sizes(&world), [1_000]);
}

#[tokio::test(start_paused = true)]
async fn refused_contacts_that_stand_together_are_singled_out_day_after_day() {
    for mode in ["replace", "append"] {
        let world = World::start().await;
        world.destination(&json!({"mode": mode}));
        know(&world, 100..5_000, UnknownContacts::Refuse);
        // Whoever comes after the first attempt has only the refused ones left to add.
        let publish = Fault::on("PublishSegmentDefinition").answer(400);
        world.sandbox.dataverse.fault(publish);
        let key = world.drop_contacts("monday.csv", &contacts(0..4_000));
        assert_eq!(failure_of(&world, &key).await.0, "PublishRefused");
        world.run(&key).await.assert_loaded().not_accepted(100);
        assert_eq!(world.published(), contacts(100..4_000), "{mode}");
        for (name, end) in [
            ("tuesday.csv", 4_000),
            ("wednesday.csv", 4_050),
            ("thursday.csv", 4_050),
        ] {
            world.sandbox.s3.clock().advance(Duration::from_hours(24));
            let run = world.load(name, &contacts(0..end)).await;
            run.assert_loaded().not_accepted(100);
            assert_eq!(world.published(), contacts(100..end), "{mode} {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn contacts_that_are_refused_together_beyond_the_limit_are_taken_out_by_an_approval() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(5_000..5_010));
    world.sandbox.dataverse.seed_segment(seed);
    know(&world, 1_700..2_000, UnknownContacts::Refuse);
    let key = world.drop_contacts("monday.csv", &contacts(0..2_000));
    let failed = world.load_directly(&key, &json!({})).await;
    failed.assert_failed().as_type("ContactsNotAccepted").says("at least");
    assert_eq!(failed["added"], json!(null), "{failed}");
    assert_eq!(world.published(), contacts(5_000..5_010));
    let draft = world.segment().members;
    assert!(
        contacts(5_000..5_010).iter().all(|id| draft.contains(id)),
        "nobody was removed"
    );
    let approved = world.load_directly(&key, &json!({"approve": failed.run_id()})).await;
    approved.assert_loaded().not_accepted(1_700);
    assert_eq!(world.published(), contacts(1_700..2_000));
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_takes_nobody_is_told_after_a_sample_whoever_approved_the_file() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(9_000..9_010));
    world.sandbox.dataverse.seed_segment(seed);
    know(&world, [], UnknownContacts::Refuse);
    let key = world.drop_contacts("monday.csv", &contacts(0..8_000));
    let run = world.load_directly(&key, &json!({})).await;
    for approval in [json!({}), json!({"approve": run.run_id()})] {
        world.sandbox.dataverse.clear_log();
        let run = world.load_directly(&key, &approval).await;
        run.assert_failed()
            .as_type("ContactsRefused")
            .says("none of 500 contacts from the whole of the result");
        let calls = world.sandbox.dataverse.count("AddStaticMembers");
        assert!(calls < 1_500, "{calls}");
        assert_eq!(world.published(), contacts(9_000..9_010));
    }
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_is_refused_since_the_first_call_was_carried_out_leaves_nobody_out() {
    let world = World::start().await;
    world.destination(&json!({"max_invalid_percent": 50}));
    world.sandbox.dataverse.modes(|modes| modes.repeats = Repeats::Refused);
    let lost = Fault::on("AddStaticMembers").commit_then_reset();
    world.sandbox.dataverse.fault(lost);
    let run = world.load("monday.csv", &contacts(0..3_000)).await;
    run.assert_loaded().not_accepted(0);
    assert_eq!(world.published(), contacts(0..3_000));
}

#[tokio::test(start_paused = true)]
async fn contacts_that_are_silently_dropped_are_reported_and_not_tried_for_ever() {
    let world = World::start().await;
    know(&world, 20..3_000, UnknownContacts::Ignore);
    let run = world.load("monday.csv", &contacts(0..3_000)).await;
    run.assert_loaded().not_accepted(20).warns("did not accept 20");
    assert_eq!(world.published(), contacts(20..3_000));
    assert!(world.sandbox.dataverse.count("AddStaticMembers") <= 5);
    assert_eq!(sweep(&world).await["runs"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_is_read_again_before_anything_is_written_again() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 2);
    let run = world.load("monday.csv", &contacts(500..3_500)).await;
    run.assert_loaded().not_accepted(0);
    assert_eq!(world.sandbox.dataverse.count("AddStaticMembers"), 3);
    assert_eq!(world.published(), contacts(500..3_500));
}

#[tokio::test(start_paused = true)]
async fn a_page_size_that_is_refused_and_pages_that_move_still_give_the_exact_audience() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..6_000)));
    dataverse.modes(|modes| modes.max_page_size = 700);
    dataverse.latency("ListGroupMembers", Duration::from_secs(1));
    let key = world.drop_contacts("monday.csv", &contacts(1_000..7_000));
    let (answer, ()) = tokio::join!(world.deliver(&key), async {
        // Halved three times; then two pages are read, and all that follow move up by 50 members.
        dataverse.arrived("ListGroupMembers", 6).await;
        edit_group(&world, |members| members.retain(|id| *id > contact(50).as_u128()));
    });
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(1_000..7_000));
}

#[tokio::test(start_paused = true)]
async fn deadlocks_slow_the_group_down_and_lose_nothing() {
    let world = World::start().await;
    let deadlock =
        "Transaction was deadlocked on lock resources with another process and has been chosen as the deadlock victim.";
    let fault = Fault::on("AddStaticMembers").nth(2).times(5).answer(500);
    world.sandbox.dataverse.fault(fault.error("0x80044151", deadlock));
    let run = world.load("monday.csv", &contacts(0..6_000)).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..6_000));
}

/// Changes the members of the only group past the Web API, as somebody in Dynamics would.
fn edit_group(world: &World, edit: impl FnOnce(&mut std::collections::BTreeSet<u128>)) {
    let id = world.segment().definition_id.unwrap();
    world.sandbox.dataverse.edit(|state: &mut State| {
        let definition = state.definitions.get_mut(&id).unwrap();
        edit(definition.members.values_mut().next().unwrap());
    });
}

#[tokio::test(start_paused = true)]
async fn members_that_somebody_edits_during_the_load_are_put_right() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..5_000)));
    dataverse.latency("AddStaticMembers", Duration::from_secs(1));
    let key = world.drop_contacts("monday.csv", &contacts(1_000..8_000));
    let (answer, ()) = tokio::join!(world.deliver(&key), async {
        dataverse.arrived("AddStaticMembers", 2).await;
        edit_group(&world, |members| {
            members.remove(&contact(2_000).as_u128());
            members.insert(contact(90_000).as_u128());
        });
    });
    Run::first(&answer).assert_loaded();
    assert_eq!(world.published(), contacts(1_000..8_000));
    assert_eq!(published_sizes(&world), [5_000, 7_000]);
}

#[tokio::test(start_paused = true)]
async fn members_that_somebody_changes_again_and_again_fail_the_load_and_publish_nothing() {
    let world = World::start().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.seed_segment(Seed::named(SEGMENT).group(contacts(0..1_000)));
    let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
    let somebody = async {
        for number in 1.. {
            dataverse
                .arrived("ListGroupMembers", usize::try_from(number).unwrap())
                .await;
            edit_group(&world, |members| members.extend([contact(90_000 + number).as_u128()]));
        }
    };
    let (kind, reason) = tokio::select! {
        failure = failure_of(&world, &key) => failure,
        () = somebody => unreachable!("somebody never ends"),
    };
    assert_eq!(kind, "MembersDiffer", "{reason}");
    assert_eq!(published_sizes(&world), [1_000]);
}
