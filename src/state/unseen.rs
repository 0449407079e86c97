//! Since when nothing that was published has been seen in Dynamics, as a head remembers it.

use super::head::Head;
use crate::state::transition::LeaseLost;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// One publish after another of which none was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// When the first of them was published, by S3's clock.
    pub since: DateTime<Utc>,
    /// People were told that it takes too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_told: bool,
}

impl Unseen {
    /// Begins with a publish of which nobody has seen anything yet; what was published before it was seen.
    pub(in crate::state) const fn since(now: DateTime<Utc>) -> Self {
        Self {
            since: now,
            is_told: false,
        }
    }

    /// From when on a person has to look. A publish takes minutes, about an hour at times (Microsoft's documentation of automatic
    /// segment management), and hours in a queue where there are hundreds of segments (Microsoft's support article on the member
    /// count); a file of the next day would find the publish of this one unseen.
    const TOO_LONG: TimeDelta = TimeDelta::hours(24);
}

impl Head {
    /// Returns when the first was published of what is not seen yet; `None` if the last publish was seen.
    pub fn unseen_since(&self) -> Option<DateTime<Utc>> {
        let applied = self.applied.as_ref().filter(|applied| !applied.confirmed)?;
        Some(self.unseen.map_or(applied.at, |unseen| unseen.since))
    }

    /// Returns the same where it is too long ago at `now`.
    pub fn overdue_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.unseen_since().filter(|since| now - *since >= Unseen::TOO_LONG)
    }

    /// Returns the same where nobody has heard of that yet.
    pub fn untold_overdue_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_told = self.unseen.is_some_and(|unseen| unseen.is_told);
        self.overdue_since(now).filter(|_| !is_told)
    }

    /// Records that people were told that nothing is seen for too long: what is seen later is over for them.
    pub fn note_overdue_told(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.unseen = self.unseen_since().map(|since| Unseen { since, is_told: true });
        self.went_wrong |= self.unseen.is_some();
        Ok(())
    }

    /// Notes a publish into a segment at `now`, which nobody has seen yet, or that it is seen.
    pub(in crate::state) fn note_publish(&mut self, segment_id: Option<&str>, is_seen: bool, now: DateTime<Utc>) {
        let before = self.applied.as_ref().map(|applied| applied.segment_id.as_deref());
        let since = self.unseen_since().filter(|_| before == Some(segment_id));
        let is_told = since.is_some() && self.unseen.is_some_and(|unseen| unseen.is_told);
        self.unseen = (!is_seen).then_some(Unseen {
            since: since.unwrap_or(now),
            is_told,
        });
    }
}
