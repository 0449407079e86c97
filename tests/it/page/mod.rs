//! The status page: what it shows after what happened, and that nothing depends on it.

mod written;

use crate::failures::{A_LEASE, kill_at, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::{Token, Tokenizer};
use sandbox::{BUCKET, CREDENTIAL_SECRET, Fault, Sandbox};
use serde_json::json;
use sha2::{Digest as _, Sha256};
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

/// Returns where the head of a segment lies.
fn key_of(environment: &str, segment_name: &str) -> String {
    let hash = Sha256::digest(format!("{environment}\0{segment_name}"));
    let first = u128::from_be_bytes(std::array::from_fn(|index| hash[index]));
    format!("_state/segments/{first:032x}/head.json")
}

fn assert_shows(world: &World, parts: &[&str]) {
    let shown = lines(world).join("\n");
    for part in parts {
        assert!(shown.contains(part), "{part} in: {shown}");
    }
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
            "One load: 1,200 people",
            "has not tried yet, on a segment of its own",
        ],
    );
    world.load("tuesday.csv", &contacts(0..1_210)).await;
    assert_shows(
        &world,
        &["● Up to date", "1,210 people, 10 came", ": 1,200 to 1,210 people"],
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
    assert_shows(&world, &["● Up to date", "What went wrong before is over"]);
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

/// What the page costs stands in docs/costs.md: 1 LIST, 3 GET or HEAD, and 1 PUT where something has changed.
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
    let position = &theirs["applied"]["order"];
    let position = json!({"last_modified": "2048-01-01T00:00:00Z", "key": position["key"], "etag": position["etag"]});
    let reason = "It shrinks. Approve: {\"action\":\"load\",\"key\":\"a.csv\",\"approve\":\"da8ded9e30af2cca\"}";
    theirs["refused"] = json!([{"order": position, "run_id": "da8ded9e30af2cca", "reason": reason}]);
    let key = key_of("test.crm4.dynamics.com", SEGMENT);
    world.sandbox.s3.put(BUCKET, &key, theirs.to_string());
    world.sandbox.dataverse.set_known_contacts(contacts(0..60));
    world.invoke(json!({"action": "verify_environment"})).await.unwrap();
    assert_shows(
        &world,
        &[
            "test.crm4.dynamics.com",
            "Theirs.",
            "{\"action\":\"load\",\"key\":\"a.csv\"",
            "has not tried yet, on a segment of its own",
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
async fn a_file_that_was_refused_before_it_was_read_is_on_the_page() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..50)).await.assert_loaded();
    let unreadable = [
        ("empty.csv", ""),
        ("_hidden.csv", "contactid\n"),
        ("text.csv", "contactid\nnobody\n"),
    ];
    for (name, content) in unreadable {
        let key = world.drop_file(name, content);
        let run = world.run(&key).await;
        run.assert_refused();
        assert_shows(
            &world,
            &["▲ Refused", run["sentence"].as_str().unwrap(), name, "Last run: "],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn data_files_whose_marker_is_overdue_are_on_the_page_until_it_comes() {
    let world = World::start().await;
    world.destination(&json!({"result_files": "folder"}));
    for part in ["part-0.csv", "part-1.csv"] {
        world.drop_contacts(&format!("2026-11-23/{part}"), &contacts(0..50));
    }
    sweep(&world).await;
    let shown = lines(&world).join("\n");
    assert!(!shown.contains("marker"), "they may still be written: {shown}");
    world.sandbox.s3.clock().advance(Duration::from_mins(61));
    sweep(&world).await;
    assert_shows(&world, &["2 data files wait for a marker or manifest", "part-0.csv"]);
    let marker = world.drop_file("2026-11-23/_SUCCESS", Vec::new());
    world.run(&marker).await.assert_loaded();
    let shown = lines(&world).join("\n");
    assert!(!shown.contains("marker"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn an_older_file_that_is_asked_for_and_refused_is_on_the_page_with_a_command_that_loads_it() {
    let world = World::in_sandbox(Sandbox::start().await, &named());
    let older = world.drop_contacts("monday.csv", &contacts(0..20));
    world.run(&older).await.assert_loaded();
    world.load("tuesday.csv", &contacts(0..100)).await.assert_loaded();
    world.load_directly(&older, &json!({})).await.assert_refused();
    let shown = [
        "1 segment: 1 refused.",
        "▲ Refused",
        "File incoming/Summer Sale/monday.csv",
        "--payload",
    ];
    assert_shows(&world, &shown);
    world.load("wednesday.csv", &contacts(0..110)).await.assert_loaded();
    assert_shows(&world, &["1 segment: 1 up to date."]);
}

#[tokio::test(start_paused = true)]
async fn who_was_published_and_not_yet_seen_is_not_shown_as_a_good_load() {
    let world = World::start().await;
    world.destination(&json!({"publish_wait_seconds": 1}));
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_hours(1));
    world.load("monday.csv", &contacts(0..150)).await.assert_computing();
    assert_shows(
        &world,
        &["150 people, published and not yet shown by Dynamics", "Last run: "],
    );
    let shown = lines(&world).join("\n");
    assert!(!shown.contains("Last good load"), "{shown}");
    let answer = world.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!(answer["segments"][0]["last_load"], json!(null), "{answer}");
}
