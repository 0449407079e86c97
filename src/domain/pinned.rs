//! The files of a result in several, as they were when it was taken up.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Which files a result in several consists of: whatever is written, replaced or deleted later makes other ones of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The first 16 bytes, in hex, of a SHA-256 over key, `ETag` and size of each file, in order of the keys.
    pub hash: String,
    /// How many files there are.
    pub count: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl Pinned {
    /// Pins files by key, `ETag` and size, in whatever order they are given.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str, u64)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable();
        let mut hash = Sha256::new();
        for (key, etag, size) in &files {
            for text in [key, etag] {
                // The length keeps ("ab", "c") and ("a", "bc") apart.
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
            hash.update(size.to_be_bytes());
        }
        let hash = hash.finalize();
        Self {
            hash: format!("{:032x}", u128::from_be_bytes(std::array::from_fn(|index| hash[index]))),
            count: files.len() as u64,
            bytes: files.iter().fold(0, |sum, (.., size)| sum.saturating_add(*size)),
        }
    }
}

/// Tells how many files there are and how large they are, as sentences have it.
impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count == 1 { "" } else { "s" };
        write!(f, "{} file{plural} of {} bytes", self.count, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_files_is_nothing_and_any_other_file_is_everything() {
        let pinned = Pinned::of([("a", "1", 10), ("b", "2", 20)]);
        assert_eq!(pinned, Pinned::of([("b", "2", 20), ("a", "1", 10)]));
        assert_eq!(pinned.to_string(), "2 files of 30 bytes");
        for other in [
            &[("a", "1", 10)][..],
            &[("a", "1", 10), ("b", "3", 20)],
            &[("a", "1", 10), ("c", "2", 20)],
            &[("a", "1", 20), ("b", "2", 10)],
            &[("a", "1", 10), ("b", "2", 20), ("c", "", 0)],
            &[("a1", "", 10), ("b", "2", 20)],
            &[],
        ] {
            assert_ne!(pinned, Pinned::of(other.iter().copied()));
        }
    }
}
