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
    /// How its people come and go from now on, and the bucket of its results; `None` if what stands there still holds.
    pub(crate) kind: Option<(Mode, &'a str)>,
}

/// How the lines begin by which they are known again.
const LAST_LOAD: &str = "Last load:";
const REFUSED: &str = "Refused:";
/// What stands there where it is not known any more.
const UNKNOWN_LOAD: &str = "Last load: not known.";
/// How the line of a refusal ends.
const UNTOUCHED: &str = "; no member was changed.";
/// What the line of a last load counts.
const UNITS: [&str; 6] = ["person", "people", "came", "went", "unusable row", "unusable rows"];

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
    whose(job.mode, &job.object.bucket)
}

/// Says whose a segment is, and how its people come and go.
fn whose(mode: Mode, bucket: &str) -> String {
    let (before, behind) = match mode {
        Mode::Replace => REPLACES,
        Mode::Append | Mode::Remove => ADDS,
    };
    format!("{before}{}{behind}", s3_url(bucket, ""))
}

impl Line<'_> {
    /// Puts the line into a description; `None` if people have written that, it says so already, or there is no room for it in
    /// `longest` units of UTF-16.
    ///
    /// What people have added behind the lines stays where it is, be it behind the full stop of one.
    pub(crate) fn put_into(&self, description: &str, longest: usize) -> Option<String> {
        let Parts {
            ours,
            last_load,
            behind,
        } = Parts::of(description)?;
        let mut told = vec![ours.to_owned()];
        match self {
            Self::Loaded(loaded) => {
                if let Some((mode, bucket)) = loaded.kind {
                    told[0] = whose(mode, bucket);
                }
                told.push(loaded.to_string());
            }
            Self::Refused { at, key, why, last } => {
                let last = || last.map_or_else(|| UNKNOWN_LOAD.to_owned(), |last| last.to_string());
                told.push(last_load.map_or_else(last, str::to_owned));
                let (time, file, why) = (utc(*at), name_of(key), cut(&plain(why), LONGEST_REASON));
                told.push(format!("{REFUSED} {time}, file “{file}”: {why}{UNTOUCHED}"));
            }
        }
        let told = told.join("\n") + &behind;
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
            kind: None,
        }
    }

    /// Takes note of what the load says of those to come, where files are loaded in the `usual` mode unless somebody asks for
    /// another one: a complete result has taken out whom people had added, and an addition or removal that somebody asked for
    /// beside complete results says nothing of the next.
    pub(crate) fn telling_the_kind(self, job: &'a Job, usual: Mode) -> Self {
        let is_telling = job.mode == Mode::Replace || usual != Mode::Replace;
        Self {
            kind: is_telling.then_some((job.mode, &job.object.bucket)),
            ..self
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
    last_load: Option<&'a str>,
    /// What people have written behind the lines, from the very end of them on.
    behind: String,
}

impl<'a> Parts<'a> {
    /// Takes a description apart; `None` if its beginning, or what stands where a last load is told, is not as this program writes
    /// it.
    fn of(description: &'a str) -> Option<Self> {
        let ours = description.lines().next()?.trim_end();
        if !is_ours(ours) {
            return None;
        }
        let rest = description[ours.len()..].trim_start();
        if rest.is_empty() {
            return Some(Self {
                ours,
                last_load: None,
                behind: String::new(),
            });
        }
        let (last_load, behind) = rest.split_at(end_of_load(rest)?);
        Some(Self {
            ours,
            last_load: Some(last_load),
            behind: without_refusal(behind),
        })
    }
}

/// Returns where the line of a last load ends with which a text begins; `None` if it begins with none.
fn end_of_load(text: &str) -> Option<usize> {
    let line = text.lines().next()?;
    if line.starts_with(UNKNOWN_LOAD) {
        return Some(UNKNOWN_LOAD.len());
    }
    let file = behind_time(line, LAST_LOAD)?;
    let is_number = |part: &str| {
        part == "nobody"
            || part.split_once(' ').is_some_and(|(number, unit)| {
                number.chars().all(|c| c.is_ascii_digit() || c == ',') && UNITS.contains(&unit)
            })
    };
    let ends = file.match_indices('”').find_map(|(at, quote)| {
        let numbers = &file[at + quote.len()..];
        let length = numbers.find('.')?;
        let is_told = match numbers[..length].strip_prefix(": ") {
            Some(parts) => parts.split(", ").all(is_number),
            None => length == 0,
        };
        is_told.then_some(at + quote.len() + length + 1)
    })?;
    Some(line.len() - file.len() + ends)
}

/// Takes out the line of a refusal, where this program has written one.
fn without_refusal(behind: &str) -> String {
    for (at, _) in behind.match_indices(&format!("\n{REFUSED}")) {
        let line = behind[at + 1..].lines().next().unwrap_or_default();
        let told = behind_time(line, REFUSED).and_then(|file| Some(line.len() - file.len() + file.find(UNTOUCHED)?));
        if let Some(told) = told {
            let (before, after) = (&behind[..at], &behind[at + 1 + told + UNTOUCHED.len()..]);
            return format!("{}{after}", before.trim_end_matches('\r'));
        }
    }
    behind.to_owned()
}

/// Returns what stands behind the time of such a line: the file's name, and what is said of it.
fn behind_time<'t>(line: &'t str, begins: &str) -> Option<&'t str> {
    let (time, file) = line.strip_prefix(begins)?.strip_prefix(' ')?.split_once(", file “")?;
    DateTime::parse_from_rfc3339(time).ok()?;
    Some(file)
}

/// Returns whether a text is what this program writes about a segment that it makes, of whichever bucket.
fn is_ours(text: &str) -> bool {
    [REPLACES, ADDS].iter().any(|(before, behind)| {
        let place = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
        place.is_some_and(|place| place.starts_with("s3://") && !place.contains(char::is_whitespace))
    })
}

/// Names of markers and manifests that say nothing of a result; so do all that begin with `_`.
const MARKERS: [&str; 3] = ["all.DONE", "manifest", "manifest.json"];

/// Names a file by the last part of its key that says something, without ids; a marker is named by its folder.
fn name_of(key: &str) -> String {
    let mut parts = key.rsplit('/').filter(|part| !part.is_empty());
    let is_marker = |part: &str| part.starts_with('_') || MARKERS.iter().any(|name| part.eq_ignore_ascii_case(name));
    let name = parts.find(|part| !is_marker(part)).unwrap_or(key);
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
    // The quotes that stand around it end it.
    let shown = shown.collect::<String>().replace(['“', '”'], "'");
    cut(&plain(&shown), LONGEST_NAME)
}

/// Cuts a text after so many characters.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
