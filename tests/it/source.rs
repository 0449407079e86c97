//! Reading a result from S3, whatever S3 does meanwhile.

use aws_sdk_s3::config::StalledStreamProtectionConfig;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use sandbox::{BUCKET, Fault, Sandbox};
use segment_loader::source::{self, Begun, Error, ObjectVersion, Objects, Rows};
use segment_loader::time::Fence;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "incoming/Summer Sale/2026-11-23.csv";

pub(crate) fn id(number: usize) -> String {
    format!("8f2a1c34-5b6d-4e7f-8a9b-{:012x}", number + 1)
}

/// A CSV of this many rows, each with its own contact.
pub(crate) fn csv(rows: usize) -> String {
    let mut text = "name,contactid\n".to_owned();
    for number in 0..rows {
        writeln!(text, "\"Ada, {number}\",{}", id(number)).expect("a string takes all text");
    }
    text
}

/// A client that gives up a stalled body at once instead of after seconds.
pub(crate) fn objects(sandbox: &Sandbox) -> Objects {
    let stalls = StalledStreamProtectionConfig::enabled()
        .grace_period(Duration::from_millis(50))
        .build();
    let config = aws_sdk_s3::config::Builder::from(&sandbox.aws_config())
        .stalled_stream_protection(stalls)
        .build();
    Objects::new(aws_sdk_s3::Client::from_conf(config))
}

async fn head(objects: &Objects) -> ObjectVersion {
    objects.head(BUCKET, KEY, None).await.expect("the object is there")
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

/// How many times S3 was asked for bytes.
fn gets(sandbox: &Sandbox) -> usize {
    let requests = sandbox.s3.requests();
    requests
        .iter()
        .filter(|request| request.operation == "GetObject")
        .count()
}

fn assert_read_whole(rows: &Rows, expected: usize) {
    assert_eq!(
        (rows.rows, rows.contacts.len(), rows.rejected.count),
        (expected as u64, expected, 0)
    );
}

#[tokio::test]
async fn an_object_is_what_s3_says_of_it() {
    let sandbox = Sandbox::start().await;
    let put = sandbox
        .s3
        .put_with_metadata(BUCKET, KEY, csv(3), &[("segment-name", "Winter")]);
    let version = head(&objects(&sandbox)).await;
    assert_eq!(version.url(), format!("s3://{BUCKET}/{KEY}"));
    assert_eq!(
        (version.size, version.version_id),
        (csv(3).len() as u64, put.version_id)
    );
    assert_eq!(version.etag, put.etag);
    assert_eq!(version.metadata["segment-name"], "Winter");
    assert!(version.last_modified > chrono::DateTime::UNIX_EPOCH);
}

#[tokio::test]
async fn a_large_object_is_read_from_one_answer() {
    let sandbox = Sandbox::start().await;
    let text = csv(120_000);
    sandbox.s3.put(BUCKET, KEY, text.clone());
    let objects = objects(&sandbox);
    let rows = read(&objects, &head(&objects).await).await.unwrap();
    assert_read_whole(&rows, 120_000);
    assert_eq!(gets(&sandbox), 1, "for {} bytes", text.len());
}

#[tokio::test]
async fn a_body_cut_anywhere_is_resumed_at_the_very_byte() {
    let sandbox = Sandbox::start().await;
    let text = csv(1_000);
    sandbox.s3.put(BUCKET, KEY, text.clone());
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    let whole = read(&objects, &version).await.unwrap();
    assert_read_whole(&whole, 1_000);
    for cut in (0..text.len()).step_by(4093) {
        sandbox.s3.clear_faults();
        sandbox.s3.fault(Fault::on("GetObject").cut_after(cut));
        let rows = read(&objects, &version).await.unwrap();
        assert_eq!(rows.contacts, whole.contacts, "cut after {cut}");
        assert_eq!(rows.rows, whole.rows, "cut after {cut}");
    }
}

#[tokio::test]
async fn every_body_cut_short_still_ends_in_the_whole_result() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(10_000));
    sandbox.s3.fault(Fault::on("GetObject").cut_after(40_000).always());
    let objects = objects(&sandbox);
    assert_read_whole(&read(&objects, &head(&objects).await).await.unwrap(), 10_000);
}

