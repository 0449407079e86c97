//! Jobs that were refused since others use the segment: they wait until nothing uses it any more.

use crate::domain::Mode;
use crate::state::head::{Head, Job};
use chrono::{DateTime, Utc};

impl Head {
    /// Returns whether a job waits until nothing uses the segment, while nobody works on it at `now`, S3's time.
    pub fn waits_for_use(&self, now: DateTime<Utc>) -> bool {
        !self.is_held(now) && self.waiting_for_use().next().is_some()
    }

    /// Returns the jobs that wait until nothing uses the segment.
    pub(in crate::state) fn waiting_for_use(&self) -> impl Iterator<Item = &Job> {
        let waiting = self
            .refused
            .iter()
            .filter_map(|refused| refused.refusal.waiting.as_deref());
        waiting.filter(|job| self.still_counts(job))
    }

    /// Notes which of the jobs that `waited` before this one was carried out wait no more, since it has overtaken them, and that
    /// nobody has told of it yet. Their refusals stay, so that they can be approved.
    pub(super) fn note_overtaken_of(&mut self, waited: Vec<Job>, by: &Job) -> Vec<Job> {
        let is_overtaken = |job: &Job| !job.is_same_object(by) && !self.still_counts(job);
        let overtaken: Vec<_> = waited.into_iter().filter(is_overtaken).collect();
        self.note_overtaken(&overtaken, by);
        overtaken
    }

    /// Queues again the jobs that waited until nothing uses the segment; what something newer has overtaken meanwhile waits no
    /// more.
    pub fn take_up_waiting(&mut self) {
        let is_waiting = |job: &Option<Box<Job>>| job.is_some();
        let mut waiting = Vec::new();
        for refused in self
            .refused
            .iter_mut()
            .filter(|refused| is_waiting(&refused.refusal.waiting))
        {
            waiting.extend(refused.refusal.waiting.take().map(|job| *job));
        }
        for job in waiting
            .into_iter()
            .filter(|job| self.still_counts(job))
            .collect::<Vec<_>>()
        {
            self.lift_refusal_of(&job);
            self.pending.push(job);
        }
    }

    /// Returns whether nothing has overtaken a job that waits, nor takes its place.
    pub(in crate::state) fn still_counts(&self, job: &Job) -> bool {
        let place = job.knows().place();
        let is_overtaken = self.decided_to(job.mode).is_some_and(|decided| match job.direct {
            Some(_) => place < decided.place(),
            None => place <= decided.place(),
        });
        // Of two that stand above the same the later one counts.
        let is_below = job.stands_above() && self.rank_in_force().is_some_and(|in_force| job.rank() < in_force);
        let is_counted = job.mode != Mode::Replace && self.has_counted(job) && job.direct.is_none();
        let is_queued = self.pending.iter().any(|pending| pending.is_same_object(job));
        !is_overtaken && !is_below && !is_counted && !is_queued
    }
}
