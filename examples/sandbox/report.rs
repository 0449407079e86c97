//! The report of a run, as a person wants to read it.

use crate::segment::{self, counted};
use crate::{cloud, say};
use sandbox::lambda::InvocationError;
use sandbox::{BUCKET, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;

const RECEIPTS: &str = "_state/receipts/";
/// How many of the rejected rows are shown.
const SHOWN_ROWS: usize = 5;

/// What is known after an invocation: the reports of its runs, or only how it failed.
pub type Runs = Result<Vec<Value>, String>;

/// Remembers which receipts are there.
pub fn receipts(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.s3.keys(BUCKET, RECEIPTS).into_iter().collect()
}

/// Takes the reports from the answer, or from the new receipts where the answer has none: that of a queue only names the
/// messages that failed, and that of a failed event only the reason.
pub fn of(sandbox: &Sandbox, answer: Result<Value, InvocationError>, before: &BTreeSet<String>) -> Runs {
    let new = receipts(sandbox).into_iter().filter(|key| !before.contains(key));
    let mut left = new.filter_map(|key| sandbox.s3.get_json(BUCKET, &key));
    match answer {
        Ok(answer) => Ok(answer["runs"].as_array().cloned().unwrap_or_else(|| left.collect())),
        Err(error) => {
            let failure = left.rfind(|report| outcome(report) == "failed");
            failure
                .map(|report| vec![report])
                .ok_or_else(|| cloud::explained(&error))
        }
    }
}

/// Prints every number of a report, one thing a line.
pub fn print(sandbox: &Sandbox, report: &Value) {
    let line = |name: &str, text: &str| say::line(&format!("  {name:<10} "), text);
    let number = |name: &str| report[name].as_u64();
    let shown = |name: &str| number(name).map_or_else(|| "?".to_owned(), counted);
    let several = |name: &str, of: &str| segment::several(number(name).unwrap_or(0), of);
    line("outcome", outcome(report));
    if number("rows").is_some() {
        line(
            "file",
            &format!(
                "{}, {}, {} repeated",
                several("rows", "row"),
                several("contacts", "contact"),
                shown("duplicates")
            ),
        );
        line("rejected", &rejected(report));
        for row in rejected_rows(sandbox, report) {
            line("", &row);
        }
    }
    if let (Some(before), Some(removed)) = (number("members_before"), number("removed")) {
        let (added, removed_word) = if is_written(report) {
            ("added", "removed")
        } else {
            ("to add", "to remove")
        };
        line(
            "members",
            &format!(
                "{} before: {} {added}, {} {removed_word}, {} unchanged",
                counted(before),
                shown("added"),
                counted(removed),
                counted(before.saturating_sub(removed))
            ),
        );
    }
    if number("member_count").is_some() {
        line("", &format!("{} now, as Dynamics counts them", shown("member_count")));
    }
    let seconds = std::time::Duration::from_millis(number("duration_ms").unwrap_or(0)).as_secs_f64();
    line(
        "effort",
        &format!("{}, {seconds:.1} s", several("requests", "Dataverse call")),
    );
    for warning in report["warnings"].as_array().into_iter().flatten() {
        line("warning", warning.as_str().unwrap_or_default());
    }
    if let Some(reason) = report["reason"].as_str() {
        line("reason", &without_command(reason));
    }
}

/// Leaves out the sentence with a command: it is for a sandbox that will be gone by the time that somebody could give it.
fn without_command(reason: &str) -> String {
    let Some(command) = reason.find(say::COMMAND) else {
        return reason.to_owned();
    };
    let end = reason[..command].rfind(". ").map_or(0, |stop| stop + 1);
    format!(
        "{} (With --serve the sandbox stays up, and a command follows here.)",
        &reason[..end]
    )
}

/// Prints in short how a run ended.
pub fn print_in_short(report: &Value) {
    // What was refused was counted and planned, not written.
    let named: &[&str] = if is_written(report) {
        &["contacts", "rejected", "added", "removed"]
    } else {
        &["contacts", "rejected"]
    };
    let numbers = named
        .iter()
        .filter_map(|name| Some(format!(", {} {name}", counted(report[*name].as_u64()?))));
    let numbers: Vec<String> = numbers.collect();
    let segment = report["segment_name"].as_str().unwrap_or("no segment");
    say::line("  ", &format!("{}: {segment}{}", outcome(report), numbers.concat()));
    if let Some(reason) = report["reason"].as_str() {
        say::line("    ", reason);
    }
}

/// Returns the outcome.
pub fn outcome(report: &Value) -> &str {
    report["outcome"].as_str().unwrap_or("unknown")
}

fn is_written(report: &Value) -> bool {
    matches!(outcome(report), "loaded" | "computing")
}

/// Says how many rows were rejected, and why.
fn rejected(report: &Value) -> String {
    let reasons = report["rejected_by_reason"].as_object();
    let each = reasons.into_iter().flatten();
    let each: Vec<String> = each
        .map(|(reason, count)| format!("{} {reason}", counted(count.as_u64().unwrap_or(0))))
        .collect();
    match report["rejected"].as_u64().unwrap_or(0) {
        0 => "no row".to_owned(),
        count => format!("{}: {}", segment::several(count, "row"), each.join(", ")),
    }
}

/// Shows the first rejected rows, each with its reason, as the list of them has it.
fn rejected_rows(sandbox: &Sandbox, report: &Value) -> Vec<String> {
    let list = report["rejected_rows"].as_str().unwrap_or_default();
    let key = list.strip_prefix(&format!("s3://{BUCKET}/"));
    let Some(list) = key.and_then(|key| sandbox.s3.get(BUCKET, key)) else {
        return Vec::new();
    };
    let is_one_file = !report["source"]["files"].is_array();
    let mut rows = csv::Reader::from_reader(list.as_ref());
    let rows = rows.records().flatten().take(SHOWN_ROWS);
    let mut shown: Vec<String> = rows.map(|row| row_in_words(&row, is_one_file)).collect();
    let count = report["rejected"].as_u64().unwrap_or(0);
    let left = count.saturating_sub(shown.len() as u64);
    if left > 0 {
        shown.push(format!("and {} more", counted(left)));
    }
    shown
}

fn row_in_words(row: &csv::StringRecord, is_one_file: bool) -> String {
    let field = |index: usize| row.get(index).unwrap_or_default();
    let place = if is_one_file {
        String::new()
    } else {
        format!("{}, ", field(0))
    };
    let cell = match field(3) {
        "" => String::new(),
        cell => format!(": {cell}"),
    };
    format!("{place}line {}, {}{cell}", field(1), field(2))
}
