//! The whole way from a dropped file to the members of the segment.

use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::dataverse::Seed;
use sandbox::{BUCKET, Fault};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_dropped_file_ends_as_exactly_those_members_published() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..2_500)).await;
    run.assert_loaded();
    run.contacts(2_500).added(2_500).removed(0);
    run.counted(2_500);
    let segment = world.segment();
    assert_eq!(segment.published, Some(contacts(0..2_500)));
    assert_eq!(segment.statuscode, 1);
    assert!(segment.refresh_disabled);
    assert_eq!(world.sandbox.dataverse.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn the_same_file_again_makes_no_write_at_all() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..2_500));
    world.deliver(&key).await;
    world.sandbox.dataverse.clear_log();

    let duplicate = world.run(&key).await;
    duplicate.assert_unchanged();
    assert_eq!(
        world.sandbox.dataverse.requests().len(),
        0,
        "a duplicate event asks Dynamics nothing"
    );

    let ordered = world.load_directly(&key, &json!({})).await;
    ordered.assert_unchanged();
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!(world.published(), contacts(0..2_500));
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_adds_and_removes_exactly_the_difference() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..3_000)).await;
    let run = world.load("tuesday.csv", &contacts(500..3_200)).await;
    run.added(200).removed(500);
    assert_eq!(run["members_before"], 3_000);
    assert_eq!(world.published(), contacts(500..3_200));
}

#[tokio::test(start_paused = true)]
async fn quarter_of_a_million_contacts_fill_two_groups_and_stay_exact() {
    let world = World::start().await;
    let all = contacts(0..250_000);
    let key = world.drop_contacts("all.csv", &all);
    let first = world.run(&key).await;
    first.assert_loaded();
    let sizes: Vec<_> = world.segment().groups.iter().map(|group| group.count).collect();
    assert_eq!(sizes, [200_000, 50_000]);
    assert_eq!(world.published(), all);

    world.sandbox.dataverse.clear_log();
    let again = world.load_directly(&key, &json!({})).await;
    again.assert_unchanged();
    assert_eq!(world.sandbox.dataverse.writes(), 0);

    let changed = contacts((1_000..250_000).chain(300_000..300_500));
    let run = world.load("changed.csv", &changed).await;
    run.added(500).removed(1_000);
    assert_eq!(world.published(), changed);
    assert_eq!(world.sandbox.dataverse.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn include_groups_made_by_a_person_are_content_and_exclude_groups_stay_untouched() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT)
        .group(contacts(0..300))
        .group(contacts(250..500))
        .exclude(contacts(900..1_000));
    world.sandbox.dataverse.seed_segment(seed);
    let run = world.load("monday.csv", &contacts(200..700)).await;
    run.assert_loaded();
    assert_eq!(world.segment().members, contacts(200..700));
    let segment = world.segment();
    let excluded: Vec<_> = segment
        .groups
        .iter()
        .filter(|group| !group.include)
        .map(|group| group.count)
        .collect();
    assert_eq!(excluded, [100]);
}

#[tokio::test(start_paused = true)]
async fn automatic_refresh_is_switched_off_before_the_first_member_call() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..300)).with_refresh());
    let run = world.load("monday.csv", &contacts(0..400)).await;
    run.assert_loaded().warns("refresh");
    assert!(world.segment().refresh_disabled);
    let requests = world.sandbox.dataverse.requests();
    let position = |operation: &str| {
        requests
            .iter()
            .position(|request| request.operation == operation)
            .unwrap()
    };
    assert!(position("PATCH msdynmkt_segmentdefinitions") < position("AddStaticMembers"));
}

#[tokio::test(start_paused = true)]
async fn a_segment_whose_name_differs_in_case_only_is_another_segment() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named("SUMMER SALE").group(contacts(0..3)));
    let run = world.load("monday.csv", &contacts(10..20)).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(10..20));
    assert_eq!(world.sandbox.dataverse.segment("SUMMER SALE").members, contacts(0..3));
}

#[tokio::test(start_paused = true)]
async fn a_first_load_publishes_even_where_the_members_are_the_same() {
    let world = World::start().await;
    world
        .sandbox
        .dataverse
        .seed_segment(Seed::named(SEGMENT).group(contacts(0..30)));
    let run = world.load("monday.csv", &contacts(0..30)).await;
    run.assert_loaded();
    assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_segment_is_published_again_although_nothing_changed() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..30));
    world.deliver(&key).await;
    let id = world.segment().id;
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(id, &[("statecode", json!(1)), ("statuscode", json!(9))]));
    let run = world.load_directly(&key, &json!({})).await;
    run.assert_loaded().warns("stopped");
}

