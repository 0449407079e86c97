//! Runs that have ended are told before anything else is begun, and how the last one was told stands in the head, for the
//! status page.

use super::session::{Done, Session};
use crate::means::Means;
use crate::report::{RunReport, Seen};
use crate::state::{Applied, Head};
use std::time::Duration;
use tokio::time::timeout;

/// How long it may take to note how a run was told: nothing but the status page waits for it.
const LONGEST_NOTING: Duration = Duration::from_secs(1);

impl<M: Means> Session<'_, M> {
    /// Tells of an attempt before this session of which nobody may have heard: it ended without a word, or before it could
    /// report.
    pub(super) async fn tell_of_the_attempt_before(&self, done: &mut Done) {
        let lost = self.lease.lost().map(RunReport::of_lost);
        let unreported = self.lease.unreported().map(RunReport::of_unreported);
        let overtaken = self.lease.overtaken().iter().map(RunReport::of_untold);
        self.lease
            .during(self.tell(done, overtaken.chain(unreported).chain(lost)))
            .await;
    }

    /// Tells of what has ended, before the next job is begun.
    pub(super) async fn tell(&self, done: &mut Done, ended: impl IntoIterator<Item = RunReport>) {
        for report in ended {
            let report = self.worker.reporter.tell(report).await;
            done.told = report.as_last_run(self.means().s3_time()).or(done.told.take());
            done.reports.push(report);
        }
    }

    /// Tells, once, that nothing is seen of what was published, where that takes too long.
    pub(super) async fn tell_overdue(&self, head: &Head, applied: &Applied, done: &mut Done) {
        let Some(since) = head.untold_overdue_since(self.means().s3_time()) else {
            return;
        };
        let report = self.report_seen(applied, &Seen::NotForLong { since }).await;
        self.tell(done, [report]).await;
        if let Err(error) = self.lease.note_overdue_told().await {
            tracing::warn!(error = %error, "that nothing is seen of what was published is told again, since that it was told could not be noted");
        }
    }

    /// Gives the lease back after what has ended was told, and notes how.
    pub(super) async fn give_back(&self, done: &Done) {
        if let Err(error) = self.lease.release(done.told.as_ref()).await {
            tracing::warn!(error = %error, "the lease could not be given back; it runs out by itself");
        }
    }

    /// Notes how people were told of a run whose end has given the lease back.
    pub(super) async fn note_told(&self, done: &Done) {
        let Some(told) = &done.told else {
            return;
        };
        let noting = timeout(LONGEST_NOTING, self.lease.note_run(told)).await;
        if !matches!(noting, Ok(Ok(()))) {
            tracing::warn!("how the run ended could not be noted for the status page");
        }
    }
}
