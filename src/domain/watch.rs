//! What is seen of a segment after Publish, and what of it can only come of that publish.

use super::SegmentStatus;
use chrono::{DateTime, TimeDelta, Utc};
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
}

/// A publish whose effect is waited for.
///
/// Right after Publish the row may still show what was there before, or what comes of an earlier publish; and it changes for
/// many reasons besides. So a state is believed only where it can be of this publish alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// How many members the segment is to show.
    pub asked: u64,
    /// When Dynamics answered that it publishes, by its own clock; `None` if the answer did not say.
    #[serde(default)]
    answered: Option<DateTime<Utc>>,
    /// The last state that is not of this publish; `None` if nobody has seen one.
    #[serde(default)]
    before: Option<View>,
    /// Dynamics was seen at work on this publish.
    #[serde(default)]
    is_moving: bool,
    /// A state of which nobody can tell whose it is.
    #[serde(default)]
    unclear: Option<Unclear>,
}

/// Since when a state has lasted, by S3's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unclear {
    status_code: i64,
    since: DateTime<Utc>,
}

/// What a look at a published segment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing yet.
    Nothing,
    /// The state is of this publish.
    Shown,
    /// Nobody can tell; but the state has lasted for longer than Dynamics takes to publish.
    Lasted,
}

impl Watch {
    /// How long a state must last that nobody can tell from the earlier one: a publish is shown after an hour or somewhat
    /// more ("allow about an hour, sometimes longer", Microsoft's documentation of automatic segment management).
    const LONG_ENOUGH: TimeDelta = TimeDelta::minutes(75);

    /// Begins when Dynamics has answered that it publishes a segment of `asked` members, which showed `before`.
    pub const fn begin(before: View, answered: Option<DateTime<Utc>>, asked: u64) -> Self {
        Self {
            asked,
            answered,
            before: Some(before),
            is_moving: false,
            unclear: None,
        }
    }

    /// Begins for a publish of which nobody has noted what was there before.
    pub const fn unknown(asked: u64) -> Self {
        Self {
            asked,
            answered: None,
            before: None,
            is_moving: false,
            unclear: None,
        }
    }

    /// Looks at the segment's next state, at `now` by S3's clock.
    pub fn see(&mut self, view: View, now: DateTime<Utc>) -> Sign {
        if view.is_busy() {
            self.is_moving |= !self.was_busy();
            self.unclear = None;
            return Sign::Nothing;
        }
        if self.tells(&view) {
            return Sign::Shown;
        }
        if self.was_busy() {
            // What it was busy with before is at its end: whatever comes next is of this publish.
            self.before = Some(view);
        }
        let status_code = view.status_code;
        let unclear = self.unclear.filter(|unclear| unclear.status_code == status_code);
        let unclear = *self.unclear.insert(unclear.unwrap_or(Unclear {
            status_code,
            since: now,
        }));
        if now - unclear.since >= Self::LONG_ENOUGH {
            return Sign::Lasted;
        }
        Sign::Nothing
    }

    /// Returns whether a state can be of this publish alone.
    pub fn tells(&self, view: &View) -> bool {
        !view.is_busy() && (self.is_moving || self.is_another_state(view) || self.is_computed(view))
    }

    /// Returns whether the times of the definition's computation can say more of a state than the row does.
    pub fn asks_for_times(&self, view: &View) -> bool {
        let knows_times = self.before.is_some_and(|before| before.computation.is_some());
        knows_times && self.answered.is_some() && !view.is_busy() && !self.tells(view)
    }

    /// Returns whether the definition's members were computed since Dynamics answered that it publishes.
    ///
    /// Both times are Dynamics' and have whole seconds: within one second the one from before must have been another. Where the
    /// segment was busy, the end may be that of what it was busy with, unless that computation has begun since, too.
    fn is_computed(&self, view: &View) -> bool {
        let then = self.before.and_then(|before| before.computation);
        let (Some(answered), Some(then), Some(now)) = (self.answered, then, view.computation) else {
            return false;
        };
        let is_since = |time: Option<DateTime<Utc>>, then| time >= Some(answered) && time != then;
        is_since(now.finished, then.finished)
            && (!self.was_busy() || is_since(now.started, then.started))
            && !(now.has_failed && view.status().is_active())
    }

    /// Returns whether the row shows another state than before, of an Active one its count, which must be the one asked for.
    fn is_another_state(&self, view: &View) -> bool {
        let Some(before) = self.before.filter(|before| !before.is_busy()) else {
            return false;
        };
        if before.status().is_active() && view.status().is_active() {
            return view.count == Some(self.asked) && view.count != before.count;
        }
        view.status_code != before.status_code
    }

    fn was_busy(&self) -> bool {
        self.before.is_none_or(|before| before.is_busy())
    }
}

impl View {
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

    fn is_busy(&self) -> bool {
        self.status() == SegmentStatus::Busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: i64 = 1;
    const INACTIVE: i64 = 2;
    const ERROR: i64 = 3;
    const BUSY: i64 = 6;
    const OLD: Option<u64> = Some(1_000);
    const NEW: Option<u64> = Some(1_100);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap()
    }

    fn view(status_code: i64, count: Option<u64>) -> View {
        View {
            status_code,
            count,
            computation: None,
        }
    }

    /// A state beside the seconds at which the last computation began and ended.
    fn computed(status_code: i64, started: i64, finished: i64) -> View {
        View {
            computation: Some(Computation {
                started: Some(at(started)),
                finished: Some(at(finished)),
                has_failed: status_code == ERROR,
            }),
            ..view(status_code, OLD)
        }
    }

