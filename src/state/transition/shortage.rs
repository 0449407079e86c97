//! Members that were published and are not counted: what is published again, how often, and what is left at last.

use super::LeaseLost;
use crate::domain::Watch;
use crate::state::head::{Applied, Head, Job};
use crate::state::shortage::Shortage;
use crate::state::unseen::Unseen;
use chrono::{DateTime, TimeDelta, Utc};

/// What follows from members that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// A sweep publishes the segment again.
    Again,
    /// The destination wants nothing published again.
    Never,
    /// It was to be published again and could not be: a sweep tries once more.
    PutOff,
    /// No more are missing than stayed missing before, when all was tried.
    AsBefore,
    /// They are missing although all was tried.
    Stays,
}

impl Head {
    /// Returns what follows where so many of the published members are not counted.
    pub fn shortfall(&self, missing: u64, pause: Option<TimeDelta>) -> Option<Shortfall> {
        let before = self.shortage.clone().unwrap_or_default();
        match pause {
            _ if missing == 0 => None,
            _ if missing <= before.stayed => Some(Shortfall::AsBefore),
            _ if before.was_published_enough() => Some(Shortfall::Stays),
            None => Some(Shortfall::Never),
            Some(_) => Some(Shortfall::Again),
        }
    }

    /// Takes note of how many of the published members Dynamics does not count; returns what follows where there are any.
    ///
    /// It counts `counted` in all. `pause` is how long after that the segment is published again; `None` is never.
    pub fn note_missing(
        &mut self,
        owner: &str,
        (asked, counted): (u64, u64),
        pause: Option<TimeDelta>,
        now: DateTime<Utc>,
    ) -> Result<Option<Shortfall>, LeaseLost> {
        self.lease_of(owner)?;
        self.remember_count(counted);
        let missing = asked.saturating_sub(counted);
        let shortfall = self.shortfall(missing, pause);
        let before = self.shortage.take().unwrap_or_default();
        let next = before.next.or_else(|| Some(now + pause?));
        let noted = Shortage {
            asked,
            missing,
            publishes: before.publishes,
            next: next.filter(|_| shortfall == Some(Shortfall::Again)),
            put_off: 0,
            // A shortage that was seen to be over, or smaller, excuses no larger one later.
            stayed: match shortfall {
                Some(Shortfall::Stays) => missing,
                _ => before.stayed.min(missing),
            },
        };
        self.shortage = Some(noted).filter(|noted| noted.missing > 0 || noted.stayed > 0);
        Ok(shortfall)
    }

    /// Takes note that what was applied is about to be published again for the members that are missing; returns whether
    /// that is still to be done. Until it is seen, nobody knows what the segment shows.
    pub fn begin_publishing_again(
        &mut self,
        owner: &str,
        job: &Job,
        pause: Option<TimeDelta>,
        now: DateTime<Utc>,
    ) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        let is_due = self.is_short_at(now) && self.next_at(now).is_none();
        let (Some(applied), Some(shortage)) = (&mut self.applied, &mut self.shortage) else {
            return Ok(false);
        };
        if !is_due || applied.job != *job {
            return Ok(false);
        }
        shortage.publishes = shortage.publishes.saturating_add(1);
        shortage.next = pause.map(|pause| now + pause);
        applied.confirmed = false;
        applied.watch = Some(Watch::unknown(shortage.asked));
        self.unseen = Some(Unseen::since(now));
        Ok(true)
    }

    /// Takes note that what was to be published again could not be: the segment shows what it did, and it is none of the times.
    /// Returns how often in a row it was so.
    ///
    /// A call whose answer nobody heard may have published it all the same.
    pub fn put_off_publishing(
        &mut self,
        owner: &str,
        pause: Option<TimeDelta>,
        is_unanswered: bool,
        now: DateTime<Utc>,
    ) -> Result<u32, LeaseLost> {
        self.lease_of(owner)?;
        let (Some(applied), Some(shortage)) = (&mut self.applied, &mut self.shortage) else {
            return Ok(0);
        };
        applied.confirmed = true;
        applied.watch = applied.watch.take().filter(|_| is_unanswered);
        shortage.publishes = shortage.publishes.saturating_sub(1);
        shortage.put_off = shortage.put_off.saturating_add(1);
        shortage.next = pause.map(|pause| now + shortage.put_off_by(pause));
        self.unseen = None;
        Ok(shortage.put_off)
    }

    /// Takes note that nothing is published again for the members that are missing, since the segment is not shown any more.
    pub fn give_up_missing(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.begin_counting_anew();
        Ok(())
    }

    /// Returns whether a sweep should publish at `now` what is not shown in full.
    pub fn is_to_be_published_again(&self, now: DateTime<Utc>) -> bool {
        self.is_short_at(now) && self.next_at(now).is_none() && !self.is_held(now) && !self.is_pausing(now)
    }

    /// Returns what was published last, where whoever has the segment is to look at `now` whether it is shown, or to publish it
    /// again.
    pub fn left_to_finish(&self, now: DateTime<Utc>) -> Option<&Applied> {
        let is_left = self.to_follow_up_at(now).is_some() || self.is_short_at(now);
        let is_free = self.next_at(now).is_none() && !self.is_pausing(now);
        self.applied.as_ref().filter(|_| is_left && is_free)
    }

    fn is_short_at(&self, now: DateTime<Utc>) -> bool {
        let is_due = |shortage: &Shortage| shortage.next.is_some_and(|next| next <= now);
        let is_confirmed = self.applied.as_ref().is_some_and(|applied| applied.confirmed);
        let is_at_rest = self.pending.is_empty() && self.writing.is_none() && !self.lists_may_lag(now);
        is_confirmed && is_at_rest && self.shortage.as_ref().is_some_and(is_due)
    }

    /// Another result is published from now on, whose members are counted by themselves.
    pub(super) fn begin_counting_anew(&mut self) {
        if let Some(shortage) = &mut self.shortage {
            (shortage.publishes, shortage.put_off, shortage.next) = (0, 0, None);
        }
    }
}
