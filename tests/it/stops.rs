//! Reading and waiting end at the planned stop, whatever the file or S3 does.

use crate::run::Run;
use crate::source::{csv, objects};
use crate::world::{FIFTEEN_MINUTES, SEGMENT, World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use segment_loader::app::time_left;
use segment_loader::domain::Fate;
use segment_loader::source::{self, Begun, Error, Rows};
use segment_loader::time::Fence;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
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
    source::read(&objects, &[version], "contactid", fence, Begun::default()).await
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
        assert!(error.is_transient() && error.fate() == Fate::Continue);
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

/// Two hours, which no Lambda lives.
const FOR_EVER: Duration = Duration::from_hours(2);

/// Delivers one event while AWS misbehaves, and returns how it ended: before the deadline in any case.
async fn ending_under(world: &World, time: Duration) -> String {
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let start = Instant::now();
    let ending = world.invoke_for(event, time).await;
    assert!(start.elapsed() < time, "killed after {:?}: {ending:?}", start.elapsed());
    match ending {
        Ok(answer) => answer["runs"][0]["outcome"].as_str().unwrap().to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// Lets AWS answer again, and sweeps until the file is published.
async fn assert_a_sweep_finishes(world: &World) {
    world.sandbox.s3.clear_faults();
    world.sandbox.secrets.clear_faults();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_mins(15)).await;
        world.invoke(json!({"action": "sweep"})).await.unwrap();
    }
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_s3_that_never_answers_ends_the_run_before_the_deadline_and_a_sweep_finishes_it() {
    let head = |operation| Fault::on(operation).path("head.json");
    for (fault, expected) in [
        (
            Fault::on("HeadObject").delay(FOR_EVER),
            "SourceUnavailable: S3 did not deliver",
        ),
        (Fault::on("HeadObject").late_answer(FOR_EVER), "SourceUnavailable"),
        (head("GetObject").delay(FOR_EVER), "StateUnavailable"),
        (head("GetObject").nth(2).late_answer(FOR_EVER), "StateUnavailable"),
        (head("GetObject").stall_after(10), "StateUnavailable"),
        (
            head("PutObject").delay(FOR_EVER),
            "could not be written: no answer in time",
        ),
        // What was written without an answer is known again when it is read.
        (head("PutObject").late_answer(FOR_EVER), "loaded"),
        (head("PutObject").nth(2).late_answer(FOR_EVER), "loaded"),
        (head("PutObject").nth(3).late_answer(FOR_EVER), "loaded"),
        (Fault::on("PutObject").delay(FOR_EVER), "StateUnavailable"),
    ] {
        for time in [FIFTEEN_MINUTES, Duration::from_secs(30), Duration::from_secs(3)] {
            let told = format!("{fault:?} within {time:?}");
            let world = World::start().await;
            world.sandbox.s3.fault(fault.clone().always());
            let ending = ending_under(&world, time).await;
            let expected = if time == FIFTEEN_MINUTES { expected } else { "" };
            assert!(ending.contains(expected), "{told}: {ending}");
            let segments = world.sandbox.dataverse.segments(SEGMENT);
            let is_loaded = ending == "loaded";
            let is_as_told = |published: &Option<_>| published.is_some() == is_loaded;
            assert!(
                segments.iter().all(|segment| is_as_told(&segment.published)),
                "{told}: {ending}"
            );
            assert_a_sweep_finishes(&world).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_secrets_manager_that_never_answers_ends_the_run_before_the_deadline() {
    for first in [1, 2] {
        for (time, expected) in [
            (FIFTEEN_MINUTES, "SecretsManagerUnavailable"),
            (
                Duration::from_secs(3),
                "OutOfTime: the invocation ran out of time while the secrets were read",
            ),
        ] {
            let world = World::start().await;
            let fault = Fault::on("GetSecretValue").nth(first).late_answer(FOR_EVER);
            world.sandbox.secrets.fault(fault.always());
            let ending = ending_under(&world, time).await;
            assert!(ending.contains(expected), "{first} {time:?}: {ending}");
            assert_a_sweep_finishes(&world).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_s3_that_is_slow_with_everything_ends_a_sweep_at_the_planned_stop() {
    let world = World::start().await;
    for number in 0..200 {
        world.drop_contacts(&format!("{number}.csv"), &contacts(0..100));
    }
    world.sandbox.s3.latency("HeadObject", Duration::from_secs(4));
    let start = Instant::now();
    let swept = world
        .invoke_for(json!({"action": "sweep"}), Duration::from_secs(40))
        .await;
    let swept = swept.unwrap();
    Run::first(&swept).as_type("OutOfTime");
    assert_eq!(
        start.elapsed().as_secs(),
        16 + 4,
        "the other half of the time is for what was left unfinished, of which the page takes one look"
    );
}

#[tokio::test]
async fn a_load_that_reads_too_long_continues_and_gives_its_segment_back_and_a_dry_run_says_so() {
    let world = World::start().await;
    let key = world.drop_file("busy.csv.zst", busy_file());
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let command = json!({"action": "load", "key": key, "dry_run": true});
    let (loaded, dry_run) = tokio::join!(
        world.invoke_for(event, Duration::from_secs(10)),
        world.invoke_for(command, Duration::from_secs(10))
    );
    let run = Run::first(&loaded.unwrap());
    run.assert_continues().says("out of time");
    let head = world.head();
    assert_eq!(head["pending"].as_array().unwrap().len(), 1, "{head}");
    assert!(head["lease"].is_null(), "{head}");
    let run = Run::first(&dry_run.unwrap());
    run.as_type("OutOfTime");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_says_how_much_of_its_time_it_has_waited() {
    let world = World::start().await;
    let storm = Fault::on("AddStaticMembers").nth(3).always().answer(429);
    let dataverse = &world.sandbox.dataverse;
    dataverse.fault(storm.header("Retry-After", "60").code("0x80072321"));
    let key = world.drop_contacts("monday.csv", &contacts(0..9_000));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let start = Instant::now();
    let run = Run::first(&world.invoke_for(event, Duration::from_mins(6)).await.unwrap());
    let waited = run["throttled_ms"].as_u64().unwrap();
    assert!(waited > 200_000, "{run}");
    assert!(u128::from(waited) <= start.elapsed().as_millis(), "{run}");
    let said = format!(
        "; {} s of the run were waited since Dynamics throttles",
        waited.div_ceil(1_000)
    );
    run.assert_continues().says(&said);
    assert_eq!(dataverse.violations(), []);
}

/// `cargo lambda watch` sends one and the same deadline with every invocation.
#[test]
fn a_deadline_that_has_passed_before_its_invocation_began_is_none() {
    let mut context = lambda_runtime::Context::default();
    for long_ago in [0, 600_000] {
        context.deadline = long_ago;
        assert_eq!(time_left(&context), FIFTEEN_MINUTES);
    }
    let in_a_minute = SystemTime::now() + Duration::from_mins(1);
    let in_a_minute = in_a_minute.duration_since(UNIX_EPOCH).unwrap().as_millis();
    context.deadline = in_a_minute.try_into().unwrap();
    let left = time_left(&context);
    assert!(
        (Duration::from_secs(50)..=Duration::from_mins(1)).contains(&left),
        "{left:?}"
    );
}
