//! The version of a row that a change is tied to: what others changed since it was read is not written over.

use super::error::Error;
use super::refusal::Refusal;

/// What became of a change that is tied to the version that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is saved.
    Done,
    /// Nothing is saved: the row is another one by now.
    Outdated,
    /// Nothing is saved: the table knows no versions, so that a change can be tied to none.
    NotVersioned,
}

impl Saved {
    /// Reads the answer to a change that was tied to a version.
    pub(super) fn of(answer: Result<(), Error>) -> Result<Self, Error> {
        let Err(error) = answer else {
            return Ok(Self::Done);
        };
        match error.refusal() {
            // A segment in use is another matter, whatever status it comes under.
            _ if matches!(error, Error::SegmentInUse(_)) => Err(error),
            Some(refusal) if knows_no_versions(refusal) => Ok(Self::NotVersioned),
            Some(refusal) if is_outdated(refusal) => Ok(Self::Outdated),
            _ => Err(error),
        }
    }
}

/// Returns the number of a row's version, where it is one, as Dataverse writes it: `W/"1234567"`.
pub(super) fn number_of(etag: &str) -> Option<u64> {
    etag.trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// 412 is the status of other conditions, too: a row that is there already, a key that is taken.
fn is_outdated(refusal: &Refusal) -> bool {
    refusal.status == 412 && matches!(&*refusal.code, "" | "0x80060882")
}

/// Only the text is told of by anybody; the code is not documented.
fn knows_no_versions(refusal: &Refusal) -> bool {
    refusal.says("optimistic concurrency")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_and_a_table_without_any_are_told_apart_from_other_refusals() {
        for (status, code, message, expected) in [
            (412, "0x80060882", "The version doesn't match.", Some(Saved::Outdated)),
            (412, "", "", Some(Saved::Outdated)),
            (412, "0x80040237", "A record with matching key values exists.", None),
            (
                412,
                "0x80060881",
                "No Optimistic Concurrency here.",
                Some(Saved::NotVersioned),
            ),
            (
                400,
                "",
                "Optimistic concurrency isn't enabled.",
                Some(Saved::NotVersioned),
            ),
            (403, "0x80040220", "is missing prvWrite privilege", None),
        ] {
            let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
            let refusal = Refusal::read("change a row", status, body.as_bytes());
            let answer = Saved::of(Err(Error::DynamicsRefused(refusal)));
            assert_eq!(answer.ok(), expected, "{status} {code} {message}");
        }
        assert_eq!(Saved::of(Ok(())).unwrap(), Saved::Done);
    }
}
