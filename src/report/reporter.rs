//! Where ended runs are told: in the metrics, in the receipts, in the log.

use super::sentence::sentence;
use super::{Archive, RunReport, SettingsUsed, Stale, Swept, Trigger, command, doubts, event, metrics};
use crate::aws::{Bus, Lost};
use crate::config::Settings;
use crate::s3::S3Clock;
use crate::state::{Doubts, Trials};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Hears of each run as soon as it has ended, before anything else is begun: that may end the worker without a word.
pub trait Tell: fmt::Debug {
    /// Tells of a run, and returns its report as it was told.
    fn tell(&self, report: RunReport) -> LocalBoxFuture<'_, RunReport>;

    /// Tells that a segment has grown old; returns whether that was heard.
    fn tell_stale(&self, stale: Stale) -> LocalBoxFuture<'_, bool>;
}

/// Tells of the runs of one invocation.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    /// Keeps the receipts.
    pub(crate) archive: Archive,
    /// The Lambda function, where there is one around this program that reads metrics.
    pub(crate) function: Option<&'a str>,
    /// Where others are told, where there is such a place.
    pub(crate) bus: Option<&'a Bus>,
    /// How long this invocation still waits for the bus, over all events; not at all once it did not answer.
    pub(crate) patience: Cell<Duration>,
    /// When sending stops.
    pub(crate) stop_at: Instant,
    /// Says when it was.
    pub(crate) clock: &'a S3Clock,
    /// What the runs went by, where it could be read.
    pub(crate) settings: Option<&'a Settings>,
    /// What was seen of the environment, read at most once in an invocation.
    pub(crate) doubts: &'a OnceCell<Doubts>,
    /// Where that is kept.
    pub(crate) trials: Option<Trials>,
    /// What started the invocation.
    pub(crate) trigger: Trigger,
}

impl Tell for Reporter<'_> {
    fn tell(&self, report: RunReport) -> LocalBoxFuture<'_, RunReport> {
        self.report(report).boxed_local()
    }

    fn tell_stale(&self, stale: Stale) -> LocalBoxFuture<'_, bool> {
        async move {
            let (detail, sentence) = stale.detail(self.clock.now());
            let put = self.put(event::SEGMENT_STALE, &detail).await;
            tracing::warn!(segment = %stale.segment_name, phase = "sweep", "{sentence}");
            put.is_ok()
        }
        .boxed_local()
    }
}

impl Reporter<'_> {
    /// Reports a run that has ended, and returns its report with what was noticed on the way.
    pub(crate) async fn report(&self, mut report: RunReport) -> RunReport {
        let destination = self.settings.map(|settings| &settings.destination);
        report.environment = destination.map(|destination| destination.organization.environment());
        report.business_unit = self.settings.and_then(|settings| settings.home().business_unit);
        let warnings = self.settings.map(|settings| settings.warnings(Utc::now()));
        let warnings = warnings.iter().flatten().map(ToString::to_string);
        report.warnings.extend(warnings);
        if report.rests_on_facts()
            && let Some(trials) = &self.trials
        {
            let doubts = self.doubts.get_or_init(|| trials.doubts()).await;
            let rules = destination.map(|destination| &destination.rules);
            report.warnings.extend(doubts::warnings(doubts, rules));
        }
        report.sentence = sentence(&report, self.clock.now());
        report.command = report
            .reason
            .as_deref()
            .zip(self.function)
            .and_then(|(reason, function)| command::to_paste(reason, function));
        if !report.is_dry_run {
            let used = self.settings.map(SettingsUsed::of);
            let trigger = self.trigger.of(&report);
            // First, since S3 may not answer to the receipt.
            self.measure(|function, days_left, at| metrics::line(&report, function, days_left, at));
            self.archive.keep_receipt(&mut report, &trigger, used.as_ref()).await;
            if let Err(lost) = self.put(event::RUN_ENDED, &event::run_ended(&report)).await {
                report.warnings.push(lost.to_string());
            }
        }
        report.log();
        report
    }

    /// Puts an event on the bus, where there is one; one that is lost is counted.
    async fn put(&self, detail_type: &str, detail: &str) -> Result<(), Lost> {
        let Some(bus) = self.bus else {
            return Ok(());
        };
        let put = self.put_patiently(bus, detail_type, detail).await;
        if let Err(lost) = &put {
            tracing::warn!(error = %lost, "an event is lost");
            self.measure(|function, _, at| metrics::lost_event_line(function, at));
        }
        put
    }

    /// Puts an event on the bus as long as there is patience with it.
    async fn put_patiently(&self, bus: &Bus, detail_type: &str, detail: &str) -> Result<(), Lost> {
        let patience = self.patience.get();
        if patience.is_zero() {
            return Err(bus.not_asked_again());
        }
        let begun = Instant::now();
        let put = bus.put(detail_type, detail, self.stop_at.min(begun + patience)).await;
        let is_silent = matches!(&put, Err(lost) if lost.is_silent);
        let left = patience.saturating_sub(begun.elapsed());
        self.patience.set(if is_silent { Duration::ZERO } else { left });
        put
    }

    /// Returns how long an invocation that stops sending then may wait for the bus in all: a fifth of its time, however slowly the
    /// bus answers, so that a sweep does its work beside many stale segments; but one event always gets its tries.
    pub(crate) fn patience(stop_at: Instant) -> Cell<Duration> {
        let time = stop_at.saturating_duration_since(Instant::now());
        Cell::new((time / 5).max(Bus::LONGEST))
    }

    /// Reports a sweep: what it noticed, how many segments have grown old, and that it was there.
    pub(crate) fn report_sweep(&self, swept: &Swept) {
        for noticed in &swept.noticed {
            tracing::warn!(phase = "sweep", "{noticed}");
        }
        let (warnings, stale) = (swept.noticed.len(), swept.stale);
        self.measure(|function, days_left, at| metrics::sweep_line(warnings, stale, function, days_left, at));
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
