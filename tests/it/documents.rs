//! The documents hang together: links lead somewhere, each is for one reader, and the README can be read in a minute.

use segment_loader::domain::Fact;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What fits on two screens.
const README_LINES: usize = 150;

#[test]
fn the_readme_can_be_read_in_a_minute() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= README_LINES, "{lines} lines: what is more belongs in docs/");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut broken = BTreeSet::new();
    for document in documents() {
        for link in links(&read(&document)) {
            if !leads_somewhere(&document, &link) {
                broken.insert((document.clone(), link));
            }
        }
    }
    assert_eq!(broken, BTreeSet::new());
}

#[test]
fn the_readme_leads_to_every_document() {
    let readme = read(&root().join("README.md"));
    let unnamed: Vec<_> = documents()
        .into_iter()
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .filter(|name| name != "README.md" && !readme.contains(&format!("({name})")))
        .collect();
    assert_eq!(unnamed, Vec::<String>::new());
}

#[test]
fn every_assumption_names_its_fact_or_why_there_is_none_and_every_promise_how_to_prove_it() {
    let text = read(&root().join("docs/guarantees.md"));
    let rows = |heading: &str| -> Vec<Vec<String>> {
        let table = text
            .split(heading)
            .nth(1)
            .unwrap()
            .split("\n\n")
            .next()
            .unwrap()
            .lines()
            .skip(2);
        let cells = |row: &str| {
            row.split(" | ")
                .map(|cell| cell.trim_matches(['|', ' ']).to_owned())
                .collect()
        };
        table.map(cells).collect()
    };
    let promises = rows("| promise | how | prove it yourself |");
    assert!(promises.len() > 10 && promises.iter().all(|row| row.len() == 3 && row[2].len() > 10));
    let facts: Vec<String> = rows("| assumption | fact |")
        .into_iter()
        .map(|row| row[1].clone())
        .collect();
    for fact in Fact::ALL {
        let name = format!("`{}`", fact.name());
        assert!(
            facts.iter().any(|named| named.contains(&name)),
            "no assumption names {name}"
        );
    }
    assert!(
        facts
            .iter()
            .all(|fact| fact.starts_with('`') || fact.starts_with("none: ")),
        "{facts:?}"
    );
}

#[test]
fn a_broken_link_is_found() {
    let readme = root().join("README.md");
    for (link, expected) in [
        ("docs/state.md", true),
        ("docs/state.md#the-lease", true),
        ("#documents", true),
        ("https://www.rust-lang.org", true),
        ("docs/nowhere.md", false),
        ("docs/state.md#nowhere", false),
        ("#nowhere", false),
    ] {
        assert_eq!(leads_somewhere(&readme, link), expected, "{link}");
    }
    assert_eq!(links("[a](b.md#c) and `[x]` (y), [d](e)"), ["b.md#c", "e"]);
}

fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    let docs = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    top.into_iter().chain(docs.filter(is_document)).collect()
}

fn leads_somewhere(document: &Path, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => document.to_owned(),
        file => document.parent().unwrap().join(file),
    };
    target.exists() && (heading.is_empty() || anchors(&read(&target)).contains(heading))
}

/// Returns where the links of a document lead.
fn links(text: &str) -> Vec<String> {
    let behind = text.split("](").skip(1);
    behind
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .collect()
}

/// Returns the anchors of a document's headings, made as code hosts make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
