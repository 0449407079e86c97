//! What the one plain sentence of a run needs beyond its numbers.

use crate::error::Objection;
use crate::state::{Head, Job};
use chrono::{DateTime, Utc};

/// People that the segment held at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    /// How many.
    pub(crate) people: u64,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
}

/// What a head tells of the segment before a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    /// The last audience that was seen in Dynamics.
    pub(crate) last: Option<Audience>,
    /// The head was read, and no publish was under way of which nobody knows the end.
    pub(crate) is_clear: bool,
    /// The last run that ended, of whatever input, ended badly.
    pub(crate) went_wrong: bool,
    /// With which error type the run before of this input ended badly, empty where a guard refused it.
    pub(crate) ended_badly: Option<String>,
}

/// What a sentence needs beyond the numbers of a report.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Background {
    pub(crate) past: Past,
    /// What journeys were seen to go by.
    pub(crate) journeys: Option<Audience>,
    /// Why the result is not loaded, where it could be read.
    pub(crate) objection: Option<Objection>,
    /// It is tried again without anybody asking.
    pub(crate) is_tried_again: bool,
    /// Another result of the segment goes first.
    pub(crate) waits_for_another: bool,
    /// Publish may have been sent.
    pub(crate) may_be_published: bool,
    /// When that was published which was only looked at.
    pub(crate) followed_up: Option<DateTime<Utc>>,
    /// The segment is there no more.
    pub(crate) is_gone: bool,
    /// There is no segment, and none was made.
    pub(crate) is_missing: bool,
    /// What came and went is counted for this attempt alone, after another one.
    pub(crate) goes_on: bool,
}

impl Past {
    pub(crate) fn of(head: &Head, job: &Job) -> Self {
        let applied = head.applied.as_ref().filter(|applied| applied.confirmed);
        let last = applied.and_then(|applied| {
            Some(Audience {
                people: applied.members?.count,
                since: applied.at,
            })
        });
        let publishing = head.writing.as_ref().and_then(|writing| writing.publishing);
        Self {
            last,
            is_clear: publishing.is_none(),
            went_wrong: head.went_wrong,
            ended_badly: head.ended_badly(job).map(str::to_owned),
        }
    }
}
