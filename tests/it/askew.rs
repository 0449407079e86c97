//! Files whose rows could be taken for something else: nobody is lost or let in by the way that quotes and lines are read.

use crate::run::Run;
use crate::world::{World, contacts};
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
