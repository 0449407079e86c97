//! What is said of a result that its event's run did not come to: `busy` only where somebody else is at work.

use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault};
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn whoever_cannot_give_the_segment_back_takes_himself_for_nobody_else_at_work() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..100)).await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let monday = world.drop_contacts("monday.csv", &contacts(100..110));
    let event = world.sandbox.s3.notification(BUCKET, &monday);
    world.invoke(event).await.unwrap_err();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());

    // Tuesday's run takes its file up and the segment, and can write nothing more about what Monday's has left.
    let refused = Fault::on("PutObject").path("head.json").nth(3).always();
    world.sandbox.s3.fault(refused.answer(403).code("AccessDenied"));
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(110..120));
    let event = world.sandbox.s3.notification(BUCKET, &tuesday);
    let run = Run::of_event(world.invoke(event.clone()).await);
    run.assert_outcome("failed")
        .says("an earlier result goes first and failed");
    assert!(world.head()["lease"]["owner"].is_string(), "{}", world.head());

    world.sandbox.s3.clear_faults();
    world.sandbox.s3.clock().advance(Duration::from_mins(20));
    let run = Run::of_event(world.invoke(event).await);
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..120));
}

#[tokio::test(start_paused = true)]
async fn where_an_earlier_result_loses_the_segment_to_somebody_who_leaves_it_the_later_one_fails_and_is_no_success() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("base.csv", &contacts(0..100)).await;
    world.sandbox.dataverse.deny("PublishSegmentDefinition");
    let monday = world.drop_contacts("monday.csv", &contacts(100..110));
    let event = world.sandbox.s3.notification(BUCKET, &monday);
    world.invoke(event).await.unwrap_err();
    world.sandbox.dataverse.modes(|modes| modes.denied.clear());

    world
        .sandbox
        .dataverse
        .fault(Fault::on("PublishSegmentDefinition").late_answer(Duration::from_secs(5)));
    world.sandbox.dataverse.clear_log();
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(110..120));
    let event = world.sandbox.s3.notification(BUCKET, &tuesday);
    let take_away = async {
        world.sandbox.dataverse.arrived("PublishSegmentDefinition", 1).await;
        let mut head = world.head();
        head["lease"] = json!(null);
        let key = &world.sandbox.s3.keys(BUCKET, "_state/segments/")[0];
        world.sandbox.s3.put(BUCKET, key, head.to_string());
    };
    let (answered, ()) = tokio::join!(world.invoke(event), take_away);
    let run = Run::of_event(answered);
    run.assert_outcome("failed")
        .says("an earlier result goes first and was not finished");
}

#[tokio::test(start_paused = true)]
async fn a_replace_that_was_loaded_is_loaded_still_when_its_event_comes_again_after_an_addition() {
    let world = World::start().await;
    let monday = world.drop_contacts("monday.csv", &contacts(0..100));
    world.run(&monday).await.assert_loaded();
    world.destination(&json!({"mode": "append"}));
    world.sandbox.s3.clock().advance(Duration::from_secs(5));
    world.load("tuesday.csv", &contacts(100..110)).await.assert_loaded();
    world.destination(&json!({"mode": "replace"}));
    let again = world.run(&monday).await;
    again.assert_outcome("unchanged");
    assert_eq!(world.published(), contacts(0..110));
}
