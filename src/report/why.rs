//! What went wrong, in words for people who do not know this program: by the stable name of the error.

/// What errors of one kind mean, and what is to be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// Why, for the end of a sentence.
    pub(super) why: &'a str,
    /// Who is to do something about it.
    pub(super) who: Who,
    /// It may be over the next time it is tried, although nobody has done anything.
    pub(super) may_pass: bool,
}

/// Who is to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever drops files.
    File,
    /// Whoever runs this program.
    Operator,
    /// Whoever looks after Dynamics.
    Dynamics,
    /// Nobody: it is over by itself.
    Nobody,
}

use Who::{Dynamics as DYNAMICS, File as FILE, Nobody as NOBODY, Operator as OPERATOR};

/// What was refused or unexpected once, and may not be the next time.
const MAY_PASS: [&str; 6] = [
    "DynamicsRefused",
    "DynamicsAnswerUnexpected",
    "MembersDiffer",
    "PublishRefused",
    "PublishFailed",
    "RunFailed",
];

/// The names of errors, what they mean, and who is to do something about them.
const WORDS: [(&[&str], &str, Who); 36] = [
    (
        &[
            "InvalidEnvironment",
            "InvalidSecret",
            "SecretNotFound",
            "SecretAccessDenied",
            "SecretDecryptionFailed",
            "SecretRejected",
        ],
        "its settings or secrets are wrong or cannot be read",
        OPERATOR,
    ),
    (
        &["UnknownEvent", "MalformedEvent", "InvalidCommand"],
        "nobody understands what it was asked for",
        OPERATOR,
    ),
    (
        &["NoSegmentName", "InvalidSegmentName"],
        "the file does not say in a usable way which segment it is for",
        OPERATOR,
    ),
    (
        &["EntraRefused", "TokenRefused"],
        "Microsoft did not let this program sign in",
        OPERATOR,
    ),
    (
        &["TokenIssuerRefused"],
        "AWS did not give this program what it signs in to Dynamics with",
        OPERATOR,
    ),
    (
        &[
            "ApplicationUserMissing",
            "ApplicationUserDisabled",
            "PrivilegeMissing",
            "RowAccessDenied",
        ],
        "the user of this program may not do in Dynamics what it has to",
        DYNAMICS,
    ),
    (
        &["JourneysNotInstalled"],
        "Customer Insights - Journeys was not found in Dynamics",
        DYNAMICS,
    ),
    (
        &["BusinessUnitUnknown"],
        "the business unit that is to own the segment was not found, or cannot own it",
        OPERATOR,
    ),
    (
        &["SegmentInUse"],
        "Dynamics lets nobody change the segment while it is in use",
        DYNAMICS,
    ),
    (&["SeveralSegments"], "several segments have this name", DYNAMICS),
    (
        &["DynamicSegment"],
        "the segment gets its people from a query in Dynamics",
        DYNAMICS,
    ),
    (&["WrongBaseEntity"], "the segment is not one of contacts", DYNAMICS),
    (
        &["SegmentMissing"],
        "there is no segment of this name, or none any more, and none is to be made",
        DYNAMICS,
    ),
    (
        &["SegmentChanged"],
        "somebody else changed the segment at the same time",
        NOBODY,
    ),
    (&["PublishRefused"], "Dynamics refused to publish it", DYNAMICS),
    (&["PublishFailed"], "Dynamics could not compute it", DYNAMICS),
    (
        &["MembersDiffer"],
        "the people in the segment are not those that were expected, or could not be verified",
        OPERATOR,
    ),
    (
        &["TooManyContacts"],
        "there are more people than the segment has room for",
        FILE,
    ),
    (
        &["ContactsNotAccepted", "ContactsRefused"],
        "Dynamics did not accept too many of the people in the file",
        FILE,
    ),
    (
        &["DynamicsRefused", "DynamicsAnswerUnexpected"],
        "Dynamics refused a call of this program, or answered something unexpected",
        OPERATOR,
    ),
    (&["DynamicsUnavailable"], "Dynamics did not answer as it should", NOBODY),
    (
        &["EntraUnavailable"],
        "Microsoft's sign-in did not answer as it should",
        NOBODY,
    ),
    (
        &[
            "SecretsManagerUnavailable",
            "SourceUnavailable",
            "StateUnavailable",
            "TokenIssuerUnavailable",
        ],
        "AWS did not answer as it should",
        NOBODY,
    ),
    (&["OutOfTime"], "the time was over before it was done", NOBODY),
    (&["LeaseLost"], "another run has taken the segment over", NOBODY),
    (
        &["AttemptLost"],
        "broke off: its time or its memory was over, or something else cut it off",
        NOBODY,
    ),
    (&["SourceMissing"], "the file is not there", FILE),
    (
        &["SourceForbidden", "SourceRefused"],
        "this program may not read the file, or cannot",
        OPERATOR,
    ),
    (
        &["SourceReplaced"],
        "another file took its place while it was read",
        NOBODY,
    ),
    (
        &["ResultChanged"],
        "its files were changed after they had been complete",
        FILE,
    ),
    (&["SourceEmpty"], "the file is empty", FILE),
    (
        &["SourceInvalid", "NotATable"],
        "the file cannot be read as a list of contacts",
        FILE,
    ),
    (
        &["StateForbidden", "StateRefused"],
        "this program may not read or write what it knows of the segment",
        OPERATOR,
    ),
    (
        &["StateUnreadable"],
        "what this program knows of the segment is damaged",
        OPERATOR,
    ),
    (&["Refused"], "the file was refused", FILE),
    (&["RunFailed"], "it failed", OPERATOR),
];

/// Says what an error of this name means.
pub(super) fn group(error_type: &str) -> Group<'static> {
    let known = WORDS.iter().find(|(names, ..)| names.contains(&error_type));
    let (why, who) = known.map_or((UNKNOWN, OPERATOR), |(_, why, who)| (*why, *who));
    let may_pass = MAY_PASS.contains(&error_type);
    Group { why, who, may_pass }
}

impl Group<'_> {
    /// Says what is to be done, and by whom, or what happens without anybody.
    pub(super) fn to_do(self, is_tried_again: bool) -> String {
        let again = "It is tried again by itself.";
        let who = match self.who {
            Who::File if is_tried_again => return format!("Drop a better file. {again}"),
            Who::File => return "Drop a better file.".to_owned(),
            Who::Nobody if is_tried_again => return again.to_owned(),
            Who::Nobody => return String::new(),
            Who::Operator => "hoever runs this program has to look.",
            Who::Dynamics => "hoever looks after Dynamics has to look.",
        };
        match (is_tried_again, self.may_pass) {
            (false, _) => format!("W{who}"),
            (true, true) => format!("{again} Where that fails, too, w{who}"),
            (true, false) => format!("W{who} Once that is mended, it goes on by itself."),
        }
    }
}

/// What is said of an error without words of its own.
const UNKNOWN: &str = "something went wrong that only the log tells";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_type_of_the_documents_has_words_of_its_own() {
        let document = include_str!("../../docs/operations.md");
        let (_, table) = document.split_once("\n## Error types").unwrap();
        let table = table.split("\n## ").next().unwrap();
        let types: Vec<_> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
            .filter(|name| !name.contains('.'))
            .collect();
        assert!(types.len() > 40, "{types:?}");
        for name in types {
            assert_ne!(group(name).why, UNKNOWN, "{name}");
        }
    }
}
