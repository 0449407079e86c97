//! Members that were published and are not counted, as a head remembers them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Members that Dynamics does not count although they were published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// How many members Dynamics was to count.
    #[serde(default)]
    pub asked: u64,
    /// How many of them are missing.
    pub missing: u64,
    /// How often they were published again.
    #[serde(default)]
    pub publishes: u32,
    /// When a sweep publishes them again, by S3's clock; `None` if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DateTime<Utc>>,
    /// How often in a row they could not be published again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub put_off: u32,
    /// How many stayed missing when all was tried: a shortage that is no larger is nothing new.
    #[serde(default)]
    pub stayed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(times: &u32) -> bool {
    *times == 0
}

impl Shortage {
    /// How often a segment is published again for the members that are missing.
    const MOST_PUBLISHES: u32 = 3;

    /// Returns after what time it is tried again to publish them, where that could not be done: twice as long every time, and a
    /// day at most.
    pub(super) fn put_off_by(&self, pause: TimeDelta) -> TimeDelta {
        let longer = pause * 2_i32.saturating_pow(self.put_off.min(11));
        longer.min(TimeDelta::days(1).max(pause))
    }

    /// Returns whether the members were published again as often as they may be.
    pub const fn was_published_enough(&self) -> bool {
        self.publishes >= Self::MOST_PUBLISHES
    }
}
