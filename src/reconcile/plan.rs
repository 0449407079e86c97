//! What must change so that a segment holds the desired contacts: pure, and never over a group's limit.

use crate::domain::{Batch, ContactId, Mode};
use crate::dynamics::Group;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter::Peekable;

/// The most contacts that one static group holds.
pub const GROUP_CAPACITY: usize = Group::MAX_MEMBERS;
/// The most groups that one segment definition holds.
pub const MAX_GROUPS: usize = Group::MAX_PER_DEFINITION;
/// The most static members of one segment: all groups full.
pub const MAX_MEMBERS: usize = GROUP_CAPACITY * MAX_GROUPS;

/// The changes of every Include group: first those that exist, in their order, then those to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    groups: Vec<GroupPlan>,
}

/// The changes of one group; both lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GroupPlan {
    /// Contacts to add.
    pub adds: Vec<ContactId>,
    /// Contacts to remove.
    pub removes: Vec<ContactId>,
    /// Set where all additions fit only after the removals.
    pub removes_first: bool,
}

/// The desired contacts do not fit into the groups that a segment may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{homeless} of the contacts find no room: a segment holds {MAX_GROUPS} groups of {GROUP_CAPACITY} contacts, and \
     {exclude_groups} of its groups are exclusion groups; narrow the query, or use several segments"
)]
pub struct NoRoom {
    /// How many contacts are left over.
    pub homeless: usize,
    /// How many of the ten groups exclude contacts and cannot be used.
    pub exclude_groups: usize,
}

impl Plan {
    /// Compares the desired contacts with the members of every Include group, both in ascending order.
    ///
    /// A contact stays in the group that holds it; a new one goes where there is room. `exclude_groups` counts the
    /// Exclude groups: they take a place but are never changed. The members are consumed: the removals reuse their
    /// memory, and give back what they do not need.
    pub fn new<'w>(
        mode: Mode,
        desired: impl IntoIterator<Item = &'w ContactId, IntoIter: Clone>,
        members: Vec<Vec<ContactId>>,
        exclude_groups: usize,
    ) -> Result<Self, NoRoom> {
        let desired = desired.into_iter();
        let mut missing = missing(desired.clone(), &members);
        let mut left = match mode {
            Mode::Replace | Mode::Append => missing.clone().count(),
            Mode::Remove => 0,
        };
        let mut groups = Vec::new();
        for members in &members {
            let mut goes = going(mode, desired.clone());
            let staying = members.iter().filter(|id| !goes(id)).count();
            let adds = take_first(&mut missing, &mut left, GROUP_CAPACITY.saturating_sub(staying));
            groups.push(GroupPlan {
                removes_first: members.len() + adds.len() > GROUP_CAPACITY,
                adds,
                removes: Vec::new(),
            });
        }
        while left > 0 {
            if groups.len() + exclude_groups >= MAX_GROUPS {
                return Err(NoRoom {
                    homeless: left,
                    exclude_groups,
                });
            }
            groups.push(GroupPlan {
                adds: take_first(&mut missing, &mut left, GROUP_CAPACITY),
                ..GroupPlan::default()
            });
        }
        drop(missing);
        for (group, mut members) in groups.iter_mut().zip(members) {
            members.retain(going(mode, desired.clone()));
            members.shrink_to_fit();
            group.removes = members;
        }
        Ok(Self { groups })
    }

    /// Returns the groups' changes.
    pub fn groups(&self) -> &[GroupPlan] {
        &self.groups
    }

    /// Returns whether the segment holds what is desired already.
    pub fn is_empty(&self) -> bool {
        self.added() + self.removed() == 0
    }

    /// Returns how many contacts are to be added.
    pub fn added(&self) -> usize {
        self.groups.iter().map(|group| group.adds.len()).sum()
    }

    /// Returns how many members are to be removed; one that stands in two groups counts twice.
    pub fn removed(&self) -> usize {
        self.groups.iter().map(|group| group.removes.len()).sum()
    }

    /// Returns how many add and remove calls the plan takes.
    pub fn calls(&self) -> usize {
        let batches = |ids: &[ContactId]| ids.len().div_ceil(Batch::MAX);
        self.groups
            .iter()
            .map(|group| batches(&group.adds) + batches(&group.removes))
            .sum()
    }

    /// Returns a number that only an equal plan has, so that two can be compared without keeping both in memory.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Takes contacts, sorted, from what is to be added; a group that only they would have needed is not created.
    pub fn leave_out(&mut self, contacts: &[ContactId], groups_there: usize) {
        for group in &mut self.groups {
            group.adds.retain(|id| contacts.binary_search(id).is_err());
        }
        let needed = |group: &GroupPlan| !group.adds.is_empty();
        while self.groups.len() > groups_there && !self.groups.last().is_some_and(needed) {
            self.groups.pop();
        }
    }

    /// Returns the contacts to add, group by group.
    pub fn adds(&self) -> impl Iterator<Item = ContactId> {
        self.groups.iter().flat_map(|group| group.adds.iter().copied())
    }

    /// Returns the members to remove, group by group.
    pub fn removes(&self) -> impl Iterator<Item = ContactId> {
        self.groups.iter().flat_map(|group| group.removes.iter().copied())
    }

    /// Returns all contacts to add, sorted.
    pub fn into_adds(self) -> Vec<ContactId> {
        let mut adds: Vec<_> = self.groups.into_iter().flat_map(|group| group.adds).collect();
        adds.sort_unstable();
        adds
    }
}

