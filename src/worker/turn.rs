//! A worker's turn at one segment: wish after wish, until nothing is pending.

use super::Worker;
use super::ending::{
    Next, explain_consequences, explain_republishing, refusal_sentence, settle_failure, warn_about_members,
};
use super::hold::Hold;
use super::phase::{Meter, phase};
use super::prepare::note_match_rate;
use crate::domain::s3_url;
use crate::dynamics::SegmentStatus;
use crate::error::Error;
use crate::load::{self, Audience, Draft, guard, publish, survey};
use crate::means::{self, Leftovers, Means};
use crate::report::{Outcome, RunReport};
use crate::state::{Achievement, Applied, Wish};
use tracing::Instrument as _;

/// A worker that holds one segment.
pub(super) struct Turn<'a, M> {
    /// The worker, whose calls leave only while the segment is held.
    pub(super) worker: Worker<'a, M>,
    pub(super) hold: Hold<M>,
}

impl<M: Means> Turn<'_, M> {
    /// Carries out everything that is pending for the segment, and reports each wish that came to an end.
    ///
    /// Returns once nothing is pending, or after the first failure; either way the lease is given back.
    pub(super) async fn work(&self) -> Vec<RunReport> {
        self.hold.during(self.wish_after_wish()).await
    }

    async fn wish_after_wish(&self) -> Vec<RunReport> {
        let mut reports = Vec::new();
        loop {
            let wish = match self.hold.release_when_done().await {
                Ok(Some(wish)) => wish,
                Ok(None) => return reports,
                Err(error) => {
                    tracing::error!(error = %error, "the state of the segment could not be read");
                    return reports;
                }
            };
            let span = tracing::info_span!("run", run_id = %wish.run_id, segment = %wish.segment_name, phase = "run");
            let worked = Box::pin(self.work_on(&wish, &mut reports)).instrument(span).await;
            // Otherwise a newer result came in meanwhile; this wish is judged again after it.
            if let Some((report, next)) = worked {
                reports.push(report);
                if matches!(next, Next::Stop) {
                    return reports;
                }
            }
        }
    }

    /// Works on one wish to its end; nothing means that a newer one is to be tried first.
    async fn work_on(&self, wish: &Wish, overtaken: &mut Vec<RunReport>) -> Option<(RunReport, Next)> {
        let meter = Meter::start(self.means());
        let mut report = RunReport::of(wish, Outcome::Failed);
        let mut leftovers = Leftovers::default();
        let carried_out = self.carry_out(wish, &mut report, &mut leftovers, overtaken).await;
        let next = match carried_out {
            Ok(None) => return None,
            Ok(Some(outcome)) => {
                report.outcome = outcome;
                Next::GoOn
            }
            Err(error) => settle_failure(&self.hold, wish, error, &mut report).await,
        };
        meter.read(self.means(), &mut report);
        let attempt = means::Attempt {
            run_id: &wish.run_id,
            segment_name: &wish.segment_name,
            number: &report.attempt,
        };
        let lists = self.means().keep_lists(attempt, &leftovers).await;
        report.note_lists(lists, &leftovers.rejected);
        explain_consequences(&mut report);
        Some((report, next))
    }

    /// Looks whether a published segment is Active by now; answers nothing while Dynamics is still computing.
    ///
    /// Where Dynamics failed to compute it, or somebody stopped it, the result is wished again: it is read and verified
    /// anew, since the draft may have changed.
    pub(super) async fn look_after(&self, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let hold = &self.hold;
        let mut report = RunReport::of(&applied.wish, Outcome::Computing);
        report.segment_id.clone_from(&applied.segment_id);
        let found = survey::find(self.means(), &applied.wish.segment_name).await?;
        let Some(segment) = found.filter(|found| Some(found.id.to_string()) == applied.segment_id) else {
            hold.confirm().await?;
            report
                .warnings
                .push("the segment was deleted or renamed after it was published".to_owned());
            return Ok(Some(report));
        };
        report.requests = self.means().requests();
        if applied.is_row_from_before(&segment.etag) {
            // The row is still the one from before publishing.
            return Ok(None);
        }
        report.member_count = segment.member_count;
        match segment.status {
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings => {
                hold.confirm().await?;
                report.outcome = Outcome::Loaded;
                Ok(Some(report))
            }
            SegmentStatus::Busy | SegmentStatus::Inactive => Ok(None),
            SegmentStatus::Error
            | SegmentStatus::Faulted
            | SegmentStatus::Stopped
            | SegmentStatus::Expired
            | SegmentStatus::Deleted => {
                tracing::warn!(
                    status_code = segment.status_code,
                    "the published segment is not Active; it is loaded again"
                );
                hold.redo().await?;
                Ok(None)
            }
        }
    }

    /// Reads, guards, converges and publishes one wish; nothing means that a newer one is to be tried first.
    async fn carry_out(
        &self,
        wish: &Wish,
        report: &mut RunReport,
        leftovers: &mut Leftovers,
        overtaken: &mut Vec<RunReport>,
    ) -> Result<Option<Outcome>, Error> {
        let hold = &self.hold;
        let head = hold.look().await?;
        let prepared = self.worker.prepare(wish, &head, report, leftovers).await?;
        let objections = guard::objections(&prepared.opinions);
        if !objections.is_empty() {
            return Err(Error::Refused(refusal_sentence(&objections, wish)));
        }
        let wanted = self.worker.wanted(wish, &prepared.contacts, prepared.not_found);
        if prepared.is_settled(wish, &head) {
            note_match_rate(report, wanted.contacts.len(), wanted.contacts.len() + wanted.not_found);
            if prepared.holds_nobody(wish, &head) {
                hold.count(wish).await?;
                return Ok(Some(Outcome::Unchanged));
            }
            let done = Achievement {
                contacts: wanted.contacts.len() as u64,
                segment_id: report.segment_id.clone(),
                confirmed: true,
                shown_before: None,
            };
            overtaken.extend(superseded(hold.apply(wish, &done).await?, wish));
            return Ok(Some(Outcome::Unchanged));
        }

        let members_before = report.members_before.unwrap_or(0);
        let published = prepared.published_before.unwrap_or(members_before);
        overtaken.extend(superseded(hold.begin(wish, published).await?, wish));
        let Audience {
            segment, definition, ..
        } = match prepared.audience {
            Some(audience) => audience,
            None => phase("write", &mut report.phases_ms.write, self.means(), self.create(wish)).await?,
        };
        report.segment_id = Some(segment.id.to_string());
        explain_republishing(&segment, report);
        let mut draft = Draft {
            means: self.means(),
            fence: &hold.fence,
            segment: &segment,
            definition,
        };
        let converging = draft.converge(&wanted, prepared.plan);
        let converged = phase("write", &mut report.phases_ms.write, self.means(), converging).await;
        let converged = converged.inspect_err(|error| note_refused(error, leftovers))?;
        report.added = Some(converged.added as u64);
        report.removed = Some(converged.removed as u64);
        report.not_accepted = Some(converged.not_accepted.len() as u64);
        report.warnings.extend(converged.warnings);
        let accepted = wanted.contacts.len() - converged.not_accepted.len();
        note_match_rate(report, accepted, wanted.contacts.len() + wanted.not_found);
        leftovers.not_accepted = converged.not_accepted;

        let members = members_before + report.added.unwrap_or(0) - report.removed.unwrap_or(0).min(members_before);
        if !hold.announce(wish, members).await? {
            tracing::info!("a newer result came in during the load; it is tried before publishing");
            return Ok(None);
        }
        let wait = self.worker.settings.destination.publish_wait;
        let publishing = publish::publish(self.means(), &hold.fence, &segment, wait);
        let published = phase("publish", &mut report.phases_ms.publish, self.means(), publishing).await?;
        let done = Achievement {
            contacts: wanted.contacts.len() as u64,
            segment_id: Some(segment.id.to_string()),
            confirmed: published.confirmed,
            shown_before: published.shown_before.clone(),
        };
        overtaken.extend(superseded(hold.apply(wish, &done).await?, wish));
        report.member_count = published.member_count;
        warn_about_members(report, &wanted, &published);
        Ok(Some(if published.confirmed {
            Outcome::Loaded
        } else {
            Outcome::Computing
        }))
    }

    async fn create(&self, wish: &Wish) -> Result<Audience, Error> {
        let description = format!(
            "Managed by {}: its members are replaced by the query results in {}. Changes by hand are overwritten.",
            env!("CARGO_PKG_NAME"),
            s3_url(&wish.object.bucket, "")
        );
        let (segment, definition) = self.means().create_segment(&wish.segment_name, &description).await?;
        tracing::info!(segment_id = %segment.id, "the segment is created");
        Ok(Audience {
            segment,
            definition,
            members: Vec::new(),
        })
    }

    const fn means(&self) -> &M {
        &self.worker.means
    }
}

/// Takes the contacts that a load failed for from its error.
fn note_refused(error: &load::Error, leftovers: &mut Leftovers) {
    if let load::Error::TooManyNotAccepted { refused, .. } = error {
        leftovers.not_accepted.clone_from(refused);
    }
}

fn superseded(overtaken: Vec<Wish>, by: &Wish) -> impl Iterator<Item = RunReport> {
    overtaken.into_iter().map(|wish| {
        let mut report = RunReport::of(&wish, Outcome::Superseded);
        report.reason = Some(format!("the newer result {} counts instead", by.object));
        report
    })
}
