//! The report of a run, as a person wants to read it.

use crate::cloud;
use crate::segment::{self, counted};
use sandbox::lambda::InvocationError;
use sandbox::{BUCKET, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;

const RECEIPTS: &str = "_state/receipts/";

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
pub fn print(report: &Value) {
    let line = |name: &str, text: &str| println!("  {name:<10} {text}");
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
        line("reason", reason);
    }
}

/// Says in short how a run ended.
pub fn in_short(report: &Value) -> String {
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
    let reason = report["reason"].as_str().map(|reason| format!("\n  {reason}"));
    format!(
        "{}: {segment}{}{}",
        outcome(report),
        numbers.concat(),
        reason.unwrap_or_default()
    )
}

/// Returns the outcome.
pub fn outcome(report: &Value) -> &str {
    report["outcome"].as_str().unwrap_or("unknown")
}

fn is_written(report: &Value) -> bool {
    matches!(outcome(report), "loaded" | "computing")
}

fn rejected(report: &Value) -> String {
    let count = report["rejected"].as_u64().unwrap_or(0);
    let lines = report["rejected_lines"].as_array().map_or(&[][..], Vec::as_slice);
    if count == 0 {
        return "no row".to_owned();
    }
    let named: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let more = if count > lines.len() as u64 { ", ..." } else { "" };
    format!(
        "{} without a valid contact id, lines {}{more}",
        segment::several(count, "row"),
        named.join(", ")
    )
}
