//! Lists that lag behind a write: told apart from contacts that Dynamics dropped in silence.

use super::converge::{Draft, STALE_READ_PAUSES};
use super::survey::include_groups;
use super::{Desired, Error, Plan, Rounds, late};
use crate::domain::{Batch, ContactId, Mode};
use crate::dynamics::{self, Allowance, GroupId};
use crate::means::Means;
use chrono::TimeDelta;
use std::time::Duration;

/// How much longer a list is given that shows nothing of a write; nobody tells how long lists may lag.
const LAG_PAUSES: [Duration; 3] = [Duration::from_secs(8), Duration::from_secs(16), Duration::from_secs(32)];

/// The longest that an attempt can have written: an invocation of Lambda.
const LONGEST_INVOCATION: TimeDelta = TimeDelta::minutes(15);

/// How long after a write a list is believed that nobody can try. Nobody tells how long lists may lag; they were seen to for
/// seconds.
const SETTLED_LISTS: TimeDelta = TimeDelta::minutes(10);

/// How long a list is given in all until it is tried.
pub const LONGEST_LAG: Duration = Duration::from_secs(1 + 2 + 4 + 8 + 16 + 32);

/// Why the list of members is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lags {
    /// It shows nothing of what was written.
    #[error(
        "the list of members shows nothing of what was written, a minute and more after Dynamics answered that it was: the \
         list lags behind, or Dynamics took none of it; nothing was published: check that the ids are contacts of this \
         environment and active, and repeat the run"
    )]
    Written,
    /// It shows nobody, where nobody is asked for, and may not show yet what an attempt before has written.
    #[error(
        "the segment is to hold nobody, and the list of its members shows nobody; but an attempt before this one has begun to \
         write members less than half an hour ago, and a list may lag behind: nothing was published, and it is tried again by \
         itself"
    )]
    Nobody,
    /// It shows nobody who is to be out, and may not show yet whom an attempt before has added.
    #[error(
        "the list of members shows nobody who is to be removed; but an attempt before this one has begun to add members less than \
         half an hour ago, and a list may lag behind: nothing was published, and it is tried again by itself"
    )]
    Removed,
}

impl<M: Means> Draft<'_, M> {
    /// Returns what is left to do by a list that is known to show what was written.
    ///
    /// Contacts that Dynamics dropped in silence look like ones that a list does not show yet. So a list that shows nothing
    /// of a write is given time, and is then tried: a member that is taken out must be seen to be out.
    pub(super) async fn caught_up(
        &mut self,
        desired: &Desired<'_>,
        rounds: &mut Rounds<'_>,
        mut left: Plan,
    ) -> Result<Plan, Error> {
        for pause in LAG_PAUSES {
            if !rounds.shows_nothing_written(&left) {
                return Ok(left);
            }
            // What is still to come needs its time: a function with little of it would never get beyond waiting.
            if pause > self.fence.time_left() / 4 {
                break;
            }
            self.fence.sleep(pause).await.map_err(dynamics::Error::from)?;
            left = self.left(desired, rounds).await?;
        }
        if rounds.shows_nothing_written(&left) {
            drop(left);
            let is_shown = match self.witness.clone() {
                Some((group, member)) => self.shows_changes_of(&group, member).await?,
                None => false,
            };
            if !is_shown {
                return Err(Error::ListLags(Lags::Written));
            }
            left = self.left(desired, rounds).await?;
        }
        Ok(left)
    }

    /// Returns what is left to do by a list that shows what another attempt wrote before this one, where that is in doubt.
    ///
    /// That it shows what this attempt has written is no proof: the attempt before may have written the same, and the list may
    /// show no more than that. So the list is tried as one that lags; where there is nobody to try it with, it is given as long
    /// as one that lags, as far as the time allows.
    pub(super) async fn beyond_doubt(
        &mut self,
        desired: &Desired<'_>,
        rounds: &mut Rounds<'_>,
        mut left: Plan,
    ) -> Result<Plan, Error> {
        if !self.is_doubted || !left.is_empty() {
            return Ok(left);
        }
        if let Some((group, member)) = self.witness.clone() {
            if !self.shows_changes_of(&group, member).await? {
                return Err(Error::ListLags(Lags::Written));
            }
            left = self.left(desired, rounds).await?;
        } else {
            for pause in LAG_PAUSES
                .into_iter()
                .filter(|pause| *pause <= self.fence.time_left() / 4)
            {
                self.fence.sleep(pause).await.map_err(dynamics::Error::from)?;
                left = self.left(desired, rounds).await?;
                if !left.is_empty() {
                    break;
                }
            }
            // Whom a list does not show yet who is asked for is added once more; whoever is not asked for would be published.
            let unproven = match desired.mode {
                Mode::Replace => Some(Lags::Nobody),
                Mode::Remove => Some(Lags::Removed),
                Mode::Append => None,
            };
            if let Some(lags) = unproven.filter(|_| left.is_empty() && self.may_still_lag()) {
                return Err(Error::ListLags(lags));
            }
        }
        self.is_doubted = false;
        rounds.distrust_last();
        Ok(left)
    }

    /// Returns whether a list may still lag behind what an attempt before has written, as far as anybody knows.
    fn may_still_lag(&self) -> bool {
        let settled = self.written.map(|written| written + LONGEST_INVOCATION + SETTLED_LISTS);
        settled.is_some_and(|settled| self.means.s3_time() < settled)
    }

    /// Takes a member out of the draft and puts it back, and answers whether the list has shown both.
    ///
    /// One alone is no proof: an attempt that died here may have left the member out.
    /// Nothing is published meanwhile, and whoever goes on with a draft that was left here puts it right.
    async fn shows_changes_of(&self, group: &GroupId, member: ContactId) -> Result<bool, Error> {
        let members = [member];
        for batch in Batch::split(&members, 1) {
            self.means.remove_members(self.segment.id, group, batch).await?;
        }
        let is_shown = self.comes_to_show(group, member, false).await;
        late::let_it_come(self.means, self.fence).await?;
        for batch in Batch::split(&members, 1) {
            let anybody = Allowance::boundless();
            self.means.add_members(self.segment.id, group, batch, &anybody).await?;
        }
        let is_back = self.comes_to_show(group, member, true).await?;
        Ok(is_shown? && is_back)
    }

    /// Waits until a group's list shows a contact as a member, or as none.
    async fn comes_to_show(&self, group: &GroupId, contact: ContactId, as_member: bool) -> Result<bool, Error> {
        let mut pauses = STALE_READ_PAUSES.iter();
        loop {
            let members = self.means.list_members(self.segment.id, group, 0).await?;
            if members.binary_search(&contact).is_ok() == as_member {
                return Ok(true);
            }
            let Some(pause) = pauses.next() else {
                return Ok(false);
            };
            self.fence.sleep(*pause).await.map_err(dynamics::Error::from)?;
        }
    }

    /// Returns a member whom every attempt at this result would add, and its group: whoever else is taken out of the draft
    /// stays out where the run dies in between.
    pub(super) fn witness_of(&self, desired: &Desired<'_>, members: &[Vec<ContactId>]) -> Option<(GroupId, ContactId)> {
        if self.is_spared {
            return None;
        }
        let lists = include_groups(&self.definition).zip(members);
        let mut asked_for = lists.filter_map(|(group, members)| {
            let member = members.iter().find(|id| desired.adds(**id))?;
            Some((group.id.clone(), *member))
        });
        asked_for.next()
    }
}
