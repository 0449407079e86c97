//! Which segment a file is for, as S3 hands out what its metadata says.

use crate::world::{World, contacts, csv};
use sandbox::{BUCKET, Fault};
use serde_json::json;

const KEY: &str = "incoming/Folder/monday.csv";

#[tokio::test]
async fn a_name_beyond_ascii_is_the_one_that_was_meant_however_s3_writes_it() {
    for written in ["=?UTF-8?Q?Caf=C3=A9?=", "=?utf-8?B?Q2Fmw6k=?=", "Caf%C3%A9"] {
        let world = World::start().await;
        let file = csv(&contacts(0..100));
        world
            .sandbox
            .s3
            .put_with_metadata(BUCKET, KEY, file, &[("segment-name", written)]);
        let run = world.run(KEY).await;
        assert_eq!(
            (run["outcome"].as_str(), run["segment_name"].as_str()),
            (Some("loaded"), Some("Café")),
            "{written}"
        );
        assert_eq!(
            world.sandbox.dataverse.segment("Café").published.unwrap(),
            contacts(0..100)
        );
        assert!(world.sandbox.dataverse.segments(written).is_empty());
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_read_makes_no_segment_at_all() {
    for (metadata, fault, words) in [
        ("=?UTF-8?Q?Caf=C3?=", None, "RFC 2047"),
        ("=?UTF-8?X?Caf?=", None, "RFC 2047"),
        (
            "",
            Some(Fault::on("HeadObject").alter_header("x-amz-missing-meta", Some("1"))),
            "only some of the metadata",
        ),
    ] {
        let world = World::start().await;
        let pairs = [("segment-name", metadata)];
        let pairs = if metadata.is_empty() { &[][..] } else { &pairs };
        world
            .sandbox
            .s3
            .put_with_metadata(BUCKET, KEY, csv(&contacts(0..100)), pairs);
        if let Some(fault) = fault {
            world.sandbox.s3.fault(fault.always());
        }
        let event = world.sandbox.s3.notification(BUCKET, KEY);
        let error = world.invoke(event).await.unwrap_err();
        assert_eq!(error.error_type(), "InvalidSegmentName", "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(world.sandbox.dataverse.requests().is_empty());

        let run = world.load_directly(KEY, &json!({"segment_name": "Named"})).await;
        assert_eq!(
            (run["outcome"].as_str(), run["segment_name"].as_str()),
            (Some("loaded"), Some("Named")),
            "{run}"
        );
    }
}
