//! Collecting ids of which some are repeated.

use super::{ContactId, ContactSet, sort_and_dedup};

/// Collects ids into a [`ContactSet`] with 16 bytes of memory per distinct id and some MiB, however often ids are repeated.
///
/// A vector that is sorted once, at the end, is faster and three times smaller than a hash set. On the way it is sorted
/// only where so many of its ids are repetitions that throwing them out pays.
pub struct Collector {
    ids: Vec<ContactId>,
    /// The length at which the vector is looked at again.
    full: usize,
    /// Some of the ids, without repetitions; how many ids of the vector it was taken from, and how many there were.
    sample: Vec<ContactId>,
    looked_at: usize,
    sampled: usize,
    limit: usize,
    pushed: u64,
}

impl Collector {
    /// How many ids are pushed between two looks at the vector: 4 MiB.
    const STEP: usize = 262_144;

    /// How many repetitions are left in the vector: 2 MiB.
    const SPARED: usize = 131_072;

    /// Of how many ids one is looked at to estimate the repetitions: of 131,072 of them 512, give or take 23, are seen.
    const ONE_IN: usize = 256;

    /// Makes a collector that takes up to `limit` distinct ids.
    pub fn up_to(limit: usize) -> Self {
        Self {
            ids: Vec::new(),
            full: 0,
            sample: Vec::new(),
            looked_at: 0,
            sampled: 0,
            limit,
            pushed: 0,
        }
    }

    /// Takes one more id; an error where there are more distinct ones than the limit, noticed up to 262,144 ids late.
    #[inline]
    pub fn push(&mut self, id: ContactId) -> Result<(), TooManyContacts> {
        if self.ids.len() == self.full {
            self.make_room()?;
        }
        self.ids.push(id);
        self.pushed += 1;
        Ok(())
    }

    /// Returns the distinct ids and how many pushes were repetitions.
    pub fn finish(mut self) -> (ContactSet, u64) {
        sort_and_dedup(&mut self.ids);
        let duplicates = self.pushed - self.ids.len() as u64;
        (ContactSet(self.ids), duplicates)
    }

    #[cold]
    fn make_room(&mut self) -> Result<(), TooManyContacts> {
        if self.repetitions() > Self::SPARED || self.ids.len() > self.limit {
            sort_and_dedup(&mut self.ids);
            self.looked_at = self.ids.len();
            self.sampled = self.sample.len();
        }
        if self.ids.len() > self.limit {
            return Err(TooManyContacts { limit: self.limit });
        }
        self.full = self.ids.len() + Self::STEP;
        self.ids.reserve_exact(Self::STEP);
        Ok(())
    }

    /// Estimates how many of the ids are repetitions; a repeated id is in the sample as often as in the vector.
    fn repetitions(&mut self) -> usize {
        let is_sampled = |id: &&ContactId| id.scrambled().is_multiple_of(Self::ONE_IN as u64);
        let before = self.sample.len();
        self.sample.extend(self.ids[self.looked_at..].iter().filter(is_sampled));
        self.sampled += self.sample.len() - before;
        self.looked_at = self.ids.len();
        // Of a handful of ids that repeat all the time none may be in the sample.
        if self.sampled < self.ids.len() / (2 * Self::ONE_IN) {
            return self.ids.len();
        }
        sort_and_dedup(&mut self.sample);
        (self.sampled - self.sample.len()) * Self::ONE_IN
    }
}

/// There are more distinct contacts than memory is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyContacts {
    /// How many there may be.
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::numbered;
    use proptest::prelude::*;

    #[test]
    fn heavy_repetition_takes_no_more_room_than_a_step() {
        for distinct in [1, 7, 50_000_u32] {
            let mut collector = Collector::up_to(usize::MAX);
            for number in 0..1_000_000 {
                collector.push(numbered(1 + u128::from(number % distinct))).unwrap();
                assert!(collector.ids.len() <= distinct as usize + Collector::STEP);
            }
            let (contacts, duplicates) = collector.finish();
            assert_eq!(
                (contacts.len(), duplicates),
                (distinct as usize, u64::from(1_000_000 - distinct))
            );
        }
    }

    #[test]
    fn a_few_repetitions_are_not_worth_sorting() {
        let mut collector = Collector::up_to(usize::MAX);
        for number in 0..1_000_000_u128 {
            collector
                .push(numbered(2 + number - u128::from(number % 50 == 0)))
                .unwrap();
        }
        assert_eq!(collector.ids.len(), 1_000_000);
        assert_eq!(collector.finish().0.len(), 980_001);
    }

    #[test]
    fn a_limit_counts_distinct_ids_only() {
        let mut collector = Collector::up_to(100_000);
        for number in 0..1_000_000 {
            collector.push(numbered(1 + number % 100_000)).unwrap();
        }
        let taken = (0..1_000_000).take_while(|number| collector.push(numbered(200_000 + number)).is_ok());
        assert!(taken.count() <= 2 * Collector::STEP);
    }

    proptest! {
        #[test]
        fn a_collector_counts_like_a_set(values in prop::collection::vec(1_u128..500, 0..2_000)) {
            let mut collector = Collector::up_to(500);
            let mut set = std::collections::BTreeSet::new();
            for value in &values {
                collector.push(numbered(*value)).unwrap();
                set.insert(numbered(*value));
            }
            let (contacts, duplicates) = collector.finish();
            prop_assert!(contacts.as_slice().iter().eq(set.iter()));
            prop_assert_eq!(duplicates, (values.len() - set.len()) as u64);
        }
    }
}
