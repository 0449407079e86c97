//! Which of two results is newer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seconds: i64, key: &str, version: Option<&str>) -> Order {
        Order {
            last_modified: DateTime::from_timestamp(seconds, 0).unwrap(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
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
}
