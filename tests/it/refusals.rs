//! What is not loaded, why, and what stays as it was.

use crate::run::Run;
use crate::world::{SEGMENT, World, contact, contacts};
use sandbox::BUCKET;
use sandbox::dataverse::Seed;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn one_contact_over_two_million_is_refused_before_any_write() {
    let world = World::start().await;
    let run = world.load("everyone.csv", &contacts(0..2_000_001)).await;
    run.assert_refused();
    let reason = run.reason();
    assert!(reason.contains("2000001") && reason.contains("2000000"), "{reason}");
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert!(world.sandbox.dataverse.segments(SEGMENT).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_result_is_refused_and_its_approval_or_the_setting_clears() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    let key = world.drop_contacts("empty.csv", &[]);
    let refused = world.run(&key).await;
    refused.assert_refused();
    assert_eq!(world.published(), contacts(0..50));

    let again = world.run(&key).await;
    assert_eq!(
        (&again["outcome"], &again["reason"]),
        (&refused["outcome"], &refused["reason"])
    );

    let wrong = world.load_directly(&key, &json!({"approve": "0123456789abcdef"})).await;
    wrong.assert_refused();
    let approved = world.load_directly(&key, &json!({"approve": refused.run_id()})).await;
    approved.assert_loaded();
    assert_eq!(world.segment().published, Some(Vec::new()));

    world.load("tuesday.csv", &contacts(0..50)).await;
    world.destination(&json!({"empty_result": "clear"}));
    let cleared = world.load("cleared.csv", &[]).await;
    cleared.assert_loaded();
    assert_eq!(world.segment().published, Some(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn an_event_of_what_was_refused_is_superseded_once_a_newer_file_was_loaded() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let small = world.drop_contacts("small.csv", &contacts(0..10));
    let refused = world.run(&small).await;
    refused.assert_refused();
    let unreadable = world.drop_file("unreadable.csv", "name\nAnn\n");
    let event = world.sandbox.s3.notification(BUCKET, &unreadable);
    Run::of_event(world.invoke(event).await).assert_failed();
    world.load("better.csv", &contacts(0..900)).await.assert_loaded();
    for key in [&small, &unreadable] {
        let again = world.run(key).await;
        again
            .assert_superseded()
            .says("it was refused, and a newer result was loaded since");
        assert_eq!(
            again["sentence"],
            "This file is not loaded into “Summer Sale”: another one counts instead."
        );
    }
    assert_eq!(world.published(), contacts(0..900));
    let approved = world.load_directly(&small, &json!({"approve": refused.run_id()})).await;
    approved.assert_loaded().contacts(10);
}

/// Its approval stands where its event stood: nothing newer was loaded.
#[tokio::test(start_paused = true)]
async fn an_approved_result_that_is_refused_once_more_has_not_overtaken_itself() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let nobody = world.drop_contacts("nobody.csv", &[]);
    let refused = world.run(&nobody).await;
    refused.assert_refused();
    let approved = world
        .load_directly(&nobody, &json!({"approve": refused.run_id()}))
        .await;
    approved.assert_loaded().contacts(0);
    world.load_directly(&nobody, &json!({})).await.assert_refused();
    world.run(&nobody).await.assert_refused();
    assert!(world.published().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_byte_is_refused_even_where_empty_results_clear() {
    let world = World::start().await;
    world.destination(&json!({"empty_result": "clear"}));
    world.load("monday.csv", &contacts(0..50)).await;
    let key = world.drop_file("zero.csv", Vec::new());
    let run = world.run(&key).await;
    run.assert_refused().as_type("SourceEmpty");
    world.run(&key).await.assert_refused().as_type("SourceEmpty");
    assert_eq!(world.published(), contacts(0..50));
}

#[tokio::test(start_paused = true)]
async fn rows_without_an_id_are_counted_with_their_lines() {
    let world = World::start().await;
    world.destination(&json!({"max_invalid_percent": 60}));
    let [a, b] = [contact(1), contact(2)];
    let text = format!(
        "name,ContactID\n\"Ann, with\na break\",{a}\nBob,\nCy,{{{}}}\nDi,nobody@example.com\nEd,{a}\n",
        b.simple()
    );
    let key = world.drop_file("mixed.csv", text);
    let run = world.run(&key).await;
    run.assert_loaded();
    assert_eq!(
        (&run["rows"], &run["contacts"], &run["duplicates"], &run["rejected"]),
        (&json!(5), &json!(2), &json!(1), &json!(2))
    );
    assert_eq!(run["rejected_lines"], json!([4, 6]));
    assert_eq!(world.published(), [a, b]);
}

#[tokio::test(start_paused = true)]
async fn a_file_without_the_column_fails_with_the_names_that_come_near_and_shows_no_other() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await;
    let key = world.drop_file("wrong.csv", "email,contact_id\na@example.com,DE\n");
    let error = world
        .invoke(world.sandbox.s3.notification(BUCKET, &key))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "SourceInvalid");
    assert!(
        error.to_string().contains("2 columns, and \"contact_id\" comes near") && !error.to_string().contains("email"),
        "{error}"
    );
    assert_eq!(world.published(), contacts(0..50));

    let ordered = world.load_directly(&key, &json!({})).await;
    assert_eq!(
        ordered.outcome(),
        "failed",
        "a direct command answers the failure as a run: {ordered}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_segments_of_one_name_and_a_dynamic_one_are_refused() {
    let world = World::start().await;
    let ids = [1, 2].map(|_| {
        world
            .sandbox
            .dataverse
            .seed_segment(Seed::named(SEGMENT).group(contacts(0..3)))
    });
    let run = world.load("monday.csv", &contacts(0..400)).await;
    run.assert_refused();
    assert!(ids.iter().all(|id| run.reason().contains(&id.to_string())), "{run}");

    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).query("PROFILE(contact).FILTER(city == 'Rome')"));
    let run = world.load("monday.csv", &contacts(0..400)).await;
    run.assert_refused();
    assert_eq!(world.sandbox.dataverse.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn remove_never_creates_a_segment() {
    let world = World::start().await;
    let key = world.drop_contacts("gone.csv", &contacts(0..10));
    let run = world.load_directly(&key, &json!({"mode": "remove"})).await;
    run.assert_unchanged();
    assert!(world.sandbox.dataverse.segments(SEGMENT).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_addition_or_removal_changes_and_publishes_nothing() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..30)));
    for mode in ["append", "remove"] {
        let key = world.drop_contacts(&format!("{mode}.csv"), &[]);
        let run = world.load_directly(&key, &json!({"mode": mode})).await;
        run.assert_unchanged();
    }
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!(world.published(), contacts(0..30));
}
