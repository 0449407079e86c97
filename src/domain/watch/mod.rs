//! What is seen of a segment after Publish, and what of it can only come of that publish.

use super::{Computation, View};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

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
    /// How often the same was published before without any effect.
    #[serde(default)]
    without_effect: u32,
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
    /// The segment is Active, as long as that; but by its times nothing was computed since.
    WithoutEffect,
}

impl Watch {
    /// How long a state must last that nobody can tell from the earlier one: a publish is shown after an hour or somewhat
    /// more ("allow about an hour, sometimes longer", Microsoft's documentation of automatic segment management).
    pub const LONG_ENOUGH: TimeDelta = TimeDelta::minutes(75);

    /// How long a row is given to follow the definition, which says that its members were computed: they are rows of two
    /// tables. Nobody tells how long it takes; where a row was seen to lag, it was for less than a minute.
    const ROW_LAG: TimeDelta = TimeDelta::minutes(10);

    /// Begins when Dynamics has answered that it publishes a segment of `asked` members, which showed `before`.
    pub const fn begin(before: View, answered: Option<DateTime<Utc>>, asked: u64) -> Self {
        Self {
            asked,
            answered,
            before: Some(before),
            is_moving: false,
            unclear: None,
            without_effect: 0,
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
            without_effect: 0,
        }
    }

    /// Waits twice as long as for a publish that had no effect: this one is of the same, published once more.
    #[must_use]
    pub const fn after_one_without_effect(self, earlier: &Self) -> Self {
        Self {
            without_effect: earlier.without_effect.saturating_add(1),
            ..self
        }
    }

    /// Returns since when a state has lasted of which nobody can tell whose it is, by S3's clock.
    pub fn unclear_since(&self) -> Option<DateTime<Utc>> {
        self.unclear.map(|unclear| unclear.since)
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
        let has_lasted = |at_least| now - unclear.since >= at_least;
        if self.is_of_this_publish(&view) && has_lasted(Self::ROW_LAG) {
            return Sign::Shown;
        }
        if view.status().is_active() && self.is_without_effect(&view) {
            let long_enough =
                (Self::LONG_ENOUGH * 2_i32.saturating_pow(self.without_effect.min(5))).min(TimeDelta::days(1));
            return if has_lasted(long_enough) {
                Sign::WithoutEffect
            } else {
                Sign::Nothing
            };
        }
        if has_lasted(Self::LONG_ENOUGH) {
            Sign::Lasted
        } else {
            Sign::Nothing
        }
    }

    /// Returns whether a state can be of this publish alone.
    pub fn tells(&self, view: &View) -> bool {
        self.is_of_this_publish(view) && !self.is_row_of_before(view)
    }

    fn is_of_this_publish(&self, view: &View) -> bool {
        let has_moved = self.is_moving || self.is_another_status(view);
        !view.is_busy()
            && (self.is_another_count(view) || self.is_computed(view) || has_moved && !self.is_at_work(view))
    }

    /// Returns whether the row is the very one from before Publish, which changes it, so that its count is from before, too.
    fn is_row_of_before(&self, view: &View) -> bool {
        let before = self.before.and_then(|before| before.version);
        before.is_some() && before == view.version
    }

    /// Returns whether the times of the definition's computation can say more of a state than the row does.
    pub fn asks_for_times(&self, view: &View) -> bool {
        self.knows_times() && !view.is_busy() && !self.is_another_count(view)
    }

    /// Returns whether it is likely that only the times tell: the segment was Active before, and is to be again.
    pub fn wants_times(&self) -> bool {
        self.knows_times() && self.before.is_some_and(|before| before.status().is_active())
    }

    fn knows_times(&self) -> bool {
        self.answered.is_some() && self.before.is_some_and(|before| before.computation.is_some())
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

    /// Returns whether Dynamics is computing by its times although the row is Active: it has begun since the segment was seen
    /// before, and has not come to an end.
    fn is_at_work(&self, view: &View) -> bool {
        let then = self.before.and_then(|before| before.computation);
        let has_begun = |(then, now): (Computation, Computation)| now.started != then.started && now.is_under_way();
        view.status().is_active() && then.zip(view.computation).is_some_and(has_begun)
    }

    /// Returns whether the times of an Active segment say that nothing was computed since Publish, or that it failed.
    fn is_without_effect(&self, view: &View) -> bool {
        let then = self.before.and_then(|before| before.computation);
        let (Some(_), Some(then), Some(now)) = (self.answered, then, view.computation) else {
            return false;
        };
        then.finished.is_some() && now.finished.is_some() && !self.is_computed(view)
    }

    /// Returns whether the row shows another status than before.
    fn is_another_status(&self, view: &View) -> bool {
        self.before.filter(|before| !before.is_busy()).is_some_and(|before| {
            let are_active = before.status().is_active() && view.status().is_active();
            !are_active && view.status_code != before.status_code
        })
    }

    /// Returns whether an Active row shows another count than before, which is the one asked for.
    fn is_another_count(&self, view: &View) -> bool {
        self.before
            .filter(|before| before.status().is_active())
            .is_some_and(|before| {
                view.status().is_active() && view.count == Some(self.asked) && view.count != before.count
            })
    }

    fn was_busy(&self) -> bool {
        self.before.is_none_or(|before| before.is_busy())
    }
}

#[cfg(test)]
mod tests;
