//! A draft that was taken for what it had been before an attempt began to write, since a list showed nothing of that: nobody tells
//! how long a list may lag, so that what is added or removed next must find and leave just whom it says.

use super::head::{Head, Job};
use crate::domain::{Census, Mode, RunId};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A draft in which more may be than the list has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unproven {
    /// What may be in it: what this run has written.
    run_id: RunId,
    /// Who was in it by the list.
    members: Census,
    /// Since when, by S3's clock.
    pub(super) since: DateTime<Utc>,
    /// Who is to be in it when the addition or removal is done that has begun to write since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Expected>,
}

/// Who is to be in a draft when a job is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Expected {
    run_id: RunId,
    members: Census,
}

/// How long after a write a list is believed that nobody can try.
const SETTLED_LISTS: TimeDelta = TimeDelta::minutes(10);

impl Head {
    /// Notes that a draft is taken for right in which what a run has `written` may be all the same; of what was found out otherwise
    /// before, nothing is known any more.
    pub(super) fn note_unproven(&mut self, written: Option<RunId>, members: Option<Census>, since: DateTime<Utc>) {
        self.unproven = written.zip(members).map(|(run_id, members)| Unproven {
            run_id,
            members,
            since,
            expected: None,
        });
    }

    /// Notes that the addition or removal that had begun to write since has taken its change out again.
    pub(super) fn expect_nothing_more(&mut self) {
        if let Some(unproven) = &mut self.unproven {
            unproven.expected = None;
        }
    }

    /// Returns whether a list has to be tried before what it shows is published.
    pub const fn has_doubtful_lists(&self) -> bool {
        self.writing.is_some() || self.unproven.is_some()
    }

    /// Returns whether nothing is published at `now` that was only found again by a list, since that may not show yet what was
    /// written before.
    pub fn lists_may_lag(&self, now: DateTime<Utc>) -> bool {
        let is_young = |unproven: &Unproven| now < unproven.since + SETTLED_LISTS;
        self.unproven.as_ref().is_some_and(is_young)
    }

    /// Returns whether a draft with these members is another one than was taken for right.
    pub(super) fn is_proven_wrong_by(&self, job: &Job, members: &Census) -> bool {
        let has_begun = self.expected_of(job).is_some();
        let is_another = |unproven: &Unproven| unproven.members != *members && unproven.run_id != job.run_id;
        !has_begun && self.unproven.as_ref().is_some_and(is_another)
    }

    /// Notes who is to be in the draft when an addition or removal is done that begins to write; it stays so for its next attempts.
    pub fn expect(&mut self, job: &Job, members: impl FnOnce() -> Census) {
        let is_noted = job.mode == Mode::Replace || self.expected_of(job).is_some();
        if let Some(unproven) = self.unproven.as_mut().filter(|_| !is_noted) {
            unproven.expected = Some(Expected {
                run_id: job.run_id.clone(),
                members: members(),
            });
        }
    }

    /// Returns who is to be in the draft when a job is done that has begun to write.
    pub fn expected_of(&self, job: &Job) -> Option<Census> {
        let expected = self.unproven.as_ref()?.expected.as_ref()?;
        (expected.run_id == job.run_id).then_some(expected.members)
    }
}
