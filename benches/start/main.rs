//! How long the function takes from its start until it asks for its first event, beside a hello world of `lambda_runtime`.
//!
//! `cargo bench --bench start` builds the hello world, starts both in turns and prints medians, their ratio and the goal,
//! then how long the function takes until it has answered its first event: what is put off until then is not gained.
//! `SEGMENT_LOADER_BINARY` names another build of the function, such as that of `cargo lambda build`. It asserts no time:
//! machines are shared and noisy.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop there")]

use sandbox::Sandbox;
use sandbox::lambda::Lambda;
use serde_json::json;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each is started; the median of so many is steady to a tenth on a shared machine.
const ROUNDS: usize = 60;
/// The most that the function may take to its first poll, as a multiple of the hello world.
const MOST: f64 = 3.0;
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let function = std::env::var_os("SEGMENT_LOADER_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_segment-loader").into(), PathBuf::from);
    let hello = build_hello();
    let sandbox = Sandbox::start().await;
    let mut environment = sandbox.environment();
    environment.extend(bundle());

    let (mut ours, mut theirs, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let times = [&function, &hello].map(|binary| to_first_poll(binary, &environment));
        let answer = to_first_answer(&function, &environment).await;
        // The first round only warms the page cache.
        if round > 0 {
            ours.push(times[0]);
            theirs.push(times[1]);
            answers.push(answer);
        }
    }
    let (ours, theirs, answer) = (median(ours), median(theirs), median(answers));
    println!(
        "{:<44}{:>8.2} ms",
        "from start to first poll, hello world",
        millis(theirs)
    );
    println!(
        "{:<44}{:>8.2} ms",
        "from start to first poll, the function",
        millis(ours)
    );
    println!(
        "{:<44}{:>8.2} ms",
        "from start to first answer, the function",
        millis(answer)
    );
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let verdict = if ratio <= MOST { "goal met" } else { "MISSED" };
    println!(
        "{verdict}: the function takes {ratio:.2} times as long as the hello world to its first poll, at most {MOST}"
    );
}

/// Names the file of those whom the system trusts. Lambda's folder holds this file alone, and Debian's each certificate as a
/// file of its own as well, of which a function that reads them all would only be slower here.
fn bundle() -> Option<(String, String)> {
    let file = "/etc/ssl/certs/ca-certificates.crt";
    let is_there = Path::new(file).exists();
    is_there.then(|| ("SSL_CERT_FILE".to_owned(), file.to_owned()))
}

/// Builds the hello world as the function is built.
fn build_hello() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hello");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/start/hello/Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(built.unwrap().success(), "the hello world cannot be built");
    target.join("release/hello")
}

/// Starts a program as Lambda does, and waits until it asks for its first event.
fn to_first_poll(binary: &Path, environment: &[(String, String)]) -> Duration {
    let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "segment-loader")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let started = Instant::now();
    let mut process = command.spawn().unwrap();
    let mut request = [0; 44];
    let (mut connection, _) = runtime.accept().unwrap();
    connection.read_exact(&mut request).unwrap();
    let time = started.elapsed();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(&request, b"GET /2018-06-01/runtime/invocation/next HTTP");
    time
}

/// Starts the function with an event that has it read both secrets, sign in and ask Dynamics, and waits for the answer.
async fn to_first_answer(binary: &Path, environment: &[(String, String)]) -> Duration {
    let mut lambda = Lambda::deploy(binary, environment).await;
    let started = Instant::now();
    let answer = lambda
        .invoke(&json!({"action": "test_connection"}), DEADLINE)
        .await
        .unwrap();
    let time = started.elapsed();
    assert_eq!(answer["ok"], true, "{answer}");
    time
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
