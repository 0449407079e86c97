//! The table of `docs/failures.md` names every fault and, for each, a test that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The faults are numbered from 1.
const FAULTS: usize = 540;

#[test]
fn every_fault_has_its_row_and_every_test_that_a_row_names_exists() {
    let text = fs::read_to_string(root().join("docs/failures.md")).unwrap();
    let rows: Vec<(usize, &str)> = text.lines().filter_map(numbered).collect();
    let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=FAULTS).collect::<Vec<_>>());

    let known = tests();
    for (number, row) in rows {
        let proof = row.rsplit('|').nth(1).unwrap();
        let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "row {number} names no test");
        for name in named {
            let is_file = name.contains('/') && root().join(name).is_file();
            assert!(is_file || known.contains(name), "row {number}: there is no test {name}");
        }
    }
}

#[test]
fn every_test_of_a_fault_stands_in_the_table() {
    let text = fs::read_to_string(root().join("docs/failures.md")).unwrap();
    let own = ["failures::", "chaos::"];
    let missing: Vec<String> = tests()
        .into_iter()
        .filter(|test| own.iter().any(|module| test.starts_with(module)) && !test.starts_with("failures::table"))
        .filter(|test| !text.contains(&format!("`{test}`")))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the number that a row of the table begins with.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let first = line.strip_prefix("| ")?.split(" |").next()?;
    Some((first.parse().ok()?, line))
}

/// Returns every test as `module::name`; the modules of `src`, of `contacts` and of this binary, without a last `tests`.
fn tests() -> BTreeSet<String> {
    [("src", "src"), ("contacts", ""), ("tests/it", "tests/it")]
        .iter()
        .flat_map(|(folder, root_of_names)| {
            rust_files(&root().join(folder))
                .into_iter()
                .map(move |file| (root_of_names, file))
        })
        .flat_map(|(root_of_names, file)| {
            let module = module_of(file.strip_prefix(root().join(root_of_names)).unwrap());
            let names = names(&fs::read_to_string(&file).unwrap());
            names
                .into_iter()
                .map(move |name| format!("{module}::{name}"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the functions that follow a test attribute.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            names.extend(name.split('(').next().map(str::to_owned));
            is_test = false;
        }
    }
    names
}

fn module_of(path: &Path) -> String {
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap());
    let parts: Vec<_> = parts
        .filter(|part| !["src", "lib", "mod", "tests"].contains(part))
        .collect();
    parts.join("::")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => rust_files(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
