//! What the function tells in S3: a receipt of every attempt, and lists of what was not loaded.
//!
//! Every object is written once and never changed.

mod history;
mod lists;
mod receipt;

pub use lists::Leftovers;
pub use receipt::{Trigger, TriggerKind};

use super::RunReport;
use crate::state::S3Clock;
use crate::state::order::segment_hash;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use chrono::{DateTime, Utc};

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
    fn new_key(&self, folder: &str, report: &RunReport, at: DateTime<Utc>, ending: &str) -> String {
        let run = report.run_id.as_ref().map_or(UNKNOWN, |run_id| run_id.as_str());
        let day = self.day(folder, &at.format("%Y-%m-%d").to_string());
        let segment = report
            .segment_name
            .as_deref()
            .map_or_else(|| UNKNOWN.to_owned(), segment_hash);
        format!(
            "{day}{segment}/{}-{run}-{}{ending}",
            at.format("%H%M%S"),
            report.attempt
        )
    }

    /// Returns the prefix of one day's objects.
    fn day(&self, folder: &str, date: &str) -> String {
        format!("{}{folder}/{date}/", self.prefix)
    }

    fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Writes an object that is not there yet; the reason of a failure is for a warning.
    async fn put(&self, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), String> {
        let put = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        match put.content_type(content_type).body(body.into()).send().await {
            Ok(_) => Ok(()),
            // The SDK repeats a write whose answer was lost; no other attempt has this name.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|response| response.status().as_u16() == 412) =>
            {
                Ok(())
            }
            Err(error) => Err(reason(&error)),
        }
    }

    /// Says in a report that an object could not be written: what was done in Dynamics stands.
    fn warn(&self, report: &mut RunReport, what: &str, key: &str, reason: &str) {
        tracing::warn!(key, reason, "{what} could not be written");
        report
            .warnings
            .push(format!("{what} {} could not be written: {reason}", self.url(key)));
    }
}

/// Stands for a segment or a run that was never learned.
const UNKNOWN: &str = "unknown";

fn reason<E: std::error::Error + 'static>(error: &SdkError<E>) -> String {
    match (error, error.raw_response().map(|response| response.status().as_u16())) {
        (_, Some(403)) => "access was denied, allow the function's role s3:PutObject on it".to_owned(),
        (_, Some(status)) => format!("S3 answered {status}"),
        (SdkError::TimeoutError(_), None) => "S3 did not answer in time".to_owned(),
        (_, None) => DisplayErrorContext(error).to_string(),
    }
}