#[tokio::test]
async fn a_stalled_body_is_resumed() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(1_000));
    sandbox.s3.fault(Fault::on("GetObject").stall_after(5_000));
    let objects = objects(&sandbox);
    assert_read_whole(&read(&objects, &head(&objects).await).await.unwrap(), 1_000);
}

#[tokio::test]
async fn an_object_that_never_comes_is_unavailable_and_worth_another_attempt() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(10));
    sandbox.s3.fault(Fault::on("GetObject").cut_after(0).always());
    let objects = objects(&sandbox);
    let error = read(&objects, &head(&objects).await).await.unwrap_err();
    assert_eq!((error.error_type(), error.is_transient()), ("SourceUnavailable", true));
}

#[tokio::test]
async fn a_pinned_version_is_read_although_it_was_overwritten_and_deleted() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(100));
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    sandbox.s3.put(BUCKET, KEY, csv(7));
    sandbox.s3.delete(BUCKET, KEY);
    assert_read_whole(&read(&objects, &version).await.unwrap(), 100);
    assert_eq!(
        objects.head(BUCKET, KEY, None).await.unwrap_err().error_type(),
        "SourceMissing"
    );
    let again = objects.head(BUCKET, KEY, version.version_id.as_deref()).await.unwrap();
    assert_eq!(again.etag, version.etag);
}

#[tokio::test]
async fn without_versions_an_overwritten_object_is_noticed_and_a_deleted_one_is_missing() {
    let sandbox = Sandbox::builder().unversioned().start().await;
    sandbox.s3.put(BUCKET, KEY, csv(100));
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    sandbox.s3.put(BUCKET, KEY, csv(7));
    assert!(matches!(read(&objects, &version).await, Err(Error::Replaced { .. })));
    sandbox.s3.delete(BUCKET, KEY);
    let error = read(&objects, &version).await.unwrap_err();
    assert_eq!((error.error_type(), error.is_transient()), ("SourceMissing", false));
    assert!(
        error
            .to_string()
            .contains(&format!("s3://{BUCKET}/{KEY} does not exist")),
        "{error}"
    );
}

#[tokio::test]
async fn an_object_replaced_between_two_answers_is_never_mixed() {
    let sandbox = Sandbox::builder().unversioned().start().await;
    sandbox.s3.put(BUCKET, KEY, csv(60_000));
    sandbox.s3.fault(Fault::on("GetObject").cut_after(1_000_000));
    sandbox
        .s3
        .fault(Fault::on("GetObject").nth(2).delay(Duration::from_millis(300)));
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    let (outcome, ()) = tokio::join!(read(&objects, &version), async {
        while gets(&sandbox) == 0 {
            tokio::task::yield_now().await;
        }
        sandbox.s3.put(BUCKET, KEY, csv(60_000).replace("8f2a", "9f2a"));
    });
    assert!(matches!(outcome, Err(Error::Replaced { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_refusal_names_the_actions_to_allow() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(1));
    let objects = objects(&sandbox);
    let version = head(&objects).await;

    let denied = Fault::on("GetObject")
        .answer(403)
        .error("AccessDenied", "not authorized to perform: kms:Decrypt");
    sandbox.s3.fault(denied);
    let error = read(&objects, &version).await.unwrap_err();
    assert_eq!((error.error_type(), error.is_transient()), ("SourceForbidden", false));
    assert!(error.to_string().contains("kms:Decrypt"), "{error}");

    sandbox.s3.deny(BUCKET, "incoming/");
    let error = read(&objects, &version).await.unwrap_err().to_string();
    assert!(error.contains("s3:GetObject") && error.contains(KEY), "{error}");

    sandbox.s3.allow_all();
    sandbox.s3.deny_list(BUCKET);
    let error = objects
        .head(BUCKET, "incoming/none.csv", None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("s3:ListBucket"), "{error}");
}

#[tokio::test]
async fn a_slow_down_is_waited_out() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(10));
    sandbox.s3.fault(Fault::on("GetObject").answer(503).code("SlowDown"));
    let objects = objects(&sandbox);
    assert_read_whole(&read(&objects, &head(&objects).await).await.unwrap(), 10);
}

/// The runtime waits for its blocking threads: this test ends only because the reader does.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_on_when_the_reading_is_abandoned() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(60_000));
    sandbox.s3.fault(Fault::on("GetObject").stall_after(1_000).always());
    let config = aws_sdk_s3::config::Builder::from(&sandbox.aws_config())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    let objects = Objects::new(aws_sdk_s3::Client::from_conf(config));
    let version = head(&objects).await;
    let reading = tokio::time::timeout(Duration::from_millis(200), read(&objects, &version));
    assert!(reading.await.is_err());
}

