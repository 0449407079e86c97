//! Before the first write: read the result and the segment, plan the difference, judge it.

use super::Worker;
use super::phase::phase;
use crate::domain::{ContactId, ContactSet, Mode};
use crate::dynamics::{Segment, SegmentStatus};
use crate::error::Error;
use crate::load::{self, Audience, Facts, Opinion, Plan, Wanted, guard, survey};
use crate::means::{Leftovers, Means};
use crate::report::RunReport;
use crate::settings::CheckContacts;
use crate::source::{self, LoadedAlone, Misfit, Parts, Problem, Rows};
use crate::state::{Head, Wish};

/// A wish that was read and planned, with nothing written yet.
pub(super) struct Prepared {
    /// The contacts that the segment is to hold: those of the file, or of its sample, that exist.
    pub(super) contacts: ContactSet,
    /// How many do not exist.
    pub(super) not_found: usize,
    pub(super) audience: Option<Audience>,
    pub(super) plan: Plan,
    pub(super) published_before: Option<u64>,
    pub(super) opinions: Vec<Opinion>,
}

impl<M: Means> Worker<'_, M> {
    /// Reads the result and the segment, plans the difference and judges it.
    pub(super) async fn prepare(
        &self,
        wish: &Wish,
        head: &Head,
        report: &mut RunReport,
        leftovers: &mut Leftovers,
    ) -> Result<Prepared, Error> {
        let rows = self.read(wish, report, leftovers).await;
        let rows = rows.map_err(|error| note_loaded_alone(error, head, report))?;
        let contacts = match wish.sample {
            Some(size) => rows.contacts.sample(size),
            None => rows.contacts,
        };
        guard::check_size(contacts.len()).map_err(load::Error::from)?;
        let survey = survey::survey(&self.means, &wish.segment_name, contacts.len());
        let mut audience = phase("survey", &mut report.phases_ms.survey, &self.means, survey).await?;
        let members = audience
            .as_mut()
            .map(|audience| std::mem::take(&mut audience.members))
            .unwrap_or_default();
        let members_before = members.iter().map(Vec::len).sum();
        let foreign_groups = audience.as_ref().map_or(0, Audience::foreign_groups);
        let groups_there = members.len();
        let mut plan = self
            .wanted(wish, &contacts, 0)
            .plan(members, foreign_groups, &[])
            .map_err(load::Error::from)?;
        report.segment_id = audience.as_ref().map(|audience| audience.segment.id.to_string());
        report.live_journeys = audience
            .as_ref()
            .and_then(|audience| audience.segment.published_journeys);
        report.is_taken_over = audience
            .as_ref()
            .is_some_and(|audience| is_taken_over(&audience.segment.id.to_string(), head));
        leftovers.not_found = self.look_up(&plan, report).await?;
        plan.leave_out(&leftovers.not_found, groups_there);
        let contacts = contacts.without(&leftovers.not_found);
        let not_found = leftovers.not_found.len();
        self.wanted(wish, &contacts, not_found).check_refused(&[])?;
        if report.not_found.is_some() {
            note_match_rate(report, contacts.len(), contacts.len() + not_found);
        }
        report.members_before = Some(members_before as u64);
        report.added = Some(plan.added() as u64);
        report.removed = Some(plan.removed() as u64);
        let active_count = audience.as_ref().and_then(|audience| active_count(&audience.segment));
        let published_before = head.writing.as_ref().map(|writing| writing.yardstick(active_count));
        let facts = Facts {
            mode: wish.mode,
            rows: rows.rows,
            contacts: contacts.len(),
            rejected: rows.rejected.count,
            members: members_before,
            published: published_before,
            added: plan.added(),
            removed: plan.removed(),
            is_sample: wish.sample.is_some(),
            is_approved: wish.approved,
        };
        let opinions = guard::judge(&facts, &self.settings.destination);
        Ok(Prepared {
            contacts,
            not_found,
            audience,
            plan,
            published_before,
            opinions,
        })
    }

    /// Looks up the contacts that are about to be added, where the destination wants it, and returns those that are none.
    async fn look_up(&self, plan: &Plan, report: &mut RunReport) -> Result<Vec<ContactId>, Error> {
        if self.settings.destination.check_contacts == CheckContacts::None {
            return Ok(Vec::new());
        }
        let adds: Vec<_> = plan.adds().collect();
        let lookup = self.means.missing_contacts(&adds);
        let missing = phase("survey", &mut report.phases_ms.survey, &self.means, lookup).await?;
        report.not_found = Some(missing.len() as u64);
        if !missing.is_empty() {
            report.warnings.push(format!(
                "{} of {} ids to be added are no contacts of this environment, or none that the application user may \
                 read; they are left out",
                missing.len(),
                adds.len()
            ));
        }
        Ok(missing)
    }

    async fn read(&self, wish: &Wish, report: &mut RunReport, leftovers: &mut Leftovers) -> Result<Rows, Error> {
        let locating = self.means.locate(&wish.object);
        let object = self.fence.within(locating).await.map_err(source::Error::from)??;
        if object.etag != wish.object.etag {
            return Err(source::Error::Replaced { object: object.url() }.into());
        }
        let finding = self.means.parts(&object, wish.mode);
        let Parts { files: parts, warnings } = self.fence.within(finding).await.map_err(source::Error::from)??;
        report.warnings.extend(warnings);
        report.name_files(&parts);
        tracing::info!(files = parts.len(), "the result is being read");
        let reading = self.means.read(&parts);
        let mut rows = phase("read", &mut report.phases_ms.read, &self.means, reading).await?;
        report.rows = Some(rows.rows);
        report.contacts = Some(rows.contacts.len() as u64);
        report.duplicates = Some(rows.duplicates);
        report.count_rejected(&rows.rejected);
        report.warnings.append(&mut rows.warnings);
        leftovers.parts = parts;
        leftovers.rejected.clone_from(&rows.rejected);
        match rows.objection(&self.settings.destination.contactid_column) {
            Some(objection) => Err(Error::Refused(objection)),
            None => Ok(rows),
        }
    }

    /// Says what the run wants; an approval also lets pass what Dynamics does not accept.
    pub(super) fn wanted<'c>(&self, wish: &Wish, contacts: &'c ContactSet, not_found: usize) -> Wanted<'c> {
        let limit = self.settings.destination.max_invalid_percent;
        let max_invalid_percent = if wish.approved { 100.0 } else { limit };
        Wanted {
            mode: wish.mode,
            contacts,
            not_found,
            max_invalid_percent,
        }
    }
}

