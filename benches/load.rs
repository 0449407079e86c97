//! How much a load costs: Dataverse calls, time and memory, measured on the real binary in the sandbox.
//!
//! `cargo bench --bench load` prints a table for one full group and one for a full segment. A goal that is missed is said
//! and is no failure, since time and memory depend on the machine; wrong members are one.
#![expect(clippy::print_stdout, reason = "a benchmark talks to people")]

use sandbox::lambda::Lambda;
use sandbox::{BUCKET, DESTINATION_SECRET, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What a group holds at most.
const GROUP: usize = 200_000;
/// One full group, and a segment of ten: what memory grows by shows between them.
const SIZES: [usize; 2] = [GROUP, 10 * GROUP];
/// One in so many leaves and another one comes.
const CHURN: usize = 100;
const LATENCY: Duration = Duration::from_millis(50);
const IN_FLIGHT: u32 = 4;

/// The most that a first load, the same file again and a churned one may take, as multiples of the ideal.
const MOST_TIME: [f64; 3] = [1.15, 1.25, 1.25];
/// A churned file may make one call about members where the simple way makes so many.
const MOST_CALLS: usize = 5;
/// The calls about members.
const ABOUT_MEMBERS: [&str; 3] = ["ListGroupMembers", "AddStaticMembers", "RemoveStaticMembers"];
/// The most calls that a refresh makes around its members: the definition is read with the segment, before the first write,
/// with the members that are read back, before publishing and once it is shown; the segment's row when it is found, before
/// publishing, until it is shown and once more then; Publish; and the one change that lets a segment of our own say how it was
/// loaded last.
const AROUND: usize = 11;
/// The calls that see the end of a group's list of members, before the load and after it: only an empty page shows that a
/// full group holds nobody else.
const ENDS: usize = 2;
/// The most memory above the idle process, in bytes per contact: two lists of 16-byte ids, the file's and the members.
const MOST_MEMORY: u64 = 32;
/// The most memory above the idle process that does not depend on the number of contacts: 5 MiB.
const FIXED_MEMORY: u64 = 5 << 20;

/// What `template.yaml` tells the C library, which would otherwise keep freed memory.
const AS_DEPLOYED: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "1048576"),
];

const SEGMENT: &str = "Benchmark";
/// What `AddStaticMembers` and `RemoveStaticMembers` take at most.
const BATCH: usize = 1_000;
const DEADLINE: Duration = Duration::from_mins(15);

/// What one load cost.
struct Measured {
    name: &'static str,
    contacts: usize,
    calls: BTreeMap<String, usize>,
    writes: usize,
    time: Duration,
    /// Bytes before the load and at its peak, where the system tells.
    memory: Option<(u64, u64)>,
    outcome: String,
}

/// A goal, in words, and whether it was met.
struct Goal {
    words: String,
    is_met: Option<bool>,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let all = contacts(SIZES[1] + SIZES[1] / CHURN);
    for size in SIZES {
        let (loads, page) = measure_all(&all[..size + size / CHURN], size).await?;
        print_table(&loads, size);
        print_calls(&loads, size, page);
        println!();
        for goal in goals(&loads, size, page) {
            println!("{:<12}{}", goal.verdict(), goal.words);
        }
    }
    Ok(())
}

/// Loads `size` contacts for the first time, once more, and with some of them replaced; returns also the size of a page.
async fn measure_all(all: &[Uuid], size: usize) -> Result<(Vec<Measured>, usize), Box<dyn Error>> {
    let sandbox = Sandbox::start().await;
    sandbox
        .secrets
        .merge(DESTINATION_SECRET, &json!({"max_concurrent_requests": IN_FLIGHT}));
    // Computing the audience is not the loader's work: whoever waits for it has sent all calls.
    sandbox.dataverse.modes(|modes| modes.publish_delay = Duration::ZERO);
    sandbox.dataverse.latency("*", LATENCY);
    let page = sandbox.dataverse.edit(|state| state.modes.max_page_size);

    let (before, after) = (&all[..size], &all[all.len() - size..]);
    let (first, second) = ("incoming/Benchmark/2026-11-23.csv", "incoming/Benchmark/2026-11-24.csv");
    sandbox.s3.put(BUCKET, first, csv(before));
    let event = sandbox.s3.notification(BUCKET, first);
    let order = json!({"action": "load", "key": first});

    let mut loads = vec![measure(&sandbox, "first load", &event, before).await?];
    loads.push(measure(&sandbox, "same file again", &order, before).await?);
    sandbox.s3.clock().advance(Duration::from_secs(1));
    sandbox.s3.put(BUCKET, second, csv(after));
    let event = sandbox.s3.notification(BUCKET, second);
    loads.push(measure(&sandbox, "1 % churn", &event, after).await?);
    Ok((loads, page))
}

