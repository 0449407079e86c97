//! Which of two results is newer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One content of one object, and its place among all results.
///
/// One clock for all uploads, whatever order the events arrive in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// `LastModified` of exactly this version, as S3 tells it.
    pub last_modified: DateTime<Utc>,
    /// The object's key.
    pub key: String,
    /// The version; none in a bucket without versioning. S3's version ids are in no order.
    pub version_id: Option<String>,
    /// The entity tag; what earlier heads tell lacks it, and is known by the rest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Orders the contents that a key had within one second: the higher came later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nth: i32,
}

/// What compares two results: S3's own clock, then the key, then what S3 says of contents of one second.
pub type Place<'a> = (DateTime<Utc>, &'a str, i32);

impl Position {
    /// Returns the place among all results.
    pub fn place(&self) -> Place<'_> {
        (self.last_modified, &self.key, self.nth)
    }

    /// Returns whether both are the same content of the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same_tag = match (&self.etag, &other.etag) {
            (Some(own), Some(others)) => own == others,
            _ => true,
        };
        self.is_of_one_second(other) && self.version_id == other.version_id && is_same_tag
    }

    /// Returns whether these are two contents that one key had within one second: only S3 knows which came last.
    pub fn is_twin(&self, other: &Self) -> bool {
        self.is_of_one_second(other) && !self.is_same(other)
    }

    fn is_of_one_second(&self, other: &Self) -> bool {
        self.last_modified == other.last_modified && self.key == other.key
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(seconds: i64, key: &str, version: Option<&str>, etag: Option<&str>) -> Position {
        Position {
            last_modified: DateTime::from_timestamp(seconds, 0).unwrap(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            etag: etag.map(str::to_owned),
            nth: 0,
        }
    }

    #[test]
    fn the_later_upload_is_newer_and_the_key_breaks_a_tie_and_no_version_does() {
        let ascending = [
            position(1, "z", Some("9"), None),
            position(2, "a", Some("2"), None),
            Position {
                nth: 1,
                ..position(2, "a", Some("1"), None)
            },
            position(2, "b", None, None),
        ];
        assert!(ascending.iter().map(Position::place).is_sorted());
        let versions = ["1", "2"].map(|version| position(2, "a", Some(version), None));
        assert_eq!(versions[0].place(), versions[1].place());
    }

    #[test]
    fn another_version_or_tag_within_the_second_is_a_twin_and_a_lacking_tag_is_any() {
        let this = position(1, "a", None, Some("x"));
        for (other, is_same, is_twin) in [
            (position(1, "a", None, Some("x")), true, false),
            (position(1, "a", None, None), true, false),
            (position(1, "a", None, Some("y")), false, true),
            (position(1, "a", Some("1"), Some("x")), false, true),
            (position(2, "a", None, Some("x")), false, false),
            (position(1, "b", None, Some("x")), false, false),
        ] {
            assert_eq!(
                (this.is_same(&other), this.is_twin(&other)),
                (is_same, is_twin),
                "{other:?}"
            );
            assert_eq!(
                (other.is_same(&this), other.is_twin(&this)),
                (is_same, is_twin),
                "{other:?}"
            );
        }
    }
}
