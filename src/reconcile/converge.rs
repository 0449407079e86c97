//! The convergence loop: write the difference, read back, and again, until nothing is left to do.
//!
//! This one loop loads, resumes after a crash, verifies and repairs what others changed meanwhile.

use super::plan::Plan;
use super::rounds::{Converged, Rounds, Step};
use super::survey::{census, count, exclude_groups, include_groups, list, list_excluded};
use super::{Changed, Desired, Error, late};
use crate::domain::{Census, ContactId, View};
use crate::dynamics::{self, Definition, Group, GroupId, Saved, Segment};
use crate::means::Means;
use crate::time::Fence;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// A segment that is being changed.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Draft<'a, M> {
    /// What Dynamics is reached by.
    pub(super) means: &'a M,
    /// The pause between reads stays within this run's time.
    pub(super) fence: &'a Fence,
    /// The segment's row.
    pub(super) segment: &'a Segment,
    /// The definition as it was read last; the plan that is being carried out was made for its groups.
    pub(super) definition: Definition,
    /// How often the groups were found to be others than they were.
    regrouped: usize,
    /// The segment was made a moment ago.
    is_just_made: bool,
    /// The groups that contacts were added to here.
    pub(super) added_to: Vec<GroupId>,
    /// A member that was listed last and is asked for, and its group.
    pub(super) witness: Option<(GroupId, ContactId)>,
    /// Another attempt has written to the draft, perhaps a moment ago: a list may still show who was there before it.
    pub(super) is_doubted: bool,
    /// When another attempt last began to write, by S3's clock.
    pub(super) written: Option<DateTime<Utc>>,
    /// Nobody may be taken out to try the list.
    pub(super) is_spared: bool,
    /// How many members Dynamics would count of those that were listed last.
    counted: usize,
    /// Who was listed last.
    members: Census,
    /// Set where changes of the definition cannot be tied to its version.
    is_unversioned: bool,
    /// Set where the automatic refresh was on, and this run has switched it off.
    has_stopped_refresh: bool,
    /// What Dynamics showed before anything was written; `None` if nobody knows.
    found: Option<View>,
}

/// How long a list is given to show all of a write of which it shows a part; then the rest is written again.
pub(super) const STALE_READ_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How often a change of the definition is tried, and other groups are met, while others change it, too.
const CHANGES_BY_OTHERS: usize = 5;

impl<'a, M: Means> Draft<'a, M> {
    /// Begins with the segment and its definition as they were found.
    pub fn new(means: &'a M, fence: &'a Fence, segment: &'a Segment, definition: Definition) -> Self {
        let found = segment.view(definition.computation);
        Self {
            means,
            fence,
            segment,
            definition,
            regrouped: 0,
            is_just_made: false,
            added_to: Vec::new(),
            witness: None,
            is_doubted: false,
            written: None,
            is_spared: false,
            counted: 0,
            members: Census::default(),
            is_unversioned: false,
            has_stopped_refresh: false,
            found: Some(found),
        }
    }

    /// Takes note that the segment was made a moment ago, so that its definition need not be read before the first write.
    pub fn just_made(self, is_just_made: bool) -> Self {
        Self { is_just_made, ..self }
    }

    /// Takes note of what Dynamics showed before another attempt has begun to write.
    pub fn begun_at(self, found: Option<View>) -> Self {
        Self { found, ..self }
    }

    /// Takes note that another attempt has left the draft half-written, so that a list proves nothing until it shows a later write.
    /// It was last `written` to from that time on, if that is known.
    pub fn doubted(self, is_doubted: bool, written: Option<DateTime<Utc>>) -> Self {
        Self {
            is_doubted,
            written,
            ..self
        }
    }

    /// Takes nobody out to try the list with: whoever goes on with this draft would not put him back.
    pub fn spared(self) -> Self {
        Self {
            is_spared: true,
            ..self
        }
    }

