//! Which of two results is newer, and how one input is named.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};

/// The place of a result among all results: by S3's own clock, then by key, then by version.
///
/// One clock for all uploads, whatever order the events arrive in. The derived ordering compares the fields from top
/// to bottom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// `LastModified` of exactly this version, as S3 tells it.
    pub last_modified: DateTime<Utc>,
    /// The object's key.
    pub key: String,
    /// The version; none in a bucket without versioning.
    pub version_id: Option<String>,
}

/// The S3 object that a run is about: one version of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The decoded key.
    pub key: String,
    /// The version; none in a bucket without versioning.
    pub version_id: Option<String>,
    /// The entity tag, without quotes.
    pub etag: String,
}

/// Sixteen hex digits that name one input: the same input is always the same run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Derives the id from the segment's name and the object: the first 8 bytes of a SHA-256, in hex.
    pub fn of(segment_name: &str, object: &ObjectRef) -> Self {
        let mut hash = Sha256::new();
        let version = object.version_id.as_deref().unwrap_or_default();
        for part in [segment_name, &object.bucket, &object.key, version, &object.etag] {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex::<8>(&hash.finalize()))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a segment's folder under the state prefix: a hash, since a name may hold anything that a key may not.
///
/// 32 hex digits: 128 bits of a SHA-256 of the name.
pub fn segment_hash(segment_name: &str) -> String {
    hex::<16>(&Sha256::digest(segment_name))
}

/// Writes the first `N` bytes of a hash as hex digits.
pub(crate) fn hex<const N: usize>(hash: &[u8]) -> String {
    hash.iter()
        .take(N)
        .fold(String::with_capacity(2 * N), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, version: Option<&str>) -> ObjectRef {
        ObjectRef {
            bucket: "socktown-results".to_owned(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            etag: "9b2cf535f27731c974343645a3985328".to_owned(),
        }
    }

    fn order(seconds: i64, key: &str, version: Option<&str>) -> Order {
        Order {
            last_modified: DateTime::from_timestamp(seconds, 0).unwrap(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
        }
    }

    #[test]
    fn the_same_input_is_the_same_run_and_another_input_is_another() {
        let id = RunId::of("Summer Sale", &object("incoming/a.csv", Some("1")));
        assert_eq!(id, RunId::of("Summer Sale", &object("incoming/a.csv", Some("1"))));
        assert_eq!(id.as_str().len(), 16);
        assert!(id.as_str().bytes().all(|digit| digit.is_ascii_hexdigit()));
        for other in [
            RunId::of("Summer Sale ", &object("incoming/a.csv", Some("1"))),
            RunId::of("Summer Sale", &object("incoming/b.csv", Some("1"))),
            RunId::of("Summer Sale", &object("incoming/a.csv", Some("2"))),
            RunId::of("Summer Sale", &object("incoming/a.csv", None)),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn the_later_upload_is_newer_and_key_and_version_break_a_tie() {
        let ascending = [
            order(1, "z", Some("9")),
            order(2, "a", None),
            order(2, "a", Some("1")),
            order(2, "a", Some("2")),
            order(2, "b", None),
        ];
        assert!(ascending.is_sorted());
    }

    #[test]
    fn a_segment_folder_is_named_by_a_hash() {
        assert_eq!(segment_hash("Summer Sale").len(), 32);
        assert_ne!(segment_hash("Summer Sale"), segment_hash("summer sale"));
    }
}