/// Returns the desired contacts that no group holds.
fn missing<'w>(
    desired: impl Iterator<Item = &'w ContactId> + Clone,
    members: &[Vec<ContactId>],
) -> impl Iterator<Item = ContactId> + Clone {
    let mut cursors: Vec<_> = members.iter().map(|list| list.iter().peekable()).collect();
    let is_missing = move |id: &&ContactId| !cursors.iter_mut().any(|rest| advance_to(rest, **id));
    desired.filter(is_missing).copied()
}

/// Tells which of a group's members, in ascending order, must go.
fn going<'w>(mode: Mode, desired: impl Iterator<Item = &'w ContactId>) -> impl FnMut(&ContactId) -> bool {
    let mut rest = desired.peekable();
    move |id| match mode {
        Mode::Replace => !advance_to(&mut rest, *id),
        Mode::Remove => advance_to(&mut rest, *id),
        Mode::Append => false,
    }
}

/// Skips what is smaller than `id`, and tells whether `id` comes next; both sides ascend, so nothing is read twice.
pub(super) fn advance_to<'i>(rest: &mut Peekable<impl Iterator<Item = &'i ContactId>>, id: ContactId) -> bool {
    while rest.next_if(|first| **first < id).is_some() {}
    rest.peek().is_some_and(|first| **first == id)
}

