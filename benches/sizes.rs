//! What a load of 200,000 takes and costs in functions of several sizes, by control groups with their memory and their
//! share of a processor.
//!
//! `cargo bench --bench sizes` has to run as root on Linux with control groups of version 1 (`memory` and `cpu`). It prints
//! the table of `docs/costs.md`. `SEGMENT_LOADER_BINARY` names another build of the function, and `-- 128 512` other sizes.
//! It asserts no time: machines are shared and noisy. A size at which the function is killed is said to be too small.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop there")]

use sandbox::lambda::Lambda;
use sandbox::{BUCKET, DESTINATION_SECRET, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Sizes in MB, from the smallest that there is to the first with a whole processor.
const SIZES: [u64; 4] = [128, 256, 512, 1_769];
/// A function of so many MB has one processor, and others a share by their size:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const WHOLE_PROCESSOR: u64 = 1_769;
/// How long a share is meted out at once; what the function may take in it is short at the small sizes, as on Lambda.
const PERIOD_MICROS: u64 = 20_000;

const CONTACTS: usize = 200_000;
/// One in so many leaves and another one comes, every day.
const CHURN: usize = 100;
const LATENCY: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_mins(15);
const SEGMENT: &str = "Benchmark";

/// Dollars for a GB and a second on arm64, for a request; for S3's PUT and LIST, and for GET and HEAD; for a call of Secrets
/// Manager. List prices of us-east-1 on 2026-11-27: <https://aws.amazon.com/lambda/pricing/>,
/// <https://aws.amazon.com/s3/pricing/>, <https://aws.amazon.com/secrets-manager/pricing/>
const GB_SECOND: f64 = 0.000_013_333_4;
const INVOCATION: f64 = 0.20 / 1_000_000.0;
const S3_WRITE: f64 = 0.005 / 1_000.0;
const S3_READ: f64 = 0.0004 / 1_000.0;
const SECRET_CALL: f64 = 0.05 / 10_000.0;

/// What `template.yaml` tells the C library, which would otherwise keep freed memory.
const AS_DEPLOYED: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "1048576"),
];

/// A control group with the memory and the processor of a size; it goes with its last process.
struct Group {
    name: String,
}

/// What one invocation took, in a process of its own.
struct Measured {
    what: &'static str,
    time: Duration,
    /// Time on a processor, and the most memory that the group had, pages of files included.
    work: Duration,
    peak: u64,
    s3_writes: usize,
    s3_reads: usize,
    secret_calls: usize,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let contacts: Vec<Uuid> = (0..CONTACTS + CONTACTS / CHURN).map(|_| Uuid::new_v4()).collect();
    println!(
        "{:>5} {:<16}{:>9}{:>11}{:>10}{:>8}{:>8}{:>9}{:>13}{:>15}",
        "MB", "", "time s", "on CPU s", "peak MiB", "S3 put", "S3 get", "secrets", "GB-seconds", "$ in a month"
    );
    for size in sizes {
        match measure_all(size, &contacts).await {
            Ok(all) => all.iter().for_each(|measured| measured.print(size)),
            Err(error) => println!("{size:>5} too small: {error}"),
        }
    }
}

/// Loads for the first time, and the day after with some contacts replaced; sweeps with nothing to do.
async fn measure_all(size: u64, contacts: &[Uuid]) -> Result<Vec<Measured>, String> {
    let sandbox = Sandbox::start().await;
    sandbox
        .secrets
        .merge(DESTINATION_SECRET, &json!({"max_concurrent_requests": 4}));
    sandbox.dataverse.latency("*", LATENCY);
    sandbox.s3.latency("*", Duration::from_millis(20));
    let mut all = Vec::new();
    for (what, members) in [
        ("first load", &contacts[..CONTACTS]),
        ("1 % churn", &contacts[contacts.len() - CONTACTS..]),
    ] {
        let key = format!("incoming/{SEGMENT}/{what}.csv");
        sandbox.s3.put(BUCKET, &key, csv(members));
        sandbox.s3.clock().advance(Duration::from_secs(1));
        let event = sandbox.s3.notification(BUCKET, &key);
        all.push(measure(size, &sandbox, what, &event).await?);
        let mut wanted = members.to_vec();
        wanted.sort_unstable();
        assert_eq!(sandbox.dataverse.segment(SEGMENT).published, Some(wanted), "{what}");
    }
    all.push(measure(size, &sandbox, "idle sweep", &json!({"action": "sweep"})).await?);
    Ok(all)
}

