//! How a head changes: pure functions, so that a simulation can drive them through every order of events.

mod approval;
mod attempts;
mod carried_out;
mod direct;
mod known;
mod seen;
mod shortage;
mod waiting;
mod next;
mod sent;
mod unreported;

pub use attempts::{Lost, Whose};
pub use sent::{call_time, sending_time};
pub use shortage::Shortfall;
pub use unreported::{End, Unreported};

use crate::domain::{Census, Mode, Position, View, Watch};
use crate::state::head::{Applied, Change, Head, Job, Lease, ReadBack, Writing};
use crate::state::refused::{Refusal, Refused};
use chrono::{DateTime, Utc};

/// What became of a job when it met the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is new and now pending.
    Queued,
    /// It was pending already: an earlier attempt did not finish it.
    Pending,
    /// It was carried out before.
    Applied,
    /// A newer result was carried out before.
    Superseded,
    /// It was refused before, and an event does not try it again.
    Refused(Refused),
    /// It was refused before, and a newer result was carried out since.
    RefusedAndOvertaken,
}

/// Whether a worker may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The worker holds the lease; the attempt before it may have died without a word.
    Taken(Option<Box<Lost>>),
    /// Another worker holds it.
    Busy(Lease),
}

/// The worker's lease was taken over: it must not touch the segment any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another run has taken over the segment because this one could not renew its lease in time; it finishes the work"
)]
pub struct LeaseLost;

/// What a finished job leaves in the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Achievement {
    /// How many contacts the file held.
    pub contacts: u64,
    /// How the segment was changed; `None` if it was not, or nobody has counted.
    pub change: Option<Change>,
    /// Who is in the draft, which is what is published; `None` if there is no segment to change.
    pub members: Option<Census>,
    /// The segment; `None` if there is no segment to change.
    pub segment_id: Option<String>,
    /// Its definition.
    pub definition_id: Option<String>,
    /// The definition's Include groups.
    pub groups: Vec<String>,
    /// Whether it took a publish.
    pub is_published: bool,
    /// What the published segment is watched by; `None` if it was seen Active.
    pub watch: Option<Watch>,
    /// Others have published a part of it before.
    pub is_computed_by_others: bool,
}

impl ReadBack {
    /// Returns what is achieved once the draft is published, where it is watched like that, and others may have published a part
    /// of it before.
    pub fn published(self, watch: Option<Watch>, is_computed_by_others: bool) -> Achievement {
        Achievement {
            contacts: self.contacts,
            change: self.change,
            members: Some(self.members),
            segment_id: Some(self.segment_id),
            definition_id: self.definition_id,
            groups: self.groups,
            is_published: true,
            watch,
            is_computed_by_others,
        }
    }
}

impl Head {
    /// Takes a job up, unless what it asks for is done, overtaken or refused; a direct load is always taken up, and an approval
    /// where it was not carried out before.
    pub fn enqueue(&mut self, job: Job, is_direct: bool) -> Enqueued {
        self.note_marker(&job);
        match (is_direct, job.approved) {
            (true, true) => self.approve(job),
            (true, false) => {
                self.order(job);
                Enqueued::Queued
            }
            (false, _) => self.hear_of(job),
        }
    }

    /// Takes up what an event tells of, unless it is known.
    fn hear_of(&mut self, job: Job) -> Enqueued {
        let overtaken = || self.is_overtaken(&job).then_some(Enqueued::Superseded);
        if let Some(known) = self.heard_of(&job).or_else(overtaken) {
            self.note_what_asks_for_known(&job, &known);
            return known;
        }
        self.newest = higher(self.newest.take(), &job.position);
        self.lift_pauses_for(&job);
        self.pending.push(job);
        Enqueued::Queued
    }

    /// Notes that somebody asks for what is known: where it waits it waits no longer, and where it was overtaken it was heard of.
    fn note_what_asks_for_known(&mut self, job: &Job, known: &Enqueued) {
        match known {
            Enqueued::Pending => self.lift_pauses_for(job),
            Enqueued::Superseded => self.note_passed_over(job),
            _ => {}
        }
    }

    /// Takes up what a listing found, newest first, and returns what was new: of replaces only the newest that is not
    /// refused counts, of the others each.
    pub fn enqueue_lost(&mut self, newest_first: &[Job]) -> Vec<Job> {
        let mut found = Vec::new();
        for job in newest_first {
            let enqueued = match self.recall(job) {
                // Nobody asks for it anew, so that its pauses go on.
                Some(known) => known,
                None if self.cannot_tell_of(job) => continue,
                None => self.enqueue(job.clone(), false),
            };
            if enqueued == Enqueued::Queued {
                found.push(job.clone());
            }
            if job.mode == Mode::Replace && !matches!(enqueued, Enqueued::Refused(_)) {
                break;
            }
        }
        found
    }

