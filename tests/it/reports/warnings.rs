//! What a report says to people besides its numbers.

use crate::world::{SEGMENT, World, contacts};
use chrono::{Days, Utc};
use sandbox::dataverse::Seed;
use sandbox::{CREDENTIAL_SECRET, Fault};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_segment_that_feeds_live_journeys_is_named_with_how_many_people_it_gets() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..100)).live_journeys(2);
    world.sandbox.dataverse.seed_segment(seed);
    let key = world.drop_contacts("monday.csv", &contacts(0..440));
    let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert!(
        dry.warnings()
            .contains("is used by 2 live journeys: 340 people would be added to it"),
        "{dry}"
    );
    let run = world.run(&key).await;
    run.assert_loaded();
    assert_eq!(run["live_journeys"], json!(2), "{run}");
    assert!(
        run.warnings()
            .contains("is used by 2 live journeys: 340 people are added to it"),
        "{run}"
    );
    let run = world.load_directly(&key, &json!({})).await;
    assert!(run.warnings().contains("0 people are added to it"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_a_live_journey_locks_fails_with_the_way_out() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..100)).locked_by_journey();
    world.sandbox.dataverse.seed_segment(seed);
    let key = world.drop_contacts("monday.csv", &contacts(0..440));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_failed().as_type("SegmentInUse");
    let reason = run.reason();
    assert!(
        reason.contains("in use (by 1 live journey)") && reason.contains("or load into another segment"),
        "{reason}"
    );
    assert!(
        run.warnings()
            .contains("is used by 1 live journey: 340 people would be added"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_taken_over_is_named_once_with_what_was_removed_from_it() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..100)));
    let run = world.load("monday.csv", &contacts(40..400)).await;
    let sentence = "\"Summer Sale\" was there before and is taken over: 40 of its 100 members are removed";
    assert!(run.warnings().contains(sentence), "{run}");
    let run = world.load("tuesday.csv", &contacts(40..401)).await;
    run.warns_of_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_segment_of_our_own_is_not_taken_over_and_says_who_manages_it() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.warns_of_nothing();
    let description = world.segment().fields["msdynmkt_description"].to_string();
    assert!(
        description.contains("segment-loader") && description.contains("s3://"),
        "{description}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_or_expired_segment_is_published_again_and_the_report_says_so() {
    for (status, word) in [(9, "was stopped"), (10, "had expired")] {
        for more in [0, 1] {
            let world = World::start().await;
            world.load("monday.csv", &contacts(0..30)).await;
            let id = world.segment().id;
            world
                .sandbox
                .dataverse
                .edit(|state| state.set_segment(id, &[("statecode", json!(1)), ("statuscode", json!(status))]));
            let run = world.load("tuesday.csv", &contacts(0..30 + more)).await;
            run.assert_loaded();
            assert!(run.warnings().contains(word), "{run}");
            assert_eq!(world.segment().statuscode, 1);
            assert_eq!(world.published(), contacts(0..30 + more));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_vanish_in_computing_are_reported() {
    let world = World::start().await;
    world.sandbox.dataverse.drop_at_compute(contacts(0..3));
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded().counted(97);
    assert!(run.warnings().contains("97 members where 100 were published"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_client_secret_that_ends_is_announced_in_every_run() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..10));
    for (days, expected) in [
        (31, None),
        (30, Some("ends in 30 days")),
        (14, Some("ends in 14 days")),
        (7, Some("ends in 7 days")),
        (1, Some("ends tomorrow")),
        (0, Some("ends today")),
    ] {
        let date = Utc::now().date_naive() + Days::new(days);
        let change = json!({"client_secret_expires_on": date.to_string()});
        world.sandbox.secrets.merge(CREDENTIAL_SECRET, &change);
        for fields in [json!({}), json!({"dry_run": true})] {
            let run = world.load_directly(&key, &fields).await;
            match expected {
                Some(sentence) => assert!(run.warnings().contains(sentence), "{days}: {run}"),
                None => _ = run.warns_of_nothing(),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_told_in_the_report() {
    let world = World::start().await;
    let throttled = Fault::on("AddStaticMembers")
        .nth(1)
        .answer(429)
        .header("retry-after", "7");
    world.sandbox.dataverse.fault(throttled);
    let run = world.load("monday.csv", &contacts(0..10)).await;
    run.assert_loaded();
    let throttled = run["throttled_ms"].as_u64().unwrap();
    assert!((7_000..9_000).contains(&throttled), "{run}");
}
