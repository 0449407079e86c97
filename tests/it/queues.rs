//! No file waits for another one of its segment that fails for a reason of its own.

use crate::failures::{deliver_to, outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

async fn deliver(world: &World, key: &str) -> Result<Value, segment_loader::Error> {
    world.invoke(world.sandbox.s3.notification(BUCKET, key)).await
}

#[tokio::test(start_paused = true)]
async fn a_file_to_append_that_dynamics_does_not_accept_steps_aside_and_its_approval_is_reached() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..1_000)).await;
    let known = contacts(0..1_000).into_iter().chain(contacts(5_000..6_000));
    world.sandbox.dataverse.set_known_contacts(known);
    // Half of them are unknown: the others come into the draft before that is seen.
    let bad = contacts((2_000..2_100).chain(5_900..6_000));
    let key = world.drop_contacts("bad.csv", &bad);
    assert_eq!(
        deliver(&world, &key).await.unwrap_err().error_type(),
        "ContactsNotAccepted"
    );
    assert_eq!(
        world.segment().members,
        contacts(0..1_000),
        "its own change is taken out again"
    );
    let run_id = world.head()["pending"][0]["run_id"].clone();
    for (name, range) in [("one.csv", 5_000..5_010), ("two.csv", 5_010..5_020)] {
        let run = world.load(name, &contacts(range)).await;
        run.assert_loaded();
    }
    assert_eq!(world.published(), contacts((0..1_000).chain(5_000..5_020)));
    let mut attention = false;
    for _ in 0..5 {
        world.sandbox.s3.clock().advance(Duration::from_hours(25));
        let swept = sweep(&world).await;
        assert_eq!(outcomes(&swept), ["failed"], "{swept}");
        attention |= swept["runs"][0]["needs_attention"] == true;
    }
    assert!(attention, "{}", world.head());
    assert_eq!(world.published(), contacts((0..1_000).chain(5_000..5_020)));
    let fields = json!({"mode": "append", "approve": run_id});
    let approved = world.load_directly(&key, &fields).await;
    approved.assert_loaded();
    assert_eq!(approved["approved"], json!(true), "{approved}");
    assert_eq!(
        world.published(),
        contacts((0..1_000).chain(5_000..5_020).chain(5_900..6_000))
    );
    assert_eq!(world.head()["pending"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_unsubscribed_waits_for_a_file_that_cannot_be_read() {
    for code in [(403, "InvalidObjectState"), (403, "AccessDenied")] {
        let world = World::start().await;
        world.destination(&json!({"mode": "remove"}));
        let everybody = Seed::named(SEGMENT).group(contacts(0..1_000));
        world.sandbox.dataverse.seed_segment(everybody);
        let key = world.drop_contacts("archived.csv", &contacts(0..10));
        let fault = Fault::on("GetObject").path("archived").always();
        world.sandbox.s3.fault(fault.answer(code.0).code(code.1));
        deliver(&world, &key).await.unwrap_err();
        let later = world.load("later.csv", &contacts(100..101)).await;
        assert_eq!(later.outcome(), "loaded", "{code:?}: {later}");
        assert_eq!(world.published(), contacts((0..100).chain(101..1_000)), "{code:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_file_waits_where_the_segment_and_not_the_file_fails() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..100)).await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let monday = world.drop_contacts("monday.csv", &contacts(100..110));
    deliver(&world, &monday).await.unwrap_err();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(110..120));
    let answer = deliver(&world, &tuesday).await.unwrap();
    assert_eq!(
        outcomes(&answer),
        ["loaded", "loaded"],
        "the half-written one first: {answer}"
    );
    assert_eq!(world.published(), contacts(0..120));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_unsubscribed_waits_for_a_complete_result_that_fails_by_itself() {
    let world = World::start().await;
    world.destination(&json!({"mode": "remove"}));
    let everybody = Seed::named(SEGMENT).group(contacts(0..100));
    world.sandbox.dataverse.seed_segment(everybody);
    let key = world.drop_contacts("complete.csv", &contacts(10..150));
    let fault = Fault::on("GetObject").path("complete").times(2);
    world.sandbox.s3.fault(fault.answer(403).code("AccessDenied"));
    let run = world.load_directly(&key, &json!({"mode": "replace"})).await;
    run.as_type("SourceForbidden");
    for (name, person) in [("monday.csv", 50), ("tuesday.csv", 51)] {
        let run = world.load(name, &contacts([person])).await;
        run.assert_loaded();
    }
    assert_eq!(world.published(), contacts((0..50).chain(52..100)));

    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    assert_eq!(outcomes(&sweep(&world).await), ["failed"]);
    world.sandbox.s3.clock().advance(Duration::from_mins(31));
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["loaded"], "{swept}");
    assert_eq!(world.published(), contacts((10..50).chain(52..150)), "they stay out");
    assert_eq!(world.head()["pending"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn an_order_for_a_file_to_append_takes_the_place_of_its_event() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..100)).await;
    world.sandbox.dataverse.deny("AddStaticMembers");
    let key = world.drop_contacts("monday.csv", &contacts(100..110));
    deliver(&world, &key).await.unwrap_err();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());
    let ordered = world.load_directly(&key, &json!({"mode": "append"})).await;
    ordered.assert_loaded();
    assert_eq!(world.head()["pending"], json!([]), "nothing is left of the event");
    assert_eq!(world.published(), contacts(0..110));
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_file_another_worker_has_finished_is_not_told_of_a_worker() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let other = World::app(&world.sandbox, &[]);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    // The first worker stands still between enqueuing and taking the segment; the other one does it all meanwhile.
    let slow = Fault::on("PutObject")
        .path("_state/segments")
        .delay(Duration::from_secs(4));
    world.sandbox.s3.fault(slow);
    let (mine, others) = tokio::join!(world.invoke(event.clone()), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        deliver_to(&other, event.clone()).await
    });
    let mine = Run::first(&mine.unwrap());
    for run in [&mine, &others] {
        let outcome = run.outcome();
        assert!(matches!(outcome, "loaded" | "unchanged"), "{mine} {others}");
    }
    assert_eq!(world.published(), contacts(0..100));
}
