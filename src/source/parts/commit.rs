//! Databricks' commit protocol: `_started_<id>` and `_committed_<id>` say which of a folder's files count.

use super::misfit::Misfit;
use crate::domain::{folder, s3_url};
use crate::event::scope::file_name;
use crate::source::error::Error;
use crate::source::object::{ObjectVersion, Objects};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// The most bytes of a `_committed_` file: room for the names of all parts.
const MAX_COMMIT: u64 = 16 << 20;

const STARTED: &str = "_started_";
pub(super) const COMMITTED: &str = "_committed_";

/// What a transaction did, as its `_committed_` file says.
#[derive(Debug, Default, Deserialize)]
struct Commit {
    #[serde(default)]
    added: HashSet<String>,
    #[serde(default)]
    removed: HashSet<String>,
}

/// What the transactions of a folder did.
#[derive(Debug, Default)]
struct Log {
    started: HashSet<String>,
    added: HashMap<String, HashSet<String>>,
    removed: HashSet<String>,
}

impl Objects {
    /// Leaves out the files of jobs that did not end and those that a later job removed; returns how many.
    ///
    /// A file that a job added, that none removed and that is not there is an error.
    pub(super) async fn leave_out_uncommitted(
        &self,
        marker: &ObjectVersion,
        beside: &[ObjectVersion],
        parts: &mut Vec<ObjectVersion>,
    ) -> Result<usize, Error> {
        let mut log = Log::default();
        let has_transactions = parts.iter().any(|part| transaction(file_name(&part.key)).is_some());
        for object in beside {
            let name = file_name(&object.key);
            if let Some(id) = name.strip_prefix(STARTED) {
                log.started.insert(id.to_owned());
            } else if let Some(id) = name.strip_prefix(COMMITTED) {
                match self.commit(object).await? {
                    Some(commit) => log.note(id, commit),
                    None if has_transactions => {
                        let file = object.url();
                        return Err(Error::invalid(marker, Misfit::Commit { file }.into()));
                    }
                    None => tracing::warn!(
                        key = object.key,
                        "a file with the name of a commit is none; it is ignored"
                    ),
                }
            }
        }
        let there: HashSet<_> = beside.iter().map(|object| file_name(&object.key)).collect();
        if let Some((id, part)) = log.missing(&there) {
            let folder = s3_url(&marker.bucket, folder(&marker.key));
            let misfit = Misfit::MissingCommitted {
                commit: format!("{folder}{COMMITTED}{id}"),
                part: format!("{folder}{part}"),
            };
            return Err(Error::invalid(marker, misfit.into()));
        }
        let before = parts.len();
        parts.retain(|part| log.counts(file_name(&part.key)));
        Ok(before - parts.len())
    }

    /// Reads what a transaction did; `None` if the file is no commit.
    async fn commit(&self, object: &ObjectVersion) -> Result<Option<Commit>, Error> {
        if object.size == 0 || object.size > MAX_COMMIT {
            return Ok(None);
        }
        let bytes = self.range(object, 0..object.size).await?;
        Ok(serde_json::from_slice(&bytes).ok())
    }
}

impl Log {
    fn note(&mut self, id: &str, commit: Commit) {
        self.added.insert(id.to_owned(), commit.added);
        self.removed.extend(commit.removed);
    }

    /// Returns the first file that was added and never removed, and is not there, behind the id of its transaction.
    fn missing(&self, there: &HashSet<&str>) -> Option<(&str, &str)> {
        let added = self
            .added
            .iter()
            .flat_map(|(id, added)| added.iter().map(move |name| (id.as_str(), name.as_str())));
        added
            .filter(|(_, name)| !there.contains(name) && !self.removed.contains(*name))
            .min()
    }

    /// Returns whether a file counts: its transaction committed it, or it has none, or one so old that its marks are gone.
    fn counts(&self, name: &str) -> bool {
        let is_added = transaction(name).is_none_or(|id| match self.added.get(id) {
            Some(added) => added.contains(name),
            None => !self.started.contains(id),
        });
        is_added && !self.removed.contains(name)
    }
}

/// Returns the transaction that a file's name holds: `part-00000-tid-<id>-...`.
fn transaction(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once("-tid-")?;
    rest.split('-').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(started: &[&str], committed: &[(&str, &str)]) -> Log {
        let mut log = Log::default();
        log.started.extend(started.iter().map(|id| (*id).to_owned()));
        for (id, json) in committed {
            log.note(id, serde_json::from_str(json).unwrap());
        }
        log
    }

    #[test]
    fn only_files_of_committed_transactions_that_nothing_removed_count() {
        let log = log(
            &["1", "2", "4"],
            &[
                (
                    "1",
                    r#"{"added":["part-00000-tid-1-a.csv","part-00001-tid-1-a.csv"],"removed":[]}"#,
                ),
                (
                    "4",
                    r#"{"added":["part-00000-tid-4-a.csv"],"removed":["part-00000-tid-1-a.csv","old.csv"]}"#,
                ),
                (
                    "vacuum5",
                    r#"{"added":[],"removed":["_started_2","_committed_vacuum5"]}"#,
                ),
            ],
        );
        for (name, counts) in [
            ("part-00000-tid-4-a.csv", true),
            ("part-00001-tid-1-a.csv", true),
            ("part-00000-tid-1-a.csv", false),
            ("part-00002-tid-1-a.csv", false),
            ("part-00000-tid-2-a.csv", false),
            ("part-00000-tid-3-a.csv", true),
            ("part-00000-a.csv", true),
            ("old.csv", false),
        ] {
            assert_eq!(log.counts(name), counts, "{name}");
        }
    }

    #[test]
    fn a_file_that_was_added_and_never_removed_has_to_be_there() {
        let log = log(
            &["1", "2"],
            &[
                ("1", r#"{"added":["a","b","c"],"removed":[]}"#),
                ("2", r#"{"added":["d"],"removed":["b"]}"#),
            ],
        );
        for (there, missing) in [
            (vec!["a", "c", "d"], None),
            (vec!["a", "b", "c", "d", "e"], None),
            (vec!["a", "c"], Some(("2", "d"))),
            (vec!["b", "d"], Some(("1", "a"))),
        ] {
            assert_eq!(log.missing(&there.iter().copied().collect()), missing, "{there:?}");
        }
    }
}
