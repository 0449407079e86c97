//! Each fact both ways.

use super::{assert_nothing_is_left, assert_seen, detail, environment, fact, seen, verify};
use crate::world::{World, contacts};
use sandbox::Fault;
use sandbox::dataverse::{Drafts, Repeats, UnknownContacts, Versions};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test(start_paused = true)]
async fn an_environment_as_it_is_documented_has_all_facts_and_nothing_is_left() {
    let world = environment().await;
    let answer = verify(&world).await;
    let began = answer["segment_name"].as_str().unwrap();
    assert!(began.starts_with("segment-loader trial 20"), "{answer}");
    assert_nothing_is_left(&world);
    insta::assert_json_snapshot!("verify_environment", answer, {
        ".environment" => "[host]",
        ".segment_name" => "[name]",
        ".facts[].took_ms" => "[milliseconds]",
        ".facts[].detail" => insta::dynamic_redaction(|detail, _| {
            // How long a call takes depends on the machine.
            let words = detail.as_str().unwrap_or_default().split(' ');
            let is_number = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
            words.map(|word| if is_number(word) { "0.0" } else { word }).collect::<Vec<_>>().join(" ")
        }),
    });
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_is_seen_before_it_is_published_is_found_out() {
    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| modes.drafts = Drafts::Shown);
    let answer = verify(&world).await;
    assert_eq!(answer["ok"], false);
    assert_seen(
        &answer,
        "draft_is_hidden",
        Some(false),
        "never published, Dynamics counts none yet and lists 9",
    );
    let words = "added to the published segment, and not published, Dynamics counts 10";
    assert_seen(&answer, "change_is_hidden_until_publish", Some(false), words);
    assert_eq!(
        seen(&answer, Some(false)),
        ["draft_is_hidden", "change_is_hidden_until_publish"]
    );
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn repeats_that_are_refused_are_found_out() {
    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| modes.repeats = Repeats::Refused);
    let answer = verify(&world).await;
    assert_eq!(answer["ok"], false);
    assert_seen(
        &answer,
        "add_twice",
        Some(false),
        "refused 9 contacts that were members already",
    );
    assert_seen(&answer, "remove_twice", Some(false), "no member any more");
    assert_eq!(seen(&answer, Some(false)), ["add_twice", "remove_twice"]);
}

