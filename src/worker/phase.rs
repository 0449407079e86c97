//! The phases of a run: timed, named on every line of the log, and never silent for long.

use crate::means::Means;
use crate::report::RunReport;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// How often a phase says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What a run has cost since it began.
pub(super) struct Meter {
    started: Instant,
    requests: u64,
    throttled: Duration,
}

impl Meter {
    pub(super) fn start(means: &impl Means) -> Self {
        Self {
            started: Instant::now(),
            requests: means.requests(),
            throttled: means.throttled(),
        }
    }

    /// Notes the cost in the report.
    pub(super) fn read(&self, means: &impl Means, report: &mut RunReport) {
        report.requests = means.requests() - self.requests;
        report.throttled_ms = millis(means.throttled().saturating_sub(self.throttled));
        report.duration_ms = millis(self.started.elapsed());
    }
}

/// Carries out one phase and adds how long it took, in milliseconds, whether it succeeds or not.
pub(super) fn phase<'a, M: Means, F: Future + 'a>(
    name: &'static str,
    took: &'a mut Option<u64>,
    means: &'a M,
    work: F,
) -> impl Future<Output = F::Output> + use<'a, M, F> {
    // Boxed, since the futures of the phases are large.
    let work = Box::pin(work);
    let phase = async move {
        let started = Instant::now();
        let output = with_heartbeat(means, work).await;
        *took = Some(took.unwrap_or(0) + millis(started.elapsed()));
        output
    };
    phase.instrument(tracing::info_span!("phase", phase = name))
}

async fn with_heartbeat<F: Future + Unpin>(means: &impl Means, mut work: F) -> F::Output {
    let started = Instant::now();
    loop {
        if let Ok(output) = tokio::time::timeout(HEARTBEAT, &mut work).await {
            return output;
        }
        tracing::info!(
            elapsed_ms = millis(started.elapsed()),
            requests = means.requests(),
            throttled_ms = millis(means.throttled()),
            "the run is at work"
        );
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
