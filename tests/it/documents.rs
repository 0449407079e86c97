//! The documents hang together: links lead somewhere, each is for one reader, and the README can be read in a minute.

use crate::architecture::sources;
use segment_loader::domain::Fact;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What Lambda itself calls a function that it has to end.
const OF_LAMBDA: [&str; 3] = ["Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout"];

/// Whoever deploys finds on one page what can be chosen.
#[test]
fn every_parameter_of_the_template_is_named_where_one_deploys() {
    let template = read(&root().join("template.yaml"));
    let page = read(&root().join("docs/deploying.md"));
    let parameters = template.split("\nParameters:\n").nth(1).unwrap();
    let (parameters, _) = parameters.split_once("\nConditions:\n").unwrap();
    let name = |line: &str| line.strip_prefix("  ")?.strip_suffix(':').map(str::to_owned);
    let names: Vec<_> = parameters
        .lines()
        .filter_map(name)
        .filter(|name| !name.starts_with(' '))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let is_missing = |name: &&String| !page.contains(&format!("`{name}"));
    let missing: Vec<_> = names.iter().filter(is_missing).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// Whoever is on call finds what to do for each type of error.
#[test]
fn every_type_of_error_stands_in_the_table_of_what_to_do() {
    let operations = read(&root().join("docs/operations.md"));
    let mut named: BTreeSet<_> = OF_LAMBDA.map(str::to_owned).into();
    for (_, text) in sources() {
        for function in text.split("fn error_type(").skip(1) {
            let body = function.split("\n    }\n").next().unwrap();
            named.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(named.len() > 40, "{named:?}");
    let is_missing =
        |name: &String| !operations.contains(&format!("\n| `{name}`")) && !operations.contains(&format!(", `{name}`"));
    let missing: Vec<_> = named.into_iter().filter(is_missing).collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "docs/operations.md does not say what to do"
    );
}

/// Whoever sees only that something is wrong finds the types that are not over by themselves.
#[test]
fn every_error_that_somebody_must_mend_stands_beside_what_is_seen_of_it() {
    let operations = read(&root().join("docs/operations.md"));
    let section = |name: &str| operations.split(&format!("\n## {name}\n")).nth(1).unwrap();
    let (symptoms, _) = section("By symptom").split_once("\n## ").unwrap();
    let (types, _) = section("Error types").split_once("\n## ").unwrap();
    let to_mend = types.lines().filter_map(|row| {
        let (names, what_to_do) = row.strip_prefix("| `")?.split_once(" | ")?;
        let is_over_by_itself = what_to_do.starts_with("wait;") || what_to_do.starts_with("nothing:");
        (!is_over_by_itself).then_some(names)
    });
    let names: BTreeSet<&str> = to_mend
        .flat_map(|names| names.trim_end_matches('`').split("`, `"))
        .collect();
    assert!(names.len() > 40, "{names:?}");
    let is_missing = |name: &&str| !symptoms.contains(&format!("`{name}`"));
    let missing: Vec<_> = names.into_iter().filter(is_missing).collect();
    assert_eq!(missing, Vec::<&str>::new(), "no symptom leads to them");
}

/// What each command of the AWS CLI in docs/operations.md asks for.
const COMMANDS: [(&str, &[&str]); 15] = [
    ("cloudformation describe-stacks", &["cloudformation:DescribeStacks"]),
    (
        "lambda delete-function-concurrency",
        &["lambda:DeleteFunctionConcurrency"],
    ),
    (
        "lambda get-function-configuration",
        &["lambda:GetFunctionConfiguration"],
    ),
    ("lambda invoke", &["lambda:InvokeFunction"]),
    ("lambda put-function-concurrency", &["lambda:PutFunctionConcurrency"]),
    ("logs filter-log-events", &["logs:FilterLogEvents"]),
    ("s3 cp", &["s3:GetObject"]),
    ("s3 ls", &["s3:ListBucket"]),
    ("s3 presign", &["s3:GetObject"]),
    ("s3api copy-object", &["s3:GetObjectVersion", "s3:PutObject"]),
    ("s3api list-object-versions", &["s3:ListBucketVersions"]),
    ("secretsmanager get-secret-value", &["secretsmanager:GetSecretValue"]),
    ("secretsmanager put-secret-value", &["secretsmanager:PutSecretValue"]),
    ("sqs delete-message", &["sqs:DeleteMessage"]),
    ("sqs receive-message", &["sqs:ReceiveMessage"]),
];

#[test]
fn the_policies_for_people_allow_what_the_document_asks_them_to_do() {
    let policies = read(&root().join("docs/deploying.md"));
    let operations = read(&root().join("docs/operations.md"));
    for part in operations.split("aws ").skip(1) {
        let words: Vec<_> = part.split_whitespace().take(2).collect();
        let [service, verb] = words[..] else { continue };
        if ![
            "cloudformation",
            "lambda",
            "logs",
            "s3",
            "s3api",
            "secretsmanager",
            "sqs",
        ]
        .contains(&service)
        {
            continue;
        }
        let command = format!("{service} {verb}");
        let known = COMMANDS.iter().find(|(known, _)| *known == command);
        let (_, actions) = known.unwrap_or_else(|| panic!("what does `aws {command}` ask for?"));
        for action in *actions {
            assert!(policies.contains(&format!("\"{action}\"")), "{command}: {action}");
        }
    }
}

/// Returns how often a secret is stored where this is pasted once into a shell, and then into one after it that has heard no more.
fn stored(said: &str, script: &str) -> usize {
    let stand_ins = "aws() { cat > /dev/null; [ \"$2\" = get-secret-value ] || echo stored; }; jq() { :; }; run() { :; }; \
                     openssl() { :; }; rm() { :; }; CREDENTIAL=c";
    let script = format!("{stand_ins}; {said}\n{{ {script}\n}} < /dev/null; ( {script}\n) < /dev/null");
    let said = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().matches("stored").count()
}

/// A block is pasted twice, or without the one before it: what is stored then has no secret in it.
#[test]
fn no_command_stores_a_secret_that_nobody_has_said() {
    let texts: Vec<_> = documents().iter().map(|path| read(path)).collect();
    let blocks = texts.iter().flat_map(|text| text.split("```sh\n").skip(1));
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let stores: Vec<_> = blocks.filter(|block| block.contains("put-secret-value")).collect();
    assert!(stores.len() >= 2, "{stores:?}");
    for block in stores {
        assert_eq!(stored("", block), 0, "{block}");
    }
    let operations = read(&root().join("docs/operations.md"));
    let block = operations.split("The rest needs nobody").nth(1).unwrap();
    let block = block.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(stored("CLIENT_SECRET=s EXPIRES_ON=2028-11-22", block), 1);
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
