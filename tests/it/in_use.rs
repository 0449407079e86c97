//! Segments that journeys and other segments use: who uses them is known before the first write, and Dynamics may refuse to
//! change them in whatever words.

use crate::failures::{failure_of, sweep};
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts};
use sandbox::Fault;
use sandbox::dataverse::Seed;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// A world with a segment of 100 members that others made.
async fn with_segment() -> (World, Uuid) {
    let world = World::start().await;
    let seed = Seed::named(SEGMENT).group(contacts(0..100));
    let segment = world.sandbox.dataverse.seed_segment(seed);
    (world, segment)
}

#[tokio::test(start_paused = true)]
async fn whatever_call_is_refused_since_the_segment_is_in_use_the_audience_stays_and_the_run_says_who_uses_it() {
    for (operation, words) in [
        ("AddStaticMembers", "The segment is used by other segments."),
        (
            "RemoveStaticMembers",
            "Static members are read-only: other segments depend on this segment.",
        ),
        ("PATCH msdynmkt_segmentdefinitions", "Live segments cannot be edited."),
        (
            "PublishSegmentDefinition",
            "The segment definition is locked for editing.",
        ),
    ] {
        let world = World::start().await;
        let seed = Seed::named(SEGMENT).group(contacts(0..100)).with_refresh();
        let segment = world.sandbox.dataverse.seed_segment(seed);
        let other = Uuid::new_v4();
        world.sandbox.dataverse.set_users(segment, 2, &[other]);
        let fault = Fault::on(operation).always().answer(400);
        world.sandbox.dataverse.fault(fault.error("0x80040265", words));
        let key = world.drop_contacts("monday.csv", &contacts(40..200));
        let run = world.load_directly(&key, &json!({})).await;
        run.as_type("SegmentInUse");
        let reason = run.reason();
        assert!(
            reason.contains(&format!("in use (by 2 live journeys and the segment {other})")),
            "{reason}"
        );
        assert!(
            reason.contains("stop the journeys") && reason.contains("another segment"),
            "{reason}"
        );
        assert!(reason.contains(words.trim_end_matches('.')), "{reason}");
        assert_eq!(world.published(), contacts(0..100), "{operation}");
        assert!(world.segment().refresh_disabled || operation.starts_with("PATCH"));
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_journeys_are_stopped_the_next_try_loads_the_segment() {
    let (world, segment) = with_segment().await;
    world
        .sandbox
        .dataverse
        .lock(segment, Some("The segment is read-only while in use."));
    let key = world.drop_contacts("monday.csv", &contacts(40..200));
    let (kind, reason) = failure_of(&world, &key).await;
    assert_eq!(kind, "SegmentInUse", "{reason}");
    assert_eq!(sweep(&world).await["runs"], json!([]), "its pause is not over");
    for minutes in [16, 31] {
        world.sandbox.s3.clock().advance(Duration::from_mins(minutes));
        let run = Run::first(&sweep(&world).await);
        run.as_type("SegmentInUse");
        assert_eq!(run["repeated"], json!(true), "people have heard of it: {run}");
        world.sandbox.s3.clock().advance(Duration::from_mins(minutes));
        assert_eq!(sweep(&world).await["runs"], json!([]), "pauses grow");
    }
    assert_eq!(world.published(), contacts(0..100));
    world.sandbox.dataverse.lock(segment, None);
    world.sandbox.s3.clock().advance(Duration::from_mins(62));
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded();
    assert_eq!(run["recovered"], json!(true), "{run}");
    assert_eq!(world.published(), contacts(40..200));
}

#[tokio::test(start_paused = true)]
async fn what_is_read_only_or_locked_and_not_the_segment_is_another_refusal() {
    for words in [
        "The property 'msdynmkt_type' is read-only.",
        "The organization is in read-only mode.",
        "The user account is locked.",
        "Contact your administrator.",
    ] {
        let (world, _) = with_segment().await;
        let fault = Fault::on("AddStaticMembers").answer(400);
        world.sandbox.dataverse.fault(fault.error("0x80040265", words));
        let key = world.drop_contacts("monday.csv", &contacts(0..200));
        let run = world.load_directly(&key, &json!({})).await;
        run.as_type("DynamicsRefused");
        assert_eq!(world.published(), contacts(0..100));
    }
}

#[tokio::test(start_paused = true)]
async fn who_uses_the_segment_is_told_before_the_first_write_by_dry_run_answer_and_receipt() {
    let (world, segment) = with_segment().await;
    let other = Uuid::new_v4();
    world.sandbox.dataverse.set_users(segment, 1, &[other]);
    let key = world.drop_contacts("monday.csv", &contacts(10..110));
    let expected = json!({"journeys": 1, "segments": [other.to_string()]});
    let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert_eq!(
        (&dry["used_by"], &dry["live_journeys"]),
        (&expected, &json!(1)),
        "{dry}"
    );
    assert!(
        dry.warnings()
            .contains("10 people would be added to it, and 10 removed from it"),
        "{dry}"
    );
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    let run = Run::first(&world.deliver(&key).await);
    run.assert_loaded();
    assert_eq!(run["used_by"], expected, "{run}");
    assert!(
        run.warnings().contains("used by 1 live journey and the segment"),
        "{run}"
    );
    assert!(run.warnings().contains("depends on the journey"), "{run}");
    world.sandbox.dataverse.set_users(segment, 0, &[]);
    let run = world.load("tuesday.csv", &contacts(10..120)).await;
    assert_eq!(run["used_by"], json!({"journeys": 0, "segments": []}), "{run}");
    assert!(!run.warnings().contains("used by"), "{run}");
}

#[tokio::test(start_paused = true)]
async fn a_release_without_these_columns_is_loaded_all_the_same() {
    let (journeys, dependents) = ("msdynmkt_publishedjourneycount", "msdynmkt_dependentsegmentids");
    for (lacking, expected) in [
        (vec![journeys, dependents], json!(null)),
        (vec![journeys], json!({"journeys": null, "segments": []})),
        (vec![dependents], json!({"journeys": 0, "segments": null})),
        (
            vec!["msdynmkt_baseentitylogicalname"],
            json!({"journeys": 0, "segments": []}),
        ),
    ] {
        let (world, _) = with_segment().await;
        world.sandbox.dataverse.modes(|modes| modes.lacking.extend(&lacking));
        let run = world.load("monday.csv", &contacts(0..110)).await;
        assert_eq!(
            (&run["outcome"], &run["used_by"]),
            (&json!("loaded"), &expected),
            "{lacking:?}: {run}"
        );
        assert_eq!(world.published(), contacts(0..110));
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_in_use_is_refused_before_the_first_write_until_nothing_uses_it() {
    let (world, segment) = with_segment().await;
    world.destination(&json!({"when_in_use": "refuse"}));
    world.sandbox.dataverse.set_users(segment, 1, &[]);
    let key = world.drop_contacts("monday.csv", &contacts(40..200));
    let dry = world.load_directly(&key, &json!({"dry_run": true})).await;
    assert!(
        dry.warnings()
            .contains("would be refused: the segment is used by 1 live journey"),
        "{dry}"
    );
    let run = Run::first(&world.deliver(&key).await);
    assert_eq!(
        (&run["outcome"], &run["used_by"]["journeys"]),
        (&json!("refused"), &json!(1)),
        "{run}"
    );
    assert!(run.reason().contains("when_in_use is refuse"), "{run}");
    assert_eq!(sweep(&world).await["runs"], json!([]), "it is still in use");
    assert_eq!(world.sandbox.dataverse.writes(), 0);
    world.sandbox.dataverse.set_users(segment, 0, &[Uuid::new_v4()]);
    assert_eq!(sweep(&world).await["runs"], json!([]), "now a segment uses it");
    world.sandbox.dataverse.set_users(segment, 0, &[]);
    let run = Run::first(&sweep(&world).await);
    run.assert_loaded();
    assert_eq!(run["run_id"], dry["run_id"], "{run}");
    assert_eq!(world.published(), contacts(40..200));
    assert_eq!(sweep(&world).await["runs"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn an_approval_opens_the_guard_and_a_newer_file_takes_the_place_of_one_that_waits() {
    let (world, segment) = with_segment().await;
    world.destination(&json!({"when_in_use": "refuse"}));
    world.sandbox.dataverse.set_users(segment, 2, &[]);
    let monday = world.drop_contacts("monday.csv", &contacts(40..200));
    world.deliver(&monday).await;
    let tuesday = world.drop_contacts("tuesday.csv", &contacts(50..200));
    let refused = Run::first(&world.deliver(&tuesday).await);
    refused.assert_refused();
    let run = world
        .load_directly(&tuesday, &json!({"approve": refused.run_id()}))
        .await;
    run.assert_loaded();
    assert_eq!(run["approved"], json!(true), "{run}");
    world.sandbox.dataverse.set_users(segment, 0, &[]);
    assert_eq!(sweep(&world).await["runs"], json!([]), "the older one waits no more");
    assert_eq!(world.published(), contacts(50..200));
    // What changes nothing is nobody's business who uses the segment.
    world.sandbox.dataverse.set_users(segment, 2, &[]);
    world.load("same.csv", &contacts(50..200)).await.assert_unchanged();
}

#[tokio::test(start_paused = true)]
async fn an_addition_that_waits_is_counted_once_nothing_uses_the_segment() {
    let (world, segment) = with_segment().await;
    world.destination(&json!({"when_in_use": "refuse", "mode": "append"}));
    world.sandbox.dataverse.set_users(segment, 1, &[]);
    for (name, numbers) in [("a.csv", 100..110), ("b.csv", 110..120)] {
        world.load(name, &contacts(numbers)).await.assert_refused();
    }
    world.sandbox.dataverse.set_users(segment, 0, &[]);
    assert_eq!(sweep(&world).await["runs"].as_array().unwrap().len(), 2);
    assert_eq!(world.published(), contacts(0..120));
    assert_eq!(sweep(&world).await["runs"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_tells_who_uses_the_segment_it_is_loaded_with_a_warning() {
    let (world, _) = with_segment().await;
    world.destination(&json!({"when_in_use": "refuse"}));
    let dependents = "msdynmkt_dependentsegmentids";
    world
        .sandbox
        .dataverse
        .modes(|modes| _ = modes.lacking.insert(dependents));
    let run = world.load("monday.csv", &contacts(0..110)).await;
    run.assert_loaded();
    assert!(
        run.warnings().contains("does not tell all of what may use the segment"),
        "{run}"
    );
    world.sandbox.dataverse.modes(|modes| modes.lacking.clear());
    let run = world.load("tuesday.csv", &contacts(0..111)).await;
    assert!(!run.warnings().contains("does not tell"), "{run}");
    assert_eq!(world.published(), contacts(0..111));
}

/// Loads into a segment of 100 that two journeys use, while an operation is answered so.
async fn load_refused(operation: &str, answer: impl FnOnce(Fault) -> Fault) -> Run {
    let (world, segment) = with_segment().await;
    world.sandbox.dataverse.set_users(segment, 2, &[]);
    world.sandbox.dataverse.fault(answer(Fault::on(operation).always()));
    let key = world.drop_contacts("monday.csv", &contacts(40..200));
    let run = world.load_directly(&key, &json!({})).await;
    assert_eq!(world.published(), contacts(0..100), "{run}");
    run
}

#[tokio::test(start_paused = true)]
async fn a_segment_in_use_is_heard_under_whatever_status_and_code_and_in_whatever_shape() {
    const WORDS: &str = "This segment is used in a live journey and can't be edited.";
    let inside = |text: &str| json!({"ResultText": text}).to_string();
    for operation in ["AddStaticMembers", "RemoveStaticMembers", "PublishSegmentDefinition"] {
        for (status, code) in [
            (403, "0x80048306"),
            (403, "0x80040220"),
            (409, "0x80040237"),
            (412, "0x80060882"),
            (423, ""),
            (400, "0x0"),
        ] {
            let run = load_refused(operation, |fault| fault.answer(status).error(code, WORDS)).await;
            run.as_type("SegmentInUse").says("2 live journeys");
        }
        for (status, body) in [
            (400, inside(&json!({"ErrorMessage": WORDS}).to_string())),
            (400, inside(&json!({"error": {"Message": WORDS}}).to_string())),
            (400, json!({"Message": WORDS}).to_string()),
            (200, inside(&json!({"statusCode": 400, "error": WORDS}).to_string())),
            (200, inside(&json!({"success": false, "message": WORDS}).to_string())),
            (200, json!({"isSuccess": false, "errorMessage": WORDS}).to_string()),
            (200, json!({"success": false, "ResultText": WORDS}).to_string()),
            (
                200,
                json!({"error": {"code": "0x80040265", "message": WORDS}}).to_string(),
            ),
            (200, json!({"status": "Failed", "errors": [WORDS]}).to_string()),
        ] {
            let run = load_refused(operation, |fault| fault.answer(status).body("application/json", &body)).await;
            run.as_type("SegmentInUse").says("2 live journeys");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_understands_names_what_uses_the_segment_as_its_likely_cause() {
    let words = "Das Segment wird von einer aktiven Customer Journey verwendet.";
    for (operation, status, code, error_type) in [
        ("AddStaticMembers", 400, "0x80040265", "DynamicsRefused"),
        ("RemoveStaticMembers", 403, "0x80048306", "RowAccessDenied"),
        ("AddStaticMembers", 403, "0x80040220", "PrivilegeMissing"),
        ("PublishSegmentDefinition", 400, "0x80040265", "PublishRefused"),
    ] {
        let run = load_refused(operation, |fault| fault.answer(status).error(code, words)).await;
        run.as_type(error_type).says("used (by 2 live journeys)");
        let (world, _) = with_segment().await;
        let fault = Fault::on(operation).always().answer(status);
        world.sandbox.dataverse.fault(fault.error(code, words));
        let key = world.drop_contacts("monday.csv", &contacts(40..200));
        let run = world.load_directly(&key, &json!({})).await;
        let reason = run.reason();
        assert!(!reason.contains("likely why"), "nothing uses it: {reason}");
    }
    let named = "is missing prvWritemsdynmkt_segment privilege";
    let run = load_refused("AddStaticMembers", |fault| fault.answer(403).error("0x80040220", named)).await;
    let reason = run.reason();
    assert!(!reason.contains("likely why"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_gone_when_it_is_published_is_said_to_be_deleted() {
    let gone = "msdynmkt_segment With Id = x Does Not Exist";
    let run = load_refused("PublishSegmentDefinition", |fault| {
        fault.answer(404).error("0x80040217", gone)
    })
    .await;
    run.as_type("SegmentChanged").says("was deleted in Dynamics");
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_is_answered_with_success_and_refuses_in_its_body_is_refused() {
    for body in [
        json!({"success": false}),
        json!({"Success": "false"}),
        json!({"StatusCode": 200, "ResultText": json!({"success": false}).to_string()}),
        json!({"ResultText": json!({"statusCode": "400", "error": "The query is odd"}).to_string()}),
        json!({"ResultText": {"errorMessage": "The query is odd"}}),
        json!({"Response": json!({"status": "Error"}).to_string()}),
    ] {
        let run = load_refused("PublishSegmentDefinition", |fault| {
            fault.answer(200).body("application/json", &body.to_string())
        })
        .await;
        run.as_type("PublishRefused");
    }
}
