//! Answers of AWS that are too large, do not end or do not lead on, and refusals of the function's own objects.

use crate::world::{World, contacts};
use sandbox::{BUCKET, Fault};
use segment_loader::Error;
use serde_json::{Value, json};

/// More than is read of any answer of AWS.
const TOO_MUCH: usize = 9 << 20;

fn xml(content: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{content}")
}

/// Loads by an order, which answers with the run whatever becomes of it.
async fn ordered(world: &World, key: &str) -> (Value, String) {
    let run = world.load_directly(key, &json!({})).await;
    run.assert_failed();
    (run["error_type"].clone(), run.reason().to_owned())
}

fn assert_plain(sentence: &str) {
    for word in ["SdkError", "Failure", "Error {", "source:", "Some(", "HttpResponse"] {
        assert!(!sentence.contains(word), "{word}: {sentence}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_larger_than_any_is_not_read() {
    for fault in [
        Fault::on("GetSecretValue").answer(200).body(
            "application/x-amz-json-1.1",
            &json!({"SecretString": " ".repeat(TOO_MUCH)}).to_string(),
        ),
        Fault::on("GetSecretValue").answer(200).endless(),
        Fault::on("GetSecretValue").answer(400).endless(),
    ] {
        let world = World::start().await;
        world.sandbox.secrets.fault(fault.always());
        let answer = world.invoke(json!({"action": "test_connection"})).await.unwrap();
        let detail = answer["checks"][0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("cannot be read now") && detail.contains("larger than 8 MiB"),
            "{detail}"
        );
        let key = world.drop_contacts("monday.csv", &contacts(0..10));
        let (kind, reason) = ordered(&world, &key).await;
        assert_eq!(kind, "SecretsManagerUnavailable", "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_larger_than_any_is_not_read_and_not_replaced() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let head = world.sandbox.s3.keys(BUCKET, "_state/segments/").remove(0);
    let mut content = world.sandbox.s3.get(BUCKET, &head).unwrap().to_vec();
    content.extend(vec![b' '; TOO_MUCH]);
    world.sandbox.s3.put(BUCKET, &head, content.clone());
    let key = world.drop_contacts("tuesday.csv", &contacts(0..110));
    let (kind, reason) = ordered(&world, &key).await;
    assert_eq!(kind, "StateUnreadable", "{reason}");
    assert!(
        reason.contains(&head) && reason.contains("larger than 8 MiB"),
        "{reason}"
    );
    assert_eq!(world.sandbox.s3.get(BUCKET, &head).unwrap().len(), content.len());
    assert_eq!(world.published(), contacts(0..100));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_s3_that_does_not_end_is_none() {
    for (fault, kind) in [
        (
            Fault::on("GetObject")
                .path("_state/")
                .alter_header("content-length", None)
                .endless(),
            "StateUnreadable",
        ),
        (
            Fault::on("GetObject").path("_state/").answer(403).endless(),
            "StateUnavailable",
        ),
        (
            Fault::on("PutObject").path("_state/").answer(400).endless(),
            "StateUnavailable",
        ),
    ] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await;
        world.sandbox.s3.fault(fault.clone().always());
        let key = world.drop_contacts("tuesday.csv", &contacts(0..110));
        let (found, reason) = ordered(&world, &key).await;
        assert_eq!(found, kind, "{fault:?}: {reason}");
        assert!(reason.contains("larger than 8 MiB"), "{reason}");
        world.sandbox.s3.clear_faults();
        assert_eq!(world.published(), contacts(0..100));
    }
}

// In real time: a file is read by a thread, for which the paused clock does not move.
#[tokio::test]
async fn a_refusal_to_read_that_does_not_end_is_none() {
    let world = World::start().await;
    let fault = Fault::on("GetObject").path("incoming/").answer(403).endless();
    world.sandbox.s3.fault(fault);
    let run = world.load("monday.csv", &contacts(0..100)).await;
    run.assert_loaded();
}

#[tokio::test(start_paused = true)]
async fn a_file_larger_than_all_other_answers_is_read() {
    let world = World::start().await;
    let mut file = b"contactid,note\n".to_vec();
    for contact in contacts(0..1_000) {
        file.extend(format!("{contact},{}\n", "x".repeat(10_000)).bytes());
    }
    assert!(file.len() > TOO_MUCH);
    let key = world.drop_file("wide.csv", file);
    for ignores_ranges in [false, true] {
        if ignores_ranges {
            world.sandbox.s3.ignore_ranges();
        }
        let run = world.load_directly(&key, &json!({})).await;
        assert!(["loaded", "unchanged"].contains(&run.outcome()), "{run}");
    }
    assert_eq!(world.published(), contacts(0..1_000));
}

async fn history_fails(world: &World, fields: &Value) -> Error {
    let mut command = json!({"action": "history"});
    command
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let error = world.invoke(command).await.unwrap_err();
    assert_plain(&error.to_string());
    error
}

#[tokio::test(start_paused = true)]
async fn receipts_larger_than_any_answer_are_not_told() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let receipt = world.sandbox.s3.keys(BUCKET, "_state/receipts/").remove(0);
    let content = |bytes: usize| format!("{{\"note\": \"{}\"}}", "x".repeat(bytes));
    world.sandbox.s3.put(BUCKET, &receipt, content(TOO_MUCH));
    let error = history_fails(&world, &json!({})).await;
    assert_eq!(error.error_type(), "StateUnreadable", "{error}");
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");

    for number in 0..4 {
        let name = receipt.replace(".json", &format!("{number}.json"));
        world.sandbox.s3.put(BUCKET, &name, content(2_000_000));
    }
    world.sandbox.s3.delete(BUCKET, &receipt);
    let told = world.invoke(json!({"action": "history", "limit": 200})).await.unwrap();
    assert_eq!(told["runs"].as_array().unwrap().len(), 2, "as many as fit");
    assert!(
        told["warnings"][0]
            .as_str()
            .unwrap()
            .contains("the newest 2 of the runs"),
        "{told}"
    );
    let told = world.invoke(json!({"action": "history", "limit": 2})).await.unwrap();
    assert_eq!(told["runs"].as_array().unwrap().len(), 2);
    assert_eq!(told["warnings"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_does_not_lead_on_is_not_taken_for_its_end() {
    let page = |next: &str| {
        let next = format!("<IsTruncated>true</IsTruncated>{next}");
        xml(&format!("<ListBucketResult>{next}</ListBucketResult>"))
    };
    for (body, words) in [
        (page(""), "ends before its end"),
        (
            page("<NextContinuationToken>a</NextContinuationToken>"),
            "ends before its end",
        ),
        (
            xml("<ListBucketResult><Contents><Key>elsewhere/head.json</Key></Contents></ListBucketResult>"),
            "other keys",
        ),
        (xml(&format!("<a>{}</a>", " ".repeat(TOO_MUCH))), "larger than 8 MiB"),
    ] {
        let world = World::start().await;
        world.load("monday.csv", &contacts(0..100)).await;
        let fault = || Fault::on("ListObjectsV2").answer(200).body("application/xml", &body);
        world.sandbox.s3.fault(fault().nth(2).always());
        let error = history_fails(&world, &json!({})).await;
        assert_eq!(error.error_type(), "StateUnavailable", "{error}");
        assert!(error.to_string().contains(words), "{error}");

        // A sweep lists the results first, and the heads after them.
        let mut told = Vec::new();
        for nth in 1..=4 {
            world.sandbox.s3.clear_faults();
            world.sandbox.s3.fault(fault().nth(nth).always());
            let swept = world.invoke(json!({"action": "sweep"})).await;
            told.push(swept.map_or_else(|error| error.to_string(), |answer| answer.to_string()));
        }
        let tells = |part: &str| told.iter().any(|told| told.contains(part) && told.contains(words));
        assert!(tells("/incoming/") && tells("/_state/segments/"), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_functions_own_objects_is_told_in_s3s_own_words() {
    for (status, code, message, kind, words) in [
        (403, "AccessDenied", "Access Denied", "StateForbidden", "s3:PutObject"),
        (
            403,
            "AccessDenied",
            "User: x is not authorized to perform: kms:GenerateDataKey on resource: y",
            "StateForbidden",
            "kms:GenerateDataKey",
        ),
        (
            403,
            "AccessDenied",
            "not authorized to perform: s3:PutObject with an explicit deny in a resource-based policy",
            "StateForbidden",
            "explicit deny",
        ),
        (403, "SignatureDoesNotMatch", "m", "StateRefused", "the signature"),
        (403, "InvalidAccessKeyId", "m", "StateRefused", "are not known there"),
        (403, "AccountProblem", "m", "StateRefused", "closed the account"),
        (403, "AllAccessDisabled", "m", "StateRefused", "closed the account"),
        (403, "SomethingNew", "m", "StateRefused", "status 403 SomethingNew"),
        (400, "KMS.DisabledException", "m", "StateRefused", "enable the key"),
        (404, "NoSuchBucket", "m", "StateRefused", "no such bucket"),
        (301, "PermanentRedirect", "m", "StateRefused", "another region"),
        (400, "ExpiredToken", "m", "StateUnavailable", "ExpiredToken"),
        (403, "RequestTimeTooSkewed", "m", "StateUnavailable", "clock"),
        (500, "InternalError", "m", "StateUnavailable", "InternalError"),
        (503, "SlowDown", "m", "StateUnavailable", "SlowDown"),
    ] {
        for operation in ["GetObject", "PutObject"] {
            let world = World::start().await;
            let key = world.drop_contacts("monday.csv", &contacts(0..100));
            let fault = Fault::on(operation).path("_state/segments/");
            world
                .sandbox
                .s3
                .fault(fault.answer(status).error(code, message).always());
            let (found, reason) = ordered(&world, &key).await;
            assert_eq!(found, kind, "{operation} {code}: {reason}");
            assert!(
                reason.contains(words) && reason.contains("_state/segments/"),
                "{operation} {code}: {reason}"
            );
            assert_plain(&reason);
            assert_eq!(world.sandbox.dataverse.requests().len(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_written_is_told_in_s3s_own_words() {
    for (fault, words) in [
        (Fault::on("PutObject").answer(403).code("AccessDenied"), "s3:PutObject"),
        (
            Fault::on("PutObject").answer(403).code("SignatureDoesNotMatch"),
            "the signature",
        ),
        (
            Fault::on("PutObject").answer(400).code("KMS.DisabledException"),
            "enable the key",
        ),
        (Fault::on("PutObject").drop_connection(), "no connection"),
    ] {
        let world = World::start().await;
        world.sandbox.s3.fault(fault.path("_state/receipts/").always());
        let run = world.load("monday.csv", &contacts(0..100)).await;
        run.assert_loaded();
        let warnings = run.warnings();
        assert!(
            warnings.contains(words) && warnings.contains("the receipt"),
            "{warnings}"
        );
        assert_plain(&warnings);
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_s3_keeps_is_an_error_however_it_counts_it() {
    for (count, is_an_error) in [
        (Some("0"), false),
        (None, false),
        (Some("1"), true),
        (Some("-1"), true),
        (Some(""), true),
        (Some("some"), true),
        (Some("1.5"), true),
        (Some("99999999999"), true),
    ] {
        let world = World::start().await;
        let fault = Fault::on("HeadObject").alter_header("x-amz-missing-meta", count);
        world.sandbox.s3.fault(fault.always());
        let key = world.drop_contacts("monday.csv", &contacts(0..10));
        let run = world.load_directly(&key, &json!({})).await;
        let reason = run["reason"].as_str().unwrap_or_default();
        assert_eq!(
            reason.contains("only some of the metadata"),
            is_an_error,
            "{count:?}: {run}"
        );
        assert_eq!(run.outcome() == "loaded", !is_an_error, "{count:?}: {run}");
        let named = world.load_directly(&key, &json!({"segment_name": "Named"})).await;
        assert_eq!(named.outcome(), "loaded", "{count:?}: {named}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_result_in_many_parts_history_names_the_first_so_that_it_can_be_read() {
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..100)).await;
    let receipt = world.sandbox.s3.keys(BUCKET, "_state/receipts/").remove(0);
    let mut content = world.sandbox.s3.get_json(BUCKET, &receipt).unwrap();
    content["source"]["files"] = vec![json!({"key": "x".repeat(100)}); 60_000].into();
    world.sandbox.s3.put(BUCKET, &receipt, content.to_string());
    let told = world.invoke(json!({"action": "history"})).await.unwrap();
    let source = &told["runs"][0]["source"];
    assert_eq!(source["files"].as_array().unwrap().len(), 20);
    assert_eq!(source["files_count"], 60_000);
}
