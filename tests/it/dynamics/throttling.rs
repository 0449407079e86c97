//! Throttling, faults and retries.

use super::{connected, connected_until, contacts, name, seeded, uuids};
use sandbox::dataverse::Limits;
use sandbox::{Fault, Sandbox};
use segment_loader::domain::Batch;
use segment_loader::dynamics::{Allowance, Dataverse, Error, GroupId, SegmentId};
use segment_loader::time::Fence;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

const CODES: [&str; 3] = ["0x80072322", "0x80072321", "0x80072326"];

/// Adds all at once, in batches.
async fn add_all(dataverse: &Dataverse, segment: SegmentId, group: &GroupId, ids: &[Uuid]) -> Result<(), Error> {
    let mut calls: JoinSet<Result<(), Error>> = JoinSet::new();
    for chunk in contacts(ids).chunks(Batch::MAX) {
        let (dataverse, group, chunk) = (dataverse.clone(), group.clone(), chunk.to_vec());
        calls.spawn(async move {
            for batch in Batch::split(&chunk, Batch::MAX) {
                dataverse
                    .add_members(segment, &group, batch, &Allowance::boundless())
                    .await?;
            }
            Ok(())
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap()?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_inside_a_penalty_by_anyone() {
    for (retry_after, at_least) in [("0", 1), ("1", 1), ("27", 27), ("300", 300)] {
        for code in CODES {
            let sandbox = Sandbox::start().await;
            let dataverse = connected(&sandbox).await;
            let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
            sandbox.dataverse.latency("AddStaticMembers", Duration::from_millis(50));
            let rule = Fault::on("AddStaticMembers").nth(3).answer(429);
            sandbox
                .dataverse
                .fault(rule.header("Retry-After", retry_after).code(code));
            let ids = uuids(12_000);
            let start = Instant::now();
            add_all(&dataverse, segment, &group, &ids).await.unwrap();
            assert!(start.elapsed() >= Duration::from_secs(at_least), "{retry_after}");
            assert!(dataverse.throttled() >= Duration::from_secs(at_least), "{retry_after}");
            assert_eq!(sandbox.dataverse.segment("Socks").members, ids);
            let violations = sandbox.dataverse.violations();
            assert!(violations.is_empty(), "{retry_after} {code}: {violations:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_penalty_is_waited_out_however_it_is_written() {
    let date = "Mon, 23 Nov 2026 12:00:00 GMT";
    for (status, value, least) in [
        (429, "2.5", 2_500),
        (429, " 2.50 ", 2_500),
        (429, "2,5", 5_000),
        (429, "0.2", 1_000),
        (429, "Mon, 23 Nov 2026 12:00:20 GMT", 20_000),
        (429, "Monday, 23-Nov-26 12:00:20 GMT", 20_000),
        (429, "Mon Nov 23 12:00:20 2026", 20_000),
        (429, "Mon, 23 Nov 2026 11:00:00 GMT", 1_000),
        (503, "7.25", 7_250),
        (502, "3.1", 3_100),
        (408, "4", 4_000),
    ] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        let rule = Fault::on("WhoAmI").answer(status).header("Retry-After", value);
        sandbox.dataverse.fault(rule.header("Date", date));
        let start = Instant::now();
        dataverse.who_am_i().await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(least), "{status} {value}");
        assert!(
            start.elapsed() <= Duration::from_millis(least * 12 / 10 + 1_500),
            "{status} {value}"
        );
        assert!(sandbox.dataverse.violations().is_empty(), "{status} {value}");
    }
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let rule = Fault::on("WhoAmI").answer(429).header("Retry-After", "3");
    sandbox
        .dataverse
        .fault(rule.header("Retry-After", "11.5").header("Retry-After", "soon"));
    let start = Instant::now();
    dataverse.who_am_i().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(11_500));
    assert!(sandbox.dataverse.violations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_real_windows_are_respected_and_everything_arrives() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    sandbox.dataverse.set_limits(Limits {
        window: Duration::from_mins(1),
        requests: 20,
        ..Limits::default()
    });
    sandbox
        .dataverse
        .latency("AddStaticMembers", Duration::from_millis(200));
    let ids = uuids(60_000);
    let start = Instant::now();
    add_all(&dataverse, segment, &group, &ids).await.unwrap();
    assert!(start.elapsed() >= Duration::from_mins(2));
    assert_eq!(sandbox.dataverse.segment("Socks").members, ids);
    let violations = sandbox.dataverse.violations();
    assert!(violations.is_empty(), "{violations:?}");
    let refused = sandbox
        .dataverse
        .requests()
        .iter()
        .filter(|call| call.status == Some(429))
        .count();
    assert!(refused <= 12, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_penalty_longer_than_the_time_left_is_out_of_time_at_once() {
    let sandbox = Sandbox::start().await;
    let fence = Fence::stopping_at(Instant::now() + Duration::from_mins(4));
    let dataverse = connected_until(&sandbox, fence).await;
    sandbox.dataverse.fault(
        Fault::on("WhoAmI")
            .answer(429)
            .header("Retry-After", "300")
            .code(CODES[0]),
    );
    assert!(matches!(dataverse.who_am_i().await, Err(Error::OutOfTime { .. })));
    assert_eq!(sandbox.dataverse.count("WhoAmI"), 1);
}

#[tokio::test(start_paused = true)]
async fn no_call_is_longer_than_the_time_left() {
    let sandbox = Sandbox::start().await;
    let start = Instant::now();
    let dataverse = connected_until(&sandbox, Fence::stopping_at(start + Duration::from_secs(20))).await;
    sandbox.dataverse.latency("WhoAmI", Duration::from_secs(75));
    assert!(matches!(dataverse.who_am_i().await, Err(Error::OutOfTime { .. })));
    assert!(start.elapsed() <= Duration::from_secs(21));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_waited_for() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.latency("WhoAmI", Duration::from_secs(75));
    dataverse.who_am_i().await.unwrap();
    assert_eq!(sandbox.dataverse.count("WhoAmI"), 1);
}

#[tokio::test]
async fn a_lost_lease_sends_nothing_more() {
    let sandbox = Sandbox::start().await;
    let now = Instant::now();
    let fence = Fence::new(now + Duration::from_mins(1), now + Duration::from_mins(1));
    let dataverse = connected_until(&sandbox, fence.clone()).await;
    dataverse.who_am_i().await.unwrap();
    fence.lost();
    assert!(matches!(dataverse.who_am_i().await, Err(Error::LeaseLost)));
    assert_eq!(sandbox.dataverse.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn server_errors_are_tried_again_with_any_body() {
    for rule in [
        Fault::on("WhoAmI").times(3).answer(500).code("0x80040216"),
        Fault::on("WhoAmI").times(3).answer(502).html(),
        Fault::on("WhoAmI").times(3).answer(503).header("Retry-After", "5"),
        Fault::on("WhoAmI").times(3).answer(504),
        Fault::on("WhoAmI").times(3).drop_connection(),
        Fault::on("WhoAmI").times(3).truncate_to(10),
        Fault::on("WhoAmI").times(3).cut_after(10),
        Fault::on("WhoAmI").times(3).delay(Duration::from_secs(125)),
        Fault::on("WhoAmI").times(3).answer(500).code("0x80044151"),
    ] {
        let sandbox = Sandbox::start().await;
        let dataverse = connected(&sandbox).await;
        let shown = format!("{rule:?}");
        sandbox.dataverse.fault(rule);
        dataverse.who_am_i().await.expect(&shown);
        assert_eq!(dataverse.requests(), 4, "{shown}");
        assert!(sandbox.dataverse.violations().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_broken_is_a_transient_error_without_its_body() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.fault(Fault::on("*").always().answer(502).html());
    let error = dataverse.who_am_i().await.unwrap_err();
    assert_eq!(error.error_type(), "DynamicsUnavailable");
    assert!(
        error.is_transient() && error.to_string().ends_with("HTTP 502"),
        "{error}"
    );
    assert_eq!(sandbox.dataverse.requests().len(), 8);
    // The budget is for the whole run, not for each call.
    for _ in 0..20 {
        dataverse.who_am_i().await.unwrap_err();
    }
    assert_eq!(dataverse.requests(), 21 + 40);
}

#[tokio::test]
async fn what_is_not_implemented_is_not_tried_again() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    sandbox.dataverse.fault(Fault::on("WhoAmI").answer(501));
    assert_eq!(dataverse.who_am_i().await.unwrap_err().error_type(), "DynamicsRefused");
    assert_eq!(dataverse.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_servers_advice_on_parallelism_is_taken() {
    for (hint, most) in [(Some(2), 2), (Some(50), 4), (None, 4)] {
        let sandbox = Sandbox::start().await;
        sandbox.dataverse.modes(|modes| modes.dop_hint = hint);
        let dataverse = connected(&sandbox).await;
        let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
        sandbox.dataverse.clear_log();
        sandbox.dataverse.latency("*", Duration::from_millis(50));
        add_all(&dataverse, segment, &group, &uuids(10_000)).await.unwrap();
        assert_eq!(sandbox.dataverse.most_in_flight(), most, "{hint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_is_lost_is_sent_again_and_counts_once() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").nth(2).commit_then_reset());
    let ids = uuids(2_500);
    add_all(&dataverse, segment, &group, &ids).await.unwrap();
    assert_eq!(sandbox.dataverse.segment("Socks").members, ids);
    assert_eq!(sandbox.dataverse.count("AddStaticMembers"), 4);
}

#[tokio::test(start_paused = true)]
async fn after_a_deadlock_a_group_has_one_call_in_flight_and_smaller_batches() {
    let sandbox = Sandbox::start().await;
    let dataverse = connected(&sandbox).await;
    let (segment, group) = seeded(&sandbox, &dataverse, &[]).await;
    sandbox.dataverse.latency("AddStaticMembers", Duration::from_millis(50));
    let deadlock = Fault::on("AddStaticMembers").times(2).answer(500);
    sandbox
        .dataverse
        .fault(deadlock.error("0x80044151", "Sql error: 'Execution Timeout Expired'"));
    let batch = contacts(&uuids(1_000));
    let [batch] = Batch::split(&batch, Batch::MAX).collect::<Vec<_>>()[..] else {
        panic!("one batch")
    };
    assert!(
        dataverse
            .add_members(segment, &group, batch, &Allowance::boundless())
            .await
            .unwrap()
            .is_empty()
    );
    let sizes: Vec<_> = sandbox
        .dataverse
        .requests()
        .iter()
        .filter(|call| call.operation == "AddStaticMembers")
        .map(|call| call.size / 39)
        .collect();
    assert_eq!(
        sizes.iter().map(|size| size / 100 * 100).collect::<Vec<_>>(),
        [1_000, 1_000, 500, 500]
    );
    sandbox.dataverse.clear_log();
    add_all(&dataverse, segment, &group, &uuids(4_000)).await.unwrap();
    assert_eq!(sandbox.dataverse.most_in_flight(), 1);
    assert_eq!(sandbox.dataverse.segment("Socks").members, uuids(4_000));
    assert!(dataverse.find_segments(&name("Socks")).await.is_ok());
}
