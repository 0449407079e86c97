//! One line per run for `CloudWatch`, in its embedded metric format: metrics without an API call.

use super::{Outcome, RunReport};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "SegmentLoader";

/// Writes the metrics of a run to stdout, past the log's formatter: only a raw line is read as metrics.
///
/// A line that cannot be written is lost; nothing depends on it.
pub fn emit(line: &Value) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}

/// Builds the metrics of a run; the days that the client secret lasts are among them where they are known.
pub fn line(report: &RunReport, function: &str, secret_days_left: Option<i64>, at: DateTime<Utc>) -> Value {
    let is = |outcome: &[Outcome]| u64::from(outcome.contains(&report.outcome));
    // What a refused or into_dry_run run would have done was not done.
    let is_written = matches!(report.outcome, Outcome::Loaded | Outcome::Computing);
    let written = |count: Option<u64>| count.filter(|_| is_written).unwrap_or(0);
    let counts = [
        ("RowsRead", report.rows.unwrap_or(0)),
        ("Contacts", report.contacts.unwrap_or(0)),
        ("IdsAdded", written(report.added)),
        ("IdsRemoved", written(report.removed)),
        ("IdsRejected", report.rejected.unwrap_or(0)),
        (
            "NotAccepted",
            report.not_accepted.unwrap_or(0) + report.not_found.unwrap_or(0),
        ),
        ("Requests", report.requests),
        (
            "Completed",
            is(&[Outcome::Loaded, Outcome::Computing, Outcome::Unchanged]),
        ),
        ("Refused", is(&[Outcome::Refused])),
        ("Failed", is(&[Outcome::Failed])),
        // What alarms go by: the same once more is no news.
        ("RefusedAnew", is(&[Outcome::Refused]) * u64::from(!report.repeated)),
        ("FailedAnew", is(&[Outcome::Failed]) * u64::from(!report.repeated)),
        ("Superseded", is(&[Outcome::Superseded])),
        ("NeedsAttention", u64::from(report.needs_attention)),
    ];
    let times = [("ThrottledMs", report.throttled_ms), ("DurationMs", report.duration_ms)];
    let counts = counts.map(|(name, value)| (name, "Count", json!(value)));
    let times = times.map(|(name, value)| (name, "Milliseconds", json!(value)));
    let days = secret_days_left.map(|days| ("ClientSecretDaysLeft", "Count", json!(days)));
    let properties = [
        ("Segment", json!(report.segment_name)),
        ("RunId", json!(report.run_id)),
        ("Outcome", json!(report.outcome)),
    ];
    embedded(counts.into_iter().chain(times).chain(days), properties, function, at)
}

/// Builds the metrics of a sweep: how much it warns of and how many segments have grown old, so that it is seen to come, and
/// that somebody hears of it.
pub fn sweep_line(
    warnings: usize,
    stale: usize,
    function: &str,
    secret_days_left: Option<i64>,
    at: DateTime<Utc>,
) -> Value {
    let counts = [("SweepWarnings", warnings), ("StaleSegments", stale)];
    let counts = counts.map(|(name, value)| (name, "Count", json!(value)));
    let days = secret_days_left.map(|days| ("ClientSecretDaysLeft", "Count", json!(days)));
    embedded(counts.into_iter().chain(days), [], function, at)
}

/// Builds the metric of an event that nobody heard.
pub fn lost_event_line(function: &str, at: DateTime<Utc>) -> Value {
    embedded([("EventsLost", "Count", json!(1))], [], function, at)
}

fn embedded(
    metrics: impl IntoIterator<Item = (&'static str, &'static str, Value)>,
    properties: impl IntoIterator<Item = (&'static str, Value)>,
    function: &str,
    at: DateTime<Utc>,
) -> Value {
    let mut line = Map::new();
    let mut definitions = Vec::new();
    for (name, unit, value) in metrics {
        definitions.push(json!({"Name": name, "Unit": unit}));
        line.insert(name.to_owned(), value);
    }
    line.insert("Function".to_owned(), json!(function));
    line.extend(properties.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": definitions});
    let about = json!({"Timestamp": at.timestamp_millis(), "CloudWatchMetrics": [directive]});
    line.insert("_aws".to_owned(), about);
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SegmentName;

    fn loaded() -> RunReport {
        RunReport {
            segment_name: SegmentName::parse("Summer Sale").ok(),
            rows: Some(3_010),
            contacts: Some(3_000),
            rejected: Some(4),
            added: Some(200),
            removed: Some(500),
            not_accepted: Some(2),
            not_found: Some(1),
            requests: 17,
            throttled_ms: 7_000,
            duration_ms: 61_500,
            ..RunReport::new(Outcome::Loaded)
        }
    }

    #[test]
    fn the_line_of_a_loaded_run() {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        insta::assert_json_snapshot!(line(&loaded(), "segment-loader", Some(23), at));
    }

    #[test]
    fn every_metric_of_a_line_is_defined_and_has_a_number() {
        let at = DateTime::UNIX_EPOCH;
        let line = line(&RunReport::new(Outcome::Failed), "f", None, at);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert!(
            metrics
                .iter()
                .all(|metric| line[metric["Name"].as_str().unwrap()].is_u64())
        );
        assert_eq!((&line["Failed"], &line["Completed"]), (&json!(1), &json!(0)));
    }

    #[test]
    fn what_was_not_written_does_not_count_as_added() {
        for outcome in [Outcome::Refused, Outcome::DryRun, Outcome::Failed] {
            let line = line(&RunReport { outcome, ..loaded() }, "f", None, DateTime::UNIX_EPOCH);
            assert_eq!((&line["IdsAdded"], &line["IdsRemoved"]), (&json!(0), &json!(0)));
        }
    }
}
