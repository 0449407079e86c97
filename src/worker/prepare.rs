//! Before the first write: read the result and beside it the segment, plan the difference, evaluate it.

use super::Worker;
use super::names::Surveyed;
use super::phase::{Meter, Phase};
use super::read::note_loaded_alone;
use crate::config::{CheckContacts, WhenInUse};
use crate::domain::{Census, ContactId, ContactSet, Mode, NearNames, SegmentStatus, View};
use crate::dynamics::{self, LookedUp, Segment};
use crate::error::Error;
use crate::means::Means;
use crate::reconcile::{self, Audience, Desired, Facts, Plan, Shown, guard, survey};
use crate::report::{Account, Audience as Shows, Comparison, Difference, Found, Lapsed, LeftBehind, Past, Reading};
use crate::source::Begun;
use crate::state::{Head, Job};

/// A job that was read and planned, with nothing written yet.
pub(super) struct Prepared {
    /// The contacts that the segment is to lease: those of the file, or of its sample, that exist.
    pub(super) contacts: ContactSet,
    /// How many do not exist.
    pub(super) not_found: usize,
    /// The segment, where there is one; its members went into the plan.
    pub(super) audience: Option<Audience>,
    pub(super) plan: Plan,
    /// Who is in the draft.
    pub(super) members: Census,
    pub(super) members_before: usize,
    pub(super) published_before: Option<u64>,
    /// How many members journeys see, where people have taken some out of the draft since.
    pub(super) shown_before: Option<u64>,
    /// How many members Dynamics is to count where the draft is published as it is.
    pub(super) counted_before: u64,
}

