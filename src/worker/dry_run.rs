//! The dry run: everything but the writes, and what they would cost.

use super::Worker;
use super::phase::Meter;
use super::prepare::Prepared;
use crate::means::{Lists, Means};
use crate::report::{Attempt, Cost, Ending, Estimate, RunReport};
use crate::state::{Head, Job};
use std::time::Duration;
use tracing::Instrument as _;

/// How long one call that changes members is taken to last; Microsoft gives no number.
const MEMBER_CALL: Duration = Duration::from_secs(1);
/// How long publishing is taken to last: 60 to 90 seconds by field notes.
const PUBLISH: Duration = Duration::from_secs(90);
/// Calls to publish and to look whether the segment is Active, within that time.
const PUBLISH_CALLS: u64 = 12;
/// Calls to create a segment that is not there, and to read it.
const CREATE_CALLS: u64 = 5;
/// The members that one page of a list holds.
const PAGE: u64 = 5_000;

impl<M: Means> Worker<'_, M> {
    /// Says what a load would do, without a lease and without any write.
    pub(super) async fn dry_run(&self, job: &Job, head: &Head) -> RunReport {
        let meter = Meter::start(&self.means);
        let span = tracing::info_span!("run", run_id = %job.run_id, segment = %job.segment_name, phase = "run");
        let (account, prepared) = self.prepare(job, head, &meter).instrument(span).await;
        let cost = meter.read();
        let ending = match prepared {
            Ok(prepared) => {
                let in_flight = self.settings.destination.rules.max_concurrent();
                Ending::DryRun(estimate(&prepared, job, head, in_flight, &cost))
            }
            Err(error) => Ending::FailedDryRun(error),
        };
        RunReport::of_attempt(Attempt {
            job,
            number: String::new(),
            account,
            cost,
            lists: Lists::default(),
            ending,
        })
    }
}

/// Estimates a load from what this dry run took and from what its writes are taken to last.
fn estimate(prepared: &Prepared, job: &Job, head: &Head, in_flight: usize, cost: &Cost) -> Estimate {
    if prepared.is_settled(job, head) {
        return Estimate {
            requests: cost.requests,
            duration: cost.duration,
        };
    }
    let plan = &prepared.plan;
    let calls = plan.calls() as u64;
    let members = (prepared.members_before + plan.added()) as u64;
    let read_back = members.div_ceil(PAGE) + plan.groups().len() as u64;
    let create = if prepared.audience.is_none() { CREATE_CALLS } else { 0 };
    let rounds = u32::try_from(calls.div_ceil(in_flight.max(1) as u64)).unwrap_or(u32::MAX);
    let reading_back = Duration::from_millis(cost.phases.survey.unwrap_or(0));
    Estimate {
        requests: cost.requests + create + calls + read_back + PUBLISH_CALLS,
        duration: cost.duration + MEMBER_CALL * rounds + reading_back + PUBLISH,
    }
}