/// Takes as many as there is room for, of so many that are left.
///
/// The list has its final size from the beginning: one that grows, or is cut out of a longer one, stands twice in memory.
fn take_first(missing: &mut impl Iterator<Item = ContactId>, left: &mut usize, room: usize) -> Vec<ContactId> {
    let count = room.min(*left);
    *left -= count;
    let mut first = Vec::with_capacity(count);
    first.extend(missing.take(count));
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<ContactId> {
        numbers
            .into_iter()
            .filter_map(|n| ContactId::from_bytes((u128::from(n) + 1).to_be_bytes()))
            .collect()
    }

    /// Carries a plan out on sets, in its order, and returns the groups afterwards.
    fn carry_out(plan: &Plan, members: &[Vec<ContactId>]) -> Vec<BTreeSet<ContactId>> {
        let empty = Vec::new();
        let mut groups = Vec::new();
        for (index, change) in plan.groups().iter().enumerate() {
            let mut group: BTreeSet<_> = members.get(index).unwrap_or(&empty).iter().copied().collect();
            let add = |group: &mut BTreeSet<_>| group.extend(change.adds.iter().copied());
            let remove = |group: &mut BTreeSet<_>| group.retain(|id| !change.removes.contains(id));
            if change.removes_first {
                remove(&mut group);
                add(&mut group);
            } else {
                add(&mut group);
                assert!(group.len() <= GROUP_CAPACITY);
                remove(&mut group);
            }
            assert!(group.len() <= GROUP_CAPACITY);
            groups.push(group);
        }
        groups
    }

    #[test]
    fn a_first_load_fills_new_groups_one_after_another() {
        let desired = ids(0..250_000);
        let plan = Plan::new(Mode::Replace, &desired, Vec::new(), 0).unwrap();
        let sizes: Vec<_> = plan.groups().iter().map(|group| group.adds.len()).collect();
        assert_eq!(sizes, [200_000, 50_000]);
        assert_eq!(plan.calls(), 250);
    }

    #[test]
    fn two_million_fit_and_one_more_does_not() {
        let desired = ids(0..2_000_000);
        let plan = Plan::new(Mode::Replace, &desired, vec![desired[..100].to_vec()], 0).unwrap();
        assert_eq!((plan.added(), plan.groups().len()), (1_999_900, 10));
        let too_many = ids(0..2_000_001);
        let error = Plan::new(Mode::Replace, &too_many, Vec::new(), 0).unwrap_err();
        assert_eq!(
            error,
            NoRoom {
                homeless: 1,
                exclude_groups: 0
            }
        );
    }

    #[test]
    fn an_exclusion_group_takes_one_of_the_ten_places() {
        let error = Plan::new(Mode::Replace, &ids(0..1_800_001), Vec::new(), 1).unwrap_err();
        assert_eq!(
            error,
            NoRoom {
                homeless: 1,
                exclude_groups: 1
            }
        );
    }

    #[test]
    fn a_full_group_loses_members_before_it_takes_others() {
        let members = vec![ids(0..200_000)];
        let desired = ids((0..199_000).chain(300_000..301_000));
        let plan = Plan::new(Mode::Replace, &desired, members.clone(), 9).unwrap();
        assert!(plan.groups()[0].removes_first);
        assert_eq!(carry_out(&plan, &members)[0], desired.into_iter().collect());
    }

    #[test]
    fn what_is_left_out_is_not_added_and_needs_no_group_of_its_own() {
        let over = u32::try_from(GROUP_CAPACITY).unwrap();
        let mut plan = Plan::new(Mode::Replace, &ids(0..over + 5), vec![ids([0])], 0).unwrap();
        assert_eq!(plan.groups().len(), 2);
        plan.leave_out(&ids(over..over + 5), 1);
        assert_eq!((plan.groups().len(), plan.added()), (1, GROUP_CAPACITY - 1));
        plan.leave_out(&ids(1..over), 1);
        assert!(
            plan.is_empty() && plan.groups().len() == 1,
            "a group that is there stays"
        );
    }

    proptest! {
        #[test]
        fn a_replace_ends_as_exactly_what_is_desired(
            desired in prop::collection::btree_set(0_u32..300, 0..200),
            members in prop::collection::vec(prop::collection::btree_set(0_u32..300, 0..120), 0..4),
        ) {
            let members: Vec<_> = members.into_iter().map(ids).collect();
            let desired = ids(desired);
            let plan = Plan::new(Mode::Replace, &desired, members.clone(), 0).unwrap();
            let after = carry_out(&plan, &members);
            prop_assert_eq!(&after.into_iter().flatten().collect::<BTreeSet<_>>(), &desired.iter().copied().collect());
            let mut changes = plan.groups().iter().zip(&members);
            let adds_only_new = changes.all(|(group, before)| group.adds.iter().all(|id| !before.contains(id)));
            prop_assert!(adds_only_new);
        }

        #[test]
        fn appending_only_adds_and_removing_only_removes(
            file in prop::collection::btree_set(0_u32..300, 0..200),
            members in prop::collection::vec(prop::collection::btree_set(0_u32..300, 0..120), 0..4),
        ) {
            let members: Vec<_> = members.into_iter().map(ids).collect();
            let before: BTreeSet<_> = members.iter().flatten().copied().collect();
            let file: BTreeSet<_> = ids(file).into_iter().collect();
            let sorted: Vec<_> = file.iter().copied().collect();

            let append = Plan::new(Mode::Append, &sorted, members.clone(), 0).unwrap();
            let after: BTreeSet<_> = carry_out(&append, &members).into_iter().flatten().collect();
            prop_assert_eq!(after, before.union(&file).copied().collect());
            prop_assert_eq!(append.removed(), 0);

            let remove = Plan::new(Mode::Remove, &sorted, members.clone(), 0).unwrap();
            let after: BTreeSet<_> = carry_out(&remove, &members).into_iter().flatten().collect();
            prop_assert_eq!(after, before.difference(&file).copied().collect());
            prop_assert_eq!(remove.added(), 0);
        }

        #[test]
        fn a_plan_carried_out_leaves_nothing_to_do(
            desired in prop::collection::btree_set(0_u32..300, 0..200),
            members in prop::collection::vec(prop::collection::btree_set(0_u32..300, 0..120), 0..4),
        ) {
            let members: Vec<_> = members.into_iter().map(ids).collect();
            let desired = ids(desired);
            let plan = Plan::new(Mode::Replace, &desired, members.clone(), 0).unwrap();
            let after = carry_out(&plan, &members).into_iter().map(|group| group.into_iter().collect()).collect();
            prop_assert!(Plan::new(Mode::Replace, &desired, after, 0).unwrap().is_empty());
        }
    }
}
