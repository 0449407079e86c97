//! Where ended runs are told: in the metrics, in the receipts, in the log.

use super::{Archive, Outcome, RunReport, SettingsUsed, Trigger, metrics};
use crate::settings::Settings;
use crate::state::S3Clock;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Tells of the runs of one invocation.
pub(crate) struct Teller<'a> {
    /// Keeps the receipts.
    pub(crate) archive: Archive,
    /// The Lambda function, where there is one around this program that reads metrics.
    pub(crate) function: Option<&'a str>,
    /// Says when it was.
    pub(crate) clock: &'a S3Clock,
    /// What the runs went by, where it could be read.
    pub(crate) settings: Option<&'a Settings>,
}

impl Teller<'_> {
    /// Tells of runs that have ended, and returns their reports with what was noticed on the way.
    ///
    /// The first run is the event's own, so that it alone has the event's requester.
    pub(crate) async fn tell(&self, mut reports: Vec<RunReport>, mut trigger: Trigger) -> Vec<RunReport> {
        let used = self.settings.map(SettingsUsed::of);
        let warnings = self.settings.map(|settings| settings.warnings(Utc::now()));
        for report in &mut reports {
            let warnings = warnings.iter().flatten().map(ToString::to_string);
            report.warnings.extend(warnings);
            // First, since S3 may not answer to the receipt.
            self.measure(|function, days_left, at| Some(metrics::line(report, function, days_left, at)));
            if report.outcome != Outcome::DryRun {
                self.archive.keep_receipt(report, &trigger, used.as_ref()).await;
            }
            report.log();
            trigger = trigger.kind.into();
        }
        reports
    }

    /// Measures a sweep that had nothing to do.
    pub(crate) fn tell_of_nothing(&self) {
        self.measure(metrics::idle_line);
    }

    fn measure(&self, line: impl FnOnce(&str, Option<i64>, DateTime<Utc>) -> Option<Value>) {
        let days_left = self
            .settings
            .and_then(|settings| settings.credential.days_left(Utc::now()));
        if let Some(line) = self
            .function
            .and_then(|function| line(function, days_left, self.clock.now()))
        {
            metrics::emit(&line);
        }
    }
}
