//! When the results of a folder were complete before: what of them is left in it belongs to no later one.

use crate::domain::folder;
use crate::state::head::{Head, Job};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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
    /// Beyond that a head remembers the newest two of each folder, so many in all: six weeks of hourly results with a folder each, beside
    /// which a folder that is written again every month is not forgotten; 110 kB.
    pub const ALL_MARKERS: usize = 1_000;

    /// Remembers the marker or manifest of a job that is taken up.
    pub(super) fn note_marker(&mut self, job: &Job) {
        let Some(marker) = Marker::of(job).filter(|marker| !self.markers.contains(marker)) else {
            return;
        };
        self.markers.push(marker);
        while self.markers.len() > Self::MARKERS {
            let first = self.first_marker_with_newer_ones();
            if first.is_none() && self.markers.len() <= Self::ALL_MARKERS {
                return;
            }
            self.markers.remove(first.unwrap_or(0));
        }
    }

    /// Finds the marker that was taken up first of those that two newer ones of their folder stand for: a result's own, and the
    /// one before it, without which what that result has left in the folder would be taken for a part of the next one.
    fn first_marker_with_newer_ones(&self) -> Option<usize> {
        let mut by_folder: HashMap<_, Vec<_>> = HashMap::new();
        for marker in &self.markers {
            by_folder
                .entry((&marker.bucket, &marker.folder))
                .or_default()
                .push(marker.at);
        }
        for times in by_folder.values_mut() {
            times.sort_unstable();
        }
        let has_two_newer = |marker: &Marker| {
            let times = &by_folder[&(&marker.bucket, &marker.folder)];
            times.iter().nth_back(1).is_some_and(|second| marker.at < *second)
        };
        self.markers.iter().position(has_two_newer)
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
    fn the_newest_two_markers_of_a_folder_outlive_many_of_other_folders() {
        let mut head = Head::new(&home(), &SegmentName::parse("Summer Sale").unwrap());
        for second in 0..3 {
            head.enqueue(job("monthly/_SUCCESS", second), false);
        }
        for hour in 10..1_008 {
            head.enqueue(job(&format!("hourly/{hour}/_SUCCESS"), hour), false);
        }
        assert_eq!(head.markers.len(), Head::ALL_MARKERS);
        assert_eq!(head.markers_before(&job("monthly/_SUCCESS", 2_000)), [at(1), at(2)]);
        head.enqueue(job("monthly/_SUCCESS", 2_000), false);
        assert_eq!(head.markers_before(&job("monthly/_SUCCESS", 2_000)), [at(2)]);
        assert_eq!(head.markers_before(&job("hourly/10/_SUCCESS", 3_000)), [at(10)]);
        for second in [2_001, 2_002] {
            head.enqueue(job(&format!("hourly/{second}/_SUCCESS"), second), false);
        }
        assert_eq!(head.markers.len(), Head::ALL_MARKERS);
        assert_eq!(head.markers_before(&job("monthly/_SUCCESS", 3_000)), [at(2_000)]);
        assert!(head.markers_before(&job("hourly/10/_SUCCESS", 3_000)).is_empty());
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
