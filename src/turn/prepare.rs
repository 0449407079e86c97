//! Before the first write: read the result and the segment, plan the difference, judge it.

use super::Turn;
use crate::contact::ContactSet;
use crate::error::Error;
use crate::load::{self, Audience, Facts, Plan, guard, survey};
use crate::report::RunReport;
use crate::settings::SegmentName;
use crate::source::{self, Rows};
use crate::state::{Head, ObjectRef, Wish};

/// A wish that was read and planned, with nothing written yet.
pub(super) struct Prepared {
    pub(super) contacts: ContactSet,
    pub(super) audience: Option<Audience>,
    pub(super) plan: Plan,
    pub(super) findings: Vec<String>,
}

impl Turn<'_> {
    /// Reads the result and the segment, plans the difference and judges it.
    pub(super) async fn prepare(&self, wish: &Wish, head: &Head, report: &mut RunReport) -> Result<Prepared, Error> {
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
        let ObjectRef {
            bucket,
            key,
            version_id,
            etag,
        } = &wish.object;
        let destination = &self.settings.destination;
        let object = self
            .objects
            .locate(bucket, key, version_id.as_deref(), destination.result_files)
            .await?;
        if object.etag != *etag {
            return Err(source::Error::Replaced { object: object.url() }.into());
        }
        let scope = self.environment.scope();
        let is_own = |bucket: &str, key: &str| scope.is_own(bucket, key);
        let parts = self.objects.parts(&object, destination.result_files, is_own).await?;
        report.name_files(&parts);
        tracing::info!(phase = "read", run_id = %wish.run_id, segment = wish.segment_name, "the result is being read");
        let rows = source::read(self.objects, &parts, &destination.contactid_column).await?;
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
}

/// Reads the name that was settled when the wish was made; a head that was edited by hand may hold anything.
pub(super) fn segment_name(wish: &Wish) -> Result<SegmentName, Error> {
    SegmentName::parse(&wish.segment_name)
        .map_err(|expected| Error::Refused(format!("the segment name must be {expected}")))
}
