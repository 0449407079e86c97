//! A worker's turn at one segment: wish after wish, until nothing is pending.

mod ending;
mod prepare;

use crate::contact::ContactSet;
use crate::dynamics::{Dataverse, Segment, SegmentStatus};
use crate::environment::Environment;
use crate::error::Error;
use crate::fence::Fence;
use crate::load::{Audience, Draft, Wanted, publish, survey};
use crate::report::{Outcome, RunReport};
use crate::settings::Settings;
use crate::source::Objects;
use crate::state::{Achievement, Applied, Head, Hold, Wish};
use ending::{Next, explain_republishing, is_refusal, refusal_sentence, settle_failure, warn_about_members};
use prepare::segment_name;
use tokio::time::Instant;

/// What one turn works with.
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) environment: &'a Environment,
    pub(crate) objects: &'a Objects,
    pub(crate) dataverse: &'a Dataverse,
    pub(crate) fence: &'a Fence,
}

impl Turn<'_> {
    /// Carries out everything that is pending for the segment, and reports each wish that came to an end.
    ///
    /// Returns once nothing is pending, or after the first failure; either way the lease is given back.
    pub(crate) async fn work(&self, hold: Hold) -> Vec<RunReport> {
        let mut reports = Vec::new();
        loop {
            let wish = match hold.release_when_done().await {
                Ok(Some(wish)) => wish,
                Ok(None) => return reports,
                Err(error) => {
                    tracing::error!(error = %error, "the state of the segment could not be read");
                    return reports;
                }
            };
            let started = (Instant::now(), self.dataverse.requests());
            let mut report = RunReport::of(&wish, Outcome::Failed);
            let next = match self.carry_out(&hold, &wish, &mut report, &mut reports).await {
                // A newer result came in meanwhile; this wish is judged again after it.
                Ok(None) => continue,
                Ok(Some(outcome)) => {
                    report.outcome = outcome;
                    Next::GoOn
                }
                Err(error) => settle_failure(&hold, &wish, error, &mut report).await,
            };
            report.requests = self.dataverse.requests() - started.1;
            report.duration_ms = millis_since(started.0);
            reports.push(report);
            if matches!(next, Next::Stop) {
                return reports;
            }
        }
    }

    /// Says what a load would do, without a lease and without any write.
    pub(crate) async fn rehearse(&self, wish: &Wish, head: &Head) -> RunReport {
        let started = Instant::now();
        let mut report = RunReport::of(wish, Outcome::DryRun);
        match self.prepare(wish, head, &mut report).await {
            Ok(prepared) => {
                let findings = prepared.findings.iter();
                report
                    .warnings
                    .extend(findings.map(|finding| format!("a load would be refused: {finding}")));
            }
            Err(error) => {
                report.outcome = if is_refusal(&error) {
                    Outcome::Refused
                } else {
                    Outcome::Failed
                };
                report.error_type = Some(error.error_type());
                report.reason = Some(error.to_string());
            }
        }
        report.requests = self.dataverse.requests();
        report.duration_ms = millis_since(started);
        report
    }

    /// Looks whether a published segment is Active by now; answers nothing while Dynamics is still computing.
    ///
    /// Where Dynamics failed to compute it, or somebody stopped it, the result is wished again: it is read and verified
    /// anew, since the draft may have changed.
    pub(crate) async fn look_after(&self, hold: &Hold, applied: &Applied) -> Result<Option<RunReport>, Error> {
        let mut report = RunReport::of(&applied.wish, Outcome::Computing);
        report.segment_id.clone_from(&applied.segment_id);
        let found = survey::find(self.dataverse, &segment_name(&applied.wish)?).await?;
        let Some(segment) = found.filter(|found| Some(found.id.to_string()) == applied.segment_id) else {
            hold.confirm().await?;
            report
                .warnings
                .push("the segment was deleted or renamed after it was published".to_owned());
            return Ok(Some(report));
        };
        report.member_count = segment.member_count;
        report.requests = self.dataverse.requests();
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
        hold: &Hold,
        wish: &Wish,
        report: &mut RunReport,
        overtaken: &mut Vec<RunReport>,
    ) -> Result<Option<Outcome>, Error> {
        let head = hold.look().await?;
        let prepared = self.prepare(wish, &head, report).await?;
        if !prepared.findings.is_empty() {
            return Err(Error::Refused(refusal_sentence(&prepared.findings, wish)));
        }
        let wanted = self.wanted(wish, &prepared.contacts);
        let segment = prepared.audience.as_ref().map(|audience| &audience.segment);
        if prepared.plan.is_empty() && is_settled(segment, &head) {
            let segment_id = segment.map(|segment| segment.id.to_string());
            let done = Achievement {
                contacts: wanted.contacts.len() as u64,
                segment_id,
                confirmed: true,
            };
            overtaken.extend(superseded(hold.apply(wish, &done).await?, wish));
            return Ok(Some(Outcome::Unchanged));
        }

        let members_before = report.members_before.unwrap_or(0);
        overtaken.extend(superseded(hold.begin(wish, members_before).await?, wish));
        let Audience {
            segment, definition, ..
        } = match prepared.audience {
            Some(audience) => audience,
            None => self.create(wish).await?,
        };
        report.segment_id = Some(segment.id.to_string());
        explain_republishing(&prepared.plan, &segment, report);
        let mut draft = Draft {
            dataverse: self.dataverse,
            fence: self.fence,
            segment: &segment,
            definition,
        };
        let converged = draft.converge(&wanted, prepared.plan).await?;
        report.added = Some(converged.added as u64);
        report.removed = Some(converged.removed as u64);
        report.not_accepted = Some(converged.not_accepted.len() as u64);
        report.warnings.extend(converged.warnings);

        if hold.look().await?.next() != Some(wish) {
            tracing::info!(run_id = %wish.run_id, "a newer result came in during the load; it is tried before publishing");
            return Ok(None);
        }
        let wait = self.settings.destination.publish_wait;
        let published = publish::publish(self.dataverse, self.fence, &segment, wait).await?;
        let done = Achievement {
            contacts: wanted.contacts.len() as u64,
            segment_id: Some(segment.id.to_string()),
            confirmed: published.confirmed,
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
        let name = segment_name(wish)?;
        let description = format!(
            "Managed by {}: its members are replaced by the query results in s3://{}/. Changes by hand are overwritten.",
            env!("CARGO_PKG_NAME"),
            wish.object.bucket
        );
        let (segment, definition) = self.dataverse.create_segment(&name, &description).await?;
        tracing::info!(segment = wish.segment_name, segment_id = %segment.id, "the segment is created");
        Ok(Audience {
            segment,
            definition,
            members: Vec::new(),
        })
    }

    /// Says what the run wants; an approval also lets pass what Dynamics does not accept.
    fn wanted<'c>(&self, wish: &Wish, contacts: &'c ContactSet) -> Wanted<'c> {
        let limit = self.settings.destination.max_invalid_percent;
        let max_invalid_percent = if wish.approved { 100.0 } else { limit };
        Wanted {
            mode: wish.mode,
            contacts,
            max_invalid_percent,
        }
    }
}

/// Tells whether equal membership means that nothing needs to be published.
fn is_settled(segment: Option<&Segment>, head: &Head) -> bool {
    let Some(segment) = segment else {
        return true;
    };
    let is_active = matches!(
        segment.status,
        SegmentStatus::Active | SegmentStatus::ActiveWithWarnings
    );
    head.shows_what_was_applied(&segment.id.to_string(), is_active)
}

fn superseded(overtaken: Vec<Wish>, by: &Wish) -> impl Iterator<Item = RunReport> {
    overtaken.into_iter().map(|wish| {
        let mut report = RunReport::of(&wish, Outcome::Superseded);
        report.reason = Some(format!(
            "the newer result s3://{}/{} counts instead",
            by.object.bucket, by.object.key
        ));
        report
    })
}

fn millis_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
