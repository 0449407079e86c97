//! The real program as Lambda runs it: what it writes to its output, line by line.

use crate::leaks;
use crate::run::Run;
use crate::world::{SEGMENT, World, contacts, csv};
use sandbox::lambda::Lambda;
use sandbox::{BUCKET, CREDENTIAL_SECRET, Fault, Sandbox, entra};
use segment_loader::log;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;

const MINUTE: Duration = Duration::from_mins(1);

async fn deploy(sandbox: &Sandbox) -> Lambda {
    deploy_with(sandbox, &[]).await
}

async fn deploy_with(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Lambda {
    let mut environment = sandbox.environment();
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Lambda::deploy(Path::new(env!("CARGO_BIN_EXE_segment-loader")), &environment).await
}

/// Puts a file for [`SEGMENT`] and returns its key.
fn put(sandbox: &Sandbox, name: &str, content: Vec<u8>) -> String {
    let key = format!("incoming/{SEGMENT}/{name}");
    sandbox.s3.put(BUCKET, &key, content);
    key
}

/// Returns every line of the output, each of which is JSON.
fn lines(lambda: &Lambda) -> Vec<Value> {
    let output = lambda.output();
    let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    output.iter().map(parse).collect()
}

fn metrics(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| !line["_aws"].is_null()).collect()
}

#[tokio::test]
async fn a_run_writes_one_line_of_metrics_and_a_log_that_names_the_run_and_no_contact() {
    let sandbox = Sandbox::start().await;
    let ends = chrono::Utc::now().date_naive() + chrono::Days::new(12);
    let change = json!({"client_secret_expires_on": ends.to_string()});
    sandbox.secrets.merge(CREDENTIAL_SECRET, &change);
    let mut file = csv(&contacts(0..2_500));
    file.extend_from_slice(b"nobody@example.com\n");
    let key = put(&sandbox, "monday.csv", file);
    let mut lambda = deploy(&sandbox).await;
    let event = sandbox.s3.notification(BUCKET, &key);
    let answer = lambda.invoke(&event, MINUTE).await.unwrap();
    let run = Run::first(&answer);
    run.assert_loaded();

    let lines = lines(&lambda);
    let [line] = metrics(&lines)[..] else {
        panic!("one line of metrics");
    };
    let numbers = [
        "RowsRead",
        "Contacts",
        "IdsAdded",
        "IdsRejected",
        "Completed",
        "Failed",
        "ClientSecretDaysLeft",
    ];
    let numbers = numbers.map(|name| line[name].clone());
    assert_eq!(numbers, [2_501, 2_500, 2_500, 1, 1, 0, 12].map(|number| json!(number)));
    assert_eq!(
        (&line["Function"], &line["RunId"]),
        (&json!("segment-loader"), &run["run_id"])
    );
    assert_eq!(
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
        json!([["Function"]])
    );

    let of_run: Vec<_> = lines.iter().filter(|line| line["phase"] != Value::Null).collect();
    assert!(of_run.len() >= 3, "{lines:#?}");
    for line in of_run {
        assert_eq!(
            (&line["run_id"], &line["segment"]),
            (&run["run_id"], &json!(SEGMENT)),
            "{line}"
        );
        assert!(line["requestId"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "WARN" && line.to_string().contains("ends in 12 days"))
    );
    assert!(lines.iter().any(|line| line["phase"] == "end" && line["run"] == *run));

    let output = lambda.output().concat();
    assert!(!output.contains(entra::CLIENT_SECRET) && !output.contains("nobody@example.com"));
    assert!(contacts(0..2_500).iter().all(|id| !output.contains(&id.to_string())));
}

#[tokio::test]
async fn a_failed_run_and_an_idle_sweep_are_measured_and_a_dry_run_adds_nothing() {
    let sandbox = Sandbox::start().await;
    let change = json!({"client_secret_expires_on": "2020-01-01"});
    sandbox.secrets.merge(CREDENTIAL_SECRET, &change);
    let mut lambda = deploy(&sandbox).await;
    lambda.invoke(&json!({"action": "sweep"}), MINUTE).await.unwrap();
    let key = put(&sandbox, "monday.csv", csv(&contacts(0..10)));
    let dry = json!({"action": "load", "key": key, "dry_run": true});
    lambda.invoke(&dry, MINUTE).await.unwrap();
    sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let event = json!({"action": "load", "key": key});
    let answer = lambda.invoke(&event, MINUTE).await.unwrap();
    Run::first(&answer).assert_failed();

    let lines = lines(&lambda);
    let [idle, failed] = metrics(&lines)[..] else {
        panic!("two lines of metrics: {lines:#?}");
    };
    assert!(idle["ClientSecretDaysLeft"].as_i64().unwrap() < 0 && idle["Completed"].is_null());
    assert_eq!(idle["SweepWarnings"], 0);
    assert_eq!((&failed["Failed"], &failed["Completed"]), (&json!(1), &json!(0)));
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "ERROR" && line.to_string().contains("client secret"))
    );
}

#[tokio::test]
async fn what_a_sweep_warns_of_is_a_line_of_the_log_and_is_counted() {
    let sandbox = Sandbox::start().await;
    for number in 0..10_001 {
        put(&sandbox, &format!("{number:05}_$folder$"), Vec::new());
    }
    let mut lambda = deploy(&sandbox).await;
    lambda.invoke(&json!({"action": "sweep"}), MINUTE).await.unwrap();

    let lines = lines(&lambda);
    let [swept] = metrics(&lines)[..] else {
        panic!("one line of metrics: {lines:#?}");
    };
    assert_eq!(swept["SweepWarnings"], 1);
    let is_warned = |line: &Value| {
        let is_of_the_sweep = (&line["level"], &line["phase"]) == (&json!("WARN"), &json!("sweep"));
        is_of_the_sweep && line["message"].as_str().unwrap().contains("10000")
    };
    assert!(lines.iter().any(is_warned), "{lines:#?}");
}

