//! How a segment's own objects are named.

use crate::domain::SegmentName;
use sha2::{Digest, Sha256};

/// Names a segment's folder under the state prefix: a hash, since a name may hold anything that a key may not.
///
/// 32 hex digits: 128 bits of a SHA-256 of the name.
pub fn segment_hash(segment_name: &SegmentName) -> String {
    let hash = Sha256::digest(segment_name.as_str());
    let first = u128::from_be_bytes(std::array::from_fn(|index| hash[index]));
    format!("{first:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_folder_is_named_by_a_hash() {
        let hash = |name| segment_hash(&SegmentName::parse(name).unwrap());
        assert_eq!(
            hash("Summer Sale"),
            "b5a6898e4b728234d428749d7b62cf93",
            "heads lie there"
        );
        assert_ne!(hash("Summer Sale"), hash("summer sale"));
    }
}
