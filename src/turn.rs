//! A worker's turn at one segment: wish after wish, until nothing is pending.

use crate::contact::ContactSet;
use crate::dynamics::{Dataverse, Segment, SegmentStatus};
use crate::error::Error;
use crate::fence::Fence;
use crate::load::{self, Audience, Draft, Facts, Plan, Wanted, guard, publish, survey};
use crate::report::{Outcome, RunReport};
use crate::settings::{Mode, SegmentName, Settings};
use crate::source::{self, Objects, Problem, Rows};
use crate::state::{self, Achievement, Head, Hold, Wish};
use tokio::time::Instant;

/// What one turn works with.
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) objects: &'a Objects,
    pub(crate) dataverse: &'a Dataverse,
    pub(crate) fence: &'a Fence,
}

/// A wish that was read and planned, with nothing written yet.
struct Prepared {
    contacts: ContactSet,
    audience: Option<Audience>,
    plan: Plan,
    findings: Vec<String>,
}

/// Whether the worker goes on with the next wish.
enum Next {
    GoOn,
    Stop,
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

    /// Reads the result and the segment, plans the difference and judges it.
    async fn prepare(&self, wish: &Wish, head: &Head, report: &mut RunReport) -> Result<Prepared, Error> {
        let rows = self.read(wish, report).await?;
        let contacts = match wish.sample {
            Some(size) => rows.contacts.sample(size),
            None => rows.contacts,
        };
        guard::check_size(contacts.len()).map_err(load::Error::from)?;
        let name = segment_name(wish)?;
        let mut audience = survey::survey(self.dataverse, &name, contacts.len()).await?;
        let members = audience
            .as_mut()
            .map(|audience| std::mem::take(&mut audience.members))
            .unwrap_or_default();
        let members_before = members.iter().map(Vec::len).sum();
        let foreign_groups = audience.as_ref().map_or(0, Audience::foreign_groups);
        let plan = self
            .wanted(wish, &contacts)
            .plan(members, foreign_groups, &[])
            .map_err(load::Error::from)?;
        report.segment_id = audience.as_ref().map(|audience| audience.segment.id.to_string());
        report.live_journeys = audience
            .as_ref()
            .and_then(|audience| audience.segment.published_journeys);
        report.members_before = Some(members_before as u64);
        report.added = Some(plan.added() as u64);
        report.removed = Some(plan.removed() as u64);
        let facts = Facts {
            mode: wish.mode,
            rows: rows.rows,
            contacts: contacts.len(),
            rejected: rows.rejected.count,
            members: members_before,
            published: head.writing.as_ref().map(|writing| writing.published),
            added: plan.added(),
            removed: plan.removed(),
            is_sample: wish.sample.is_some(),
            is_approved: wish.approved,
        };
        let findings = guard::judge(&facts, &self.settings.destination);
        Ok(Prepared {
            contacts,
            audience,
            plan,
            findings,
        })
    }

    async fn read(&self, wish: &Wish, report: &mut RunReport) -> Result<Rows, Error> {
        let object = &wish.object;
        let version = self
            .objects
            .head(&object.bucket, &object.key, object.version_id.as_deref())
            .await?;
        tracing::info!(phase = "read", run_id = %wish.run_id, segment = wish.segment_name, "the result is being read");
        let rows = source::read(self.objects, &[version], &self.settings.destination.contactid_column).await?;
        report.rows = Some(rows.rows);
        report.contacts = Some(rows.contacts.len() as u64);
        report.duplicates = Some(rows.duplicates);
        report.rejected = Some(rows.rejected.count);
        report.rejected_lines = rows
            .rejected
            .rows
            .iter()
            .map(|row| row.line)
            .take(RunReport::LINES_NAMED)
            .collect();
        report.warnings.extend(rows.warnings.iter().cloned());
        Ok(rows)
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

    fn wanted<'c>(&self, wish: &Wish, contacts: &'c ContactSet) -> Wanted<'c> {
        let max_invalid_percent = self.settings.destination.max_invalid_percent;
        Wanted {
            mode: wish.mode,
            contacts,
            max_invalid_percent,
        }
    }
}