#[tokio::test]
async fn parquet_takes_little_more_than_the_pages_of_its_column() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, wide_parquet());
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    sandbox.s3.clear_log();
    let rows = read(&objects, &version).await.unwrap();
    assert_read_whole(&rows, 3_000);
    let gets = gets(&sandbox);
    assert!(
        version.size > 20 << 20 && gets < 10,
        "{gets} ranges of at most 2 MiB for {} bytes",
        version.size
    );
}

#[tokio::test]
async fn row_groups_that_lie_near_each_other_come_in_one_answer() {
    let sandbox = Sandbox::start().await;
    // Between the ids of two of them lie 1,000 bytes of the other column.
    sandbox.s3.put(BUCKET, KEY, parquet(200, 1, 1_000));
    let objects = objects(&sandbox);
    let version = head(&objects).await;
    assert_read_whole(&read(&objects, &version).await.unwrap(), 200);
    assert_eq!(gets(&sandbox), 4, "the beginning, the end, the footer, all ids");
    // What is cut within them is resumed as ever.
    sandbox.s3.fault(Fault::on("GetObject").cut_after(40_000).always());
    assert_read_whole(&read(&objects, &version).await.unwrap(), 200);
}

#[tokio::test]
async fn a_parquet_page_takes_no_more_than_a_third_of_the_functions_memory() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, wide_parquet());
    let version = head(&objects(&sandbox)).await;
    // A page and its dictionary hold 1,000 ids of 40 bytes.
    for (memory, is_enough) in [(1_000_000, true), (200_000, false)] {
        let outcome = read(&objects(&sandbox).within(memory), &version).await;
        match outcome {
            Ok(rows) => assert!(is_enough && rows.rows == 3_000),
            Err(error) => assert!(
                !is_enough && error.to_string().contains("write smaller pages"),
                "{error}"
            ),
        }
    }
}

/// A Parquet file of three row groups whose other column makes nearly all of its 24 MB.
fn wide_parquet() -> Vec<u8> {
    parquet(3, 1_000, 8_000)
}

/// A Parquet file of row groups with so many rows each, and another column with so many bytes a row.
fn parquet(groups: usize, rows: usize, padding: usize) -> Vec<u8> {
    let schema = "message rows { required binary padding; required binary contactid (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
    for group in 0..groups {
        let numbers = group * rows..(group + 1) * rows;
        let ids: Vec<ByteArray> = numbers.clone().map(|number| id(number).as_str().into()).collect();
        let padding: Vec<ByteArray> = numbers.map(|number| vec![b'x'; padding + number].into()).collect();
        let mut columns = writer.next_row_group().expect("a row group");
        for values in [padding, ids] {
            write_column(&mut columns, &values).expect("a column");
        }
        columns.close().expect("a complete row group");
    }
    writer.into_inner().expect("a complete file")
}

fn write_column<W: std::io::Write + Send>(
    columns: &mut SerializedRowGroupWriter<'_, W>,
    values: &[ByteArray],
) -> parquet::errors::Result<()> {
    let mut column = columns
        .next_column()?
        .ok_or_else(|| ParquetError::General("no column".to_owned()))?;
    column.typed::<ByteArrayType>().write_batch(values, None, None)?;
    column.close()
}

#[tokio::test]
async fn what_is_wrong_with_the_content_names_the_object() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    for (content, error_type) in [
        ("", "SourceEmpty"),
        ("name\nx\n", "SourceInvalid"),
        ("contactid\n\0", "SourceInvalid"),
    ] {
        sandbox.s3.put(BUCKET, KEY, content);
        let error = read(&objects, &head(&objects).await).await.unwrap_err();
        assert_eq!((error.error_type(), error.is_transient()), (error_type, false));
        assert!(
            error.to_string().starts_with(&format!("s3://{BUCKET}/{KEY}: ")),
            "{error}"
        );
    }
}
