//! Members that were published and are not counted, as a head remembers them.

use chrono::{DateTime, Utc};
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
    /// How many stayed missing when all was tried: a shortage that is no larger is nothing new.
    #[serde(default)]
    pub stayed: u64,
}

impl Shortage {
    /// How often a segment is published again for the members that are missing.
    const MOST_PUBLISHES: u32 = 3;

    /// Returns whether the members were published again as often as they may be.
    pub const fn was_published_enough(&self) -> bool {
        self.publishes >= Self::MOST_PUBLISHES
    }
}
