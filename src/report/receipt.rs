//! Receipts: one immutable object per attempt, so that the question "what happened?" has an answer without logs.

use super::RunReport;
use crate::state::order::segment_hash;
use aws_sdk_s3::error::DisplayErrorContext;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// An S3 or EventBridge event, by whatever road.
    Event,
    /// A direct command.
    Command,
    /// The scheduled sweep.
    Sweep,
}

/// Where receipts are kept: `<state prefix>receipts/<date>/<segment hash>/`.
#[derive(Clone, Debug)]
pub struct Receipts {
    s3: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
}

#[derive(Serialize)]
struct Receipt<'a> {
    v: u32,
    program: &'static str,
    version: &'static str,
    at: DateTime<Utc>,
    trigger: Trigger,
    #[serde(flatten)]
    report: &'a RunReport,
}

impl Receipts {
    /// Opens the receipts below `prefix`, with its trailing slash.
    pub const fn new(s3: aws_sdk_s3::Client, bucket: String, prefix: String) -> Self {
        Self { s3, bucket, prefix }
    }

    /// Writes the receipt of a run and notes its address in the report.
    ///
    /// A receipt that cannot be written is a warning: what was done in Dynamics stands.
    pub async fn leave(&self, report: &mut RunReport, trigger: Trigger, at: DateTime<Utc>) {
        let run = report.run_id.as_ref().map_or("unknown", |run_id| run_id.as_str());
        let segment = report
            .segment_name
            .as_deref()
            .map_or_else(|| "unknown".to_owned(), segment_hash);
        let attempt = &Uuid::new_v4().simple().to_string()[..8];
        let (date, time) = (at.format("%Y-%m-%d"), at.format("%H%M%S"));
        let key = format!("{}receipts/{date}/{segment}/{time}-{run}-{attempt}.json", self.prefix);
        report.receipt = Some(format!("s3://{}/{key}", self.bucket));
        if let Err(reason) = self.write(&key, report, trigger, at).await {
            tracing::warn!(receipt.key = key, reason, "the receipt could not be written");
            report.receipt = None;
            report.warnings.push(format!(
                "the receipt s3://{}/{key} could not be written ({reason}): allow the function's role s3:PutObject on it",
                self.bucket
            ));
        }
    }

    async fn write(&self, key: &str, report: &RunReport, trigger: Trigger, at: DateTime<Utc>) -> Result<(), String> {
        let version = env!("CARGO_PKG_VERSION");
        let receipt = Receipt {
            v: 1,
            program: env!("CARGO_PKG_NAME"),
            version,
            at,
            trigger,
            report,
        };
        let body = serde_json::to_vec_pretty(&receipt).map_err(|error| error.to_string())?;
        let put = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        let sent = put.content_type("application/json").body(body.into()).send().await;
        sent.map(|_| ()).map_err(|error| {
            error.raw_response().map_or_else(
                || DisplayErrorContext(&error).to_string(),
                |response| format!("S3 answered {}", response.status()),
            )
        })
    }
}
