//! The dry run: everything but the writes, and what they would cost.

use super::Worker;
use super::ending::explain_consequences;
use super::phase::Meter;
use super::prepare::Prepared;
use crate::fate::Fate;
use crate::load::guard;
use crate::means::{Leftovers, Means};
use crate::report::{Outcome, RunReport};
use crate::state::{Head, Wish};
use tracing::Instrument as _;

/// How long one call that changes members is taken to last; Microsoft gives no number.
const MEMBER_CALL_MS: u64 = 1_000;
/// How long publishing is taken to last: 60 to 90 seconds by field notes.
const PUBLISH_MS: u64 = 90_000;
/// Calls to publish and to look whether the segment is Active, within that time.
const PUBLISH_CALLS: u64 = 12;
/// Calls to create a segment that is not there, and to read it.
const CREATE_CALLS: u64 = 5;
/// The members that one page of a list holds.
const PAGE: u64 = 5_000;

impl<M: Means> Worker<'_, M> {
    /// Says what a load would do, without a lease and without any write.
    pub(super) async fn rehearse(&self, wish: &Wish, head: &Head) -> RunReport {
        let meter = Meter::start(&self.means);
        let mut report = RunReport::of(wish, Outcome::DryRun);
        let mut leftovers = Leftovers::default();
        let span = tracing::info_span!("run", run_id = %wish.run_id, segment = %wish.segment_name, phase = "run");
        let preparing = self.prepare(wish, head, &mut report, &mut leftovers);
        let prepared = preparing.instrument(span).await;
        meter.read(&self.means, &mut report);
        match prepared {
            Ok(prepared) => {
                let in_flight = self.settings.destination.max_concurrent_requests;
                tell(&prepared, &mut report);
                estimate(&prepared, wish, head, in_flight, &mut report);
            }
            Err(error) => {
                report.outcome = if error.fate() == Fate::Refuse {
                    Outcome::Refused
                } else {
                    Outcome::Failed
                };
                report.error_type = Some(error.error_type());
                report.reason = Some(error.to_string());
            }
        }
        explain_consequences(&mut report);
        report
    }
}

fn tell(prepared: &Prepared, report: &mut RunReport) {
    let members = report.members_before.unwrap_or(0);
    report.unchanged = Some(members.saturating_sub(report.removed.unwrap_or(0)));
    report.guards.clone_from(&prepared.opinions);
    let objections = guard::objections(&prepared.opinions).into_iter();
    report
        .warnings
        .extend(objections.map(|objection| format!("a load would be refused: {objection}")));
}

/// Estimates a load from what this rehearsal took and from what its writes are taken to last.
fn estimate(prepared: &Prepared, wish: &Wish, head: &Head, in_flight: usize, report: &mut RunReport) {
    if prepared.is_settled(wish, head) {
        report.estimated_requests = Some(report.requests);
        report.estimated_duration_ms = Some(report.duration_ms);
        return;
    }
    let plan = &prepared.plan;
    let calls = plan.calls() as u64;
    let members = report.members_before.unwrap_or(0) + report.added.unwrap_or(0);
    let read_back = members.div_ceil(PAGE) + plan.groups().len() as u64;
    let create = if prepared.audience.is_none() { CREATE_CALLS } else { 0 };
    let writing_ms = calls.div_ceil(in_flight.max(1) as u64) * MEMBER_CALL_MS;
    let reading_back_ms = report.phases_ms.survey.unwrap_or(0);
    report.estimated_requests = Some(report.requests + create + calls + read_back + PUBLISH_CALLS);
    report.estimated_duration_ms = Some(report.duration_ms + writing_ms + reading_back_ms + PUBLISH_MS);
}
