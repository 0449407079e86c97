//! What is said of a run that ended before anybody knew of which segment it was: it names none.

use super::{Group, Outcome, RunReport, group_of, refusal, to_do};

/// Tells a run of no segment.
pub(super) fn tell(report: &RunReport) -> String {
    match report.outcome {
        Outcome::Refused => tell_the_refusal(report),
        Outcome::Failed => tell_the_failure(report),
        _ => "A file was looked at that is for no segment.".to_owned(),
    }
}

fn tell_the_refusal(report: &RunReport) -> String {
    let (why, way_out) = refusal(report);
    if report.is_dry_run {
        return format!("A dry run: this file would not be loaded: {why}. Nothing was changed.");
    }
    format!("This file was not loaded: {why}. {}", to_do(way_out))
}

fn tell_the_failure(report: &RunReport) -> String {
    let Group { why, to_do } = group_of(report);
    if report.is_dry_run {
        return format!("A dry run came to nothing: {why}. Nothing was changed.");
    }
    format!("This program could not do its work: {why}. {to_do}")
        .trim_end()
        .to_owned()
}
