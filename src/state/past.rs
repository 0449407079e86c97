//! What a head remembers of the loads that are done, and what keeps it from being forgotten itself.

use super::head::{Head, Job, Writing};
use crate::domain::{Mode, Outcome, View, utc};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One load that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// When, by S3's clock.
    pub at: DateTime<Utc>,
    /// How many contacts its file held.
    pub contacts: u64,
    /// How many people the segment had after it, those whom Dynamics counts where it was seen; earlier heads lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u64>,
    /// What it came to.
    pub outcome: Loaded,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loaded {
    /// Published and seen.
    Loaded,
    /// Published, and not seen yet.
    Computing,
    /// The audience was right already.
    Unchanged,
}

/// The last run of a segment, as people were told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it was told, by S3's clock.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// The run in one plain sentence.
    pub sentence: String,
    /// It made the segment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
    /// The segment that it made has nearly the name of another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub near_name: bool,
    /// A person has to look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_attention: bool,
}

/// What a head cannot be forgotten for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// Somebody works on the segment.
    Held {
        /// When that is over at the latest, if nobody prolongs it.
        until: DateTime<Utc>,
    },
    /// Results wait to be loaded.
    Pending {
        /// How many.
        count: usize,
    },
    /// The draft is half-written.
    Writing,
    /// What was published was not yet seen.
    Unconfirmed,
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { until } => write!(
                f,
                "a run works on the segment, until {} at the latest unless it goes on: forget it when the run has ended",
                utc(*until)
            ),
            Self::Pending { count: 1 } => f.write_str(
                "a result waits to be loaded into the segment: let a sweep load it, or delete its object and sweep, then forget \
                 the segment",
            ),
            Self::Pending { count } => write!(
                f,
                "{count} results wait to be loaded into the segment: let sweeps load them, or delete their objects and sweep, \
                 then forget the segment"
            ),
            Self::Writing => f.write_str(
                "the draft of the segment is half-written, and only its state says so: load a complete result with mode \
                 `replace`, then forget the segment",
            ),
            Self::Unconfirmed => f.write_str(
                "Dynamics was not yet seen to show what was published last: sweep until it is, then forget the segment",
            ),
        }
    }
}

impl Head {
    /// How many loads a head remembers: two months of daily ones.
    pub const LOADS: usize = 60;

    /// Remembers a load that was carried out; but where Dynamics is still computing, the audience is right now.
    pub(super) fn remember(&mut self, load: Load) {
        if load.outcome != Loaded::Computing {
            self.last_good = Some(load.at);
        }
        self.loads.push(load);
        let surplus = self.loads.len().saturating_sub(Self::LOADS);
        self.loads.drain(..surplus);
    }

    /// Remembers what came of a load that was carried out before, and published again: it is no other load.
    pub(super) fn remember_again(&mut self, load: Load, now: DateTime<Utc>) {
        if load.outcome != Loaded::Computing {
            self.last_good = Some(now);
        }
        if let Some(known) = self.load_at(load.at) {
            *known = load;
        }
    }

    /// Remembers how many people Dynamics counts in what was applied.
    pub(super) fn remember_count(&mut self, people: u64) {
        let Some(applied) = &mut self.applied else {
            return;
        };
        applied.counted = Some(people);
        let at = applied.at;
        if let Some(load) = self.load_at(at) {
            load.people = Some(people);
        }
    }

    fn load_at(&mut self, at: DateTime<Utc>) -> Option<&mut Load> {
        self.loads.iter_mut().rev().find(|load| load.at == at)
    }

    /// Returns how many people the segment has, as far as that is known: those whom Dynamics counts, where what was applied was
    /// seen.
    pub fn people(&self) -> Option<u64> {
        let applied = self.applied.as_ref()?;
        let missing = self.shortage.as_ref().map_or(0, |shortage| shortage.missing);
        let members = applied.members.map(|members| members.count);
        if applied.confirmed {
            applied.counted.or_else(|| Some(members?.saturating_sub(missing)))
        } else {
            members
        }
    }

    /// Remembers that the load that was published last is seen now.
    pub(super) fn remember_as_seen(&mut self, now: DateTime<Utc>) {
        self.last_good = Some(now);
        let computing = self
            .loads
            .iter_mut()
            .rev()
            .find(|load| load.outcome == Loaded::Computing);
        if let Some(load) = computing {
            load.outcome = Loaded::Loaded;
        }
    }

    /// Remembers how people were told of a run by whoever has the segment: nobody can have told of a later one, whatever the
    /// times are, which two processes tell by clocks of their own.
    pub fn note_told_run(&mut self, told: Option<&LastRun>) {
        if let Some(run) = told {
            self.last_run = Some(run.clone());
        }
    }

    /// Remembers how people were told of a run by whoever has given the segment back, unless they were told of a later one since.
    pub fn note_late_run(&mut self, run: &LastRun) {
        if self.last_run.as_ref().is_none_or(|known| known.at <= run.at) {
            self.last_run = Some(run.clone());
        }
    }

