//! The answer of an invocation: the reports of its runs, the event's own first.

use super::{Outcome, RunReport, Source};
use crate::domain::{RunId, SegmentName};
use crate::error::Error;
use crate::fate::Fate;
use crate::state::{Enlisted, Refused, Wish};
use serde_json::{Value, json};

impl RunReport {
    /// Reports a wish that was not even taken up.
    pub(crate) fn of_known(wish: &Wish, known: Enlisted) -> Self {
        let (outcome, reason, error_type) = match known {
            Enlisted::Refused(Refused { refusal, .. }) if refusal.unreadable => {
                // What a head of before does not tell was most likely this.
                let error_type = refusal.error_type.unwrap_or_else(|| "SourceInvalid".into());
                (Outcome::Failed, refusal.reason, Some(error_type))
            }
            Enlisted::Refused(Refused { refusal, .. }) => (Outcome::Refused, refusal.reason, refusal.error_type),
            Enlisted::Applied => (Outcome::Unchanged, "this version was loaded before".to_owned(), None),
            _ => (Outcome::Superseded, "a newer result was loaded before".to_owned(), None),
        };
        Self {
            error_type,
            reason: Some(reason),
            ..Self::of(wish, outcome)
        }
    }

    /// Reports what failed before it became a wish.
    pub(crate) fn failed(error: &Error, source: Option<Source>) -> Self {
        let is_no_result = matches!(error, Error::Source(error) if error.fate() == Fate::Refuse);
        let outcome = if is_no_result || matches!(error, Error::Refused(_)) {
            Outcome::Refused
        } else {
            Outcome::Failed
        };
        Self {
            error_type: (is_no_result || outcome == Outcome::Failed).then(|| error.error_type().into()),
            reason: Some(error.to_string()),
            source,
            ..Self::new(outcome)
        }
    }

    /// Tells of the failure of a rehearsal.
    pub(crate) fn rehearsed(self) -> Self {
        Self {
            is_rehearsal: true,
            ..self
        }
    }

    /// Writes the report to the log, the only place where the run of an asynchronous event is told.
    pub(crate) fn log(&self) {
        let run = serde_json::to_string(self).unwrap_or_default();
        let run_id = self.run_id.as_ref().map(RunId::as_str);
        let segment = self.segment_name.as_ref().map(SegmentName::as_str);
        match self.outcome {
            _ if self.is_rehearsal => tracing::info!(run_id, segment, phase = "end", run, "the rehearsal ended"),
            Outcome::Failed => tracing::error!(run_id, segment, phase = "end", run, "the run failed"),
            Outcome::Refused => tracing::warn!(run_id, segment, phase = "end", run, "the result was refused"),
            _ => tracing::info!(run_id, segment, phase = "end", run, "the run ended"),
        }
    }
}

/// Moves the event's own run to the front; where another worker has the segment, or an earlier wish failed, says so.
///
/// One run is one entry: where it was tried twice, as an event's and as an order's, the last try is the one that counts.
pub(crate) fn put_own_first(reports: &mut Vec<RunReport>, wish: &Wish) {
    let is_own = |report: &RunReport| report.run_id.as_ref() == Some(&wish.run_id);
    if let Some(index) = reports.iter().rposition(is_own) {
        let own = reports.remove(index);
        reports.retain(|report| !is_own(report));
        reports.insert(0, own);
        return;
    }
    let (outcome, reason) = if reports.is_empty() {
        (
            Outcome::Busy,
            "another run works on this segment and takes this result up",
        )
    } else {
        (
            Outcome::Continues,
            "an earlier wish for this segment did not finish; the next sweep goes on with this one",
        )
    };
    let mut own = RunReport::of(wish, outcome);
    own.reason = Some(reason.to_owned());
    reports.insert(0, own);
}

/// Turns the failure of an event's own run, the first, into an error of the invocation.
///
/// The runs after it were wished by other events, which are told of their failure when they are delivered again.
pub(crate) fn fail_if_own_failed(reports: &[RunReport]) -> Result<(), Error> {
    match reports.first().filter(|report| report.outcome == Outcome::Failed) {
        Some(report) => Err(Error::Run {
            error_type: report.error_type.clone().unwrap_or_else(|| "RunFailed".into()),
            reason: report.reason.clone().unwrap_or_default(),
        }),
        None => Ok(()),
    }
}

/// Answers with the reports.
pub(crate) fn answer(reports: &[RunReport]) -> Value {
    json!({ "runs": reports })
}
