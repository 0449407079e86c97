//! What a segment that this program made says about itself in Dynamics: whose it is, and how its last load went.
//!
//! What people write there is theirs: a text that is not as this program writes it is left alone.

use super::sentence::{people, plain};
use crate::domain::{Mode, s3_url, utc};
use crate::state::{Applied, Change, Job};
use crate::text::shown::grouped;
use chrono::{DateTime, Utc};

/// A line for people who look at the segment in Dynamics.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line<'a> {
    /// How the segment was loaded last.
    Loaded(Loaded<'a>),
    /// What was refused since; the line of the last load stays.
    Refused {
        /// When.
        at: DateTime<Utc>,
        /// The result's key.
        key: &'a str,
        /// Why, as the end of a sentence.
        why: &'a str,
        /// The last load, as far as it is known, for a segment that does not tell it yet.
        last: Option<Loaded<'a>>,
    },
}

/// How a segment was loaded last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded<'a> {
    pub(crate) at: DateTime<Utc>,
    /// The result's key.
    pub(crate) key: &'a str,
    /// How many people are in the segment since; `None` if that is not known any more.
    pub(crate) people: Option<u64>,
    pub(crate) change: Option<Change>,
}

/// How the lines begin by which they are known again.
const LAST_LOAD: &str = "Last load:";
const REFUSED: &str = "Refused:";

/// What this program writes before and behind the bucket of its results.
const REPLACES: (&str, &str) = (
    concat!(
        "Managed by ",
        env!("CARGO_PKG_NAME"),
        ": its members are replaced by the query results in "
    ),
    ". Changes by hand are overwritten.",
);
const ADDS: (&str, &str) = (
    concat!(
        "Managed by ",
        env!("CARGO_PKG_NAME"),
        ": people are added to it and taken out of it by the query results in "
    ),
    ".",
);

/// How many characters of a file's name or of a reason a line shows.
const LONGEST_NAME: usize = 60;
const LONGEST_REASON: usize = 300;
/// So many hexadecimal digits in a row, hyphens not counted, are an id.
const DIGITS_OF_AN_ID: usize = 32;

/// Describes a segment that the function creates, to people who find it in Dynamics.
pub(crate) fn description(job: &Job) -> String {
    let (before, behind) = match job.mode {
        Mode::Replace => REPLACES,
        Mode::Append | Mode::Remove => ADDS,
    };
    format!("{before}{}{behind}", s3_url(&job.object.bucket, ""))
}

impl Line<'_> {
    /// Puts the line into a description; `None` if people have written that, it says so already, or there is no room for it in
    /// `longest` units of UTF-16.
    ///
    /// What people have added behind the lines stays where it is.
    pub(crate) fn put_into(&self, description: &str, longest: usize) -> Option<String> {
        let Parts { ours, lines, behind } = Parts::of(description)?;
        let mut told = vec![ours.to_owned()];
        match self {
            Self::Loaded(loaded) => told.push(loaded.to_string()),
            Self::Refused { at, key, why, last } => {
                let last = || last.map_or_else(|| format!("{LAST_LOAD} not known."), |last| last.to_string());
                told.push(lines.map_or_else(last, str::to_owned));
                let (time, file, why) = (utc(*at), name_of(key), cut(&plain(why), LONGEST_REASON));
                told.push(format!(
                    "{REFUSED} {time}, file “{file}”: {why}; no member was changed."
                ));
            }
        }
        told.extend((!behind.is_empty()).then(|| behind.to_owned()));
        let told = told.join("\n");
        (told != description && told.encode_utf16().count() <= longest).then_some(told)
    }
}

impl<'a> Loaded<'a> {
    /// Tells a load that was noted; `people` are those whom the segment shows since.
    pub(crate) fn of(applied: &'a Applied, people: Option<u64>) -> Self {
        Self {
            at: applied.at,
            key: &applied.job.object.key,
            people,
            change: applied.change,
        }
    }
}

impl std::fmt::Display for Loaded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.people.map(people));
        if let Some(Change { members, rejected }) = self.change {
            parts.extend(members.map(|(came, went)| format!("{} came, {} went", grouped(came), grouped(went))));
            parts.push(match rejected {
                1 => "1 unusable row".to_owned(),
                rows => format!("{} unusable rows", grouped(rows)),
            });
        }
        let numbers = if parts.is_empty() {
            String::new()
        } else {
            format!(": {}", parts.join(", "))
        };
        write!(
            f,
            "{LAST_LOAD} {}, file “{}”{numbers}.",
            utc(self.at),
            name_of(self.key)
        )
    }
}

/// A description that this program wrote, or its beginning.
struct Parts<'a> {
    ours: &'a str,
    /// The line of the last load.
    lines: Option<&'a str>,
    /// What people have written behind the lines.
    behind: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes a description apart at the last line of a last load; `None` if what stands before it is not as this program writes it.
    fn of(description: &'a str) -> Option<Self> {
        let mut ends = 0;
        let begins = |line: &'a str| {
            ends += line.len();
            (line, ends - line.len())
        };
        let lines = description.split_inclusive('\n').map(begins);
        let last = lines.filter(|(line, _)| line.starts_with(LAST_LOAD)).last();
        let Some((line, at)) = last else {
            let ours = description.trim_end();
            return is_ours(ours).then_some(Self {
                ours,
                lines: None,
                behind: "",
            });
        };
        let ours = description[..at].trim_end();
        let rest = &description[at + line.len()..];
        let refused = rest
            .split_inclusive('\n')
            .next()
            .filter(|next| next.starts_with(REFUSED));
        is_ours(ours).then(|| Self {
            ours,
            lines: Some(line.trim_end()),
            behind: &rest[refused.map_or(0, str::len)..],
        })
    }
}

