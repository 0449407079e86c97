//! The sentence for one file of several, with the statement that writes one.

use super::counter::{Kinship, is_plainly_a_part, kinship};
use crate::domain::{SegmentName, folder, utc};
use crate::event::scope::file_name;
use crate::source::object::ObjectVersion;
use crate::text::json::to_paste;
use chrono::{DateTime, Utc};
use std::fmt;

/// One file of several, where each object counts as a whole result and replaces the segment.
#[derive(Debug)]
pub struct OneOfSeveral {
    /// The key of the file.
    pub(super) key: String,
    /// Whether it lies in a partition of a result (`column=value`).
    pub(super) is_partitioned: bool,
    /// Other files of the same result, the nearest in time first.
    pub(super) siblings: Vec<ObjectVersion>,
    /// A sibling that was loaded before this one came.
    pub(super) loaded_alone: Option<LoadedAlone>,
}

/// A part that is the segment's audience, since it was loaded before its siblings came.
#[derive(Clone, Debug)]
pub struct LoadedAlone {
    /// S3 URL of the part.
    pub object: String,
    /// When it was published.
    pub at: DateTime<Utc>,
    /// How many contacts it holds.
    pub contacts: u64,
    /// The segment that holds them now.
    pub segment_name: SegmentName,
}

impl OneOfSeveral {
    /// Returns the other files of the same result.
    pub fn siblings(&self) -> &[ObjectVersion] {
        &self.siblings
    }

    /// Returns whether a sibling is what the segment holds now.
    pub const fn was_loaded_alone(&self) -> bool {
        self.loaded_alone.is_some()
    }

    /// Notes that a sibling is what the segment holds now.
    pub fn note_loaded_alone(&mut self, loaded: LoadedAlone) {
        self.loaded_alone = Some(loaded);
    }
}

impl fmt::Display for OneOfSeveral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sibling = self.siblings.first();
        let name = file_name(&self.key);
        let is_plain = is_plainly_a_part(name);
        match sibling {
            Some(sibling) if folder(&sibling.key) != folder(&self.key) => write!(
                f,
                "it looks like one file of several, since {} came with it and lies in another partition (column=value) of \
                 the same result",
                sibling.url()
            )?,
            Some(sibling) if !is_plain => write!(
                f,
                "it looks like one file of several, since its name and that of {} differ in nothing but a number",
                sibling.url()
            )?,
            _ => f.write_str("by its name this is one file of several")?,
        }
        f.write_str(", and loading them one by one would leave the segment with the last: ")?;
        if self.is_partitioned {
            f.write_str(WITHOUT_PARTITIONS)?;
        } else {
            write!(
                f,
                "set result_files to folder or manifest in the destination secret, or unload one file ({}). If it is a whole \
                 result, give it a name that differs in more than a number from those of others (a date never counts parts)",
                statement(name),
            )?;
        }
        let kin = sibling.and_then(|sibling| kinship(name, file_name(&sibling.key)));
        match kin {
            _ if self.is_partitioned => {}
            Some(Kinship::Certain) => f.write_str(", or delete what an older result has left there")?,
            Some(Kinship::Number) if !is_plain => f.write_str(", or drop them more than a quarter of an hour apart")?,
            _ => {}
        }
        let Some(loaded) = &self.loaded_alone else {
            return Ok(());
        };
        let name = to_paste(&loaded.segment_name.as_str().into());
        write!(
            f,
            ". {} was loaded alone at {}, before this file came: the segment holds its {} contacts only. Put the audience \
             before it back with {{\"action\":\"load\",\"key\":\"<its file>\",\"segment_name\":{name}}}; which file that \
             was is not kept with the segment, {{\"action\":\"history\",\"segment_name\":{name}}} lists it",
            loaded.object,
            utc(loaded.at),
            loaded.contacts,
        )
    }
}

/// What to do where a result was partitioned: the folders below a marker's are not looked into.
const WITHOUT_PARTITIONS: &str = "unload without partitions, as one file, or into one folder with result_files folder in the \
    destination secret (Spark: without partitionBy; awswrangler, pandas and pyarrow: without partition_cols; DuckDB and \
    Snowflake: without PARTITION BY; Athena: without partitioned_by, or with result_files manifest). If it is a whole \
    result, drop it into a folder that is no partition (those of a date, a version or a UUID are none), or more than a \
    quarter of an hour apart from others";

/// Returns the statement that writes one file, of the writer that the name shows or of all.
fn statement(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    let digits = stem.len()
        - stem
            .trim_end_matches(|character: char| character.is_ascii_digit())
            .len();
    if stem.contains("_part_") || digits == 3 {
        "Redshift: PARALLEL OFF, and the contact id alone, since above 6.2 GB it writes further files; or several files with \
         MANIFEST VERBOSE and result_files manifest"
    } else if name.contains("part-") {
        "Spark, Glue and Databricks always write folders: take result_files folder, for which Spark and Databricks put \
         _SUCCESS there and you put an empty all.DONE after Glue; pandas: to_csv or to_parquet to a file; pyarrow: \
         parquet.write_table"
    } else {
        "Redshift: PARALLEL OFF; Snowflake: SINGLE = TRUE MAX_FILE_SIZE = 5368709120; DuckDB: COPY without \
         PER_THREAD_OUTPUT, PARTITION_BY and FILE_SIZE_BYTES; dask: to_csv(..., single_file=True); awswrangler: \
         dataset=False; Vertica: EXPORT with fileName; ClickHouse: without PARTITION BY; BigQuery, Athena and Spark always \
         write several"
    }
}
