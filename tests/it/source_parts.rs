//! One result in many files.

use crate::source::{csv, id, objects};
use sandbox::{BUCKET, Sandbox};
use segment_loader::config::ResultFiles;
use segment_loader::domain::Fate;
use segment_loader::domain::Mode;
use segment_loader::event::scope::Scope;
use segment_loader::source::{self, Begun, Error, Manner, Objects, Rows};
use segment_loader::time::Fence;

async fn read(objects: &Objects, key: &str, files: ResultFiles) -> Result<Rows, Error> {
    let object = objects.head(BUCKET, key, None).await?;
    let scope = Scope {
        results_prefix: "incoming/".to_owned(),
        state_prefix: "_state/".to_owned(),
        state_bucket: None,
    };
    let mode = Mode::Replace;
    let scope = &scope;
    let parts = objects.parts(&object, Manner { files, mode, scope }).await?;
    source::read(objects, &parts.files, "contactid", &Fence::open(), Begun::default()).await
}

async fn refusal(objects: &Objects, key: &str, files: ResultFiles) -> String {
    let error = read(objects, key, files).await.expect_err("a refusal");
    assert!(!error.is_transient(), "{error}");
    error.to_string()
}

fn part(numbers: impl IntoIterator<Item = usize>) -> String {
    let rows: Vec<_> = numbers
        .into_iter()
        .map(|number| format!("x,{}\n", id(number)))
        .collect();
    format!("name,contactid\n{}", rows.concat())
}

#[tokio::test]
async fn all_parts_of_a_redshift_manifest_make_one_audience() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    sandbox.s3.put(BUCKET, "incoming/A/0000_part_00", part(0..10));
    sandbox.s3.put(BUCKET, "incoming/A/0001_part_00", part(5..20));
    let manifest = format!(
        r#"{{"entries":[{{"url":"s3://{BUCKET}/incoming/A/0000_part_00","meta":{{"content_length":{}}}}},
        {{"url":"s3://{BUCKET}/incoming/A/0001_part_00","mandatory":true}},
        {{"url":"s3://{BUCKET}/incoming/A/0002_part_00","mandatory":false}}]}}"#,
        part(0..10).len()
    );
    sandbox.s3.put(BUCKET, "incoming/A/manifest", manifest);
    let rows = read(&objects, "incoming/A/manifest", ResultFiles::Manifest)
        .await
        .unwrap();
    assert_eq!((rows.rows, rows.contacts.len(), rows.duplicates), (25, 20, 5));
}

#[tokio::test]
async fn all_parts_of_an_athena_manifest_make_one_audience() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    for number in 0..30 {
        sandbox
            .s3
            .put(BUCKET, &format!("incoming/A/x y+{number}.csv"), part([number]));
    }
    let lines: Vec<_> = (0..30)
        .map(|number| format!("s3://{BUCKET}/incoming/A/x y+{number}.csv\n"))
        .collect();
    sandbox.s3.put(BUCKET, "incoming/A/q-manifest.csv", lines.concat());
    let rows = read(&objects, "incoming/A/q-manifest.csv", ResultFiles::Manifest)
        .await
        .unwrap();
    assert_eq!(rows.contacts.len(), 30);
}

#[tokio::test]
async fn a_manifest_that_does_not_hold_is_refused_before_anything_is_read() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    sandbox.s3.put(BUCKET, "incoming/A/1.csv", part(0..3));
    sandbox.s3.put(BUCKET, "_state/x.csv", part(0..3));
    for (entry, expected) in [
        (
            format!(r#"{{"url":"s3://{BUCKET}/incoming/A/2.csv"}}"#),
            "incoming/A/2.csv, which does not exist",
        ),
        (
            format!(r#"{{"url":"s3://{BUCKET}/incoming/A/1.csv","meta":{{"content_length":7}}}}"#),
            "7 bytes, but there are",
        ),
        (
            format!(r#"{{"url":"s3://{BUCKET}/_state/x.csv"}}"#),
            "no result file of this bucket",
        ),
        (
            r#"{"url":"s3://other/incoming/A/1.csv"}"#.to_owned(),
            "no result file of this bucket",
        ),
        (
            format!(r#"{{"url":"s3://{BUCKET}/incoming/A/manifest"}}"#),
            "no result file of this bucket",
        ),
    ] {
        sandbox
            .s3
            .put(BUCKET, "incoming/A/manifest", format!(r#"{{"entries":[{entry}]}}"#));
        let error = refusal(&objects, "incoming/A/manifest", ResultFiles::Manifest).await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_data_files_beside_a_marker_are_the_result() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    for (name, content) in [
        ("part-00000-a.csv", part(0..4)),
        ("part-00001-a.csv", part(4..9)),
        ("part-00002-a.csv", String::new()),
        ("part-00003-a.csv", part([])),
        ("_committed_1", "no data".to_owned()),
        (".part-00000-a.csv.crc", "no data".to_owned()),
        ("deeper/part-00000-a.csv", part(50..60)),
        ("_SUCCESS", String::new()),
    ] {
        sandbox.s3.put(BUCKET, &format!("incoming/A/{name}"), content);
    }
    sandbox.s3.put(BUCKET, "incoming/A/", "");
    for key in ["incoming/A/_SUCCESS", "incoming/A/"] {
        let rows = read(&objects, key, ResultFiles::Folder).await.unwrap();
        assert_eq!((rows.rows, rows.contacts.len()), (9, 9), "{key}");
    }
    sandbox.s3.put(BUCKET, "incoming/B/_SUCCESS", "");
    let error = refusal(&objects, "incoming/B/_SUCCESS", ResultFiles::Folder).await;
    assert!(error.contains("there are no data files beside it"), "{error}");
}

#[tokio::test]
async fn parts_with_other_columns_are_refused_with_both_names() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    sandbox.s3.put(BUCKET, "incoming/A/1.csv", part(0..4));
    sandbox
        .s3
        .put(BUCKET, "incoming/A/2.csv", format!("contactid,other\n{},x\n", id(9)));
    sandbox.s3.put(BUCKET, "incoming/A/run.DONE", "");
    let error = refusal(&objects, "incoming/A/run.DONE", ResultFiles::Folder).await;
    assert!(
        error.contains("incoming/A/2.csv: its columns differ from those of s3://"),
        "{error}"
    );
    assert!(error.contains("incoming/A/1.csv"), "{error}");
}

#[tokio::test]
async fn a_part_alone_is_refused_with_the_way_to_load_it() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    sandbox.s3.put(BUCKET, "incoming/A/0000_part_00", csv(3));
    for (files, expected) in [
        (ResultFiles::Single, "set result_files to folder or manifest"),
        (ResultFiles::Manifest, "name the manifest instead"),
        (
            ResultFiles::Folder,
            "name the _SUCCESS or .DONE marker, or the folder, instead",
        ),
    ] {
        let error = read(&objects, "incoming/A/0000_part_00", files).await.unwrap_err();
        assert!(
            error.fate() == Fate::Refuse && error.to_string().contains(expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_folder_that_may_not_be_listed_names_the_action() {
    let sandbox = Sandbox::start().await;
    let objects = objects(&sandbox);
    sandbox.s3.put(BUCKET, "incoming/A/_SUCCESS", "");
    sandbox.s3.deny_list(BUCKET);
    let error = refusal(&objects, "incoming/A/_SUCCESS", ResultFiles::Folder).await;
    assert!(error.contains("allow the function s3:ListBucket"), "{error}");
}
