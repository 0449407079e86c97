//! What Dynamics shows of a segment at one moment: its row, and the times of its definition's last computation.

use super::SegmentStatus;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What Dynamics shows of a segment at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The row's `statuscode`.
    pub status_code: i64,
    /// How many members the row shows.
    #[serde(default)]
    pub count: Option<u64>,
    /// What the definition tells of its last computation; `None` if it was not looked at, or where its table has no such
    /// columns.
    #[serde(default)]
    pub computation: Option<Computation>,
    /// The row's version, where it is a number: a row of the same version is the same row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// What a definition tells of the last time that its members were computed, by Dynamics' clock; it has whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computation {
    /// When it began.
    #[serde(default)]
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default)]
    pub finished: Option<DateTime<Utc>>,
    /// Whether it failed, so that an Active row shows the earlier audience.
    #[serde(default)]
    pub has_failed: bool,
    /// Whether it is under way, whatever the row shows meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_running: bool,
}

impl View {
    /// What is seen of a segment that is not there yet: it comes as one that was never published.
    pub const NOTHING: Self = Self {
        status_code: 2,
        count: None,
        computation: None,
        version: None,
    };

    /// Returns what the row's status means.
    pub const fn status(&self) -> SegmentStatus {
        SegmentStatus::of(self.status_code)
    }

    /// Returns whether Dynamics has computed the members anew since it showed `before`, or was at it then or is now: its times
    /// say so, the row's status or, where there are no times, another count, which may come late.
    pub fn is_computed_since(&self, before: &Self) -> bool {
        let times = |view: &Self| {
            view.computation
                .map(|computation| (computation.started, computation.finished))
        };
        let is_at_other_times = times(self).unwrap_or_default() != times(before).unwrap_or_default();
        let (is_active, was_active) = (self.status().is_active(), before.status().is_active());
        let is_another = if was_active {
            let has_times = times(self).zip(times(before)).is_some();
            let are_others = self.count.zip(before.count).is_some_and(|(now, then)| now != then);
            is_active && !has_times && are_others
        } else {
            is_active
        };
        self.is_busy() || before.is_busy() || is_at_other_times || is_another
    }

    pub(super) fn is_busy(&self) -> bool {
        self.status() == SegmentStatus::Busy
    }
}

impl Computation {
    /// A status alone may be left from long ago; so may a beginning without an end, where nobody writes ends.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_running || self.finished.is_some() && self.started > self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: i64 = 1;
    const INACTIVE: i64 = 2;
    const BUSY: i64 = 6;
    const OLD: Option<u64> = Some(1_000);
    const NEW: Option<u64> = Some(1_100);

    fn view(status_code: i64, count: Option<u64>) -> View {
        View {
            status_code,
            count,
            computation: None,
            version: None,
        }
    }

    /// A state beside the seconds at which the last computation began and ended.
    fn computed(status_code: i64, started: i64, finished: i64) -> View {
        let at = |second| DateTime::from_timestamp(1_795_000_000 + second, 0);
        let computation = Computation {
            started: at(started),
            finished: at(finished),
            ..Computation::default()
        };
        View {
            computation: Some(computation),
            ..view(status_code, OLD)
        }
    }

    #[test]
    fn what_dynamics_has_computed_meanwhile_shows_in_its_times_its_status_or_its_count() {
        let stopped = 9;
        for (before, now, expected) in [
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 10, 20), false),
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 30, 20), true),
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 10, 40), true),
            (view(ACTIVE, OLD), view(ACTIVE, OLD), false),
            (view(ACTIVE, OLD), view(ACTIVE, NEW), true),
            (
                computed(ACTIVE, 10, 20),
                View {
                    count: NEW,
                    ..computed(ACTIVE, 10, 20)
                },
                false,
            ),
            (view(ACTIVE, None), view(ACTIVE, NEW), false),
            (view(ACTIVE, OLD), view(BUSY, None), true),
            (view(BUSY, None), view(ACTIVE, OLD), true),
            (view(INACTIVE, None), view(INACTIVE, None), false),
            (view(INACTIVE, None), view(ACTIVE, OLD), true),
            (view(ACTIVE, OLD), view(stopped, OLD), false),
            (view(INACTIVE, None), computed(INACTIVE, 10, 20), true),
        ] {
            assert_eq!(now.is_computed_since(&before), expected, "{before:?} {now:?}");
        }
        let never = Computation::default();
        let (unread, never) = (
            view(INACTIVE, None),
            View {
                computation: Some(never),
                ..view(INACTIVE, None)
            },
        );
        assert!(!never.is_computed_since(&unread), "a definition that was just made");
    }
}
