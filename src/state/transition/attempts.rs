//! Attempts: each counts from its beginning, and what fails waits without keeping others waiting.

use super::LeaseLost;
use crate::domain::{ErrorType, Mode};
use crate::state::head::{Failures, Head, InputFailures, Job, Lease};
use crate::state::past::LastRun;
use chrono::{DateTime, Utc};

/// An attempt that ended without a word: it was killed, or stood still past its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What was attempted.
    pub job: Job,
    /// Whether that calls for a person.
    pub needs_attention: bool,
    /// Whether the attempt before it at the same input ended so, too.
    pub is_repeated: bool,
    /// The audience that was last seen in Dynamics, as [`Head::last_seen`] tells it.
    pub last_seen: Option<(u64, DateTime<Utc>)>,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The input's own: it waits by itself, and others go on.
    Input,
    /// The segment's or the tenant's: another input would fare no better.
    Segment,
}

/// From so many attempts on that died without a word, the input is to blame: once may happen to anybody.
const LOST_BY_ITSELF: u32 = 2;

/// The error type of an attempt that ended without a word.
const LOST: &str = "AttemptLost";

impl Head {
    /// Returns what an attempt is about that begins at `now`: the next job, or what was published last and was not yet seen
    /// Active, which is only followed up.
    pub(super) fn begun_at(&self, now: DateTime<Utc>) -> Option<&Job> {
        self.next_at(now).or_else(|| self.to_follow_up_at(now))
    }

    pub(super) fn to_follow_up_at(&self, now: DateTime<Utc>) -> Option<&Job> {
        let applied = self
            .applied
            .as_ref()
            .filter(|_| self.is_unconfirmed() && self.writing.is_none())?;
        Some(&applied.job).filter(|job| !self.waits(job, now))
    }

    pub(super) fn waits(&self, job: &Job, now: DateTime<Utc>) -> bool {
        let until = self.failures_of(job).and_then(|failures| failures.not_before);
        until.is_some_and(|until| until > now)
    }

    /// Notes the beginning of an attempt at the next job, or gives the lease back where nothing is left to do. What has ended
    /// before is told by then; `told` is how people were told of the last of it.
    pub fn next_or_release(
        &mut self,
        owner: &str,
        told: Option<&LastRun>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>, LeaseLost> {
        self.lease_of(owner)?;
        self.note_told_run(told);
        let next = self.next_at(now).cloned();
        if next.is_none() {
            self.release(owner)?;
        }
        self.note_told();
        self.attempt.clone_from(&next);
        Ok(next)
    }

    /// Records a failure of an attempt, which counts for the input and for the segment; returns whether a person is needed.
    pub fn fail(
        &mut self,
        owner: &str,
        job: &Job,
        code: &str,
        whose: Whose,
        now: DateTime<Utc>,
    ) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        self.attempt = None;
        self.note_failure(job, code, now, Some(whose));
        Ok(self.needs_attention(job))
    }

