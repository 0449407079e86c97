//! The name of the segment that a run is for, and the four places it may come from.

use super::encoded_words;
use crate::{percent, shown};

/// The name of a segment: 1 to 100 characters, no control characters; compared exactly and with regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentName(String);

/// Tells why a run has no usable segment name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None of the four places names a segment.
    #[error(
        "no segment name for `{}`: give one as the event's `segment_name`, as the object's metadata `segment-name`, \
         as the first folder under the results prefix, or as the destination's `segment_name`",
        shown::key(key)
    )]
    None {
        /// The object's key.
        key: String,
    },
    /// S3 could not hand out some of the metadata, and the name may be among it.
    #[error(
        "S3 hands out only some of the metadata of `{}`, and a `segment-name` may be among what it keeps: write metadata as \
         headers can hold it (percent-encoded UTF-8), or give `segment_name` in a command",
        shown::key(key)
    )]
    Hidden {
        /// The object's key.
        key: String,
    },
    /// The metadata holds an encoded word that is none.
    #[error(
        "the metadata `segment-name` of `{}` cannot be decoded (RFC 2047): write it as percent-encoded UTF-8",
        shown::key(key)
    )]
    Undecodable {
        /// The object's key.
        key: String,
    },
    /// One of the places holds a name that no segment can have.
    #[error("{place} of `{}` must be {expected}", shown::key(key))]
    Invalid {
        /// The place that the name came from.
        place: &'static str,
        /// The object's key.
        key: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Error {
    /// Returns the stable name that alarms and retries see.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::None { .. } => "NoSegmentName",
            Self::Invalid { .. } | Self::Hidden { .. } | Self::Undecodable { .. } => "InvalidSegmentName",
        }
    }
}

/// What the object's metadata says of the segment's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata<'a> {
    /// Nothing.
    None,
    /// This, as S3 handed it out.
    Name(&'a str),
    /// Unknown: there is metadata that S3 could not hand out.
    Hidden,
}

impl SegmentName {
    /// The longest name in UTF-16 units, as Dataverse counts (`msdynmkt_name` is a string of 100).
    const MAX_UTF16_UNITS: usize = 100;

    /// What follows the name of the segment that samples go to.
    pub const SAMPLE_SUFFIX: &str = " (test)";

    /// Takes a name after trimming it; the error says what it must be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.trim();
        let length = name.encode_utf16().count();
        if (1..=Self::MAX_UTF16_UNITS).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name.into()))
        } else {
            Err("a segment name of 1 to 100 characters without control characters")
        }
    }

    /// Settles which segment a run is for.
    ///
    /// The event's own field counts before the object's metadata (encoded words and percent-encoded UTF-8), this before the first folder
    /// under the results prefix, and that before the destination's name. An empty folder is no name; anything else that
    /// is there must be a good one, since falling back to the next place could load the wrong segment.
    pub fn settle(
        event_field: Option<&str>,
        metadata: Metadata<'_>,
        key: &str,
        results_prefix: &str,
        destination: Option<&str>,
    ) -> Result<Self, Error> {
        let metadata = match metadata {
            _ if event_field.is_some() => None,
            Metadata::None => None,
            Metadata::Name(text) => {
                let decoded = encoded_words::decode(text).map_err(|_| Error::Undecodable { key: key.into() })?;
                Some(percent::decode(&decoded))
            }
            Metadata::Hidden => return Err(Error::Hidden { key: key.into() }),
        };
        let folder = first_folder(key, results_prefix);
        let (place, text) = event_field
            .map(|text| ("the event's `segment_name`", text))
            .or(metadata.as_deref().map(|text| ("the metadata `segment-name`", text)))
            .or(folder.map(|text| ("the first folder", text)))
            .or(destination.map(|text| ("the destination's `segment_name`", text)))
            .ok_or_else(|| Error::None { key: key.into() })?;
        Self::parse(text).map_err(|expected| Error::Invalid {
            place,
            key: key.into(),
            expected,
        })
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the segment that samples go to, which must fit too.
    pub fn for_sample(&self) -> Result<Self, &'static str> {
        Self::parse(&format!("{}{}", self.0, Self::SAMPLE_SUFFIX))
            .map_err(|_| "a segment name of 1 to 93 characters, so that ` (test)` fits behind it")
    }
}

