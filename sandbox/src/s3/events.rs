//! The events that S3 sends about an object, in their real shapes.

use super::S3;
use super::store::{Object, Version};
use crate::{ACCOUNT, REGION};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

impl S3 {
    /// Builds the S3 notification about the newest version of an object; its key is form-encoded.
    pub fn notification(&self, bucket: &str, key: &str) -> Value {
        let (version, object) = self.newest(bucket, key);
        let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
        // The real encoding leaves slashes as they are.
        let encoded = encoded.replace("%2F", "/");
        let mut described = json!({
            "key": encoded, "size": object.bytes.len(), "eTag": object.etag, "sequencer": sequencer(version.modified),
        });
        if let Some(id) = &version.id {
            described["versionId"] = json!(id);
        }
        json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventTime": timestamp(version.modified),
            "eventName": "ObjectCreated:Put", "userIdentity": {"principalId": format!("AWS:{ACCOUNT}")},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "SANDBOX00REQUEST", "x-amz-id-2": "sandbox"},
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "segment-loader",
                "bucket": {
                    "name": bucket, "ownerIdentity": {"principalId": ACCOUNT}, "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": described,
            },
        }]})
    }

    /// Builds the `EventBridge` event about the newest version of an object; its key is raw.
    pub fn event_bridge(&self, bucket: &str, key: &str) -> Value {
        let (version, object) = self.newest(bucket, key);
        let mut described = json!({
            "key": key, "size": object.bytes.len(), "etag": object.etag, "sequencer": sequencer(version.modified),
        });
        if let Some(id) = &version.id {
            described["version-id"] = json!(id);
        }
        json!({
            "version": "0", "id": uuid::Uuid::new_v4().to_string(), "detail-type": "Object Created", "source": "aws.s3",
            "account": ACCOUNT, "time": timestamp(version.modified), "region": REGION,
            "resources": [format!("arn:aws:s3:::{bucket}")],
            "detail": {
                "version": "0", "bucket": {"name": bucket}, "object": described, "request-id": "SANDBOX00REQUEST",
                "requester": ACCOUNT, "source-ip-address": "127.0.0.1", "reason": "PutObject",
            },
        })
    }

    fn newest(&self, bucket: &str, key: &str) -> (Version, Object) {
        let store = self.inner.store();
        let found = store.buckets.get(bucket).and_then(|bucket| bucket.current(key));
        let (version, object) = found.expect("the object was put before its event");
        (version.clone(), object.clone())
    }
}

/// Wraps events into an SQS batch as the queue delivers them: one event per message body.
pub fn sqs_batch(events: &[Value]) -> Value {
    let records: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(index, event)| {
            json!({
                "messageId": format!("message-{index}"), "receiptHandle": "handle", "body": event.to_string(),
                "attributes": {
                    "ApproximateReceiveCount": "1", "SentTimestamp": "1760000000000", "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": "1760000000001",
                },
                "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:results"), "awsRegion": REGION,
            })
        })
        .collect();
    json!({"Records": records})
}

fn timestamp(time: SystemTime) -> String {
    let mut text = Vec::new();
    let formatted = s3s::dto::Timestamp::from(time).format(s3s::dto::TimestampFormat::DateTime, &mut text);
    formatted.expect("a time of this century can be written");
    String::from_utf8(text).expect("a timestamp is ASCII")
}

fn sequencer(time: SystemTime) -> String {
    let age = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:016X}", age.as_nanos())
}
