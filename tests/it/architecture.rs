//! The rules that keep the house in shape: who may import whom, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Small tools that every room may name, and that name nothing themselves.
const TOOLS: [&str; 1] = ["text"];

/// What else each room may name of the others, from the bottom of the house to its top.
///
/// `source` and `dynamics` never meet but above both, `state` knows files and no contacts, `reconcile` no files, and what is
/// pure names nothing that does I/O.
const MAY_IMPORT: [(&str, &str); 20] = [
    ("domain", ""),
    ("time", "domain"),
    ("log", ""),
    ("aws", ""),
    ("s3", "domain aws"),
    ("event", "domain"),
    ("config", "domain event aws"),
    ("state", "domain time s3"),
    ("source", "domain config event time s3 aws"),
    ("dynamics", "domain config time"),
    ("means", "domain config time state source dynamics"),
    ("reconcile", "domain config time dynamics means"),
    ("error", "domain config event state source dynamics reconcile"),
    ("report", "domain config state source means reconcile error s3 aws"),
    (
        "worker",
        "domain config event time state source dynamics means reconcile error report",
    ),
    (
        "production",
        "domain config time state source dynamics means report s3 aws",
    ),
    ("verify", "domain config time state dynamics error production"),
    (
        "app",
        "domain aws config event time state error report worker production verify",
    ),
    ("lib", "app log"),
    ("main", ""),
];

/// Who may speak of contacts: the others know files and segments' names only.
const MAY_NAME_CONTACTS: [&str; 9] = [
    "domain",
    "source",
    "dynamics",
    "means",
    "reconcile",
    "report",
    "worker",
    "production",
    "verify",
];

/// Crates that do I/O, and the modules that must stay pure.
const IO_CRATES: [&str; 5] = [
    "aws_sdk_s3",
    "aws_sdk_eventbridge",
    "aws_sdk_secretsmanager",
    "reqwest",
    "tokio",
];
const PURE: [&str; 9] = [
    "domain",
    "text",
    "event",
    "reconcile/plan.rs",
    "reconcile/guard",
    "reconcile/rounds.rs",
    "state/transition",
    "state/head.rs",
    "s3/keys.rs",
];

/// The longest file, tests included: what can be read in one sitting.
const MAX_LINES: usize = 400;

#[test]
fn modules_import_only_what_they_may() {
    assert_eq!(forbidden_imports(&sources()), BTreeSet::new());
}

/// A newcomer reads the code map, so that it must be the rules.
#[test]
fn the_code_map_names_every_room_with_its_modules_and_whom_it_may_name() {
    let map = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let told: BTreeMap<&str, [BTreeSet<&str>; 2]> = map.lines().filter_map(room_of).collect();
    let names: BTreeSet<_> = MAY_IMPORT.map(|(room, _)| room).into_iter().chain(TOOLS).collect();
    let without_a_row = ["lib", "main"];
    assert_eq!(
        told.keys().copied().collect::<BTreeSet<_>>(),
        &names - &without_a_row.into()
    );
    for (room, [modules, may_name]) in &told {
        let rule = MAY_IMPORT
            .iter()
            .find(|(name, _)| name == room)
            .map_or("", |(_, rule)| rule);
        let rule: BTreeSet<_> = rule.split(' ').filter(|name| !name.is_empty()).collect();
        assert_eq!(*may_name, rule, "{room}");
        assert_eq!(
            modules
                .iter()
                .map(|module| (*module).to_owned())
                .collect::<BTreeSet<_>>(),
            modules_of(room),
            "{room}"
        );
    }
}

/// Returns the modules of a room, but for those that only tests have.
fn modules_of(room: &str) -> BTreeSet<String> {
    const OF_TESTS: [&str; 6] = ["mod", "tests", "testing", "snapshots", "fixtures", "corpus"];
    let Ok(folder) = fs::read_dir(root().join("src").join(room)) else {
        return BTreeSet::new();
    };
    let names = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| !OF_TESTS.contains(&name.as_str())).collect()
}

/// Whoever has to learn more words than these first does not begin.
#[test]
fn the_glossary_has_at_most_fifteen_words() {
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, glossary) = document.split_once("## Words").unwrap();
    let (glossary, _) = glossary.split_once("## ").unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).skip(1);
    let words: Vec<_> = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(',')).collect();
    assert!((1..=15).contains(&words.len()), "{words:?}");
}

/// Reads a row of the code map: the room, its modules and whom it may name.
fn room_of(line: &str) -> Option<(&str, [BTreeSet<&str>; 2])> {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let [_, room, _, modules, may_name, _] = cells[..] else {
        return None;
    };
    let room = room.strip_prefix('`')?.strip_suffix('`')?;
    let quoted = |cell| str::split(cell, '`').skip(1).step_by(2).collect();
    Some((room, [quoted(modules), quoted(may_name)]))
}

#[test]
fn every_module_has_a_rule() {
    assert_eq!(without_rule(&sources()), BTreeSet::new());
}

/// Stands on its own, since the rules above could allow a circle by mistake.
#[test]
fn no_modules_import_each_other_in_a_circle() {
    assert_eq!(circles(&sources()), BTreeSet::new());
}

#[test]
fn what_is_pure_does_no_input_or_output() {
    assert_eq!(impure(&sources()), BTreeSet::new());
}

#[test]
fn every_file_can_be_read_in_one_sitting() {
    let long: Vec<_> = ["src", "contacts", "tests", "benches", "examples", "sandbox"]
        .into_iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "split along a seam: {long:?}");
}