    /// Gives the lease to `owner` if nobody else has a live one; `now` is S3's time.
    pub fn claim(&mut self, owner: &str, seconds: u64, now: DateTime<Utc>) -> Claim {
        match &self.lease {
            Some(lease) if lease.owner != owner && !lease.is_over(now) => Claim::Busy(lease.clone()),
            _ => {
                self.allow_for_a_late_create();
                self.end_lease();
                self.forget_untold();
                let lost = self.bury(now).map(Box::new);
                self.attempt = self.begun_at(now).cloned();
                self.lease = Some(Lease {
                    owner: owner.to_owned(),
                    run_id: self.next_at(now).map(|job| job.run_id.clone()),
                    renewed: now,
                    seconds,
                });
                Claim::Taken(lost)
            }
        }
    }

    /// Prolongs the worker's lease from `now` on.
    pub fn renew(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        let lease = self.lease_of(owner)?;
        lease.renewed = lease.renewed.max(now);
        Ok(())
    }

    /// Gives the lease back. What has ended is told by then.
    pub fn release(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.give_up(owner)?;
        self.note_told();
        Ok(())
    }

    /// Gives the lease back, and leaves what has ended to be told by whoever has the segment next.
    pub fn give_up(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.attempt = None;
        self.end_lease();
        Ok(())
    }

    /// Marks the draft as half-written from here on, and drops the replaces that this accepted one overtakes.
    ///
    /// `published` is the number of members before the first write; where a draft was half-written already, the number
    /// from before *its* first write stays, unless `published` says that this draft was published. So it is with the members
    /// of the `draft`, and with what the segment was `seen` to show.
    pub fn begin(
        &mut self,
        owner: &str,
        job: &Job,
        published: u64,
        draft: Census,
        seen: View,
    ) -> Result<Vec<Job>, LeaseLost> {
        self.lease_of(owner)?;
        self.begin_counting_anew();
        let published = match &self.writing {
            Some(writing) if writing.publishing != Some(published) => writing.published,
            _ => published,
        };
        let before = self.writing.as_ref();
        let is_mixed = before.is_some_and(|before| before.is_mixed || before.run_id != job.run_id);
        self.writing = Some(Writing {
            run_id: job.run_id.clone(),
            published,
            draft: match before {
                Some(before) => before.draft.filter(|_| before.publishing.is_none()),
                None => Some(draft),
            },
            seen: match before {
                Some(before) => before.seen(),
                None => Some(seen),
            },
            written: before.and_then(|before| before.written),
            publishing: None,
            read_back: None,
            over: None,
            is_mixed,
        });
        Ok(self.take_overtaken(job, |pending| pending.mode == Mode::Replace))
    }

    /// Notes how many members are about to be published, of a draft that was read back; returns whether the job is still the
    /// one to publish.
    pub fn announce(
        &mut self,
        owner: &str,
        job: &Job,
        (members, read_back): (u64, ReadBack),
        now: DateTime<Utc>,
    ) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if self.next_at(now) != Some(job) {
            return Ok(false);
        }
        if let Some(writing) = &mut self.writing {
            writing.publishing = Some(members);
            writing.read_back = Some(read_back);
        }
        Ok(true)
    }

    /// Returns whether a segment whose draft, with these members, holds what is wanted needs no publishing: it shows what this
    /// head applied last.
    ///
    /// A crash between the last write and publishing leaves equal membership, too; then `writing` is still set. A draft of
    /// other members than were published was changed by somebody else, and shows what only the next publish will.
    pub fn shows_what_was_applied(&self, segment_id: &str, view: &View, members: &Census) -> bool {
        let is_ours = |applied: &&Applied| {
            let is_published = applied.members.as_ref().is_none_or(|published| published == members);
            applied.segment_id.as_deref() == Some(segment_id) && is_published
        };
        let applied = self.applied.as_ref().filter(is_ours);
        applied.is_some_and(|applied| applied.is_shown_by(view)) && self.writing.is_none()
    }

    /// Puts the job aside for good, so that only a direct load tries it again; returns whether it was.
    ///
    /// What others have to reckon with stays, as `is_to_stay` says.
    pub fn refuse(&mut self, owner: &str, job: &Job, refusal: Refusal) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if self.is_to_stay(job) {
            return Ok(false);
        }
        self.drop_job(job);
        self.note_refused(job, refusal);
        self.went_wrong = true;
        self.note_unreported();
        self.end_attempt();
        Ok(true)
    }

    /// Drops a job whose object was replaced while it was read, since the new content is a job of its own; returns whether
    /// it was dropped, as [`Self::refuse`] does.
    pub fn forget(&mut self, owner: &str, job: &Job) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if self.is_to_stay(job) {
            return Ok(false);
        }
        self.drop_job(job);
        self.end_attempt();
        Ok(true)
    }

    /// Drops exactly this job: a direct load of the same input, asked for meanwhile, is another one.
    fn drop_job(&mut self, job: &Job) {
        self.pending.retain(|pending| pending != job);
    }

    pub(in crate::state) fn lease_of(&mut self, owner: &str) -> Result<&mut Lease, LeaseLost> {
        self.lease
            .as_mut()
            .filter(|lease| lease.owner == owner)
            .ok_or(LeaseLost)
    }
}

/// Returns the higher of two places, and of equal ones that of which more is known.
fn higher(known: Option<Position>, other: &Position) -> Option<Position> {
    known
        .filter(|known| known.place() > other.place())
        .or_else(|| Some(other.clone()))
}

#[cfg(test)]
mod tests;
