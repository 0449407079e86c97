//! What goes wrong on the way: refusals, answers that do not come, secrets that cannot be read.

use super::{assert_nothing_is_left, assert_seen, detail, environment, notes, rows, seen, verify};
use crate::world::World;
use sandbox::dataverse::Drafts;
use sandbox::{BUCKET, DESTINATION_SECRET, Fault};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn a_segment_that_cannot_be_created_is_a_fact_and_nothing_else_is_tried() {
    for operation in ["POST msdynmkt_segments", "POST msdynmkt_segmentdefinitions"] {
        let world = environment().await;
        world.sandbox.dataverse.deny(operation);
        let answer = verify(&world).await;
        assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(false), &json!(true)));
        assert_seen(&answer, "create", Some(false), "lacks the privilege prvCreate");
        assert_seen(&answer, "add", None, "there is no trial segment");
        assert_seen(&answer, "delete", None, "there is no trial segment");
        assert_eq!(seen(&answer, Some(false)), ["create"]);
        assert_nothing_is_left(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_half_way_is_a_fact_and_the_segment_is_removed_all_the_same() {
    let world = environment().await;
    world.sandbox.dataverse.deny("AddStaticMembers");
    let answer = verify(&world).await;
    assert_seen(&answer, "add", Some(false), "lacks the privilege");
    assert_seen(&answer, "publish", None, "no contact could be added");
    assert_seen(&answer, "stale_etag_is_refused", Some(true), "");
    assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(false), &json!(true)));
    assert_nothing_is_left(&world);
}

/// A list that cannot be read proves nothing about who is seen by whom.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_not_said_to_be_seen() {
    let world = environment().await;
    world.sandbox.dataverse.deny("MembersList");
    let answer = verify(&world).await;
    assert_seen(&answer, "draft_is_hidden", None, "lacks the privilege");
    assert_seen(&answer, "published_is_exact", Some(true), "Dynamics counts 9");
    assert_seen(&answer, "change_is_hidden_until_publish", Some(true), "");
    assert_eq!(seen(&answer, Some(false)), Vec::<&str>::new());

    let world = environment().await;
    let refusal = Fault::on("MembersList").answer(400).code("0x80040265");
    world.sandbox.dataverse.fault(refusal.times(6));
    let answer = verify(&world).await;
    assert_seen(
        &answer,
        "draft_is_hidden",
        Some(true),
        "before the segment is published",
    );
}

