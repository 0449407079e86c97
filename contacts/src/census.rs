//! Who is in a set of contacts, in 24 bytes: enough to tell it from any other, and nobody's id.

use super::ContactId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// How many contacts a set has, and a hash of their ids in whatever order.
///
/// The hash is the sum, modulo 2^128, of the first 16 bytes of each id's SHA-256: a sum knows no order, and takes no
/// memory. Each summand being as good as random, so is the difference of two sums, so that two sets that differ have one
/// hash by a chance of 1 in 2^128 (`AdHash`: Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing:
/// Incrementality at Reduced Cost", 1997). The ids themselves would not do as summands: many systems count them up, and
/// a set that has lost 1 and 4 and won 2 and 3 would look the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// How many contacts there are.
    pub count: u64,
    /// The sum, in a head 32 hex digits.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    hash: u128,
}

impl FromIterator<ContactId> for Census {
    /// Counts contacts, of which none may come twice.
    fn from_iter<I: IntoIterator<Item = ContactId>>(ids: I) -> Self {
        ids.into_iter().fold(Self::default(), |census, id| Self {
            count: census.count + 1,
            hash: census.hash.wrapping_add(scattered(id)),
        })
    }
}

impl Census {
    /// Counts contacts that are none of these, beside them.
    pub fn with(self, ids: impl IntoIterator<Item = ContactId>) -> Self {
        let others: Self = ids.into_iter().collect();
        Self {
            count: self.count + others.count,
            hash: self.hash.wrapping_add(others.hash),
        }
    }

    /// Counts these without some of them.
    pub fn without(self, ids: impl IntoIterator<Item = ContactId>) -> Self {
        let others: Self = ids.into_iter().collect();
        Self {
            count: self.count.saturating_sub(others.count),
            hash: self.hash.wrapping_sub(others.hash),
        }
    }
}

/// Returns the first 16 bytes of the id's SHA-256.
fn scattered(id: ContactId) -> u128 {
    let hash = Sha256::digest(id.as_bytes());
    u128::from_be_bytes(std::array::from_fn(|index| hash[index]))
}

fn write_hash<S: Serializer>(hash: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{hash:032x}"))
}

fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let digits = String::deserialize(deserializer)?;
    u128::from_str_radix(&digits, 16).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::numbered;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn census(numbers: impl IntoIterator<Item = u128>) -> Census {
        numbers.into_iter().map(numbered).collect()
    }

    #[test]
    fn the_order_is_nothing_and_any_other_contact_is_everything() {
        let counted = census([1, 2, 3, 4]);
        assert_eq!(counted, census([4, 2, 1, 3]));
        for other in [&[1_u128, 2, 3][..], &[1, 2, 3, 5], &[1, 2, 3, 4, 5], &[]] {
            assert_ne!(counted, census(other.iter().copied()));
        }
    }

    #[test]
    fn who_comes_and_goes_is_counted_as_though_all_were_counted_anew() {
        let ids = |numbers: &[u128]| numbers.iter().copied().map(numbered).collect::<Vec<_>>();
        assert_eq!(census([1, 2]).with(ids(&[3, 4])), census([1, 2, 3, 4]));
        assert_eq!(census([1, 2, 3, 4]).without(ids(&[4, 1])), census([2, 3]));
    }

    #[test]
    fn ids_that_were_counted_up_are_told_apart() {
        assert_ne!(census([1, 4]), census([2, 3]));
        assert_ne!(census([1 << 64, 5]), census([1, (1 << 64) + 4]));
        let of_three: BTreeSet<_> = (1..60_u128)
            .flat_map(|a| (1..a).flat_map(move |b| (1..b).map(move |c| census([a, b, c]).hash)))
            .collect();
        assert_eq!(of_three.len(), 32_509, "59 over 3");
    }

    #[test]
    fn it_is_written_with_all_its_digits_and_read_again() {
        // The first 16 bytes of SHA-256 over fifteen bytes 0 and one 1 (coreutils' sha256sum).
        let one = census([1]);
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"{"count":1,"hash":"7c3ccd10bb7ec37b46d37926ae627426"}"#);
        assert_eq!(serde_json::from_str::<Census>(&json).unwrap(), one);
        let small = Census { count: 1, hash: 10 };
        let json = serde_json::to_string(&small).unwrap();
        assert!(json.contains("0000000000000000000000000000000a"), "{json}");
        assert!(serde_json::from_str::<Census>(r#"{"count":1,"hash":"x"}"#).is_err());
    }

    proptest! {
        #[test]
        fn equal_sets_and_no_others_have_one_census(
            ours in prop::collection::btree_set(1_u128..40, 0..12),
            theirs in prop::collection::btree_set(1_u128..40, 0..12),
        ) {
            let of_ours = census(ours.iter().rev().copied());
            prop_assert_eq!(of_ours == census(theirs.iter().copied()), ours == theirs);
        }
    }
}
