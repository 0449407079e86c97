//! Receipts: one immutable object per attempt, so that the question "what happened?" has an answer without logs.

use super::Archive;
use crate::domain::ObjectRef;
use crate::report::{RunReport, SettingsUsed};
use crate::s3::Folder;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What started a run, and who, where the event tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// What started it.
    pub kind: TriggerKind,
    /// Who dropped the file, as AWS names them.
    pub requester: Option<String>,
    /// The object that an event tells of.
    #[serde(skip)]
    pub object: Option<ObjectRef>,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// An S3 or `EventBridge` event, by whatever road.
    Event,
    /// A direct command.
    Command,
    /// The scheduled sweep.
    Sweep,
}

impl From<TriggerKind> for Trigger {
    fn from(kind: TriggerKind) -> Self {
        Self {
            kind,
            requester: None,
            object: None,
        }
    }
}

impl Trigger {
    /// Says what started a run: who dropped its file is known only where it is the one that the event tells of.
    pub(in crate::report) fn of(&self, report: &RunReport) -> Self {
        let is_told_of = |object: &ObjectRef| {
            let source = report.source.as_ref().map(|source| &source.object);
            source.is_some_and(|source| {
                let is_version = object.version_id.is_none() || object.version_id == source.version_id;
                object.bucket == source.bucket && object.key == source.key && is_version
            })
        };
        match &self.object {
            Some(object) if is_told_of(object) => self.clone(),
            _ => self.kind.into(),
        }
    }
}

#[derive(Serialize)]
struct Receipt<'a> {
    v: u32,
    program: &'static str,
    version: &'static str,
    at: DateTime<Utc>,
    trigger: &'a Trigger,
    settings: Option<&'a SettingsUsed>,
    #[serde(flatten)]
    report: &'a RunReport,
}

impl Archive {
    /// The version of the format.
    const VERSION: u32 = 2;

    /// Writes the receipt of a run and notes its address in the report.
    ///
    /// A receipt that cannot be written is a warning: what was done in Dynamics stands.
    pub async fn keep_receipt(&self, report: &mut RunReport, trigger: &Trigger, settings: Option<&SettingsUsed>) {
        let at = self.0.now();
        let key = self.0.keys.entry(Folder::Receipts, (&*report).into(), at, ".json");
        report.receipt = Some(self.0.url(&key));
        let receipt = Receipt {
            v: Self::VERSION,
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            at,
            trigger,
            settings,
            report,
        };
        // Plain fields, which always serialize.
        let body = serde_json::to_vec_pretty(&receipt).unwrap_or_default();
        if let Err(unwritten) = self.put("the receipt", &key, "application/json", body).await {
            report.receipt = None;
            report.warnings.push(unwritten.to_string());
        }
    }
}
