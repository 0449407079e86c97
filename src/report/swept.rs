//! What a sweep did, and what it noticed on the way.

use super::RunReport;
use super::answer::entries;
use crate::domain::{ObjectRef, SegmentName, utc};
use crate::error::Error;
use crate::source::Unmarked;
use crate::state::Waiting;
use serde_json::{Value, json};

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// The runs that came to an end.
    pub reports: Vec<RunReport>,
    /// Unfinished work that was left alone, as it waits.
    pub waiting: Vec<Waiting>,
    /// What a person should know.
    pub noticed: Vec<Noticed>,
    /// How many segments have grown old.
    pub stale: usize,
}

/// What a sweep noticed that a person should know; told as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Noticed {
    /// Some segments did not get their turn.
    #[error("the sweep ran out of time; the next one goes on")]
    OutOfTime,
    /// More results lie there than a sweep lists.
    #[error(
        "more than {limit} objects lie under {prefix}; a result whose event was lost may not be found: let a lifecycle rule \
         expire old results"
    )]
    TooManyResults {
        /// How many a sweep lists.
        limit: usize,
        /// Where they lie.
        prefix: String,
    },
    /// Results that no event told of are too old to tell whether they were counted.
    #[error(
        "whether {count} results for \"{segment_name}\" were counted before nobody can tell any more, of which the newest is \
         {newest}, so many others were counted since: the sweep leaves them alone. Where an event of one was lost, load it \
         directly; `history` tells which were loaded"
    )]
    Untold {
        /// The segment.
        segment_name: SegmentName,
        /// How many results there are.
        count: usize,
        /// The newest of them.
        newest: ObjectRef,
    },
    /// Data files wait for a marker or manifest.
    #[error(
        "data files wait for a marker or manifest for more than an hour ({}, the first is {}, of {}): nothing of them is loaded \
         until it is written; `status` lists them", .0.count, .0.first, utc(.0.since)
    )]
    Unmarked(Unmarked),
    /// A trial segment was left, and nobody could remove it.
    #[error("{0}")]
    TrialLeft(String),
}

impl RunReport {
    /// Reports that a sweep could do nothing for a segment, as far as it knows which it is.
    pub(crate) fn of_segment(segment_name: Option<&SegmentName>, error: &Error) -> Self {
        Self::failed(error, None).about(segment_name.cloned())
    }
}

impl Swept {
    /// Answers the sweep's invocation.
    pub(crate) fn answer(&self) -> Value {
        let warnings: Vec<_> = self.noticed.iter().map(ToString::to_string).collect();
        json!({ "runs": entries(&self.reports), "waiting": self.waiting, "warnings": warnings })
    }
}
