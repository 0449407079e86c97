//! What went wrong with a segment and with its inputs, as a head remembers it.

use super::head::Input;
use crate::domain::ErrorType;
use crate::time::Backoff;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What went wrong with one input: with its event and its direct loads together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFailures {
    /// The input.
    #[serde(flatten)]
    pub input: Input,
    /// How many of its attempts failed in a row.
    pub count: u32,
    /// Of them, how many died without a word.
    pub lost: u32,
    /// The last one's error type; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorType>,
    /// Nobody may have heard of that: its worker may have died before it told of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_untold: bool,
    /// Its last attempt got nowhere until the time was over, and was let go on once.
    #[serde(default)]
    pub is_stalled: bool,
    /// How many members its last attempt that ran out of time found to be added and removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<u64>,
    /// Others go first until then, by S3's clock.
    pub not_before: Option<DateTime<Utc>>,
}

/// Failures since the last success, and when the sweep tries again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many in a row.
    pub count: u32,
    /// The last failure's error type.
    pub code: ErrorType,
    /// Not before this moment, by S3's clock.
    pub next_try: DateTime<Utc>,
}

impl Failures {
    /// The sweep's pauses: they double from a quarter of an hour to a day, so that a mended tenant is noticed within a day
    /// without anybody's help.
    const PAUSES: Backoff = Backoff {
        first: Duration::from_mins(15),
        longest: Duration::from_hours(24),
    };
    /// From so many failures in a row on, of the segment or of one input, a person is needed.
    pub const NEEDS_ATTENTION: u32 = 5;

    /// Returns the pause after the `count`th failure in a row.
    pub fn pause(count: u32) -> Duration {
        Self::PAUSES.pause(count)
    }
}
