//! A head that somebody has edited.

use crate::failures::{failure_of, kill_at, outcomes, sweep};
use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// More than clocks lie apart.
const AN_HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn a_time_that_is_still_to_come_in_a_head_is_told_of_and_waits_for_nobody_in_silence() {
    let far = "2199-01-01T00:00:00Z";
    let unclear = json!({"asked": 100, "unclear": {"status_code": 1, "since": far}});
    let changes = [
        ("/settled/last_modified", "settled", json!(far)),
        ("/newest/last_modified", "newest", json!(far)),
        ("/applied/at", "applied", json!(far)),
        ("/applied/watch", "applied", unclear),
        ("/last_good", "last_good", json!(far)),
        ("/loads/0/at", "loads", json!(far)),
        (
            "/lease",
            "lease",
            json!({"owner": "o", "run_id": null, "renewed": far, "seconds": 180}),
        ),
        ("/creating", "creating", json!(far)),
        ("/unanswered_until", "unanswered_until", json!(far)),
        ("/shortage", "shortage", json!({"missing": 3, "next": far})),
        (
            "/failures",
            "failures",
            json!({"count": 1, "code": "PublishFailed", "next_try": far}),
        ),
    ];
    for (pointer, field, value) in changes {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await;
        let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
        let mut head = world.head();
        for absent in ["creating", "unanswered_until", "shortage"] {
            head[absent] = json!(null);
        }
        head["applied"]["watch"] = json!(null);
        *head.pointer_mut(pointer).unwrap() = value;
        world.sandbox.s3.put(BUCKET, &key, head.to_string());
        let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
        let (kind, reason) = failure_of(&world, &file).await;
        assert_eq!(kind, "StateUnreadable", "{reason}");
        assert!(reason.contains(&format!("`{field}`")), "{reason}");
        assert_eq!(world.head(), head);
        let told = told_unreadable(&world, SEGMENT).await;
        assert!(told.contains(&format!("`{field}`")), "{told}");
    }
}

/// Returns why `status` calls the one head unreadable, as the page does.
async fn told_unreadable(world: &World, name: impl Into<Value>) -> String {
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    let told = &status["segments"][0];
    assert_eq!(told["state"], "unreadable", "{status}");
    assert_eq!(told["segment_name"], name.into(), "{status}");
    let page = world.sandbox.s3.get(BUCKET, "_state/status.html").unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("1 segment: 1 state unreadable."), "{page}");
    told["reason"].as_str().unwrap().to_owned()
}

/// Copied from a wrong place, say, by whoever mends it: no run goes by it, and nobody is told that it is up to date.
#[tokio::test(start_paused = true)]
async fn a_head_that_lies_where_another_segments_does_is_told_as_unreadable_and_names_nobody() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    let mut head = world.head();
    head["segment_name"] = json!("Winter Sale");
    world.sandbox.s3.put(BUCKET, &key, head.to_string());
    let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
    let (kind, reason) = failure_of(&world, &file).await;
    assert_eq!(kind, "StateUnreadable", "{reason}");
    assert_eq!(told_unreadable(&world, Value::Null).await, reason);
}

/// Restored and replicated objects may have such a time, and stores of others.
#[tokio::test(start_paused = true)]
async fn a_file_whose_time_is_still_to_come_is_refused_and_damages_no_head_and_is_loaded_when_it_has_come() {
    let world = World::start().await;
    let early = world.drop_contacts("early.csv", &contacts(0..90));
    let s3 = &world.sandbox.s3;
    s3.date(BUCKET, &early, s3.clock().now() + 2 * AN_HOUR);
    for run in [world.run(&early).await, world.load_directly(&early, &json!({})).await] {
        run.assert_refused().says("which is still to come").says("early.csv");
    }
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    assert_eq!(outcomes(&sweep(&world).await), [""; 0]);
    world.sandbox.s3.clock().advance(3 * AN_HOUR);
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["loaded"], "{swept}");
    assert_eq!(Run::first(&swept)["source"]["key"], early.as_str());
    assert_eq!(world.published(), contacts(0..90));
    world.sandbox.s3.clock().advance(3 * AN_HOUR);
    world.load("tuesday.csv", &contacts(0..110)).await.assert_loaded();
}

/// One answer with a wrong `Date`, whichever it is, leaves no time in the head that is still to come.
#[tokio::test(start_paused = true)]
async fn one_wrong_date_of_s3_damages_no_head() {
    for nth in 1.. {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
        let s3 = &world.sandbox.s3;
        s3.clear_log();
        let ahead = httpdate::fmt_http_date(s3.clock().now() + 24 * AN_HOUR);
        s3.fault(Fault::on("*").nth(nth).times(1).alter_header("date", Some(&ahead)));
        world.load("tuesday.csv", &contacts(0..110)).await.assert_loaded();
        if s3.requests().len() < usize::try_from(nth).unwrap() {
            break;
        }
        s3.clear_faults();
        let run = world.load("wednesday.csv", &contacts(0..120)).await;
        assert_eq!(run.outcome(), "loaded", "answer {nth}: {run}");
        assert_eq!(world.published(), contacts(0..120));
    }
}

/// The first `Date` that a process hears is as wrong as any, and the host's own clock need not tell either.
#[tokio::test(start_paused = true)]
async fn a_wrong_date_in_the_first_answers_of_a_process_takes_no_head_for_damaged_and_no_run_for_dead() {
    let commands = [
        json!({"action": "forget", "segment_name": SEGMENT}),
        json!({"action": "status", "segment_name": SEGMENT}),
        json!({"action": "sweep"}),
    ];
    for (command, nth, is_ahead) in commands.iter().flat_map(|command| {
        [
            (command, 1, true),
            (command, 1, false),
            (command, 2, true),
            (command, 2, false),
        ]
    }) {
        let world = World::start().await;
        world.sandbox.s3.clock().advance(Duration::from_mins(10));
        let key = world.drop_contacts("monday.csv", &contacts(0..100));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        kill_at(&world, event, "AddStaticMembers", 1).await;
        let s3 = &world.sandbox.s3;
        let now = s3.clock().now();
        let wrong = if is_ahead { now + 2 * AN_HOUR } else { now - 2 * AN_HOUR };
        let wrong = httpdate::fmt_http_date(wrong);
        s3.fault(Fault::on("*").nth(nth).times(1).alter_header("date", Some(&wrong)));
        let fresh = World::app(&world.sandbox, &[]);
        let answer = fresh.handle(command.clone(), FIFTEEN_MINUTES).await.unwrap();
        let told = answer.to_string();
        assert!(!told.contains("still to come"), "{nth} {is_ahead}: {told}");
        assert_ne!(world.head(), Value::Null, "a run holds it: {nth} {is_ahead} {told}");
        let is_held = world.head()["lease"].is_object();
        assert!(is_held, "its lease is not over: {nth} {is_ahead} {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_head_is_in_the_history_of_its_segment() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    world.sandbox.s3.put(BUCKET, &key, "{");
    world.sandbox.s3.clock().advance(Duration::from_secs(5));
    let file = world.drop_contacts("tuesday.csv", &contacts(0..110));
    failure_of(&world, &file).await;
    let history = json!({"action": "history", "segment_name": SEGMENT});
    let told = world.invoke(history).await.unwrap();
    let types: Vec<_> = told["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["error_type"])
        .collect();
    assert_eq!(types, [&json!("StateUnreadable"), &json!(null)], "{told}");
}
