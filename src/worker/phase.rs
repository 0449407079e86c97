//! The phases of a run: timed, named on every line of the log, and never silent for long.

use crate::means::Means;
use crate::report::{Cost, PhaseTimes};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// How often a phase says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A phase of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Read,
    Survey,
    Write,
    Publish,
}

/// What a run has cost since it began.
pub(super) struct Meter<M> {
    means: M,
    started: Instant,
    requests: u64,
    progress: u64,
    throttled: Duration,
    phases: Cell<PhaseTimes>,
}

impl<M: Means> Meter<M> {
    pub(super) fn start(means: &M) -> Self {
        Self {
            means: means.clone(),
            started: Instant::now(),
            requests: means.requests(),
            progress: means.progress(),
            throttled: means.throttled(),
            phases: Cell::default(),
        }
    }

    /// Returns the cost so far.
    pub(super) fn read(&self) -> Cost {
        Cost {
            requests: self.means.requests() - self.requests,
            throttled: self.means.throttled().saturating_sub(self.throttled),
            duration: self.started.elapsed(),
            phases: self.phases.get(),
        }
    }

    /// Returns whether the attempt has brought anything about yet.
    pub(super) fn has_got_on(&self) -> bool {
        self.means.progress() > self.progress
    }

    /// Carries out one phase and counts how long it took, whether it succeeds or not.
    pub(super) fn phase<'a, F: Future + 'a>(
        &'a self,
        phase: Phase,
        work: F,
    ) -> impl Future<Output = F::Output> + use<'a, F, M> {
        // Boxed, since the futures of the phases are large.
        let work = Box::pin(work);
        let timed = async move {
            let started = Instant::now();
            let output = self.with_heartbeat(work).await;
            let mut phases = self.phases.get();
            let took = phase.took(&mut phases);
            *took = Some(took.unwrap_or(0) + millis(started.elapsed()));
            self.phases.set(phases);
            output
        };
        timed.instrument(tracing::info_span!("phase", phase = phase.name()))
    }

    async fn with_heartbeat<F: Future + Unpin>(&self, mut work: F) -> F::Output {
        let started = Instant::now();
        loop {
            if let Ok(output) = tokio::time::timeout(HEARTBEAT, &mut work).await {
                return output;
            }
            tracing::info!(
                elapsed_ms = millis(started.elapsed()),
                requests = self.means.requests(),
                throttled_ms = millis(self.means.throttled()),
                "the run is at work"
            );
        }
    }
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Survey => "survey",
            Self::Write => "write",
            Self::Publish => "publish",
        }
    }

    const fn took(self, phases: &mut PhaseTimes) -> &mut Option<u64> {
        match self {
            Self::Read => &mut phases.read,
            Self::Survey => &mut phases.survey,
            Self::Write => &mut phases.write,
            Self::Publish => &mut phases.publish,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
