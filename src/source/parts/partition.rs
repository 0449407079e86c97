//! Folders named `column=value`, as Hive, Spark, Athena, DuckDB and awswrangler write them: the partitions of one result.

use super::run::is_epoch;
use super::token::{CALENDAR, Kind, tokens};
use crate::domain::folder;
use crate::text::percent;

/// The words behind which a value tells one day's result from another's, beside those of the calendar.
const MOMENTS: [&str; 8] = ["date", "dt", "ds", "time", "ts", "timestamp", "minute", "min"];

/// From so many digits and letters on a value is an id or a hash.
const HASH: usize = 16;

/// Returns the beginning that a key shares with the other partitions of its result, up to the first `column=`; nothing
/// where it lies in no partition, or only in those of dates. The first `below` bytes name the segment.
pub(super) fn shared_start(key: &str, below: usize) -> Option<&str> {
    let mut start = below;
    for name in folders(key, below) {
        if let Some((column, value)) = partition(name)
            && !tells_results_apart(column, value)
        {
            return Some(&key[..=start + column.len()]);
        }
        start += name.len() + 1;
    }
    None
}

/// Returns whether two keys lie in two partitions of one result: in the same folders but for the values, and in the same
/// day's.
pub(super) fn are_of_one_result(key: &str, other: &str, below: usize) -> bool {
    let is_beside = other.get(..below) == key.get(..below);
    if !is_beside || folders(key, below).count() != folders(other, below).count() {
        return false;
    }
    let mut differ = false;
    for (ours, theirs) in folders(key, below).zip(folders(other, below)) {
        if ours == theirs {
            continue;
        }
        match (partition(ours), partition(theirs)) {
            (Some((column, ours)), Some((other, theirs)))
                if column == other && ![ours, theirs].iter().any(|value| tells_results_apart(column, value)) =>
            {
                differ = true;
            }
            _ => return false,
        }
    }
    differ
}

fn folders(key: &str, below: usize) -> impl Iterator<Item = &str> {
    folder(key).get(below..).unwrap_or_default().split_terminator('/')
}

/// Splits the name of a partition's folder.
fn partition(name: &str) -> Option<(&str, &str)> {
    name.split_once('=').filter(|(column, _)| !column.is_empty())
}

