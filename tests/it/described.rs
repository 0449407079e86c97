//! What a segment that this program made says about itself in Dynamics: how its last load went, beside what people write there.

use crate::failures::sweep;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::Fault;
use sandbox::dataverse::Seed;
use serde_json::json;
use std::time::Duration;

const OURS: &str = "Managed by segment-loader: its members are replaced by the query results in s3://socktown-results/. Changes by hand \
                    are overwritten.";
const CHANGE: &str = "PATCH msdynmkt_segments";

/// Returns the description, with every time replaced by a word.
fn description(world: &World) -> String {
    let description = world.segment().fields["msdynmkt_description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let lines = description.split('\n').map(|line| match line.split_once(": ") {
        Some((begins @ ("Last load" | "Refused"), rest)) => {
            let (time, rest) = rest.split_at_checked(20).unwrap_or((rest, ""));
            let is_time = chrono::DateTime::parse_from_rfc3339(time).is_ok();
            format!("{begins}: {}{rest}", if is_time { "TIME" } else { time })
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes a description as somebody in Dynamics does.
fn describe(world: &World, text: &str) {
    let id = world.segment().id;
    world
        .sandbox
        .dataverse
        .edit(|state| state.set_segment(id, &[("msdynmkt_description", json!(text))]));
}

fn changes(world: &World) -> usize {
    world.sandbox.dataverse.count(CHANGE)
}

/// A segment that was loaded with 1,000 contacts.
async fn loaded() -> World {
    let world = World::start().await;
    world
        .load("monday.csv", &contacts(0..1_000))
        .await
        .assert_loaded()
        .warns_of_nothing();
    world
}

#[tokio::test(start_paused = true)]
async fn a_segment_tells_how_it_was_loaded_last() {
    let world = World::start().await;
    let mut file = csv(&contacts(0..1_200));
    file.extend(b"nobody\n");
    let key = world.drop_file("monday.csv", file);
    world.run(&key).await.assert_loaded();
    let monday = "Last load: TIME, file “monday.csv”: 1,200 people, 1,200 came, 0 went, 1 unusable row.";
    assert_eq!(description(&world), format!("{OURS}\n{monday}"));
    world
        .load("tuesday.csv", &contacts(100..1_300))
        .await
        .assert_loaded()
        .warns_of_nothing();
    let tuesday = "Last load: TIME, file “tuesday.csv”: 1,200 people, 100 came, 100 went, 0 unusable rows.";
    assert_eq!(description(&world), format!("{OURS}\n{tuesday}"));
    assert_eq!(changes(&world), 2, "one call for each");
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_or_comes_to_nothing_leaves_the_description_alone() {
    let world = loaded().await;
    let told = world.segment().fields["msdynmkt_description"].clone();
    world.load("same.csv", &contacts(0..1_000)).await.assert_unchanged();
    let key = world.drop_contacts("less.csv", &contacts(0..10));
    world.load_directly(&key, &json!({"dry_run": true})).await;
    world.sandbox.s3.delete(sandbox::BUCKET, &key);
    let key = world.drop_file("none.csv", "name\nJo\n");
    world.load_directly(&key, &json!({})).await;
    world.sandbox.dataverse.deny("AddStaticMembers");
    let key = world.drop_contacts("more.csv", &contacts(0..1_010));
    world.load_directly(&key, &json!({})).await.assert_failed();
    assert_eq!(changes(&world), 1);
    assert_eq!(world.segment().fields["msdynmkt_description"], told);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stands_behind_the_last_load_until_the_next_one() {
    let world = loaded().await;
    let run = world.load("tuesday.csv", &contacts(0..499)).await;
    run.assert_refused()
        .says("; no member was changed. If this is right, approve");
    let monday = "Last load: TIME, file “monday.csv”: 1,000 people, 1,000 came, 0 went, 0 unusable rows.";
    let why = "the file holds 499 people, 501 fewer than now (limit 50 %)";
    let refused = format!("Refused: TIME, file “tuesday.csv”: {why}; no member was changed.");
    assert_eq!(description(&world), format!("{OURS}\n{monday}\n{refused}"));
    assert_eq!(world.published(), contacts(0..1_000));
    let run = world.load("wednesday.csv", &contacts(0..400)).await;
    run.assert_refused();
    let approval = json!({"approve": run.run_id()});
    world
        .load_directly("incoming/Summer Sale/wednesday.csv", &approval)
        .await
        .assert_loaded();
    let wednesday = "Last load: TIME, file “wednesday.csv”: 400 people, 0 came, 600 went, 0 unusable rows.";
    assert_eq!(description(&world), format!("{OURS}\n{wednesday}"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_use_and_one_beside_an_unseen_publish_are_not_told() {
    let world = loaded().await;
    world.destination(&json!({"when_in_use": "refuse"}));
    let id = world.segment().id;
    let in_use = [("msdynmkt_publishedjourneycount", json!(1))];
    world.sandbox.dataverse.edit(|state| state.set_segment(id, &in_use));
    let run = world.load("tuesday.csv", &contacts(0..1_010)).await;
    run.assert_refused().says("Nothing was written");
    assert_eq!(changes(&world), 1);

    let world = loaded().await;
    world.destination(&json!({"publish_wait_seconds": 30}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_lag = Duration::from_mins(10));
    world.load("tuesday.csv", &contacts(0..1_010)).await.assert_computing();
    let run = world.load("wednesday.csv", &contacts(0..10)).await;
    run.assert_refused().says("Nothing was written");
    assert_eq!(changes(&world), 1);
    tokio::time::sleep(Duration::from_mins(10)).await;
    Run::first(&sweep(&world).await).assert_loaded().warns_of_nothing();
    let tuesday = "Last load: TIME, file “tuesday.csv”: 1,010 people, 10 came, 0 went, 0 unusable rows.";
    assert_eq!(description(&world), format!("{OURS}\n{tuesday}"));
    assert_eq!(changes(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn what_people_have_written_is_never_touched() {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..1_000));
    world.sandbox.dataverse.seed_segment(seed);
    let texts = [
        ("nothing", String::new()),
        ("word", "Ours, says Jo".to_owned()),
        ("line", "Last load: by Jo".to_owned()),
        ("lines", "Ours\nLast load: by Jo\nRefused: never".to_owned()),
        ("changed", OURS.replace("by hand", "by Jo")),
        ("before", format!("Jo's.\n{OURS}\nLast load: soon")),
    ];
    for (more, (name, theirs)) in (1..).zip(texts) {
        describe(&world, &theirs);
        let run = world.load(&format!("{name}.csv"), &contacts(0..1_000 + more)).await;
        run.assert_loaded();
        let run = world.load(&format!("{name}-less.csv"), &contacts(0..10)).await;
        run.assert_refused().says("Nothing was written");
        assert_eq!(description(&world), theirs);
    }
    assert_eq!(changes(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn what_people_add_behind_the_line_stays_behind_it() {
    let world = loaded().await;
    let told = world.segment().fields["msdynmkt_description"]
        .as_str()
        .unwrap()
        .to_owned();
    describe(&world, &format!("{told}\nAsk Jo before you stop it."));
    world.load("tuesday.csv", &contacts(0..1_001)).await.assert_loaded();
    let tuesday = "Last load: TIME, file “tuesday.csv”: 1,001 people, 1 came, 0 went, 0 unusable rows.";
    assert_eq!(
        description(&world),
        format!("{OURS}\n{tuesday}\nAsk Jo before you stop it.")
    );
}

#[tokio::test(start_paused = true)]
async fn what_people_write_in_the_same_moment_is_not_written_over() {
    let world = loaded().await;
    world.sandbox.dataverse.latency(CHANGE, Duration::from_secs(2));
    let theirs = "Now mine.";
    let more = contacts(0..1_010);
    let (run, ()) = tokio::join!(world.load("tuesday.csv", &more), async {
        world.sandbox.dataverse.arrived(CHANGE, 2).await;
        describe(&world, theirs);
    });
    run.assert_loaded().warns_of_nothing();
    assert_eq!(description(&world), theirs);
}

#[tokio::test(start_paused = true)]
async fn a_description_that_dynamics_does_not_take_is_a_warning_of_a_load_that_went_well() {
    let faults = [
        Fault::on(CHANGE)
            .answer(403)
            .error("0x80040220", "is missing prvWritemsdynmkt_segment privilege"),
        Fault::on(CHANGE)
            .answer(400)
            .error("0x80040265", "The description is too long."),
        Fault::on(CHANGE).answer(429).header("Retry-After", "300"),
        Fault::on(CHANGE).answer(503),
        Fault::on(CHANGE).delay(Duration::from_mins(10)),
        Fault::on(CHANGE).commit_then_reset(),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let world = loaded().await;
        world.sandbox.dataverse.clear_log();
        world.sandbox.dataverse.fault(fault.always());
        let start = tokio::time::Instant::now();
        let run = world.load("tuesday.csv", &contacts(0..1_010)).await;
        run.assert_loaded()
            .warns("could not be written into the segment's description");
        assert_eq!(changes(&world), 1, "fault {number}");
        assert!(
            start.elapsed() < Duration::from_mins(2),
            "fault {number}: {:?}",
            start.elapsed()
        );
        assert_eq!(
            world.head()["unanswered_until"],
            json!(null),
            "nobody has to wait for it"
        );
        assert_eq!(world.published(), contacts(0..1_010));
        world.sandbox.dataverse.clear_faults();
        let run = world.load("wednesday.csv", &contacts(0..1_020)).await;
        run.assert_loaded().warns_of_nothing();
        assert!(description(&world).contains("wednesday.csv"), "fault {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_of_files_and_rooms_for_text_break_no_description() {
    for (name, shown) in [
        ("a\n\u{2028}Last load: now.csv", "“a  Last load: now.csv”"),
        ("<b>\"x\"\\.csv", "“‹b›'x'/.csv”"),
        (
            "2026-11-27/part-3f2504e0-4f89-41d3-9a0c-0305e82c3301.csv",
            "“part….csv”",
        ),
    ] {
        let world = loaded().await;
        world.load(name, &contacts(0..1_010)).await.assert_loaded();
        let told = description(&world);
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.contains(shown), "{told}");
    }
    let world = loaded().await;
    let told = world.segment().fields["msdynmkt_description"]
        .as_str()
        .unwrap()
        .to_owned();
    let full = format!("{told}\n{}", "é".repeat(1_000 - 1 - told.encode_utf16().count()));
    describe(&world, &full);
    let long = "🧦".repeat(80);
    world
        .load(&long, &contacts(0..1_010))
        .await
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(
        world.segment().fields["msdynmkt_description"],
        json!(full),
        "there is no room"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_line_follows_how_files_are_loaded_but_no_single_command() {
    let world = World::start().await;
    world.destination(&json!({"mode": "append"}));
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let adds = "Managed by segment-loader: people are added to it and taken out of it by the query results in s3://socktown-results/.";
    let first = |world: &World| description(world).lines().next().unwrap_or_default().to_owned();
    assert_eq!(first(&world), adds);
    world.destination(&json!({"mode": "replace"}));
    world.load("tuesday.csv", &contacts(0..110)).await.assert_loaded();
    assert_eq!(first(&world), OURS);
    let key = world.drop_contacts("opted-out.csv", &contacts([3]));
    let removed = world.load_directly(&key, &json!({"mode": "remove"})).await;
    removed.assert_loaded().removed(1);
    assert_eq!(first(&world), OURS, "the next file replaces all the same");
    world.destination(&json!({"mode": "append"}));
    world.load("wednesday.csv", &contacts([120])).await.assert_loaded();
    assert_eq!(first(&world), adds);
}
