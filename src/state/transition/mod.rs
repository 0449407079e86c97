//! How a head changes: pure functions, so that a simulation can drive them through every order of events.

mod known;

use crate::domain::{Mode, Order};
use crate::state::head::{Applied, Failures, Head, Input, Lease, Precedence, Refusal, Refused, Wish, Writing};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What became of a wish when it met the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enlisted {
    /// It is new and now pending.
    Queued,
    /// It was pending already: an earlier attempt did not finish it.
    Pending,
    /// It was carried out before.
    Applied,
    /// A newer result was carried out before.
    Superseded,
    /// It was refused before, and an event does not try it again.
    Refused(Refused),
}

/// Whether a worker may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The worker holds the lease.
    Taken,
    /// Another worker holds it.
    Busy(Lease),
}

/// The worker's lease was taken over: it must not touch the segment any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another run has taken over the segment because this one could not renew its lease in time; it finishes the work"
)]
pub struct LeaseLost;

/// What a finished wish leaves in the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Achievement {
    /// How many contacts the file held.
    pub contacts: u64,
    /// The segment; none where there is no segment to change.
    pub segment_id: Option<String>,
    /// Whether the segment was seen Active.
    pub confirmed: bool,
    /// The version of the segment's row that still shows the state of before publishing, where no newer one was seen.
    pub shown_before: Option<String>,
}

impl Head {
    /// Takes a wish up, unless what it asks for is done, overtaken or refused; an order is always taken up.
    pub fn enlist(&mut self, mut wish: Wish, is_order: bool) -> Enlisted {
        self.note_marker(&wish);
        if is_order {
            // The later of two orders for the same counts. What an event asked for stays: the order may be refused.
            self.pending
                .retain(|pending| pending.ordered.is_none() || !pending.asks_as(&wish));
            wish.ordered = Some(self.precedence_over_all(&wish.order));
        } else {
            if let Some(known) = self.recall(&wish) {
                return known;
            }
            self.newest = self.newest.take().max(Some(wish.order.clone()));
        }
        self.pending.push(wish);
        self.failures = None;
        Enlisted::Queued
    }

    /// Takes up what a listing found, newest first, and returns what was new: of replaces only the newest that is not
    /// refused counts, of the others each.
    pub fn enlist_lost(&mut self, newest_first: &[Wish]) -> Vec<Wish> {
        let mut found = Vec::new();
        for wish in newest_first {
            let enlisted = self.enlist(wish.clone(), false);
            if enlisted == Enlisted::Queued {
                found.push(wish.clone());
            }
            if wish.mode == Mode::Replace && !matches!(enlisted, Enlisted::Refused(_)) {
                break;
            }
        }
        found
    }

    /// Returns the wish to work on: the newest replace first, then additions and removals from the oldest on.
    ///
    /// An addition or removal that has begun to write comes before the others, even older ones that came late: what
    /// they publish would hold a part of it. A replace leaves nothing of a half-written draft.
    pub fn next(&self) -> Option<&Wish> {
        let newest_replace = self
            .pending
            .iter()
            .filter(|wish| wish.mode == Mode::Replace)
            .max_by_key(|wish| wish.rank());
        let has_begun = |wish: &&Wish| {
            self.writing
                .as_ref()
                .is_some_and(|writing| writing.run_id == wish.run_id)
        };
        newest_replace
            .or_else(|| self.pending.iter().find(has_begun))
            .or_else(|| self.pending.iter().min_by_key(|wish| wish.rank()))
    }

    /// Gives the lease to `owner` if nobody else has a live one; `now` is S3's time.
    pub fn claim(&mut self, owner: &str, seconds: u64, now: DateTime<Utc>) -> Claim {
        match &self.lease {
            Some(lease) if lease.owner != owner && !lease.is_over(now) => Claim::Busy(lease.clone()),
            _ => {
                let run_id = self.next().map(|wish| wish.run_id.clone());
                self.lease = Some(Lease {
                    owner: owner.to_owned(),
                    run_id,
                    renewed: now,
                    seconds,
                });
                Claim::Taken
            }
        }
    }

