//! Folders that are tables of a data lake, whose log says which of their files count.

use super::misfit::Misfit;
use crate::domain::{folder, s3_url};
use crate::event::scope::Scope;
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use futures_util::{StreamExt, TryStreamExt, stream};

/// A format of tables, and what shows that a folder is one.
struct Lake {
    name: &'static str,
    /// A folder that only such a table has.
    log: &'static str,
    /// What the name of a file in it holds.
    mark: &'static str,
    evidence: &'static str,
    statement: &'static str,
}

const LAKES: [Lake; 4] = [
    Lake {
        name: "Delta Lake",
        log: "_delta_log/",
        mark: "",
        evidence: "it has a _delta_log",
        statement: "Spark and Databricks: spark.sql(\"SELECT contactid FROM ...\").write.mode(\"overwrite\").parquet(\"s3://.../\") with result_files folder",
    },
    Lake {
        name: "Apache Hudi",
        log: ".hoodie/",
        mark: "",
        evidence: "it has a .hoodie",
        statement: "Spark: spark.sql(\"SELECT contactid FROM ...\").write.mode(\"overwrite\").parquet(\"s3://.../\") with result_files folder; Athena: UNLOAD (SELECT contactid FROM ...) TO 's3://.../' WITH (format = 'PARQUET') with result_files manifest",
    },
    Lake {
        name: "Apache Iceberg",
        log: "metadata/",
        mark: ".metadata.json",
        evidence: "its metadata folder has a .metadata.json",
        statement: "Athena: UNLOAD (SELECT contactid FROM ...) TO 's3://.../' WITH (format = 'PARQUET') with result_files manifest; Snowflake: COPY INTO 's3://.../x.csv.gz' FROM (SELECT contactid FROM ...) ... SINGLE = TRUE; Spark: spark.sql(\"SELECT contactid FROM ...\").write.mode(\"overwrite\").parquet(\"s3://.../\") with result_files folder",
    },
    Lake {
        name: "Spark Structured Streaming",
        log: "_spark_metadata/",
        mark: "",
        evidence: "it has a _spark_metadata",
        statement: "Spark: spark.read.parquet(\"s3://.../\").select(\"contactid\").write.mode(\"overwrite\").parquet(\"s3://.../\") with result_files folder",
    },
];

/// How many keys of a folder named `metadata` are looked through: ten pages of a listing, since other files of a table of
/// Iceberg may stand before those that say so.
const MAX_KEYS: usize = 10_000;
/// How many folders are looked at at a time.
const LOOKS_IN_FLIGHT: usize = 8;

impl Objects {
    /// Refuses what lies in a table of a data lake, at whatever depth.
    pub(super) async fn check_no_table(&self, object: &ObjectVersion, scope: &Scope) -> Result<(), Error> {
        let folders = folders_of(&object.key, &scope.results_prefix);
        let looks = folders
            .iter()
            .flat_map(|folder| LAKES.iter().map(move |lake| self.look_for(object, folder, lake)));
        let found: Vec<_> = stream::iter(looks).buffered(LOOKS_IN_FLIGHT).try_collect().await?;
        match found.into_iter().flatten().next() {
            Some(misfit) => Err(Error::invalid(object, misfit.into())),
            None => Ok(()),
        }
    }

    async fn look_for(&self, object: &ObjectVersion, folder: &str, lake: &Lake) -> Result<Option<Misfit>, Error> {
        let log = format!("{folder}{}", lake.log);
        let limit = if lake.mark.is_empty() { 1 } else { MAX_KEYS };
        let files = self.list_folder(&object.bucket, &log, limit).await?;
        let is_table = files.iter().any(|file| file.key.contains(lake.mark));
        Ok(is_table.then(|| Misfit::NotATable {
            folder: s3_url(&object.bucket, folder),
            lake: lake.name,
            evidence: lake.evidence,
            statement: lake.statement,
        }))
    }
}

/// Returns the folder of a key and those above it: below the results prefix where the key lies there.
fn folders_of<'a>(key: &'a str, results_prefix: &str) -> Vec<&'a str> {
    let own = folder(key);
    let above = own.match_indices('/').map(|(end, _)| &own[..=end]);
    let is_below = |folder: &&str| *folder == own || !results_prefix.starts_with(*folder);
    let mut folders: Vec<_> = above.filter(is_below).collect();
    if own.is_empty() {
        folders.push(own);
    }
    folders.reverse();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_be_the_folder_or_any_above_it_below_the_results_prefix() {
        for (key, prefix, expected) in [
            ("incoming/a.csv", "incoming/", vec!["incoming/"]),
            (
                "incoming/S/t/day=1/a.csv",
                "incoming/",
                vec!["incoming/S/t/day=1/", "incoming/S/t/", "incoming/S/"],
            ),
            ("in/coming/S/", "in/coming/", vec!["in/coming/S/"]),
            ("S/t/a.csv", "", vec!["S/t/", "S/"]),
            ("a.csv", "", vec![""]),
            ("other/t/a.csv", "incoming/", vec!["other/t/", "other/"]),
        ] {
            assert_eq!(folders_of(key, prefix), expected, "{key}");
        }
    }
}
