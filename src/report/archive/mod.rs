//! What the function tells in S3: a receipt of every attempt, and lists of what was not loaded.
//!
//! Every object is written once and never changed.

mod history;
mod lists;
mod receipt;

pub use receipt::{Trigger, TriggerKind};

use super::RunReport;
use crate::domain::{RunId, SegmentName, s3_url};
use crate::means::{Attempt, Unwritten};
use crate::s3::{Denied, Missing, Reason};
use crate::state::S3Clock;
use crate::state::keys::segment_hash;
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// The function's own records, below the state prefix of one bucket.
#[derive(Clone, Debug)]
pub struct Archive {
    s3: aws_sdk_s3::Client,
    clock: S3Clock,
    bucket: String,
    prefix: String,
}

impl Archive {
    /// Opens the records below `prefix`, with its trailing slash; `clock` must be an interceptor of the client.
    pub const fn new(s3: aws_sdk_s3::Client, clock: S3Clock, bucket: String, prefix: String) -> Self {
        Self {
            s3,
            clock,
            bucket,
            prefix,
        }
    }

    /// Names a new object: `<prefix><folder>/<date>/<segment hash>/<time>-<run id>-<attempt><ending>`.
    fn new_key(&self, folder: &str, names: Names<'_>, at: DateTime<Utc>, ending: &str) -> String {
        let run = names.run_id.map_or(UNKNOWN, RunId::as_str);
        let day = self.day(folder, &at.format("%Y-%m-%d").to_string());
        let segment = names.segment_name.map_or_else(|| UNKNOWN.to_owned(), segment_hash);
        format!("{day}{segment}/{}-{run}-{}{ending}", at.format("%H%M%S"), names.attempt)
    }

    /// Returns the prefix of one day's objects.
    fn day(&self, folder: &str, date: &str) -> String {
        format!("{}{folder}/{date}/", self.prefix)
    }

    fn url(&self, key: &str) -> String {
        s3_url(&self.bucket, key)
    }

    /// Writes an object that is not there yet, and returns its address; the failure is for a warning.
    async fn put(&self, what: &'static str, key: &str, content_type: &str, body: Vec<u8>) -> Result<String, Unwritten> {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        let url = self.url(key);
        let reason = match put.content_type(content_type).body(body.into()).send().await {
            Ok(_) => return Ok(url),
            Err(error) => Reason::of(&error),
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

/// What an object's key names.
#[derive(Clone, Copy)]
struct Names<'a> {
    run_id: Option<&'a RunId>,
    segment_name: Option<&'a SegmentName>,
    attempt: &'a str,
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

/// Stands for a segment or a run that was never learned.
const UNKNOWN: &str = "unknown";

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
