//! What went wrong, in words for people who do not know this program: by the stable name of the error.

/// What errors of one kind mean, and what is to be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// Why, for the end of a sentence.
    pub(super) why: &'a str,
    /// What is to be done; empty where nothing is.
    pub(super) to_do: &'static str,
}

const FILE: &str = "Drop a better file.";
const OPERATOR: &str = "Whoever runs this program has to look.";
const DYNAMICS: &str = "Whoever looks after Dynamics has to look.";
const NOBODY: &str = "";

/// The names of errors, what they mean, and who is to do something about them.
const WORDS: [(&[&str], &str, &str); 36] = [
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
        "ended without a word, cut off by its time, its memory or something else",
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
    let (why, to_do) = known.map_or((UNKNOWN, OPERATOR), |(_, why, to_do)| (*why, *to_do));
    Group { why, to_do }
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
