//! What the parsers are tested on beside whole files: `tests/corpus/<parser>/`, and damaged copies of all that is there.

use crate::source::Rows;
use crate::source::problem::Problem;
use crate::source::testing::mutations;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// How many damaged copies of each file are looked at, where the build sets nothing else.
const COPIES: usize = 50;

/// `GROW_CORPUS=100000 cargo test corpus` looks at so many copies and keeps those that end as no file of the corpus does.
const GROW: Option<&str> = option_env!("GROW_CORPUS");

/// Checks a parser with the files of its corpus and their damaged copies, the same ones in every run.
///
/// `check` asserts what has to hold whatever a file holds, and returns how it ended. A copy that breaks it is put into
/// the corpus: there it stays when the parser is mended.
pub(crate) fn check(parser: &str, check: impl Fn(&[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(parser);
    let kept = files(&folder);
    assert!(!kept.is_empty(), "no files in {}", folder.display());
    let copies = GROW.map_or(COPIES, |copies| copies.parse().unwrap());
    let mut endings: BTreeSet<_> = kept.values().map(|bytes| check(bytes)).collect();
    let mut waiting: VecDeque<_> = kept.into_values().collect();
    while let Some(bytes) = waiting.pop_front() {
        for copy in mutations(&bytes, copies) {
            let Ok(ending) = catch_unwind(AssertUnwindSafe(|| check(&copy))) else {
                panic!("kept as {}", keep(&folder, &copy).display());
            };
            if GROW.is_some() && endings.insert(ending) {
                keep(&folder, &copy);
                waiting.push_back(copy);
            }
        }
    }
}

/// Tells how reading ended, and asserts that its counts come out even.
pub(crate) fn ending(outcome: &Result<Rows, Problem>) -> String {
    match outcome {
        Ok(rows) => {
            let counted = rows.contacts.len() as u64 + rows.duplicates + rows.rejected.count;
            assert_eq!(rows.rows, counted);
            let reasons: Vec<_> = rows.rejected.by_reason.keys().collect();
            format!(
                "{:?} {} {reasons:?}",
                rows.contacts.len().min(3),
                rows.duplicates.min(1)
            )
        }
        Err(problem) => problem_name(problem),
    }
}

/// Returns the name of a problem without what it says.
pub(crate) fn problem_name(problem: &Problem) -> String {
    let name = format!("{problem:?}");
    name.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn keep(folder: &Path, bytes: &[u8]) -> PathBuf {
    let hash = Sha256::digest(bytes);
    let name = u64::from_be_bytes(std::array::from_fn(|index| hash[index]));
    let path = folder.join(format!("{name:016x}"));
    fs::write(&path, bytes).unwrap();
    path
}
