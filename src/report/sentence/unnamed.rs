//! What is said of a run that ended before anybody knew of which segment it was: it names none.

use super::refused::refusal;
use super::{Outcome, RunReport, group_of};

/// Tells a run of no segment.
pub(super) fn tell(report: &RunReport) -> String {
    match report.outcome {
        Outcome::Refused => tell_the_refusal(report),
        Outcome::Failed => tell_the_failure(report),
        _ => "A file was looked at that is for no segment.".to_owned(),
    }
}

fn tell_the_refusal(report: &RunReport) -> String {
    let (why, to_do) = refusal(report);
    if report.is_dry_run {
        return format!("A dry run: this file would not be loaded: {why}. Nothing was changed.");
    }
    format!("This file was not loaded: {why}. {to_do}")
}

fn tell_the_failure(report: &RunReport) -> String {
    let group = group_of(report);
    let why = group.why;
    if report.is_dry_run {
        return format!("A dry run came to nothing: {why}. Nothing was changed.");
    }
    format!("This program could not do its work: {why}. {}", group.to_do(false))
        .trim_end()
        .to_owned()
}
