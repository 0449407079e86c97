//! How one input is named.

use super::{ObjectRef, SegmentName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Sixteen hex digits that name one input: the same input is always the same run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Derives the id from the segment's name and the object: the first 8 bytes of a SHA-256, in hex.
    pub fn of(segment_name: &SegmentName, object: &ObjectRef) -> Self {
        let mut hash = Sha256::new();
        let version = object.version_id.as_deref().unwrap_or_default();
        for part in [
            segment_name.as_str(),
            &object.bucket,
            &object.key,
            version,
            &object.etag,
        ] {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        let first = u64::from_be_bytes(std::array::from_fn(|index| hash[index]));
        Self(format!("{first:016x}"))
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

    fn run(name: &str, object: &ObjectRef) -> RunId {
        RunId::of(&SegmentName::parse(name).unwrap(), object)
    }

    #[test]
    fn the_same_input_is_the_same_run_and_another_input_is_another() {
        let id = run("Summer Sale", &object("incoming/a.csv", Some("1")));
        assert_eq!(id, run("Summer Sale", &object("incoming/a.csv", Some("1"))));
        assert_eq!(id.as_str(), "da8ded9e30af2cca", "heads and approvals hold it");
        for other in [
            run("Summer Sales", &object("incoming/a.csv", Some("1"))),
            run("Summer Sale", &object("incoming/b.csv", Some("1"))),
            run("Summer Sale", &object("incoming/a.csv", Some("2"))),
            run("Summer Sale", &object("incoming/a.csv", None)),
        ] {
            assert_ne!(id, other);
        }
    }
}