    /// Brings the draft to what is desired, beginning with a plan made from its members as they are.
    ///
    /// Automatic refresh is switched off before the first member call, since with it a journey could see a half-written
    /// draft. Fails where members cannot be removed or keep changing, and where somebody made the segment another one: then
    /// nothing may be published.
    pub async fn converge(&mut self, desired: &Desired<'_>, first: Plan) -> Result<Converged, Error> {
        let mut rounds = Rounds::begin(desired, first);
        loop {
            if !self.make_ready(rounds.plan()).await? {
                let anew = self.left(desired, &mut rounds).await?;
                rounds.plan_anew(anew);
                continue;
            }
            self.note_additions(rounds.plan());
            let refused = self.write(&rounds).await?;
            rounds.wrote(refused);
            let left = self.difference(desired, &mut rounds).await?;
            let left = self.caught_up(desired, &mut rounds, left).await?;
            let left = self.beyond_doubt(desired, &mut rounds, left).await?;
            if let Step::Done(done) = rounds.next_step(left)? {
                return Ok(Converged {
                    counted: self.counted,
                    members: self.members,
                    is_unversioned: self.is_unversioned,
                    ..done
                });
            }
            if rounds.may_contradict_what_was_written() {
                late::let_it_come(self.means, self.fence).await?;
            }
        }
    }

    /// Looks a last time whether the segment is what was verified, and returns its row from right before it is published.
    pub async fn verify(&mut self) -> Result<Segment, Error> {
        let (row, is_regrouped) = tokio::join!(self.means.segment(self.segment.id), self.look());
        if is_regrouped? {
            return Err(Error::SegmentChanged(Changed::Groups));
        }
        Ok(row?)
    }

    /// Switches automatic refresh off, where somebody has switched it on, in a draft that is published as it is.
    pub async fn stop_refreshing(&mut self) -> Result<(), Error> {
        if self.make_ready(&Plan::default()).await? {
            return Ok(());
        }
        Err(Error::SegmentChanged(Changed::Groups))
    }

    /// Returns whether Dynamics has computed the segment, which nobody here has published yet, since it was found.
    pub fn is_computed_by(&self, row: &Segment) -> bool {
        let now = row.view(self.definition.computation);
        self.found.is_some_and(|found| now.is_computed_since(&found))
    }

    /// Returns the segment's row as it was found.
    pub const fn segment(&self) -> &Segment {
        self.segment
    }

    /// Returns what Dynamics showed before anything was written; `None` if nobody knows.
    pub const fn found(&self) -> Option<View> {
        self.found
    }

    /// Returns whether the segment's automatic refresh was on, and is switched off now, whatever became of the rest.
    pub const fn has_stopped_refresh(&self) -> bool {
        self.has_stopped_refresh
    }

    /// Returns the definition as it was read last.
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Makes the definition ready for a plan: without automatic refresh, and with a group for everybody.
    ///
    /// What others added meanwhile is kept, and a change is read back: one that was answered with success may have had no
    /// effect. Answers `false` where the groups are no more those that the plan was made for: an
    /// Include group may have become one that keeps contacts out.
    async fn make_ready(&mut self, plan: &Plan) -> Result<bool, Error> {
        let need_not_look = plan.is_empty() || std::mem::take(&mut self.is_just_made);
        if need_not_look && self.is_ready(plan) {
            return Ok(true);
        }
        let (mut refused, mut stopped) = (0, 0);
        loop {
            let is_regrouped = self.look().await?;
            self.has_stopped_refresh |= stopped > 0 && self.definition.refresh_disabled;
            if is_regrouped {
                return Ok(false);
            }
            if self.is_ready(plan) {
                return Ok(true);
            }
            if refused == CHANGES_BY_OTHERS {
                return Err(Error::SegmentChanged(Changed::Definition));
            }
            if stopped == CHANGES_BY_OTHERS {
                return Err(Error::SegmentChanged(Changed::RefreshStays));
            }
            let saved = if self.definition.refresh_disabled {
                self.add_groups(self.groups_wanting(plan)).await?
            } else {
                let saved = self.means.disable_refresh(&self.definition).await?;
                stopped += usize::from(saved == Saved::Done);
                saved
            };
            self.is_unversioned |= saved == Saved::NotVersioned;
            refused += usize::from(saved != Saved::Done);
        }
    }