#[tokio::test(start_paused = true)]
async fn append_adds_and_remove_takes_away() {
    let world = World::start().await;
    let first = world.drop_contacts("first.csv", &contacts(0..100));
    let second = world.drop_contacts("second.csv", &contacts(50..150));
    let third = world.drop_contacts("third.csv", &contacts(0..10));
    world.load_directly(&first, &json!({"mode": "append"})).await;
    world.load_directly(&second, &json!({"mode": "append"})).await;
    assert_eq!(world.published(), contacts(0..150));
    let run = world.load_directly(&third, &json!({"mode": "remove"})).await;
    run.added(0).removed(10);
    assert_eq!(world.published(), contacts(10..150));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_the_numbers_and_writes_nothing() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(90..200));
    world.sandbox.dataverse.clear_log();
    let keys = world.sandbox.s3.keys(BUCKET, "_state/");
    let head = world.head();
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    run.assert_dry_run();
    run.added(100).removed(90);
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    assert_eq!((world.sandbox.s3.keys(BUCKET, "_state/"), world.head()), (keys, head));
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_sample_goes_to_a_test_segment_and_leaves_the_real_one_alone() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..1_000)).await;
    let key = world.drop_contacts("tuesday.csv", &contacts(0..2_000));
    let run = world.load_directly(&key, &json!({"sample": 25})).await;
    run.assert_loaded();
    assert_eq!(run["segment_name"], json!("Summer Sale (test)"), "{run}");
    let sample = world.sandbox.dataverse.segment("Summer Sale (test)").published.unwrap();
    assert_eq!(sample.len(), 25);
    assert!(sample.iter().all(|id| contacts(0..2_000).contains(id)));
    assert_eq!(world.published(), contacts(0..1_000));
    world.load_directly(&key, &json!({"sample": 25})).await;
    assert_eq!(
        world.sandbox.dataverse.segment("Summer Sale (test)").published,
        Some(sample),
        "always the same sample"
    );
}

#[tokio::test(start_paused = true)]
async fn every_run_leaves_its_head_and_a_receipt_without_ids() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..10)).await;
    let head = world.head();
    assert_eq!(head["newest"], head["applied"]["order"]);
    assert_eq!(head["applied"]["run_id"], run["run_id"]);
    assert_eq!(
        (&head["pending"], &head["writing"], &head["lease"]),
        (&json!([]), &json!(null), &json!(null))
    );

    let key = run["receipt"]
        .as_str()
        .unwrap()
        .strip_prefix(&format!("s3://{BUCKET}/"))
        .unwrap()
        .to_owned();
    let receipt = world.sandbox.s3.get_json(BUCKET, &key).unwrap();
    Run::of(&receipt).assert_loaded().contacts(10);
    for id in contacts(0..10) {
        assert!(!format!("{receipt} {head}").contains(&id.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn objects_that_are_no_results_are_ignored_with_success() {
    let world = World::start().await;
    for key in [
        "_state/segments/x/head.json",
        "other/file.csv",
        "incoming/Summer Sale/",
        "incoming/a/_SUCCESS",
    ] {
        world.sandbox.s3.put(BUCKET, key, "x");
        assert_eq!(world.deliver(key).await, json!({"runs": []}), "{key}");
    }
    for event in ["s3-test-event.json", "s3-delete.json"] {
        let text = std::fs::read_to_string(format!("{}/events/{event}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(
            world.invoke(serde_json::from_str(&text).unwrap()).await.unwrap(),
            json!({"runs": []}),
            "{event}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn hostile_keys_are_read_on_both_roads() {
    let world = World::start().await;
    world.destination(&json!({"segment_name": SEGMENT}));
    let long = format!("incoming/{}.csv", "k".repeat(1_011));
    for (number, key) in [
        "incoming/a b+c%41é=&.csv",
        "incoming/+.csv",
        "incoming/%2B%zz.csv",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).unwrap() * 100;
        world
            .sandbox
            .s3
            .put(BUCKET, key, crate::world::csv(&contacts(number..number + 60)));
        world.sandbox.s3.clock().advance(std::time::Duration::from_secs(1));
        Run::first(&world.deliver(key).await).assert_loaded();
        assert_eq!(world.published(), contacts(number..number + 60));

        world
            .sandbox
            .s3
            .put(BUCKET, key, crate::world::csv(&contacts(number..number + 61)));
        world.sandbox.s3.clock().advance(std::time::Duration::from_secs(1));
        let event = world.sandbox.s3.event_bridge(BUCKET, key);
        Run::first(&world.invoke(event).await.unwrap()).assert_loaded();
        assert_eq!(world.published(), contacts(number..number + 61));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_no_failure_because_of_another_files_run() {
    let world = World::start().await;
    let good = world.drop_contacts("monday.csv", &contacts(0..100));
    let bad = world.drop_file("tuesday.csv", "email\nsomebody@example.com\n");
    // Tuesday's file may not be read at first, so that Monday's event finds its job.
    world
        .sandbox
        .s3
        .fault(Fault::on("GetObject").path("tuesday").answer(403).code("AccessDenied"));
    let event = world.sandbox.s3.notification(BUCKET, &bad);
    assert_eq!(world.invoke(event).await.unwrap_err().error_type(), "SourceForbidden");
    let answer = world.deliver(&good).await;
    let outcomes: Vec<_> = answer["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["loaded", "failed"], "{answer}");
    assert_eq!(world.published(), contacts(0..100));
}