/// Returns whether a text is what this program writes about a segment that it makes, of whichever bucket.
fn is_ours(text: &str) -> bool {
    [REPLACES, ADDS].iter().any(|(before, behind)| {
        let place = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
        place.is_some_and(|place| place.starts_with("s3://") && !place.contains(char::is_whitespace))
    })
}

/// Names a file by the last part of its key that says something, without ids; a marker is named by its folder.
fn name_of(key: &str) -> String {
    let mut parts = key.rsplit('/').filter(|part| !part.is_empty());
    let name = parts.find(|part| !part.starts_with('_')).unwrap_or(key);
    let is_of_an_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    let shown = name.split_inclusive(|c| !is_of_an_id(c)).map(|run| {
        let digits = run.chars().filter(char::is_ascii_hexdigit).count();
        let (_, behind) = run.split_at(run.trim_end_matches(|c| !is_of_an_id(c)).len());
        if digits < DIGITS_OF_AN_ID {
            run.to_owned()
        } else {
            format!("…{behind}")
        }
    });
    cut(&plain(&shown.collect::<String>()), LONGEST_NAME)
}

/// Cuts a text after so many characters.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "Managed by segment-loader: its members are replaced by the query results in s3://results/. Changes by hand \
                        are overwritten.";

    fn loaded(key: &str) -> Loaded<'_> {
        Loaded {
            at: DateTime::from_timestamp(1_795_000_000, 250_000_000).unwrap(),
            key,
            people: Some(1_000),
            change: Some(Change {
                members: Some((5, 3)),
                rejected: 2,
            }),
        }
    }

    fn refused<'a>(key: &'a str, why: &'a str) -> Line<'a> {
        Line::Refused {
            at: loaded(key).at,
            key,
            why,
            last: None,
        }
    }

    #[test]
    fn a_line_tells_what_is_known_of_a_load() {
        let line = |loaded: Loaded<'_>| Line::Loaded(loaded).put_into(OURS, 1_000).unwrap();
        let begins = format!("{OURS}\nLast load: 2026-11-18T11:06:40Z, file “a.csv”");
        let known = loaded("incoming/Summer Sale/a.csv");
        assert_eq!(
            line(known),
            format!("{begins}: 1,000 people, 5 came, 3 went, 2 unusable rows.")
        );
        let change = Some(Change {
            members: None,
            rejected: 1,
        });
        assert_eq!(
            line(Loaded { change, ..known }),
            format!("{begins}: 1,000 people, 1 unusable row.")
        );
        let nothing = Loaded {
            people: None,
            change: None,
            ..known
        };
        assert_eq!(line(nothing), format!("{begins}."));
    }

    #[test]
    fn a_refusal_keeps_the_last_load_or_says_that_it_is_not_known() {
        let told = Line::Loaded(loaded("a.csv")).put_into(OURS, 1_000).unwrap();
        let refused = refused("b.csv", "the file is empty");
        let line = "Refused: 2026-11-18T11:06:40Z, file “b.csv”: the file is empty; no member was changed.";
        assert_eq!(refused.put_into(&told, 1_000).unwrap(), format!("{told}\n{line}"));
        assert_eq!(
            refused.put_into(OURS, 1_000).unwrap(),
            format!("{OURS}\nLast load: not known.\n{line}")
        );
    }

    #[test]
    fn a_file_is_named_by_what_says_something() {
        for (key, name) in [
            ("incoming/Summer Sale/2026-11-23/_SUCCESS", "2026-11-23"),
            ("incoming/Summer Sale/2026-11-23/", "2026-11-23"),
            ("incoming/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "…"),
            ("incoming/run 3F2504E04F8941D39A0C0305E82C3301.csv", "run ….csv"),
            ("incoming/2026-11-23-0600.csv", "2026-11-23-0600.csv"),
            ("_", "_"),
        ] {
            assert_eq!(name_of(key), name, "{key}");
        }
    }

    #[test]
    fn what_was_made_for_additions_does_not_say_that_members_are_replaced() {
        let ours =
            "Managed by segment-loader: people are added to it and taken out of it by the query results in s3://b/.";
        assert!(is_ours(ours));
        for theirs in [
            "",
            "Managed by segment-loader",
            "Managed by segment-loader: people are added to it and taken out of it by the query results in s3://b/. Ask Jo.",
            "Managed by segment-loader: its members are replaced by the query results in Jo's files. Changes by hand are overwritten.",
        ] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }

    proptest! {
        #[test]
        fn whatever_people_write_is_left_alone_and_kept(text in any::<String>(), key in any::<String>(), why in any::<String>()) {
            for line in [Line::Loaded(loaded(&key)), refused(&key, &why)] {
                prop_assert_eq!(line.put_into(&text, 1_000), None);
                prop_assert_eq!(line.put_into(&format!("{text}x{OURS}"), 10_000), None);
                let told = line.put_into(OURS, 10_000).unwrap();
                let lines = if matches!(line, Line::Loaded(_)) { 2 } else { 3 };
                prop_assert_eq!(told.split(['\n', '\r', '\u{2028}']).count(), lines);
                let behind = line.put_into(&format!("{told}\nx{text}"), 10_000);
                prop_assert_eq!(behind, None, "it says so already");
                let next = Line::Loaded(loaded("next.csv")).put_into(&format!("{told}\nx{text}"), 10_000).unwrap();
                let theirs = format!("\nx{text}");
                prop_assert!(next.ends_with(&*theirs) && !next.contains("Refused:"));
                prop_assert!(next.encode_utf16().count() <= 10_000);
                prop_assert_eq!(Line::Loaded(loaded("next.csv")).put_into(&told, next.encode_utf16().count()).is_some(), true);
            }
        }
    }
}
