//! Approvals that are given again, late, or for what was loaded in another way: an approval never is a direct load.

use crate::failures::{A_LEASE, kill_at, sweep};
use crate::late::load_as;
use crate::run::Run;
use crate::world::{World, contacts, csv};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A segment of 0 to 9, and a file with an unusable row that was refused by its event; its command as it was printed.
async fn refused(mode: &str, people: &[Uuid]) -> (World, Value) {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    world.destination(&json!({"mode": mode, "max_invalid_percent": 0}));
    let key = world.drop_file("half.csv", [csv(people), b"no id\n".to_vec()].concat());
    let run = world.run(&key).await;
    run.assert_refused();
    let command = command(&run);
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    (world, command)
}

fn command(refused: &Run) -> Value {
    let reason = refused["reason"].as_str().unwrap();
    serde_json::from_str(&reason[reason.find('{').unwrap()..]).unwrap()
}

async fn give(world: &World, command: &Value) -> Run {
    Run::first(&world.invoke(command.clone()).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_is_given_again_changes_nothing_however_often() {
    for (mode, people, newer, of_newer) in [
        ("append", contacts([20, 21]), "remove", contacts([5, 21])),
        ("remove", contacts([1, 2]), "append", contacts([2, 30])),
        ("replace", contacts(0..12), "remove", contacts([3])),
    ] {
        for is_before in [true, false] {
            let (world, approval) = refused(mode, &people).await;
            if is_before {
                load_as(&world, newer, "newer.csv", &of_newer).await;
            }
            give(&world, &approval).await.assert_loaded();
            if !is_before {
                load_as(&world, newer, "newer.csv", &of_newer).await;
            }
            let before = world.published();
            for _ in 0..2 {
                let again = give(&world, &approval).await;
                again
                    .assert_unchanged()
                    .says("this version was loaded before")
                    .says("without `approve`");
                assert_eq!(world.published(), before, "{mode}: {again}");
            }
            world
                .load_directly(
                    "incoming/Summer Sale/half.csv",
                    &json!({"mode": mode, "approve": approval["approve"], "dry_run": true}),
                )
                .await;
            assert_eq!(world.published(), before);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_what_was_loaded_in_another_way_meanwhile_changes_nothing() {
    let (world, approval) = refused("append", &contacts([20, 21])).await;
    let key = "incoming/Summer Sale/half.csv";
    world.destination(&json!({"mode": "append", "max_invalid_percent": 50}));
    world.load_directly(key, &json!({})).await.assert_loaded();
    load_as(&world, "remove", "newer.csv", &contacts([21])).await;
    let before = world.published();
    give(&world, &approval).await.assert_unchanged();
    assert_eq!(world.published(), before);
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_what_a_newer_result_has_overtaken_says_so_and_loads_nothing() {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    let key = world.drop_contacts("older.csv", &contacts(0..12));
    let dry_run = world.load_directly(&key, &json!({"dry_run": true})).await;
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    world.load("newer.csv", &contacts(0..9)).await.assert_loaded();
    let approved = world.load_directly(&key, &json!({"approve": dry_run.run_id()})).await;
    approved.assert_outcome("superseded").says("without `approve`");
    assert_eq!(world.published(), contacts(0..9));
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_a_refused_direct_load_stands_where_that_was_asked_for() {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    world.destination(&json!({"mode": "replace", "max_invalid_percent": 0}));
    let key = world.drop_file("half.csv", [csv(&contacts(0..12)), b"no id\n".to_vec()].concat());
    let approval = command(world.load_directly(&key, &json!({})).await.assert_refused());
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    let expected = [contacts(0..2), contacts(3..12)].concat();
    for outcome in ["loaded", "unchanged"] {
        give(&world, &approval).await.assert_outcome(outcome);
        assert_eq!(world.published(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_what_dynamics_did_not_accept_stands_where_its_event_stood() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..10)).await;
    let known = contacts((0..10).chain(20..22));
    world.sandbox.dataverse.set_known_contacts(known);
    let key = world.drop_contacts("added.csv", &contacts(20..24));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    assert_eq!(
        world.invoke(event).await.unwrap_err().error_type(),
        "ContactsNotAccepted"
    );
    let run_id = world.head()["pending"][0]["run_id"].clone();
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    load_as(&world, "remove", "unsubscribed.csv", &contacts([5, 21])).await;
    for outcome in ["loaded", "unchanged"] {
        let approval = json!({"mode": "append", "approve": run_id});
        world.load_directly(&key, &approval).await.assert_outcome(outcome);
        assert_eq!(
            world.published(),
            [contacts(0..5), contacts(6..10), contacts([20])].concat()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_event_of_the_complete_result_in_force_is_known_though_it_was_loaded_directly_and_others_followed() {
    for (mode, people) in [
        ("remove", contacts([2])),
        ("append", contacts([30])),
        ("remove", contacts([99])),
    ] {
        let world = World::start().await;
        let key = world.drop_contacts("a.csv", &contacts(0..10));
        world.run(&key).await.assert_loaded();
        world.sandbox.s3.clock().advance(Duration::from_secs(1));
        world.load("b.csv", &contacts(0..9)).await.assert_loaded();
        world.load_directly(&key, &json!({})).await.assert_loaded();
        world.destination(&json!({"mode": mode}));
        world.load("c.csv", &people).await;
        world.destination(&json!({"mode": "replace"}));
        let before = world.published();
        world
            .run(&key)
            .await
            .assert_unchanged()
            .says("this version was loaded before");
        assert_eq!(world.published(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_waits_for_another_run_is_not_told_as_refused() {
    for mode in ["append", "replace"] {
        let (world, approval) = refused(mode, &contacts(0..12)).await;
        world.destination(&json!({"mode": "append"}));
        let other = world.drop_contacts("other.csv", &contacts([30]));
        kill_at(
            &world,
            world.sandbox.s3.notification(BUCKET, &other),
            "AddStaticMembers",
            2,
        )
        .await;
        give(&world, &approval).await.assert_busy();
        world.destination(&json!({"mode": mode}));
        let again = world.run("incoming/Summer Sale/half.csv").await;
        again.assert_busy();
        world.sandbox.s3.clock().advance(A_LEASE);
        give(&world, &approval).await.assert_loaded();
        assert_eq!(world.published(), [contacts(0..12), contacts([30])].concat(), "{mode}");
    }
}

/// The newer result gives way to the approved one, and with it what it had decided of those who have opted out.
#[tokio::test(start_paused = true)]
async fn who_was_removed_between_an_approved_result_and_the_newer_one_that_gives_way_is_out_once_that_is_heard() {
    let (world, approval) = refused("replace", &contacts(0..12)).await;
    let opted_out = world.drop_contacts("opted-out.csv", &contacts([3]));
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    load_as(&world, "replace", "newer.csv", &contacts(0..9)).await;
    give(&world, &approval).await.assert_loaded();
    assert_eq!(world.published(), contacts(0..12));
    world.destination(&json!({"mode": "remove"}));
    world.run(&opted_out).await.assert_loaded().removed(1);
    let expected: Vec<_> = contacts(0..12)
        .into_iter()
        .filter(|id| *id != contacts([3])[0])
        .collect();
    assert_eq!(world.published(), expected);
    world.run("incoming/Summer Sale/newer.csv").await.assert_unchanged();
    assert_eq!(world.published(), expected, "it gave way, and is no removal");
}

/// Hears of a removal that is not carried out, and loads a newer complete result, by which it is overtaken.
async fn overtake_a_removal(world: &World, how: &str) {
    let opted_out = world.drop_contacts("opted-out.csv", &contacts([1]));
    let directly = json!({"action": "load", "key": opted_out, "mode": "remove"});
    let event = world.sandbox.s3.notification(BUCKET, &opted_out);
    let forbidden = Fault::on("RemoveStaticMembers").answer(403).error("0x80040220", "no");
    match how {
        "fails directly" => {
            world.sandbox.dataverse.fault(forbidden.always());
            Run::first(&world.invoke(directly).await.unwrap()).assert_failed();
        }
        "fails by its event" => {
            world.destination(&json!({"mode": "remove"}));
            world.sandbox.dataverse.fault(forbidden.always());
            world.invoke(event.clone()).await.unwrap_err();
        }
        "waits for the segment" => {
            world.destination(&json!({"mode": "remove", "when_in_use": "refuse"}));
            world.sandbox.dataverse.set_users(world.segment().id, 1, &[]);
            Run::first(&world.invoke(event.clone()).await.unwrap()).assert_refused();
            world.sandbox.dataverse.set_users(world.segment().id, 0, &[]);
        }
        _ => {}
    }
    world.sandbox.dataverse.clear_faults();
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    world.destination(&json!({"mode": "replace", "when_in_use": "load"}));
    world.load("newer.csv", &contacts([1, 2, 4])).await.assert_loaded();
    world.destination(&json!({"mode": "remove"}));
    match how {
        "is superseded" => {
            Run::first(&world.invoke(event).await.unwrap()).assert_superseded();
        }
        "is found by a sweep" | "waits for the segment" => {
            sweep(world).await;
        }
        _ => {}
    }
    world.destination(&json!({"mode": "replace"}));
}

/// Nobody who has opted out is published again since somebody approves something older.
#[tokio::test(start_paused = true)]
async fn no_approval_of_an_older_complete_result_undoes_a_removal_that_was_heard_of_and_overtaken() {
    for how in [
        "fails directly",
        "fails by its event",
        "waits for the segment",
        "is superseded",
        "is found by a sweep",
    ] {
        let (world, approval) = refused("replace", &contacts([1, 4])).await;
        overtake_a_removal(&world, how).await;
        for is_dry_run in [true, false] {
            let mut approval = approval.clone();
            approval["dry_run"] = is_dry_run.into();
            let run = give(&world, &approval).await;
            run.assert_refused()
                .says("overtaken additions or removals that are newer")
                .says("load it directly");
            assert_eq!(world.published(), contacts([1, 2, 4]), "{how}");
        }
        world.destination(&json!({"max_invalid_percent": 50}));
        let key = "incoming/Summer Sale/half.csv";
        world.load_directly(key, &json!({})).await.assert_loaded();
        assert_eq!(world.published(), contacts([1, 4]), "{how}");
        world.destination(&json!({"mode": "remove"}));
        world
            .run("incoming/Summer Sale/opted-out.csv")
            .await
            .assert_superseded();
    }
}

/// What came between the two was overtaken or not heard of, so that nobody can tell who would be brought back, or taken out.
#[tokio::test(start_paused = true)]
async fn no_approval_adds_or_removes_people_below_a_newer_complete_result_that_has_overtaken_what_came_between() {
    for (mode, other, is_direct, is_heard_before) in [
        ("append", "remove", false, false),
        ("append", "remove", false, true),
        ("append", "remove", true, false),
        ("remove", "append", false, false),
        ("remove", "append", false, true),
        ("remove", "append", true, true),
    ] {
        let (world, mut approval) = refused(mode, &contacts([4, 20])).await;
        let key = "incoming/Summer Sale/half.csv";
        if is_direct {
            let directly = world.load_directly(key, &json!({"mode": mode})).await;
            approval = command(directly.assert_refused());
        }
        let between = world.drop_contacts("between.csv", &contacts([4]));
        world.sandbox.s3.clock().advance(Duration::from_secs(1));
        let newer = if mode == "append" {
            contacts(5..9)
        } else {
            contacts(4..9)
        };
        load_as(&world, "replace", "newer.csv", &newer).await;
        world.destination(&json!({"mode": other}));
        if is_heard_before {
            world.run(&between).await.assert_superseded();
        }
        let again = give(&world, &approval).await;
        again.assert_refused().says("load it directly");
        world.run(&between).await.assert_superseded();
        assert_eq!(world.published(), newer, "{mode} {is_direct} {is_heard_before}");
        world.destination(&json!({"mode": mode, "max_invalid_percent": 50}));
        world.load_directly(key, &json!({})).await.assert_loaded();
        let expected = if mode == "append" {
            [contacts(4..9), contacts([20])].concat()
        } else {
            contacts(5..9)
        };
        assert_eq!(world.published(), expected);
    }
}
