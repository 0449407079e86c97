//! What is said to be over, and what is told again of what is not: nothing that is still open is over, and what helped before helps
//! now.

use crate::failures::{kill_at, sweep};
use crate::page;
use crate::world::{SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const OVER: &str = "What went wrong before is over";

#[track_caller]
fn assert_nothing_is_over(world: &World, run: &Value, light: &str) {
    assert_eq!(run["recovered"], Value::Null, "{run}");
    assert!(!run["sentence"].as_str().unwrap().contains(OVER), "{run}");
    assert_eq!(world.head()["went_wrong"], true, "{}", world.head());
    let shown = page::lines(world).join("\n");
    assert!(shown.contains(light), "{light}: {shown}");
}

#[tokio::test(start_paused = true)]
async fn a_direct_addition_ends_nothing_of_what_stands_refused_or_unreadable_beside_it() {
    let too_many = || crate::world::csv(&contacts(1_000..9_000));
    for (newer, light) in [(too_many(), "▲ Refused"), (b"PAR1".to_vec(), "▲ Not refreshed")] {
        let world = World::start().await;
        world.destination(&json!({"mode": "append", "max_growth_percent": 50}));
        world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
        let key = world.drop_file("tuesday.csv", newer);
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let _ = world.invoke(event.clone()).await;
        for people in [0..0, 0..10, 0..1_001] {
            let key = world.drop_contacts("older.csv", &contacts(people));
            let before = world.sandbox.s3.clock().now() - Duration::from_hours(1);
            world.sandbox.s3.date(BUCKET, &key, before);
            let run = world.load_directly(&key, &json!({})).await;
            assert!(["loaded", "unchanged"].contains(&run.outcome()), "{run}");
            assert_nothing_is_over(&world, &run, light);
            let status = world.invoke(json!({"action": "status"})).await.unwrap();
            assert_eq!(status["segments"][0]["state"], "refused", "{status}");
        }
        // A better file is dropped.
        world.sandbox.s3.clock().advance(Duration::from_secs(5));
        let run = world.load("wednesday.csv", &contacts(0..1_100)).await;
        assert_eq!(run.assert_loaded()["recovered"], true, "{run}");
        let told = run["sentence"].as_str().unwrap();
        assert!(
            told.ends_with("but a file that was refused before is still not loaded."),
            "{told}"
        );
        let run = world.load("thursday.csv", &contacts(0..1_200)).await;
        assert_eq!(run.assert_loaded()["recovered"], Value::Null, "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_result_ends_what_it_overtakes() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append", "max_growth_percent": 50}));
    world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    world
        .load("tuesday.csv", &contacts(1_000..9_000))
        .await
        .assert_refused();
    let key = world.drop_contacts("all.csv", &contacts(0..1_100));
    let run = world.load_directly(&key, &json!({"mode": "replace"})).await;
    let told = run.assert_loaded()["sentence"].as_str().unwrap();
    assert!(told.ends_with("What went wrong before is over."), "{told}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_over_while_another_file_of_the_segment_fails_again_and_again() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    // Two attempts that die are the file's own fault, so that others go on.
    let key = world.drop_contacts("tuesday.csv", &contacts(100..110));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    for _ in 0..2 {
        let nth = world.sandbox.dataverse.count("AddStaticMembers") + 1;
        kill_at(&world, event.clone(), "AddStaticMembers", nth).await;
        tokio::time::sleep(crate::failures::A_LEASE).await;
    }
    world.sandbox.s3.clock().advance(Duration::from_mins(5));
    let key = world.drop_contacts("wednesday.csv", &contacts(110..120));
    let answer = world.deliver(&key).await;
    let runs = answer["runs"].as_array().unwrap();
    let run = runs
        .iter()
        .find(|run| run["outcome"] == "loaded")
        .unwrap_or_else(|| panic!("{answer}"));
    assert_nothing_is_over(&world, run, "■ Failing");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_told_again_says_what_helps_and_approve_only_where_that_does() {
    let wrong_column = || b"contactid\na@x.example\nb@x.example\n".to_vec();
    let people = |count| crate::world::csv(&contacts(0..count));
    let zero_byte = Vec::new;
    for (name, content, rules, helps) in [
        ("a.csv", wrong_column(), json!({}), "Mend that, or drop a better file."),
        ("a.csv", zero_byte(), json!({}), "Mend that, or drop a better file."),
        (
            "_temporary.csv",
            people(1_000),
            json!({}),
            "Mend that, or drop a better file.",
        ),
        (
            "part-00001-of-00003.csv",
            people(1_000),
            json!({}),
            "Mend that, or drop a better file.",
        ),
        ("a.csv", people(10), json!({}), "Approve, or drop a better file."),
    ] {
        let world = World::start().await;
        world.destination(&rules);
        world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
        world.sandbox.s3.clock().advance(Duration::from_secs(5));
        let key = world.drop_file(name, content);
        let first = world.run(&key).await;
        first.assert_refused();
        let again = world.run(&key).await;
        let told = again.assert_refused()["sentence"].as_str().unwrap();
        assert!(
            told.contains("this file was refused before. It was said then: "),
            "{told}"
        );
        assert!(told.ends_with(helps), "{told}");
        assert!(first["sentence"].as_str().unwrap().ends_with(helps), "{first}");
        assert!(again.reason() == first.reason() && again["repeated"] == true, "{again}");

        // A head of an earlier version has the reason alone.
        let mut head = world.head();
        head["refused"][0].as_object_mut().unwrap().remove("told");
        let key_of_head = &world.sandbox.s3.keys(BUCKET, "_state/segments/")[0];
        world.sandbox.s3.put(BUCKET, key_of_head, head.to_string());
        let again = world.run(&key).await;
        let told = again.assert_refused()["sentence"].as_str().unwrap();
        assert!(
            !told.contains("Approve") && told.contains("was refused before") || told.contains("Mend that"),
            "{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_worker_died_before_it_told_is_told_as_it_was() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    let key = world.drop_file("tuesday.csv", &b"contactid\na@x.example\n"[..]);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let refused = async {
        while world.head()["refused"].as_array().is_none_or(Vec::is_empty) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    world
        .sandbox
        .s3
        .fault(Fault::on("PutObject").path("receipts").delay(Duration::from_secs(30)));
    crate::failures::kill_when(&world, event, refused).await;
    world.sandbox.s3.clear_faults();
    tokio::time::sleep(crate::failures::A_LEASE).await;
    let swept = sweep(&world).await;
    let run = &swept["runs"][0];
    assert_eq!(run["outcome"], "refused", "{swept}");
    let told = run["sentence"].as_str().unwrap();
    let name = format!("“{SEGMENT}” was not refreshed: not one of its rows holds a usable contact id.");
    assert!(
        told.starts_with(&name) && told.ends_with("Mend that, or drop a better file."),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_file_that_is_loaded_directly_and_cannot_be_read_has_its_box_on_the_page() {
    let world = World::start().await;
    let old = world.drop_file("old.parquet", &b"PAR1"[..]);
    world.sandbox.s3.clock().advance(Duration::from_secs(5));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let run = world.load_directly(&old, &json!({})).await;
    run.assert_failed();
    for _ in 0..2 {
        let shown = page::lines(&world).join("\n");
        assert!(
            shown.contains("▲ Not refreshed") && shown.contains("Cannot be loaded"),
            "{shown}"
        );
        assert!(shown.contains(&format!("File {old}, of ")), "{shown}");
        sweep(&world).await;
    }
    world.sandbox.s3.clock().advance(Duration::from_secs(5));
    let run = world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(run.assert_loaded()["recovered"], true, "{run}");
    let shown = page::lines(&world).join("\n");
    assert!(
        shown.contains("● Up to date") && !shown.contains("Cannot be loaded"),
        "{shown}"
    );
}
