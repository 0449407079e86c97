//! Which of the accepted shapes an event has.

use super::Error;
use serde_json::Value;

/// What S3 tells `EventBridge` besides new objects (Amazon S3, "Using EventBridge"): of these nothing new can be read, since a
/// result that is restored, tagged or moved was told of when it was created.
const NOTHING_CREATED: [&str; 9] = [
    "Object Deleted",
    "Object Restore Initiated",
    "Object Restore Completed",
    "Object Restore Expired",
    "Object Storage Class Changed",
    "Object Access Tier Changed",
    "Object ACL Updated",
    "Object Tags Added",
    "Object Tags Deleted",
];

/// The shape of an event, told by its discriminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A direct command.
    Command,
    /// An S3 notification.
    S3Notification,
    /// An S3 event in `EventBridge`'s envelope.
    ObjectCreated,
    /// An SQS batch.
    SqsBatch,
    /// The clock of an `EventBridge` rule or of Scheduler.
    Tick,
    /// Something that S3 tells which is no new object: its test event, a deletion.
    NothingCreated,
}

impl Shape {
    /// Tells the shape, or says which shapes would be accepted.
    pub(super) fn of(event: &Value) -> Result<Self, Error> {
        if event.get("action").is_some() {
            return Ok(Self::Command);
        }
        if event["Event"] == "s3:TestEvent" {
            return Ok(Self::NothingCreated);
        }
        let first = &event["Records"][0];
        match (first["eventSource"].as_str(), first["EventSource"].as_str()) {
            (Some("aws:s3"), _) => return Ok(Self::S3Notification),
            (Some("aws:sqs"), _) => return Ok(Self::SqsBatch),
            (_, Some("aws:sns")) => return Err(Error::WrappedBySns),
            _ if event["Type"] == "Notification" && event["TopicArn"].is_string() => return Err(Error::WrappedBySns),
            _ => {}
        }
        match (event["source"].as_str(), event["detail-type"].as_str()) {
            (Some("aws.s3"), Some("Object Created")) => Ok(Self::ObjectCreated),
            (Some("aws.s3"), Some(detail_type)) if NOTHING_CREATED.contains(&detail_type) => Ok(Self::NothingCreated),
            (Some("aws.events" | "aws.scheduler"), Some("Scheduled Event")) => Ok(Self::Tick),
            _ => Err(Error::unknown(event)),
        }
    }
}
