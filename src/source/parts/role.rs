//! What a key is by its name: a whole result, a part of one, or the file that says which parts there are.

use super::counter::is_plainly_a_part;
use crate::config::ResultFiles;
use crate::domain::Mode;
use crate::event::scope::{file_name, is_completion_marker, is_marker};

/// What an object is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A whole result.
    Whole,
    /// One file of a result in many.
    Part,
    /// A list of the parts.
    Manifest,
    /// The sign that all files beside it are complete, or the folder itself (a key ending in `/`).
    Folder,
    /// Neither data nor a sign.
    Ignored,
    /// What would be a result, but has a name or a folder that writers give to what is no data.
    Hidden,
}

impl Role {
    /// Tells what a key is whose creation an event tells: a folder's own key is no sign that its files are complete.
    pub fn of_event(key: &str, files: ResultFiles, mode: Mode) -> Self {
        match Self::of(key, files, mode) {
            Self::Folder if !is_completion_marker(key) => Self::Ignored,
            role => role,
        }
    }

    /// Returns whether a key stands for a result in several files.
    pub fn is_in_several(key: &str, files: ResultFiles, mode: Mode) -> bool {
        matches!(Self::of(key, files, mode), Self::Manifest | Self::Folder)
    }

    /// Tells what a key stands for where results come as `files` says and change the segment as `mode` says.
    ///
    /// Files that are added or removed may come one by one: each is a set of its own.
    pub fn of(key: &str, files: ResultFiles, mode: Mode) -> Self {
        match files {
            ResultFiles::Folder if is_completion_marker(key) || key.ends_with('/') => Self::Folder,
            _ if is_marker(key) => Self::Ignored,
            ResultFiles::Manifest if !is_manifest(key) => Self::Part,
            ResultFiles::Folder => Self::Part,
            _ if is_hidden(key) => Self::Hidden,
            ResultFiles::Manifest => Self::Manifest,
            ResultFiles::Single if mode == Mode::Replace && is_plainly_a_part(file_name(key)) => Self::Part,
            ResultFiles::Single => Self::Whole,
        }
    }
}

/// Returns whether a key is that of a manifest: `...manifest` (Redshift), `...-manifest.csv` (Athena).
pub(super) fn is_manifest(key: &str) -> bool {
    ["manifest", "manifest.json", "manifest.csv"]
        .iter()
        .any(|ending| key.ends_with(ending))
}

/// Returns whether a key is what Athena writes beside each query result: `<query id>.csv.metadata`, `<query id>.metadata`.
pub(super) fn is_athenas_description(key: &str) -> bool {
    let Some(described) = file_name(key).strip_suffix(".metadata") else {
        return false;
    };
    let is_result = [".csv", ".txt"].iter().any(|ending| described.ends_with(ending));
    is_result || uuid::Uuid::try_parse(described).is_ok()
}

/// Returns whether writers give such a name to what is no data, or such a folder to what is not finished.
fn is_hidden(key: &str) -> bool {
    // Hadoop, S3A's committer, Spark and Hive.
    const UNFINISHED: [&str; 4] = ["_temporary", "__magic", ".spark-staging", ".hive-staging"];
    let mut pieces = key.rsplit('/');
    let name = pieces.next().unwrap_or_default();
    name.starts_with(['_', '.'])
        || pieces.any(|folder| UNFINISHED.iter().any(|unfinished| folder.starts_with(unfinished)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_role_that_the_setting_gives_it() {
        use ResultFiles::{Folder, Manifest, Single};
        for (key, single, manifest, folder) in [
            ("incoming/a.csv", Role::Whole, Role::Part, Role::Part),
            ("incoming/0000_part_00", Role::Part, Role::Part, Role::Part),
            ("incoming/x/manifest", Role::Whole, Role::Manifest, Role::Part),
            ("incoming/x-manifest.csv", Role::Whole, Role::Manifest, Role::Part),
            ("incoming/x.manifest.json", Role::Whole, Role::Manifest, Role::Part),
            ("incoming/x/MANIFEST", Role::Whole, Role::Part, Role::Part),
            ("incoming/x/_manifest", Role::Hidden, Role::Hidden, Role::Part),
            ("incoming/x/_SUCCESS", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/_success", Role::Hidden, Role::Part, Role::Folder),
            ("incoming/x/_SUCCESS.crc", Role::Hidden, Role::Part, Role::Part),
            ("incoming/x/run.DONE", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/run.done", Role::Whole, Role::Part, Role::Folder),
            ("incoming/x/", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/_committed_1", Role::Ignored, Role::Ignored, Role::Ignored),
            ("incoming/x/_metadata", Role::Ignored, Role::Ignored, Role::Ignored),
            (
                "incoming/x/_common_metadata",
                Role::Ignored,
                Role::Ignored,
                Role::Ignored,
            ),
            ("incoming/x/_metadata.csv", Role::Hidden, Role::Part, Role::Part),
            ("incoming/x/.a.csv.crc", Role::Hidden, Role::Part, Role::Part),
            ("incoming/_x/a.csv", Role::Whole, Role::Part, Role::Part),
            ("incoming/x/_temporary/0/a.csv", Role::Hidden, Role::Part, Role::Part),
        ] {
            let roles = [Single, Manifest, Folder].map(|files| Role::of(key, files, Mode::Replace));
            assert_eq!(roles, [single, manifest, folder], "{key}");
        }
    }

    #[test]
    fn what_athena_writes_beside_a_result_is_told_from_results() {
        for (key, is_one) in [
            ("incoming/S/7d3f0a52-91c4-4b8e-a6d0-000001234567.csv.metadata", true),
            ("incoming/S/7d3f0a52-91c4-4b8e-a6d0-000001234567.metadata", true),
            ("incoming/S/7d3f0a52-91c4-4b8e-a6d0-000001234567.txt.metadata", true),
            ("incoming/S/7d3f0a52-91c4-4b8e-a6d0-000001234567.csv", false),
            ("incoming/S/contacts.metadata", false),
        ] {
            assert_eq!(is_athenas_description(key), is_one, "{key}");
        }
    }

    #[test]
    fn parts_that_are_added_or_removed_are_each_a_result() {
        for mode in [Mode::Append, Mode::Remove] {
            assert_eq!(
                Role::of("incoming/x/part-00000", ResultFiles::Single, mode),
                Role::Whole
            );
        }
    }
}