#[tokio::test]
async fn not_even_the_most_talkative_level_shows_a_secret_a_token_or_a_contact() {
    let sandbox = Sandbox::start().await;
    let key = put(&sandbox, "monday.csv", csv(&contacts(0..1_500)));
    sandbox.dataverse.fault(Fault::on("AddStaticMembers").answer(500));
    let mut lambda = deploy_with(&sandbox, &[("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "error")]).await;
    let answer = lambda
        .invoke(&sandbox.s3.notification(BUCKET, &key), MINUTE)
        .await
        .unwrap();
    Run::first(&answer).assert_loaded();
    let lines = lines(&lambda);
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"), "{lines:#?}");
    leaks::assert_tells_nothing("the log", &lambda.output().join("\n"));
}

#[tokio::test]
async fn a_level_of_errors_is_obeyed_but_for_the_metrics() {
    let sandbox = Sandbox::start().await;
    let key = put(&sandbox, "monday.csv", csv(&contacts(0..10)));
    let mut lambda = deploy_with(&sandbox, &[("AWS_LAMBDA_LOG_LEVEL", "ERROR"), ("RUST_LOG", "trace")]).await;
    let order = json!({"action": "load", "key": key});
    lambda.invoke(&order, MINUTE).await.unwrap();
    assert_eq!(metrics(&lines(&lambda)).len(), lines(&lambda).len());
    sandbox
        .dataverse
        .fault(Fault::on("AddStaticMembers").always().answer(403));
    let key = put(&sandbox, "tuesday.csv", csv(&contacts(0..20)));
    lambda
        .invoke(&json!({"action": "load", "key": key}), MINUTE)
        .await
        .unwrap();
    let lines = lines(&lambda);
    let [error] = &lines.iter().filter(|line| line["_aws"].is_null()).collect::<Vec<_>>()[..] else {
        panic!("one error: {lines:#?}");
    };
    assert_eq!(
        (&error["level"], &error["run"]["outcome"]),
        (&json!("ERROR"), &json!("failed"))
    );
}

/// Lambda always says whose request it is: without that its runtime panics, outside of everything that we catch.
#[tokio::test]
async fn a_panic_is_a_line_of_the_log_that_says_where_and_quotes_nothing() {
    let runtime = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = Sandbox::start().await;
    let mut environment = sandbox.environment();
    environment.push((
        "AWS_LAMBDA_RUNTIME_API".to_owned(),
        runtime.local_addr().unwrap().to_string(),
    ));
    let mut lambda = Lambda::deploy(Path::new(env!("CARGO_BIN_EXE_segment-loader")), &environment).await;
    lambda.warm().unwrap();
    let (mut connection, _) = runtime.accept().await.unwrap();
    let asked = connection.read(&mut [0; 1_024]).await.unwrap();
    assert!(asked > 0, "the function asks for an event");
    connection
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let panicked = async {
        while lambda.output().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(MINUTE, panicked).await.unwrap();
    let lines = lines(&lambda);
    let [line] = &lines[..] else {
        panic!("one line: {lines:#?}")
    };
    assert_eq!(
        (&line["level"], &line["message"]),
        (&json!("ERROR"), &json!("the program panicked"))
    );
    assert!(line["place"].as_str().unwrap().contains("lambda_runtime"), "{line}");
    assert!(!line.to_string().contains("request-id"), "{line}");
}

/// Takes log lines with the time at which they were written.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(Instant, Value)>>>);

impl io::Write for Recorder {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let line_read = serde_json::from_slice(line)?;
        self.0.lock().unwrap().push((Instant::now(), line_read));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_run_says_every_ten_seconds_that_it_is_at_work() {
    let recorder = Recorder::default();
    let writer = recorder.clone();
    let subscriber = log::subscriber(LevelFilter::INFO, move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber);
    let world = World::start().await;
    world.load("monday.csv", &contacts(0..10)).await;
    recorder.0.lock().unwrap().clear();
    for operation in ["AddStaticMembers", "ListGroupMembers"] {
        world.sandbox.dataverse.latency(operation, Duration::from_secs(45));
    }
    world
        .sandbox
        .dataverse
        .modes(|modes| modes.publish_delay = Duration::from_secs(100));
    let started = Instant::now();
    let run = world.load("tuesday.csv", &contacts(0..20)).await;
    run.assert_loaded();

    let lines = recorder.0.lock().unwrap().clone();
    let times: Vec<_> = [started]
        .into_iter()
        .chain(lines.iter().map(|(at, _)| *at))
        .chain([Instant::now()])
        .collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= Duration::from_millis(10_100), "{longest:?}");
    for phase in ["survey", "write", "publish"] {
        let told = |(_, line): &&(Instant, Value)| line["phase"] == phase;
        let lines = lines.iter().filter(told);
        assert!(lines.count() >= 4, "{phase}");
    }
    for phase in ["survey", "write", "publish"] {
        assert!(run["phases_ms"][phase].as_u64().unwrap() >= 45_000, "{run}");
    }
}
