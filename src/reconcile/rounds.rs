//! The decisions of the convergence loop, without its calls: pure, so that a simulation can drive them.

use super::{Desired, Error, Plan};
use crate::domain::{Census, ContactId};

/// What the loop achieved; the draft now holds exactly the desired contacts less those not accepted.
#[derive(Debug, Default)]
pub struct Converged {
    /// Contacts that were added.
    pub added: usize,
    /// Members that were removed.
    pub removed: usize,
    /// Desired contacts that Dynamics refused or silently dropped, sorted.
    pub not_accepted: Vec<ContactId>,
    /// How many members Dynamics will count: each once, and none whom an Exclude group keeps out.
    pub counted: usize,
    /// Who is in the draft, as it was read back last.
    pub members: Census,
    /// Whether the table of definitions knows no versions, so that its groups were saved without one.
    pub is_unversioned: bool,
}

/// Where one convergence stands: what is to be written, a fingerprint of what was, and what Dynamics refused so far.
#[derive(Debug)]
pub struct Rounds<'a> {
    desired: &'a Desired<'a>,
    plan: Plan,
    to_add: usize,
    to_remove: usize,
    refused: Vec<ContactId>,
    written: usize,
    last: u64,
}

/// What follows from reading the members back.
#[derive(Debug)]
pub enum Step {
    /// Something is left to do: write [`Rounds::plan`].
    Write,
    /// The members are as they should be, or as near as Dynamics lets them come.
    Done(Converged),
}

/// How often the loop writes before it gives up on members that keep changing under it.
const MAX_ROUNDS: usize = 6;
/// So many refused contacts are found also where the rules allow fewer: whoever approves them should know them all.
const LISTED_BEYOND: usize = 1_000;

impl<'a> Rounds<'a> {
    /// Begins with a plan made from the members as they are; it is to be written even if it is empty.
    pub fn begin(desired: &'a Desired<'a>, first: Plan) -> Self {
        Self {
            desired,
            to_add: first.added(),
            to_remove: first.removed(),
            plan: first,
            refused: Vec::new(),
            written: 0,
            last: 0,
        }
    }

    /// Returns what is to be written in this round.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes another plan in place of the one that was to be written: the groups that it was made for are others by now.
    pub fn plan_anew(&mut self, plan: Plan) {
        if self.written == 0 {
            (self.to_add, self.to_remove) = (plan.added(), plan.removed());
        }
        self.plan = plan;
    }

    /// Returns how many more of the contacts Dynamics may refuse by name until nobody else is tried.
    ///
    /// Beyond what the rules allow they are counted as far as they are still easily listed.
    pub fn most_refusals(&self) -> usize {
        let most = self.desired.most_refused().max(LISTED_BEYOND);
        most.saturating_sub(self.refused.len())
    }

    /// Returns whether some of the contacts are members before the plan is written: Dynamics has taken them.
    pub fn some_are_members(&self) -> bool {
        self.desired.contacts.len() > self.plan.added() + self.refused.len()
    }

    /// Takes note that the plan was written and which contacts Dynamics refused by name.
    ///
    /// The plan itself is dropped: the list that is read next is as large as the plan of a first load, and memory holds
    /// one of them at a time.
    pub fn wrote(&mut self, refused: Vec<ContactId>) {
        self.written += 1;
        self.last = std::mem::take(&mut self.plan).fingerprint();
        self.refused.extend(refused);
        self.refused.sort_unstable();
        self.refused.dedup();
    }

    /// Returns what is left to do with these members, read back after the write; too many refused contacts fail the load.
    ///
    /// Whoever is a member was taken: a call whose answer was lost, and its repetition refused.
    pub fn left(&mut self, members: Vec<Vec<ContactId>>, exclude_groups: usize) -> Result<Plan, Error> {
        let is_member = |id: &ContactId| members.iter().any(|list| list.binary_search(id).is_ok());
        self.refused.retain(|id| !is_member(id));
        self.desired.check_refused(&self.refused)?;
        Ok(self.desired.plan(members, exclude_groups, &self.refused)?)
    }

    /// Returns whether a list shows nothing of what was written last: it may lag behind, or Dynamics took nothing of it.
    pub fn shows_nothing_written(&self, left: &Plan) -> bool {
        !left.is_empty() && left.fingerprint() == self.last
    }

    /// Takes note that what is left was shown to be written a moment ago, so that it is written once more.
    pub fn distrust_last(&mut self) {
        self.last = Plan::default().fingerprint();
    }

    /// Returns whether what is to be written may take back what was written in a round before, where somebody else has changed
    /// the members.
    pub fn may_contradict_what_was_written(&self) -> bool {
        self.to_add > 0 && self.plan.removed() > 0 || self.to_remove > 0 && self.plan.added() > 0
    }

    /// Decides what follows from what is left, by a list that is known to show what was written.
    ///
    /// A round that changed nothing ends the loop: what could not be added is reported, what could not be removed fails.
    pub fn next_step(&mut self, left: Plan) -> Result<Step, Error> {
        if !left.is_empty() && !self.shows_nothing_written(&left) {
            if self.written == MAX_ROUNDS {
                return Err(Error::MembersKeepChanging { rounds: MAX_ROUNDS });
            }
            self.plan = left;
            return Ok(Step::Write);
        }
        if left.removed() > 0 {
            return Err(Error::MembersStay { count: left.removed() });
        }
        let mut not_accepted = std::mem::take(&mut self.refused);
        let added = self.to_add.saturating_sub(left.added() + not_accepted.len());
        not_accepted.extend(left.into_adds());
        not_accepted.sort_unstable();
        self.desired.check_refused(&not_accepted)?;
        Ok(Step::Done(Converged {
            added,
            removed: self.to_remove,
            not_accepted,
            counted: 0,
            members: Census::default(),
            is_unversioned: false,
        }))
    }
}
