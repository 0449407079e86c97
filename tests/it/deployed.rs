//! The function as a process: no file ends it, and one that makes a parser panic is put aside like any other.
//!
//! `SEGMENT_LOADER_BINARY` names the build that is looked at, such as that of `cargo lambda build`; otherwise it is the
//! one that the tests were built with.

use crate::leaks;
use crate::run::Run;
use crate::world::{SEGMENT, assert_objects_tell_nothing, contacts, csv};
use sandbox::lambda::{Function, Lambda};
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time of one invocation.
const DEADLINE: Duration = Duration::from_mins(1);

/// How many damaged copies of each fixture are tried: enough to meet every part of a small file over the fixtures.
const COPIES: usize = 8;

/// Returns the build of the function that is tested.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("SEGMENT_LOADER_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_segment-loader").into(), PathBuf::from)
}

/// A function that is deployed into a sandbox, as one process that has to outlive every file.
struct Deployed {
    sandbox: Sandbox,
    lambda: Lambda,
    process: Option<u32>,
}

impl Deployed {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await;
        let mut lambda = Lambda::deploy(&binary(), &sandbox.environment()).await;
        lambda.warm().unwrap();
        let process = lambda.instance().and_then(Function::id);
        Self {
            sandbox,
            lambda,
            process,
        }
    }

    fn drop_file(&self, key: &str, content: Vec<u8>) {
        self.sandbox.s3.put(BUCKET, key, content);
        self.sandbox.s3.clock().advance(Duration::from_secs(1));
    }

    /// Invokes the function, which may answer or fail, but not end.
    async fn invoke(&mut self, event: &Value) -> Result<Value, String> {
        let answer = self.lambda.invoke(event, DEADLINE).await;
        leaks::assert_tells_nothing("the answer", &format!("{answer:?}"));
        assert_eq!(
            self.lambda.instance().and_then(Function::id),
            self.process,
            "{answer:?}"
        );
        answer.map_err(|error| error.error_type)
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_none_or(|ending| ending != "md"));
    files.sort();
    files
}

/// Changes one byte, another one for each number.
fn damaged(content: &[u8], number: usize) -> Vec<u8> {
    let mut content = content.to_vec();
    if let Some(length) = content.len().checked_sub(1) {
        // Steps that share no factor with most lengths come by most places, and each bit has its turn.
        let at = (number * 7_919 + 681) % (length + 1);
        content[at] ^= 1 << (7 - number % 8);
    }
    content
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_at_which_the_parser_panics_is_put_aside_and_keeps_no_other_segment_from_its_turn() {
    let mut deployed = Deployed::start().await;
    // The decoder of its dictionary is never set up: it panicked where the process could not unwind from it.
    let mut content =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spark_snappy.parquet")).unwrap();
    content[681] ^= 0x80;
    let key = format!("incoming/{SEGMENT}/damaged.parquet");
    deployed.drop_file(&key, content);
    let event = deployed.sandbox.s3.notification(BUCKET, &key);
    for _ in 0..3 {
        assert_eq!(deployed.invoke(&event).await, Err("SourceInvalid".to_owned()));
    }
    let healthy = contacts(0..50);
    deployed.drop_file("incoming/Another/lost-event.csv", csv(&healthy));
    let swept = deployed.invoke(&json!({"action": "sweep"})).await.unwrap();

    assert_eq!(swept["runs"].as_array().unwrap().len(), 1, "{swept}");
    let segment = deployed.sandbox.dataverse.segment("Another");
    assert_eq!(segment.published, Some(healthy));
    assert_eq!(deployed.sandbox.dataverse.segments(SEGMENT).len(), 0);
    let heads = deployed.sandbox.s3.keys(BUCKET, "_state/segments/");
    let heads = heads.iter().filter_map(|key| deployed.sandbox.s3.get_json(BUCKET, key));
    let head = heads.into_iter().find(|head| head["segment_name"] == SEGMENT).unwrap();
    assert_eq!(head["pending"], json!([]));
    assert_eq!(head["refused"].as_array().unwrap().len(), 1);
    let receipts = deployed.sandbox.s3.keys(BUCKET, "_state/receipts/");
    let receipts = receipts
        .iter()
        .filter_map(|key| deployed.sandbox.s3.get_json(BUCKET, key));
    let failed = receipts.filter(|receipt| receipt["error_type"] == "SourceInvalid");
    assert_eq!(failed.count(), 3, "one for each attempt");
    assert_objects_tell_nothing(&deployed.sandbox);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_damaged_byte_of_any_fixture_ends_the_process() {
    let mut deployed = Deployed::start().await;
    for file in fixtures() {
        let content = fs::read(&file).unwrap();
        let key = format!("incoming/{SEGMENT}/{}", file.file_name().unwrap().to_str().unwrap());
        for number in 0..COPIES {
            deployed.drop_file(&key, damaged(&content, number));
            let order = json!({"action": "load", "key": key, "dry_run": true});
            let answer = deployed.invoke(&order).await.unwrap();
            let run = Run::first(&answer);
            let is_read = matches!(run["outcome"].as_str(), Some("dry_run" | "refused"));
            assert!(is_read || run["error_type"] == "SourceInvalid", "{key} {number}: {run}");
        }
    }
    assert_eq!(deployed.sandbox.dataverse.segments(SEGMENT).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_without_root_certificates_is_told_to_every_invocation_and_does_not_end_the_process() {
    let sandbox = Sandbox::start().await;
    let mut environment = sandbox.environment();
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        environment.push((variable.into(), "/there/is/nothing/here".into()));
    }
    let mut lambda = Lambda::deploy(&binary(), &environment).await;
    lambda.warm().unwrap();
    let process = lambda.instance().and_then(Function::id);
    for _ in 0..2 {
        let error = lambda.invoke(&json!({"action": "sweep"}), DEADLINE).await.unwrap_err();
        assert_eq!(
            error.error_type,
            "InvalidEnvironment",
            "{error:?} {:?}",
            lambda.output()
        );
        assert!(
            error.error_message.contains("`ca-certificates`"),
            "{}",
            error.error_message
        );
        assert_eq!(lambda.instance().and_then(Function::id), process);
    }
}