    fn is_shown(before: View, seen: &[View]) -> bool {
        let mut watch = Watch::begin(before, Some(at(100)), 1_100);
        let signs: Vec<_> = seen.iter().map(|view| watch.see(*view, at(0))).collect();
        signs.last() == Some(&Sign::Shown)
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

    #[test]
    fn without_times_a_state_is_believed_only_where_it_can_be_of_this_publish_alone() {
        for (before, seen, expected) in [
            ((ACTIVE, OLD), vec![(ACTIVE, OLD), (ACTIVE, OLD)], false),
            ((ACTIVE, OLD), vec![(ACTIVE, Some(999))], false),
            ((ACTIVE, OLD), vec![(ACTIVE, NEW)], true),
            ((ACTIVE, NEW), vec![(ACTIVE, NEW)], false),
            ((ACTIVE, NEW), vec![(BUSY, None), (ACTIVE, NEW)], true),
            ((INACTIVE, None), vec![(ACTIVE, Some(990))], true),
            ((ERROR, OLD), vec![(ERROR, OLD)], false),
            ((ERROR, None), vec![(BUSY, None), (ERROR, None)], true),
            ((ACTIVE, OLD), vec![(ERROR, None)], true),
            // Busy before: what it was busy with ends first.
            ((BUSY, None), vec![(BUSY, None), (ACTIVE, NEW)], false),
            ((BUSY, None), vec![(BUSY, None), (ERROR, None)], false),
            ((BUSY, None), vec![(ACTIVE, OLD), (BUSY, None), (ACTIVE, NEW)], true),
            ((BUSY, None), vec![(ACTIVE, OLD), (ACTIVE, NEW)], true),
        ] {
            let states: Vec<_> = seen.iter().map(|(code, count)| view(*code, *count)).collect();
            assert_eq!(
                is_shown(view(before.0, before.1), &states),
                expected,
                "{before:?} {seen:?}"
            );
        }
    }

    /// Publish was answered in second 100.
    #[test]
    fn a_computation_that_ended_after_the_answer_to_publish_is_of_this_publish() {
        for (before, now, expected) in [
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 10, 20), false),
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 90, 99), false),
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 99, 101), true),
            // Within one second: only where it is another end than the one before.
            (computed(ACTIVE, 10, 20), computed(ACTIVE, 100, 100), true),
            (computed(ACTIVE, 99, 100), computed(ACTIVE, 99, 100), false),
            // A clock that goes wrong does not make an end a new one.
            (computed(ACTIVE, 99, 105), computed(ACTIVE, 99, 105), false),
            // What ended was begun before, and is what the segment was busy with.
            (computed(BUSY, 90, 20), computed(ACTIVE, 90, 130), false),
            (computed(BUSY, 90, 20), computed(ACTIVE, 110, 130), true),
            // An Active row beside a computation that failed shows the earlier audience.
            (
                computed(ACTIVE, 10, 20),
                View {
                    status_code: ACTIVE,
                    ..computed(ERROR, 99, 130)
                },
                false,
            ),
            (computed(ERROR, 10, 20), computed(ERROR, 99, 130), true),
            // Where the table had no times before, they say nothing.
            (view(ACTIVE, OLD), computed(ACTIVE, 99, 130), false),
        ] {
            assert_eq!(is_shown(before, &[now]), expected, "{before:?} {now:?}");
        }
        let mut watch = Watch::begin(computed(ACTIVE, 10, 20), None, 1_100);
        assert_eq!(
            watch.see(computed(ACTIVE, 99, 130), at(0)),
            Sign::Nothing,
            "no `Date` came"
        );
    }

    #[test]
    fn what_nobody_can_tell_is_believed_once_it_has_lasted() {
        let minutes = |minutes: i64| at(minutes * 60);
        let mut watch = Watch::begin(view(ACTIVE, OLD), None, 1_000);
        assert_eq!(watch.see(view(ACTIVE, OLD), minutes(0)), Sign::Nothing);
        assert_eq!(watch.see(view(ACTIVE, OLD), minutes(74)), Sign::Nothing);
        assert_eq!(watch.see(view(ERROR, OLD), minutes(75)), Sign::Shown, "another state");
        assert_eq!(watch.see(view(ACTIVE, OLD), minutes(76)), Sign::Lasted);
        let mut watch = Watch::unknown(1_000);
        for (state, minute, sign) in [
            (BUSY, 0, Sign::Nothing),
            (ACTIVE, 10, Sign::Nothing),
            (ACTIVE, 84, Sign::Nothing),
            (ACTIVE, 85, Sign::Lasted),
        ] {
            assert_eq!(watch.see(view(state, OLD), minutes(minute)), sign, "{minute}");
        }
        let mut interrupted = Watch::begin(view(BUSY, None), None, 1_000);
        for (state, minute, sign) in [
            (ACTIVE, 0, Sign::Nothing),
            (BUSY, 60, Sign::Nothing),
            (BUSY, 90, Sign::Nothing),
            (ACTIVE, 91, Sign::Shown),
        ] {
            assert_eq!(interrupted.see(view(state, OLD), minutes(minute)), sign, "{minute}");
        }
    }

    #[test]
    fn what_a_watch_has_seen_outlives_the_run() {
        let mut watch = Watch::begin(computed(ACTIVE, 10, 20), Some(at(100)), 1_100);
        watch.see(view(BUSY, None), at(0));
        let kept = serde_json::to_string(&watch).unwrap();
        assert_eq!(serde_json::from_str::<Watch>(&kept).unwrap(), watch);
    }
}
