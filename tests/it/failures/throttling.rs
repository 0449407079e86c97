//! Dataverse under stress: penalties, server errors, slowness, no connection at all.

use super::{failure_of, outcomes, published_sizes, sweep};
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const CODES: [&str; 3] = ["0x80072322", "0x80072321", "0x80072326"];
const CALLS: [&str; 6] = [
    "GET msdynmkt_segments",
    "POST msdynmkt_segmentdefinitions",
    "POST msdynmkt_segments",
    "AddStaticMembers",
    "ListGroupMembers",
    "PublishSegmentDefinition",
];

#[tokio::test(start_paused = true)]
async fn a_load_sends_nothing_inside_a_penalty_whichever_call_was_refused() {
    for (retry_after, code) in ["0", "1", "27", "300"]
        .into_iter()
        .flat_map(|wait| CODES.map(|code| (wait, code)))
    {
        let world = World::start().await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.latency("AddStaticMembers", Duration::from_millis(50));
        for operation in ["AddStaticMembers", "ListGroupMembers"] {
            let fault = Fault::on(operation)
                .answer(429)
                .header("Retry-After", retry_after)
                .code(code);
            dataverse.fault(fault);
        }
        let start = Instant::now();
        let run = world.load("monday.csv", &contacts(0..5_000)).await;
        assert_eq!(run.outcome(), "loaded", "{retry_after} {code}: {run}");
        let at_least = Duration::from_secs(2 * retry_after.parse::<u64>().unwrap().max(1));
        assert!(start.elapsed() >= at_least, "{retry_after} {code}");
        assert_eq!(dataverse.violations(), [], "{retry_after} {code}");
        assert_eq!(world.published(), contacts(0..5_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_create_or_publish_makes_one_segment() {
    for operation in CALLS {
        let world = World::start().await;
        let fault = Fault::on(operation).times(2).answer(429).header("Retry-After", "27");
        world.sandbox.dataverse.fault(fault.code(CODES[0]));
        let run = world.load("monday.csv", &contacts(0..100)).await;
        assert_eq!(run.outcome(), "loaded", "{operation}: {run}");
        assert_eq!(world.sandbox.dataverse.violations(), [], "{operation}");
        assert_eq!(world.segment().publishes, 1);
        assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_that_lasts_longer_than_the_time_left_continues_with_the_next_sweep() {
    let world = World::start().await;
    let storm = Fault::on("AddStaticMembers").nth(3).always().answer(429);
    world
        .sandbox
        .dataverse
        .fault(storm.header("Retry-After", "300").code(CODES[1]));
    let key = world.drop_contacts("monday.csv", &contacts(0..9_000));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let answer = world.invoke_for(event, Duration::from_mins(4)).await.unwrap();
    let run = Run::first(&answer);
    run.assert_continues()
        .says("since Dynamics throttles: requests have to wait 300 s more, and ");
    assert!(run["throttled_ms"].as_u64().unwrap() < 1_000, "nobody waited: {run}");
    let sentence = run["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("since Dynamics let this program make fewer calls"),
        "{sentence}"
    );
    assert_eq!(
        (&world.head()["lease"], &world.head()["failures"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 0);
    world.sandbox.dataverse.clear_faults();
    tokio::time::sleep(Duration::from_mins(5)).await;
    Run::first(&sweep(&world).await).assert_loaded();
    assert_eq!(world.published(), contacts(0..9_000));
    assert_eq!(world.sandbox.dataverse.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn server_errors_with_any_body_are_survived_by_every_call() {
    for operation in CALLS {
        for status in [500, 502, 503, 504] {
            let world = World::start().await;
            world.sandbox.dataverse.fault(Fault::on(operation).answer(status));
            world
                .sandbox
                .dataverse
                .fault(Fault::on(operation).nth(2).answer(status).html());
            let run = world.load("monday.csv", &contacts(0..2_500)).await;
            assert_eq!(run.outcome(), "loaded", "{operation} {status}: {run}");
            assert_eq!(world.published(), contacts(0..2_500));
            assert_eq!(world.sandbox.dataverse.definitions().len(), 1, "{operation} {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_stays_broken_fails_without_its_body_and_what_is_not_implemented_at_once() {
    for (status, tries) in [(500, 2..=8), (501, 1..=1)] {
        let world = World::start().await;
        let fault = Fault::on("AddStaticMembers").always().answer(status).html();
        world.sandbox.dataverse.fault(fault);
        let key = world.drop_contacts("monday.csv", &contacts(0..100));
        let (_, reason) = failure_of(&world, &key).await;
        assert!(
            !reason.contains("gateway") && reason.contains(&status.to_string()),
            "{reason}"
        );
        assert!(
            tries.contains(&world.sandbox.dataverse.count("AddStaticMembers")),
            "{status}"
        );
        assert_eq!(world.sandbox.dataverse.count("PublishSegmentDefinition"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_hides_a_failure_or_is_cut_off_is_no_success() {
    for fault in [
        Fault::on("AddStaticMembers")
            .answer(200)
            .body("application/json", r#"{"StatusCode": 500, "ResultText": "no"}"#),
        Fault::on("AddStaticMembers")
            .answer(200)
            .body("application/json", r#"{"StatusCode": 2"#),
        Fault::on("ListGroupMembers").truncate_to(40),
        Fault::on("ListGroupMembers").cut_after(40),
    ] {
        let world = World::start().await;
        world.sandbox.dataverse.fault(fault.clone());
        let run = world.load("monday.csv", &contacts(0..2_500)).await;
        assert_eq!(run.outcome(), "loaded", "{fault:?}: {run}");
        assert_eq!(world.published(), contacts(0..2_500), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_75_seconds_are_waited_for_and_the_deadline_is_kept() {
    let world = World::start().await;
    world.sandbox.dataverse.latency("*", Duration::from_secs(75));
    let key = world.drop_contacts("monday.csv", &contacts(0..6_000));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let start = Instant::now();
    let first = world.invoke(event).await.unwrap();
    Run::first(&first).assert_computing();
    assert!(start.elapsed() <= Duration::from_mins(14), "{:?}", start.elapsed());
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(world.published(), contacts(0..6_000));
    assert_eq!(published_sizes(&world), [6_000]);
    assert!(world.sandbox.dataverse.most_in_flight() <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_refused_or_never_answered_is_tried_again() {
    let world = World::start().await;
    for operation in ["GET msdynmkt_segments", "AddStaticMembers", "PublishSegmentDefinition"] {
        world.sandbox.dataverse.fault(Fault::on(operation).drop_connection());
        world
            .sandbox
            .dataverse
            .fault(Fault::on(operation).nth(2).delay(Duration::from_secs(500)));
    }
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded();

    // Nobody listens where the other sandbox was.
    let gone = Sandbox::start().await.organization_url();
    let world = World::start().await;
    world.sandbox.entra.allow_resource(&gone);
    world.destination(&json!({"environment_url": gone}));
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "DynamicsUnavailable");
    assert!(reason.contains("no connection"), "{reason}");
}
