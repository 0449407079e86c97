//! The files of a seed: what they hold, what is wrong with them, and what S3 shows of them.

use super::calls::BUCKET;
use super::contacts::{Contacts, some_of};
use super::parts::Change;
use super::rng::Rng;
use super::scenario::Scenario;
use super::traps::Trap;
use super::world::{MINUTE, NAMES, SECOND, s3_time};
use chrono::{DateTime, Utc};
use segment_loader::domain::{Mode, ObjectRef};
use segment_loader::source::ObjectVersion;
use segment_loader::state::Job;
use std::collections::HashMap;

/// One version of one object, dropped at `uploaded`.
pub(super) struct File {
    pub(super) segment: usize,
    /// The mode of the function that hears of it.
    pub(super) mode: Mode,
    pub(super) uploaded: u64,
    pub(super) contacts: Contacts,
    /// Truncated, without the column, ...: it can never be read.
    pub(super) is_unreadable: bool,
    /// What it does to whoever works on it.
    pub(super) trap: Option<Trap>,
    /// In a bucket without versions, or where it stands for several files: when another file took its key.
    pub(super) overwritten: Option<u64>,
    /// Where it stands for several files: what is to become of them, and when.
    pub(super) planned: Option<(u64, Change)>,
    /// When they were changed, and how.
    pub(super) changed: Option<(u64, Change)>,
    /// When its marker was deleted.
    pub(super) unmarked: Option<u64>,
    pub(super) key: String,
    pub(super) version: Option<String>,
}

impl Scenario {
    /// Returns the object that is found under a key at `now`: the given version, or the newest.
    pub(super) fn located(&self, object: &ObjectRef, now: u64) -> Option<ObjectVersion> {
        let is_found = |file: &&File| {
            file.key == object.key
                && file.uploaded <= now
                && (object.version_id.is_none() || file.version == object.version_id)
        };
        let newest = self.files.iter().rposition(|file| is_found(&file))?;
        let is_unmarked = self.files[newest].unmarked.is_some_and(|at| at <= now);
        let is_kept = self.is_versioned && object.version_id.is_some();
        (!is_unmarked || is_kept).then(|| self.object(newest))
    }

    /// Returns the objects that a listing shows at `now` of the function of a mode.
    pub(super) fn listing(&self, mode: Mode, now: u64) -> Vec<ObjectVersion> {
        let files = (0..NAMES).flat_map(|segment| self.listed(segment, now));
        let files = files.filter(|file| self.files[*file].mode == mode);
        files.map(|file| self.object(file)).collect()
    }

    pub(super) fn object(&self, index: usize) -> ObjectVersion {
        let File {
            key, version, uploaded, ..
        } = &self.files[index];
        ObjectVersion {
            bucket: BUCKET.to_owned(),
            key: key.clone(),
            version_id: version.clone(),
            etag: index.to_string(),
            size: 42,
            last_modified: whole_seconds(*uploaded),
            metadata: HashMap::new(),
            hidden_metadata: false,
        }
    }

    /// Returns the files that a listing shows at `now`: the last version of each key.
    pub(super) fn listed(&self, segment: usize, now: u64) -> Vec<usize> {
        let is_listed = |index: &usize| {
            let file = &self.files[*index];
            let is_last =
                |other: &File| other.key != file.key || other.uploaded <= file.uploaded || other.uploaded > now;
            let is_there = file.uploaded <= now && file.unmarked.is_none_or(|at| now < at);
            file.segment == segment % NAMES && is_there && self.files.iter().all(is_last)
        };
        (0..self.files.len()).filter(is_listed).collect()
    }

    /// Returns whether two of the files came under one key within one second.
    pub(super) fn has_twins(&self) -> bool {
        self.files.iter().any(|file| has_younger_twin(&self.files, file))
    }

    /// Returns the contacts of a file that Dynamics takes.
    pub(super) fn accepted(&self, file: usize) -> Contacts {
        self.files[file].contacts & !self.dropped & !self.rejected
    }
}

/// Returns whether another content came under a file's key within the same second.
pub(super) fn has_younger_twin(files: &[File], file: &File) -> bool {
    let is_twin = |other: &File| other.key == file.key && other.uploaded / SECOND == file.uploaded / SECOND;
    files
        .iter()
        .any(|other| is_twin(other) && other.uploaded > file.uploaded)
}

/// Returns the file that a job is about.
pub(super) fn file_of(job: &Job) -> usize {
    job.object.etag.parse().unwrap()
}

pub(super) fn whole_seconds(millis: u64) -> DateTime<Utc> {
    s3_time(i64::try_from(millis / SECOND * SECOND).unwrap())
}

/// Keys have no digits, which would make them look like files of one result in several.
fn letter(number: u64) -> char {
    char::from_digit(u32::try_from(number).unwrap() + 10, 36).unwrap()
}

pub(super) fn draw_files(rng: &mut Rng, mode: Mode, is_large: bool, is_versioned: bool) -> Vec<File> {
    let (mut files, mut twinned): (Vec<File>, Vec<String>) = Default::default();
    let mut uploaded = MINUTE;
    for index in 0..rng.between(2, 5) {
        // Often within the same second, so that the key decides, or what lies there.
        uploaded += rng.one_of(&[100, 400, 5 * SECOND, MINUTE, 5 * MINUTE]);
        let segment = usize::from(rng.happens(250));
        let share = if is_large {
            rng.one_of(&[850, 500, 500, 300])
        } else {
            rng.one_of(&[60, 150, 300])
        };
        let overwritten = files
            .iter_mut()
            .rfind(|file| file.segment == segment && file.overwritten.is_none() && !twinned.contains(&file.key))
            .filter(|_| rng.happens(300));
        let key = overwritten.as_ref().map_or_else(
            || format!("incoming/{segment}/{}-{}.csv", letter(rng.between(0, 9)), letter(index)),
            |file| file.key.clone(),
        );
        let is_overwriting = overwritten.is_some();
        // After a third content nobody could tell which of the two of one second is the newer.
        twinned.extend(
            overwritten
                .iter()
                .filter(|file| file.uploaded / SECOND == uploaded / SECOND)
                .map(|file| file.key.clone()),
        );
        if let Some(file) = overwritten.filter(|_| !is_versioned) {
            file.overwritten = Some(uploaded);
        }
        let is_good = is_overwriting && !is_versioned;
        files.push(File {
            segment,
            mode,
            uploaded,
            contacts: if !is_good && rng.happens(100) {
                0
            } else {
                some_of(rng, u128::MAX, share)
            },
            is_unreadable: !is_good && rng.happens(70),
            trap: None,
            overwritten: None,
            planned: None,
            changed: None,
            unmarked: None,
            key,
            // S3's ids are in no order, and never come again.
            version: is_versioned.then(|| format!("v{}-{index}", rng.between(0, 1_000))),
        });
    }
    files
}
