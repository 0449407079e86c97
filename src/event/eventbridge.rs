//! S3 events in `EventBridge`'s envelope; their keys are raw.

use super::s3::{optional, version};
use super::{Error, ObjectEvent};
use crate::domain::ObjectRef;
use serde_json::Value;

/// Reads the object of an `Object Created` event.
pub(super) fn parse(event: &Value) -> Result<ObjectEvent, Error> {
    let detail = &event["detail"];
    let (bucket, object) = (&detail["bucket"], &detail["object"]);
    let object = ObjectRef::unseen(
        optional(&bucket["name"]).ok_or_else(|| malformed("the bucket's name at `detail.bucket.name`"))?,
        optional(&object["key"]).ok_or_else(|| malformed("the object's key at `detail.object.key`"))?,
        version(&object["version-id"], || {
            malformed("the version as text at `detail.object.version-id`, or none")
        })?,
    );
    Ok(ObjectEvent {
        object,
        requester: optional(&detail["requester"]),
    })
}

fn malformed(expected: &'static str) -> Error {
    Error::Malformed {
        place: "an EventBridge event `Object Created`".into(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(detail: &Value) -> Value {
        json!({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
    }

    #[test]
    fn keys_are_raw() {
        for key in [
            "a+b%2Bc%C3%A9.csv",
            "incoming/100%.csv",
            "incoming/Summer Sale/é.csv",
            "%41",
        ] {
            let detail = json!({"bucket": {"name": "b"}, "object": {"key": key}});
            assert_eq!(parse(&event(&detail)).unwrap().object.key, key);
        }
    }

    #[test]
    fn a_detail_without_bucket_or_key_says_which() {
        for (detail, expected) in [
            (json!({"object": {"key": "k"}}), "detail.bucket.name"),
            (json!({"bucket": {"name": "b"}, "object": {}}), "detail.object.key"),
            (
                json!({"bucket": {"name": "b"}, "object": {"key": ["k"]}}),
                "detail.object.key",
            ),
            (
                json!({"bucket": {"name": "b"}, "object": {"key": "k", "version-id": 7}}),
                "detail.object.version-id",
            ),
            (json!("{}"), "detail.bucket.name"),
            (json!(null), "detail.bucket.name"),
        ] {
            let error = parse(&event(&detail)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
