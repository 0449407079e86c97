//! Files whose rows could be taken for something else: nobody is lost or let in by the way that quotes and lines are read.

use crate::run::Run;
use crate::world::{World, contact, contacts};
use serde_json::json;

/// Drops a file, delivers its event, and asserts that it is refused in these words.
async fn assert_refused(world: &World, name: &str, text: String, words: &str) {
    let key = world.drop_file(name, text);
    let run = Run::of_event(world.invoke(world.sandbox.s3.notification(sandbox::BUCKET, &key)).await);
    assert!(
        run.outcome() == "failed" && run["reason"].as_str().unwrap().contains(words),
        "{name}: {run}"
    );
    assert_eq!(run["error_type"], "SourceInvalid", "{name}: {run}");
}

#[tokio::test(start_paused = true)]
async fn rows_that_stand_in_the_header_are_no_empty_result_in_any_mode() {
    let ids = contacts(0..50).iter().map(ToString::to_string).collect::<Vec<_>>();
    for mode in ["replace", "append", "remove"] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..50)).await;
        world.destination(&json!({"empty_result": "clear", "mode": mode}));
        for (name, text) in [
            ("list.csv", format!("contactid,{}\n", ids.join(","))),
            (
                "mainframe.csv",
                format!("contactid,n\u{85}{},n\u{85}", ids.join(",n\u{85}")),
            ),
            ("literal.csv", format!("contactid,n\\n{},n\\n", ids.join(",n\\n"))),
            ("one-column.csv", format!("contactid\u{2028}{}", ids.join("\u{2028}"))),
            ("quoted.csv", format!("contactid,\"n\n{},n\"\n", ids.join(",n\n"))),
        ] {
            assert_refused(&world, name, text, "the first line holds an id beside the names").await;
        }
        let text = "contactid,n\u{1e}jane@x.example,n\u{1e}".to_owned();
        assert_refused(
            &world,
            "mails.csv",
            text,
            "there are no rows, and the first line looks like more",
        )
        .await;
        assert_eq!(world.published(), contacts(0..50), "{mode}");
    }
}

/// Rows with a note behind the id; the notes that are given stand in the rows of their numbers.
fn file(delimiter: char, notes: &[(usize, String)]) -> String {
    let note = |number| notes.iter().find(|(at, _)| *at == number).map_or("n", |(_, note)| note);
    let rows = contacts(0..50).into_iter().enumerate();
    let rows = rows.map(|(number, id)| format!("{id}{delimiter}{}\n", note(number)));
    format!("contactid{delimiter}note\n{}", rows.collect::<String>())
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_a_text_lets_nobody_in_and_loses_nobody() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..60)).await;
    world.destination(&json!({"max_shrink_percent": 100, "max_invalid_percent": 100}));
    let in_two_ways = "the quotes of the record that starts in line 22 can be read in two ways";
    let guid = contact(777);
    for (name, text) in [
        (
            "spark.csv",
            file(',', &[(20, format!("\"x\\\"\n{guid},{guid}\n\\\"y\""))]),
        ),
        (
            "pasted.csv",
            file(',', &[(20, format!("\"copied:\n{guid},{guid}\n\""))]),
        ),
        (
            "redshift.txt",
            file('|', &[(20, "\"hello".to_owned()), (23, "bye\"".to_owned())]),
        ),
        (
            "lonely.tsv",
            file('\t', &[(20, "\"".to_owned()), (21, "\"".to_owned())]),
        ),
    ] {
        assert_refused(&world, name, text, in_two_ways).await;
        assert_eq!(world.published(), contacts(0..60), "{name}");
    }
    let notes = [
        (20, format!("\"see {guid}\nor \"\"{guid}\"\", {guid}\n\"")),
        (30, "\"two\r\nlines\"".to_owned()),
        (40, "\"C:\\\"".to_owned()),
    ];
    let key = world.drop_file("standard.csv", file(',', &notes));
    world.run(&key).await.assert_loaded().rejected(0);
    assert_eq!(world.published(), contacts(0..50));
}