/// Loads once in a process of its own, and checks the members that journeys see.
async fn measure(
    sandbox: &Sandbox,
    name: &'static str,
    event: &Value,
    expected: &[Uuid],
) -> Result<Measured, Box<dyn Error>> {
    let binary = Path::new(env!("CARGO_BIN_EXE_segment-loader"));
    let mut environment = sandbox.environment();
    environment.extend(AS_DEPLOYED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut lambda = Lambda::deploy(binary, &environment).await;
    let connection = lambda.invoke(&json!({"action": "test_connection"}), DEADLINE).await?;
    if connection["ok"] != true {
        return Err(format!("the function does not work: {connection}").into());
    }
    let process = lambda.instance().and_then(sandbox::lambda::Function::id);
    sandbox.dataverse.clear_log();
    let idle = process.and_then(idle_memory);
    let start = Instant::now();
    let answer = lambda.invoke(event, DEADLINE).await?;
    let time = start.elapsed();
    let peak = process.and_then(|process| memory(process, "VmHWM"));

    let mut expected = expected.to_vec();
    expected.sort_unstable();
    if sandbox.dataverse.segment(SEGMENT).published.as_ref() != Some(&expected) {
        return Err(format!("{name}: the members are not those of the file: {answer}").into());
    }
    let mut calls = BTreeMap::new();
    for request in sandbox.dataverse.requests() {
        *calls.entry(request.operation).or_default() += 1;
    }
    Ok(Measured {
        name,
        contacts: expected.len(),
        calls,
        writes: sandbox.dataverse.writes(),
        time,
        memory: idle.zip(peak),
        outcome: answer["runs"][0]["outcome"].as_str().unwrap_or_default().to_owned(),
    })
}

impl Measured {
    fn calls(&self) -> usize {
        self.calls.values().sum()
    }

    fn calls_about_members(&self) -> usize {
        ABOUT_MEMBERS
            .iter()
            .filter_map(|operation| self.calls.get(*operation))
            .sum()
    }

    /// The time if every call took the latency and nothing else, with all places always taken.
    fn ideal(&self) -> Duration {
        LATENCY.mul_f64(number(self.calls())) / IN_FLIGHT
    }

    fn ratio(&self) -> f64 {
        self.time.as_secs_f64() / self.ideal().as_secs_f64()
    }

    /// Returns the bytes above the idle process at the peak.
    fn above_idle(&self) -> Option<u64> {
        let (idle, peak) = self.memory?;
        Some(peak.saturating_sub(idle))
    }

    fn most_memory(&self) -> u64 {
        MOST_MEMORY * self.contacts as u64 + FIXED_MEMORY
    }
}

impl Goal {
    fn verdict(&self) -> &'static str {
        match self.is_met {
            Some(true) => "goal met",
            Some(false) => "MISSED",
            None => "not measured",
        }
    }
}

