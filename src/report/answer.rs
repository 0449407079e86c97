//! The answer of an invocation: the reports of its runs, the event's own first.

use super::event::name_the_first_files;
use super::{Background, Outcome, RunReport, Source, ToldBy, sentences};
use crate::domain::{Fate, RunId, SegmentName};
use crate::error::Error;
use crate::state::{Enqueued, Job, Refused};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The most bytes that are told at once: Lambda answers with 6 MB (AWS, "Lambda quotas").
pub(super) const MOST_BYTES: usize = 6_000_000;

impl RunReport {
    /// Reports a job that was not even taken up.
    pub(crate) fn of_known(job: &Job, known: Enqueued) -> Self {
        let remembered = match &known {
            Enqueued::Refused(Refused { refusal, .. }) => Some(refusal.into()),
            _ => None,
        };
        let (outcome, reason, error_type) = match known {
            Enqueued::Refused(Refused { refusal, .. }) if refusal.unreadable => {
                // What an earlier head does not tell was most likely this.
                let error_type = refusal.error_type.unwrap_or_else(|| "SourceInvalid".into());
                (Outcome::Failed, refusal.reason, Some(error_type))
            }
            Enqueued::Refused(Refused { refusal, .. }) => (Outcome::Refused, refusal.reason, refusal.error_type),
            Enqueued::Applied => (
                Outcome::Unchanged,
                known_before("this version was loaded before", job),
                None,
            ),
            Enqueued::RefusedAndOvertaken => (
                Outcome::Superseded,
                known_before(
                    "it was refused, and a newer result was loaded since, or an older one directly",
                    job,
                ),
                None,
            ),
            _ => (
                Outcome::Superseded,
                known_before("a newer result was loaded before, or an older one directly", job),
                None,
            ),
        };
        Self {
            error_type,
            reason: Some(reason),
            repeated: matches!(outcome, Outcome::Refused | Outcome::Failed),
            background: Background {
                is_known: true,
                remembered,
                ..Background::default()
            },
            ..Self::of(job, outcome)
        }
    }

    /// Tells for the first time what is known.
    pub(super) fn told_for_the_first_time(mut self) -> Self {
        self.background.is_known = false;
        self
    }

    /// Reports a job that was refused before it was taken up.
    pub(crate) fn of_refused(job: &Job, error: &Error) -> Self {
        Self {
            error_type: error.told_type(),
            needs_attention: error.asks_for_attention(),
            reason: Some(error.to_string()),
            background: Background {
                objection: error.objection().cloned(),
                misfit: error.misfit(),
                ..Background::default()
            },
            ..Self::of(job, Outcome::Refused)
        }
    }

    /// Reports a job that another worker will come to, whose lease lasts `until` then unless it is renewed; `None` if nobody
    /// could look.
    pub(crate) fn of_busy(job: &Job, until: Option<DateTime<Utc>>) -> Self {
        Self {
            reason: Some(sentences::busy(until)),
            ..Self::of(job, Outcome::Busy)
        }
    }

    /// Reports a job that could not be taken up while another worker has the segment.
    pub(crate) fn of_held(job: &Job, error: &Error) -> Self {
        Self {
            reason: Some(error.to_string()),
            ..Self::of(job, Outcome::Busy)
        }
    }

    /// Reports a job of which nobody can say what became of it, since no time was left to look.
    pub(crate) fn of_unseen(job: &Job) -> Self {
        let reason = "the invocation was out of time; the next sweep goes on with this result if it still waits";
        Self {
            reason: Some(reason.to_owned()),
            ..Self::of(job, Outcome::Continues)
        }
    }

    /// Reports a job that was not come to: `before` are the runs that went first, of which the last tells why, where it is
    /// not that the invocation is out of time; where there were none, what goes `first` has a pause, after an error of that
    /// type.
    pub(crate) fn of_waiting(job: &Job, before: &[Self], is_out_of_time: bool, first: Option<(&Job, &str)>) -> Self {
        let has_not_ended = |last: &&Self| matches!(last.outcome, Outcome::Failed | Outcome::Busy | Outcome::Continues);
        let last = before.last().filter(has_not_ended);
        let (outcome, reason) = match last.and_then(|last| Some((last.outcome, last.reason.as_deref()?))) {
            Some((Outcome::Busy, reason)) => (
                Outcome::Failed,
                format!("an earlier result goes first and was not finished, and the sweep goes on with both: {reason}"),
            ),
            Some((Outcome::Continues, reason)) => (
                Outcome::Continues,
                format!("an earlier result goes first and is not done yet, and the next sweep goes on with both: {reason}"),
            ),
            Some((_, reason)) => (
                Outcome::Failed,
                format!("an earlier result goes first and failed, and the sweep goes on with both: {reason}"),
            ),
            None if !before.is_empty() && is_out_of_time => (
                Outcome::Continues,
                "the invocation was out of time after an earlier result of this segment; the next sweep goes on with this one"
                    .to_owned(),
            ),
            None => match first {
                Some((first, code)) => (Outcome::Failed, sentences::waits_for(first, code)),
                None => (
                    Outcome::Failed,
                    "another result of this segment goes first, and the sweep goes on with both".to_owned(),
                ),
            },
        };
        Self {
            error_type: match last {
                Some(last) => last.error_type.clone(),
                None => first
                    .filter(|_| outcome == Outcome::Failed)
                    .map(|(_, code)| code.into()),
            },
            reason: Some(reason),
            background: Background {
                waits_for_another: true,
                is_tried_again: true,
                ..Background::default()
            },
            ..Self::of(job, outcome)
        }
    }

