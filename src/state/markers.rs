//! When the results of a folder were complete before: what of them is left in it belongs to no later one.

use crate::domain::folder;
use crate::state::head::{Head, Job};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A marker or manifest that was taken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Its bucket.
    pub bucket: String,
    /// Its folder, with the `/` at the end.
    pub folder: String,
    /// When S3 took it.
    pub at: DateTime<Utc>,
}

impl Marker {
    /// Returns the marker or manifest of a result in several files; a direct load of a folder without one has none.
    fn of(job: &Job) -> Option<Self> {
        let key = &job.object.key;
        let is_one = job.parts.is_some() && !key.ends_with('/');
        is_one.then(|| Self {
            bucket: job.object.bucket.clone(),
            folder: folder(key).to_owned(),
            at: job.position.last_modified,
        })
    }
}

impl Head {
    /// How many markers a head remembers: days of hourly results that overwrite each other.
    pub const MARKERS: usize = 50;

    /// Remembers the marker or manifest of a job that is taken up.
    pub(super) fn note_marker(&mut self, job: &Job) {
        let Some(marker) = Marker::of(job).filter(|marker| !self.markers.contains(marker)) else {
            return;
        };
        self.markers.push(marker);
        let surplus = self.markers.len().saturating_sub(Self::MARKERS);
        self.markers.drain(..surplus);
    }

    /// Returns the times of the markers and manifests that were taken up in this job's folder and are older than it.
    pub fn markers_before(&self, job: &Job) -> Vec<DateTime<Utc>> {
        let here = folder(&job.object.key);
        let is_before = |marker: &&Marker| {
            marker.bucket == job.object.bucket && marker.folder == here && marker.at < job.position.last_modified
        };
        self.markers.iter().filter(is_before).map(|marker| marker.at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Home, Mode, ObjectRef, Pinned, Position, RunId, SegmentName};

    fn job(key: &str, second: i64) -> Job {
        let segment_name = SegmentName::parse("Summer Sale").unwrap();
        let object = ObjectRef::unseen("socktown-results".to_owned(), key.to_owned(), None);
        Job {
            run_id: RunId::of(&home(), &segment_name, Mode::Replace, &object, None),
            position: Position {
                last_modified: at(second),
                key: key.to_owned(),
                version_id: None,
                etag: None,
                nth: 0,
            },
            object,
            parts: Some(Pinned::of([])),
            mode: Mode::Replace,
            segment_name,
            sample: None,
            approved: false,
            direct: None,
        }
    }

    fn home() -> Home {
        Home::environment("socktown.crm4.dynamics.com".to_owned())
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn the_markers_before_are_the_older_ones_of_the_same_folder() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        for (key, second) in [
            ("x/_SUCCESS", 1),
            ("y/_SUCCESS", 2),
            ("x/all.DONE", 3),
            ("x/all.DONE", 3),
            ("x/", 4),
        ] {
            head.enqueue(job(key, second), true);
        }
        assert_eq!(head.markers.len(), 3, "each once, and none for a folder alone");
        assert_eq!(head.markers_before(&job("x/_SUCCESS", 5)), [at(1), at(3)]);
        assert_eq!(head.markers_before(&job("x/", 5)), [at(1), at(3)]);
        assert_eq!(head.markers_before(&job("x/all.DONE", 3)), [at(1)]);
        assert!(head.markers_before(&job("x/z/_SUCCESS", 5)).is_empty());
    }

    #[test]
    fn a_head_remembers_the_latest_markers_only() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        for second in 0..60 {
            head.enqueue(job("x/_SUCCESS", second), false);
        }
        let before = head.markers_before(&job("x/_SUCCESS", 100));
        assert_eq!(before, (10..60).map(at).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_is_a_whole_result_is_no_marker() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        let single = Job {
            parts: None,
            ..job("x/a.csv", 1)
        };
        head.enqueue(single, false);
        assert_eq!(head.markers, []);
    }
}