    fn is_ready(&self, plan: &Plan) -> bool {
        self.definition.refresh_disabled && self.groups_wanting(plan) == 0
    }

    /// Reads the definition as it is now, and answers whether its groups are others than they were.
    ///
    /// A query, or a refresh that was off and is on again, puts people into the segment that nobody here has verified.
    async fn look(&mut self) -> Result<bool, Error> {
        let now = self.means.definition(self.definition.id).await?;
        if !now.query.trim().is_empty() {
            return Err(Error::SegmentChanged(Changed::Query));
        }
        if self.definition.refresh_disabled && !now.refresh_disabled {
            return Err(Error::SegmentChanged(Changed::Refresh));
        }
        if now
            .groups
            .iter()
            .any(|group| !group.include && self.added_to.contains(&group.id))
        {
            return Err(Error::SegmentChanged(Changed::Excluding));
        }
        let is_regrouped = now.groups != self.definition.groups;
        self.definition = now;
        if self.is_unversioned {
            self.definition.etag = None;
        }
        self.regrouped += usize::from(is_regrouped);
        if self.regrouped > CHANGES_BY_OTHERS {
            return Err(Error::SegmentChanged(Changed::GroupsAgain));
        }
        Ok(is_regrouped)
    }

    /// Returns how many groups a plan needs that are not there.
    fn groups_wanting(&self, plan: &Plan) -> usize {
        let there = include_groups(&self.definition).count();
        plan.groups().len().saturating_sub(there)
    }

    async fn add_groups(&mut self, wanting: usize) -> Result<Saved, Error> {
        let first = self.definition.groups.len() + 1;
        let fresh = (first..first + wanting).map(|number| Group::fresh(&format!("Query result {number}")));
        let groups: Vec<Group> = self.definition.groups.iter().cloned().chain(fresh).collect();
        let saved = self.means.save_groups(&self.definition, &groups).await?;
        if saved == Saved::Done {
            self.definition.groups = groups;
        }
        Ok(saved)
    }

    /// Reads the members back and returns what is left to do; a list that lags behind is given time to catch up.
    async fn difference(&mut self, desired: &Desired<'_>, rounds: &mut Rounds<'_>) -> Result<Plan, Error> {
        let mut pauses = STALE_READ_PAUSES.iter();
        loop {
            let left = self.left(desired, rounds).await?;
            match pauses.next() {
                Some(pause) if !left.is_empty() => {
                    self.fence.sleep(*pause).await.map_err(dynamics::Error::from)?;
                }
                _ => return Ok(left),
            }
        }
    }

    /// Reads the members of all groups that are there now, and returns what is left to do.
    pub(super) async fn left(&mut self, desired: &Desired<'_>, rounds: &mut Rounds<'_>) -> Result<Plan, Error> {
        loop {
            let groups = self.definition.clone();
            let (means, segment) = (self.means, self.segment);
            let listing = list(means, segment, &groups, desired.contacts.len());
            // Whom Exclude groups keep out is asked now and not only once the published count differs: later the list shows a later
            // draft, which would excuse members that are missing, or call those missing who were kept out; the number is noted
            // before Publish, for whoever finds a dead worker to see by the count whether that was sent; and an Active that shows
            // just this number, and not the one before, is one of the signs by which a publish is known.
            // At the same time, for a call may take long; what changes later is seen before publishing.
            let (listed, kept_out, is_regrouped) =
                tokio::join!(listing, list_excluded(means, segment, &groups), self.look());
            // Of other groups than are there by now a list says nothing, not even where it failed.
            if !is_regrouped? {
                let members = listed?;
                self.witness = self.witness_of(desired, &members);
                self.counted = count(&members, &kept_out?);
                self.members = census(&members);
                return rounds.left(members, exclude_groups(&self.definition));
            }
        }
    }
}