#[tokio::test(start_paused = true)]
async fn lists_that_lag_only_inform_and_those_that_never_show_a_write_leave_open_what_rests_on_them() {
    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 30);
    let answer = verify(&world).await;
    assert_eq!(answer["ok"], true, "{answer:#}");
    assert_seen(&answer, "list_shows_writes", Some(false), "where loads count on 7 s");
    assert_eq!(seen(&answer, Some(false)), ["list_shows_writes"]);

    world.sandbox.dataverse.modes(|modes| modes.stale_reads = 1_000_000);
    let answer = verify(&world).await;
    assert_seen(
        &answer,
        "list_shows_writes",
        Some(false),
        "the list lacks 9 of 9 members",
    );
    assert_eq!(seen(&answer, Some(false)), ["list_shows_writes"]);
    assert_eq!(seen(&answer, None), ["remove", "unknown_contact"]);
    assert_eq!(answer["ok"], true, "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn a_published_audience_that_lacks_members_is_found_out() {
    let world = environment().await;
    world.sandbox.dataverse.drop_at_compute(contacts([2, 5]));
    let answer = verify(&world).await;
    assert_eq!(answer["ok"], false);
    assert_seen(
        &answer,
        "published_is_exact",
        Some(false),
        "of 9 members Dynamics counts 7 and lists 7",
    );
    assert_eq!(seen(&answer, Some(false)), ["published_is_exact"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_publish_that_is_refused_or_without_effect_is_found_out() {
    for (fault, words) in [
        (
            Fault::on("PublishSegmentDefinition")
                .nth(2)
                .answer(400)
                .code("0x80040265"),
            "HTTP 400",
        ),
        (
            Fault::on("PublishSegmentDefinition").nth(2).answer(204),
            "after Dynamics agreed to publish it, the segment shows no change",
        ),
    ] {
        let world = environment().await;
        world.sandbox.dataverse.fault(fault);
        let answer = verify(&world).await;
        assert_eq!(answer["ok"], false);
        assert_seen(&answer, "publish_again", Some(false), words);
        assert_eq!(seen(&answer, Some(false)), ["publish_again"]);
        assert_nothing_is_left(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_contact_may_be_refused_ignored_or_taken() {
    for (unknown, holds, words) in [
        (UnknownContacts::Refuse, true, "refuses an id that is no contact"),
        (UnknownContacts::Ignore, true, "does not list it as a member"),
        (UnknownContacts::Accept, false, "lists it as a member"),
    ] {
        let world = environment().await;
        world.sandbox.dataverse.modes(|modes| modes.unknown_contacts = unknown);
        let answer = verify(&world).await;
        assert_seen(&answer, "unknown_contact", Some(holds), words);
        assert_eq!(answer["ok"], true, "it only informs");
    }
}

#[tokio::test(start_paused = true)]
async fn versions_may_be_kept_ignored_or_unknown() {
    for (versions, words) in [
        (Versions::Ignored, "is made all the same"),
        (Versions::Unknown, "keeps no versions"),
    ] {
        let world = environment().await;
        world.sandbox.dataverse.modes(|modes| modes.versions = versions);
        let answer = verify(&world).await;
        assert_seen(&answer, "stale_etag_is_refused", Some(false), words);
        assert_eq!(answer["ok"], true, "it only informs");
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_more_contacts_than_there_are_is_not_tried() {
    for (number, untried) in [
        (
            0,
            &[
                "add",
                "add_twice",
                "list_shows_writes",
                "draft_is_hidden",
                "publish",
                "published_is_exact",
                "change_is_hidden_until_publish",
                "publish_again",
                "remove",
                "remove_twice",
                "unknown_contact",
                "stop",
            ] as &[_],
        ),
        (1, &["change_is_hidden_until_publish", "publish_again"]),
        (2, &[]),
    ] {
        let world = World::start().await;
        let known = contacts(0..number + 2);
        world.sandbox.dataverse.set_known_contacts(known.clone());
        // Inactive contacts are none to try with.
        let inactive = known.iter().skip(number as usize).map(Uuid::as_u128).collect();
        world.sandbox.dataverse.edit(|state| state.contacts.inactive = inactive);
        let answer = verify(&world).await;
        assert_eq!(seen(&answer, None), untried, "{number}");
        assert_eq!((seen(&answer, Some(false)), &answer["ok"]), (vec![], &json!(true)));
        if number < 2 {
            let words = format!("the application user finds {number} in this environment");
            assert!(detail(&answer, "publish_again").contains(&words), "{answer}");
            assert_eq!(fact(&answer, "publish_again")["took_ms"], 0);
        }
        assert_nothing_is_left(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_time_no_longer_allows_is_not_tried_and_the_segment_is_removed_all_the_same() {
    let world = environment().await;
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_hours(1));
    let time = Duration::from_mins(5);
    let event = json!({"action": "verify_environment"});
    let answer = world.invoke_for(event, time).await.unwrap();
    assert_seen(&answer, "publish", None, "out of time");
    assert_seen(&answer, "publish_again", None, "");
    assert_seen(&answer, "delete", Some(true), "gone");
    assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(true), &json!(true)));
    assert_nothing_is_left(&world);

    let answer = verify(&world).await;
    assert_seen(
        &answer,
        "publish",
        None,
        "300.0 s after it was published Dynamics is still computing",
    );
    assert_eq!(seen(&answer, Some(false)), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn published_members_that_are_listed_in_pages_are_all_seen() {
    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| modes.members_page = 3);
    let answer = verify(&world).await;
    assert_eq!(answer["ok"], true, "{answer:#}");
    assert_seen(&answer, "published_is_exact", Some(true), "counts 9 and lists 9");
    assert_seen(&answer, "publish_again", Some(true), "counts 10 and lists 10");

    let world = environment().await;
    world.sandbox.dataverse.modes(|modes| {
        modes.members_page = 3;
        modes.drafts = Drafts::Shown;
    });
    let answer = verify(&world).await;
    assert_seen(&answer, "change_is_hidden_until_publish", Some(false), "");
}
