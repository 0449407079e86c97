//! The name of a segment.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a segment: 1 to 100 characters, no control characters; compared exactly and with regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SegmentName(String);

impl SegmentName {
    /// The longest name in UTF-16 units, as Dataverse counts (`msdynmkt_name` is a string of 100).
    const MAX_UTF16_UNITS: usize = 100;
    /// What follows the name of the segment that samples go to.
    const SAMPLE_SUFFIX: &str = " (test)";
    /// How the names of files end.
    const FILES: [&str; 10] = [
        "csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "gz", "zst", "manifest",
    ];
    /// What a name must be.
    const EXPECTED: &str = "a segment name of 1 to 100 characters without control characters";

    /// Takes a name after trimming it; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.trim();
        let length = name.encode_utf16().count();
        if (1..=Self::MAX_UTF16_UNITS).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name.into()))
        } else {
            Err(Self::EXPECTED)
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it looks like a date, a number, a part of a table or a file, as folders are called that nobody means for the
    /// name of an audience.
    pub fn is_like_a_date_or_file(&self) -> bool {
        let name = self.0.as_str();
        let is_number = name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-_.: ".contains(&byte));
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_partition = name.split_once('=').is_some_and(|(column, _)| is_word(column));
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        is_number || is_partition || ending.is_some_and(|ending| Self::FILES.contains(&ending.as_str()))
    }

    /// Returns the name of the segment that samples go to, which must fit too.
    pub fn for_sample(&self) -> Result<Self, &'static str> {
        Self::parse(&format!("{}{}", self.0, Self::SAMPLE_SUFFIX))
            .map_err(|_| "a segment name of 1 to 93 characters, so that ` (test)` fits behind it")
    }

    /// Returns the name of the segment whose samples go to the one of this name.
    pub fn of_sample(&self) -> Option<Self> {
        self.0
            .strip_suffix(Self::SAMPLE_SUFFIX)
            .and_then(|name| Self::parse(name).ok())
    }
}

impl TryFrom<String> for SegmentName {
    type Error = &'static str;

    /// Takes a name that was written by this program: one that was not parsed before is none.
    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).and_then(|name| if name.0 == text { Ok(name) } else { Err(Self::EXPECTED) })
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn length_is_counted_in_utf16_units() {
        assert!(SegmentName::parse(&"x".repeat(100)).is_ok());
        assert!(SegmentName::parse(&"é".repeat(100)).is_ok());
        assert!(SegmentName::parse(&"🧦".repeat(50)).is_ok());
        assert!(SegmentName::parse(&"🧦".repeat(51)).is_err());
        assert!(SegmentName::parse(&"x".repeat(101)).is_err());
    }

    #[test]
    fn folders_of_days_and_files_are_told_from_names_of_audiences() {
        let is_odd = |name: &str| SegmentName::parse(name).unwrap().is_like_a_date_or_file();
        for name in [
            "23",
            "2026",
            "2026-11-27",
            "2026_11",
            "dt=2026-11-27",
            "year=2026",
            "all.csv",
            "Summer manifest.csv",
            "a.GZ",
        ] {
            assert!(is_odd(name), "{name}");
        }
        for name in [
            "Summer Sale",
            "Summer Sale 2026",
            "Q4-2026",
            "50 % = half",
            "v1.5 customers",
            "24h",
            "é",
        ] {
            assert!(!is_odd(name), "{name}");
        }
    }

    #[test]
    fn the_longer_name_of_a_sample_must_fit_too() {
        let name = SegmentName::parse("Summer Sale").unwrap();
        let sample = name.for_sample().unwrap();
        assert_eq!(sample.as_str(), "Summer Sale (test)");
        assert_eq!((sample.of_sample(), name.of_sample()), (Some(name), None));
        assert!(SegmentName::parse(&"x".repeat(93)).unwrap().for_sample().is_ok());
        assert!(SegmentName::parse(&"x".repeat(94)).unwrap().for_sample().is_err());
    }

    #[test]
    fn json_holds_the_name_as_it_is_and_nothing_that_is_none() {
        let name: SegmentName = serde_json::from_str("\"Summer Sale\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Summer Sale\"");
        for text in ["\"\"", "\" Summer Sale\"", "\"a\\u0000b\"", "7", "null"] {
            assert!(serde_json::from_str::<SegmentName>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_name_parses_to_itself(text in ".{0,120}") {
            if let Ok(name) = SegmentName::parse(&text) {
                prop_assert_eq!(SegmentName::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(name.as_str(), text.trim());
            }
        }
    }
}