    /// Returns how many members the audience had that was last seen in Dynamics, and when it was published.
    pub fn last_seen(&self) -> Option<(u64, DateTime<Utc>)> {
        let applied = self.applied.as_ref().filter(|applied| applied.confirmed)?;
        Some((applied.members?.count, applied.at))
    }

    /// Says what is under way at `now`, S3's time, for which the head is needed.
    pub fn under_way(&self, now: DateTime<Utc>) -> Option<UnderWay> {
        if let Some(lease) = self.lease.as_ref().filter(|lease| !lease.is_over(now)) {
            return Some(UnderWay::Held { until: lease.end() });
        }
        let is_unconfirmed = self.applied.as_ref().is_some_and(|applied| !applied.confirmed);
        match self.pending.len() {
            0 if self.writing.is_some() => Some(UnderWay::Writing),
            0 => is_unconfirmed.then_some(UnderWay::Unconfirmed),
            count => Some(UnderWay::Pending { count }),
        }
    }
}

impl Head {
    /// Returns what the segment showed before the first write, which is `now` where nobody has begun to write; `None` if nobody
    /// knows.
    pub fn seen_before(&self, now: View) -> Option<View> {
        self.writing.as_ref().map_or(Some(now), Writing::seen)
    }

    /// Returns when an attempt last began that may have added members to a draft that may be half-written.
    ///
    /// What a removal comes to hold of a draft that was only found again is compared with whom it is to hold, whatever the time.
    pub fn written_before(&self, job: &Job) -> Option<DateTime<Utc>> {
        let unproven = self.unproven.as_ref().filter(|_| job.mode != Mode::Remove);
        let unproven = || unproven.map(|unproven| unproven.since);
        self.writing.as_ref().map_or_else(unproven, |writing| writing.written)
    }
}

impl Writing {
    /// Returns what the segment showed before the first write; `None` if nobody knows, or where it may have been published since.
    pub fn seen(&self) -> Option<View> {
        self.seen.filter(|_| self.publishing.is_none())
    }

    /// Returns the last published count, which guards go by while the draft may be half-written.
    ///
    /// `active_count` is the number of members that Dynamics counts in an Active segment: where it is that of the draft
    /// that was about to be published, the publish went through and only the note of it was lost.
    pub fn baseline(&self, active_count: Option<u64>) -> u64 {
        match (self.publishing, active_count) {
            (Some(publishing), Some(active)) if publishing == active => publishing,
            _ => self.published,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Home, SegmentName};
    use crate::state::Claim;
    use chrono::TimeDelta;

    fn home() -> Home {
        Home::environment("socktown.crm4.dynamics.com".to_owned())
    }

    fn load(minute: i64, outcome: Loaded) -> Load {
        Load {
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minute),
            contacts: 3,
            people: None,
            outcome,
        }
    }

    #[test]
    fn a_head_remembers_sixty_loads_and_when_the_audience_was_last_right() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        for minute in 0..70 {
            head.remember(load(minute, Loaded::Loaded));
        }
        assert_eq!((head.loads.len(), head.loads[0].at), (60, load(10, Loaded::Loaded).at));
        head.remember(load(70, Loaded::Computing));
        assert_eq!(head.last_good, Some(load(69, Loaded::Loaded).at));
        head.remember(load(71, Loaded::Unchanged));
        assert_eq!(head.last_good, Some(load(71, Loaded::Loaded).at));
        head.remember_as_seen(load(75, Loaded::Loaded).at);
        assert_eq!(head.last_good, Some(load(75, Loaded::Loaded).at));
        let outcomes: Vec<_> = head.loads.iter().map(|load| load.outcome).skip(57).collect();
        assert_eq!(outcomes, [Loaded::Loaded, Loaded::Loaded, Loaded::Unchanged]);
    }

    fn run(second: i64, sentence: &str) -> LastRun {
        LastRun {
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
            outcome: Outcome::Refused,
            sentence: sentence.to_owned(),
            created: false,
            near_name: false,
            needs_attention: false,
        }
    }

    #[test]
    fn the_last_run_is_that_of_whoever_had_the_segment_last_whatever_the_clocks_say() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        let now = DateTime::UNIX_EPOCH;
        let told = |head: &Head| {
            head.last_run
                .as_ref()
                .map(|run| run.sentence.clone())
                .unwrap_or_default()
        };
        for (second, sentence) in [(5, "first"), (4, "second")] {
            assert_eq!(head.claim(sentence, 180, now), Claim::Taken(None));
            let run = run(second, sentence);
            assert_eq!(head.next_or_release(sentence, Some(&run), now), Ok(None));
            assert_eq!(told(&head), sentence);
        }
        head.note_late_run(&run(3, "late"));
        assert_eq!(told(&head), "second", "it ended before that");
        head.note_late_run(&run(6, "late"));
        assert_eq!(told(&head), "late");
    }
}
