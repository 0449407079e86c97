//! How one input is named.

use super::{Home, Mode, ObjectRef, Pinned, SegmentName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Sixteen hex digits that name one input: the same input is always the same run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Derives the id from all that an approval is for: where the segment lives, the segment, the way it changes, the object
    /// and, of a result in several files, these.
    pub fn of(home: &Home, segment_name: &SegmentName, mode: Mode, object: &ObjectRef, parts: Option<&Pinned>) -> Self {
        let home = [&*home.environment, home.business_unit.as_deref().unwrap_or_default()];
        Self::hash(home.into_iter().chain(input(segment_name, mode, object, parts)))
    }

    /// Derives the ids that earlier versions gave: they did not know where the segment lives and, at first, neither mode nor
    /// files, so that an approval opened the guards for more than somebody had looked at.
    pub fn of_before(segment_name: &SegmentName, mode: Mode, object: &ObjectRef, parts: Option<&Pinned>) -> [Self; 2] {
        let at_first = [segment_name.as_str()].into_iter().chain(named(object));
        [
            Self::hash(input(segment_name, mode, object, parts)),
            Self::hash(at_first),
        ]
    }

    /// Takes the first 8 bytes of a SHA-256, in hex.
    fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in texts {
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

fn input<'a>(
    segment_name: &'a SegmentName,
    mode: Mode,
    object: &'a ObjectRef,
    parts: Option<&'a Pinned>,
) -> impl Iterator<Item = &'a str> {
    let files = parts.map(|parts| parts.hash.as_str());
    let target = [segment_name.as_str(), mode.name()];
    target.into_iter().chain(named(object)).chain(files)
}

fn named(object: &ObjectRef) -> [&str; 4] {
    let version = object.version_id.as_deref().unwrap_or_default();
    [&object.bucket, &object.key, version, &object.etag]
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn object(key: &str, version: Option<&str>) -> ObjectRef {
        ObjectRef {
            bucket: "socktown-results".to_owned(),
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            etag: "9b2cf535f27731c974343645a3985328".to_owned(),
        }
    }

    fn home(environment: &str, business_unit: Option<&str>) -> Home {
        Home {
            environment: environment.to_owned(),
            business_unit: business_unit.map(str::to_owned),
        }
    }

    fn run(name: &str, object: &ObjectRef) -> RunId {
        let home = home("socktown.crm4.dynamics.com", None);
        RunId::of(&home, &SegmentName::parse(name).unwrap(), Mode::Replace, object, None)
    }

    #[test]
    fn the_same_input_is_the_same_run_and_another_input_is_another() {
        let id = run("Summer Sale", &object("incoming/a.csv", Some("1")));
        assert_eq!(id, run("Summer Sale", &object("incoming/a.csv", Some("1"))));
        assert_eq!(id.as_str(), "c06c2265f99faad6", "heads and approvals hold it");
        for other in [
            run("Summer Sales", &object("incoming/a.csv", Some("1"))),
            run("Summer Sale", &object("incoming/b.csv", Some("1"))),
            run("Summer Sale", &object("incoming/a.csv", Some("2"))),
            run("Summer Sale", &object("incoming/a.csv", None)),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn another_home_mode_and_other_files_are_another_run() {
        let (name, object) = (
            SegmentName::parse("Summer Sale").unwrap(),
            object("incoming/_SUCCESS", None),
        );
        let (one, other) = (Pinned::of([("a", "1", 1)]), Pinned::of([("a", "2", 1)]));
        let homes = [home("a", None), home("b", None), home("a", Some("b"))];
        let inputs = [
            (Mode::Replace, None),
            (Mode::Append, None),
            (Mode::Remove, None),
            (Mode::Replace, Some(&one)),
            (Mode::Replace, Some(&other)),
            (Mode::Append, Some(&one)),
        ];
        let ids_of = |home| inputs.map(|(mode, parts)| RunId::of(home, &name, mode, &object, parts));
        let before = RunId::of_before(&name, Mode::Replace, &object, None);
        let ids: Vec<_> = homes.iter().flat_map(ids_of).chain(before).collect();
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn an_id_of_before_is_still_known_as_one() {
        let ids = RunId::of_before(
            &SegmentName::parse("Summer Sale").unwrap(),
            Mode::Replace,
            &object("incoming/a.csv", Some("1")),
            None,
        );
        assert_eq!(
            ids.each_ref().map(RunId::as_str),
            ["442131f4b4bfecf3", "da8ded9e30af2cca"]
        );
    }
}
