//! Heads that nobody can read: for a while, or until a person puts another in their place.

use super::Plant;
use super::world::{SEGMENTS, World};

impl World {
    /// Returns whether a segment's head can never be read again.
    pub(super) fn head_is_lost(&self, segment: usize) -> bool {
        self.head_is_unreadable(segment) && self.scenario.unreadable.is_some_and(|(.., until)| until.is_none())
    }

    /// Returns whether a segment's head is such that nobody can read it.
    pub(super) fn head_is_unreadable(&self, segment: usize) -> bool {
        let now = self.now();
        let is_damaged = |(of, from, until): (usize, u64, Option<u64>)| {
            of == segment && now >= from && until.is_none_or(|until| now < until)
        };
        self.heads[segment].is_some() && self.scenario.unreadable.is_some_and(is_damaged)
    }

    /// Returns whether one head that cannot be read stands for all.
    pub(super) fn is_hindered_by_a_head(&self) -> bool {
        let is_one_unreadable = || (0..SEGMENTS).any(|segment| self.head_is_unreadable(segment));
        self.plant == Some(Plant::OneHeadStandsForAll) && is_one_unreadable()
    }
}