#[tokio::test(start_paused = true)]
async fn contacts_that_cannot_be_read_are_the_reason_that_is_given() {
    let world = environment().await;
    world.sandbox.dataverse.deny("GET contacts");
    let answer = verify(&world).await;
    assert_seen(&answer, "create", Some(true), "");
    assert_seen(&answer, "add", None, "lacks the privilege prvReadcontact");
    assert_nothing_is_left(&world);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_nothing_is_said_to_be_wrong_and_nothing_to_be_good() {
    let world = environment().await;
    world.sandbox.dataverse.fault(Fault::on("*").answer(503).always());
    let answer = verify(&world).await;
    assert_eq!(seen(&answer, None).len(), 15, "{answer:#}");
    assert_eq!((&answer["ok"], &answer["cleaned_up"]), (&json!(false), &json!(true)));
    assert!(
        !world
            .sandbox
            .s3
            .keys(BUCKET, "_state/")
            .iter()
            .any(|key| key.contains("verified"))
    );

    let world = environment().await;
    world.sandbox.secrets.remove(DESTINATION_SECRET);
    let answer = verify(&world).await;
    assert_eq!(seen(&answer, None).len(), 15);
    assert_eq!(
        (&answer["environment"], &answer["segment_name"]),
        (&Value::Null, &Value::Null)
    );
    assert!(detail(&answer, "create").contains(DESTINATION_SECRET), "{answer}");
    assert_eq!(notes(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_cannot_be_noted_is_not_made() {
    let world = environment().await;
    world.sandbox.s3.fault(
        Fault::on("PutObject")
            .path("_state/trials/")
            .answer(403)
            .code("AccessDenied")
            .always(),
    );
    let answer = verify(&world).await;
    assert_eq!(seen(&answer, None).len(), 15, "{answer:#}");
    assert!(detail(&answer, "create").contains("s3:PutObject"), "{answer:#}");
    assert_eq!(
        (world.sandbox.dataverse.writes(), rows(&world)),
        (0, (Vec::new(), Vec::new()))
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_of_an_environment_is_kept() {
    let world = environment().await;
    let kept = |world: &crate::world::World| {
        let keys = world.sandbox.s3.keys(BUCKET, "_state/verified/");
        assert_eq!(keys.len(), 1, "{keys:?}");
        world.sandbox.s3.get_json(BUCKET, &keys[0]).unwrap()
    };
    verify(&world).await;
    world.sandbox.dataverse.modes(|modes| modes.drafts = Drafts::Shown);
    let answer = verify(&world).await;
    let mut last = kept(&world);
    let fields = last.as_object_mut().unwrap();
    assert_eq!(fields.remove("v"), Some(json!(1)));
    assert!(fields.remove("at").is_some());
    assert_eq!(last, answer);
}

#[tokio::test(start_paused = true)]
async fn of_a_segment_that_never_was_nothing_is_said_to_be_left() {
    let faults: [fn(&World); 3] = [
        |world| world.sandbox.entra.fault(Fault::on("Token").answer(401).always()),
        |world| world.sandbox.dataverse.modes(|modes| modes.no_journeys = true),
        |world| {
            let odd = Fault::on("GET msdynmkt_segments").always();
            world
                .sandbox
                .dataverse
                .fault(odd.answer(200).body("application/json", "{}"));
        },
    ];
    for fault in faults {
        let world = environment().await;
        fault(&world);
        let answer = verify(&world).await;
        assert_eq!(answer["cleaned_up"], true, "{answer:#}");
        assert_seen(&answer, "delete", None, "there is no trial segment");
        assert_eq!((rows(&world), notes(&world)), ((Vec::new(), Vec::new()), Vec::new()));
    }
}

/// Where the segment's row may have come, and nobody can look whether it has.
#[tokio::test(start_paused = true)]
async fn of_a_create_whose_end_nobody_knows_it_is_said_that_nobody_knows_it() {
    let world = environment().await;
    let dataverse = &world.sandbox.dataverse;
    dataverse.fault(Fault::on("POST msdynmkt_segments").commit_then_reset());
    dataverse.fault(
        Fault::on("GET msdynmkt_segments")
            .nth(3)
            .always()
            .answer(403)
            .code("0x80040220"),
    );
    let answer = verify(&world).await;
    assert_eq!(answer["cleaned_up"], false, "{answer:#}");
    assert!(!detail(&answer, "delete").contains("was not removed"), "{answer:#}");
    assert_seen(&answer, "delete", None, "it is not known whether the trial segment");
    assert_eq!((rows(&world).0.len(), notes(&world).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_release_that_lacks_one_action_is_no_environment_without_journeys() {
    for (action, fact) in [("StopSegments", "stop"), ("MembersList", "draft_is_hidden")] {
        let world = environment().await;
        let lacking = Fault::on(action).always().answer(404);
        let words = format!("Resource not found for the segment 'msdynmkt_{action}'.");
        world.sandbox.dataverse.fault(lacking.error("0x80060888", &words));
        let answer = verify(&world).await;
        assert!(!answer.to_string().contains("is not installed"), "{answer:#}");
        assert!(
            detail(&answer, fact).contains("the release of Customer Insights - Journeys"),
            "{answer:#}"
        );
        assert_eq!(
            (&answer["ok"], &answer["cleaned_up"]),
            (&json!(true), &json!(true)),
            "{answer:#}"
        );
    }
}