/// Invokes a new process in a new group.
async fn measure(size: u64, sandbox: &Sandbox, what: &'static str, event: &Value) -> Result<Measured, String> {
    let group = Group::new(size);
    let binary = std::env::var_os("SEGMENT_LOADER_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_segment-loader").into(), PathBuf::from);
    let mut environment = sandbox.environment();
    environment.extend(AS_DEPLOYED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment.push(("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), size.to_string()));
    sandbox.s3.clear_log();
    let secrets_before = sandbox.secrets.requests().len();
    let mut lambda = Lambda::deploy(&group.starter(&binary), &environment).await;
    let start = Instant::now();
    let answer = lambda.invoke(event, DEADLINE).await;
    let time = start.elapsed();
    let measured = Measured {
        what,
        time,
        work: group.work(),
        peak: group.peak(),
        s3_writes: count(sandbox, &["PutObject", "ListObjectsV2"]),
        s3_reads: count(sandbox, &["GetObject", "HeadObject"]),
        secret_calls: sandbox.secrets.requests().len() - secrets_before,
    };
    lambda.kill().await;
    let answer = answer.map_err(|error| format!("{what}: {} ({})", error.error_message, error.error_type))?;
    let outcome = answer["runs"][0]["outcome"].as_str();
    match outcome {
        None | Some("loaded") => Ok(measured),
        Some(_) => Err(format!("{what}: {answer}")),
    }
}

fn count(sandbox: &Sandbox, operations: &[&str]) -> usize {
    let requests = sandbox.s3.requests();
    requests
        .iter()
        .filter(|request| operations.contains(&&*request.operation))
        .count()
}

impl Measured {
    fn print(&self, size: u64) {
        let gb_seconds = number(size) / 1_024.0 * self.time.as_secs_f64();
        // A daily load comes thirty times a month, and a sweep every quarter of an hour.
        let times = if self.what == "idle sweep" { 30.0 * 96.0 } else { 30.0 };
        let once = gb_seconds * GB_SECOND
            + INVOCATION
            + number(self.s3_writes as u64) * S3_WRITE
            + number(self.s3_reads as u64) * S3_READ
            + number(self.secret_calls as u64) * SECRET_CALL;
        println!(
            "{size:>5} {:<16}{:>9.2}{:>11.2}{:>10.1}{:>8}{:>8}{:>9}{gb_seconds:>13.2}{:>15.4}",
            self.what,
            self.time.as_secs_f64(),
            self.work.as_secs_f64(),
            number(self.peak) / number(1 << 20),
            self.s3_writes,
            self.s3_reads,
            self.secret_calls,
            times * once
        );
    }
}

impl Group {
    fn new(size: u64) -> Self {
        let group = Self {
            name: format!("segment-loader-{}-{}", std::process::id(), Uuid::new_v4().simple()),
        };
        for controller in ["memory", "cpu", "cpuacct"] {
            fs::create_dir_all(group.file(controller, "")).expect("root, and control groups of version 1");
        }
        group.write("memory", "memory.limit_in_bytes", size << 20);
        group.write("cpu", "cpu.cfs_period_us", PERIOD_MICROS);
        group.write(
            "cpu",
            "cpu.cfs_quota_us",
            (PERIOD_MICROS * size / WHOLE_PROCESSOR).max(1_000),
        );
        group
    }

    fn file(&self, controller: &str, file: &str) -> PathBuf {
        Path::new("/sys/fs/cgroup").join(controller).join(&self.name).join(file)
    }

    fn write(&self, controller: &str, file: &str, value: u64) {
        fs::write(self.file(controller, file), value.to_string()).unwrap();
    }

    fn read(&self, controller: &str, file: &str) -> u64 {
        let text = fs::read_to_string(self.file(controller, file)).unwrap();
        text.trim().parse().unwrap()
    }

    /// Writes a program that moves into the group before it becomes the function, so that every page counts.
    fn starter(&self, binary: &Path) -> PathBuf {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&self.name);
        let mut text = "#!/bin/sh\n".to_owned();
        for controller in ["memory", "cpu", "cpuacct"] {
            let _ = writeln!(text, "echo $$ > {}", self.file(controller, "cgroup.procs").display());
        }
        let _ = writeln!(text, "exec {}", binary.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn work(&self) -> Duration {
        Duration::from_nanos(self.read("cpuacct", "cpuacct.usage"))
    }

    fn peak(&self) -> u64 {
        self.read("memory", "memory.max_usage_in_bytes")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_file(Path::new(env!("CARGO_TARGET_TMPDIR")).join(&self.name));
        for controller in ["memory", "cpu", "cpuacct"] {
            let _ = fs::remove_dir(self.file(controller, ""));
        }
    }
}

/// Writes contacts as a query result with some more columns.
fn csv(contacts: &[Uuid]) -> Vec<u8> {
    let mut text = String::from("customer_number,contactid,city\r\n");
    for (number, contact) in contacts.iter().enumerate() {
        let _ = write!(text, "{},{contact},\"Socktown, North\"\r\n", number + 1);
    }
    text.into_bytes()
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn number(count: u64) -> f64 {
    count as f64
}