/// Adds to the refusal of one file of several that one of the others is what the segment holds now.
fn note_loaded_alone(mut error: Error, head: &Head, report: &mut RunReport) -> Error {
    if let Error::Source(source::Error::Invalid {
        problem: Problem::Parts(Misfit::OneOfSeveral(one)),
        ..
    }) = &mut error
        && let Some(applied) = &head.applied
        && let loaded = &applied.wish.object
        && one
            .siblings()
            .iter()
            .any(|sibling| sibling.key == loaded.key && sibling.etag == loaded.etag)
    {
        report.needs_attention = true;
        one.note_loaded_alone(LoadedAlone {
            object: loaded.to_string(),
            at: applied.at,
            contacts: applied.contacts,
            segment_name: applied.wish.segment_name.clone(),
        });
    }
    error
}

impl Prepared {
    /// Tells whether the file adds or takes away nobody: then it asks for no publish, whatever the segment is like.
    pub(super) fn holds_nobody(&self, wish: &Wish, head: &Head) -> bool {
        wish.mode != Mode::Replace && self.contacts.is_empty() && head.writing.is_none()
    }

    /// Tells whether there is nothing to write, and nothing to publish either.
    pub(super) fn is_settled(&self, wish: &Wish, head: &Head) -> bool {
        if !self.plan.is_empty() {
            return false;
        }
        if self.holds_nobody(wish, head) {
            return true;
        }
        let Some(Audience { segment, .. }) = &self.audience else {
            return true;
        };
        let is_active = matches!(
            segment.status,
            SegmentStatus::Active | SegmentStatus::ActiveWithWarnings
        );
        let is_from_before = head
            .applied
            .as_ref()
            .is_some_and(|applied| applied.is_row_from_before(&segment.etag));
        head.shows_what_was_applied(&segment.id.to_string(), is_active && !is_from_before)
    }
}

/// Returns how many members Dynamics counts, where the segment is Active.
fn active_count(segment: &Segment) -> Option<u64> {
    segment.member_count.filter(|_| segment.status == SegmentStatus::Active)
}

/// Tells whether the segment was there before this function, as far as the head knows.
///
/// While a first load is unfinished, the segment may well be our own.
fn is_taken_over(segment_id: &str, head: &Head) -> bool {
    let applied = head.applied.as_ref();
    let is_applied = applied.is_some_and(|applied| applied.segment_id.as_deref() == Some(segment_id));
    head.writing.is_none() && !is_applied
}

/// Notes which share of the contacts is accepted, in percent with two decimals; nothing where none is to be a member.
#[expect(clippy::cast_precision_loss, reason = "counts of contacts stay far below 2^52")]
pub(super) fn note_match_rate(report: &mut RunReport, accepted: usize, contacts: usize) {
    let rate = |contacts: f64| (accepted as f64 * 10_000.0 / contacts).round() / 100.0;
    let is_known = contacts > 0 && report.mode != Some(Mode::Remove);
    report.match_rate_percent = is_known.then(|| rate(contacts as f64));
}