#[test]
fn a_planted_violation_is_found() {
    let planted = |file: &str, line: &str| vec![(PathBuf::from(file), format!("{line}\n"))];
    for (file, line) in [
        ("source/csv/mod.rs", "use crate::dynamics::Dataverse;"),
        ("dynamics/segment.rs", "use crate::{domain::ContactId, source::Rows};"),
        ("state/head.rs", "fn f(id: crate::domain::ContactId) {}"),
        ("domain/order.rs", "use crate::config::Settings;"),
        ("text/percent.rs", "use crate::event::Request;"),
    ] {
        assert!(!forbidden_imports(&planted(file, line)).is_empty(), "{file}: {line}");
    }
    assert!(!impure(&planted("event/s3.rs", "use aws_sdk_s3::Client;")).is_empty());
    assert!(!impure(&planted("state/transition/mod.rs", "tokio::time::sleep(pause).await;")).is_empty());
    assert!(forbidden_imports(&planted("reconcile/converge.rs", "use crate::dynamics::Dataverse;")).is_empty());
    assert!(!without_rule(&planted("helpers/mod.rs", "fn help() {}")).is_empty());
    let circle = [
        planted("means.rs", "use crate::report::RunReport;"),
        planted("report/mod.rs", "use crate::reconcile::Opinion;"),
        planted("reconcile/mod.rs", "use crate::{domain::ContactId, means::Means};"),
        planted("app.rs", "use crate::reconcile;"),
    ]
    .concat();
    let names = ["means", "reconcile", "report"].map(str::to_owned);
    assert_eq!(circles(&circle), BTreeSet::from(names));
}

#[test]
fn every_event_file_is_named_by_a_test_or_a_document() {
    let texts: String = rust_files(&root().join("src"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for file in fs::read_dir(root().join("events")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(texts.contains(&name), "no test reads events/{name}");
    }
}

/// A build that aborts does not compile, but only cargo-lambda makes one, by adding what `Cargo.toml` leaves open.
#[test]
fn the_profile_that_is_deployed_unwinds() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let profile = manifest.split("[profile.release]").nth(1).unwrap();
    let profile = profile.split("\n[").next().unwrap();
    assert!(profile.lines().any(|line| line == "panic = \"unwind\""), "{profile}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads every file of `src`, by its path below it.
pub(crate) fn sources() -> Vec<(PathBuf, String)> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        (
            path.strip_prefix(&src).unwrap().to_owned(),
            fs::read_to_string(&path).unwrap(),
        )
    };
    rust_files(&src).into_iter().map(read).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => rust_files(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn forbidden_imports(sources: &[(PathBuf, String)]) -> BTreeSet<(PathBuf, String)> {
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        let module = module_of(path);
        let is_tool = TOOLS.contains(&&*module);
        let rule = MAY_IMPORT.iter().find(|(name, _)| *name == module);
        let allowed: Vec<_> = rule.map_or("", |(_, allowed)| allowed).split(' ').collect();
        for name in named_modules(text) {
            let is_allowed = name == module || allowed.contains(&&*name) || !is_tool && TOOLS.contains(&&*name);
            if !is_allowed {
                found.insert((path.clone(), name));
            }
        }
        if !MAY_NAME_CONTACTS.contains(&&*module) && code(text).contains("ContactId") {
            found.insert((path.clone(), "contacts".to_owned()));
        }
    }
    found
}

fn without_rule(sources: &[(PathBuf, String)]) -> BTreeSet<String> {
    let has_rule = |module: &String| TOOLS.contains(&&**module) || MAY_IMPORT.iter().any(|(name, _)| name == module);
    let modules = sources.iter().map(|(path, _)| module_of(path));
    modules.filter(|module| !has_rule(module)).collect()
}

/// Returns the modules that reach themselves by what they name.
fn circles(sources: &[(PathBuf, String)]) -> BTreeSet<String> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources {
        let module = module_of(path);
        let mut others = named_modules(text);
        others.remove(&module);
        named.entry(module).or_default().extend(others);
    }
    let reaches_itself = |module: &&String| {
        let mut reached = BTreeSet::new();
        let mut ahead = vec![*module];
        while let Some(others) = ahead.pop().map(|next| named.get(next)) {
            ahead.extend(others.into_iter().flatten().filter(|other| reached.insert(*other)));
        }
        reached.contains(module)
    };
    named.keys().filter(reaches_itself).cloned().collect()
}

fn impure(sources: &[(PathBuf, String)]) -> BTreeSet<(PathBuf, &'static str)> {
    let is_pure = |path: &Path| PURE.iter().any(|pure| path.starts_with(pure));
    let pure = sources.iter().filter(|(path, _)| is_pure(path));
    pure.flat_map(|(path, text)| {
        let named = IO_CRATES
            .into_iter()
            .filter(move |name| code(text).contains(&format!("{name}::")));
        named.map(|name| (path.clone(), name))
    })
    .collect()
}

fn module_of(path: &Path) -> String {
    let first = path.components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Returns the top-level modules that a file names after `crate::`, alone or in braces.
fn named_modules(text: &str) -> BTreeSet<String> {
    let text = code(text);
    let mut names = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let paths = match after.strip_prefix('{') {
            Some(list) => split_list(list),
            None => vec![after],
        };
        names.extend(paths.into_iter().map(first_word).filter(|word| !word.is_empty()));
    }
    names
}

/// Cuts `a::b, c::{d, e}}` at its outer commas, up to its closing brace.
fn split_list(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                parts.push(&list[start..index]);
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&list[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts
}

fn first_word(path: &str) -> String {
    path.trim()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

/// Returns the text without comments.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n")
}