impl<M: Means> Worker<'_, M> {
    /// Reads the result and the segment, plans the difference and evaluates it.
    pub(super) async fn prepare(&self, job: &Job, head: &Head, meter: &Meter<M>) -> (Account, Result<Prepared, Error>) {
        let mut account = Account {
            past: Past::of(head, job),
            ..Account::default()
        };
        let (contacts, surveyed) = match self.read_and_survey(job, head, &mut account.reading, meter).await {
            Ok(both) => both,
            Err(error) => return (account, Err(note_loaded_alone(error, head))),
        };
        let (comparison, prepared) = self.compare(job, head, contacts, surveyed, meter).await;
        account.comparison = comparison;
        if let Ok(prepared) = &prepared {
            self.evaluate(job, head, &mut account, prepared);
        }
        (account, prepared)
    }

    /// Reads the result, and the segment beside it as soon as the result has begun well.
    ///
    /// What is wrong with the result is told whatever the segment is like, and ends the look at it.
    async fn read_and_survey(
        &self,
        job: &Job,
        head: &Head,
        reading: &mut Reading,
        meter: &Meter<M>,
    ) -> Result<(ContactSet, Result<Surveyed, reconcile::Error>), Error> {
        let (begun, has_begun) = Begun::new();
        let survey = || meter.phase(Phase::Survey, self.survey(job, head));
        let beside = async {
            has_begun.await?;
            Some(survey().await)
        };
        let (contacts, beside) =
            tokio::try_join!(self.read(job, head, begun, reading, meter), async { Ok(beside.await) })?;
        match beside {
            Some(surveyed) => Ok((contacts, surveyed)),
            None => Ok((contacts, survey().await)),
        }
    }

    /// Plans the way from the segment's members to these contacts.
    async fn compare(
        &self,
        job: &Job,
        head: &Head,
        contacts: ContactSet,
        surveyed: Result<Surveyed, reconcile::Error>,
        meter: &Meter<M>,
    ) -> (Comparison, Result<Prepared, Error>) {
        let mut comparison = Comparison::default();
        let prepared = async {
            let (mut audience, near) = comparison.note(surveyed?, head);
            let members = audience.as_mut().map(Audience::take_members).unwrap_or_default();
            let (groups, members_before) = (members.len(), members.iter().map(Vec::len).sum());
            let census = survey::census(&members);
            comparison.found = audience.as_ref().map(|audience| found(audience, &census, head));
            if !contacts.is_empty() && head.is_left_half_written_for(job, &census) {
                return Err(reconcile::Error::LeftHalfWritten { members: census.count }.into());
            }
            let exclude_groups = audience.as_ref().map_or(0, Audience::exclude_groups);
            let counted_before = self.counted(audience.as_ref(), &members).await?;
            let desired = self.desired(job, &contacts, 0);
            let mut plan = desired
                .plan(members, exclude_groups, &[])
                .map_err(reconcile::Error::from)?;
            if self.settings.destination.rules.check_contacts == CheckContacts::Added {
                comparison.looked_up = Some(plan.added());
                let lookup = self.look_up(&plan);
                let found = meter.phase(Phase::Survey, lookup).await?;
                comparison.not_found = found.missing;
                (comparison.inactive, comparison.merged) = (found.inactive, found.merged);
                plan.leave_out(&comparison.not_found, groups);
            }
            let contacts = contacts.without(&comparison.not_found);
            let not_found = comparison.not_found.len();
            self.desired(job, &contacts, not_found).check_refused(&[])?;
            comparison.difference = Some(Difference {
                desired: contacts.len(),
                members_before,
                added: plan.added(),
                removed: plan.removed(),
            });
            let active_count = audience.as_ref().and_then(|audience| active_count(&audience.segment));
            let shown_before = audience
                .as_ref()
                .and_then(|audience| shown_beside(&audience.segment, &census, head));
            comparison.shown_before = shown_before;
            let prepared = Prepared {
                contacts,
                not_found,
                audience,
                plan,
                members: census,
                members_before,
                counted_before,
                published_before: head.writing.as_ref().map(|writing| writing.baseline(active_count)),
                shown_before,
            };
            let is_settled = prepared.is_settled(job, head);
            if prepared.audience.is_none() && !is_settled {
                self.means.check_may_create().await?;
            }
            comparison.beside = near.filter(|_| !is_settled);
            Ok(prepared)
        }
        .await;
        (comparison, prepared)
    }

    /// Returns how many of the members Dynamics is to count; those whom Exclude groups keep out are looked up only where it
    /// counts others.
    async fn counted(&self, audience: Option<&Audience>, members: &[Vec<ContactId>]) -> Result<u64, Error> {
        let counted = survey::count(members, &[]) as u64;
        match audience {
            Some(Audience {
                segment, definition, ..
            }) if segment.status.is_active() && segment.member_count != Some(counted) => {
                let kept_out = survey::list_excluded(&self.means, segment, definition).await?;
                Ok(survey::count(members, &kept_out) as u64)
            }
            _ => Ok(counted),
        }
    }

    /// Looks up what a plan adds, group by group.
    async fn look_up(&self, plan: &Plan) -> Result<LookedUp, dynamics::Error> {
        let mut parts = Vec::new();
        for group in plan.groups() {
            parts.push(self.means.look_up(&group.adds).await?);
        }
        Ok(LookedUp::of(parts))
    }

    /// Asks the guards.
    fn evaluate(&self, job: &Job, head: &Head, account: &mut Account, prepared: &Prepared) {
        let (reading, rules) = (&account.reading, &self.settings.destination.rules);
        // Where nothing is written, it does not matter to those who use the segment.
        let found = account
            .comparison
            .found
            .as_ref()
            .filter(|_| !prepared.is_settled(job, head));
        let used_by = found.and_then(|found| found.used_by.as_ref());
        let facts = Facts {
            mode: job.mode,
            rows: reading.content.map_or(0, |content| content.rows),
            contacts: prepared.contacts.len(),
            held: reading.content.map_or(0, |content| content.contacts),
            removals: &reading.removals,
            not_found: prepared.not_found,
            rejected: reading.rejected.count,
            members: prepared.members_before,
            published: prepared.published_before,
            shown: prepared.shown_before,
            added: prepared.plan.added(),
            removed: prepared.plan.removed(),
            older_files: reading.older_files,
            used_by,
            is_sample: job.sample.is_some(),
            is_approved: job.approved,
        };
        let evaluations = guard::evaluate(&facts, rules);
        let is_known = used_by.is_some_and(|used_by| used_by.is_used() || used_by.is_free());
        account.comparison.is_use_unknown = rules.when_in_use == WhenInUse::Refuse && found.is_some() && !is_known;
        account.comparison.evaluations = evaluations;
    }

    /// Says what the run wants; an approval also lets pass what Dynamics does not accept.
    pub(super) fn desired<'c>(&self, job: &Job, contacts: &'c ContactSet, not_found: usize) -> Desired<'c> {
        let limit = self.settings.destination.rules.max_invalid_percent;
        let max_invalid_percent = if job.approved { 100.0 } else { limit };
        Desired {
            mode: job.mode,
            contacts,
            not_found,
            max_invalid_percent,
        }
    }
}

