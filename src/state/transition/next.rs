//! Which job is next, and what of one may be in the draft.

use super::LeaseLost;
use crate::domain::{Census, Mode};
use crate::state::head::{Applied, Head, Job, Writing};
use crate::state::overtaken::Overtaken;
use chrono::{DateTime, Utc};

impl Head {
    /// Returns the job that is next, whether or not it has to wait: the newest replace first, then additions and removals
    /// from the oldest on; those that failed before come after the others, which may not wait for them again.
    ///
    /// An addition or removal that has begun to write comes before the others, even older ones that came late: what
    /// they publish would hold a part of it. A replace leaves nothing of a half-written draft.
    pub fn next(&self) -> Option<&Job> {
        self.pick(|_| true)
    }

    /// Returns the job to work on at `now`, S3's time.
    ///
    /// What has to wait after a failure of its own lets additions and removals go first, unless its change is in the draft.
    /// Nothing older takes the place of a replace.
    pub fn next_at(&self, now: DateTime<Utc>) -> Option<&Job> {
        self.pick(|job| !self.waits(job, now))
    }

    fn pick(&self, may_go: impl Fn(&Job) -> bool) -> Option<&Job> {
        let replaces = self.pending.iter().filter(|job| job.mode == Mode::Replace);
        if let Some(newest) = replaces.max_by_key(|job| job.rank())
            && (may_go(newest) || !self.lets_others_go())
        {
            return Some(newest).filter(|job| may_go(job));
        }
        let others = || self.pending.iter().filter(|job| job.mode != Mode::Replace);
        if let Some(begun) = others().find(|job| self.is_half_written(job)) {
            return Some(begun).filter(|job| may_go(job));
        }
        let free = others().filter(|job| may_go(job));
        free.min_by_key(|job| (self.failures_of(job).is_some(), job.rank()))
    }

    /// Returns whether additions and removals may go before a replace that waits: where nothing of it is in the draft. What of
    /// them is newer goes over it in the end.
    fn lets_others_go(&self) -> bool {
        self.writing.as_ref().is_none_or(|writing| {
            let is_begun = self.pending.iter().any(|job| self.is_half_written(job));
            is_begun && !writing.is_mixed
        })
    }

    /// Takes out what a replace overtakes, and notes that nobody has told of it yet.
    ///
    /// A direct load overtakes what an event asked for of the same input, which is one run all the same.
    pub(super) fn take_overtaken(&mut self, by: &Job, of_kind: impl Fn(&Job) -> bool) -> Vec<Job> {
        if by.mode != Mode::Replace {
            return Vec::new();
        }
        let is_overtaken = |pending: &mut Job| of_kind(pending) && pending.rank() < by.rank();
        let overtaken = self.pending.extract_if(.., is_overtaken);
        let overtaken: Vec<_> = overtaken.filter(|lost| !lost.asks_as(by)).collect();
        self.note_overtaken(&overtaken, by);
        for approved in overtaken.iter().filter(|lost| lost.approved) {
            // Its refusal is over: the same approval given again brings back no older result.
            self.lift_refusal_of(approved);
        }
        overtaken
    }

    pub(super) fn note_overtaken(&mut self, overtaken: &[Job], by: &Job) {
        let noted = overtaken.iter().map(|job| Overtaken {
            job: job.clone(),
            by: by.clone(),
        });
        self.overtaken.extend(noted);
        for job in overtaken {
            self.note_passed_over(job);
        }
    }

    /// Returns whether a part of this addition or removal may be in the draft.
    pub fn is_half_written(&self, job: &Job) -> bool {
        let writing = self.writing.as_ref();
        job.mode != Mode::Replace && writing.is_some_and(|writing| writing.run_id == job.run_id)
    }

    /// Returns whether a job cannot be put aside, so that it is tried again after pauses until a person is called: an addition or
    /// removal whose change is in the draft, of which all that others publish would hold a part; and what was published and is
    /// loaded again since it is not shown, which the next look would only queue anew.
    pub(super) fn is_to_stay(&self, job: &Job) -> bool {
        let unseen = self.applied.as_ref().filter(|applied| !applied.confirmed);
        self.is_half_written(job) || unseen.is_some_and(|applied| applied.job == *job)
    }

