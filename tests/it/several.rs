//! One file of several is no result: neither by its name nor by what lies beside it.

use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::BUCKET;
use serde_json::json;
use std::time::Duration;

const QUARTER: Duration = Duration::from_mins(15);

/// A world whose segment holds 100 contacts.
async fn world_of_100() -> World {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    world.sandbox.s3.clock().advance(Duration::from_hours(24));
    world
}

fn assert_refused(run: &Run) {
    run.assert_refused();
    let reason = run.reason();
    assert!(
        reason.contains("set result_files to folder or manifest in the destination secret"),
        "{reason}"
    );
    let sentence = run["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("the file looks like one of several that make one result together"),
        "{sentence}"
    );
}

#[tokio::test(start_paused = true)]
async fn files_of_writers_of_several_are_each_refused_and_the_audience_stays() {
    for names in [
        ["run-1700000000000-part-r-00000", "run-1700000000000-part-r-00001"],
        ["summer_0_0_0.csv", "summer_0_1_0.csv"],
        ["part-0.parquet", "part-1.parquet"],
        ["000000_0", "000001_0"],
        ["data_0.csv", "data_1.csv"],
        ["export-00.csv", "export-01.csv"],
        ["00000000.csv", "00000001.csv"],
        ["xaa", "xab"],
        ["2026-11-23000000000000.csv", "2026-11-23000000000001.csv"],
        ["sale2026000000000000.csv", "sale2026000000000001.csv"],
        ["LOAD00000001.csv", "LOAD00000002.csv"],
        ["sale.csv.000", "sale.csv.001"],
        ["sale.csvaa", "sale.csvab"],
        ["sale_1of3.csv", "sale_2of3.csv"],
    ] {
        let world = world_of_100().await;
        for (number, name) in names.into_iter().enumerate() {
            let start = u32::try_from(number).unwrap() * 60;
            assert_refused(&world.load(name, &contacts(start..start + 60)).await);
        }
        assert_eq!(world.published(), contacts(0..100), "{names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_number_could_be_anything_is_refused_where_its_sibling_came_within_a_quarter_of_an_hour() {
    let world = world_of_100().await;
    let first = world.drop_contacts("export-1.csv", &contacts(0..60));
    world
        .sandbox
        .s3
        .clock()
        .advance(QUARTER.saturating_sub(Duration::from_secs(1)));
    let second = world.drop_contacts("export-2.csv", &contacts(60..120));
    for key in [first, second] {
        let run = world.run(&key).await;
        assert_refused(&run);
        run.says("export-");
    }
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn numbered_files_that_come_a_week_apart_are_whole_results() {
    let world = world_of_100().await;
    for (name, files) in [("wave-1.csv", 10..110), ("wave-2.csv", 20..120)] {
        let run = world.load(name, &contacts(files.clone())).await;
        run.assert_loaded();
        assert_eq!(world.published(), contacts(files));
        world.sandbox.s3.clock().advance(QUARTER + Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn dates_times_ids_and_versions_beside_each_other_are_whole_results() {
    let world = world_of_100().await;
    for (number, name) in [
        "2026-11-23_06.csv",
        "2026-11-23_07.csv",
        "20261123.csv",
        "20261124.csv",
        "7d3f0a52-91c4-4b8e-a6d0-000001234567.csv",
        "7d3f0a52-91c4-4b8e-a6d0-000001234568.csv",
        "contacts-v2.csv",
        "contacts-v3.csv",
        "export-1795714800.csv",
        "export-1795714801.csv",
        "export-20261123093000.csv",
        "export-20261123093500.csv",
        "20261123000.csv",
        "20261124000.csv",
    ]
    .into_iter()
    .enumerate()
    {
        let start = u32::try_from(number).unwrap() + 1;
        let run = world.load(name, &contacts(start..start + 100)).await;
        assert_eq!(run.outcome(), "loaded", "{name}: {run}");
        assert_eq!(world.published(), contacts(start..start + 100), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_file_of_redshift_is_a_whole_result_until_a_second_lies_there() {
    let world = world_of_100().await;
    let run = world.load("2026-11-23_000.csv", &contacts(10..110)).await;
    run.assert_loaded();

    // Two hours later: a large unload takes its time.
    world.sandbox.s3.clock().advance(Duration::from_hours(2));
    let run = world.load("2026-11-23_001.csv", &contacts(110..200)).await;
    assert_refused(&run);
    assert!(run.needs_attention(), "{run}");
    let reason = run.reason();
    for expected in [
        "2026-11-23_000.csv was loaded alone at ",
        "the segment holds its 100 contacts only",
        "\"segment_name\":\"Summer Sale\"",
        "{\"action\":\"history\"",
    ] {
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    assert_eq!(world.published(), contacts(10..110));

    let run = world.load("2026-11-23_000.csv", &contacts(20..120)).await;
    assert_refused(&run);
    assert_eq!(world.published(), contacts(10..110));
}

#[tokio::test(start_paused = true)]
async fn a_first_part_that_was_loaded_before_its_sibling_came_is_named_and_a_person_is_called() {
    for (first, second) in [
        ("export-1.csv", "export-2.csv"),
        ("2026-11-23.csv", "2026-11-23.csv_part2"),
        ("contacts_1_20261123T060000Z.csv", "contacts_2_20261123T060001Z.csv"),
        ("contacts_aa.csv", "contacts_ab.csv"),
        ("20261123000.csv", "20261123001.csv"),
        ("sale000", "sale001"),
    ] {
        let world = world_of_100().await;
        let run = world.load(first, &contacts(0..60)).await;
        run.assert_loaded();
        let run = world.load(second, &contacts(60..120)).await;
        assert_refused(&run);
        assert!(run.needs_attention(), "{run}");
        let reason = run.reason();
        assert!(reason.contains(&format!("{first} was loaded alone at ")), "{reason}");

        let run = world
            .load_directly("incoming/Summer Sale/monday.csv", &json!({"segment_name": SEGMENT}))
            .await;
        run.assert_loaded();
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn parts_are_added_and_removed_one_by_one() {
    let world = world_of_100().await;
    world.destination(&json!({"mode": "append"}));
    for (name, part) in [("part-00000", 100..130), ("part-00001", 130..150)] {
        let run = world.load(name, &contacts(part)).await;
        run.assert_loaded();
    }
    assert_eq!(world.published(), contacts(0..150));

    world.destination(&json!({"mode": "remove"}));
    for (name, part) in [("export-1.csv", 100..130), ("export-2.csv", 130..150)] {
        let run = world.load(name, &contacts(part)).await;
        run.assert_loaded();
    }
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn a_lost_part_is_found_by_the_sweep_where_parts_are_added_and_left_where_they_would_replace() {
    let world = world_of_100().await;
    world.drop_contacts("part-00000", &contacts(100..130));
    let swept = world.invoke(json!({"action": "sweep"})).await.unwrap();
    assert_eq!(swept["runs"], json!([]), "{swept}");
    world.destination(&json!({"mode": "append"}));
    world.invoke(json!({"action": "sweep"})).await.unwrap();
    assert_eq!(world.published(), contacts(0..130));
}

#[tokio::test(start_paused = true)]
async fn an_order_and_a_dry_run_of_one_file_of_several_are_refused_as_its_event_is() {
    let world = world_of_100().await;
    let part = world.drop_contacts("data_0_1_0.csv", &contacts(0..60));
    world.drop_contacts("export-1.csv", &contacts(0..60));
    let numbered = world.drop_contacts("export-2.csv", &contacts(60..120));
    for key in [part, numbered] {
        for fields in [json!({}), json!({"dry_run": true}), json!({"sample": 5})] {
            assert_refused(&world.load_directly(&key, &fields).await);
        }
        let added = world
            .load_directly(&key, &json!({"mode": "append", "dry_run": true}))
            .await;
        added.assert_dry_run();
    }
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn numbered_files_of_different_segments_are_no_siblings() {
    let world = World::start().await;
    for number in 1..=2 {
        let key = format!("incoming/lists/list-{number}.csv");
        let name = [("segment-name", if number == 1 { SEGMENT } else { "Winter Sale" })];
        world
            .sandbox
            .s3
            .put_with_metadata(BUCKET, &key, csv(&contacts(0..number * 100)), &name);
    }
    for number in 1..=2 {
        let run = world.run(&format!("incoming/lists/list-{number}.csv")).await;
        run.assert_loaded();
    }
    assert_eq!(world.published(), contacts(0..100));
    let winter = world.sandbox.dataverse.segment("Winter Sale");
    assert_eq!(winter.published, Some(contacts(0..200)));
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_may_not_be_listed_loads_nothing_that_could_be_a_part() {
    let world = world_of_100().await;
    let key = world.drop_contacts("export-1.csv", &contacts(0..60));
    world.sandbox.s3.deny_list(BUCKET);
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    run.as_type("SourceForbidden");
    assert!(
        run["reason"]
            .as_str()
            .unwrap()
            .contains("allow the function s3:ListBucket"),
        "{run}"
    );
    assert_eq!(world.published(), contacts(0..100));
}

const PARTITIONS: [&str; 2] = [
    "region=eu/b7f44eddf8d24911.parquet",
    "region=us/8f2a1c345b6d4e7f.parquet",
];

#[tokio::test(start_paused = true)]
async fn the_partitions_of_one_result_are_each_refused_and_the_audience_stays() {
    for [first, second] in [
        PARTITIONS,
        ["region=eu/x.csv", "region=us/x.csv"],
        ["dt=2026-11-23/region=eu/x.csv", "dt=2026-11-23/region=us/x.csv"],
        ["region=eu/tier=1/x.csv", "region=us/tier=2/x.csv"],
    ] {
        let world = world_of_100().await;
        let first = world.drop_contacts(first, &contacts(0..60));
        world
            .sandbox
            .s3
            .clock()
            .advance(QUARTER.saturating_sub(Duration::from_secs(1)));
        let second = world.drop_contacts(second, &contacts(60..120));
        for (key, other) in [(&first, &second), (&second, &first)] {
            let run = world.run(key).await;
            run.assert_refused();
            let reason = run.reason();
            assert!(reason.contains(&format!("{other} came with it")), "{reason}");
            assert!(reason.contains("unload without partitions"), "{reason}");
        }
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn folders_of_dates_and_versions_hold_whole_results() {
    let world = world_of_100().await;
    for (number, name) in [
        "dt=2026-11-23/result.csv",
        "dt=2026-11-24/result.csv",
        "year=2026/month=11/day=23/result.csv",
        "year=2026/month=11/day=24/result.csv",
        "version=1/result.csv",
        "version=2/result.csv",
        "region=eu/result.csv",
    ]
    .into_iter()
    .enumerate()
    {
        let start = u32::try_from(number).unwrap() + 1;
        let run = world.load(name, &contacts(start..start + 100)).await;
        assert_eq!(run.outcome(), "loaded", "{name}: {run}");
        assert_eq!(world.published(), contacts(start..start + 100), "{name}");
    }
    world.sandbox.s3.clock().advance(QUARTER + Duration::from_secs(1));
    let run = world.load("region=us/result.csv", &contacts(20..120)).await;
    run.assert_loaded();
    assert_eq!(world.published(), contacts(20..120));
}

#[tokio::test(start_paused = true)]
async fn a_first_partition_that_was_loaded_before_the_next_came_is_named_and_a_person_is_called() {
    let [first, second] = PARTITIONS;
    let world = world_of_100().await;
    let run = world.load(first, &contacts(0..60)).await;
    run.assert_loaded();
    let run = world.load(second, &contacts(60..120)).await;
    run.assert_refused();
    assert!(run.needs_attention(), "{run}");
    let reason = run.reason();
    assert!(reason.contains(&format!("{first} was loaded alone at ")), "{reason}");
    assert_eq!(world.published(), contacts(0..60));
}

/// Uploads end in any order: one that counts as older may come last.
#[tokio::test(start_paused = true)]
async fn a_part_that_comes_last_and_counts_as_older_is_refused_and_a_person_is_called() {
    let [late, first] = PARTITIONS;
    for (late, outcome) in [(late, "refused"), ("2026-11-22.csv", "superseded")] {
        let world = World::start().await;
        let run = world.load(first, &contacts(0..60)).await;
        run.assert_loaded();
        world.sandbox.s3.clock().skew_behind(Duration::from_mins(1));
        let late = world.drop_contacts(late, &contacts(60..120));
        world.sandbox.s3.clock().skew_behind(Duration::ZERO);
        let run = world.run(&late).await;
        run.assert_outcome(outcome);
        let is_refused = outcome == "refused";
        assert_eq!(run.needs_attention(), is_refused, "{run}");
        assert_eq!(run.reason().contains("was loaded alone"), is_refused, "{run}");
        assert_eq!(world.published(), contacts(0..60));
    }
}

/// Where the folder names the segment it is none of its partitions; where the metadata does, it is one.
#[tokio::test(start_paused = true)]
async fn a_folder_that_names_the_segment_is_no_partition() {
    for (metadata, outcome) in [(None, "loaded"), (Some(SEGMENT), "refused")] {
        let world = World::start().await;
        let keys = ["incoming/region=eu/x.csv", "incoming/region=us/x.csv"];
        let named: Vec<_> = metadata.into_iter().map(|name| ("segment-name", name)).collect();
        for key in keys {
            world
                .sandbox
                .s3
                .put_with_metadata(BUCKET, key, csv(&contacts(0..100)), &named);
        }
        for key in keys {
            let run = world.run(key).await;
            assert_eq!(run.outcome(), outcome, "{metadata:?}: {run}");
        }
    }
}