fn first_folder<'a>(key: &'a str, results_prefix: &str) -> Option<&'a str> {
    let (folder, _) = key.strip_prefix(results_prefix)?.split_once('/')?;
    (!folder.trim().is_empty()).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settle(
        event: Option<&str>,
        metadata: Option<&str>,
        key: &str,
        destination: Option<&str>,
    ) -> Result<String, Error> {
        let metadata = metadata.map_or(Metadata::None, Metadata::Name);
        SegmentName::settle(event, metadata, key, "incoming/", destination).map(|name| name.0)
    }

    #[test]
    fn the_four_places_count_in_this_order() {
        let key = "incoming/Folder/2026-11-23.csv";
        let all = settle(Some("Event"), Some("Metadata"), key, Some("Destination"));
        assert_eq!(all.unwrap(), "Event");
        assert_eq!(
            settle(None, Some("Metadata"), key, Some("Destination")).unwrap(),
            "Metadata"
        );
        assert_eq!(settle(None, None, key, Some("Destination")).unwrap(), "Folder");
        assert_eq!(
            settle(None, None, "incoming/x.csv", Some("Destination")).unwrap(),
            "Destination"
        );
        let error = settle(None, None, "incoming/x.csv", None).unwrap_err();
        assert_eq!(error.error_type(), "NoSegmentName");
        for place in [
            "event's `segment_name`",
            "metadata `segment-name`",
            "first folder",
            "destination's `segment_name`",
        ] {
            assert!(error.to_string().contains(place), "{error}");
        }
    }

    #[test]
    fn the_first_folder_is_taken_as_it_is() {
        for (key, expected) in [
            ("incoming/Summer Sale/2026-11-23.csv", Some("Summer Sale")),
            ("incoming/Summer Sale/a/b/c.csv", Some("Summer Sale")),
            ("incoming/Summer Sale/", Some("Summer Sale")),
            ("incoming/100%25/x.csv", Some("100%25")),
            ("incoming/ Trimmed /x.csv", Some("Trimmed")),
            ("incoming//x.csv", None),
            ("incoming/  /x.csv", None),
            ("elsewhere/Folder/x.csv", None),
        ] {
            assert_eq!(settle(None, None, key, None).ok().as_deref(), expected, "{key}");
        }
        let without_prefix = SegmentName::settle(None, Metadata::None, "Folder/x.csv", "", None);
        assert_eq!(without_prefix.unwrap().as_str(), "Folder");
    }

    #[test]
    fn only_the_metadata_is_percent_decoded() {
        let key = "incoming/x.csv";
        assert_eq!(
            settle(None, Some("Caf%C3%A9 %26 Tee"), key, None).unwrap(),
            "Café & Tee"
        );
        assert_eq!(
            settle(None, Some("100% wool %zz %E9"), key, None).unwrap(),
            "100% wool %zz %E9"
        );
        assert_eq!(settle(Some("A%20B"), None, key, None).unwrap(), "A%20B");
        assert_eq!(settle(None, None, key, Some("A/B%20")).unwrap(), "A/B%20");
    }

    #[test]
    fn metadata_is_decoded_as_s3_hands_it_out() {
        for (metadata, expected) in [
            ("=?UTF-8?Q?Caf=C3=A9?=", "Café"),
            ("=?UTF-8?B?Q2Fmw6k=?= =?UTF-8?Q?_100%25?=", "Café 100%"),
            ("Sale =? 5", "Sale =? 5"),
        ] {
            assert_eq!(
                settle(None, Some(metadata), "incoming/F/x.csv", None).unwrap(),
                expected
            );
        }
        let error = settle(None, Some("=?UTF-8?Q?Caf=C3?="), "incoming/F/x.csv", None).unwrap_err();
        assert_eq!(error.error_type(), "InvalidSegmentName");
        assert!(error.to_string().contains("RFC 2047"), "{error}");
    }

    #[test]
    fn metadata_that_s3_keeps_is_an_error_where_no_command_names_the_segment() {
        let settle = |event| SegmentName::settle(event, Metadata::Hidden, "incoming/F/x.csv", "incoming/", None);
        assert_eq!(settle(Some("Event")).unwrap().as_str(), "Event");
        let error = settle(None).unwrap_err();
        assert_eq!(error.error_type(), "InvalidSegmentName");
        assert!(error.to_string().contains("only some of the metadata"), "{error}");
    }

    #[test]
    fn a_key_that_would_break_a_line_is_escaped() {
        let error = settle(None, None, "incoming/a\nb.csv", None).unwrap_err();
        assert!(error.to_string().contains("`incoming/a\\nb.csv`"), "{error}");
    }

    #[test]
    fn a_bad_name_is_an_error_and_never_a_reason_to_look_elsewhere() {
        let too_long = "x".repeat(101);
        for (event, metadata, key) in [
            (Some(" "), None, "incoming/F/x.csv"),
            (Some("a\u{7}b"), None, "incoming/F/x.csv"),
            (None, Some("%0A%20"), "incoming/F/x.csv"),
            (None, Some("a%00b"), "incoming/F/x.csv"),
            (None, None, format!("incoming/{too_long}/x.csv").as_str()),
        ] {
            let error = settle(event, metadata, key, Some("Destination")).unwrap_err();
            assert_eq!(error.error_type(), "InvalidSegmentName", "{error}");
        }
    }

    #[test]
    fn length_is_counted_in_utf16_units() {
        assert!(SegmentName::parse(&"x".repeat(100)).is_ok());
        assert!(SegmentName::parse(&"é".repeat(100)).is_ok());
        assert!(SegmentName::parse(&"🧦".repeat(50)).is_ok());
        assert!(SegmentName::parse(&"🧦".repeat(51)).is_err());
        assert!(SegmentName::parse(&"x".repeat(101)).is_err());
    }

    #[test]
    fn the_longer_name_of_a_sample_must_fit_too() {
        let name = SegmentName::parse("Summer Sale").unwrap();
        assert_eq!(name.for_sample().unwrap().as_str(), "Summer Sale (test)");
        assert!(SegmentName::parse(&"x".repeat(93)).unwrap().for_sample().is_ok());
        assert!(SegmentName::parse(&"x".repeat(94)).unwrap().for_sample().is_err());
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
