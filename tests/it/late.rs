//! Results that come late, after newer additions and removals were counted: the newest file that says anything of a contact
//! decides.

use crate::failures::deliver_to;
use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, World, contacts, csv};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A segment of 0 to 9; a file that says something else is dropped, and nobody hears of it yet.
async fn world(mode: &str, late: &[Uuid]) -> (World, String) {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    world.destination(&json!({"mode": mode}));
    let key = world.drop_contacts("late.csv", late);
    (world, key)
}

/// Loads a file in a mode of its own, by its event.
pub(crate) async fn load_as(world: &World, mode: &str, name: &str, people: &[Uuid]) {
    world.destination(&json!({"mode": mode}));
    world.load(name, people).await.assert_loaded();
}

async fn deliver_as(world: &World, mode: &str, key: &str) -> Run {
    world.destination(&json!({"mode": mode}));
    world.run(key).await
}

/// Returns whether a contact was published again at any time after it was once gone.
fn comes_back(world: &World, contact: Uuid) -> bool {
    let history = world.segment().history;
    let is_in: Vec<_> = history
        .iter()
        .map(|(_, audience)| audience.contains(&contact.as_u128()))
        .collect();
    is_in.windows(2).any(|pair| pair == [false, true])
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_that_comes_late_brings_nobody_back_who_was_removed_since() {
    let (world, key) = world("replace", &contacts(0..12)).await;
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    let run = deliver_as(&world, "replace", &key).await;
    run.assert_loaded().warns("goes over it");
    assert_eq!(world.published(), [contacts(0..2), contacts(3..12)].concat());
    assert!(!comes_back(&world, contacts([2])[0]));
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_that_a_sweep_finds_late_goes_under_all_that_was_counted_since_in_order() {
    let (world, _) = world("replace", &[]).await;
    world
        .sandbox
        .s3
        .put(BUCKET, "full/Summer Sale/late.csv", csv(&contacts(0..12)));
    world.sandbox.s3.clock().advance(Duration::from_secs(1));
    load_as(&world, "remove", "a.csv", &contacts([1, 2])).await;
    load_as(&world, "append", "b.csv", &contacts([2, 20])).await;
    load_as(&world, "remove", "c.csv", &contacts([3])).await;
    world.destination(&json!({"mode": "replace"}));
    let of_complete_results = World::app(&world.sandbox, &[("RESULTS_PREFIX", "full/")]);
    let expected = [contacts([0, 2]), contacts(4..12), contacts([20])].concat();
    let swept = of_complete_results.handle(json!({"action": "sweep"}), FIFTEEN_MINUTES);
    let swept = Box::pin(swept).await.unwrap();
    Run::first(&swept).assert_loaded();
    assert_eq!(world.published(), expected);
    let event = world.sandbox.s3.notification(BUCKET, "full/Summer Sale/late.csv");
    let again = deliver_to(&of_complete_results, event).await;
    again.assert_unchanged();
    assert_eq!(world.published(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_addition_that_comes_late_brings_nobody_back_who_was_removed_since() {
    let (world, key) = world("append", &contacts([2, 20])).await;
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    let run = deliver_as(&world, "append", &key).await;
    run.assert_loaded().added(1);
    assert_eq!(
        world.published(),
        [contacts(0..2), contacts(3..10), contacts([20])].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_comes_late_takes_nobody_out_who_was_added_since() {
    let (world, key) = world("remove", &contacts([2, 20])).await;
    load_as(&world, "append", "subscribed.csv", &contacts([20])).await;
    deliver_as(&world, "remove", &key).await;
    assert_eq!(
        world.published(),
        [contacts(0..2), contacts(3..10), contacts([20])].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn a_direct_load_of_an_older_complete_result_is_that_result_and_says_what_it_undoes() {
    let (world, key) = world("replace", &contacts(0..12)).await;
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    world.destination(&json!({"mode": "replace"}));
    for fields in [json!({"dry_run": true}), json!({})] {
        let run = world.load_directly(&key, &fields).await;
        run.warns("stands above").added(3);
    }
    assert_eq!(world.published(), contacts(0..12));
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_without_anybody_is_refused_whoever_was_added_since() {
    let (world, key) = world("replace", &[]).await;
    load_as(&world, "append", "subscribed.csv", &contacts([20])).await;
    let before = world.published();
    let run = deliver_as(&world, "replace", &key).await;
    run.assert_refused().says("which would leave 1 contacts in the segment");
    assert_eq!(world.published(), before);
}

#[tokio::test(start_paused = true)]
async fn an_approval_takes_no_place_from_a_removal_that_is_newer_than_its_file() {
    for is_late in [false, true] {
        let (world, _) = world("replace", &[]).await;
        world.destination(&json!({"mode": "replace", "max_invalid_percent": 0}));
        let key = world.drop_file("half.csv", [csv(&contacts(0..12)), b"no id\n".to_vec()].concat());
        let refused = world.run(&key).await;
        let unsubscribed = world.drop_contacts("unsubscribed.csv", &contacts([2]));
        world.sandbox.s3.clock().advance(Duration::from_secs(1));
        let unreadable = Fault::on("GetObject").path("unsubscribed");
        if !is_late {
            // It waits after a failure of its own.
            world
                .sandbox
                .s3
                .fault(unreadable.always().answer(403).code("AccessDenied"));
            world.destination(&json!({"mode": "remove"}));
            let event = world.sandbox.s3.notification(BUCKET, &unsubscribed);
            world.invoke(event).await.unwrap_err();
            world.sandbox.s3.clear_faults();
        }
        load_as(&world, "append", "subscribed.csv", &contacts([20])).await;
        world.destination(&json!({"mode": "replace"}));
        world
            .load_directly(&key, &json!({"approve": refused.run_id()}))
            .await
            .assert_loaded();
        deliver_as(&world, "remove", &unsubscribed).await.assert_loaded();
        let expected = [contacts(0..2), contacts(3..12), contacts([20])].concat();
        assert_eq!(world.published(), expected, "late: {is_late}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_result_goes_in_where_its_event_stood() {
    let (world, _) = world("replace", &contacts(0..12)).await;
    world.destination(&json!({"mode": "replace", "max_growth_percent": 10, "max_invalid_percent": 0}));
    let key = world.drop_file("half.csv", [csv(&contacts(0..12)), b"no id\n".to_vec()].concat());
    let refused = world.run(&key).await;
    refused.assert_refused();
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    world.destination(&json!({"mode": "replace"}));
    let approved = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    approved.assert_loaded();
    assert_eq!(world.published(), [contacts(0..2), contacts(3..12)].concat());
}

#[tokio::test(start_paused = true)]
async fn where_what_is_newer_cannot_be_read_again_the_late_result_is_refused() {
    let (world, key) = world("replace", &contacts(0..12)).await;
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    let before = world.published();
    world.sandbox.s3.delete(BUCKET, "incoming/Summer Sale/unsubscribed.csv");
    let run = deliver_as(&world, "replace", &key).await;
    run.assert_loaded(); // The bucket has its version.
    assert_ne!(world.published(), before);

    let world = World::in_sandbox(Sandbox::builder().unversioned().start().await, &[]);
    world.load("base.csv", &contacts(0..10)).await;
    let key = world.drop_contacts("late.csv", &contacts(0..12));
    load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
    let before = world.published();
    world.sandbox.s3.delete(BUCKET, "incoming/Summer Sale/unsubscribed.csv");
    let run = deliver_as(&world, "replace", &key).await;
    run.assert_refused().says("unsubscribed.csv").says("load it directly");
    assert_eq!(world.published(), before);
    let direct = world.load_directly(&key, &json!({})).await;
    direct.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_late_result_whose_contacts_were_all_removed_since_is_not_told_as_one_that_holds_nobody() {
    let (world, key) = world("replace", &contacts(0..3)).await;
    load_as(&world, "remove", "unsubscribed.csv", &contacts(0..3)).await;
    let before = world.published();
    let run = deliver_as(&world, "replace", &key).await;
    run.assert_refused()
        .contacts(3)
        .says("the 3 contacts of the result were all taken out again by newer removals (s3://")
        .says("unsubscribed.csv), which would empty the segment");
    assert_eq!(world.published(), before);
}

/// Takes from the head what earlier versions did not keep of what they counted.
fn forget_how(world: &World, change: impl Fn(&mut Value)) {
    let keys = world.sandbox.s3.keys(BUCKET, "_state/segments/");
    for key in keys {
        let mut head = world.sandbox.s3.get_json(BUCKET, &key).unwrap();
        let counted = head["counted"].as_array_mut().unwrap();
        for counted in counted {
            let counted = counted.as_object_mut().unwrap();
            counted.retain(|field, _| field == "order" || field == "run_id");
            change(counted.get_mut("run_id").unwrap());
        }
        world.sandbox.s3.put(BUCKET, &key, serde_json::to_vec(&head).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_counted_is_known_by_its_name_or_keeps_the_late_result_out() {
    for is_known in [true, false] {
        let (world, key) = world("replace", &contacts(0..12)).await;
        load_as(&world, "remove", "unsubscribed.csv", &contacts([2])).await;
        forget_how(&world, |run_id| {
            if !is_known {
                *run_id = json!("0123456789abcdef");
            }
        });
        let run = deliver_as(&world, "replace", &key).await;
        let outcome = if is_known { "loaded" } else { "refused" };
        run.assert_outcome(outcome);
        assert!(!world.published().contains(&contacts([2])[0]), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_from_a_segment_that_does_not_exist_says_that_nobody_was_removed() {
    let world = World::start().await;
    world.load("base.csv", &contacts(0..10)).await;
    world.destination(&json!({"mode": "remove"}));
    let key = "incoming/Sumer Sale/unsubscribed.csv";
    world.sandbox.s3.put(BUCKET, key, csv(&contacts([2])));
    for run in [
        world.load_directly(key, &json!({"dry_run": true})).await,
        world.run(key).await,
    ] {
        run.warns("there is no segment of exactly the name \"Sumer Sale\"");
    }
    assert!(world.sandbox.dataverse.segments("Sumer Sale").is_empty());
    world
        .load("unsubscribed.csv", &contacts([2]))
        .await
        .assert_loaded()
        .warns_of_nothing();
}