    /// Prolongs the worker's lease from `now` on.
    pub fn renew(&mut self, owner: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        let lease = self.lease_of(owner)?;
        lease.renewed = lease.renewed.max(now);
        Ok(())
    }

    /// Gives the lease back if nothing is left to do; otherwise answers the next wish and keeps it.
    pub fn next_or_release(&mut self, owner: &str) -> Result<Option<Wish>, LeaseLost> {
        match self.next().cloned() {
            Some(wish) => Ok(Some(wish)),
            None => self.release(owner).map(|()| None),
        }
    }

    /// Gives the lease back.
    pub fn release(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.lease = None;
        Ok(())
    }

    /// Marks the draft as half-written from here on, and drops the replaces that this accepted one overtakes.
    ///
    /// `published` is the number of members before the first write; where a draft was half-written already, the number
    /// from before *its* first write stays, unless `published` says that this draft was published.
    pub fn begin(&mut self, owner: &str, wish: &Wish, published: u64) -> Result<Vec<Wish>, LeaseLost> {
        self.lease_of(owner)?;
        let published = match &self.writing {
            Some(writing) if writing.publishing != Some(published) => writing.published,
            _ => published,
        };
        self.writing = Some(Writing {
            run_id: wish.run_id.clone(),
            published,
            publishing: None,
        });
        Ok(self.take_overtaken(wish, |pending| pending.mode == Mode::Replace))
    }

