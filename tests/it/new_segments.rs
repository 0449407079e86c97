//! Segments that no one has made yet: told with the names that come near, or refused.

use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const MISSPELT: &str = "Sumer sale";
const KEY: &str = "incoming/Sumer sale/monday.csv";

/// An environment with some segments, one of which was meant by a file for another.
async fn with_segments() -> World {
    let world = World::start().await;
    for name in [SEGMENT, "SUMMERSALE", "Winter Sale"] {
        world
            .sandbox
            .dataverse
            .seed_segment(Seed::named(name).group(contacts(0..10)));
    }
    world.sandbox.s3.put(BUCKET, KEY, csv(&contacts(0..20)));
    world
}

fn looks(world: &World) -> usize {
    let requests = world.sandbox.dataverse.requests();
    let is_look = |(name, value): &(String, String)| name == "$top" && value == "5000";
    requests
        .iter()
        .filter(|logged| logged.query.iter().any(is_look))
        .count()
}

fn is_told_with_those_near(run: &Run, verb: &str) {
    let sentence = format!(
        "the segment \"{MISSPELT}\" {verb} new, since there was none of exactly this name; there is already, with nearly this \
         name: \"SUMMERSALE\", \"{SEGMENT}\""
    );
    run.warns(&sentence);
    assert_eq!(run["created"], json!(true), "{run}");
    assert!(!run.warnings().contains("Winter"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_new_segment_is_told_with_the_names_that_come_near_in_a_dry_run_too() {
    for mode in ["replace", "append"] {
        let world = with_segments().await;
        world.destination(&json!({"mode": mode}));
        is_told_with_those_near(&world.load_directly(KEY, &json!({"dry_run": true})).await, "would be");
        assert!(world.sandbox.dataverse.segments(MISSPELT).is_empty());
        let run = world.run(KEY).await;
        is_told_with_those_near(run.assert_loaded(), "is");
        assert_eq!(looks(&world), 2, "one call for each");

        let again = world.load_directly(KEY, &json!({})).await;
        assert!(!again.warnings().contains("new"), "{again}");
        assert_eq!((&again["created"], looks(&world)), (&json!(false), 2), "{again}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_whose_name_comes_near_no_other_is_told_alone_and_one_that_is_there_is_not() {
    let world = World::start().await;
    world.sandbox.dataverse.seed_segment(Seed::named("Winter Sale"));
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named("Summer Sales").status(4));
    let run = world.load("monday.csv", &contacts(0..20)).await;
    run.assert_loaded().warns("\"Summer Sale\" is new").warns_of_nothing();
    let run = world.load("tuesday.csv", &contacts(0..21)).await;
    assert_eq!(run["warnings"], json!([]), "{run}");
    assert_eq!(looks(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_for_names_that_fails_is_no_failure_of_the_run_and_is_said() {
    // The first call looks for the name itself.
    let look = || Fault::on("GET msdynmkt_segments").nth(2);
    for fault in [
        look().answer(403).code("0x80040220"),
        look().answer(500),
        look().delay(Duration::from_secs(75)),
        look().drop_connection(),
        look().rewrite(|body| *body = json!({"value": 7})),
        look().rewrite(|body| *body = Value::Null),
    ] {
        let world = with_segments().await;
        world.sandbox.dataverse.fault(fault);
        let run = world.run(KEY).await;
        run.assert_loaded().warns(
            "is new, since there was none of exactly this name; whether another name comes near it could not be",
        );
        assert_eq!(looks(&world), 1, "it is not repeated");
        assert_eq!(
            world.sandbox.dataverse.segment(MISSPELT).published,
            Some(contacts(0..20))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_wants_none_to_be_made_refuses_before_anything_is_written_whatever_the_mode() {
    for mode in ["replace", "append", "remove"] {
        let world = with_segments().await;
        world.destination(&json!({"missing_segment": "refuse", "mode": mode}));
        for fields in [json!({"dry_run": true}), json!({})] {
            let run = world.load_directly(KEY, &fields).await;
            run.assert_refused().as_type("SegmentMissing");
            run.says("no segment of exactly the name \"Sumer sale\"")
                .says("\"SUMMERSALE\", \"Summer Sale\"")
                .says("create a static segment of contacts of exactly this name");
            let approved = world.load_directly(KEY, &json!({"approve": run.run_id()})).await;
            approved.assert_refused().as_type("SegmentMissing");
        }
        assert_eq!(world.sandbox.dataverse.writes(), 0, "{mode}");
        assert!(world.sandbox.dataverse.segments(MISSPELT).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_for_its_segment_is_loaded_under_the_right_name_or_once_there_is_one() {
    let world = with_segments().await;
    world.destination(&json!({"missing_segment": "refuse"}));
    let refused = world.run(KEY).await;
    refused.assert_refused().as_type("SegmentMissing");
    world
        .load_directly(KEY, &json!({"segment_name": SEGMENT}))
        .await
        .assert_loaded()
        .added(10);
    assert_eq!(world.published(), contacts(0..20));

    world.sandbox.dataverse.seed_segment(Seed::named(MISSPELT));
    world.load_directly(KEY, &json!({})).await.assert_loaded().added(20);
    assert_eq!(world.sandbox.dataverse.segments(MISSPELT).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_segment_of_a_sample_is_made_where_no_other_may_be() {
    let world = with_segments().await;
    world.destination(&json!({"missing_segment": "refuse"}));
    let run = world.load_directly(KEY, &json!({"sample": 5})).await;
    run.assert_loaded().warns("\"Sumer sale (test)\" is new");
    let sample = world.sandbox.dataverse.segment("Sumer sale (test)");
    assert_eq!(sample.published.map(|members| members.len()), Some(5));
    assert!(world.sandbox.dataverse.segments(MISSPELT).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_segment_with_the_name_of_a_folder_that_is_a_date_a_number_or_a_file_is_told_as_one_to_check() {
    for (folder, is_odd) in [
        ("23", true),
        ("dt=2026-11-27", true),
        ("all.csv", true),
        ("Autumn", false),
    ] {
        let world = World::start().await;
        let key = format!("incoming/{folder}/part.csv");
        world.sandbox.s3.put(BUCKET, &key, csv(&contacts(0..20)));
        let run = world.run(&key).await;
        let told = run.assert_loaded()["sentence"].as_str().unwrap();
        assert_eq!(
            told.contains("which looks like a date, a number or a file"),
            is_odd,
            "{told}"
        );
        assert_eq!(run.warnings().contains("name it by `segment_name`"), is_odd, "{run}");
        let shown = crate::page::lines(&world).join("\n");
        assert_eq!(shown.contains("Name to check"), is_odd, "{shown}");
    }
    // Whoever names it means it.
    let world = World::start().await;
    let key = world.drop_contacts("part.csv", &contacts(0..20));
    let run = world.load_directly(&key, &json!({"segment_name": "2026"})).await;
    let told = run.assert_loaded()["sentence"].as_str().unwrap();
    assert_eq!(told, "“2026” was created, with 20 people.");
}
