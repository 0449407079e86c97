//! What others are told on the bus: every run that has ended, and segments that have grown old.

use super::{RunReport, sentence};
use crate::domain::SegmentName;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

/// The detail types.
pub(super) const RUN_ENDED: &str = "Run Ended";
pub(super) const SEGMENT_STALE: &str = "Segment Stale";

/// The most bytes of a detail: an event takes 256 KB with all that is around it (AWS, "Amazon EventBridge quotas").
const MOST_BYTES: usize = 200_000;
/// How many files, segments and warnings are named.
const MOST_NAMED: usize = 20;
/// How long a sentence may be where all of them are too long together.
const LONGEST: usize = 2_000;

/// A segment whose audience is older than the destination allows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stale {
    /// The segment.
    pub segment_name: SegmentName,
    /// Where it lives.
    pub environment: String,
    /// The id of the business unit, where its destination names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<String>,
    /// When its audience was last known to be right.
    pub last_load: DateTime<Utc>,
    /// How many contacts the last result held that was loaded.
    pub contacts: Option<u64>,
    /// How many people it has, as far as that is known.
    pub people: Option<u64>,
    /// How old it may be.
    pub stale_after_hours: f64,
}

impl Stale {
    /// Returns the event's detail, and the sentence in it.
    pub(super) fn detail(&self, now: DateTime<Utc>) -> (String, String) {
        let sentence = sentence::of_stale(self, now);
        let mut detail = json!(self);
        detail["sentence"] = json!(sentence);
        (detail.to_string(), sentence)
    }
}

/// Returns the detail of a run that has ended: the run, with as much of its lists as an event takes.
pub(super) fn run_ended(report: &RunReport) -> String {
    let mut detail = json!(report);
    name_the_first_files(&mut detail);
    let whole = detail.to_string();
    if whole.len() <= MOST_BYTES {
        return whole;
    }
    for list in ["warnings", "guards"] {
        shorten(&mut detail[list]);
    }
    shorten(&mut detail["used_by"]["segments"]);
    cut(&mut detail);
    detail.to_string()
}

/// Leaves the first files of a result, and says how many there are.
pub(super) fn name_the_first_files(run: &mut Value) {
    let Some(files) = run["source"]["files"]
        .as_array()
        .map(Vec::len)
        .filter(|files| *files > 0)
    else {
        return;
    };
    run["source"]["files_count"] = json!(files);
    shorten(&mut run["source"]["files"]);
}

fn shorten(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.truncate(MOST_NAMED);
    }
}

/// Cuts every text that is long.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(end);
                text.push_str("...");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(fields) => fields.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ObjectRef, UsedBy};
    use crate::report::{Outcome, Source, fitting};

    fn file(number: usize) -> ObjectRef {
        ObjectRef::unseen("bucket".to_owned(), format!("incoming/{number}"), None)
    }

    #[test]
    fn an_event_names_the_first_files_and_how_many_there_are() {
        let mut report = RunReport::new(Outcome::Loaded);
        report.source = Some(Source {
            object: file(0),
            files: (1..=5_000).map(file).collect(),
        });
        let detail: Value = serde_json::from_str(&run_ended(&report)).unwrap();
        assert_eq!(detail["source"]["files_count"], 5_000);
        assert_eq!(detail["source"]["files"].as_array().unwrap().len(), 20);
        assert_eq!(detail["source"]["files"][19]["key"], "incoming/20");
    }

    #[test]
    fn an_answer_that_is_longer_than_lambda_gives_names_the_first_files_of_each_run() {
        let run = |files: u32| json!({"source": {"files": vec!["x".repeat(100); files as usize]}});
        let short = json!({"runs": [run(30)]});
        assert_eq!(fitting(short.clone()), short);
        let long = fitting(json!({"runs": [run(70_000), run(30)], "warnings": []}));
        assert!(long.to_string().len() < 10_000);
        assert_eq!(long["runs"][0]["source"]["files_count"], 70_000);
        assert_eq!(long["runs"][1]["source"]["files"].as_array().unwrap().len(), 20);
    }

    #[test]
    fn an_event_is_never_larger_than_a_bus_takes() {
        let mut report = RunReport::new(Outcome::Failed);
        report.warnings = vec!["é".repeat(30_000); 100];
        report.reason = Some("\"".repeat(300_000));
        report.used_by = Some(UsedBy {
            journeys: None,
            segments: Some(vec!["s".repeat(36); 10_000]),
        });
        let detail = run_ended(&report);
        assert!(detail.len() <= MOST_BYTES, "{}", detail.len());
        let detail: Value = serde_json::from_str(&detail).unwrap();
        assert_eq!(detail["outcome"], "failed");
    }
}
