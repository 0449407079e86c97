//! The name of the segment that a run is for, and the four places it may come from.

use super::encoded_words;
use crate::domain::SegmentName;
use crate::text::{percent, shown};

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

/// Settles which segment a run is for.
///
/// A command's own field counts before the object's metadata (encoded words and percent-encoded UTF-8), this before the first folder
/// under the results prefix, and that before the destination's name. An empty folder is no name; anything else that
/// is there must be a good one, since falling back to the next place could load the wrong segment.
pub fn resolve(
    command: Option<&SegmentName>,
    metadata: Metadata<'_>,
    key: &str,
    results_prefix: &str,
    destination: Option<&SegmentName>,
) -> Result<SegmentName, Error> {
    if let Some(name) = command {
        return Ok(name.clone());
    }
    let parse = |place, text: &str| {
        SegmentName::parse(text).map_err(|expected| Error::Invalid {
            place,
            key: key.into(),
            expected,
        })
    };
    match metadata {
        Metadata::None => {}
        Metadata::Name(text) => {
            let decoded = encoded_words::decode(text).map_err(|_| Error::Undecodable { key: key.into() })?;
            return parse("the metadata `segment-name`", &percent::decode(&decoded));
        }
        Metadata::Hidden => return Err(Error::Hidden { key: key.into() }),
    }
    match first_folder(key, results_prefix) {
        Some(folder) => parse("the first folder", folder),
        None => destination.cloned().ok_or_else(|| Error::None { key: key.into() }),
    }
}

fn first_folder<'a>(key: &'a str, results_prefix: &str) -> Option<&'a str> {
    let (folder, _) = key.strip_prefix(results_prefix)?.split_once('/')?;
    (!folder.trim().is_empty()).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        event: Option<&str>,
        metadata: Option<&str>,
        key: &str,
        destination: Option<&str>,
    ) -> Result<String, Error> {
        let metadata = metadata.map_or(Metadata::None, Metadata::Name);
        let name = |text: &str| SegmentName::parse(text).unwrap();
        let (event, destination) = (event.map(name), destination.map(name));
        let resolved = super::resolve(event.as_ref(), metadata, key, "incoming/", destination.as_ref());
        resolved.map(|name| name.as_str().to_owned())
    }

    #[test]
    fn the_four_places_count_in_this_order() {
        let key = "incoming/Folder/2026-11-23.csv";
        let all = resolve(Some("Event"), Some("Metadata"), key, Some("Destination"));
        assert_eq!(all.unwrap(), "Event");
        assert_eq!(
            resolve(None, Some("Metadata"), key, Some("Destination")).unwrap(),
            "Metadata"
        );
        assert_eq!(resolve(None, None, key, Some("Destination")).unwrap(), "Folder");
        assert_eq!(
            resolve(None, None, "incoming/x.csv", Some("Destination")).unwrap(),
            "Destination"
        );
        let error = resolve(None, None, "incoming/x.csv", None).unwrap_err();
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
            assert_eq!(resolve(None, None, key, None).ok().as_deref(), expected, "{key}");
        }
        let without_prefix = super::resolve(None, Metadata::None, "Folder/x.csv", "", None);
        assert_eq!(without_prefix.unwrap().as_str(), "Folder");
    }

    #[test]
    fn only_the_metadata_is_percent_decoded() {
        let key = "incoming/x.csv";
        assert_eq!(
            resolve(None, Some("Caf%C3%A9 %26 Tee"), key, None).unwrap(),
            "Café & Tee"
        );
        assert_eq!(
            resolve(None, Some("100% wool %zz %E9"), key, None).unwrap(),
            "100% wool %zz %E9"
        );
        assert_eq!(resolve(Some("A%20B"), None, key, None).unwrap(), "A%20B");
        assert_eq!(resolve(None, None, key, Some("A/B%20")).unwrap(), "A/B%20");
    }

    #[test]
    fn metadata_is_decoded_as_s3_hands_it_out() {
        for (metadata, expected) in [
            ("=?UTF-8?Q?Caf=C3=A9?=", "Café"),
            ("=?UTF-8?B?Q2Fmw6k=?= =?UTF-8?Q?_100%25?=", "Café 100%"),
            ("Sale =? 5", "Sale =? 5"),
        ] {
            assert_eq!(
                resolve(None, Some(metadata), "incoming/F/x.csv", None).unwrap(),
                expected
            );
        }
        let error = resolve(None, Some("=?UTF-8?Q?Caf=C3?="), "incoming/F/x.csv", None).unwrap_err();
        assert_eq!(error.error_type(), "InvalidSegmentName");
        assert!(error.to_string().contains("RFC 2047"), "{error}");
    }

    #[test]
    fn metadata_that_s3_keeps_is_an_error_where_no_command_names_the_segment() {
        let resolve = |event| super::resolve(event, Metadata::Hidden, "incoming/F/x.csv", "incoming/", None);
        let name = SegmentName::parse("Event").unwrap();
        assert_eq!(resolve(Some(&name)).unwrap(), name);
        let error = resolve(None).unwrap_err();
        assert_eq!(error.error_type(), "InvalidSegmentName");
        assert!(error.to_string().contains("only some of the metadata"), "{error}");
    }

    #[test]
    fn a_key_that_would_break_a_line_is_escaped() {
        let error = resolve(None, None, "incoming/a\nb.csv", None).unwrap_err();
        assert!(error.to_string().contains("`incoming/a\\nb.csv`"), "{error}");
    }

    #[test]
    fn a_bad_name_is_an_error_and_never_a_reason_to_look_elsewhere() {
        let too_long = "x".repeat(101);
        for (metadata, key) in [
            (Some("%0A%20"), "incoming/F/x.csv"),
            (Some("a%00b"), "incoming/F/x.csv"),
            (None, format!("incoming/{too_long}/x.csv").as_str()),
        ] {
            let error = resolve(None, metadata, key, Some("Destination")).unwrap_err();
            assert_eq!(error.error_type(), "InvalidSegmentName", "{error}");
        }
    }
}