    /// Returns whether an addition or removal would build on a draft with these members that another result has left
    /// half-written: a draft that is what was published last holds nothing of it.
    pub fn is_left_half_written_for(&self, job: &Job, members: &Census) -> bool {
        let is_published = self
            .applied
            .as_ref()
            .is_some_and(|applied| applied.members.as_ref() == Some(members));
        let of_another = |writing: &Writing| writing.is_mixed || writing.run_id != job.run_id;
        let is_left = self.writing.as_ref().is_some_and(of_another) || self.is_proven_wrong_by(job, members);
        job.mode != Mode::Replace && !is_published && is_left
    }

    /// Returns who was in the draft before a job began to write; `None` if nothing of it is there, or nobody can tell.
    pub fn draft_before(&self, job: &Job) -> Option<Census> {
        let begun = self.writing.as_ref().filter(|writing| writing.run_id == job.run_id)?;
        begun.draft.filter(|_| begun.publishing.is_none())
    }

    /// Returns what would have been noted of a job whose draft was read back and about to be published when its worker died.
    pub fn read_back(&self, job: &Job) -> Option<Applied> {
        let begun = self.writing.as_ref().filter(|writing| writing.run_id == job.run_id)?;
        let read_back = begun.read_back.as_ref().filter(|_| begun.publishing.is_some())?;
        Some(Applied {
            job: job.clone(),
            at: self.lease.as_ref()?.renewed,
            contacts: read_back.contacts,
            counted: None,
            change: read_back.change,
            members: Some(read_back.members),
            segment_id: Some(read_back.segment_id.clone()),
            definition_id: read_back.definition_id.clone(),
            groups: read_back.groups.clone(),
            confirmed: false,
            watch: None,
            has_failed: false,
            is_overlaid: false,
            is_computed_by_others: false,
        })
    }

    /// Takes the lease from its worker, and notes when nothing can be written under it any more.
    pub(super) fn end_lease(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Some(writing) = &mut self.writing
        {
            writing.over.get_or_insert_with(|| lease.end());
        }
    }

    /// Notes that the draft is again what it was before anybody began to write, or that it is `unproven`; what was applied is
    /// published again where others have published meanwhile what it was.
    pub fn restore(
        &mut self,
        owner: &str,
        was_published: bool,
        unproven: Option<Census>,
        now: DateTime<Utc>,
    ) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        let written = self.writing.take().map(|writing| writing.run_id);
        self.note_unproven(written, unproven, now);
        self.publish_over(was_published);
        Ok(())
    }

    fn publish_over(&mut self, was_published: bool) {
        if let Some(applied) = self.applied.as_mut().filter(|_| was_published) {
            (applied.confirmed, applied.is_overlaid) = (false, true);
        }
    }

    /// Returns whether a job is the one to work on; `now` is S3's time.
    pub fn is_still_next(&mut self, owner: &str, job: &Job, now: DateTime<Utc>) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        Ok(self.next_at(now) == Some(job))
    }

    /// Returns whether a job keeps others from their turn at `now`, by a part of it that is in the draft.
    pub fn is_in_the_way(&self, job: &Job, now: DateTime<Utc>) -> bool {
        let is_other = |other: &Job| other.mode != Mode::Replace && !other.is_same_object(job);
        let is_waited_for = self.pending.iter().any(is_other);
        is_waited_for && self.draft_before(job).is_some() && self.next_at(now).is_none_or(|next| next == job)
    }

    /// Returns the job that has to wait and keeps others from their turn at `now`, by a part of it that is in the draft.
    pub fn waits_in_the_way(&self, now: DateTime<Utc>) -> Option<&Job> {
        let is_it = |job: &&Job| self.next_at(now).is_none() && self.is_in_the_way(job, now);
        self.pending.iter().find(is_it)
    }

    /// Notes that an addition or removal has taken its change out of the draft again; what was applied is published again where
    /// others have published the change meanwhile.
    pub fn take_back(
        &mut self,
        owner: &str,
        job: &Job,
        was_published: bool,
        unproven: Option<Census>,
        now: DateTime<Utc>,
    ) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if self.is_half_written(job) && self.writing.take_if(|writing| !writing.is_mixed).is_some() {
            match unproven {
                Some(_) => self.note_unproven(Some(job.run_id.clone()), unproven, now),
                None => self.expect_nothing_more(),
            }
            self.publish_over(was_published);
        }
        Ok(())
    }
}
