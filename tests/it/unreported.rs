//! Runs that are killed between noting in the head how they ended and reporting it: the next look tells of them.

use crate::editors::with_audience;
use crate::failures::{A_LEASE, kill_at, kill_when, outcomes, sweep};
use crate::others::{COMPUTED_BY_OTHERS, publish};
use crate::run::Run;
use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than any pause after a failure.
const A_DAY: Duration = Duration::from_hours(24);

/// Kills the function as soon as a head says something, before its worker hears that it was written.
async fn kill_once(world: &World, event: Value, is_noted: impl Fn(&Value) -> bool) {
    let slow = Fault::on("PutObject").path("_state/segments").always();
    let slow = slow.late_answer(Duration::from_millis(100));
    world.sandbox.s3.fault(slow);
    let noted = async {
        while !is_noted(&world.head()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    kill_when(world, event, noted).await;
    world.sandbox.s3.clear_faults();
}

/// Kills the load of a file once the head says something of it; returns the answer of the first sweep after its lease.
async fn swept_after_a_kill(world: &World, content: &[u8], is_noted: impl Fn(&Value) -> bool) -> Value {
    let key = world.drop_file("monday.csv", content);
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_once(world, event, is_noted).await;
    assert_eq!(receipts(world), 0, "nobody was told");
    tokio::time::sleep(A_LEASE).await;
    sweep(world).await
}

fn receipts(world: &World) -> usize {
    world.sandbox.s3.keys(BUCKET, "_state/receipts/").len()
}

/// Returns whether mails and alarms leave a run out.
fn is_repeated(run: &Run) -> bool {
    run["repeated"] == json!(true)
}

fn assert_told_once(answer: &Value, outcome: &str) -> Run {
    assert_eq!(outcomes(answer), [outcome], "{answer}");
    let run = Run::first(answer);
    run.warns("killed before it could report");
    run
}

async fn assert_nothing_is_left(world: &World) {
    assert_eq!(world.head()["unreported"], Value::Null);
    assert_eq!(sweep(world).await["runs"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_published_is_told_of_by_the_next_sweep() {
    let world = World::start().await;
    let file = crate::world::csv(&contacts(0..100));
    let swept = swept_after_a_kill(&world, &file, |head| head["applied"].is_object()).await;
    assert_told_once(&swept, "loaded").contacts(100);
    assert_eq!((receipts(&world), world.segment().publishes), (1, 1));
    assert_nothing_is_left(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_not_yet_seen_is_told_of_and_then_followed_up() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    let delay = Duration::from_mins(30);
    world.sandbox.dataverse.modes(|modes| modes.publish_delay = delay);
    let file = crate::world::csv(&contacts(0..100));
    let swept = swept_after_a_kill(&world, &file, |head| head["applied"].is_object()).await;
    assert_told_once(&swept, "computing").contacts(100);
    tokio::time::sleep(delay).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
    assert_eq!(receipts(&world), 2);
    assert_nothing_is_left(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_file_that_can_never_be_read_are_told_of_by_the_next_sweep_too() {
    for (content, outcome) in [("contactid\n", "refused"), ("email\nx\n", "failed")] {
        let world = World::start().await;
        let is_noted = |head: &Value| head["refused"][0].is_object();
        let swept = swept_after_a_kill(&world, content.as_bytes(), is_noted).await;
        let run = assert_told_once(&swept, outcome);
        assert!(!run.reason().is_empty());
        assert!(!is_repeated(&run), "nobody has heard of it before: {run}");
        assert_eq!(receipts(&world), 1, "{outcome}");
        assert_nothing_is_left(&world).await;
    }
}

/// What failed is tried again, so that the next attempt tells of it: that one must be heard.
#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_heard_of_makes_none_that_is_repeated() {
    let world = World::start().await;
    let refused = Fault::on("GET msdynmkt_segments").answer(400).error("0x80040000", "no");
    world.sandbox.dataverse.fault(refused.always());
    let is_noted = |head: &Value| head["failures"].is_object();
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    kill_once(&world, world.sandbox.s3.notification(BUCKET, &key), is_noted).await;
    assert_eq!(receipts(&world), 0, "nobody was told");
    for is_known in [false, true] {
        tokio::time::sleep(A_DAY).await;
        let run = Run::first(&sweep(&world).await);
        assert_eq!((run.outcome(), is_repeated(&run)), ("failed", is_known), "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_died_is_told_of_anew_where_who_was_to_tell_died_too() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = || world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event(), "AddStaticMembers", 1).await;
    tokio::time::sleep(A_LEASE).await;
    kill_once(&world, event(), |head| head["troubles"][0]["lost"] == 1).await;
    assert_eq!(receipts(&world), 0, "nobody was told");
    tokio::time::sleep(A_DAY).await;
    let swept = sweep(&world).await;
    assert_eq!(outcomes(&swept), ["failed"], "{swept}");
    assert!(!is_repeated(&Run::first(&swept)), "{swept}");
    tokio::time::sleep(A_DAY).await;
    assert_eq!(outcomes(&sweep(&world).await), ["loaded"]);
}

/// Its last word would be that it is tried again by itself.
#[tokio::test(start_paused = true)]
async fn a_file_that_was_overtaken_is_told_of_where_who_overtook_it_was_killed_before_it_could() {
    let noted: [fn(&Value) -> bool; 3] = [
        |head| head["writing"].is_object(),
        |head| head["writing"]["publishing"].is_u64(),
        |head| head["applied"].is_object(),
    ];
    for is_noted in noted {
        let world = World::start().await;
        let refused = Fault::on("GET msdynmkt_segments").answer(400).error("0x80040000", "no");
        world.sandbox.dataverse.fault(refused.always());
        let monday = world.drop_contacts("monday.csv", &contacts(0..100));
        crate::failures::failure_of(&world, &monday).await;
        world.sandbox.dataverse.clear_faults();
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
        kill_once(&world, world.sandbox.s3.notification(BUCKET, &tuesday), is_noted).await;
        assert_eq!(receipts(&world), 1, "nobody was told more");
        tokio::time::sleep(A_LEASE).await;
        let swept = sweep(&world).await;
        assert_eq!(outcomes(&swept), ["superseded", "loaded"], "{swept}");
        let run = Run::first(&swept);
        run.says("tuesday.csv counts instead");
        assert_eq!(run["source"]["key"], monday.as_str());
        let s3 = &world.sandbox.s3;
        let keys = s3.keys(BUCKET, "_state/receipts/");
        let is_superseded = |key: &&String| s3.get_json(BUCKET, key).unwrap()["outcome"] == "superseded";
        assert_eq!(keys.iter().filter(is_superseded).count(), 1, "it is told once");
        assert_eq!(world.published(), contacts(0..110));
        assert_eq!(world.head()["overtaken"], Value::Null);
        assert_nothing_is_left(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_load_tells_of_it_before_its_own() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..100));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_once(&world, event, |head| head["applied"].is_object()).await;
    tokio::time::sleep(A_LEASE).await;
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
    let answer = world.deliver(&tuesday).await;
    assert_eq!(outcomes(&answer), ["loaded", "loaded"], "{answer}");
    assert_eq!(answer["runs"][0]["source"]["key"], tuesday.as_str(), "its own first");
    Run::of(&answer["runs"][1]).warns("killed before it could report");
    assert_nothing_is_left(&world).await;
}

/// The write that ends the session, or begins the next attempt, also says that all is told.
#[tokio::test(start_paused = true)]
async fn a_load_that_is_told_of_takes_no_more_writes_of_the_head() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let is_head = |request: &&sandbox::Logged| request.path.contains("_state/segments");
    let writes = |world: &World| {
        let requests = world.sandbox.s3.requests();
        requests
            .iter()
            .filter(is_head)
            .filter(|request| request.operation == "PutObject")
            .count()
    };
    let before = writes(&world);
    world.load("tuesday.csv", &contacts(0..110)).await;
    assert_eq!(writes(&world) - before, 6);
}

#[tokio::test(start_paused = true)]
async fn that_a_segment_has_recovered_is_told_although_the_load_was_killed_before_it_could_say_so() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    world.load("tuesday.csv", &contacts(0..1)).await.assert_refused();
    let key = world.drop_contacts("wednesday.csv", &contacts(0..90));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    let told = receipts(&world);
    kill_once(&world, event, |head| head["loads"].as_array().map_or(0, Vec::len) == 2).await;
    assert_eq!(receipts(&world), told, "nobody was told");
    tokio::time::sleep(A_LEASE).await;
    let run = assert_told_once(&sweep(&world).await, "loaded");
    assert_eq!(run["recovered"], json!(true), "{run}");
    let sentence = run["sentence"].as_str().unwrap();
    assert!(sentence.ends_with("What went wrong before is over."), "{sentence}");
    assert_nothing_is_left(&world).await;
    let next = world.load("thursday.csv", &contacts(0..95)).await;
    assert_eq!(
        next.assert_loaded()["recovered"],
        Value::Null,
        "it is told once: {next}"
    );
}

/// A file that Dynamics refused, and one that overtakes it, while the nth write of the head is not answered to in time and the lease
/// is renewed before it is repeated; returns the answer.
async fn overtaken_with_a_late_answer(world: &World, nth: u64) -> Value {
    let refused = Fault::on("GET msdynmkt_segments").answer(400).error("0x80040000", "no");
    world.sandbox.dataverse.fault(refused.always());
    let monday = world.drop_contacts("monday.csv", &contacts(0..100));
    crate::failures::failure_of(world, &monday).await;
    world.sandbox.dataverse.clear_faults();
    let late = Fault::on("PutObject").path("_state/segments").nth(nth);
    world
        .sandbox
        .s3
        .fault(late.commit_then_reset().late_answer(Duration::from_secs(3)));
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
    world.deliver(&tuesday).await
}

/// Returns which files people were told were overtaken.
fn told_superseded(world: &World) -> Vec<Value> {
    let s3 = &world.sandbox.s3;
    let receipts = s3.keys(BUCKET, "_state/receipts/").into_iter();
    let receipts = receipts.filter_map(|key| s3.get_json(BUCKET, &key));
    let superseded = receipts.filter(|receipt| receipt["outcome"] == "superseded");
    superseded.map(|receipt| receipt["source"]["key"].clone()).collect()
}

/// Who reads what he has written himself, beneath his own renewal, must not take it for another's and make it once more.
#[tokio::test(start_paused = true)]
async fn a_file_that_was_overtaken_is_told_of_whichever_answer_of_the_head_is_late() {
    for nth in 1..=6 {
        let world = World::in_sandbox(Sandbox::start().await, &[("LEASE_SECONDS", "6")]);
        let answer = overtaken_with_a_late_answer(&world, nth).await;
        assert_eq!(outcomes(&answer), ["loaded", "superseded"], "write {nth}: {answer}");
        assert_eq!(
            told_superseded(&world),
            ["incoming/Summer Sale/monday.csv"],
            "write {nth}"
        );
        assert_eq!(world.head()["overtaken"], Value::Null, "write {nth}");
        assert_nothing_is_left(&world).await;
    }
}

/// Who does not hear whether he has noted what is to be told leaves it noted.
#[tokio::test(start_paused = true)]
async fn what_was_noted_is_told_although_the_answer_is_lost_and_the_look_afterwards_fails() {
    for nth in 1..=6 {
        let world = World::start().await;
        let refused = Fault::on("GET msdynmkt_segments").answer(400).error("0x80040000", "no");
        world.sandbox.dataverse.fault(refused.always());
        let monday = world.drop_contacts("monday.csv", &contacts(0..100));
        crate::failures::failure_of(&world, &monday).await;
        world.sandbox.dataverse.clear_faults();
        let s3 = &world.sandbox.s3;
        let tuesday = world.drop_contacts("tuesday.csv", &contacts(0..110));
        let lost = Fault::on("PutObject").path("_state/segments").nth(nth);
        let looks = s3.requests().iter().filter(|request| is_look(request)).count();
        s3.fault(lost.commit_then_reset().late_answer(Duration::from_secs(1)));
        let blind = async {
            let before = world.head()["nonces_before"].as_array().map_or(0, Vec::len);
            let writes = usize::try_from(nth).unwrap();
            while world.head()["nonces_before"].as_array().map_or(0, Vec::len) < before + writes {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // As often as the SDK asks for what is read once.
            let fault = Fault::on("GetObject").path("_state/segments").times(3);
            s3.fault(fault.answer(500).code("InternalError"));
        };
        let (answer, ()) = tokio::join!(world.invoke(s3.notification(BUCKET, &tuesday)), blind);
        let looked = s3.requests().iter().filter(|request| is_look(request)).count();
        assert!(looked > looks, "write {nth}: {answer:?}");
        s3.clear_faults();
        for _ in 0..3 {
            tokio::time::sleep(A_DAY).await;
            sweep(&world).await;
        }
        assert_eq!(
            told_superseded(&world),
            ["incoming/Summer Sale/monday.csv"],
            "write {nth}: {answer:?}"
        );
        let told = told_outcomes(&world, &tuesday);
        assert!(told.contains(&json!("loaded")), "write {nth}: {told:?} {answer:?}");
        assert_eq!(world.published(), contacts(0..110));
        assert_nothing_is_left(&world).await;
    }
}

fn is_look(request: &sandbox::Logged) -> bool {
    request.operation == "GetObject" && request.path.contains("_state/segments")
}

/// Returns how people were told that a file ended.
fn told_outcomes(world: &World, key: &str) -> Vec<Value> {
    let s3 = &world.sandbox.s3;
    let receipts = s3.keys(BUCKET, "_state/receipts/").into_iter();
    let receipts = receipts.filter_map(|key| s3.get_json(BUCKET, &key));
    let of_file = receipts.filter(|receipt| receipt["source"]["key"] == key);
    of_file.map(|receipt| receipt["outcome"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_head_as_overtaken_is_told_of_by_the_next_sweep_whoever_left_it() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await.assert_loaded();
    let key = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    let mut head = world.head();
    let job = head["applied"].clone();
    head["overtaken"] = json!([{"job": job, "by": job}]);
    world.sandbox.s3.put(BUCKET, &key, head.to_string());
    assert_eq!(outcomes(&sweep(&world).await), ["superseded"]);
    assert_nothing_is_left(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_part_that_somebody_published_of_a_load_is_told_although_the_load_was_killed_before_it_could_say_so() {
    for is_published in [false, true] {
        let world = with_audience().await;
        let dataverse = &world.sandbox.dataverse;
        dataverse.latency("AddStaticMembers", Duration::from_secs(5));
        let key = world.drop_contacts("monday.csv", &contacts(0..1_100));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let others = async {
            dataverse.arrived("AddStaticMembers", 1).await;
            if is_published {
                publish(&world);
            }
        };
        tokio::join!(kill_once(&world, event, |head| head["applied"].is_object()), others);
        assert_eq!(receipts(&world), 0, "nobody was told");
        tokio::time::sleep(A_LEASE).await;
        let run = assert_told_once(&sweep(&world).await, "loaded");
        let warnings = run["warnings"].to_string();
        assert_eq!(warnings.contains(COMPUTED_BY_OTHERS), is_published, "{run}");
        assert_nothing_is_left(&world).await;
    }
}