    /// Notes how many members are about to be published; answers whether the wish is still the one to publish.
    pub fn announce(&mut self, owner: &str, wish: &Wish, members: u64) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if self.next() != Some(wish) {
            return Ok(false);
        }
        if let Some(writing) = &mut self.writing {
            writing.publishing = Some(members);
        }
        Ok(true)
    }

    /// Records that the wish was carried out and published, and drops what it overtakes.
    pub fn apply(
        &mut self,
        owner: &str,
        wish: &Wish,
        achievement: Achievement,
        now: DateTime<Utc>,
    ) -> Result<Vec<Wish>, LeaseLost> {
        self.count(owner, wish)?;
        let overtaken = self.take_overtaken(wish, |_| true);
        self.applied = Some(Applied {
            wish: wish.clone(),
            at: now,
            contacts: achievement.contacts,
            segment_id: achievement.segment_id,
            confirmed: achievement.confirmed,
            shown_before: achievement.shown_before,
        });
        self.writing = None;
        Ok(overtaken)
    }

    /// Records that the wish is done with, and leaves what was applied last as it is: so it is where an addition or removal
    /// holds nobody, while Dynamics may still be computing what was published before.
    pub fn count(&mut self, owner: &str, wish: &Wish) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        let is_done = |pending: &Wish| pending.asks_as(wish) && pending.rank() <= wish.rank();
        self.pending.retain(|pending| !is_done(pending));
        self.refused
            .retain(|refused| !wish.is_about(&refused.order, refused.etag.as_deref()));
        if wish.mode == Mode::Replace {
            self.settled = self.settled.take().max(Some(wish.rank().0.clone()));
        } else {
            self.counted.push(wish.input());
            keep_latest(&mut self.counted);
        }
        self.failures = None;
        Ok(())
    }

    /// Records that the published segment was seen Active.
    pub fn confirm(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = &mut self.applied {
            applied.confirmed = true;
        }
        Ok(())
    }

    /// Wishes again what was applied, where Dynamics did not come to show it: everything is read and verified anew.
    pub fn redo(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(wish) = self.applied.as_ref().map(|applied| applied.wish.clone()) {
            self.drop_wish(&wish);
            self.pending.push(wish);
        }
        Ok(())
    }

    /// Tells whether a sweep should go on with what is pending at `now`, S3's time.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_held = self.lease.as_ref().is_some_and(|lease| !lease.is_over(now));
        let is_backing_off = self.failures.as_ref().is_some_and(|failures| now < failures.next_try);
        !self.pending.is_empty() && !is_held && !is_backing_off
    }

    /// Tells whether a segment that holds what is wanted needs no publishing: it shows what this head applied last.
    ///
    /// A crash between the last write and publishing leaves equal membership, too; then `writing` is still set.
    pub fn shows_what_was_applied(&self, segment_id: &str, is_active: bool) -> bool {
        let is_ours = self
            .applied
            .as_ref()
            .is_some_and(|applied| applied.segment_id.as_deref() == Some(segment_id));
        is_active && is_ours && self.writing.is_none()
    }

    /// Tells whether the last published segment was not yet seen Active.
    pub fn is_unconfirmed(&self) -> bool {
        self.pending.is_empty() && self.applied.as_ref().is_some_and(|applied| !applied.confirmed)
    }

    /// Puts the wish aside for good: only an order tries it again.
    pub fn refuse(&mut self, owner: &str, wish: &Wish, refusal: Refusal) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.drop_wish(wish);
        self.refused
            .retain(|refused| !wish.is_about(&refused.order, refused.etag.as_deref()));
        let Input { order, run_id, etag } = wish.input();
        self.refused.push(Refused {
            order,
            run_id,
            etag,
            refusal,
        });
        keep_latest(&mut self.refused);
        Ok(())
    }

    /// Drops a wish whose object was replaced while it was read: the new content is a wish of its own.
    pub fn forget(&mut self, owner: &str, wish: &Wish) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        self.drop_wish(wish);
        Ok(())
    }

    /// Records a failure: the wish stays, the sweep waits longer each time.
    pub fn fail(&mut self, owner: &str, code: &str, now: DateTime<Utc>) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        let count = self
            .failures
            .as_ref()
            .map_or(0, |failures| failures.count)
            .saturating_add(1);
        self.failures = Some(Failures {
            count,
            code: code.into(),
            next_try: now + Failures::pause(count),
        });
        Ok(())
    }

    /// Tells whether the last failure calls for a person.
    pub fn needs_attention(&self) -> bool {
        self.failures
            .as_ref()
            .is_some_and(|failures| failures.count >= Failures::NEEDS_ATTENTION)
    }

    fn precedence_over_all(&self, own: &Order) -> Precedence {
        let ranks = || self.pending.iter().map(Wish::rank);
        let known = ranks()
            .map(|(order, _)| order)
            .chain(self.newest.as_ref())
            .chain(self.settled.as_ref());
        Precedence {
            above: known.chain([own]).max().unwrap_or(own).clone(),
            turn: ranks().map(|(_, turn)| turn).max().unwrap_or(0) + 1,
        }
    }

    fn take_overtaken(&mut self, by: &Wish, of_kind: impl Fn(&Wish) -> bool) -> Vec<Wish> {
        if by.mode != Mode::Replace {
            return Vec::new();
        }
        let is_overtaken = |pending: &mut Wish| of_kind(pending) && pending.rank() < by.rank();
        self.pending.extract_if(.., is_overtaken).collect()
    }

    /// Drops exactly this wish: an order for the same input, given meanwhile, is another one.
    fn drop_wish(&mut self, wish: &Wish) {
        self.pending.retain(|pending| pending != wish);
    }

    fn lease_of(&mut self, owner: &str) -> Result<&mut Lease, LeaseLost> {
        self.lease
            .as_mut()
            .filter(|lease| lease.owner == owner)
            .ok_or(LeaseLost)
    }
}

fn keep_latest<T>(list: &mut Vec<T>) {
    let surplus = list.len().saturating_sub(Head::REMEMBERED);
    list.drain(..surplus);
}

/// Returns how long a worker may still send after its last renewal: the lease less one call and a margin.
///
/// A call may take two thirds of the lease and the margin is an eighteenth (120 s and 10 s of 180 s), so that whatever
/// was sent by then is over before another worker may begin.
pub fn sending_time(lease: Duration) -> Duration {
    lease.saturating_sub(call_time(lease)).saturating_sub(lease / 18)
}

/// Returns how long one Dataverse call may take: two thirds of the lease.
pub fn call_time(lease: Duration) -> Duration {
    lease * 2 / 3
}

#[cfg(test)]
mod tests;
