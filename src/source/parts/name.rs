//! What a key is by its name: a whole result, a part of one, or the file that says which parts there are.

use crate::event::scope::{is_completion_marker, is_marker};
use crate::settings::ResultFiles;

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
}

impl Role {
    /// Tells what a key is whose creation an event tells: a folder's own key is no sign that its files are complete.
    pub fn of_event(key: &str, files: ResultFiles) -> Self {
        match Self::of(key, files) {
            Self::Folder if !is_completion_marker(key) => Self::Ignored,
            role => role,
        }
    }

    /// Tells what a key stands for where results come as `files` says.
    pub fn of(key: &str, files: ResultFiles) -> Self {
        match files {
            ResultFiles::Single if is_marker(key) => Self::Ignored,
            ResultFiles::Single if is_plainly_a_part(key) => Self::Part,
            ResultFiles::Single => Self::Whole,
            ResultFiles::Manifest if is_manifest(key) => Self::Manifest,
            ResultFiles::Folder if is_completion_marker(key) || key.ends_with('/') => Self::Folder,
            ResultFiles::Manifest | ResultFiles::Folder if is_marker(key) => Self::Ignored,
            ResultFiles::Manifest | ResultFiles::Folder => Self::Part,
        }
    }
}

/// Tells whether a key is that of a manifest: `...manifest` (Redshift), `...-manifest.csv` (Athena).
fn is_manifest(key: &str) -> bool {
    ["manifest", "manifest.json", "manifest.csv"]
        .iter()
        .any(|ending| key.ends_with(ending))
}

/// Tells whether only a job that writes several files gives such a name.
fn is_plainly_a_part(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    is_redshift(name) || is_spark(name) || is_snowflake(name) || is_bigquery(name) || is_athena(name) || is_rds(name)
}

/// `0000_part_00`, `contacts_0012_part_00.gz`.
fn is_redshift(name: &str) -> bool {
    name.rsplit_once("_part_").is_some_and(|(slice, part)| {
        let slice = slice.len() - slice.trim_end_matches(is_digit).len();
        slice >= 4 && leading_digits(part) >= 2
    })
}

/// `part-00000-<id>-c000.snappy.parquet`, `part-r-00000`.
fn is_spark(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("part-") else {
        return false;
    };
    let rest = rest
        .strip_prefix("r-")
        .or_else(|| rest.strip_prefix("m-"))
        .unwrap_or(rest);
    leading_digits(rest) >= 5
}

/// `data_0_1_0.csv.gz`; a year in the first place makes it a date.
fn is_snowflake(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("data_") else {
        return false;
    };
    let numbers: Vec<_> = rest.split('.').next().unwrap_or(rest).split('_').collect();
    let is_small = |number: &&str| (1..=3).contains(&number.len()) && number.chars().all(is_digit);
    numbers.len() == 3 && numbers.iter().all(is_small)
}

/// `contacts-000000000003.csv.gz`: a number of twelve digits, and too small to be a time.
fn is_bigquery(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let digits = &stem[stem.trim_end_matches(is_digit).len()..];
    digits.len() == 12 && digits.starts_with("00000")
}

/// `20261123_093015_00042_x7k2p_<id>.gz`: the query id that Athena and Trino put before each of their files.
fn is_athena(name: &str) -> bool {
    let pieces: Vec<_> = name.split('_').collect();
    let are_digits = |index: usize, length: usize| {
        pieces
            .get(index)
            .is_some_and(|piece| piece.len() == length && piece.chars().all(is_digit))
    };
    pieces.len() >= 5 && are_digits(0, 8) && are_digits(1, 6) && are_digits(2, 5) && pieces[3].len() == 5
}

/// `contacts.csv_part2`, `contacts.part_00000`: what the two engines of Aurora write.
fn is_rds(name: &str) -> bool {
    let are_digits = |digits: &str, least| digits.len() >= least && digits.chars().all(is_digit);
    let of_postgres = name.rsplit_once("_part");
    let of_mysql = name.rsplit_once(".part_");
    of_postgres.is_some_and(|(stem, number)| stem.contains('.') && are_digits(number, 1))
        || of_mysql.is_some_and(|(_, number)| are_digits(number, 5))
}

fn leading_digits(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_digit).len()
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
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
            ("incoming/x/_SUCCESS", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/run.done", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/", Role::Ignored, Role::Ignored, Role::Folder),
            ("incoming/x/_committed_1", Role::Ignored, Role::Ignored, Role::Ignored),
        ] {
            let roles = [Single, Manifest, Folder].map(|files| Role::of(key, files));
            assert_eq!(roles, [single, manifest, folder], "{key}");
        }
    }

    #[test]
    fn names_that_only_a_job_with_several_files_gives_are_parts() {
        for name in [
            "0000_part_00",
            "contacts_0012_part_00.gz",
            "0001_part_00.parquet",
            "part-00000-7a1b-c000.snappy.parquet",
            "part-00000",
            "part-r-00001",
            "data_0_1_0.csv.gz",
            "contacts-000000000003.csv.gz",
            "20261123_093015_00042_x7k2p_1f2e.gz",
            "2026-11-23.csv_part2",
            "contacts.part_00000",
        ] {
            assert!(is_plainly_a_part(&format!("incoming/Summer Sale/{name}")), "{name}");
        }
    }

    #[test]
    fn names_that_people_give_are_no_parts() {
        for name in [
            "2026-11-23.csv",
            "data_2026_11_23.csv",
            "data.csv",
            "part-1.csv",
            "spare_part_list.csv",
            "spare_part2.csv",
            "contacts.part_1",
            "1_part_2.csv",
            "export-202611230930.csv",
            "20261123_093015.csv",
            "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01.csv",
            "contacts000",
            "",
        ] {
            assert!(!is_plainly_a_part(&format!("part-00000/{name}")), "{name}");
        }
    }
}
