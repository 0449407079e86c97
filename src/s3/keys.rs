//! Where the function's own objects lie: every key below the state prefix is made here.

use crate::domain::{Home, RunId, SegmentName};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// The layout below one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

/// A folder of objects that are written once, by the day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Folder {
    /// What every attempt did.
    Receipts,
    /// Lists of what was not loaded; they hold personal data.
    Rejected,
}

/// What such an object is about; `None` if it was never learned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) run_id: Option<&'a RunId>,
    pub(crate) segment_name: Option<&'a SegmentName>,
    pub(crate) attempt: &'a str,
}

/// Stands for a segment or a run that was never learned.
const UNKNOWN: &str = "unknown";

impl Keys {
    /// Lays everything out below `prefix`, with its trailing slash.
    pub(crate) const fn below(prefix: String) -> Self {
        Self { prefix }
    }

    /// Returns the prefix of all heads.
    pub(crate) fn heads(&self) -> String {
        format!("{}segments/", self.prefix)
    }

    /// Returns the key of a segment's head.
    pub(crate) fn head(&self, home: &Home, segment_name: &SegmentName) -> String {
        let unit = home.business_unit.as_deref();
        let names = [&*home.environment, segment_name.as_str()].into_iter().chain(unit);
        format!("{}{}/head.json", self.heads(), hash(names))
    }

    /// Returns the key of the head that earlier versions kept of a segment, wherever it lived.
    pub(crate) fn legacy_head(&self, segment_name: &SegmentName) -> String {
        format!("{}{}/head.json", self.heads(), segment_hash(segment_name))
    }

    /// Returns whether a key below the prefix of all heads is that of one.
    pub(crate) fn is_head(key: &str) -> bool {
        key.ends_with("/head.json")
    }

    /// Returns the key of the sweep's bookmark.
    pub(crate) fn bookmark(&self) -> String {
        format!("{}sweep.json", self.prefix)
    }

    /// Returns the key of the status page.
    pub(crate) fn page(&self) -> String {
        format!("{}status.html", self.prefix)
    }

    /// Returns the prefix of the notes of trial segments in one environment.
    pub(crate) fn trials(&self, environment: &str) -> String {
        format!("{}trials/{}/", self.prefix, hash([environment]))
    }

    /// Returns the key of the note of one trial segment.
    pub(crate) fn trial(&self, environment: &str, mark: &str) -> String {
        format!("{}{mark}.json", self.trials(environment))
    }

    /// Returns the key of what was seen of an environment when it was last verified.
    pub(crate) fn verified(&self, environment: &str) -> String {
        format!("{}verified/{}.json", self.prefix, hash([environment]))
    }

    /// Returns the prefix of a folder.
    pub(crate) fn folder(&self, folder: Folder) -> String {
        let name = match folder {
            Folder::Receipts => "receipts",
            Folder::Rejected => "rejected",
        };
        format!("{}{name}/", self.prefix)
    }

    /// Returns the prefix of one day's objects, of all segments or of one.
    pub(crate) fn day(&self, folder: Folder, day: DateTime<Utc>, segment_name: Option<&SegmentName>) -> String {
        let day = format!("{}{}/", self.folder(folder), day.format("%Y-%m-%d"));
        segment_name.map_or_else(|| day.clone(), |name| format!("{day}{}/", segment_hash(name)))
    }

    /// Names a new object: `<prefix><folder>/<date>/<segment hash>/<time>-<run id>-<attempt><ending>`.
    pub(crate) fn entry(&self, folder: Folder, names: Names<'_>, at: DateTime<Utc>, ending: &str) -> String {
        let day = self.day(folder, at, None);
        let segment = names.segment_name.map_or_else(|| UNKNOWN.to_owned(), segment_hash);
        let run = names.run_id.map_or(UNKNOWN, RunId::as_str);
        format!("{day}{segment}/{}-{run}-{}{ending}", at.format("%H%M%S"), names.attempt)
    }
}

/// Names a segment's folder: a hash, since a name may hold anything that a key may not.
fn segment_hash(segment_name: &SegmentName) -> String {
    hash([segment_name.as_str()])
}

/// Returns 32 hex digits: 128 bits of a SHA-256 of the names, with a NUL between each two, which none of them holds.
fn hash<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for (number, name) in names.into_iter().enumerate() {
        hash.update(if number == 0 { "" } else { "\0" });
        hash.update(name);
    }
    let hash = hash.finalize();
    let first = u128::from_be_bytes(std::array::from_fn(|index| hash[index]));
    format!("{first:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_lies_by_environment_name_and_business_unit() {
        let keys = Keys::below("_state/".to_owned());
        let name = SegmentName::parse("Summer Sale").unwrap();
        let environment = Home::environment("socktown.crm4.dynamics.com".to_owned());
        let unit = Home {
            business_unit: Some("5f1c0000-0000-4000-8000-000000000001".to_owned()),
            ..environment.clone()
        };
        assert_eq!(
            keys.head(&environment, &name),
            "_state/segments/6ebf5b73a14c9ed0b97f12b86d615e48/head.json"
        );
        assert_eq!(
            keys.head(&unit, &name),
            "_state/segments/f995190866f81e3979099f9605865195/head.json"
        );
    }

    #[test]
    fn every_object_of_the_function_has_its_place() {
        let keys = Keys::below("_state/".to_owned());
        let name = SegmentName::parse("Summer Sale").unwrap();
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let legacy = "_state/segments/b5a6898e4b728234d428749d7b62cf93/head.json";
        assert_eq!(keys.legacy_head(&name), legacy);
        assert!(legacy.starts_with(&keys.heads()) && Keys::is_head(legacy));
        assert_ne!(keys.legacy_head(&SegmentName::parse("summer sale").unwrap()), legacy);
        assert_eq!(keys.bookmark(), "_state/sweep.json");
        assert_eq!(keys.page(), "_state/status.html");
        let environment = "socktown.crm4.dynamics.com";
        let hash = "ed8e9298d22515193217decfe9e41816";
        assert_eq!(keys.verified(environment), format!("_state/verified/{hash}.json"));
        assert_eq!(
            keys.trial(environment, "1a2b3c4d"),
            format!("_state/trials/{hash}/1a2b3c4d.json")
        );
        let names = Names {
            run_id: None,
            segment_name: Some(&name),
            attempt: "4a77b123",
        };
        let receipt = keys.entry(Folder::Receipts, names, at, ".json");
        let day = "_state/receipts/2026-11-18/";
        assert_eq!(
            receipt,
            format!("{day}b5a6898e4b728234d428749d7b62cf93/110640-unknown-4a77b123.json")
        );
        assert!(receipt.starts_with(&keys.day(Folder::Receipts, at, Some(&name))));
        assert_eq!(keys.day(Folder::Receipts, at, None), day);
        let nameless = Names {
            segment_name: None,
            ..names
        };
        assert_eq!(
            keys.entry(Folder::Rejected, nameless, at, ".csv"),
            "_state/rejected/2026-11-18/unknown/110640-unknown-4a77b123.csv"
        );
    }
}
