//! S3 notifications, read by the few fields that count: real senders leave out what the published types require.

use super::{Error, ObjectEvent};
use crate::domain::ObjectRef;
use crate::text::percent;
use serde_json::Value;

/// What S3 tells besides new objects (Amazon S3, "Supported event types"), without what follows the colon.
const NOTHING_CREATED: [&str; 10] = [
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ObjectAcl",
    "ReducedRedundancyLostObject",
    "Replication",
    "LifecycleExpiration",
    "LifecycleTransition",
    "IntelligentTiering",
    "TestEvent",
];

/// Reads the objects that the records say were created; other records are left out.
pub(super) fn parse(event: &Value) -> Result<Vec<ObjectEvent>, Error> {
    let records = event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if records.iter().any(|record| record["eventSource"] != "aws:s3") {
        return Err(malformed("every record", "`eventSource` `aws:s3`"));
    }
    let mut created = Vec::new();
    for record in records {
        if says_created(record)? {
            created.push(object(record)?);
        }
    }
    Ok(created)
}

/// Returns whether an object was created; a hand-written record need not say so.
///
/// Event names stay text, since AWS adds new ones to its families.
fn says_created(record: &Value) -> Result<bool, Error> {
    match &record["eventName"] {
        Value::String(name) => match name.strip_prefix("s3:").unwrap_or(name).split(':').next() {
            Some("ObjectCreated") => Ok(true),
            Some(family) if NOTHING_CREATED.contains(&family) => Ok(false),
            _ => Err(malformed(
                "an S3 record",
                "an `eventName` of S3's, such as `ObjectCreated:Put`",
            )),
        },
        Value::Null => Ok(true),
        _ => Err(malformed("an S3 record", "its `eventName` as text")),
    }
}

fn object(record: &Value) -> Result<ObjectEvent, Error> {
    let (bucket, object) = (&record["s3"]["bucket"], &record["s3"]["object"]);
    let object = ObjectRef::unseen(
        required(&bucket["name"], "the bucket's name at `s3.bucket.name`")?.into(),
        percent::decode_form(required(&object["key"], "the object's key at `s3.object.key`")?),
        version(&object["versionId"], || {
            malformed("an S3 record", "the version as text at `s3.object.versionId`, or none")
        })?,
    );
    Ok(ObjectEvent {
        object,
        requester: optional(&record["userIdentity"]["principalId"]),
    })
}

fn required<'a>(value: &'a Value, expected: &'static str) -> Result<&'a str, Error> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| malformed("an S3 record", expected))
}

fn malformed(place: &str, expected: &'static str) -> Error {
    Error::Malformed {
        place: place.into(),
        expected,
    }
}

/// Reads a version, which may be absent or empty but is never anything else than text.
pub(super) fn version(value: &Value, malformed: impl FnOnce() -> Error) -> Result<Option<String>, Error> {
    match value {
        Value::Null | Value::String(_) => Ok(optional(value)),
        _ => Err(malformed()),
    }
}

/// Reads text that may be absent or empty.
pub(super) fn optional(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn keys_are_form_decoded_plus_first() {
        for (key, expected) in [
            ("a+b%2Bc%C3%A9.csv", "a b+cé.csv"),
            ("noog+nork", "noog nork"),
            ("noog%2bnork", "noog+nork"),
            ("incoming/100%25+wool%3D1.csv", "incoming/100% wool=1.csv"),
            ("incoming/%2520.csv", "incoming/%20.csv"),
            ("incoming/%E6%9D%B1%E4%BA%AC.csv", "incoming/東京.csv"),
            ("hand written.csv", "hand written.csv"),
            ("50%.csv", "50%.csv"),
        ] {
            assert_eq!(percent::decode_form(key), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn whatever_s3_encodes_is_read_back(key in "\\PC{1,340}") {
            let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            prop_assert_eq!(percent::decode_form(&encoded), key);
        }
    }

    #[test]
    fn only_what_was_created_is_kept() {
        let record = |name: Value, key: &str| {
            let s3 = json!({"bucket": {"name": "b"}, "object": {"key": key}});
            json!({"eventSource": "aws:s3", "eventName": name, "s3": s3})
        };
        let event = json!({"Records": [
            record(json!("ObjectCreated:Put"), "put"),
            record(json!("ObjectRemoved:Delete"), "removed"),
            record(json!("s3:ObjectCreated:CompleteMultipartUpload"), "multipart"),
            record(json!("LifecycleExpiration:Delete"), "expired"),
            record(json!("ObjectRemoved:DeleteMarkerCreated"), "marker"),
            record(Value::Null, "by hand"),
        ]});
        let keys: Vec<_> = parse(&event)
            .unwrap()
            .into_iter()
            .map(|event| event.object.key)
            .collect();
        assert_eq!(keys, ["put", "multipart", "by hand"]);
    }

    #[test]
    fn a_record_without_bucket_or_key_says_which() {
        for (s3, expected) in [
            (json!({"object": {"key": "k"}}), "s3.bucket.name"),
            (json!({"bucket": {"name": "b"}, "object": {"key": ""}}), "s3.object.key"),
            (json!({"bucket": {"name": "b"}, "object": {"key": 1}}), "s3.object.key"),
            (
                json!({"bucket": {"name": "b"}, "object": {"key": "k", "versionId": 7}}),
                "s3.object.versionId",
            ),
            (json!(null), "s3.bucket.name"),
            (json!([]), "s3.bucket.name"),
        ] {
            let error = parse(&json!({"Records": [{"eventSource": "aws:s3", "s3": s3}]})).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_record_whose_name_is_no_text_is_not_taken_for_a_new_object() {
        let event = json!({"Records": [{"eventSource": "aws:s3", "eventName": ["ObjectRemoved:Delete"], "s3": {}}]});
        assert!(parse(&event).unwrap_err().to_string().contains("`eventName`"));
    }

    #[test]
    fn records_of_another_source_are_not_lost_in_silence() {
        let event = json!({"Records": [
            {"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}},
            {"eventSource": "aws:sqs"},
        ]});
        assert_eq!(parse(&event).unwrap_err().error_type(), "MalformedEvent");
    }

    #[test]
    fn empty_versions_are_none() {
        assert_eq!(optional(&json!("")), None);
        assert_eq!(optional(&json!("v1")), Some("v1".into()));
    }
}