fn print_table(loads: &[Measured], size: usize) {
    println!(
        "\n{size} contacts, {} ms a call, {IN_FLIGHT} calls in flight\n",
        LATENCY.as_millis()
    );
    println!(
        "{:<17}{:>10}{:>7}{:>8}{:>9}{:>9}{:>7}{:>11}{:>11}{:>11}",
        "", "outcome", "calls", "writes", "time", "ideal", "ratio", "idle", "peak", "above"
    );
    for load in loads {
        let memory = load.memory.unwrap_or_default();
        println!(
            "{:<17}{:>10}{:>7}{:>8}{:>7.2} s{:>7.2} s{:>7.2}{:>7} KiB{:>7} KiB{:>7} KiB",
            load.name,
            load.outcome,
            load.calls(),
            load.writes,
            load.time.as_secs_f64(),
            load.ideal().as_secs_f64(),
            load.ratio(),
            memory.0 / 1024,
            memory.1 / 1024,
            load.above_idle().unwrap_or_default() / 1024
        );
    }
}

fn print_calls(loads: &[Measured], size: usize, page: usize) {
    println!();
    for load in loads {
        let calls = load
            .calls
            .iter()
            .map(|(operation, count)| format!("{count} {operation}"));
        println!("{:<17}{}", load.name, calls.collect::<Vec<_>>().join(", "));
    }
    let simple = simple_way(size, page).map(|(count, what)| format!("{count} {what}"));
    println!("{:<17}{}", "the simple way", simple.join(", "));
}

/// The calls about members of a tool that replaces every member and does not read back what it wrote.
fn simple_way(size: usize, page: usize) -> [(usize, &'static str); 3] {
    [
        (size.div_ceil(page) + size.div_ceil(GROUP), "list to the empty pages"),
        (size.div_ceil(BATCH), "remove"),
        (size.div_ceil(BATCH), "add"),
    ]
}

fn goals(loads: &[Measured], size: usize, page: usize) -> Vec<Goal> {
    let mut goals = Vec::new();
    let [_, same, churn] = loads else { return goals };
    for (load, most) in loads.iter().zip(MOST_TIME) {
        goals.push(Goal {
            words: format!("{}: {:.2} of the ideal time, at most {most}", load.name, load.ratio()),
            is_met: Some(load.ratio() <= most),
        });
    }
    goals.push(Goal {
        words: format!("same file again: {} writes, none", same.writes),
        is_met: Some(same.writes == 0),
    });
    let ends = ENDS * size.div_ceil(GROUP);
    let simple: usize = simple_way(size, page).iter().map(|(count, _)| count).sum();
    let about_members = churn.calls_about_members();
    goals.push(Goal {
        words: format!(
            "1 % churn: {about_members} calls about members where list + remove all + add all makes {simple}: {:.3}, at most \
             1 in {MOST_CALLS} and {ends}",
            number(about_members) / number(simple)
        ),
        is_met: Some(about_members <= simple / MOST_CALLS + ends),
    });
    let around = churn.calls() - about_members;
    goals.push(Goal {
        words: format!("1 % churn: {around} calls around the members, at most {AROUND}"),
        is_met: Some(around <= AROUND),
    });
    for load in loads {
        let above = load.above_idle();
        goals.push(Goal {
            words: format!(
                "{}: {:.2} MiB above idle at the peak, at most {:.2} ({MOST_MEMORY} bytes a contact and 5 MiB)",
                load.name,
                mib(above.unwrap_or_default()),
                mib(load.most_memory())
            ),
            is_met: above.map(|above| above <= load.most_memory()),
        });
    }
    goals
}

/// Returns what an idle process takes, and makes the system forget its peak.
fn idle_memory(process: u32) -> Option<u64> {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").ok()?;
    memory(process, "VmRSS")
}

/// Reads a line of the process's status, in bytes; `None` if there is no such file.
fn memory(process: u32, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Makes contacts with random ids, the same in every run.
fn contacts(count: usize) -> Vec<Uuid> {
    let mut state = 0_u64;
    let mut random = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    (0..count).map(|_| Uuid::from_u64_pair(random(), random())).collect()
}

/// Writes contacts as a query result with some more columns.
fn csv(contacts: &[Uuid]) -> Vec<u8> {
    let mut text = String::from("customer_number,contactid,city\r\n");
    for (number, contact) in contacts.iter().enumerate() {
        let _ = write!(text, "{},{contact},\"Socktown, North\"\r\n", number + 1);
    }
    text.into_bytes()
}

#[expect(clippy::cast_precision_loss, reason = "printed with two digits")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}
