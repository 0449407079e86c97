//! The lease: the right of one worker to change a segment, for a while.

use crate::domain::{LONGEST_LEASE, RunId};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The right of one worker to change the segment, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker, a fresh random id per invocation.
    pub owner: String,
    /// The run it was taken for.
    pub run_id: Option<RunId>,
    /// S3's time, as the holder knows it, of the last renewal.
    pub renewed: DateTime<Utc>,
    /// How long it lasts after `renewed`, in seconds.
    pub seconds: u64,
}

impl Lease {
    /// S3's `Date` has whole seconds: two times read from it may lie that much farther apart than they seem.
    const ROUNDING: Duration = Duration::from_secs(1);

    /// A lease that lasts longer, in seconds, somebody else has written: no invocation lasts longer than 15 minutes, and what
    /// it says would keep files out for as long.
    const LONGEST: u64 = LONGEST_LEASE.as_secs();

    /// Returns whether a worker may have written this: its end is a time that can be reckoned with.
    pub fn is_possible(&self) -> bool {
        let lease = TimeDelta::from_std(Duration::from_secs(self.seconds.min(Self::LONGEST)) + Self::ROUNDING);
        let end = lease.ok().and_then(|lease| self.renewed.checked_add_signed(lease));
        self.seconds <= Self::LONGEST && end.is_some()
    }

    /// Returns whether the lease has run out at `now`, S3's time.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now > self.end()
    }

    /// Returns when the lease runs out, unless it is renewed.
    pub fn end(&self) -> DateTime<Utc> {
        self.renewed + Duration::from_secs(self.seconds) + Self::ROUNDING
    }
}
