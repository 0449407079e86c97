//! What a refusal of Dataverse means: code and sanitised message, and the named error that tells what to do.

use super::error::Error;
use super::said::{code_and_message, normal_code};
use super::{columns, phrases, redaction};
use crate::domain::ContactId;
use std::fmt;

/// An answer of Dataverse that is no success, without anything personal.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What was to be done, as a verb phrase.
    pub operation: &'static str,
    /// The HTTP status, or the `StatusCode` inside the body.
    pub status: u16,
    /// `0x` and eight lower-case hex digits; empty where Dataverse named none.
    pub code: Box<str>,
    /// The first line of Dataverse's message without GUIDs and quoted values, but for names that this program has sent, at most
    /// 300 characters.
    pub message: Box<str>,
    is_of_a_change: bool,
    heard: Box<Heard>,
}

/// What else the message said: decisions rest on it, and nobody is shown it.
#[derive(Clone)]
struct Heard {
    /// The whole message without GUIDs and quoted values, in lower case.
    text: String,
    /// The privilege that it says is missing.
    privilege: Option<Box<str>>,
    /// The ids that it names, to compare with those that were sent.
    ids: Vec<ContactId>,
}

/// What kind of request was refused; the same answer may mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing is changed.
    Read,
    /// Rows or members are changed.
    Edit,
    /// The segment is published.
    Publish,
}

/// The longest name of a privilege: `prvAppendTo` and that of a table, which has at most 64 characters or so.
const LONGEST_PRIVILEGE: usize = 100;

impl Refusal {
    /// Reads the error object of the Web API, or `StatusCode` and `ResultText` of an action; any other body says nothing.
    pub(super) fn read(operation: &'static str, status: u16, body: &[u8]) -> Self {
        let (code, message) = code_and_message(body).unwrap_or_default();
        let message = redaction::plain(&message);
        let shown = redaction::without_ids(&message);
        let unquoted = redaction::without_quoted(&shown, |_| false);
        let told = redaction::without_quoted(&shown, columns::is_ours);
        Self {
            operation,
            status,
            code: normal_code(&code).into(),
            message: redaction::first_line(&told).into(),
            is_of_a_change: false,
            heard: Box::new(Heard {
                text: unquoted.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
                privilege: privilege(&shown),
                ids: redaction::ids(&message),
            }),
        }
    }

    /// Returns whether two requests got in each other's way in the database, or one took too long there.
    ///
    /// `0x80044150` and `0x80044151` are SQL errors and timeouts; a deadlock (1205) also comes under other codes.
    pub(super) fn is_contention(&self) -> bool {
        matches!(&*self.code, "0x80044150" | "0x80044151") || self.says("deadlock")
    }

    /// Returns whether the answer blames some of the contacts that were sent.
    pub(super) fn blames_contacts(&self, sent: &[ContactId]) -> bool {
        if !matches!(self.status, 400 | 404) {
            return false;
        }
        let missing_row = &*self.code == "0x80040217" && !self.says("msdynmkt_segment");
        missing_row || self.heard.ids.iter().any(|id| sent.contains(id)) || names_a_contact(&self.heard.text)
    }

    /// Returns whether a plug-in itself asks for another try.
    pub(super) fn asks_to_retry(&self) -> bool {
        self.says("try again") || self.says("retry")
    }

    /// Returns the named error that says what to do.
    ///
    /// What is said of use goes before codes of access: a plug-in may refuse a change under any of them.
    pub(super) fn into_error(mut self, kind: Kind) -> Error {
        self.is_of_a_change = kind != Kind::Read;
        match (self.status, &*self.code) {
            (401, _) => Error::TokenRefused(self),
            _ if self.is_of_a_change && self.says_in_use() => Error::SegmentInUse(self),
            (_, "0x80040217") if self.is_of_the_segment_gone(kind) => Error::SegmentGone(self),
            (_, "0x80072560") => Error::ApplicationUserMissing(self),
            (_, "0x80040220") => Error::PrivilegeMissing {
                privilege: self.heard.privilege.clone().unwrap_or_else(|| "it needs".into()),
                refusal: self,
            },
            (_, "0x80048306") => Error::RowAccessDenied(self),
            (_, "0x80040225" | "0x8004d24b") => Error::ApplicationUserDisabled(self),
            (404, "0x80060888") => Error::JourneysNotInstalled(self),
            _ if kind == Kind::Publish => Error::PublishRefused(self),
            _ => Error::DynamicsRefused(self),
        }
    }

