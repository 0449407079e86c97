//! Times in a head that no worker can have written: somebody has edited it, and what it says would keep files out in silence.

use super::head::{Failures, Head, Job};
use super::ledger::Ledger;
use crate::domain::{LATE_COMMIT, LONGEST_REPUBLISH};
use chrono::{DateTime, TimeDelta, Utc};

/// How far two times of S3 may lie apart that were read at once; its `Date` has whole seconds, its servers have clocks of their own.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

impl Head {
    /// Returns the field with a time that is still to come at `now`, S3's time; pauses lie ahead, but no farther than the
    /// longest.
    pub(super) fn future_time(&self, now: DateTime<Utc>) -> Option<&'static str> {
        let uploaded = |job: &Job| job.position.last_modified.max(job.knows().last_modified);
        let position = |position: &crate::domain::Position| position.last_modified;
        let been = [
            ("newest", self.newest.as_ref().map(position)),
            ("settled", self.settled.as_ref().map(position)),
            ("pending", self.pending.iter().map(uploaded).max()),
            (
                "applied",
                self.applied
                    .as_ref()
                    .map(|applied| applied.at.max(uploaded(&applied.job))),
            ),
            ("creating", self.creating),
            (
                "applied",
                self.applied
                    .as_ref()
                    .and_then(|applied| applied.watch.as_ref()?.unclear_since()),
            ),
            ("loads", self.loads.iter().map(|load| load.at).max()),
            ("ledger", self.ledger.as_ref().and_then(Ledger::latest)),
            ("writing", self.writing.as_ref().and_then(|writing| writing.written)),
            ("unproven", self.unproven.as_ref().map(|unproven| unproven.since)),
            ("last_good", self.last_good),
            ("told_stale", self.told_stale),
            ("unseen", self.unseen.map(|unseen| unseen.since)),
            ("lease", self.lease.as_ref().map(|lease| lease.renewed)),
        ];
        let is_ahead = |time: DateTime<Utc>, by: TimeDelta| time.signed_duration_since(now) > by;
        let late_commit = TimeDelta::from_std(LATE_COMMIT).unwrap_or(TimeDelta::MAX - TOLERANCE);
        let unanswered = ("unanswered_until", self.unanswered_until, late_commit + TOLERANCE);
        let paused = [
            ("failures", self.failures.as_ref().map(|failures| failures.next_try)),
            (
                "troubles",
                self.input_failures
                    .iter()
                    .filter_map(|failures| failures.not_before)
                    .max(),
            ),
        ];
        let longest = TimeDelta::from_std(Failures::pause(u32::MAX)).unwrap_or(TimeDelta::MAX - TOLERANCE);
        let next_publish = self.shortage.as_ref().and_then(|shortage| shortage.next);
        let republish = (
            "shortage",
            next_publish,
            TimeDelta::minutes(LONGEST_REPUBLISH.into()) + TOLERANCE,
        );
        let been = been.into_iter().map(|(field, time)| (field, time, TOLERANCE));
        let paused = paused
            .into_iter()
            .map(|(field, time)| (field, time, longest + TOLERANCE));
        let mut ahead = been
            .chain([unanswered, republish])
            .chain(paused)
            .filter(|(_, time, by)| time.is_some_and(|time| is_ahead(time, *by)));
        ahead.next().map(|(field, ..)| field)
    }
}
