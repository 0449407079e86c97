//! Reports of loads warn of what was seen not to hold.

use super::{environment, verify};
use crate::run::Run;
use crate::world::contacts;
use sandbox::dataverse::{Drafts, UnknownContacts, Versions};
use sandbox::{BUCKET, Fault};
use serde_json::json;

fn warnings_of_facts(run: &Run) -> Vec<&str> {
    let warnings = run["warnings"].as_array().unwrap();
    let warnings = warnings.iter().map(|warning| warning.as_str().unwrap());
    warnings
        .filter(|warning| warning.starts_with("verify_environment saw"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn loads_warn_of_the_facts_that_they_rest_on_and_that_were_seen_not_to_hold() {
    let world = environment().await;
    assert_eq!(
        warnings_of_facts(&world.load("a.csv", &contacts(0..3)).await),
        Vec::<&str>::new()
    );
    world.sandbox.dataverse.modes(|modes| {
        modes.drafts = Drafts::Shown;
        modes.versions = Versions::Ignored;
        modes.unknown_contacts = UnknownContacts::Accept;
        modes.denied.insert("StopSegments".to_owned());
    });
    assert_eq!(verify(&world).await["ok"], false);
    let run = world.load("b.csv", &contacts(0..4)).await;
    run.assert_loaded();
    let warnings = warnings_of_facts(&run).join("\n");
    for fact in [
        "draft_is_hidden",
        "change_is_hidden_until_publish",
        "stale_etag_is_refused",
        "unknown_contact",
    ] {
        assert!(warnings.contains(&format!("`{fact}` does not hold here")), "{warnings}");
    }
    assert_eq!(warnings_of_facts(&run).len(), 4, "{warnings}");
    let key = world.drop_contacts("c.csv", &contacts(0..5));
    let run = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert_eq!(
        warnings_of_facts(&run).len(),
        4,
        "a dry run says what a load would rest on"
    );

    world.sandbox.dataverse.modes(|modes| {
        modes.drafts = Drafts::Hidden;
        modes.versions = Versions::Kept;
        modes.unknown_contacts = UnknownContacts::Ignore;
    });
    assert_eq!(verify(&world).await["ok"], true);
    assert_eq!(warnings_of_facts(&world.run(&key).await), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_no_contacts_are_not_warned_of_where_they_are_left_out() {
    let world = environment().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.unknown_contacts = UnknownContacts::Accept);
    assert_eq!(verify(&world).await["ok"], true);
    let run = world.load("a.csv", &contacts(0..3)).await;
    assert!(warnings_of_facts(&run)[0].contains("set `check_contacts` to `added`"));
    world.destination(&json!({"check_contacts": "added"}));
    let run = world.load("b.csv", &contacts(0..4)).await;
    run.assert_loaded();
    assert_eq!(warnings_of_facts(&run), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_tried_is_no_warning() {
    let world = environment().await;
    world.sandbox.dataverse.set_known_contacts([]);
    verify(&world).await;
    world.sandbox.dataverse.set_known_contacts(contacts(0..3));
    assert_eq!(
        warnings_of_facts(&world.load("a.csv", &contacts(0..3)).await),
        Vec::<&str>::new()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_read_once_in_an_invocation_and_no_load_fails_for_it() {
    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| modes.drafts = Drafts::Shown);
    verify(&world).await;
    let keys = ["a.csv", "b.csv"].map(|name| format!("incoming/{name} audience/{name}"));
    let mut event = json!({"Records": []});
    for key in &keys {
        world.sandbox.s3.put(BUCKET, key, crate::world::csv(&contacts(0..3)));
        let record = world.sandbox.s3.notification(BUCKET, key)["Records"][0].clone();
        event["Records"].as_array_mut().unwrap().push(record);
    }
    world.sandbox.s3.clear_log();
    let answer = world.invoke(event).await.unwrap();
    for run in answer["runs"].as_array().unwrap().iter().map(Run::of) {
        assert_eq!(
            (&run["outcome"], warnings_of_facts(&run).len()),
            (&json!("loaded"), 2),
            "{run}"
        );
    }
    let reads = world.sandbox.s3.requests();
    let reads = reads.iter().filter(|request| request.path.contains("_state/verified/"));
    assert_eq!(reads.count(), 1 + keys.len(), "the page reads it for itself after each");

    let failure = Fault::on("GetObject")
        .path("_state/verified/")
        .answer(403)
        .code("AccessDenied");
    world.sandbox.s3.fault(failure.always());
    let run = world.load("c.csv", &contacts(0..4)).await;
    assert_eq!((&run["outcome"], warnings_of_facts(&run).len()), (&json!("loaded"), 0));
}