fn segment_name(wish: &Wish) -> Result<SegmentName, Error> {
    // It was checked when the wish was made; a head that was edited by hand may hold anything.
    SegmentName::parse(&wish.segment_name)
        .map_err(|expected| Error::Refused(format!("the segment name must be {expected}")))
}

/// Decides what a failed wish leaves in the head, and whether the turn goes on with older wishes.
async fn settle_failure(hold: &Hold, wish: &Wish, error: Error, report: &mut RunReport) -> Next {
    let (outcome, next, kept) = match &error {
        Error::Source(source::Error::Replaced { .. }) => (Outcome::Superseded, Next::GoOn, hold.forget(wish).await),
        error if is_refusal(error) => (
            Outcome::Refused,
            Next::GoOn,
            hold.refuse(wish, &error.to_string(), false).await,
        ),
        Error::Source(source) if !source.is_transient() => (
            Outcome::Failed,
            Next::GoOn,
            hold.refuse(wish, &error.to_string(), true).await,
        ),
        Error::State(state::Error::LeaseLost(_)) => (Outcome::Busy, Next::Stop, Ok(())),
        _ => match error.error_type() {
            "LeaseLost" => (Outcome::Busy, Next::Stop, Ok(())),
            "OutOfTime" => (Outcome::Continues, Next::Stop, hold.release().await),
            error_type => (Outcome::Failed, Next::Stop, fail(hold, error_type, report).await),
        },
    };
    if let Err(error) = kept {
        tracing::warn!(error = %error, "the end of the run could not be noted; the lease runs out by itself");
    }
    report.outcome = outcome;
    report.reason = Some(error.to_string());
    report.error_type = (outcome == Outcome::Failed).then(|| error.error_type());
    next
}

async fn fail(hold: &Hold, error_type: &str, report: &mut RunReport) -> Result<(), state::Error> {
    if hold.fail(error_type).await? {
        report.warnings.push(
            "the last runs of this segment all failed: it needs a person's attention; a new file or a direct load tries \
             again at once"
                .to_owned(),
        );
    }
    hold.release().await
}

fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Refused(_) => true,
        Error::Load(error) => error.is_refusal(),
        Error::Source(source::Error::Invalid { problem, .. }) => matches!(problem, Problem::Empty),
        _ => false,
    }
}

fn refusal_sentence(findings: &[String], wish: &Wish) -> String {
    format!(
        "{}. Nothing was written. If this is right, approve exactly this input with \
         {{\"action\":\"load\",\"key\":{:?},\"approve\":\"{}\"}}",
        findings.join("; "),
        wish.object.key,
        wish.run_id
    )
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
    let id = segment.id.to_string();
    let is_ours = head
        .applied
        .as_ref()
        .is_some_and(|applied| applied.segment_id.as_deref() == Some(&id));
    is_active && is_ours && head.writing.is_none()
}

fn explain_republishing(plan: &Plan, segment: &Segment, report: &mut RunReport) {
    if !plan.is_empty() {
        return;
    }
    match segment.status {
        SegmentStatus::Stopped => report
            .warnings
            .push("the segment was stopped; it is published again".to_owned()),
        SegmentStatus::Expired => report
            .warnings
            .push("the segment had expired; it is published again".to_owned()),
        _ => {}
    }
}

fn warn_about_members(report: &mut RunReport, wanted: &Wanted<'_>, published: &load::Published) {
    if published.with_warnings {
        report
            .warnings
            .push("Dynamics computed the segment with warnings: open it in Dynamics to see them".to_owned());
    }
    if let Some(count) = report.not_accepted.filter(|count| *count > 0) {
        report.warnings.push(format!(
            "Dynamics did not accept {count} contacts: they may be deleted, inactive, or of another business unit"
        ));
    }
    let expected = (wanted.contacts.len() as u64).saturating_sub(report.not_accepted.unwrap_or(0));
    if let Some(counted) = published
        .member_count
        .filter(|counted| wanted.mode == Mode::Replace && *counted != expected)
    {
        report.warnings.push(format!(
            "Dynamics counts {counted} members where {expected} were written: contacts created in the last minutes, or of \
             another business unit than the segment's owner, are not counted (yet)"
        ));
    }
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
