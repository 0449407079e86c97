//! What lies in a folder and is no result: tables, uncommitted files, markers, manifests, files without a header.

use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::BUCKET;
use serde_json::{Value, json};

/// A world whose segment holds 100 contacts and whose destination says more.
async fn world_of_100(destination: &Value) -> World {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.destination(destination);
    world
}

/// Delivers the event of a key and returns its run, which must not have failed.
async fn run_of(world: &World, key: &str) -> Run {
    world.run(key).await
}

fn assert_refused(run: &Run, expected: &str) {
    run.assert_refused();
    assert!(run.reason().contains(expected), "{expected}: {run}");
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_a_lake_table_is_refused_with_the_statement_that_exports() {
    for (log, lake) in [
        ("_delta_log/00000000000000000000.json", "Delta Lake"),
        (".hoodie/20261123093015.commit", "Apache Hudi"),
        ("metadata/v1.metadata.json", "Apache Iceberg"),
        ("metadata/00000-7d3f0a52.metadata.json", "Apache Iceberg"),
        ("_spark_metadata/0", "Spark Structured Streaming"),
    ] {
        let world = world_of_100(&json!({"result_files": "folder"})).await;
        world.drop_file(&format!("t/{log}"), "{}");
        for folder in ["t", "t/day=1"] {
            world.drop_contacts(&format!("{folder}/part-00000-a.csv"), &contacts(0..140));
            let marker = world.drop_file(&format!("{folder}/all.DONE"), "");
            let run = run_of(&world, &marker).await;
            assert_refused(&run, &format!("incoming/Summer Sale/t/ is a table of {lake}"));
            run.as_type("NotATable");
            assert!(run.reason().contains("SELECT") || lake.contains("Streaming"), "{run}");
        }
        let ordered = world.load_directly("incoming/Summer Sale/t/", &json!({})).await;
        ordered.as_type("NotATable");

        world.destination(&json!({"result_files": "single"}));
        let single = world.drop_contacts("t/day=1/a.csv", &contacts(0..140));
        run_of(&world, &single).await.as_type("NotATable");
        assert_eq!(world.published(), contacts(0..100), "{lake}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_beside_a_table_and_a_folder_called_metadata_are_no_tables() {
    let world = world_of_100(&json!({"result_files": "folder"})).await;
    world.drop_file("table/_delta_log/00000000000000000000.json", "{}");
    world.drop_file("run/metadata/readme.txt", "x");
    world.sandbox.s3.put(BUCKET, "_delta_log/0.json", "{}");
    world.sandbox.s3.put(BUCKET, "incoming/_delta_log/0.json", "{}");
    world.drop_contacts("run/part-00000-a.csv", &contacts(10..110));
    let marker = world.drop_file("run/_SUCCESS", "");
    assert_eq!(run_of(&world, &marker).await.outcome(), "loaded");
    assert_eq!(world.published(), contacts(10..110));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_databricks_committed_and_that_is_not_there_fails_the_run_until_a_commit_removes_it() {
    let world = world_of_100(&json!({"result_files": "folder"})).await;
    let file = |number: u32| format!("part-0000{number}-tid-111-x-c000.csv");
    world.drop_contacts(&format!("run/{}", file(0)), &contacts(10..60));
    let commit = json!({"added": [file(0), file(1)], "removed": []});
    world.drop_file("run/_committed_111", commit.to_string());
    let marker = world.drop_file("run/_SUCCESS", "");
    let event = world.sandbox.s3.notification(BUCKET, &marker);
    let error = world.invoke(event).await.unwrap_err().to_string();
    for expected in ["_committed_111 says that s3://", &file(1), "delete s3://"] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(world.published(), contacts(0..100));

    let commit = json!({"added": [], "removed": [file(1)]});
    world.drop_file("run/_committed_222", commit.to_string());
    let marker = world.drop_file("run/_SUCCESS", "");
    let run = run_of(&world, &marker).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(10..60));
}

#[tokio::test(start_paused = true)]
async fn only_files_that_databricks_committed_and_never_removed_are_read() {
    let world = world_of_100(&json!({"result_files": "folder"})).await;
    let file = |tid: u32, number: u32| format!("part-0000{number}-tid-{tid}-8f2a1c34-12-1-c000.csv");
    for (name, ids) in [
        (file(111, 0), 900..910),
        (file(222, 0), 10..60),
        (file(222, 1), 60..110),
        (file(222, 2), 910..920),
        (file(333, 0), 920..930),
        ("part-00000-old.csv".to_owned(), 930..940),
    ] {
        world.drop_contacts(&format!("run/{name}"), &contacts(ids));
    }
    for tid in [111, 222, 333] {
        world.drop_file(&format!("run/_started_{tid}"), "");
    }
    world.drop_file(
        "run/_committed_111",
        json!({"added": [file(111, 0)], "removed": ["part-00000-old.csv"]}).to_string(),
    );
    world.drop_file(
        "run/_committed_222",
        json!({"added": [file(222, 0), file(222, 1)], "removed": [file(111, 0)]}).to_string(),
    );
    let marker = world.drop_file("run/_SUCCESS", "");
    let run = run_of(&world, &marker).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(10..110));
    let warnings = run.warnings();
    assert!(warnings.contains("4 of the 6 data files"), "{warnings}");

    world.drop_file("run/_committed_222", "{\"added\": [\"part-");
    let marker = world.drop_file("run/_SUCCESS", "");
    let event = world.sandbox.s3.notification(BUCKET, &marker);
    let error = world.invoke(event).await.unwrap_err().to_string();
    assert!(error.contains("_committed_222, which cannot be understood"), "{error}");

    let marker = world.drop_file("failed/_SUCCESS", "");
    world.drop_contacts(&format!("failed/{}", file(444, 0)), &contacts(0..5));
    world.drop_file("failed/_started_444", "");
    let event = world.sandbox.s3.notification(BUCKET, &marker);
    let error = world.invoke(event).await.unwrap_err().to_string();
    assert!(error.contains("none of the 1 data files beside it counts"), "{error}");
    assert_eq!(world.published(), contacts(10..110));
}

#[tokio::test(start_paused = true)]
async fn files_without_even_a_header_clear_nothing() {
    let gzip_of_nothing: &[u8] = &[31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for parts in [
        [&b""[..], b""],
        [b"\n\n", b""],
        [gzip_of_nothing, gzip_of_nothing],
        [b"\r\n", b"\xef\xbb\xbf"],
    ] {
        let world = world_of_100(&json!({"result_files": "folder", "empty_result": "clear"})).await;
        for (number, part) in parts.into_iter().enumerate() {
            world.drop_file(&format!("run/part-0000{number}"), part);
        }
        let marker = world.drop_file("run/_SUCCESS", "");
        let run = run_of(&world, &marker).await;
        assert_refused(&run, "none of its 2 files has even a header");
        run.as_type("SourceEmpty");
        assert_eq!(world.published(), contacts(0..100));

        world.drop_file("again/part-00000", parts[0]);
        world.drop_file("again/part-00001", "contactid\n");
        let marker = world.drop_file("again/_SUCCESS", "");
        assert_eq!(run_of(&world, &marker).await.outcome(), "loaded");
        assert!(world.published().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_without_any_file_clears_nothing() {
    let url = format!("s3://{BUCKET}/incoming/Summer Sale/0000_part_00");
    for (manifest, expected) in [
        (
            json!({"entries": []}).to_string(),
            "lists no file, as where the query had no rows",
        ),
        (String::new(), "lists no file"),
        (
            json!({"entries": [{"url": url, "mandatory": false}]}).to_string(),
            "lists 1 files that need not be there, and none is",
        ),
    ] {
        let world = world_of_100(&json!({"result_files": "manifest", "empty_result": "clear"})).await;
        let key = world.drop_file("2026-11-23_manifest", manifest);
        let run = run_of(&world, &key).await;
        assert_refused(&run, expected);
        run.as_type("SourceEmpty");
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_where_a_file_of_rows_should_be_is_named_as_one() {
    let url = format!("s3://{BUCKET}/incoming/Summer Sale/0000_part_00");
    let pretty = format!("\u{feff}{{\r\n  \"entries\": [\r\n    {{\"url\":\"{url}\"}}\r\n  ]\r\n}}");
    for (name, content) in [
        ("2026-11-23_manifest", pretty.clone()),
        ("contacts.csv", pretty),
        ("2026-11-23-manifest.csv", format!("{url}\n{url}\n")),
        ("manifest.json", json!({"entries": []}).to_string()),
    ] {
        let world = world_of_100(&json!({})).await;
        let key = world.drop_file(name, content);
        assert_refused(&run_of(&world, &key).await, "set result_files to manifest");
        assert_eq!(world.published(), contacts(0..100), "{name}");
    }
    let world = world_of_100(&json!({})).await;
    assert_eq!(
        world.load("crew-manifest.csv", &contacts(10..110)).await.outcome(),
        "loaded"
    );
}

#[tokio::test(start_paused = true)]
async fn an_order_that_names_what_stands_for_no_result_says_what_to_name() {
    for (files, name, expected) in [
        (
            "single",
            "_SUCCESS",
            "by its name this is a marker or a summary, which is never read: name the file that holds the rows",
        ),
        ("single", "run.DONE", "set result_files to folder"),
        ("single", "_committed_1", "this is a marker"),
        ("single", "run/", "this is a folder: name the file"),
        ("single", "_metadata", "this is a marker"),
        ("manifest", "run/", "this is a folder: name the manifest"),
        (
            "manifest",
            "_SUCCESS",
            "this is a marker or a summary, which is never read: name the manifest",
        ),
        (
            "manifest",
            "a.csv",
            "this is only one part of a result: name the manifest",
        ),
        (
            "folder",
            "a.csv",
            "only one part of a result: name the _SUCCESS or .DONE marker, or the folder",
        ),
        (
            "folder",
            "a_manifest",
            "this is a manifest, and results come in folders",
        ),
        ("folder", "_committed_1", "this is a marker"),
    ] {
        let world = world_of_100(&json!({"result_files": files})).await;
        for content in ["", "contactid\n"] {
            let key = world.drop_file(name, content);
            let run = world.load_directly(&key, &json!({})).await;
            assert_refused(&run, expected);
            let reason = run.reason();
            assert!(!reason.contains(&format!("set result_files to {files}")), "{reason}");
        }
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_writers_give_to_what_is_no_data_are_ignored_or_refused() {
    let world = world_of_100(&json!({"empty_result": "clear"})).await;
    for name in [
        "_metadata",
        "_common_metadata",
        "_SUCCESS",
        "run.DONE",
        "_started_1",
        "x_$folder$",
    ] {
        for content in ["", "contactid\n"] {
            let key = world.drop_file(name, content);
            assert_eq!(world.deliver(&key).await["runs"], json!([]), "{name}");
        }
    }
    for name in [
        "_contacts.csv",
        ".contacts.csv",
        "_success",
        "_SUCCESS.crc",
        ".part-00000.csv.crc",
        "run/_temporary/0/_temporary/attempt_0/contacts.csv",
    ] {
        let key = world.drop_file(name, "contactid\n");
        assert_refused(&run_of(&world, &key).await, "drop it under another name");
        assert_refused(
            &world.load_directly(&key, &json!({})).await,
            "drop it under another name",
        );
    }
    let key = world.drop_file("7d3f0a52-91c4-4b8e-a6d0-000001234567.csv.metadata", "\u{8}\u{12}x");
    assert_refused(&run_of(&world, &key).await, "Athena writes beside each query result");
    assert_eq!(world.published(), contacts(0..100));

    let run = world.load("contacts.done", &contacts(10..110)).await;
    assert_eq!(
        run.outcome(),
        "loaded",
        "only in folders does the case not matter: {run}"
    );
}

#[tokio::test(start_paused = true)]
async fn files_that_a_manifest_lists_and_that_may_be_missing_are_missed_with_a_warning() {
    let world = World::start().await;
    world.destination(&json!({"result_files": "manifest"}));
    let part = world.drop_contacts("0000_part_00", &contacts(0..100));
    let entry = |key: &str| json!({"url": format!("s3://{BUCKET}/{key}"), "mandatory": false});
    let manifest = json!({"entries": [entry(&part), entry("incoming/Summer Sale/0001_part_00")]});
    let key = world.drop_file("manifest", manifest.to_string());
    let run = world.run(&key).await;
    run.assert_loaded();
    assert!(
        run["warnings"]
            .to_string()
            .contains("1 of the 2 files that the manifest lists"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..100));
}
