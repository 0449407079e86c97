//! Where ended runs are told: in the metrics, in the receipts, in the log.

use super::{Archive, Noticed, RunReport, SettingsUsed, Trigger, doubts, metrics};
use crate::config::Settings;
use crate::s3::S3Clock;
use crate::state::{Doubts, Trials};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::OnceCell;

/// Tells of the runs of one invocation.
pub(crate) struct Reporter<'a> {
    /// Keeps the receipts.
    pub(crate) archive: Archive,
    /// The Lambda function, where there is one around this program that reads metrics.
    pub(crate) function: Option<&'a str>,
    /// Says when it was.
    pub(crate) clock: &'a S3Clock,
    /// What the runs went by, where it could be read.
    pub(crate) settings: Option<&'a Settings>,
    /// What was seen of the environment, read at most once in an invocation.
    pub(crate) doubts: &'a OnceCell<Doubts>,
    /// Where that is kept.
    pub(crate) trials: Option<Trials>,
}

impl Reporter<'_> {
    /// Reports runs that have ended, and returns their reports with what was noticed on the way.
    ///
    /// The first run is the event's own, so that it alone has the event's requester.
    pub(crate) async fn report(&self, mut reports: Vec<RunReport>, mut trigger: Trigger) -> Vec<RunReport> {
        let used = self.settings.map(SettingsUsed::of);
        let warnings = self.settings.map(|settings| settings.warnings(Utc::now()));
        let doubts = self.doubts(&reports).await;
        let environment = self.settings.map(|settings| settings.destination.home().environment);
        for report in &mut reports {
            report.environment.clone_from(&environment);
            let warnings = warnings.iter().flatten().map(ToString::to_string);
            report.warnings.extend(warnings);
            if report.rests_on_facts() {
                report.warnings.extend_from_slice(&doubts);
            }
            if !report.is_dry_run {
                // First, since S3 may not answer to the receipt.
                self.measure(|function, days_left, at| metrics::line(report, function, days_left, at));
                self.archive.keep_receipt(report, &trigger, used.as_ref()).await;
            }
            report.log();
            trigger = trigger.kind.into();
        }
        reports
    }

    /// Reports a sweep: what it noticed, and that it was there.
    pub(crate) fn report_sweep(&self, noticed: &[Noticed]) {
        for noticed in noticed {
            tracing::warn!(phase = "sweep", "{noticed}");
        }
        self.measure(|function, days_left, at| metrics::sweep_line(noticed.len(), function, days_left, at));
    }

    /// Says what was seen not to hold in the environment, where any of the runs rests on it.
    async fn doubts(&self, reports: &[RunReport]) -> Vec<String> {
        match &self.trials {
            Some(trials) if reports.iter().any(RunReport::rests_on_facts) => {
                doubts::warnings(self.doubts.get_or_init(|| trials.doubts()).await)
            }
            _ => Vec::new(),
        }
    }

    fn measure(&self, line: impl FnOnce(&str, Option<i64>, DateTime<Utc>) -> Value) {
        let days_left = self
            .settings
            .and_then(|settings| settings.credential.days_left(Utc::now()));
        if let Some(function) = self.function {
            metrics::emit(&line(function, days_left, self.clock.now()));
        }
    }
}