/// Returns whether the folders of a column or of such a value are those of results, and not of the parts of one: they are
/// named by a date, a time, an epoch, a version, a UUID or a hash.
fn tells_results_apart(column: &str, value: &str) -> bool {
    let word = column.rsplit(|character: char| !character.is_alphanumeric()).next();
    let is_moment = |word: &str| {
        let known = CALENDAR.iter().chain(&MOMENTS);
        known.into_iter().any(|known| known.eq_ignore_ascii_case(word))
    };
    // Hive and Spark write the colon of a time in hex digits.
    let value = percent::decode(value);
    let tokens = tokens(&value);
    let mut of_result = tokens.iter().map(|token| match token.kind {
        Kind::Time => true,
        Kind::Id => token.text.len() >= HASH || is_epoch(token.text),
        Kind::Word | Kind::Counter => false,
    });
    word.is_some_and(is_moment) || !tokens.is_empty() && of_result.all(|is| is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEGMENT: &str = "incoming/S/";

    fn are_one(ours: &str, theirs: &str) -> bool {
        let [ours, theirs] = [ours, theirs].map(|key| format!("{SEGMENT}{key}"));
        let are = are_of_one_result(&ours, &theirs, SEGMENT.len());
        assert_eq!(are, are_of_one_result(&theirs, &ours, SEGMENT.len()), "{ours} {theirs}");
        if are {
            let start = shared_start(&ours, SEGMENT.len()).unwrap();
            assert!(theirs.starts_with(start) && start.ends_with('='), "{start}");
        }
        are
    }

    #[test]
    fn files_in_two_partitions_are_of_one_result() {
        for (writer, ours, theirs) in [
            ("by hand", "region=eu/x.csv", "region=us/x.csv"),
            ("by hand", "region=eu/2026-11-23.csv", "region=us/2026-11-23.csv"),
            ("by hand", "region=eu/contacts_eu.csv", "region=us/contacts_us.csv"),
            (
                "awswrangler",
                "region=eu/b7f44eddf8d24911b5855b2eb21bf781.snappy.parquet",
                "region=us/b7f44eddf8d24911b5855b2eb21bf781.snappy.parquet",
            ),
            (
                "Spark, partitionBy two columns",
                "region=eu/tier=1/part-00000-7a1b.c000.csv",
                "region=us/tier=2/part-00000-7a1b.c000.csv",
            ),
            (
                "Hive, NULL",
                "region=eu/x.csv",
                "region=__HIVE_DEFAULT_PARTITION__/x.csv",
            ),
            ("DuckDB", "bucket=0/data_0.csv", "bucket=17/data_0.csv"),
            (
                "Athena",
                "store=01067/20261123_093015_00042_x7k2p_1f2e.gz",
                "store=1/x.gz",
            ),
            (
                "within a day",
                "dt=2026-11-23/region=eu/x.csv",
                "dt=2026-11-23/region=us/x.csv",
            ),
            (
                "within a day",
                "region=eu/dt=2026-11-23/x.csv",
                "region=us/dt=2026-11-23/x.csv",
            ),
            ("within a folder", "daily/region=eu/x.csv", "daily/region=us/x.csv"),
            ("a code", "code=b2b/x.csv", "code=b2c/x.csv"),
            ("a flag", "is_active=true/x.csv", "is_active=false/x.csv"),
            (
                "a number of a customer",
                "partner=10023456/x.csv",
                "partner=10023457/x.csv",
            ),
            ("a value with =", "filter=a=b/x.csv", "filter=a=c/x.csv"),
        ] {
            assert!(are_one(ours, theirs), "{writer}: {ours} {theirs}");
        }
    }

    #[test]
    fn folders_of_dates_runs_and_names_hold_whole_results() {
        for (ours, theirs) in [
            ("dt=2026-11-23/result.csv", "dt=2026-11-24/result.csv"),
            ("dt=20261123/result.csv", "dt=20261124/result.csv"),
            ("load_date=2026-11-23/result.csv", "load_date=2026-11-24/result.csv"),
            ("Date=latest/result.csv", "Date=previous/result.csv"),
            (
                "year=2026/month=11/day=23/result.csv",
                "year=2026/month=11/day=24/result.csv",
            ),
            (
                "year=2026/month=nov/day=30/result.csv",
                "year=2026/month=dec/day=1/result.csv",
            ),
            ("y=2026/m=11/d=23/hour=6/x.csv", "y=2026/m=11/d=23/hour=7/x.csv"),
            ("export_hour=06/x.csv", "export_hour=07/x.csv"),
            ("snapshot=2026-11-23T09%3A30/x.csv", "snapshot=2026-11-23T09%3A45/x.csv"),
            ("snapshot=1795714800/x.csv", "snapshot=1795718400/x.csv"),
            (
                "run=8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01/x.csv",
                "run=8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a02/x.csv",
            ),
            (
                "run=5f622c660f844ab39e84a6fed6cdb868/x.csv",
                "run=6f622c660f844ab39e84a6fed6cdb868/x.csv",
            ),
            ("born=1990-01-01/x.csv", "born=__HIVE_DEFAULT_PARTITION__/x.csv"),
            ("version=2/x.csv", "version=3/x.csv"),
            ("dt=2026-11-23/region=eu/x.csv", "dt=2026-11-24/region=us/x.csv"),
            ("region=eu/dt=2026-11-23/x.csv", "region=us/dt=2026-11-24/x.csv"),
            // Folders that are no partitions, or of another tree.
            ("eu/x.csv", "us/x.csv"),
            ("region=eu/a.csv", "region=eu/b.csv"),
            ("region=eu/x.csv", "x.csv"),
            ("region=eu/x.csv", "country=us/x.csv"),
            ("region=eu/x.csv", "region=us/tier=1/x.csv"),
            ("vip/region=eu/x.csv", "all/region=us/x.csv"),
            ("=eu/x.csv", "=us/x.csv"),
            ("region=eu", "region=us"),
        ] {
            assert!(!are_one(ours, theirs), "{ours} {theirs}");
        }
    }

    #[test]
    fn the_folder_that_names_the_segment_is_no_partition() {
        let [ours, theirs] = ["incoming/region=eu/x.csv", "incoming/region=us/x.csv"];
        assert!(!are_of_one_result(ours, theirs, "incoming/region=eu/".len()));
        assert_eq!(shared_start(ours, "incoming/region=eu/".len()), None);
        assert!(are_of_one_result(ours, theirs, "incoming/".len()));
    }

    #[test]
    fn only_what_could_have_siblings_is_looked_for() {
        for (key, start) in [
            ("incoming/S/x.csv", None),
            ("incoming/S/dt=2026-11-23/x.csv", None),
            ("incoming/S/region=eu/x.csv", Some("incoming/S/region=")),
            (
                "incoming/S/dt=2026-11-23/region=eu/x.csv",
                Some("incoming/S/dt=2026-11-23/region="),
            ),
            ("incoming/S/a/region=eu/tier=1/x.csv", Some("incoming/S/a/region=")),
        ] {
            assert_eq!(shared_start(key, SEGMENT.len()), start, "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_keys_are_compared(key in "\\PC{0,6}(/\\PC{0,8}=?\\PC{0,8}){0,3}", other in "\\PC{0,6}(/\\PC{0,8}){0,3}", below in 0_usize..20) {
            prop_assert_eq!(are_of_one_result(&key, &other, below), are_of_one_result(&other, &key, below));
            let _ = shared_start(&key, below);
        }
    }
}
