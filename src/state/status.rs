//! What a head says of its segment at a glance: for people who ask, and for nobody who decides.

use super::head::{Head, Lease};
use crate::domain::SegmentName;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::fmt;

/// A segment at a glance; what is unknown is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The segment's name.
    pub segment_name: Option<SegmentName>,
    /// Where it lives; unknown of what an earlier version kept.
    pub environment: Option<String>,
    /// The id of the business unit, where its destination names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<String>,
    /// The first state that holds, in their order.
    pub state: State,
    /// When its audience was last known to be right.
    pub last_load: Option<DateTime<Utc>>,
    /// When the first was published of what was not yet seen in Dynamics.
    pub computing_since: Option<DateTime<Utc>>,
    /// How many contacts the last result held that was loaded.
    pub contacts: Option<u64>,
    /// How many people the segment has: those whom Dynamics counts, where it was seen.
    pub people: Option<u64>,
    /// How many jobs are not carried out yet.
    pub pending: usize,
    /// Until when what is unfinished waits after failures, unless somebody asks for it.
    pub waiting_until: Option<DateTime<Utc>>,
    /// Until when the worker has the segment that works on it, or that died.
    pub lease_until: Option<DateTime<Utc>>,
    /// How many attempts failed in a row, of the segment or of one of its inputs.
    pub failures: u32,
    /// What a person should know of the state.
    pub reason: Option<String>,
}

/// The state of a segment; of several that hold the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its head cannot be read.
    Unreadable,
    /// A worker has it.
    Loading,
    /// What is unfinished has failed.
    Failing,
    /// Jobs wait to be carried out.
    Waiting,
    /// It was published, and Dynamics was not yet seen to show it.
    Computing,
    /// The newest result for it was refused.
    Refused,
    /// Its audience is older than the destination allows.
    Stale,
    /// Its audience is that of the newest result.
    Fresh,
}

/// Unfinished work that is left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The segment.
    pub segment_name: SegmentName,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// Why unfinished work is left alone.
enum Why<'a> {
    /// Somebody holds the lease.
    Held,
    /// Its attempts failed.
    Failed { count: u32, code: Option<&'a str> },
}

impl Status {
    /// Describes a head at `now`, S3's time; `stale_after` is how old an audience may be.
    pub fn of(head: &Head, now: DateTime<Utc>, stale_after: Option<TimeDelta>) -> Self {
        let last_load = head.last_seen_good();
        let is_stale = stale_after.is_some_and(|after| head.stale_since(now, after).is_some());
        let failures = head.failures_in_a_row();
        let refused = head.refused_since();
        let state = if head.is_held(now) {
            State::Loading
        } else if failures > 0 {
            State::Failing
        } else if !head.pending.is_empty() {
            State::Waiting
        } else if head.is_unconfirmed() {
            State::Computing
        } else if refused.is_some() {
            State::Refused
        } else if is_stale {
            State::Stale
        } else {
            State::Fresh
        };
        let waiting = head.waiting(now);
        let reason = match state {
            State::Refused => refused.map(|refused| refused.refusal.reason.clone()),
            State::Fresh => head
                .last_run
                .as_ref()
                .filter(|run| run.needs_attention)
                .map(|run| run.sentence.clone()),
            State::Stale => Some("no result has been loaded for longer than `stale_after_hours`".to_owned()),
            _ => waiting.as_ref().map(|waiting| waiting.reason.clone()),
        };
        Self {
            segment_name: Some(head.segment_name.clone()),
            environment: Some(head.home.environment.clone()).filter(|environment| !environment.is_empty()),
            business_unit: head.home.business_unit.clone(),
            state,
            last_load,
            computing_since: head.unseen_since(),
            contacts: head.applied.as_ref().map(|applied| applied.contacts),
            people: head.people(),
            pending: head.pending.len(),
            waiting_until: waiting.map(|waiting| waiting.until).filter(|_| state != State::Loading),
            lease_until: head.lease.as_ref().map(Lease::end).filter(|_| state == State::Loading),
            failures,
            reason,
        }
    }

