//! Files of a result that an earlier marker or manifest was written after.

use chrono::{DateTime, SecondsFormat, Utc};

/// Files that were complete with an earlier marker, beside others that were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OlderFiles {
    /// How many there are.
    pub older: usize,
    /// How many files the result has.
    pub files: usize,
    /// When the earlier marker was written.
    pub marker: DateTime<Utc>,
}

impl OlderFiles {
    /// Says what is wrong, and what avoids it.
    pub fn finding(&self) -> String {
        let Self { older, files, marker } = self;
        format!(
            "{older} of the {files} files are older than the marker or manifest before this one ({}), so they may be left over \
             from that result; let the statement empty the folder first (Redshift: UNLOAD ... CLEANPATH, Spark: \
             .mode(\"overwrite\"), Snowflake: REMOVE @stage/path before COPY INTO, elsewhere aws s3 rm --recursive), or give \
             each result a folder of its own",
            utc(*marker)
        )
    }
}

/// Writes a time as sentences have it.
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