    /// Reports what failed before it became a job.
    pub(crate) fn failed(error: &Error, source: Option<Source>) -> Self {
        let is_no_result = matches!(error, Error::Source(error) if error.fate() == Fate::Refuse);
        let outcome = if is_no_result || error.objection().is_some() {
            Outcome::Refused
        } else {
            Outcome::Failed
        };
        Self {
            error_type: (is_no_result || outcome == Outcome::Failed).then(|| error.error_type().into()),
            reason: Some(error.to_string()),
            source,
            background: Background {
                objection: error.objection().cloned(),
                misfit: error.misfit(),
                ..Background::default()
            },
            ..Self::new(outcome)
        }
    }

    /// Names the segment, where it is known, so that it stands in that segment's history.
    pub(crate) fn about(self, segment_name: Option<SegmentName>) -> Self {
        Self { segment_name, ..self }
    }

    /// Tells of the failure of a dry run.
    pub(crate) fn into_dry_run(self) -> Self {
        Self {
            is_dry_run: true,
            ..self
        }
    }

    /// Writes the report to the log, the only place where the run of an asynchronous event is told.
    pub(crate) fn log(&self) {
        let run = serde_json::to_string(self).unwrap_or_default();
        let run_id = self.run_id.as_ref().map(RunId::as_str);
        let segment = self.segment_name.as_ref().map(SegmentName::as_str);
        match self.outcome {
            _ if self.is_dry_run => tracing::info!(run_id, segment, phase = "end", run, "the dry run ended"),
            Outcome::Failed => tracing::error!(run_id, segment, phase = "end", run, "the run failed"),
            Outcome::Refused => tracing::warn!(run_id, segment, phase = "end", run, "the result was refused"),
            _ => tracing::info!(run_id, segment, phase = "end", run, "the run ended"),
        }
    }
}

/// Moves the event's own run to the front: its last attempt, where one before was lost.
pub(crate) fn put_own_first(reports: &mut [RunReport], job: &Job) {
    let is_own = |report: &RunReport| report.run_id.as_ref() == Some(&job.run_id);
    if let Some(index) = reports.iter().rposition(is_own) {
        reports[..=index].rotate_right(1);
    }
}

/// Turns the failure of an event's own run, the first, into an error of the invocation.
///
/// The runs after it were asked for by other events, which are told of their failure when they are delivered again.
pub(crate) fn fail_if_own_failed(reports: &[RunReport]) -> Result<(), Error> {
    match reports.first().filter(|report| report.outcome == Outcome::Failed) {
        Some(report) => Err(Error::Run {
            error_type: report.error_type.clone().unwrap_or_else(|| "RunFailed".into()),
            reason: report.reason.clone().unwrap_or_default(),
        }),
        None => Ok(()),
    }
}

/// Answers with the reports, one of each input: an attempt that was lost has its receipt, and the next one its entry.
pub(crate) fn answer(reports: &[RunReport]) -> Value {
    json!({ "runs": entries(reports) })
}

/// Fits an answer into what Lambda answers at all: where it is longer, each run names its first files only. The receipts name all.
pub(crate) fn fitting(mut answer: Value) -> Value {
    if answer.to_string().len() > MOST_BYTES
        && let Some(runs) = answer["runs"].as_array_mut()
    {
        runs.iter_mut().for_each(name_the_first_files);
    }
    answer
}

/// Says what is known of a job from before, and to whom approves it how it is loaded all the same.
fn known_before(what: &str, job: &Job) -> String {
    let instead = if job.approved {
        "; an approval loads nothing a second time: where it is to stand above all that came since, load it directly, without \
         `approve`"
    } else {
        ""
    };
    format!("{what}{instead}")
}

/// Returns the reports but for those of lost attempts, and of ones that could not report, whose input has another one.
pub(super) fn entries(reports: &[RunReport]) -> Vec<&RunReport> {
    let is_lost = |report: &RunReport| report.told_by == ToldBy::TheNext;
    let has_another = |report: &RunReport| {
        let mut others = reports.iter().filter(|other| !is_lost(other));
        others.any(|other| other.run_id == report.run_id)
    };
    let is_told = |report: &&RunReport| !is_lost(report) || !has_another(report);
    reports.iter().filter(is_told).collect()
}
