//! Contact ids: 16 bytes each, never printed, sent in batches the remote side accepts.
//!
//! Every row of a result ends here. So these are a crate of their own, which is built for speed where the rest of the function
//! is built to be small.

mod census;
mod collector;

pub use census::Census;
pub use collector::{Collector, TooManyContacts};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BinaryHeap;
use std::fmt;
use uuid::Uuid;
use uuid_simd::UuidExt;

/// The GUID of one Dataverse contact; pseudonymous personal data, so `Debug` shows nothing of it.
///
/// Serializes as the lower-case hyphenated form that the Web API expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId {
    // Two words, not one of twice the size: a half is compared faster than the whole when millions are sorted.
    high: u64,
    low: u64,
}

impl ContactId {
    /// Reads a GUID in any case, with or without hyphens, braces and surrounding blanks.
    ///
    /// The nil GUID is no contact.
    #[inline]
    pub fn parse(cell: &[u8]) -> Option<Self> {
        Self::parse_bare(cell).or_else(|| {
            let cell = cell.trim_ascii();
            let inner = cell.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
            Self::parse_bare(inner.unwrap_or(cell))
        })
    }

    /// Reads a GUID as most writers write it.
    #[inline]
    fn parse_bare(cell: &[u8]) -> Option<Self> {
        let uuid = match cell.len() {
            36 => Uuid::parse_hyphenated(cell),
            32 => Uuid::parse_simple(cell),
            _ => return None,
        };
        Self::from_bytes(uuid.ok()?.into_bytes())
    }

    /// Takes the 16 big-endian bytes of a GUID; the nil GUID is no contact.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        match Uuid::from_bytes(bytes).as_u64_pair() {
            (0, 0) => None,
            (high, low) => Some(Self { high, low }),
        }
    }

    /// Returns the 16 big-endian bytes of the GUID.
    pub const fn as_bytes(self) -> [u8; 16] {
        Uuid::from_u64_pair(self.high, self.low).into_bytes()
    }

    /// Returns a number that tells nothing of how the GUID was made: some generators only count in a few of its bytes.
    const fn scrambled(self) -> u64 {
        // Fibonacci hashing: the upper bits of a product with the golden ratio depend on all bits.
        (self.high ^ self.low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
    }
}

impl fmt::Debug for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactId(..)")
    }
}

impl Serialize for ContactId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        let id = Uuid::from_u64_pair(self.high, self.low);
        serializer.serialize_str(id.hyphenated().encode_lower(&mut buffer))
    }
}

/// Distinct contact ids in ascending order: the audience that a file asks for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ContactSet(Vec<ContactId>);

impl ContactSet {
    /// Returns the ids in ascending order.
    pub fn as_slice(&self) -> &[ContactId] {
        &self.0
    }

    /// Returns how many distinct contacts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no contact at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the set without those contacts, which are sorted.
    pub fn without(mut self, others: &[ContactId]) -> Self {
        if !others.is_empty() {
            self.0.retain(|id| others.binary_search(id).is_err());
        }
        self
    }

    /// Returns the set with those contacts, too.
    pub fn with(mut self, others: &[ContactId]) -> Self {
        self.0.extend_from_slice(others);
        Self::from(self.0)
    }

    /// Returns `size` of the contacts, always the same ones of the same set.
    ///
    /// Chosen by a hash, since the smallest ids could have something else in common.
    pub fn sample(&self, size: usize) -> Self {
        Self::from(sample(self.0.iter().copied(), size))
    }
}

/// Returns `size` of the contacts, always the same ones of the same contacts, in no order.
pub fn sample(contacts: impl Iterator<Item = ContactId>, size: usize) -> Vec<ContactId> {
    let mut chosen = BinaryHeap::new();
    for id in contacts {
        chosen.push((Sha256::digest(id.as_bytes()), id));
        if chosen.len() > size {
            chosen.pop();
        }
    }
    chosen.into_iter().map(|(_, id)| id).collect()
}

impl fmt::Debug for ContactSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContactSet({} contacts)", self.0.len())
    }
}

impl From<Vec<ContactId>> for ContactSet {
    fn from(mut ids: Vec<ContactId>) -> Self {
        sort_and_dedup(&mut ids);
        Self(ids)
    }
}

impl FromIterator<ContactId> for ContactSet {
    fn from_iter<I: IntoIterator<Item = ContactId>>(ids: I) -> Self {
        Self::from(ids.into_iter().collect::<Vec<_>>())
    }
}

