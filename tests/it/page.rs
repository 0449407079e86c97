//! The status page: what it shows after what happened, and that nothing depends on it.

use crate::failures::{A_LEASE, kill_at, sweep};
use crate::run::Run;
use crate::world::{FIFTEEN_MINUTES, SEGMENT, World, contacts, csv};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::{Token, Tokenizer};
use sandbox::{BUCKET, CREDENTIAL_SECRET, DESTINATION_SECRET, Fault, Sandbox};
use serde_json::json;
use std::time::Duration;

pub(crate) const PAGE: &str = "_state/status.html";
/// The elements that stand in a line of text.
const INLINE: [&[u8]; 5] = [b"b", b"bdi", b"code", b"span", b"time"];

/// Returns the lines of text that the page shows.
pub(crate) fn lines(world: &World) -> Vec<String> {
    let page = world.sandbox.s3.get(BUCKET, PAGE).expect("there is a page");
    let page = String::from_utf8(page.to_vec()).unwrap();
    let (mut lines, mut is_style) = (vec![String::new()], false);
    for Ok(token) in Tokenizer::new(&page) {
        let name = match token {
            Token::StartTag(tag) => tag.name,
            Token::EndTag(tag) => tag.name,
            Token::String(text) if !is_style => {
                lines.last_mut().unwrap().push_str(&String::from_utf8_lossy(&text));
                continue;
            }
            _ => continue,
        };
        is_style = !is_style && &*name == b"style";
        if !INLINE.contains(&&**name) {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

fn assert_shows(world: &World, parts: &[&str]) {
    let shown = lines(world).join("\n");
    for part in parts {
        assert!(shown.contains(part), "{part} in: {shown}");
    }
}

/// Returns how often the page was asked to be written.
fn writes(world: &World) -> usize {
    let requests = world.sandbox.s3.requests();
    let writes = requests
        .iter()
        .filter(|request| request.operation == "PutObject" && request.path.ends_with("status.html"));
    writes.count()
}

fn named() -> [(&'static str, &'static str); 1] {
    [("AWS_LAMBDA_FUNCTION_NAME", "segment-loader")]
}

#[tokio::test(start_paused = true)]
async fn a_load_is_on_the_page_in_its_own_sentence_with_its_people_and_none_of_their_ids() {
    let world = World::start().await;
    let run = world.load("monday.csv", &contacts(0..1_200)).await;
    assert_shows(
        &world,
        &[
            SEGMENT,
            "● Created",
            run["sentence"].as_str().unwrap(),
            "1,200",
            "One load, of 1,200",
            "Never verified",
        ],
    );
    world.load("tuesday.csv", &contacts(0..1_210)).await;
    assert_shows(
        &world,
        &["● Up to date", "1,210 people, 10 came", "2 loads, of 1,200 to 1,210"],
    );
    let page = world.sandbox.s3.get(BUCKET, PAGE).unwrap();
    let page = String::from_utf8_lossy(&page).to_lowercase();
    for contact in contacts(0..1_210) {
        assert!(!page.contains(&contact.to_string()) && !page.contains(&contact.simple().to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_file_is_on_the_page_with_a_command_that_loads_it() {
    let world = World::in_sandbox(Sandbox::start().await, &named());
    world.load("monday.csv", &contacts(0..1_000)).await.assert_loaded();
    let run = world.load("tuesday.csv", &contacts(0..499)).await;
    run.assert_refused();
    assert_shows(&world, &["▲ Refused", run["sentence"].as_str().unwrap(), "tuesday.csv"]);

    let lines = lines(&world);
    let command = lines.iter().find(|line| line.starts_with("aws lambda invoke")).unwrap();
    assert_eq!(command, run["command"].as_str().unwrap());
    let mut words = command.split(' ').skip_while(|word| *word != "--payload");
    let payload = STANDARD.decode(words.nth(1).unwrap()).unwrap();
    let approved = world.invoke(serde_json::from_slice(&payload).unwrap()).await.unwrap();
    Run::first(&approved).assert_loaded();
    assert_shows(&world, &["● Up to date", "499 people"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_on_the_page_with_what_waits_and_until_when() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let key = world.drop_contacts("tuesday.csv", &contacts(0..60));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    let sentence = world.head()["last_run"]["sentence"].as_str().unwrap().to_owned();
    assert!(sentence.contains("not refreshed"), "{sentence}");
    assert_shows(
        &world,
        &["■ Failing", &sentence, "A file waits: it is tried again after"],
    );

    world.sandbox.dataverse.clear_faults();
    world.invoke(json!({"action": "sweep", "now": true})).await.unwrap();
    assert_shows(&world, &["● Up to date", "the first good load after one that was not"]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_is_on_the_page_as_soon_as_a_sweep_comes() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let key = world.drop_contacts("tuesday.csv", &contacts(0..60));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    kill_at(&world, event, "AddStaticMembers", 2).await;
    assert_shows(&world, &["● Created"]);
    sweep(&world).await;
    assert_shows(&world, &["◐ Being loaded", "the next sweep after"]);
    tokio::time::sleep(A_LEASE).await;

    world
        .sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    sweep(&world).await;
    assert_shows(&world, &["■ Failing"]);
    world.sandbox.dataverse.clear_faults();
    world.invoke(json!({"action": "sweep", "now": true})).await.unwrap();
    assert_shows(&world, &["● Up to date", "60 people"]);
}

#[tokio::test(start_paused = true)]
async fn of_runs_that_end_at_once_each_is_on_the_page() {
    let world = World::start().await;
    let names = ["One", "Two", "Three", "Four", "Five", "Six"];
    let load = async |name: &str| {
        let app = World::app(&world.sandbox, &[]);
        let key = format!("incoming/{name}/a.csv");
        world.sandbox.s3.put(BUCKET, &key, csv(&contacts(0..20)));
        let event = world.sandbox.s3.notification(BUCKET, &key);
        let answer = Box::pin(app.handle(event, FIFTEEN_MINUTES)).await.unwrap();
        Run::first(&answer).assert_loaded();
    };
    futures_util::future::join_all(names.map(load)).await;
    assert_shows(
        &world,
        &names
            .map(|name| format!("“{name}” was created"))
            .each_ref()
            .map(String::as_str),
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_somebody_else_has_written_meanwhile_is_made_anew() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    // As if it were another one when it is written.
    let fault = Fault::on("HeadObject").path("status.html");
    world.sandbox.s3.fault(fault.alter_header("etag", Some("\"0123\"")));
    world.sandbox.s3.clear_log();
    world.load("tuesday.csv", &contacts(0..60)).await.assert_loaded();
    assert_eq!(writes(&world), 2);
    assert_shows(&world, &["60 people"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_never_comes_first_leaves_the_page_to_the_next() {
    let world = World::start().await;
    let taken = Fault::on("PutObject").path("status.html").always().answer(412);
    world.sandbox.s3.fault(taken.code("PreconditionFailed"));
    world
        .load("monday.csv", &contacts(0..50))
        .await
        .assert_loaded()
        .warns_of_nothing();
    assert_eq!(writes(&world), 3);
    world.sandbox.s3.clear_faults();
    sweep(&world).await;
    assert_shows(&world, &["“Summer Sale” was created, with 50 people."]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_written_or_looked_at_fails_no_run() {
    for (operation, status) in [
        ("PutObject", 403),
        ("PutObject", 503),
        ("HeadObject", 403),
        ("HeadObject", 500),
    ] {
        let world = World::start().await;
        let fault = Fault::on(operation).path("status.html").always().answer(status);
        world.sandbox.s3.fault(fault.code("AccessDenied"));
        world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
        assert_eq!(sweep(&world).await["warnings"], json!([]));
        assert_eq!(world.published(), contacts(0..50));
        assert!(world.sandbox.s3.get(BUCKET, PAGE).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_hangs_holds_a_run_up_for_seconds_only() {
    let world = World::start().await;
    let fault = Fault::on("HeadObject").path("status.html").always();
    world.sandbox.s3.fault(fault.delay(Duration::from_hours(1)));
    let begun = tokio::time::Instant::now();
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_what_was_known_already_write_no_page() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..50));
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    run.assert_dry_run();
    world.sandbox.secrets.deny(DESTINATION_SECRET);
    world.load_directly(&key, &json!({"dry_run": true})).await;
    assert!(world.sandbox.s3.keys(BUCKET, "_state/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_writes_the_page_again_only_where_it_shows_something_else_or_is_an_hour_old() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    sweep(&world).await;
    world.sandbox.s3.clear_log();
    for _ in 0..3 {
        world.sandbox.s3.clock().advance(Duration::from_mins(15));
        sweep(&world).await;
    }
    assert_eq!(writes(&world), 0);
    world.sandbox.s3.clock().advance(Duration::from_mins(16));
    sweep(&world).await;
    assert_eq!(writes(&world), 1);
    world.destination(&json!({"stale_after_hours": 1}));
    sweep(&world).await;
    assert_shows(&world, &["▲ Too old", "it should have one every 1 hours"]);
    let page = world.sandbox.s3.get(BUCKET, PAGE).unwrap();
    assert!(page.starts_with(b"<!DOCTYPE html>"));
}

/// What the page costs stands in docs/costs.md: 1 LIST, 3 GET or HEAD, and 1 PUT where something has changed.
#[tokio::test(start_paused = true)]
async fn the_page_costs_an_idle_sweep_one_listing_and_three_looks() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    world.sandbox.s3.clear_log();
    sweep(&world).await;
    let requests = world.sandbox.s3.requests();
    let count = |operations: &[&str]| {
        requests
            .iter()
            .filter(|request| operations.contains(&request.operation.as_str()))
            .count()
    };
    let without_the_page = (3, 4);
    let (listed, looked) = (
        count(&["ListObjectsV2", "PutObject"]),
        count(&["GetObject", "HeadObject"]),
    );
    assert_eq!((listed - 1, looked - 3), without_the_page, "{requests:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_is_on_the_page_until_it_can() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let secret = world.sandbox.secrets.text(CREDENTIAL_SECRET);
    world.sandbox.secrets.remove(CREDENTIAL_SECRET);
    let key = world.drop_contacts("tuesday.csv", &contacts(0..60));
    let event = world.sandbox.s3.notification(BUCKET, &key);
    world.invoke(event).await.unwrap_err();
    assert_shows(&world, &["This program could not do its work", "● Created"]);
    world.sandbox.secrets.put_text(CREDENTIAL_SECRET, &secret);
    sweep(&world).await;
    assert!(!lines(&world).join(" ").contains("could not do its work"));
    assert_shows(&world, &["60 people"]);
}

#[tokio::test(start_paused = true)]
async fn a_hostile_name_is_shown_and_breaks_nothing() {
    let world = World::start().await;
    let long = format!(
        "{}\u{202e}{}",
        "</bdi><script>alert(\"1\")</script>&amp;'",
        "W".repeat(50)
    );
    let key = world.drop_contacts("monday.csv", &contacts(0..50));
    let run = world.load_directly(&key, &json!({"segment_name": long})).await;
    run.assert_loaded();
    let shown = long.replace('\u{202e}', "\u{fffd}");
    assert!(lines(&world).contains(&shown), "{:?}", lines(&world));
    let page = world.sandbox.s3.get(BUCKET, PAGE).unwrap();
    assert!(!String::from_utf8_lossy(&page).contains("<script"));
}

#[tokio::test(start_paused = true)]
async fn all_environments_are_on_one_page_and_a_verification_is_too() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let mut theirs = world.head();
    theirs["environment"] = json!("test.crm4.dynamics.com");
    theirs["last_run"]["sentence"] = json!("Theirs.");
    let key = format!("_state/segments/{}/head.json", "7".repeat(32));
    world.sandbox.s3.put(BUCKET, &key, theirs.to_string());
    world.sandbox.dataverse.set_known_contacts(contacts(0..60));
    world.invoke(json!({"action": "verify_environment"})).await.unwrap();
    assert_shows(
        &world,
        &[
            "test.crm4.dynamics.com",
            "Theirs.",
            "Never verified",
            "Verified on",
            "was seen to hold",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_segment_leaves_the_page() {
    let world = World::start().await;
    let key = world.drop_contacts("monday.csv", &contacts(0..50));
    world.deliver(&key).await;
    world.sandbox.s3.delete(BUCKET, &key);
    world
        .invoke(json!({"action": "forget", "segment_name": SEGMENT}))
        .await
        .unwrap();
    assert_shows(&world, &["No segment was loaded yet."]);
}

#[tokio::test(start_paused = true)]
async fn beside_more_than_two_hundred_segments_a_load_leaves_the_page_to_the_sweep() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let mut head = world.head();
    head["environment"] = json!("test.crm4.dynamics.com");
    for number in 0..200 {
        head["segment_name"] = json!(format!("Theirs {number}"));
        let key = format!("_state/segments/{number:032x}/head.json");
        world.sandbox.s3.put(BUCKET, &key, head.to_string());
    }
    world.sandbox.s3.clear_log();
    world.load("tuesday.csv", &contacts(0..60)).await.assert_loaded();
    assert_eq!(writes(&world), 0);
    sweep(&world).await;
    assert_eq!(writes(&world), 1);
    assert_shows(&world, &["201 segments", "60 people", "Theirs 199"]);
}

#[tokio::test(start_paused = true)]
async fn the_page_is_no_result_and_nobody_who_lists_the_state_stumbles_over_it() {
    let world = World::in_sandbox(Sandbox::start().await, &[("RESULTS_PREFIX", "")]);
    let key = "Summer Sale/monday.csv";
    world.sandbox.s3.put(BUCKET, key, csv(&contacts(0..50)));
    world.run(key).await.assert_loaded();
    assert_eq!(world.deliver(PAGE).await, json!({"runs": []}));
    let swept = sweep(&world).await;
    assert_eq!((&swept["runs"], &swept["warnings"]), (&json!([]), &json!([])));
    let status = world.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!(status["segments"].as_array().unwrap().len(), 1, "{status}");
    let history = world.invoke(json!({"action": "history"})).await.unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history}");
}
