//! Forgetting a segment: all or nothing, and told.

use crate::failures::{kill_at, outcomes, sweep};
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Outcome;
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

async fn forget(world: &World) -> Value {
    let command = json!({"action": "forget", "segment_name": SEGMENT});
    world.invoke(command).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_segment_whose_results_are_gone_is_known_no_more() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    world.deliver(&key).await;
    world.sandbox.s3.delete(BUCKET, &key);
    let answer = forget(&world).await;
    let expected = json!({"segment_name": SEGMENT, "forgotten": true, "reason": null, "warnings": []});
    assert_eq!(answer, expected);
    assert_eq!(world.head(), Value::Null);
    assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    assert_eq!(world.published(), contacts(0..100), "Dynamics is not touched");
    let again = forget(&world).await;
    assert_eq!(again["forgotten"], false, "{again}");
    assert!(again["reason"].as_str().unwrap().contains("never loaded"), "{again}");
    assert_eq!(world.load("tuesday.csv", &contacts(0..120)).await.outcome(), "loaded");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_still_lies_there_is_told_of_and_loaded_again() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.load("tuesday.csv", &contacts(0..110)).await;
    let answer = forget(&world).await;
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.contains("tuesday.csv (and 1 more"), "{warning}");
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(0..110));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_not_forgotten() {
    for (what, words) in [
        ("pending", "waits to be loaded"),
        ("held", "a run works on"),
        ("unconfirmed", "not yet seen"),
        ("writing", "half-written"),
    ] {
        let world = World::start().await;
        let key = world.drop_contacts("monday.csv", &contacts(0..3_000));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        match what {
            "pending" => {
                world
                    .sandbox
                    .dataverse
                    .fault(Fault::on("GET msdynmkt_segments").always().answer(500));
                world.invoke(event).await.unwrap_err();
                world.sandbox.dataverse.clear_faults();
            }
            "unconfirmed" => {
                world.sandbox.dataverse.modes(|modes| {
                    modes.publish_delay = Duration::from_mins(20);
                    modes.outcome = Outcome::Active;
                });
                world.invoke(event).await.unwrap();
            }
            _ => kill_at(&world, event, "AddStaticMembers", 2).await,
        }
        if what == "writing" {
            // A complete result that can never be read again leaves the draft as it was.
            world.sandbox.s3.fault(
                Fault::on("GetObject")
                    .path("incoming/")
                    .always()
                    .answer(404)
                    .code("NoSuchKey"),
            );
            tokio::time::sleep(Duration::from_mins(4)).await;
            sweep(&world).await;
            world.sandbox.s3.clear_faults();
        }
        let before = world.head();
        let answer = forget(&world).await;
        assert_eq!(answer["forgotten"], false, "{what}: {answer}");
        assert!(answer["reason"].as_str().unwrap().contains(words), "{what}: {answer}");
        assert_eq!(world.head(), before, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_in_meanwhile_is_not_forgotten() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.sandbox.s3.latency("DeleteObject", Duration::from_secs(2));
    let (answer, run) = tokio::join!(forget(&world), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.load("tuesday.csv", &contacts(0..110)).await
    });
    run.assert_loaded();
    assert_eq!(world.published(), contacts(0..110));
    let is_forgotten = answer["forgotten"] == true;
    assert_eq!(world.head().is_null(), is_forgotten, "{answer}");
    assert!(!is_forgotten, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world
        .sandbox
        .s3
        .fault(Fault::on("DeleteObject").always().answer(403).code("AccessDenied"));
    let command = json!({"action": "forget", "segment_name": SEGMENT});
    let error = world.invoke(command).await.unwrap_err();
    assert_eq!(error.error_type(), "StateForbidden");
    assert!(error.to_string().contains("s3:DeleteObject"), "{error}");
    assert!(!world.head().is_null());
}

#[tokio::test(start_paused = true)]
async fn a_head_remembers_its_loads_and_when_the_audience_was_right() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let loaded = world.head();
    assert_eq!(loaded["last_good"], loaded["applied"]["at"]);
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_mins(20));
    world.load("tuesday.csv", &contacts(0..110)).await;
    let computing = world.head();
    assert_eq!(computing["last_good"], loaded["last_good"], "not seen yet");
    assert_eq!(computing["loads"][1]["outcome"], "computing");
    tokio::time::sleep(Duration::from_mins(20)).await;
    sweep(&world).await;
    let seen = world.head();
    assert_ne!(seen["last_good"], loaded["last_good"]);
    world.load("wednesday.csv", &contacts(0..110)).await;
    let unchanged = world.head();
    assert_ne!(unchanged["last_good"], seen["last_good"]);
    let told: Vec<_> = unchanged["loads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|load| {
            (
                load["contacts"].as_u64().unwrap(),
                load["outcome"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let of = |contacts, outcome: &str| (contacts, outcome.to_owned());
    assert_eq!(told, [of(100, "loaded"), of(110, "loaded"), of(110, "unchanged")]);
}
