//! Reading and waiting end at the planned stop, whatever the file or S3 does.

use crate::sandbox::{BUCKET, Fault, Sandbox};
use crate::source::{csv, objects};
use crate::world::{SEGMENT, World};
use segment_loader::fence::Fence;
use segment_loader::source::{self, Error, Rows};
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, timeout};

const KEY: &str = "incoming/Summer Sale/2026-11-23.csv";

/// What a test waits for what should come at once, on a machine that has other things to do.
const AT_ONCE: Duration = Duration::from_secs(5);

/// 30 million rows in a few kilobytes, which keep a parser busy for a minute and longer.
fn busy_file() -> Vec<u8> {
    let text = [b"contactid,x\n", b",\n".repeat(30_000_000).as_slice()].concat();
    zstd::encode_all(text.as_slice(), 1).unwrap()
}

async fn read_until(sandbox: &Sandbox, fence: &Fence) -> Result<Rows, Error> {
    let objects = objects(sandbox);
    let version = objects.head(BUCKET, KEY, None).await.unwrap();
    source::read(&objects, &[version], "contactid", fence).await
}

/// Runs a test in which only one thread can block, and proves afterwards that it is free again.
fn with_one_reading_thread(test: impl AsyncFnOnce(&Sandbox)) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start().await;
        test(&sandbox).await;
        let next = tokio::task::spawn_blocking(|| ());
        timeout(AT_ONCE, next).await.expect("the thread reads on").unwrap();
    });
}

#[test]
fn a_parser_that_has_much_to_do_ends_at_the_planned_stop() {
    with_one_reading_thread(async |sandbox| {
        sandbox.s3.put(BUCKET, KEY, busy_file());
        let fence = Fence::stopping_at(Instant::now() + Duration::from_millis(500));
        let error = read_until(sandbox, &fence).await.unwrap_err();
        assert_eq!(error.error_type(), "OutOfTime");
        assert!(error.is_transient() && !error.is_for_good());
    });
}

#[test]
fn a_parser_that_nobody_waits_for_any_more_ends() {
    with_one_reading_thread(async |sandbox| {
        sandbox.s3.put(BUCKET, KEY, busy_file());
        let fence = Fence::open();
        let reading = read_until(sandbox, &fence);
        assert!(timeout(Duration::from_millis(500), reading).await.is_err());
    });
}

#[test]
fn a_parser_ends_with_the_lease() {
    with_one_reading_thread(async |sandbox| {
        sandbox.s3.put(BUCKET, KEY, busy_file());
        let fence = Fence::open();
        let lost = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            fence.lost();
        };
        let (outcome, ()) = tokio::join!(read_until(sandbox, &fence), lost);
        assert_eq!(outcome.unwrap_err().error_type(), "LeaseLost");
    });
}

#[test]
fn a_body_that_stands_still_or_drips_ends_at_the_planned_stop() {
    for fault in [
        Fault::on("GetObject").stall_after(1_000),
        Fault::on("GetObject").cut_after(1),
        Fault::on("GetObject").late_answer(Duration::from_hours(1)),
    ] {
        with_one_reading_thread(async |sandbox| {
            sandbox.s3.put(BUCKET, KEY, csv(10_000));
            sandbox.s3.fault(fault.always());
            let fence = Fence::stopping_at(Instant::now() + Duration::from_millis(500));
            let outcome = timeout(AT_ONCE, read_until(sandbox, &fence)).await;
            assert_eq!(outcome.unwrap().unwrap_err().error_type(), "OutOfTime");
        });
    }
}

#[tokio::test]
async fn past_the_planned_stop_nothing_is_read() {
    let sandbox = Sandbox::start().await;
    sandbox.s3.put(BUCKET, KEY, csv(10));
    let error = read_until(&sandbox, &Fence::stopping_at(Instant::now()))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "OutOfTime");
}

#[tokio::test]
async fn a_load_that_reads_too_long_continues_and_gives_its_segment_back() {
    let world = World::start().await;
    let key = world.drop_file("busy.csv.zst", busy_file());
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let answer = world.invoke_for(event, Duration::from_secs(2)).await.unwrap();
    let run = &answer["runs"][0];
    assert_eq!(
        (run["outcome"].as_str(), run["segment_name"].as_str()),
        (Some("continues"), Some(SEGMENT))
    );
    assert!(run["reason"].to_string().contains("out of time"), "{run}");
    let head = world.head();
    assert_eq!(head["pending"].as_array().unwrap().len(), 1, "{head}");
    assert!(head["lease"].is_null(), "{head}");
}

#[tokio::test]
async fn a_rehearsal_that_reads_too_long_says_so() {
    let world = World::start().await;
    let key = world.drop_file("busy.csv.zst", busy_file());
    let command = json!({"action": "load", "key": key, "dry_run": true});
    let answer = world.invoke_for(command, Duration::from_secs(2)).await.unwrap();
    let run = &answer["runs"][0];
    assert_eq!(run["error_type"], "OutOfTime", "{run}");
}