fn sort_and_dedup(ids: &mut Vec<ContactId>) {
    // One half is compared faster than both, and two GUIDs that differ seldom share it.
    ids.sort_unstable_by_key(|id| id.high);
    let mut all_sorted = true;
    ids.dedup_by(|next, id| {
        all_sorted &= id.high != next.high || id.low <= next.low;
        id == next
    });
    if !all_sorted {
        ids.sort_unstable();
        ids.dedup();
    }
}

/// Up to 1,000 distinct contact ids for one call; never empty.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a>(&'a [ContactId]);

impl<'a> Batch<'a> {
    /// The most ids that one `msdynmkt_AddStaticMembers` call accepts (Microsoft's documentation of the segment API).
    pub const MAX: usize = 1_000;

    /// Cuts the ids into batches of `most`, or of [`Self::MAX`] where that is less, and one shorter rest.
    pub fn split(ids: &'a [ContactId], most: usize) -> impl Iterator<Item = Self> + 'a {
        ids.chunks(most.clamp(1, Self::MAX)).map(Self)
    }

    /// Returns the ids.
    pub const fn ids(self) -> &'a [ContactId] {
        self.0
    }

    /// Returns the two halves of the batch, or nothing where it holds a single id.
    pub fn halves(self) -> Option<(Self, Self)> {
        let (left, right) = self.0.split_at(self.0.len() / 2);
        (!left.is_empty()).then_some((Self(left), Self(right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn numbered(number: u128) -> ContactId {
        ContactId::from_bytes(number.to_be_bytes()).unwrap()
    }

    const HYPHENATED: &[u8] = b"8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";

    #[test]
    fn every_way_to_write_a_guid_is_the_same_contact() {
        let expected = ContactId::parse(HYPHENATED);
        assert!(expected.is_some());
        for cell in [
            "8F2A1C34-5B6D-4E7F-8A9B-0C1D2E3F4A5B",
            "{8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b}",
            "8f2a1c345b6d4e7f8a9b0c1d2e3f4a5b",
            "  8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b\t",
            "{8F2A1C345B6D4E7F8A9B0C1D2E3F4A5B}",
        ] {
            assert_eq!(ContactId::parse(cell.as_bytes()), expected, "{cell}");
        }
    }

    #[test]
    fn what_is_no_guid_is_no_contact() {
        for cell in [
            "",
            "NULL",
            "0",
            "00000000-0000-0000-0000-000000000000",
            "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5",
            "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5g",
            "{8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
            "urn:uuid:8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b",
            "8f2a1c345-b6d-4e7f-8a9b-0c1d2e3f4a5b",
        ] {
            assert_eq!(ContactId::parse(cell.as_bytes()), None, "{cell}");
        }
    }

    #[test]
    fn debug_output_shows_no_id() {
        let id = ContactId::parse(HYPHENATED).unwrap();
        assert_eq!(format!("{id:?}"), "ContactId(..)");
        assert_eq!(format!("{:?}", ContactSet::from(vec![id])), "ContactSet(1 contacts)");
    }

    #[test]
    fn a_sample_is_part_of_the_set_and_always_the_same() {
        let set: ContactSet = (1..=1_000).map(numbered).collect();
        let sample = set.sample(10);
        assert_eq!(sample.len(), 10);
        assert!(sample.as_slice().iter().all(|id| set.as_slice().contains(id)));
        assert_eq!(sample, set.sample(10));
        assert_ne!(sample.as_slice(), &set.as_slice()[..10]);
        assert_eq!(set.sample(5_000), set);
    }

    proptest! {
        #[test]
        fn any_written_id_is_read_back(bytes in any::<[u8; 16]>().prop_filter("nil", |b| *b != [0; 16])) {
            let id = ContactId::from_bytes(bytes).unwrap();
            let written = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(ContactId::parse(written.trim_matches('"').as_bytes()), Some(id));
        }

        #[test]
        fn batches_hold_every_id_once_and_never_too_many(count in 0_u128..3_500) {
            let ids: Vec<_> = (1..=count).map(numbered).collect();
            let batches: Vec<_> = Batch::split(&ids, Batch::MAX).collect();
            prop_assert!(batches.iter().all(|batch| (1..=Batch::MAX).contains(&batch.ids().len())));
            prop_assert_eq!(batches.iter().flat_map(|batch| batch.ids()).copied().collect::<Vec<_>>(), ids);
        }
    }
}
