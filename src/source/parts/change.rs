//! Whether the files of a result are still those that were taken up.

use super::{Misfit, Parts};
use crate::domain::Pinned;
use crate::source::error::Error;
use chrono::{DateTime, Utc};

/// What has become of a result in several files since its marker or manifest was taken up.
#[derive(Debug, thiserror::Error)]
pub enum Change {
    /// The marker, the manifest or the folder is gone.
    #[error("it was deleted after it was taken up")]
    Deleted,
    /// The folder without a marker, which was loaded directly, has other files now.
    #[error("its files are not those of when it was to be loaded")]
    Folder,
    /// Files were written after the marker or manifest, which says that all are there.
    #[error("{younger} of its {files} files are younger than it, so they were written when it said that all are there")]
    Younger {
        /// How many.
        younger: usize,
        /// How many files there are.
        files: usize,
    },
    /// Files were written, replaced or deleted.
    #[error("its files are not those of when it was taken up ({then} then, {now} now)")]
    Files {
        /// What was pinned.
        then: Pinned,
        /// What lies there.
        now: Pinned,
    },
    /// The files do not fit together any more.
    #[error("its files are not those of when it was taken up ({then} then); now {misfit}")]
    Misfit {
        /// What was pinned.
        then: Pinned,
        /// What is wrong now.
        misfit: Box<Misfit>,
    },
    /// A file was replaced or deleted between listing and reading it.
    #[error("{part} was replaced or deleted while it was read")]
    Part {
        /// S3 URL of the file.
        part: String,
    },
}

impl Parts {
    /// Pins the files.
    pub fn pin(&self) -> Pinned {
        let files = self.files.iter();
        Pinned::of(files.map(|file| (file.key.as_str(), file.etag.as_str(), file.size)))
    }

    /// Returns what has changed in the files of a marker or manifest written at `complete`, as far as it is known what they
    /// were.
    pub fn change(&self, complete: DateTime<Utc>, then: Option<&Pinned>) -> Option<Change> {
        let files = self.files.len();
        let younger = self.files.iter().filter(|file| file.last_modified > complete).count();
        if younger > 0 {
            return Some(Change::Younger { younger, files });
        }
        let now = self.pin();
        let then = then.filter(|then| **then != now)?.clone();
        Some(Change::Files { then, now })
    }
}

impl Error {
    /// Says that a result of several files is not any more what was taken up; what else is wrong stays as it is.
    ///
    /// `marker` is the URL of what stands for the result.
    pub(crate) fn or_change(self, marker: &str, then: Option<&Pinned>) -> Self {
        let changed = |change| Self::Changed {
            object: marker.to_owned(),
            change,
        };
        match (self, then) {
            (Self::Replaced { object } | Self::Missing { object, .. }, _) if object == marker => {
                changed(Change::Deleted)
            }
            (Self::Replaced { object } | Self::Missing { object, .. }, _) => changed(Change::Part { part: object }),
            (
                Self::Invalid {
                    problem: crate::source::Problem::Parts(misfit),
                    ..
                },
                Some(then),
            ) if then.count > 0 && misfit.is_about_the_files() => changed(Change::Misfit {
                then: then.clone(),
                misfit: Box::new(misfit),
            }),
            (error, _) => error,
        }
    }
}
