//! How old the files of a result are, by the markers before: overwriting leaves files of the result before in the folder.

use super::Parts;
use crate::domain::OlderFiles;
use chrono::{DateTime, Utc};

/// What the markers before tell of a result's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// All files are younger than all markers, as far as they are known.
    New,
    /// All files are older than the marker before: it is the same result again.
    Known {
        /// When the marker before was written.
        marker: DateTime<Utc>,
    },
    /// A marker came between the files.
    Mixed(OlderFiles),
}

impl Parts {
    /// Tells what the times of the markers before say of these files.
    ///
    /// S3's times have whole seconds: a file of a marker's own second belongs to that marker, since it was written before it.
    /// Not only the last marker counts: a marker that is written once more makes no file of an earlier result a newer one.
    pub fn age(&self, markers_before: &[DateTime<Utc>]) -> Age {
        let files = self.files.len();
        let older_than = |marker: DateTime<Utc>| {
            let is_older = |modified: &DateTime<Utc>| *modified <= marker;
            self.files
                .iter()
                .map(|file| file.last_modified)
                .filter(is_older)
                .count()
        };
        let of_marker = |marker: &DateTime<Utc>| OlderFiles {
            older: older_than(*marker),
            files,
            marker: *marker,
        };
        let mixed = markers_before
            .iter()
            .map(of_marker)
            .filter(|found| (1..files).contains(&found.older))
            .max_by_key(|found| found.marker);
        match (mixed, markers_before.iter().max()) {
            (Some(mixed), _) => Age::Mixed(mixed),
            (None, Some(&marker)) if older_than(marker) == files => Age::Known { marker },
            _ => Age::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ObjectVersion;
    use std::collections::HashMap;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn age(files: &[i64], markers: &[i64]) -> Age {
        let file = |second: &i64| ObjectVersion {
            bucket: "b".to_owned(),
            key: second.to_string(),
            version_id: None,
            etag: "e".to_owned(),
            size: 1,
            last_modified: at(*second),
            metadata: HashMap::new(),
            hidden_metadata: false,
        };
        let markers: Vec<_> = markers.iter().copied().map(at).collect();
        Parts::of(files.iter().map(file).collect()).age(&markers)
    }

    fn mixed(older: usize, files: usize, marker: i64) -> Age {
        let marker = at(marker);
        Age::Mixed(OlderFiles { older, files, marker })
    }

    #[test]
    fn files_on_both_sides_of_a_marker_are_mixed() {
        assert_eq!(age(&[5, 8, 9], &[6]), mixed(1, 3, 6));
        assert_eq!(
            age(&[6, 8, 9], &[6]),
            mixed(1, 3, 6),
            "the marker's own second is its own"
        );
        assert_eq!(age(&[1, 4, 9], &[2, 5]), mixed(2, 3, 5));
        assert_eq!(
            age(&[1, 4], &[2, 5]),
            mixed(1, 2, 2),
            "a marker written again makes nothing newer"
        );
    }

    #[test]
    fn files_on_one_side_are_new_or_known() {
        assert_eq!(age(&[7, 8], &[]), Age::New);
        assert_eq!(age(&[7, 8], &[6, 3]), Age::New);
        let known = Age::Known { marker: at(9) };
        assert_eq!(age(&[7, 8], &[6, 9]), known);
        assert_eq!(age(&[7, 9], &[6, 9]), known);
        assert_eq!(age(&[], &[6]), Age::Known { marker: at(6) });
    }
}
