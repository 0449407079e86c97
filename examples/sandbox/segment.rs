//! A segment in words.

use sandbox::Sandbox;
use sandbox::dataverse::SegmentView;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use uuid::Uuid;

/// Describes the segment of this name in one line.
pub fn in_words(sandbox: &Sandbox, name: &str) -> String {
    match sandbox.dataverse.segments(name).as_slice() {
        [] => "there is none".to_owned(),
        [segment] => {
            let members = segment.published.as_ref().map_or(0, Vec::len);
            let groups = segment.groups.len();
            let draft = if segment.published.as_deref() == Some(&segment.members) {
                String::new()
            } else {
                format!(", {} in the draft", counted(segment.members.len() as u64))
            };
            format!(
                "{}, {} published{draft}, in {}",
                status(segment),
                several(members as u64, "member"),
                several(groups as u64, "group"),
            )
        }
        several => format!("{} of that name", several.len()),
    }
}

/// Lists every segment, without a single contact.
pub fn list(sandbox: &Sandbox) -> Value {
    let mut names: Vec<String> = sandbox.dataverse.edit(|state| {
        let rows = state.segments.values();
        rows.map(|segment| segment.row.text("msdynmkt_displayname").to_owned())
            .collect()
    });
    names.sort();
    names.dedup();
    let segments = names.iter().flat_map(|name| sandbox.dataverse.segments(name));
    let described = segments.map(|segment| {
        let groups = segment.groups.iter();
        json!({
            "name": segment.name, "id": segment.id.to_string(), "status": status(&segment),
            "published_members": segment.published.as_ref().map(Vec::len), "draft_members": segment.members.len(),
            "published_sha256": segment.published.as_deref().map(fingerprint),
            "times_published": segment.publishes,
            "groups": groups.map(|group| json!({"name": group.name, "include": group.include, "members": group.count}))
                .collect::<Vec<_>>(),
        })
    });
    json!({"segments": described.collect::<Vec<_>>()})
}

/// Makes of members what `sort | sha256sum` makes of their ids, one a line in lower case: so a list of them can be compared.
fn fingerprint(members: &[Uuid]) -> String {
    let mut lines: Vec<String> = members.iter().map(|id| format!("{id}\n")).collect();
    lines.sort();
    let mut hex = String::new();
    for byte in Sha256::digest(lines.concat()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Names the status as Dynamics shows it.
fn status(segment: &SegmentView) -> String {
    match segment.statuscode {
        1 => "Active".to_owned(),
        2 => "Draft".to_owned(),
        3 => "Error".to_owned(),
        6 => "Going live".to_owned(),
        7 => "Active with warnings".to_owned(),
        9 => "Stopped".to_owned(),
        code => format!("status {code}"),
    }
}

/// Writes how many there are of something.
pub fn several(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {of}{plural}", counted(number))
}

/// Writes a number with commas between the thousands.
pub fn counted(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