    /// Records that Dynamics failed to compute what was published, after nobody waited for it any more; returns whether a
    /// person is needed.
    ///
    /// It is published again after a pause, for which nothing else has to wait.
    pub fn fail_late(&mut self, owner: &str, job: &Job, code: &str, now: DateTime<Utc>) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = self.applied.as_mut().filter(|applied| applied.job == *job) {
            applied.has_failed = true;
        }
        self.fail(owner, job, code, Whose::Input, now)
    }

    /// Gives the lease up where the time was over, and answers whether the job may go on with the next attempt: always
    /// where this one got on, and once where it did not.
    ///
    /// `difference` is how many members it found to be added and removed: where they are as many as the attempt before found that
    /// ran out of time, nothing has come of what that one wrote.
    pub fn interrupt(
        &mut self,
        owner: &str,
        job: &Job,
        got_on: bool,
        difference: Option<u64>,
    ) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        let before = self.failures_of(job);
        let was_stalled = before.is_some_and(|failures| failures.is_stalled);
        let is_nearer = before
            .and_then(|failures| failures.difference)
            .zip(difference)
            .is_none_or(|(then, now)| now < then);
        let got_on = got_on && is_nearer;
        if was_stalled && !got_on {
            return Ok(false);
        }
        if was_stalled || !got_on || difference.is_some() {
            let failures = self.failures_of_mut(job);
            failures.is_stalled = !got_on;
            failures.difference = difference.or(failures.difference);
        }
        self.give_up(owner)?;
        Ok(true)
    }

    /// Tells the holder of the lease whether this job is what was applied last, and nothing is queued beside it.
    pub fn is_still_applied(&mut self, owner: &str, job: &Job) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        Ok(self.is_unconfirmed() && self.applied.as_ref().is_some_and(|applied| applied.job == *job))
    }

    /// Queues again what was applied, where Dynamics did not come to show it: everything is read and verified anew.
    pub fn redo(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(job) = self.applied.as_ref().map(|applied| applied.job.clone()) {
            self.drop_job(&job);
            self.pending.push(job);
        }
        Ok(())
    }

    /// Takes note that the attempt before ended without a word, where it did.
    ///
    /// The first time the job waits for the lease only, then as after a failure of its own.
    pub(super) fn bury(&mut self, now: DateTime<Utc>) -> Option<Lost> {
        let job = self.attempt.take()?;
        let is_repeated = self.ended_badly(&job) == Some(LOST);
        let failures = self.failures_of_mut(&job);
        failures.lost = failures.lost.saturating_add(1);
        let whose = (failures.lost >= LOST_BY_ITSELF).then_some(Whose::Input);
        self.note_failure(&job, LOST, now, whose);
        let needs_attention = self.needs_attention(&job);
        Some(Lost {
            job,
            needs_attention,
            is_repeated,
            last_seen: self.last_seen(),
        })
    }

    fn note_failure(&mut self, job: &Job, code: &str, now: DateTime<Utc>, whose: Option<Whose>) {
        let is_known = self.ended_badly(job) == Some(code);
        let failures = self.failures_of_mut(job);
        failures.count = failures.count.saturating_add(1);
        failures.code = Some(code.into());
        failures.is_untold = !is_known;
        let until = now + Failures::pause(failures.count);
        failures.not_before = (whose == Some(Whose::Input)).then_some(until);
        self.went_wrong = true;
        let before = self.failures.as_ref();
        self.failures = Some(Failures {
            count: before.map_or(0, |failures| failures.count).saturating_add(1),
            code: code.into(),
            next_try: match whose {
                Some(Whose::Segment) => until,
                _ => before.map_or(now, |failures| failures.next_try),
            },
        });
    }

    /// Ends an attempt, whatever became of it, and forgets what went wrong with inputs that are done with.
    pub(super) fn end_attempt(&mut self) {
        self.attempt = None;
        let (pending, unconfirmed) = (&self.pending, self.applied.iter().filter(|applied| !applied.confirmed));
        let unfinished: Vec<_> = pending.iter().chain(unconfirmed.map(|applied| &applied.job)).collect();
        let is_unfinished = |failures: &InputFailures| unfinished.iter().any(|job| failures.is_of(job));
        self.input_failures.retain(is_unfinished);
    }

    /// Ends an attempt that went well: only what was seen Active clears the segment of its failures.
    pub(super) fn end_well(&mut self) {
        if self.end_without_failure() {
            self.recover();
        }
    }

    /// Ends an attempt that did not fail; returns whether the segment is clear of its failures.
    pub(super) fn end_without_failure(&mut self) -> bool {
        let is_clear = self.applied.as_ref().is_none_or(|applied| applied.confirmed);
        if is_clear {
            self.failures = None;
        }
        self.note_unreported();
        self.end_attempt();
        is_clear
    }

    /// Returns whether a sweep should go on with what is pending at `now`, S3's time, or has to tell of what nobody may have heard.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_untold = self.attempt.is_some() || self.unreported.is_some() || !self.overtaken.is_empty();
        !self.is_held(now) && (is_untold || !self.is_pausing(now) && self.next_at(now).is_some())
    }

    /// Returns whether a sweep should look at `now` whether Dynamics shows what was published last: where nothing else is to be
    /// done, be it that another file waits after a failure. Once that one has begun to write, the segment may show its publish.
    pub fn is_to_be_looked_after(&self, now: DateTime<Utc>) -> bool {
        let is_free = self.next_at(now).is_none() && self.to_follow_up_at(now).is_some();
        is_free && !self.is_held(now) && !self.is_pausing(now)
    }

    /// Returns whether the last published segment was not yet seen Active; what is queued again is not followed up.
    pub fn is_unconfirmed(&self) -> bool {
        let applied = self.applied.as_ref().filter(|applied| !applied.confirmed);
        applied.is_some_and(|applied| !self.pending.contains(&applied.job))
    }

    /// Returns whether somebody works on the segment.
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.lease.as_ref().is_some_and(|lease| !lease.is_over(now))
    }

    /// Returns whether somebody works on the segment who is not the `owner` of this lease.
    pub fn is_held_by_another(&self, owner: Option<&str>, now: DateTime<Utc>) -> bool {
        let is_own = |lease: &Lease| owner == Some(lease.owner.as_str());
        self.is_held(now) && !self.lease.as_ref().is_some_and(is_own)
    }

    pub(super) fn is_pausing(&self, now: DateTime<Utc>) -> bool {
        self.failures.as_ref().is_some_and(|failures| now < failures.next_try)
    }

    /// Returns whether the failures of the segment, or of this input, call for a person.
    pub fn needs_attention(&self, job: &Job) -> bool {
        let of_segment = self.failures.as_ref().map_or(0, |failures| failures.count);
        let of_input = self.failures_of(job).map_or(0, |failures| failures.count);
        of_segment.max(of_input) >= Failures::NEEDS_ATTENTION
    }

    /// Ends all pauses, since a person asks: what failed is tried at once, and counts on.
    pub fn lift_pauses(&mut self) {
        for failures in &mut self.input_failures {
            failures.not_before = None;
        }
        if let Some(failures) = &mut self.failures {
            failures.next_try = DateTime::UNIX_EPOCH;
        }
        if let Some(next) = self.shortage.as_mut().and_then(|shortage| shortage.next.as_mut()) {
            *next = DateTime::UNIX_EPOCH;
        }
    }

    /// Lets the worker that holds the segment begin at once with what it was asked for; with everything, where it was asked for
    /// no single job.
    pub fn skip_back_off(&mut self, job: Option<&Job>, now: DateTime<Utc>) {
        match job {
            Some(job) => self.lift_pauses_for(job),
            None => self.lift_pauses(),
        }
        self.attempt = self.begun_at(now).cloned();
    }

    /// Ends the pauses that would keep a job waiting that somebody asks for now.
    pub(super) fn lift_pauses_for(&mut self, job: &Job) {
        let of_replaces: Vec<_> = self
            .pending
            .iter()
            .filter(|pending| pending.mode == Mode::Replace)
            .collect();
        let is_in_the_way = |failures: &InputFailures| {
            failures.is_of(job)
                || job.mode == Mode::Replace && of_replaces.iter().any(|replace| failures.is_of(replace))
        };
        for failures in self
            .input_failures
            .iter_mut()
            .filter(|failures| is_in_the_way(failures))
        {
            failures.not_before = None;
        }
        if let Some(failures) = &mut self.failures {
            failures.next_try = DateTime::UNIX_EPOCH;
        }
    }

    pub(super) fn failures_of(&self, job: &Job) -> Option<&InputFailures> {
        self.input_failures.iter().find(|failures| failures.is_of(job))
    }

    /// Returns with which error type the attempt before at this input ended badly, empty where a guard refused it; `None` if
    /// none did, or where nobody may have heard of it.
    pub fn ended_badly(&self, job: &Job) -> Option<&str> {
        let failed = self.failures_of(job).and_then(|failures| failures.code.as_ref());
        let refused = self.refused.iter().find(|refused| job.is_about(&refused.position));
        let refused = || refused.map(|refused| refused.refusal.error_type.as_ref().map_or("", ErrorType::as_str));
        failed.map(ErrorType::as_str).or_else(refused)
    }

    /// Returns the job that goes before all others, with the error type that its last attempt, or the segment's, ended with;
    /// `None` if nothing is pending or nothing has failed.
    pub fn what_goes_first(&self) -> Option<(&Job, &str)> {
        let next = self.next()?;
        let of_input = self.failures_of(next).and_then(|failures| failures.code.as_ref());
        let code = of_input.or(self.failures.as_ref().map(|failures| &failures.code))?;
        Some((next, code.as_str()))
    }

    fn failures_of_mut(&mut self, job: &Job) -> &mut InputFailures {
        let index = self.input_failures.iter().position(|failures| failures.is_of(job));
        let index = index.unwrap_or_else(|| {
            self.input_failures.push(InputFailures::of(job));
            self.input_failures.len() - 1
        });
        &mut self.input_failures[index]
    }
}

impl InputFailures {
    fn of(job: &Job) -> Self {
        Self {
            input: job.input(),
            count: 0,
            lost: 0,
            code: None,
            is_untold: false,
            is_stalled: false,
            difference: None,
            not_before: None,
        }
    }

    fn is_of(&self, job: &Job) -> bool {
        job.is_about(&self.input.position)
    }
}
