//! Events of any shape, as the runtime hands them to the program.

use crate::deployed::binary;
use sandbox::Sandbox;
use sandbox::lambda::Lambda;
use serde_json::{Value, json};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_event_of_any_shape_ends_with_one_short_sentence_that_says_what_is_accepted() {
    let sandbox = Sandbox::start().await;
    let mut lambda = Lambda::deploy(&binary(), &sandbox.environment()).await;
    let long = "x".repeat(700_000);
    for (event, words) in no_events(&long) {
        let error = lambda.invoke_bytes(&event, DEADLINE).await.unwrap_err();
        let told = error.error_message;
        assert!(
            ["UnknownEvent", "MalformedEvent"].contains(&error.error_type.as_str()),
            "{told}"
        );
        assert!(told.contains(words), "{words}: {told}");
        assert!(
            told.contains("accepted are an S3 notification") && told.len() < 700,
            "{told}"
        );
        assert!(!told.contains(char::is_control), "{told}");
    }
    for (event, words) in no_commands(&long) {
        let error = lambda.invoke(&event, DEADLINE).await.unwrap_err();
        let told = error.error_message;
        assert_eq!(error.error_type, "InvalidCommand", "{told}");
        assert!(told.contains(words) && told.len() < 400, "{told}");
    }
    let answer = lambda
        .invoke(&json!({"action": "test_connection"}), DEADLINE)
        .await
        .unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(lambda.output().iter().all(|line| line.len() < 2_000));
}

/// Events that are none, and what is said of them.
fn no_events(long: &str) -> Vec<(Vec<u8>, &'static str)> {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    vec![
        (Vec::new(), "an event that is empty"),
        (b" \n".to_vec(), "an event that is empty"),
        (b"\xff\xfe{}".to_vec(), "not UTF-8"),
        (b"{\"action\":\"sweep\"".to_vec(), "not valid JSON (line 1, column 17)"),
        (b"{\"action\":\"\\ud800\"}".to_vec(), "not valid JSON"),
        (b"{\"a\":1e999}".to_vec(), "not valid JSON"),
        (
            b"{\"action\":\"load\",\"key\":\"a\",\"key\":\"b\"}".to_vec(),
            "a key stands twice",
        ),
        (deep("[", "]").into_bytes(), "nested too deep"),
        (deep("{\"a\":", "}").into_bytes(), "nested too deep"),
        (b"null".to_vec(), "no JSON object"),
        (b"[]".to_vec(), "no JSON object"),
        (b"-1".to_vec(), "no JSON object"),
        (b"\"{}\"".to_vec(), "no JSON object"),
        (b"{}".to_vec(), "an empty event"),
        (b"{\"Records\":[]}".to_vec(), "an event with \"Records\""),
        (b"{\"Records\":{}}".to_vec(), "an event with \"Records\""),
        (
            json!({"source": long, "detail-type": long}).to_string().into_bytes(),
            "an event \"xxx",
        ),
        (
            json!({"Records": [{"eventSource": long}]}).to_string().into_bytes(),
            "a record from \"xxx",
        ),
        (
            json!({long: 1, "\r\nb\u{1b}": 2}).to_string().into_bytes(),
            "an event with \"xxx",
        ),
        (
            json!({"\r\nb\u{1b}": 2}).to_string().into_bytes(),
            "an event with \"\\r\\nb\\u{1b}\"",
        ),
    ]
}

/// Commands that cannot be understood, and what is said of them.
fn no_commands(long: &str) -> [(Value, &'static str); 5] {
    [
        (json!({"action": long}), "the action \"xxx"),
        (json!({"action": "load", long: 1}), "the unknown field \"xxx"),
        (json!({"action": "load", "key": long}), "at most 1024 bytes"),
        (
            json!({"action": "load", "key": "k", "bucket": long}),
            "at most 255 bytes",
        ),
        (json!({"action": "load", "key": "k", "mode": long}), "`mode` must be"),
    ]
}