    /// Returns whether a change was refused, and no code says why.
    pub(super) fn is_unexplained(&self) -> bool {
        let may_be_of_a_plug_in = matches!(self.status, 400 | 403 | 409 | 412 | 422 | 423 | 500);
        self.is_of_a_change && may_be_of_a_plug_in && !phrases::says_something_else(&self.code)
    }

    /// Returns whether it says which privilege is missing.
    pub(super) const fn names_a_privilege(&self) -> bool {
        self.heard.privilege.is_some()
    }

    /// Returns whether the row that is not there is the segment's: a publish is about no other.
    fn is_of_the_segment_gone(&self, kind: Kind) -> bool {
        kind == Kind::Publish || kind == Kind::Edit && self.says("msdynmkt_segment")
    }

    fn says_in_use(&self) -> bool {
        phrases::says_in_use(&self.code, &self.heard.text)
    }

    /// Returns whether the whole message, in lower case, holds a phrase.
    pub(super) fn says(&self, phrase: &str) -> bool {
        self.heard.text.contains(phrase)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dynamics answered HTTP {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " ({})", self.code)?;
        }
        write!(f, " to the request to {}", self.operation)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        Ok(())
    }
}

/// "Contact" as a thing, not as in "contact your administrator".
fn names_a_contact(said: &str) -> bool {
    let advice = [
        " your",
        " support",
        " the ",
        " microsoft",
        " an ",
        " admin",
        " system",
        " us",
    ];
    said.split("contact")
        .skip(1)
        .any(|rest| !advice.iter().any(|word| rest.starts_with(word)))
}

