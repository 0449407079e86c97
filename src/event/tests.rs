//! Every file in `events/` is read here; a file without a test fails.

use super::*;
use crate::domain::{Mode, ObjectRef, SegmentName};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

fn read(text: &str) -> Result<Request, Error> {
    parse(&serde_json::from_str(text).unwrap())
}

fn object(key: &str, version_id: &str, requester: &str) -> ObjectEvent {
    ObjectEvent {
        object: ObjectRef::unseen("socktown-results".into(), key.into(), Some(version_id.into())),
        requester: Some(requester.into()),
    }
}

fn by_notification() -> ObjectEvent {
    object(
        "incoming/Summer Sale/café-2026-11-23.csv",
        "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "AWS:AROAEXAMPLEEXAMPLE123:socktown-query",
    )
}

fn by_eventbridge() -> ObjectEvent {
    object(
        "incoming/Summer Sale/café+wool-2026-11-23.csv",
        "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        "123456789012",
    )
}

fn message(message_id: &str, object: ObjectEvent) -> Message {
    Message {
        message_id: message_id.into(),
        objects: Ok(vec![object]),
    }
}

fn load() -> LoadCommand {
    LoadCommand {
        bucket: None,
        key: "incoming/Summer Sale/2026-11-23.csv".into(),
        segment_name: None,
        mode: None,
        dry_run: false,
        sample: None,
        approve: None,
    }
}

fn summer_sale() -> SegmentName {
    SegmentName::parse("Summer Sale").unwrap()
}

/// Each file of `events/`, its text, and what it asks for.
fn files() -> Vec<(&'static str, &'static str, Request)> {
    macro_rules! file {
        ($name:literal, $request:expr) => {
            ($name, include_str!(concat!("../../events/", $name)), $request)
        };
    }
    vec![
        file!("s3-put.json", Request::Objects(vec![by_notification()])),
        file!(
            "s3-minimal.json",
            Request::Objects(vec![ObjectEvent {
                object: ObjectRef::unseen(
                    "socktown-results".into(),
                    "incoming/Summer Sale/2026-11-23.csv".into(),
                    None
                ),
                requester: None,
            }])
        ),
        file!("s3-test-event.json", Request::Ignored),
        file!("s3-delete.json", Request::Ignored),
        file!(
            "eventbridge-object-created.json",
            Request::Objects(vec![by_eventbridge()])
        ),
        file!(
            "sqs-s3.json",
            Request::Batch(vec![message("059f36b4-87a3-44ab-83d2-661975830a7d", by_notification())])
        ),
        file!(
            "sqs-eventbridge.json",
            Request::Batch(vec![message("2e1424d4-f796-459a-8184-9c92662be6da", by_eventbridge())])
        ),
        file!("scheduled-rule.json", Request::Sweep { now: false }),
        file!("scheduler-tick.json", Request::Sweep { now: false }),
        file!("load.json", Request::Load(load())),
        file!(
            "load-all-fields.json",
            Request::Load(LoadCommand {
                bucket: Some("socktown-results".into()),
                segment_name: Some(summer_sale()),
                mode: Some(Mode::Replace),
                dry_run: true,
                sample: NonZeroUsize::new(100),
                ..load()
            })
        ),
        file!("sweep.json", Request::Sweep { now: false }),
        file!(
            "history.json",
            Request::History(HistoryCommand {
                segment_name: Some(summer_sale()),
                limit: HistoryCommand::LIMIT,
                brief: false,
            })
        ),
        file!("status.json", Request::Status(None)),
        file!("forget.json", Request::Forget(summer_sale())),
        file!("test-connection.json", Request::TestConnection),
        file!("verify-environment.json", Request::VerifyEnvironment { keep: false }),
    ]
}

#[test]
fn every_shipped_event_asks_for_what_its_name_says() {
    for (name, text, request) in files() {
        assert_eq!(read(text), Ok(request), "{name}");
    }
}

#[test]
fn every_file_in_the_folder_has_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events");
    let there: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let tested: BTreeSet<_> = files().into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(there, tested);
}

#[test]
fn an_unknown_event_is_answered_with_the_accepted_shapes() {
    for event in [
        json!(null),
        json!([]),
        json!("s3:TestEvent"),
        json!(7),
        json!({}),
        json!({"Records": []}),
        json!({"Records": {}}),
        json!({"Records": [{"eventSource": "minio:s3"}]}),
        json!({"Records": [{"eventSource": "aws:kinesis", "data": ""}]}),
        json!({"detail-type": "Object Created", "source": "my.app", "detail": {}}),
        json!({"detail-type": "Scheduled Event", "source": "my.app", "detail": {}}),
        json!({"source": "aws.s3"}),
        json!({"Event": "s3:Other"}),
        json!({"key": "incoming/x.csv"}),
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]}),
    ] {
        let error = parse(&event).unwrap_err();
        assert_eq!(error.error_type(), "UnknownEvent", "{event}");
        for shape in [
            "S3 notification",
            "`Object Created`",
            "SQS batch",
            "`Scheduled Event`",
            "\"load\"",
            "\"sweep\"",
            "\"status\"",
            "\"history\"",
            "\"forget\"",
            "\"test_connection\"",
        ] {
            assert!(error.to_string().contains(shape), "{event}: {error}");
        }
    }
}

