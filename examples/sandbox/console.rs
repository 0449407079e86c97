//! As much of Lambda, the log groups, SQS and stacks as the documents' commands ask for.

use crate::endpoint::legible;
use crate::place::{Failed, Place};
use crate::say;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use sandbox::{ACCOUNT, BUCKET, REGION};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the function is called.
pub const FUNCTION: &str = "segment-loader";
/// The path to which an invocation is posted, as on Lambda.
pub const INVOKE: &str = "/2015-03-31/functions/segment-loader/invocations";

/// Where the AWS CLI, `cargo lambda` and curl post to.
pub fn routes() -> Router<Arc<Place>> {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .route("/2015-03-31/functions/{name}/configuration", get(configuration))
        .route("/2017-10-31/functions/{name}/concurrency", put(stop).delete(start))
        .route("/", post(other_services))
}

/// Invokes as Lambda does: a failed function answers 200 with `X-Amz-Function-Error`.
async fn invoke(State(place): State<Arc<Place>>, headers: HeaderMap, body: Bytes) -> Response {
    if place.is_stopped.load(Ordering::Relaxed) {
        let told = json!({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."});
        let kind = [("x-amzn-errortype", "TooManyRequestsException")];
        return (StatusCode::TOO_MANY_REQUESTS, kind, Json(told)).into_response();
    }
    let event: Value = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            let mistake = json!({"Type": "User", "message": format!("the event is no JSON: {error}")});
            let kind = [("x-amzn-errortype", "InvalidRequestContentException")];
            return (StatusCode::BAD_REQUEST, kind, Json(mistake)).into_response();
        }
    };
    if headers.get("x-amz-invocation-type").is_some_and(|kind| kind == "Event") {
        tokio::spawn(async move { place.invoke(&event).await });
        return StatusCode::ACCEPTED.into_response();
    }
    match place.invoke(&event).await {
        Ok(answer) => legible(&answer).into_response(),
        Err(error) => {
            let told = json!({"errorType": error.error_type, "errorMessage": error.error_message});
            ([("X-Amz-Function-Error", "Unhandled")], legible(&told)).into_response()
        }
    }
}

async fn configuration(State(place): State<Arc<Place>>) -> Response {
    let lease = place
        .lease_seconds
        .map(|seconds| ("LEASE_SECONDS", seconds.to_string()));
    let variables: BTreeMap<_, _> = lease.into_iter().collect();
    Json(json!({"FunctionName": FUNCTION, "Environment": {"Variables": variables}})).into_response()
}

/// Lets nothing run any more where the concurrency is zero.
async fn stop(State(place): State<Arc<Place>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let concurrency = &asked["ReservedConcurrentExecutions"];
    place.is_stopped.store(concurrency == 0, Ordering::Relaxed);
    say::gap();
    say::line("", &format!("The function may run {concurrency} times at once"));
    Json(json!({"ReservedConcurrentExecutions": concurrency})).into_response()
}

async fn start(State(place): State<Arc<Place>>) -> StatusCode {
    place.is_stopped.store(false, Ordering::Relaxed);
    say::gap();
    say::line("", "The function may run again");
    StatusCode::NO_CONTENT
}

/// The services that tell their operations apart by a header or a field of a form.
async fn other_services(State(place): State<Arc<Place>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    match target.unwrap_or_default() {
        "Logs_20140328.FilterLogEvents" => Json(log_events(&place, &asked)).into_response(),
        "AmazonSQS.ReceiveMessage" => Json(messages(&place)).into_response(),
        "AmazonSQS.DeleteMessage" => {
            place.forget_failed(asked["ReceiptHandle"].as_str().unwrap_or_default());
            Json(json!({})).into_response()
        }
        _ => of_a_form(&place, &body),
    }
}

/// Answers in XML what is asked as a form: of stacks always, of SQS by an older AWS CLI.
fn of_a_form(place: &Place, body: &[u8]) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let action = form.get("Action").map(String::as_str).unwrap_or_default();
    let result = match action {
        "DescribeStacks" => stack(),
        "ReceiveMessage" => messages_in_xml(place),
        "DeleteMessage" => {
            place.forget_failed(form.get("ReceiptHandle").map(String::as_str).unwrap_or_default());
            String::new()
        }
        _ => {
            let unknown = json!({"__type": "UnknownOperationException", "message": "The sandbox does not play this."});
            return (StatusCode::BAD_REQUEST, Json(unknown)).into_response();
        }
    };
    let answer = format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>");
    ([("content-type", "text/xml")], answer).into_response()
}

/// Finds lines by the terms in quotes of a filter `?"one" ?"other"`: any of them; all lines without a filter.
fn log_events(place: &Place, asked: &Value) -> Value {
    let filter = asked["filterPattern"].as_str().unwrap_or_default();
    let terms: Vec<&str> = filter.split('"').skip(1).step_by(2).collect();
    let lines = place.logged_since(asked["startTime"].as_u64().unwrap_or(0));
    let wanted = lines
        .into_iter()
        .filter(|(_, line)| terms.is_empty() || terms.iter().any(|term| line.contains(term)));
    let events = wanted.enumerate().map(|(number, (at, line))| {
        json!({
            "eventId": format!("{at:020}{number:010}"), "logStreamName": "sandbox", "timestamp": at, "ingestionTime": at,
            "message": line,
        })
    });
    json!({"events": events.collect::<Vec<_>>(), "searchedLogStreams": []})
}

fn messages(place: &Place) -> Value {
    let failed = place.failed().into_iter();
    let messages = failed.map(|failed| {
        let id = failed.id.to_string();
        json!({"MessageId": id, "ReceiptHandle": id, "Body": failed.message.to_string()})
    });
    json!({"Messages": messages.collect::<Vec<_>>()})
}

fn messages_in_xml(place: &Place) -> String {
    let mut messages = String::new();
    for Failed { id, message } in place.failed() {
        let body = message.to_string().replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(
            messages,
            "<Message><MessageId>{id}</MessageId><ReceiptHandle>{id}</ReceiptHandle><Body>{body}</Body></Message>"
        );
    }
    messages
}

/// Describes the stack with the outputs that the template has.
fn stack() -> String {
    let outputs = [
        ("FunctionName", FUNCTION.to_owned()),
        (
            "FunctionArn",
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"),
        ),
        ("BucketName", BUCKET.to_owned()),
        ("ResultsLocation", format!("s3://{BUCKET}/incoming/")),
        ("StateLocation", format!("s3://{BUCKET}/_state/")),
        (
            "FailureQueueUrl",
            format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{FUNCTION}-failures"),
        ),
        ("LogGroupName", format!("/aws/lambda/{FUNCTION}")),
    ];
    let mut members = String::new();
    for (key, value) in outputs {
        let _ = write!(
            members,
            "<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
        );
    }
    format!(
        "<Stacks><member><StackName>{FUNCTION}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>\
         <CreationTime>2026-11-23T06:00:00Z</CreationTime><Outputs>{members}</Outputs></member></Stacks>"
    )
}