/// Returns the privilege that the message says is missing: the name alone, whatever it is joined to.
fn privilege(message: &str) -> Option<Box<str>> {
    let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.len() <= LONGEST_PRIVILEGE)
        .find(|word| word.starts_with("prv"))
        .map(Into::into)
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";

    fn refusal(status: u16, code: &str, message: &str) -> Refusal {
        let body = serde_json::json!({"error": {"code": code, "message": message}});
        Refusal::read("add members", status, body.to_string().as_bytes())
    }

    #[test]
    fn each_answer_becomes_the_error_that_says_what_to_do() {
        for (kind, status, code, message, expected) in [
            (Kind::Read, 401, "", "", "TokenRefused"),
            (
                Kind::Read,
                403,
                "0x80072560",
                "The user is not a member of the organization.",
                "ApplicationUserMissing",
            ),
            (
                Kind::Edit,
                403,
                "0x80040220",
                "is missing prvReadmsdynmkt_journey privilege",
                "PrivilegeMissing",
            ),
            (Kind::Edit, 403, "0x80048306", "no access", "RowAccessDenied"),
            (Kind::Read, 403, "0x80040225", "disabled", "ApplicationUserDisabled"),
            (Kind::Read, 403, "0x8004D24B", "no licence", "ApplicationUserDisabled"),
            (
                Kind::Read,
                404,
                "0x80060888",
                "Resource not found for the segment 'X'.",
                "JourneysNotInstalled",
            ),
            (
                Kind::Read,
                400,
                "0x80060888",
                "Could not find a property named 'x'",
                "DynamicsRefused",
            ),
            (
                Kind::Edit,
                400,
                "0x80040265",
                "The segment is used in a live journey.",
                "SegmentInUse",
            ),
            (Kind::Publish, 403, "", "Segment is in use", "SegmentInUse"),
            (Kind::Read, 400, "", "the journey is odd", "DynamicsRefused"),
            (
                Kind::Publish,
                400,
                "0x80048408",
                "is not a valid status code",
                "PublishRefused",
            ),
            (Kind::Edit, 412, "0x80060882", "mismatch", "DynamicsRefused"),
            (Kind::Edit, 413, "", "", "DynamicsRefused"),
        ] {
            let error = refusal(status, code, message).into_error(kind);
            assert_eq!(error.error_type(), expected, "{status} {code} {message}");
            assert!(!error.is_transient());
            assert_eq!(error.code().unwrap_or_default(), code.to_lowercase());
        }
    }

    #[test]
    fn a_missing_privilege_is_named() {
        let message =
            format!("Principal user (Id={ID}, type=8), is missing prvWritemsdynmkt_segment privilege (Id={ID})");
        let shown = refusal(403, "0x80040220", &message).into_error(Kind::Edit).to_string();
        assert!(
            shown.contains("lacks the privilege prvWritemsdynmkt_segment;"),
            "{shown}"
        );
        assert!(!shown.contains(ID), "{shown}");
    }

    #[test]
    fn a_message_is_shown_without_what_may_be_personal_and_decided_by_as_a_whole() {
        let refused = refusal(
            500,
            "0x80040216",
            "Id={8f2a1c345b6d4e7f8a9b0c1d2e3f4a5b} of 'Ann'\r\ndeadlocked",
        );
        assert_eq!(&*refused.message, "Id={<guid>} of <value>");
        assert!(refused.is_contention());
        let shown = format!("{refused} {refused:?}");
        assert!(!shown.contains("deadlocked") && !shown.contains("8f2a1c34"), "{shown}");
        let joined = refusal(403, "0x80040220", &format!("is missing prv{ID}x")).into_error(Kind::Edit);
        assert!(!joined.to_string().contains("5b6d"), "{joined}");
    }

    #[test]
    fn any_body_is_tolerated() {
        for body in [
            "",
            "<html>Bad gateway</html>",
            "[]",
            "{}",
            r#"{"error":7}"#,
            r#"{"error":{"code":7}}"#,
            r#"{"error":{"code""#,
        ] {
            let refusal = Refusal::read("list members", 502, body.as_bytes());
            assert_eq!((&*refusal.code, &*refusal.message), ("", ""), "{body}");
        }
        for body in [
            "\u{feff}{\"error\":{\"code\":\"0x80040220\"}}",
            "{\"error\":{\"code\":\"0x80040220\"}} and more",
            "{\"error\":{\"code\": \"0x80040220\",\"message\":\"cut of",
        ] {
            assert_eq!(
                &*Refusal::read("list members", 403, body.as_bytes()).code,
                "0x80040220",
                "{body}"
            );
        }
        let inner = Refusal::read(
            "publish",
            400,
            br#"{"StatusCode":400,"ResultText":"{\"message\":\"query is odd\"}"}"#,
        );
        assert_eq!(&*inner.message, "query is odd");
        assert_eq!(
            Refusal::read("publish", 400, br#"{"ResultText":"plain"}"#)
                .message
                .as_ref(),
            "plain"
        );
    }

    #[test]
    fn only_an_answer_about_contacts_is_worth_a_bisection() {
        let sent = [ContactId::parse(ID.as_bytes()).unwrap()];
        for (status, code, message, expected) in [
            (404, "0x80040217", "row With Id = x Does Not Exist", true),
            (404, "0x80040217", "msdynmkt_segment With Id = x Does Not Exist", false),
            (400, "", "Contact is inactive", true),
            (400, "", "Unknown id 8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b", true),
            (400, "", "Row id8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b-1 is locked", true),
            (400, "", "Unknown group 11111111-5b6d-4e7f-8a9b-0c1d2e3f4a5b", false),
            (400, "", "Something is wrong, contact your administrator", false),
            (400, "", "The group is full", false),
            (403, "", "Contact is secret", false),
        ] {
            assert_eq!(
                refusal(status, code, message).blames_contacts(&sent),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn decimal_codes_are_the_hex_codes() {
        assert_eq!(
            refusal(500, "-2147204783", "Sql error: 'Execution Timeout'")
                .code
                .as_ref(),
            "0x80044151"
        );
        assert!(refusal(500, "-2147204783", "").is_contention());
        assert!(refusal(500, "0x80040216", "Transaction was deadlocked").is_contention());
    }
}