#[test]
fn an_unknown_event_is_described_by_what_it_is() {
    for (event, expected) in [
        (
            json!({"Records": [{"eventSource": "minio:s3"}]}),
            "a record from \"minio:s3\"",
        ),
        (
            json!({"source": "my.app", "detail-type": "Tick"}),
            "an event \"Tick\" from \"my.app\"",
        ),
        (
            json!({"path": "/", "headers": {"authorization": "leak"}}),
            "an event with \"path\", \"headers\"",
        ),
        (json!({}), "an empty event"),
        (json!([1]), "an event that is no JSON object"),
        (json!({"Records": [{"EventSource": "aws:sns"}]}), "wrapped by SNS"),
    ] {
        let error = parse(&event).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("leak"), "{error}");
    }
}

#[test]
fn what_s3_tells_besides_new_objects_is_ignored() {
    for detail_type in [
        "Object Deleted",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Storage Class Changed",
        "Object Access Tier Changed",
        "Object ACL Updated",
        "Object Tags Added",
        "Object Tags Deleted",
    ] {
        let event = json!({"source": "aws.s3", "detail-type": detail_type, "detail": {}});
        assert_eq!(parse(&event), Ok(Request::Ignored));
    }
    for name in [
        "ObjectRemoved:DeleteMarkerCreated",
        "s3:ObjectRestore:Completed",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "ReducedRedundancyLostObject",
        "Replication:OperationMissedThreshold",
        "LifecycleExpiration:Delete",
        "LifecycleTransition",
        "IntelligentTiering",
    ] {
        let event = json!({"Records": [{"eventSource": "aws:s3", "eventName": name}]});
        assert_eq!(parse(&event), Ok(Request::Ignored));
    }
}

#[test]
fn what_s3_never_tells_is_no_reason_for_a_success() {
    for detail_type in [
        "Object created",
        "ObjectCreated",
        "",
        "AWS API Call via CloudTrail",
        "Nonsense",
    ] {
        let event = json!({"source": "aws.s3", "detail-type": detail_type, "detail": {}});
        let error = parse(&event).unwrap_err();
        assert_eq!(error.error_type(), "UnknownEvent", "{detail_type}");
        assert!(error.to_string().contains("`Object Created`"), "{error}");
    }
    for name in ["objectcreated:Put", "ObjectCreate:Put", "", "Put", "Nonsense:Put"] {
        let event = json!({"Records": [{"eventSource": "aws:s3", "eventName": name}]});
        let error = parse(&event).unwrap_err();
        assert!(error.to_string().contains("`ObjectCreated:Put`"), "{error}");
    }
}

#[test]
fn a_notification_may_hold_several_objects() {
    let record = |key: &str| {
        let s3 = json!({"bucket": {"name": "b"}, "object": {"key": key, "size": 0}});
        json!({"eventSource": "aws:s3", "s3": s3})
    };
    let Ok(Request::Objects(objects)) = parse(&json!({"Records": [record("a"), record("b")]})) else {
        panic!("objects");
    };
    let seen: Vec<_> = objects.iter().map(|event| event.object.key.as_str()).collect();
    assert_eq!(seen, ["a", "b"]);
}

#[test]
fn a_key_of_1024_bytes_comes_through_on_both_roads() {
    let key = format!("incoming/{}csv", "a b+c%d=é/".repeat(92));
    assert_eq!(key.len(), 1_024);
    let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let notification =
        json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": encoded}}}]});
    let eventbridge = json!({"source": "aws.s3", "detail-type": "Object Created",
                             "detail": {"bucket": {"name": "b"}, "object": {"key": key}}});
    assert_eq!(parse(&notification), parse(&eventbridge));
}

/// JSON made of the words that shapes are told by, in any disorder.
fn any_event() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "Records",
        "eventSource",
        "aws:s3",
        "aws:sqs",
        "messageId",
        "body",
        "s3",
        "bucket",
        "object",
        "name",
        "key",
        "detail",
        "detail-type",
        "Object Created",
        "source",
        "aws.s3",
        "action",
        "load",
        "mode",
        "sample",
        "{}",
        "",
        "%",
        "Event",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_arrives_is_an_answer_or_an_error_and_never_an_object_without_a_name(event in any_event()) {
        if let Ok(Request::Objects(objects)) = parse(&event) {
            prop_assert!(!objects.is_empty());
            prop_assert!(objects.iter().all(|event| !event.object.bucket.is_empty() && !event.object.key.is_empty()));
        }
    }
}
