//! How fast a result is read, side by side with others on the same file in one run.
//!
//! `cargo bench --bench read` makes the file once (2,000,000 rows, 12 columns), installs its peers with pip into a
//! virtual environment below `target/`, then runs every job as a process of its own, in turns, and prints medians,
//! ratios and peaks. It asserts no time: machines are shared and noisy. `-- --rounds 3` shortens it.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop there")]

mod bucket;
mod file;
mod jobs;
mod line;
mod peers;

use bucket::Bucket;
use peers::Peers;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// One thing to time: a name and the command that does it and prints `{"distinct":..,"peak_kib":..}` at its end.
struct Job {
    name: &'static str,
    command: Command,
}

/// What the runs of one job came to.
#[derive(Default)]
struct Figures {
    times: Vec<Duration>,
    peak_kib: u64,
    distinct: u64,
}

/// Which ratio is promised: `ours` is at least `factor` times as fast as `theirs`.
struct Goal {
    ours: &'static str,
    theirs: &'static str,
    factor: f64,
}

const GOALS: [Goal; 10] = [
    goal("plain CSV", "DuckDB, plain CSV", 4.0),
    goal("plain CSV", "Polars, plain CSV", 2.5),
    goal("plain CSV", "Python csv + uuid, plain CSV", 25.0),
    goal("gzip", "gzip, decompress only", 0.80),
    goal("gzip", "DuckDB, gzip", 2.5),
    goal("Parquet, text ids", "DuckDB, Parquet, text ids", 3.0),
    goal("Parquet, 16-byte ids", "DuckDB, Parquet, 16-byte ids", 2.0),
    goal("plain CSV at 1 GB/s", "plain drain at 1 GB/s", 0.7),
    goal("plain CSV from moto", "plain drain from moto", 0.0),
    goal("plain CSV", "count newlines", 0.0),
];

/// What `template.yaml` tells the C library, which would otherwise keep freed memory.
const AS_DEPLOYED: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "1048576"),
];

/// The promised peak above 16 bytes per distinct id, the AWS and TLS stack aside.
const MEMORY_ALLOWANCE_KIB: u64 = 10 * 1024;

const fn goal(ours: &'static str, theirs: &'static str, factor: f64) -> Goal {
    Goal { ours, theirs, factor }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(job) = arguments.iter().position(|argument| argument == "--job") {
        return jobs::run(&arguments[job + 1], &arguments[job + 2..]);
    }
    let rounds = value_of(&arguments, "--rounds").map_or(5, |rounds| rounds.parse().unwrap());
    let rows = value_of(&arguments, "--rows").map_or(2_000_000, |rows| rows.parse().unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("read-{rows}"));
    std::fs::create_dir_all(&folder).unwrap();
    let csv = file::make(&folder, rows);
    let peers = Peers::install(&folder, &csv);
    let bucket = peers.python().map(|python| Bucket::start(python, &csv));
    let mut jobs = jobs_for(&folder, &csv, &peers);
    jobs.extend(line::jobs(line::start(&csv)));
    jobs.extend(bucket.iter().flat_map(Bucket::jobs));
    let figures = take_turns(&mut jobs, rounds);
    print_table(&figures);
    print_goals(&figures);
    print_memory(&figures);
}

fn value_of<'a>(arguments: &'a [String], name: &str) -> Option<&'a String> {
    arguments
        .iter()
        .position(|argument| argument == name)
        .and_then(|index| arguments.get(index + 1))
}

fn jobs_for(folder: &Path, csv: &Path, peers: &Peers) -> Vec<Job> {
    let gz = folder.join("result.csv.gz");
    let text_ids = folder.join("text.parquet");
    let binary_ids = folder.join("binary.parquet");
    let mut jobs = vec![
        ours("count newlines", "newlines", csv),
        ours("plain CSV", "read", csv),
        ours("gzip, decompress only", "gunzip", &gz),
        ours("gzip", "read", &gz),
    ];
    if text_ids.exists() {
        jobs.push(ours("Parquet, text ids", "read", &text_ids));
        jobs.push(ours("Parquet, 16-byte ids", "read", &binary_ids));
    }
    jobs.extend(peers.jobs(csv, &gz, &text_ids, &binary_ids));
    jobs
}

/// Makes this program, started again, do one job in a process of its own.
fn ours(name: &'static str, job: &str, path: &Path) -> Job {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--job", job]).arg(path).envs(AS_DEPLOYED);
    Job { name, command }
}

/// Runs the jobs one after another, round by round, so that a slow minute of the machine hits all of them.
fn take_turns(jobs: &mut [Job], rounds: usize) -> BTreeMap<&'static str, Figures> {
    let mut figures: BTreeMap<_, Figures> = BTreeMap::new();
    for round in 0..=rounds {
        for job in &mut *jobs {
            let started = Instant::now();
            let output = job.command.output().unwrap();
            let time = started.elapsed();
            assert!(
                output.status.success(),
                "{}: {}",
                job.name,
                String::from_utf8_lossy(&output.stderr)
            );
            let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let figure = figures.entry(job.name).or_default();
            figure.peak_kib = figure.peak_kib.max(told["peak_kib"].as_u64().unwrap());
            figure.distinct = told["distinct"].as_u64().unwrap_or_default();
            // The first round only warms the page cache.
            if round > 0 {
                figure.times.push(time);
            }
        }
        println!("round {round} of {rounds} done");
    }
    figures
}

impl Figures {
    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        times[times.len() / 2].as_secs_f64()
    }
}

fn print_table(figures: &BTreeMap<&'static str, Figures>) {
    println!(
        "\n{:<34} {:>9} {:>10} {:>12}",
        "job", "median s", "peak MiB", "distinct ids"
    );
    for (name, figure) in figures {
        println!(
            "{name:<34} {:>9.3} {:>10.1} {:>12}",
            figure.median(),
            mib(figure.peak_kib),
            figure.distinct
        );
    }
}

fn print_goals(figures: &BTreeMap<&'static str, Figures>) {
    println!("\n{:<24} {:<32} {:>8} {:>8}", "ours", "theirs", "times", "goal");
    for Goal { ours, theirs, factor } in &GOALS {
        if let (Some(ours_figure), Some(theirs_figure)) = (figures.get(ours), figures.get(theirs)) {
            let ratio = theirs_figure.median() / ours_figure.median();
            let verdict = if ratio >= *factor { "met" } else { "MISSED" };
            println!("{ours:<24} {theirs:<32} {ratio:>8.2} {factor:>8.2} {verdict}");
        } else {
            println!("{ours:<24} {theirs:<32} (not run)");
        }
    }
}

fn print_memory(figures: &BTreeMap<&'static str, Figures>) {
    let idle = figures["count newlines"].peak_kib;
    println!(
        "\npeak above 16 bytes per distinct id (allowed: {} MiB)",
        MEMORY_ALLOWANCE_KIB / 1024
    );
    for name in ["plain CSV", "gzip", "Parquet, text ids", "Parquet, 16-byte ids"] {
        if let Some(figure) = figures.get(name) {
            let above = figure.peak_kib.saturating_sub(figure.distinct * 16 / 1024);
            let verdict = if above <= MEMORY_ALLOWANCE_KIB { "met" } else { "MISSED" };
            println!(
                "{name:<24} {:>8.1} MiB {verdict} (of it {:.1} MiB an idle process)",
                mib(above),
                mib(idle)
            );
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Returns a path of a script that lies beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/read").join(name)
}
