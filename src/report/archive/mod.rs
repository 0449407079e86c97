//! What the function tells in S3: a receipt of every attempt, and lists of what was not loaded.
//!
//! Every object is written once and never changed.

mod history;
mod lists;
mod receipt;

pub use history::History;
pub use receipt::{Trigger, TriggerKind};

use super::RunReport;
use crate::means::{Attempt, Unwritten};
use crate::s3::{Denied, Missing, Names, Only, Own, Reason};
use std::borrow::Cow;

/// The function's own records.
#[derive(Clone, Debug)]
pub struct Archive(Own);

impl Archive {
    /// Opens the records among the function's own objects.
    pub(crate) const fn new(own: Own) -> Self {
        Self(own)
    }

    /// Writes an object that is not there yet, and returns its address; the failure is for a warning.
    async fn put(&self, what: &'static str, key: &str, content_type: &str, body: Vec<u8>) -> Result<String, Unwritten> {
        let url = self.0.url(key);
        let Err(reason) = self.0.put(key, content_type, body, Only::New).await else {
            return Ok(url);
        };
        // The SDK repeats a write whose answer was lost; no other attempt has this name.
        if reason == Reason::Changed {
            return Ok(url);
        }
        let reason = told(reason).into_owned();
        tracing::warn!(key, reason, "{what} could not be written");
        Err(Unwritten { what, url, reason })
    }
}

impl<'a> From<Attempt<'a>> for Names<'a> {
    fn from(attempt: Attempt<'a>) -> Self {
        Self {
            run_id: Some(attempt.run_id),
            segment_name: Some(attempt.segment_name),
            attempt: attempt.number,
        }
    }
}

impl<'a> From<&'a RunReport> for Names<'a> {
    fn from(report: &'a RunReport) -> Self {
        Self {
            run_id: report.run_id.as_ref(),
            segment_name: report.segment_name.as_ref(),
            attempt: &report.attempt,
        }
    }
}

/// Says why an object could not be written, for the end of a sentence.
fn told(reason: Reason) -> Cow<'static, str> {
    match reason {
        Reason::Denied(Denied::Action) => "access was denied, allow the function's role s3:PutObject on it".into(),
        Reason::Denied(Denied::Key) => {
            "the KMS key was denied, allow the function's role kms:GenerateDataKey on it, in the key's own policy, too"
                .into()
        }
        Reason::Denied(Denied::Explicitly) => {
            "access was denied explicitly by a policy, except the function's role from it".into()
        }
        Reason::Missing(Missing::Bucket) => "there is no such bucket".into(),
        Reason::Missing(_) | Reason::Changed | Reason::Conflict => "something else lies there meanwhile".into(),
        Reason::Refused(reason) | Reason::Unavailable(reason) => reason,
        Reason::TooLarge => "it is too large".into(),
    }
}
