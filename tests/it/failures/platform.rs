//! Receipts that cannot be written, and what the template of the stack promises.

use crate::template::resource;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_written_is_a_warning_and_the_load_stands() {
    for (fault, reason) in [
        (
            Fault::on("PutObject").answer(403).code("AccessDenied"),
            "allow the function's role s3:PutObject on it",
        ),
        (
            Fault::on("PutObject").answer(500),
            "could not be written: status 500 without a reason",
        ),
        (
            Fault::on("PutObject").delay(Duration::from_hours(1)),
            "could not be written: no answer in time",
        ),
    ] {
        let world = World::start().await;
        world.sandbox.s3.fault(fault.path("_state/receipts/").always());
        let run = world.load("monday.csv", &contacts(0..100)).await;
        run.assert_loaded();
        assert!(run["receipt"].is_null(), "{run}");
        let warnings = run.warnings();
        assert!(warnings.contains("receipt") && warnings.contains(reason), "{run}");
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_our_own_objects_start_nothing() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let own = world.sandbox.s3.keys(BUCKET, "_state/");
    assert!(own.len() >= 2);
    world.sandbox.dataverse.clear_log();
    for key in own {
        assert_eq!(world.deliver(&key).await["runs"], serde_json::json!([]), "{key}");
    }
    assert_eq!(world.sandbox.dataverse.requests().len(), 0);
}

#[test]
fn failed_events_go_to_a_queue_and_a_failed_delivery_there_raises_an_alarm() {
    let function = resource("Function");
    assert!(function.contains("OnFailure:") && function.contains("!GetAtt FailureQueue.Arn"));
    assert!(
        !function.contains("DeadLetterQueue:"),
        "it would report every failed event twice"
    );
    assert!(resource("FunctionRole").contains("Action: sqs:SendMessage"));
    assert!(resource("UnreportedFailuresAlarm").contains("MetricName: DestinationDeliveryFailures"));
}

#[test]
fn the_failure_queue_is_encrypted_with_a_key_that_every_sender_can_use() {
    let queue = resource("FailureQueue");
    assert!(queue.contains("SqsManagedSseEnabled: !If [HasQueueKey, !Ref AWS::NoValue, true]"));
    assert!(queue.contains("KmsMasterKeyId: !If [HasQueueKey, !Ref QueueKeyArn, !Ref AWS::NoValue]"));
    assert!(resource("ResultRule").contains("Arn: !GetAtt FailureQueue.Arn"));
}

#[test]
fn the_template_listens_under_the_results_prefix_and_lets_the_function_write_its_state_only() {
    let bucket = resource("Bucket");
    let notification = bucket.split("NotificationConfiguration:").nth(1).unwrap();
    assert!(notification.contains("prefix") && notification.contains("!Ref ResultsPrefix"));
    let role = resource("FunctionRole");
    let write = role.split("Sid: WriteStateOnly").nth(1).unwrap();
    let resources = write.split("- Sid:").next().unwrap();
    assert!(
        resources.contains("/_state/*") && resources.matches("Resource:").count() == 1,
        "{resources}"
    );
    assert!(resource("ResultRule").contains("prefix: !Ref ResultsPrefix"));
    assert!(resource("Function").contains("RecursiveLoop: Terminate"));
}
