//! The lists of files that Redshift and Athena write beside the files themselves.

use super::misfit::Misfit;
use super::role::is_manifest;
use serde::Deserialize;
use std::collections::HashSet;

/// One file that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Whether the result is incomplete without it.
    pub(super) mandatory: bool,
    /// Its bytes, where the manifest says.
    pub(super) length: Option<u64>,
}

/// Reads a manifest: JSON with entries, short or verbose (Redshift), or one S3 URL a line (Athena).
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Misfit> {
    let text = std::str::from_utf8(bytes).map_err(|_| unknown("it is no UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let entries = if text.starts_with('{') {
        parse_json(text)?
    } else {
        parse_list(text)?
    };
    let mut seen = HashSet::new();
    match entries.iter().find(|entry| !seen.insert(&entry.key)) {
        _ if entries.is_empty() => Err(Misfit::EmptyManifest),
        Some(entry) => Err(unknown(&format!("it names {} twice", entry.key))),
        None => Ok(entries),
    }
}

/// Tells by the first bytes, or by the name and what they hold, whether a text is a manifest rather than rows.
pub(in crate::source) fn looks_like_manifest(key: &str, start: &[u8]) -> bool {
    let plain: Vec<u8> = start
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let begins = |texts: &[&str]| texts.iter().any(|text| plain.starts_with(text.as_bytes()));
    let holds = |text: &[u8]| plain.windows(text.len()).any(|window| window == text);
    begins(&["s3://", "\"s3://", "{\"entries\":["])
        || is_manifest(key) && begins(&["{\""]) && holds(b"\"entries\":[") && !holds(b"}{")
}

#[derive(Deserialize)]
struct Document {
    entries: Vec<JsonEntry>,
}

#[derive(Deserialize)]
struct JsonEntry {
    url: String,
    /// Redshift's UNLOAD leaves it out: each of its files belongs to the result.
    mandatory: Option<bool>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    content_length: Option<u64>,
}

fn parse_json(text: &str) -> Result<Vec<Entry>, Misfit> {
    let document: Document =
        serde_json::from_str(text).map_err(|_| unknown("it is no JSON with \"entries\" that have a \"url\" each"))?;
    document
        .entries
        .into_iter()
        .map(|entry| {
            let (bucket, key) = split(&entry.url)?;
            let length = entry.meta.and_then(|meta| meta.content_length);
            Ok(Entry {
                bucket,
                key,
                mandatory: entry.mandatory.unwrap_or(true),
                length,
            })
        })
        .collect()
}

fn parse_list(text: &str) -> Result<Vec<Entry>, Misfit> {
    text.lines()
        .map(|line| line.trim().trim_matches('"'))
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (bucket, key) = split(line)?;
            Ok(Entry {
                bucket,
                key,
                mandatory: true,
                length: None,
            })
        })
        .collect()
}

fn split(url: &str) -> Result<(String, String), Misfit> {
    let rest = ["s3://", "s3a://", "s3n://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    match rest.and_then(|rest| rest.split_once('/')) {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok((bucket.to_owned(), key.to_owned())),
        _ => Err(unknown("it names something that is no S3 URL of an object")),
    }
}

pub(super) fn unknown(what: &str) -> Misfit {
    Misfit::Manifest { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::corpus;

    fn entry(key: &str, mandatory: bool, length: Option<u64>) -> Entry {
        Entry {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            mandatory,
            length,
        }
    }

    #[test]
    fn every_kind_of_manifest_names_its_parts() {
        let short =
            r#"{"entries": [{"url":"s3://b/x 1+/0000_part_00"}, {"url":"s3://b/0001_part_00","mandatory":false}]}"#;
        let expected = [
            entry("x 1+/0000_part_00", true, None),
            entry("0001_part_00", false, None),
        ];
        assert_eq!(parse(short.as_bytes()).unwrap(), expected);

        let verbose = r#"{"entries":[{"url":"s3://b/0000_part_00","meta":{"content_length":32295,"record_count":10}}],
            "schema":{"elements":[{"name":"contactid","type":{"base":"character varying","max_length":36}}]},
            "meta":{"content_length":32295,"record_count":10},"author":{"name":"Amazon Redshift","version":"1.0.2"}}"#;
        assert_eq!(
            parse(verbose.as_bytes()).unwrap(),
            [entry("0000_part_00", true, Some(32295))]
        );

        let list = "s3://b/x/1.gz\r\n\"s3://b/x/2.gz\"\n\n";
        assert_eq!(
            parse(list.as_bytes()).unwrap(),
            [entry("x/1.gz", true, None), entry("x/2.gz", true, None)]
        );
    }

    #[test]
    fn a_manifest_is_told_from_rows_by_its_beginning() {
        for (key, start, is_one) in [
            ("a.csv", "{\"entries\":[", true),
            ("a.csv", "{\r\n  \"entries\" : [\n", true),
            ("a.csv", "s3://b/k\n", true),
            ("a.csv", "\"s3://b/k\"\n", true),
            ("x_manifest", "{\"author\":{\"name\":\"x\"},\"entries\":[{", true),
            ("a.jsonl", "{\"author\":{\"name\":\"x\"},\"entries\":[{", false),
            ("x_manifest", "{\"contactid\":\"1\"}\n{\"entries\":[1]}", false),
            ("x-manifest.csv", "contactid\ns3://b/k\n", false),
            ("x_manifest", "", false),
        ] {
            assert_eq!(looks_like_manifest(key, start.as_bytes()), is_one, "{key}: {start}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_refused_in_words() {
        for (text, expected) in [
            ("", "lists no file"),
            (" \r\n\r\n", "lists no file"),
            (r#"{"entries":[]}"#, "lists no file, as where the query had no rows"),
            ("\u{feff}{\r\n \"entries\" : [ ]\r\n}", "lists no file"),
            (r#"{"entries":[{"url":"s3://b/k"},]}"#, "no JSON with \"entries\""),
            (r#"{"entries":null}"#, "no JSON with \"entries\""),
            (
                r#"{"entries":[{"url":"s3://b/k","meta":{"content_length":-1}}]}"#,
                "no JSON with \"entries\"",
            ),
            (
                r#"{"entries":[{"url":"s3://b/k"},{"url":"s3a://b/k"}]}"#,
                "names k twice",
            ),
            (r#"{"files":[]}"#, "no JSON with \"entries\""),
            (r#"{"entries":[{"url":"gs://b/k"}]}"#, "no S3 URL"),
            ("contactid\n1", "no S3 URL"),
            ("s3://b/", "no S3 URL"),
            ("s3://b/k\ns3://b/k", "names k twice"),
            ("\u{feff}s3:///k", "no S3 URL"),
        ] {
            let problem = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        assert!(parse(b"\xff").is_err());
    }

    #[test]
    fn the_corpus_names_parts_or_is_refused() {
        corpus::check("manifest", |bytes| match parse(bytes) {
            Ok(entries) => {
                assert!(
                    entries
                        .iter()
                        .all(|entry| !entry.bucket.is_empty() && !entry.key.is_empty())
                );
                let any = |is: fn(&Entry) -> bool| entries.iter().any(is);
                format!(
                    "{} {} {}",
                    entries.len().min(3),
                    any(|entry| entry.mandatory),
                    any(|entry| entry.length.is_some())
                )
            }
            Err(problem) => problem.to_string().chars().take(60).collect(),
        });
    }
}
