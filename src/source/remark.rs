//! What a person should know of a result that is read all the same.

use crate::domain::{s3_url, utc};
use chrono::{DateTime, Utc};

/// Something about the files of a result; told as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// The name promises another content.
    #[error("the name ends in .{ending}, but the content is {content}; it was read as that")]
    Misnamed {
        /// What stands behind the name's last dot.
        ending: String,
        /// What the content is.
        content: &'static str,
    },
    /// Rows of a delimited text differ in how many empty fields stand behind the last column.
    #[error(
        "from line {line} of a file on, rows differ in how many empty fields stand behind the last column: they do not count, \
         but where a text before the id holds the delimiter and is not quoted, what stands in the id's place is not the row's \
         own; have texts quoted, or write the id column first"
    )]
    Uneven {
        /// The first line with another number than those before it, from 1.
        line: u64,
    },
    /// Nobody has written the files anew since an earlier marker or manifest.
    #[error(
        "no file is younger than the marker or manifest before this one ({}): this is the same result again",
        utc(*.marker)
    )]
    Again {
        /// When the one before was written.
        marker: DateTime<Utc>,
    },
    /// Files that the manifest lists as optional are not there.
    #[error("{missing} of the {listed} files that the manifest lists are not there; it says that they may be missing")]
    OptionalMissing {
        /// How many are not there.
        missing: usize,
        /// How many are listed.
        listed: usize,
    },
    /// Files in the folder are no part of the result.
    #[error(
        "{left_out} of the {} data files in {} are not read: by the _started_ and _committed_ files of Databricks their \
         jobs did not end, or they were removed",
        .left_out + .read,
        s3_url(.bucket, .folder)
    )]
    Uncommitted {
        /// How many files are not read.
        left_out: usize,
        /// How many are.
        read: usize,
        /// The folder's bucket.
        bucket: String,
        /// The folder's key.
        folder: String,
    },
}
