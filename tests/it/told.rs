//! What others are told on the bus: every run that ends, and segments that grow old; nothing of it ever fails a run.

use crate::failures::{outcomes, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use base64::Engine;
use sandbox::events::Event;
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

async fn with_bus() -> World {
    World::in_sandbox(
        Sandbox::start().await,
        &[("EVENT_BUS_NAME", "marketing"), ("AWS_LAMBDA_FUNCTION_NAME", "loader")],
    )
}

fn of_type(world: &World, detail_type: &str) -> Vec<Event> {
    let events = world.sandbox.events.events().into_iter();
    events.filter(|event| event.detail_type == detail_type).collect()
}

#[tokio::test(start_paused = true)]
async fn every_run_that_ends_is_told_on_the_bus_but_a_dry_run() {
    let world = with_bus().await;
    let loaded = world.load("monday.csv", &contacts(0..1_000)).await;
    let refused = world.load("tuesday.csv", &contacts(0..10)).await;
    let key = world.drop_contacts("wednesday.csv", &contacts(0..900));
    world
        .load_directly(&key, &json!({"dry_run": true}))
        .await
        .assert_dry_run();
    let told = of_type(&world, "Run Ended");
    assert_eq!(told.len(), 2, "{told:?}");
    for (event, run) in told.iter().zip([&loaded, &refused]) {
        assert_eq!((&*event.bus, &*event.source), ("marketing", "segment-loader"));
        assert_eq!(event.resources, json!(["loader"]), "which of several functions it was");
        assert_eq!(event.detail, **run, "the detail is the run");
        assert!(event.detail["sentence"].as_str().unwrap().contains("“Summer Sale”"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_printed_approval_can_be_pasted_as_it_stands_whatever_the_names_hold() {
    let world = with_bus().await;
    let name = "It's \"50 %\" $(off) `now`";
    let load = async |file: &str, people: &[uuid::Uuid]| {
        let key = world.drop_contacts(file, people);
        world.load_directly(&key, &json!({"segment_name": name})).await
    };
    load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    let refused = load("tuesday's.csv", &contacts(0..10)).await;
    let command = refused.assert_refused()["command"].as_str().unwrap();
    let (_, behind) = command.split_once("--function-name loader").unwrap();
    let payload = behind.split("--payload ").nth(1).unwrap().split(' ').next().unwrap();
    let sent = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
    assert!(
        refused.reason().ends_with(std::str::from_utf8(&sent).unwrap()),
        "{refused}"
    );
    let approved = world.invoke(serde_json::from_slice(&sent).unwrap()).await.unwrap();
    Run::first(&approved).assert_loaded().removed(990);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_where_no_bus_is_named() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await.assert_loaded();
    assert!(world.sandbox.events.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_event_is_a_warning_and_the_run_is_what_it_was() {
    for (fault, tries, why) in [
        (Fault::on("PutEvents").always().answer(500), 2, "did not answer"),
        (
            Fault::on("PutEvents")
                .always()
                .answer(400)
                .code("AccessDeniedException"),
            2,
            "events:PutEvents",
        ),
        (
            Fault::on("PutEvents").always().delay(Duration::from_mins(1)),
            2,
            "did not answer in time",
        ),
    ] {
        let world = with_bus().await;
        world.sandbox.events.fault(fault);
        let started = tokio::time::Instant::now();
        let run = world.load("monday.csv", &contacts(0..10)).await;
        run.assert_loaded().warns("could not be put on the bus marketing");
        assert!(
            run["warnings"].to_string().contains(why) || why == "did not answer",
            "{run}"
        );
        assert_eq!(world.sandbox.events.requests().len(), tries, "{why}");
        assert!(started.elapsed() < Duration::from_mins(2), "{:?}", started.elapsed());
        assert_eq!(world.published(), contacts(0..10));
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_refused_in_a_good_answer_is_put_once_more() {
    let world = with_bus().await;
    world.sandbox.events.fail_entries(1);
    world
        .load("monday.csv", &contacts(0..10))
        .await
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(of_type(&world, "Run Ended").len(), 1);
    world.sandbox.events.fail_entries(2);
    let run = world.load("tuesday.csv", &contacts(0..20)).await;
    run.assert_loaded().warns("InternalFailure");
    assert_eq!(of_type(&world, "Run Ended").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_grows_old_is_told_once_until_it_is_mended_and_again_where_nobody_heard() {
    let world = with_bus().await;
    world.destination(&json!({"stale_after_hours": 24}));
    world.load("monday.csv", &contacts(0..200)).await.assert_loaded();
    sweep(&world).await;
    assert!(of_type(&world, "Segment Stale").is_empty());
    world.sandbox.s3.clock().advance(Duration::from_hours(25));
    world.sandbox.events.fail_entries(2);
    sweep(&world).await;
    assert!(of_type(&world, "Segment Stale").is_empty(), "lost");
    for _ in 0..3 {
        sweep(&world).await;
        let told = of_type(&world, "Segment Stale");
        assert_eq!(told.len(), 1, "once");
        let detail = &told[0].detail;
        assert_eq!(detail["segment_name"], SEGMENT);
        assert_eq!(
            (&detail["contacts"], &detail["stale_after_hours"]),
            (&json!(200), &json!(24.0))
        );
        assert_eq!(detail["last_load"], world.head()["last_good"]);
        assert!(detail["environment"].as_str().unwrap().starts_with("127.0.0.1:"));
        let sentence = detail["sentence"].as_str().unwrap();
        assert!(
            sentence.starts_with("“Summer Sale” has had no good load since "),
            "{sentence}"
        );
    }
    let mended = world.load("tuesday.csv", &contacts(0..210)).await;
    mended.assert_loaded();
    assert_eq!(
        mended["recovered"], true,
        "who was told that it is old hears that it is not: {mended}"
    );
    let next = world.load("wednesday.csv", &contacts(0..220)).await;
    assert_eq!(next["recovered"], Value::Null, "{next}");
    sweep(&world).await;
    world.sandbox.s3.clock().advance(Duration::from_hours(25));
    sweep(&world).await;
    assert_eq!(of_type(&world, "Segment Stale").len(), 2, "old again");
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_brings_to_an_end_is_told_too() {
    let world = with_bus().await;
    world.drop_contacts("monday.csv", &contacts(0..10));
    let swept: Value = sweep(&world).await;
    let run = Run::first(&swept);
    run.assert_loaded();
    assert_eq!(of_type(&world, "Run Ended")[0].detail, *run);
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_its_segment_is_known_is_news_once_for_each_process() {
    let world = with_bus().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..10));
    let event = world.sandbox.s3.notification(sandbox::BUCKET, &key);
    let missing = json!({"credential": "nowhere"});
    let wrong = json!({"mode": "sideways"});
    for (change, repeated) in [
        (&missing, false),
        (&missing, true),
        (&missing, true),
        (&wrong, false),
        (&wrong, true),
    ] {
        world.destination(change);
        world.invoke(event.clone()).await.unwrap_err();
        let told = of_type(&world, "Run Ended").pop().unwrap().detail;
        assert_eq!(told["repeated"] == true, repeated, "{told}");
    }
    let other = World::app(&world.sandbox, &[("EVENT_BUS_NAME", "marketing")]);
    Box::pin(other.handle(event.clone(), Duration::from_mins(15)))
        .await
        .unwrap_err();
    assert_eq!(
        of_type(&world, "Run Ended").pop().unwrap().detail["repeated"],
        Value::Null
    );
    world.destination(&json!({"mode": "replace", "credential": sandbox::CREDENTIAL_SECRET}));
    world.run(&key).await.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_hangs_is_asked_once_in_an_invocation_and_holds_up_no_sweep() {
    let world = with_bus().await;
    world.destination(&json!({"stale_after_hours": 24}));
    for name in ["One", "Two", "Three", "Four"] {
        let key = format!("incoming/{name}/a.csv");
        world.sandbox.s3.put(BUCKET, &key, crate::world::csv(&contacts(0..10)));
        world.run(&key).await.assert_loaded();
    }
    world.sandbox.s3.clock().advance(Duration::from_hours(30));
    let lost = "incoming/Five/lost.csv";
    world.sandbox.s3.put(BUCKET, lost, crate::world::csv(&contacts(0..10)));
    let hangs = Fault::on("PutEvents").always().delay(Duration::from_mins(1));
    world.sandbox.events.fault(hangs);
    let before = world.sandbox.events.requests().len();
    let started = tokio::time::Instant::now();
    let swept = sweep(&world).await;
    assert_eq!(Run::first(&swept).outcome(), "loaded", "{swept}");
    assert_eq!(world.sandbox.events.requests().len() - before, 2);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    world.sandbox.events.clear_faults();
    sweep(&world).await;
    assert_eq!(
        of_type(&world, "Segment Stale").len(),
        4,
        "who was not heard of is told again"
    );
}

/// A bus that answers, but slowly, or slowly that it is in trouble: loads and the status page come before it.
#[tokio::test(start_paused = true)]
async fn a_slow_bus_takes_a_fifth_of_a_sweep_at_most_and_the_rest_is_told_another_time() {
    let slow = || Fault::on("PutEvents").always();
    for slow in [
        slow().delay(Duration::from_millis(1_500)).answer(503),
        slow().delay(Duration::from_millis(1_900)),
    ] {
        let world = with_bus().await;
        world.destination(&json!({"stale_after_hours": 24}));
        let drop = |name: &str| {
            let key = format!("incoming/{name}/a.csv");
            world.sandbox.s3.put(BUCKET, &key, crate::world::csv(&contacts(0..10)));
            key
        };
        for number in 0..20 {
            world.run(&drop(&format!("Old {number}"))).await.assert_loaded();
        }
        world.sandbox.s3.clock().advance(Duration::from_hours(30));
        let lost: Vec<_> = (0..3).map(|number| drop(&format!("New {number}"))).collect();
        world.sandbox.events.fault(slow);
        let started = tokio::time::Instant::now();
        let event = json!({"action": "sweep"});
        let swept = world.invoke_for(event, Duration::from_mins(1)).await.unwrap();
        assert_eq!(outcomes(&swept), vec!["loaded"; lost.len()], "{swept}");
        assert_eq!(swept["warnings"], json!([]), "{swept}");
        assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
        let page = world.sandbox.s3.get(BUCKET, "_state/status.html").unwrap();
        assert!(String::from_utf8(page.to_vec()).unwrap().contains("23 segments"));
        world.sandbox.events.clear_faults();
        sweep(&world).await;
        let stale = of_type(&world, "Segment Stale").len();
        assert!((20..30).contains(&stale), "{stale}: each is told, some of them twice");
    }
}
