//! Text as people and programs leave it: what is read of it, what is rejected, and what is refused in which words.

use crate::run::Run;
use crate::world::{World, contact, contacts};
use serde_json::json;
use uuid::Uuid;

/// An id that is no contact of anybody: where it becomes a member, a row was read askew.
const ACCOUNT: &str = "acc00000-aaaa-4bbb-8ccc-000000000001";

/// Drops a file, delivers its event, and returns the answer's run, or the error as one.
async fn load(world: &World, name: &str, content: impl Into<Vec<u8>>) -> Run {
    let key = world.drop_file(name, content);
    Run::of_event(world.invoke(world.sandbox.s3.notification(sandbox::BUCKET, &key)).await)
}

fn reason(run: &Run) -> &str {
    run["reason"].as_str().unwrap_or_default()
}

/// Twenty rows of three columns, so that one bad one is no more than the destination allows.
fn rows(delimiter: &str, line_end: &str) -> String {
    let row = |number| format!("n{delimiter}{ACCOUNT}{delimiter}{}{line_end}", contact(number));
    format!("name{delimiter}accountid{delimiter}contactid{line_end}") + &(0..20).map(row).collect::<Vec<_>>().concat()
}

#[tokio::test(start_paused = true)]
async fn a_row_of_another_shape_is_rejected_and_counted_and_its_neighbour_s_id_never_a_member() {
    let world = World::start().await;
    let odd = contact(77);
    for (name, text) in [
        ("more.csv", format!("{}Doe, John,{ACCOUNT},{odd}\n", rows(",", "\n"))),
        (
            "more.txt",
            format!("{}Miller | Sons|{ACCOUNT}|{odd}\n", rows("|", "\n")),
        ),
        ("fewer.tsv", format!("{}{ACCOUNT}\t{odd}\r\n", rows("\t", "\r\n"))),
        (
            "spark.csv",
            format!("{}\"a\\\",\\\"b\",x,{ACCOUNT},{odd}\n", rows(",", "\n")),
        ),
    ] {
        let run = load(&world, name, text).await;
        run.rejected(1).contacts(20);
        assert_eq!(run["rejected_by_reason"], json!({"wrong number of fields": 1}), "{run}");
        assert_eq!(run["rejected_lines"], json!([22]), "{run}");
        assert_eq!(world.published(), contacts(0..20), "{name}");
        let list = run["rejected_rows"].as_str().unwrap();
        let (_, key) = list.trim_start_matches("s3://").split_once('/').unwrap();
        let list = String::from_utf8(world.sandbox.s3.get(sandbox::BUCKET, key).unwrap().to_vec()).unwrap();
        assert!(list.trim_end().ends_with(",22,wrong number of fields,"), "{list}");
    }
    let key = world.drop_file("half.csv", format!("{}{}", rows(",", "\n"), "a, b,c,d\n".repeat(20)));
    let run = world.run(&key).await;
    assert!(
        run.outcome() == "refused" && reason(&run).contains("20 of 40 rows (50.0 %) are rejected"),
        "{run}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unquoted_delimiter_moves_no_other_id_into_the_segment_in_silence() {
    let world = World::start().await;
    let (own, victim) = (contact(77), contact(78));
    let before: Vec<_> = (0..20).map(|number| format!("n|{}|\n", contact(number))).collect();
    let before = before.concat();
    let text = format!("name|contactid|note\n{before}Bob|{victim}|{own}|\n");
    let run = load(&world, "redshift.txt", text).await;
    assert_eq!(run["rejected_by_reason"], json!({"wrong number of fields": 1}), "{run}");
    assert_eq!(run["rejected_lines"], json!([22]), "{run}");
    assert_eq!(world.published(), contacts(0..20));

    let text = format!("name|contactid|note\n{before}Bob|{victim}||\n");
    let run = load(&world, "anonymous.txt", text).await;
    let warnings = run["warnings"].to_string();
    assert!(warnings.contains("from line 22 of a file on, rows differ"), "{run}");

    let rows: Vec<_> = (0..20)
        .map(|number| format!("\"{number}\",\"{}\",\"{}\",\n", contact(100 + number), contact(number)))
        .collect();
    let key = world.drop_file(
        "r.csv",
        format!("\"referrer\",\"contactid\",\"note\"\n{}", rows.concat()),
    );
    let run = world.run(&key).await;
    assert_eq!(run.outcome(), "refused", "{run}");
    assert_eq!(world.published(), [contacts(0..20), vec![victim]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_rows_all_differ_from_the_header_is_refused_with_the_numbers() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    world.destination(&json!({"max_invalid_percent": 100, "empty_result": "clear"}));
    let rows: Vec<_> = (0..9)
        .map(|number| format!("Doe, John,{}\n", contact(number)))
        .collect();
    let run = load(&world, "shifted.csv", format!("name,contactid\n{}", rows.concat())).await;
    run.assert_refused().rejected(9);
    assert!(
        reason(&run).contains("the header has 2 columns, and all 9 rows have 3 fields"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..50));
}

#[tokio::test(start_paused = true)]
async fn rows_without_one_valid_id_are_refused_whatever_is_allowed_or_approved() {
    for mode in ["replace", "append", "remove"] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..50)).await;
        world.destination(&json!({"max_invalid_percent": 100, "empty_result": "clear", "mode": mode}));
        for (name, text, words) in [
            (
                "mails.csv",
                "contactid\na@x.example\nb@x.example\n".to_owned(),
                "e-mail addresses",
            ),
            ("empty.csv", "name,contactid\na,\nb,NULL\n".to_owned(), "2 empty"),
            (
                "numbers.jsonl",
                "{\"contactid\":\"1\"}\n{\"contactid\":\"22\"}\n".to_owned(),
                "numbers",
            ),
            (
                "wrapped.csv",
                format!("contactid\nurn:uuid:{}\n", contact(3)),
                "GUIDs within other characters",
            ),
        ] {
            let run = load(&world, name, text).await;
            run.assert_refused();
            assert!(
                reason(&run).contains(words) && !reason(&run).contains("example"),
                "{run}"
            );
            assert!(run["rejected_rows"].is_string(), "{run}");
            let key = run["source"]["key"].as_str().unwrap();
            let approved = world
                .load_directly(key, &json!({"approve": run.run_id(), "mode": mode}))
                .await;
            approved.assert_refused();
            let into_dry_run = world.load_directly(key, &json!({"dry_run": true, "mode": mode})).await;
            into_dry_run.assert_refused();
            assert_eq!(world.published(), contacts(0..50));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_end_in_any_way_are_all_read() {
    for line_end in ["\n", "\r\n", "\r\r\n", "\r"] {
        let world = World::start().await;
        let run = load(&world, "rows.csv", rows(",", line_end)).await;
        run.assert_loaded().rejected(0);
        assert_eq!(world.published(), contacts(0..20), "{line_end:?}");
        let utf_16 = |text: String| {
            [
                vec![0xff, 0xfe],
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ]
            .concat()
        };
        let more = rows(",", line_end) + &format!("n,{ACCOUNT},{}{line_end}", contact(50));
        let run = load(&world, "utf16.csv", utf_16(more)).await;
        run.contacts(21);
    }
}

/// Each of them leaves out rows, or all of them, where a reader knows only one kind of line end.
#[tokio::test(start_paused = true)]
async fn a_line_end_of_another_kind_is_refused_with_its_line_and_nothing_vanishes() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    world.destination(&json!({"empty_result": "clear", "max_shrink_percent": 100}));
    let row = |number: u32| format!("n,{}", contact(number));
    let alternating: String = (0..300)
        .map(|number| row(number) + if number % 2 == 0 { "\r" } else { "\n" })
        .collect();
    let returns: String = (0..300).map(|number| row(number) + "\r").collect();
    let objects: Vec<_> = (0..4)
        .map(|number| {
            format!(
                "{{\"contactid\":\"{}\"}}{}",
                contact(number),
                if number == 1 { "\r" } else { "\n" }
            )
        })
        .collect();
    for (name, text, line) in [
        (
            "every-second.csv",
            format!("name,contactid\n{alternating}"),
            "line 2 holds a carriage return (CR)",
        ),
        (
            "header-only.csv",
            format!("name,contactid\r\n{returns}"),
            "line 2 holds a carriage return (CR)",
        ),
        (
            "feed.csv",
            format!("name,contactid\r{returns}{}\n", row(300)),
            "line 302 holds a line feed (LF)",
        ),
        ("objects.jsonl", objects.concat(), "line 2 holds a carriage return (CR)"),
    ] {
        let run = load(&world, name, text).await;
        assert!(run.outcome() == "failed" && reason(&run).contains(line), "{run}");
        assert_eq!(world.published(), contacts(0..50), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_row_that_is_data_is_never_quoted() {
    let world = World::start().await;
    let guid = contact(5);
    let without_hyphens = guid.simple();
    for (first, words) in [
        ("Jane Doe,jane.doe@x.example,".to_owned(), "2 columns"),
        ("NULL,Jane Doe,jane.doe@x.example,1980-01-01".to_owned(), "4 columns"),
        (format!("{guid}^Jane Doe^jane@x.example"), "there is no header"),
        (format!("{guid}:Jane Doe"), "there is no header"),
        (format!("Jane Doe~{guid}"), "there is no header"),
        (format!("'{guid}','Jane Doe','jane@x.example'"), "there is no header"),
        (format!("[{guid}],[Jane Doe]"), "there is no header"),
        (format!("{{{guid}}} Jane Doe"), "there is no header"),
        (format!("urn:uuid:{guid},Jane Doe"), "there is no header"),
        (format!("contact-{without_hyphens},Jane Doe"), "there is no header"),
        (
            format!("INSERT INTO people VALUES ('{guid}', 'Jane Doe');"),
            "there is no header",
        ),
        (format!("{{\"{guid}\":\"Jane Doe\"}}"), "no object has the key"),
        (
            "{\"Jane Doe\":\"jane@x.example\"}".to_owned(),
            "1 key, none with a name like that",
        ),
        (format!("[\"{guid}\", \"Jane Doe\"]"), "JSON arrays"),
    ] {
        let run = load(&world, "rows", format!("{first}\n{first}\n")).await;
        run.assert_failed();
        let told = [run.to_string(), world.head().to_string()].concat();
        assert!(told.contains(words), "{first}: {told}");
        for cell in ["Jane", "ane.doe", "jane@", "1980", &guid.to_string()[..13], "people"] {
            assert!(!told.contains(cell), "{first}: {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_json_keys_of_the_name_are_refused_and_files_put_together_are_read() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    let twice: Vec<_> = (0..5)
        .map(|number| {
            format!(
                "{{\"contactid\":\"{}\",\"ContactId\":\"{ACCOUNT}\"}}\n",
                contact(number)
            )
        })
        .collect();
    let run = load(&world, "twice.jsonl", twice.concat()).await;
    assert!(
        run.outcome() == "failed" && reason(&run).contains("in line 1 the key \"contactid\" stands a second time"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..50));
    let file = |numbers: std::ops::Range<u32>| {
        let rows = numbers.map(|number| format!("{{\"contactid\":\"{}\"}}\n", contact(number)));
        format!("\u{feff}{}", rows.collect::<Vec<_>>().concat())
    };
    let run = load(&world, "joined.jsonl", file(0..30) + &file(30..60)).await;
    run.assert_loaded();
    let expected: Vec<Uuid> = contacts(0..60);
    assert_eq!(world.published(), expected);
}

/// Packs text with gzip.
fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(start_paused = true)]
async fn control_characters_are_data_and_padding_behind_gzip_is_nothing() {
    let world = World::start().await;
    for (number, (name, content)) in [
        (
            "early.csv",
            format!("contactid,name\r\n{},Jo\u{1a}hn\u{1b}[1m\u{8}\r\n", contact(0)).into_bytes(),
        ),
        ("dos.csv", format!("contactid\r\n{}\r\n\u{1a}", contact(1)).into_bytes()),
        (
            "padded.csv.gz",
            [gzip(rows(",", "\n").as_bytes()), vec![0; 512]].concat(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        world.destination(&json!({"max_invalid_percent": 50}));
        let run = load(&world, name, content).await;
        assert_eq!(run.outcome(), "loaded", "{number}: {run}");
    }
    assert_eq!(world.published(), contacts(0..20));
    let run = load(
        &world,
        "behind.csv.gz",
        [gzip(rows(",", "\n").as_bytes()), b"\n".to_vec()].concat(),
    )
    .await;
    assert!(reason(&run).contains("there are bytes behind the gzip data"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_text_is_called_by_its_name_packed_or_not() {
    let world = World::start().await;
    let mut tar = vec![0; 1024];
    tar[..8].copy_from_slice(b"rows.csv");
    tar[257..265].copy_from_slice(b"ustar\x0000");
    for (name, content, words) in [
        ("rows.tar.gz", gzip(&tar), "the content is a tar archive"),
        ("rows.tar", tar, "the content is a tar archive"),
        (
            "rows.arrow",
            b"ARROW1\0\0\xff\xff\xff\xff".to_vec(),
            "the content is Arrow (Feather)",
        ),
        (
            "rows.db",
            b"SQLite format 3\0\x10\0\x01\x01".to_vec(),
            "the content is an SQLite database",
        ),
    ] {
        let run = load(&world, name, content).await;
        assert!(run.outcome() == "failed" && reason(&run).contains(words), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn parquet_is_read_whatever_its_name_ends_in() {
    let parquet = include_bytes!("../fixtures/uuid_annotated.parquet");
    for name in ["rows.parquet.gz", "rows.zst", "rows.bz2", "rows.csv", "rows"] {
        let world = World::start().await;
        world.destination(&json!({"max_invalid_percent": 50}));
        let run = load(&world, name, parquet.to_vec()).await;
        run.assert_loaded().contacts(5);
        let is_told = run["warnings"]
            .to_string()
            .contains("but the content is Parquet; it was read as that");
        assert_eq!(is_told, name != "rows", "{run}");
    }
}