impl Prepared {
    /// Returns whether the file adds or takes away nobody: then it asks for no publish, whatever the segment is like.
    pub(super) fn holds_nobody(&self, job: &Job, head: &Head) -> bool {
        job.mode != Mode::Replace && self.contacts.is_empty() && head.writing.is_none()
    }

    /// Returns who is to be in the draft when this addition or removal is done.
    pub(super) fn expected(&self, job: &Job) -> Census {
        match job.mode {
            Mode::Remove => self.members.without(self.plan.removes()),
            Mode::Append | Mode::Replace => self.members.with(self.plan.adds()),
        }
    }

    /// Returns how many members were published before the first write.
    pub(super) fn baseline(&self) -> u64 {
        let published = self.published_before.or(self.shown_before);
        published.unwrap_or(self.members_before as u64)
    }

    /// Returns what Dynamics shows of the segment.
    pub(super) fn seen(&self) -> View {
        self.audience.as_ref().map_or(View::NOTHING, Audience::view)
    }

    /// Says what an Active segment shows that needs no write.
    pub(super) fn shown(&self) -> Option<Shown> {
        let segment = &self.audience.as_ref()?.segment;
        segment.status.is_active().then_some(Shown {
            asked: self.counted_before,
            member_count: segment.member_count,
            with_warnings: false,
            has_lasted: false,
        })
    }

    /// Returns whether there is nothing to write, and nothing to publish either.
    pub(super) fn is_settled(&self, job: &Job, head: &Head) -> bool {
        if !self.plan.is_empty() {
            return false;
        }
        if self.holds_nobody(job, head) {
            return true;
        }
        let Some(Audience {
            segment, definition, ..
        }) = &self.audience
        else {
            return true;
        };
        let is_shown = head.shows_what_was_applied(
            &segment.id.to_string(),
            &segment.view(definition.computation),
            &self.members,
        );
        // Who is counted and not in the draft was published by somebody else, or between reading back and Publish.
        is_shown && !self.shown().is_some_and(|shown| shown.has_strangers())
    }
}

/// Returns how many members Dynamics counts, where it is more than the draft holds and the draft is not what was published
/// last: then people have taken some out and not published.
fn shown_beside(segment: &Segment, members: &Census, head: &Head) -> Option<u64> {
    let id = segment.id.to_string();
    let ours = head
        .applied
        .as_ref()
        .filter(|applied| applied.segment_id.as_deref() == Some(&id));
    let is_published =
        ours.is_some_and(|applied| applied.members.as_ref().is_none_or(|published| published == members));
    let is_edited = head.writing.is_none() && !is_published;
    active_count(segment).filter(|count| is_edited && *count > members.count)
}

impl Comparison {
    /// Notes what has become of the segment that was loaded last; returns the one that is there, or the names that come near.
    fn note(&mut self, surveyed: Surveyed, head: &Head) -> (Option<Audience>, Option<NearNames>) {
        self.left = surveyed.left.map(|left| LeftBehind::of(left, head));
        (surveyed.audience, surveyed.near)
    }
}

/// Returns how many members Dynamics counts, where the segment is Active.
fn active_count(segment: &Segment) -> Option<u64> {
    segment.member_count.filter(|_| segment.status == SegmentStatus::Active)
}

/// Returns whether the segment was there before this function, as far as the head knows.
///
/// While a first load is unfinished, the segment may well be our own.
fn is_taken_over(segment_id: &str, head: &Head) -> bool {
    let applied = head.applied.as_ref();
    let is_applied = applied.is_some_and(|applied| applied.segment_id.as_deref() == Some(segment_id));
    head.writing.is_none() && !is_applied
}

/// Describes the segment as it was found.
fn found(audience: &Audience, members: &Census, head: &Head) -> Found {
    let Audience {
        segment, definition, ..
    } = audience;
    let segment_id = segment.id.to_string();
    let view = segment.view(definition.computation);
    let is_shown = head.shows_what_was_applied(&segment_id, &view, members);
    let applied = head.applied.as_ref().filter(|_| is_shown);
    Found {
        journeys: applied.map(|applied| Shows {
            people: segment.member_count.unwrap_or(members.count),
            since: applied.at,
        }),
        is_taken_over: is_taken_over(&segment_id, head),
        segment_id,
        used_by: segment.used_by(definition),
        lapsed: match segment.status {
            SegmentStatus::Stopped => Some(Lapsed::Stopped),
            SegmentStatus::Expired => Some(Lapsed::Expired),
            _ => None,
        },
    }
}
