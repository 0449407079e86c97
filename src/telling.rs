//! What an invocation tells of its runs, and of earlier ones.

use crate::app::App;
use crate::error::Error;
use crate::event::HistoryCommand;
use crate::report::{Outcome, RunReport, SettingsUsed, Trigger, metrics};
use crate::settings::Settings;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::SystemTime;

impl App {
    /// Tells of runs that have ended: in the receipts, in the log and in the metrics.
    ///
    /// The first run is the event's own, so that it alone has the event's requester.
    pub(crate) async fn conclude(
        &self,
        mut reports: Vec<RunReport>,
        bucket: &str,
        trigger: Trigger,
        settings: Option<&Settings>,
    ) -> Vec<RunReport> {
        let archive = self.clients.archive(bucket);
        let used = settings.map(SettingsUsed::of);
        let warnings = settings
            .map(|settings| settings.warnings(SystemTime::now()))
            .unwrap_or_default();
        let mut trigger = trigger;
        for report in &mut reports {
            report.warnings.extend(warnings.iter().map(ToString::to_string));
            // First, since S3 may not answer to the receipt.
            self.measure(
                |function, days_left, at| Some(metrics::line(report, function, days_left, at)),
                settings,
            );
            if report.outcome != Outcome::DryRun {
                archive.keep_receipt(report, &trigger, used.as_ref()).await;
            }
            report.log();
            trigger = trigger.kind.into();
        }
        reports
    }

    /// Writes a line of metrics, where there is a Lambda around this program that reads it.
    pub(crate) fn measure(
        &self,
        line: impl FnOnce(&str, Option<i64>, DateTime<Utc>) -> Option<Value>,
        settings: Option<&Settings>,
    ) {
        let days_left = settings.and_then(|settings| settings.credential.days_left(SystemTime::now()));
        let function = self.clients.environment.function_name.as_deref();
        if let Some(line) = function.and_then(|function| line(function, days_left, self.clients.clock.now())) {
            metrics::emit(&line);
        }
    }

    /// Answers with the receipts of the last runs.
    pub(crate) async fn history(&self, command: &HistoryCommand) -> Result<Value, Error> {
        let bucket = self
            .clients
            .environment
            .state_bucket
            .clone()
            .map_or_else(|| self.results_bucket(), Ok)?;
        let archive = self.clients.archive(&bucket);
        let runs = archive.history(command.segment_name.as_ref(), command.limit).await?;
        Ok(json!({ "runs": runs }))
    }
}
