//! What S3 answers is checked before it is read.

use crate::source::{csv, objects};
use sandbox::{BUCKET, Fault, Sandbox};
use segment_loader::source::{self, Begun, Error, ObjectVersion, Objects, Rows};
use segment_loader::time::Fence;

pub(crate) const KEY: &str = "incoming/Summer Sale/2026-11-23.csv";

pub(crate) async fn sandbox_with_file(rows: usize) -> (Sandbox, Objects) {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(rows));
    let objects = objects(&sandbox);
    (sandbox, objects)
}

async fn read(objects: &Objects, version: &ObjectVersion) -> Result<Rows, Error> {
    source::read(
        objects,
        std::slice::from_ref(version),
        "contactid",
        &Fence::open(),
        Begun::default(),
    )
    .await
}

/// Looks at the object and reads it, as a run does.
pub(crate) async fn look_and_read(objects: &Objects) -> Result<Rows, Error> {
    read(objects, &objects.head(BUCKET, KEY, None).await?).await
}

#[tokio::test]
async fn a_head_that_is_refused_where_reading_is_allowed_does_no_harm() {
    let (sandbox, objects) = sandbox_with_file(10).await;
    let expected = objects.head(BUCKET, KEY, None).await.unwrap();
    sandbox.s3.fault(Fault::on("HeadObject").answer(403).always());
    assert_eq!(objects.head(BUCKET, KEY, None).await.unwrap(), expected);
    sandbox.s3.ignore_ranges();
    assert_eq!(objects.head(BUCKET, KEY, None).await.unwrap(), expected);
}

#[tokio::test]
async fn a_body_without_the_range_that_was_asked_for_is_read_from_the_very_byte() {
    let (sandbox, objects) = sandbox_with_file(1_000).await;
    let text = csv(1_000);
    let whole = look_and_read(&objects).await.unwrap();
    sandbox.s3.ignore_ranges();
    for cut in (0..text.len()).step_by(4093) {
        sandbox.s3.clear_faults();
        sandbox.s3.fault(Fault::on("GetObject").cut_after(cut));
        let rows = look_and_read(&objects).await.unwrap();
        assert_eq!(
            (rows.contacts, rows.rows),
            (whole.contacts.clone(), whole.rows),
            "cut after {cut}"
        );
    }
}

#[tokio::test]
async fn parts_of_a_file_are_read_from_an_s3_that_ignores_ranges() {
    let sandbox = Sandbox::start().await;
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spark_snappy.parquet");
    sandbox.s3.put(BUCKET, KEY, std::fs::read(fixture).unwrap());
    let objects = objects(&sandbox);
    let expected = look_and_read(&objects).await.unwrap();
    sandbox.s3.ignore_ranges();
    assert_eq!(look_and_read(&objects).await.unwrap().contacts, expected.contacts);
}

#[tokio::test]
async fn an_answer_with_other_bytes_than_were_asked_for_is_never_read() {
    let length = csv(100).len();
    for (name, value, error_type) in [
        (
            "content-range",
            Some(format!("bytes 1-{}/{}", length - 1, length)),
            "SourceUnavailable",
        ),
        (
            "content-range",
            Some(format!("bytes 0-{}/{}", length, length + 1)),
            "SourceUnavailable",
        ),
        (
            "content-range",
            Some(format!("bytes 0-{}/{}", length - 2, length - 1)),
            "SourceUnavailable",
        ),
        ("content-range", Some("bytes */*".to_owned()), "SourceUnavailable"),
        ("content-range", Some("rows 0-9/10".to_owned()), "SourceUnavailable"),
        ("etag", Some("\"another\"".to_owned()), "SourceReplaced"),
        ("etag", None, "SourceUnavailable"),
    ] {
        let (sandbox, objects) = sandbox_with_file(100).await;
        let fault = Fault::on("GetObject").alter_header(name, value.as_deref());
        sandbox.s3.fault(fault.always());
        let error = look_and_read(&objects).await.unwrap_err();
        assert_eq!(error.error_type(), error_type, "{name} {value:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_once_wrong_is_asked_for_again() {
    let (sandbox, objects) = sandbox_with_file(100).await;
    let fault = Fault::on("GetObject").alter_header("content-range", Some("bytes 7-9/10"));
    sandbox.s3.fault(fault.times(2));
    assert_eq!(look_and_read(&objects).await.unwrap().rows, 100);
}

#[tokio::test]
async fn a_length_a_time_or_an_etag_that_s3_does_not_tell_is_no_zero() {
    for name in ["content-length", "last-modified", "etag"] {
        let (sandbox, objects) = sandbox_with_file(10).await;
        let fault = Fault::on("HeadObject").alter_header(name, None);
        // The sandbox's server adds the length of an empty body by itself.
        let fault = if name == "content-length" {
            fault.alter_header(name, Some("-1"))
        } else {
            fault
        };
        sandbox.s3.fault(fault.always());
        let error = objects.head(BUCKET, KEY, None).await.unwrap_err();
        assert_eq!(
            (error.error_type(), error.is_transient()),
            ("SourceUnavailable", true),
            "{name}: {error}"
        );
    }
}

/// A page of a listing with one object and this end.
fn page(object: &str, end: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>{BUCKET}</Name><Prefix>incoming/</Prefix>\
         <Contents>{object}</Contents>{end}</ListBucketResult>"
    )
}

#[tokio::test]
async fn a_listing_that_lacks_something_or_does_not_end_is_never_taken_for_a_whole_one() {
    const OBJECT: &str = "<Key>incoming/a.csv</Key><LastModified>2026-11-23T06:00:00.000Z</LastModified>\
                          <ETag>\"e\"</ETag><Size>7</Size>";
    let truncated = "<IsTruncated>true</IsTruncated>";
    let same = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    for (object, end) in [
        (OBJECT.replace("<Size>7</Size>", ""), ""),
        (OBJECT.replace("<ETag>\"e\"</ETag>", ""), ""),
        (OBJECT.replace("<Key>incoming/a.csv</Key>", ""), ""),
        (OBJECT.replace("incoming/a.csv", "elsewhere/a.csv"), ""),
        (
            OBJECT.replace("<LastModified>2026-11-23T06:00:00.000Z</LastModified>", ""),
            "",
        ),
        (OBJECT.to_owned(), truncated),
        (OBJECT.to_owned(), same),
    ] {
        let (sandbox, objects) = sandbox_with_file(10).await;
        let fault = Fault::on("ListObjectsV2")
            .answer(200)
            .body("application/xml", &page(&object, end));
        sandbox.s3.fault(fault.always());
        let error = objects.list(BUCKET, "incoming/", 10_000).await.unwrap_err();
        assert_eq!(error.error_type(), "SourceUnavailable", "{object} {end}: {error}");
    }
}

#[tokio::test]
async fn keys_of_any_characters_are_listed_as_they_are() {
    let sandbox = Sandbox::start().await;
    let mut keys = [
        "incoming/a+b%20c d.csv",
        "incoming/\u{1}\n.csv",
        "incoming/é&<>\"'.csv",
        "incoming/🧦.csv",
    ];
    keys.sort_unstable();
    for key in keys {
        sandbox.s3.put(BUCKET, key, csv(1));
    }
    let listed = objects(&sandbox).list(BUCKET, "incoming/", 10).await.unwrap();
    assert_eq!(listed.into_iter().map(|object| object.key).collect::<Vec<_>>(), keys);
}