    /// Describes it for a function that never goes on with it, since its destination is another one: nothing that is tried
    /// again is by that one, nor awaited.
    pub fn of_another(self) -> Self {
        let reason = match (self.state, &self.environment) {
            (State::Failing | State::Waiting | State::Computing, Some(environment)) => Some(format!(
                "this function does not go on with it: that takes one whose destination is {environment}{}",
                if self.business_unit.is_some() {
                    ", with the same business unit"
                } else {
                    ""
                }
            )),
            _ => self.reason,
        };
        Self {
            waiting_until: None,
            reason,
            ..self
        }
    }

    /// Describes a head that cannot be read.
    pub const fn unreadable(
        segment_name: Option<SegmentName>,
        environment: Option<String>,
        business_unit: Option<String>,
        reason: String,
    ) -> Self {
        Self {
            segment_name,
            environment,
            business_unit,
            state: State::Unreadable,
            last_load: None,
            computing_since: None,
            contacts: None,
            people: None,
            pending: 0,
            waiting_until: None,
            lease_until: None,
            failures: 0,
            reason: Some(reason),
        }
    }
}

impl Head {
    /// Returns when the audience was last known to be right.
    fn last_load(&self) -> Option<DateTime<Utc>> {
        let applied = self.applied.as_ref().map(|applied| applied.at);
        self.last_good.or(applied)
    }

    /// Returns when a load was last seen in Dynamics.
    fn last_seen_good(&self) -> Option<DateTime<Utc>> {
        let applied = self.applied.as_ref().filter(|applied| applied.confirmed);
        self.last_good.or(applied.map(|applied| applied.at))
    }

    /// Returns when the audience was last known to be right, where that is longer ago than it may be.
    pub fn stale_since(&self, now: DateTime<Utc>, after: TimeDelta) -> Option<DateTime<Utc>> {
        self.last_load().filter(|last| now - *last > after)
    }

    /// Records that people were told that the segment has had no good load since then: the next one is over for them what they
    /// were told of, unless there was one meanwhile.
    pub fn note_stale_told(&mut self, since: DateTime<Utc>) {
        self.told_stale = Some(since);
        self.went_wrong |= self.last_load() == Some(since);
    }

    /// Returns until when unfinished work is left alone at `now`, and why; `None` if there is none, or it is due.
    pub fn waiting(&self, now: DateTime<Utc>) -> Option<Waiting> {
        if self.pending.is_empty() && !self.is_unconfirmed() {
            return None;
        }
        let held = self.lease.as_ref().filter(|lease| !lease.is_over(now)).map(Lease::end);
        let (until, why) = match held {
            Some(until) => (until, Why::Held),
            None if self.is_due(now) || self.is_to_be_looked_after(now) => return None,
            None => {
                let code = self.failures.as_ref().map(|failures| failures.code.as_str());
                let count = self.failures_in_a_row();
                (self.paused_until(now)?, Why::Failed { count, code })
            }
        };
        Some(Waiting {
            segment_name: self.segment_name.clone(),
            until,
            reason: why.to_string(),
        })
    }

    /// Returns how many attempts failed in a row, of the segment or of one of its inputs.
    fn failures_in_a_row(&self) -> u32 {
        let of_segment = self.failures.as_ref().map_or(0, |failures| failures.count);
        let of_inputs = self.input_failures.iter().map(|failures| failures.count);
        of_inputs.fold(of_segment, u32::max)
    }

    /// Returns when the first of what waits after failures is tried again.
    fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let of_segment = self.failures.as_ref().map(|failures| failures.next_try);
        let of_inputs = self
            .input_failures
            .iter()
            .filter_map(|failures| failures.not_before)
            .min();
        of_segment.max(of_inputs).filter(|until| *until > now)
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str(
                "a run has the segment until then, unless it goes on; where it died, the next sweep after that goes on",
            ),
            Self::Failed { count, code } => {
                match count {
                    1 => f.write_str("1 attempt failed")?,
                    count => write!(f, "{count} attempts in a row failed")?,
                }
                if let Some(code) = code {
                    let last = if *count == 1 { "" } else { ", the last one" };
                    write!(f, "{last} with {code}")?;
                }
                f.write_str("; a sweep with `now` does not wait")
            }
        }
    }
}
