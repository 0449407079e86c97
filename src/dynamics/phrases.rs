//! What a refusal says in English, where no code of Dataverse says it.
//!
//! Nobody has documented with which words Dynamics refuses to change a segment that is used. So a sentence is looked at for
//! what it says ("is used", "depend", "read-only", "live", "locked") and for what it says it of: a column may be read-only,
//! a row be locked, and a name be in use, while nobody uses the segment.

/// Codes that say that something is used, whatever the text: `CannotDeleteDueToAssociation` and
/// `CannotDeleteInUseComponent` (Microsoft, "Web service error codes").
const IN_USE_CODES: [&str; 2] = ["0x80040227", "0x8004f01f"];

/// Codes that say what is wrong, so that the text's words cannot mean that the segment is used: an unknown property or
/// resource, a row that is not there, and input that does not fit. Those of a value that is taken and of another version are not
/// among them: what a plug-in says comes under them, too.
const OTHER_CODES: [&str; 4] = ["0x80060888", "0x80040217", "0x80048d19", "0x80048408"];

/// What makes of a segment one that is used, or stands for it.
const SEGMENT: &[&str] = &[
    "segment",
    "segments",
    "definition",
    "definitions",
    "group",
    "groups",
    "list",
    "lists",
    "audience",
    "audiences",
    "member",
    "members",
    "it",
    "they",
];

/// What else may be read-only, live, locked or in use.
const FOREIGN: &[&str] = &[
    "account",
    "accounts",
    "assembly",
    "attribute",
    "attributes",
    "column",
    "columns",
    "component",
    "components",
    "contact",
    "contacts",
    "database",
    "entity",
    "entities",
    "environment",
    "field",
    "fields",
    "filter",
    "id",
    "identifier",
    "instance",
    "key",
    "keys",
    "mode",
    "name",
    "names",
    "organisation",
    "organization",
    "parameter",
    "parameters",
    "plug",
    "plugin",
    "process",
    "properties",
    "property",
    "query",
    "record",
    "records",
    "request",
    "resource",
    "role",
    "row",
    "rows",
    "server",
    "service",
    "solution",
    "table",
    "tables",
    "tenant",
    "token",
    "transaction",
    "user",
    "users",
];

/// What holds a segment for a moment: those that try again get through.
const PASSING: &[&str] = &[
    "import",
    "operation",
    "process",
    "progress",
    "request",
    "session",
    "sql",
    "temporarily",
    "thread",
    "transaction",
    "user",
];

/// What a sentence about a journey says of using.
const USING: &[&str] = &[
    "active",
    "associated",
    "attached",
    "connected",
    "by",
    "edit",
    "edited",
    "in",
    "linked",
    "live",
    "part",
    "published",
    "referenced",
    "references",
    "running",
    "stop",
    "use",
    "used",
    "uses",
    "using",
];

/// What a sentence about a journey says where nobody uses the segment.
const LACKING: &[&str] = &[
    "exceed",
    "exceeded",
    "exceeds",
    "feature",
    "installed",
    "license",
    "licence",
    "limit",
    "maximum",
    "permission",
    "permissions",
    "privilege",
    "privileges",
    "quota",
];

/// Returns whether a refusal says that others use the segment, so that it cannot be changed; its text is in lower case.
pub(super) fn says_in_use(code: &str, text: &str) -> bool {
    if says_something_else(code) {
        return false;
    }
    IN_USE_CODES.contains(&code)
        || text
            .split(['.', ';', '!', '?'])
            .any(|sentence| Sentence::of(sentence).is_about_use())
}

/// Returns whether a code says what is wrong by itself, whatever uses the segment.
pub(super) fn says_something_else(code: &str) -> bool {
    OTHER_CODES.contains(&code)
}

/// The words of a sentence.
struct Sentence<'a>(Vec<&'a str>);

impl<'a> Sentence<'a> {
    fn of(text: &'a str) -> Self {
        let is_between = |c: char| !(c.is_alphanumeric() || c == '_');
        Self(text.split(is_between).filter(|word| !word.is_empty()).collect())
    }

    fn is_about_use(&self) -> bool {
        self.is_about_a_journey() || (0..self.0.len()).any(|at| self.says_used(at) && self.is_of_the_segment(at))
    }

    /// A journey that uses the segment, not the product, whose name ends in the word.
    fn is_about_a_journey(&self) -> bool {
        let is_product =
            |at: usize| matches!(self.before(at), "insights" | "time" | "realtime") && self.0[at] == "journeys";
        let is_journey = |at: usize| matches!(self.0[at], "journey" | "journeys") && !is_product(at);
        (0..self.0.len()).any(is_journey) && self.has(USING) && !self.has(LACKING)
    }

    /// Returns whether the word at this place says that something is used, or cannot be changed as what is used cannot.
    fn says_used(&self, at: usize) -> bool {
        let (before, word, after) = (self.before(at), self.0[at], self.after(at));
        let passes = self.0[at..].iter().any(|word| PASSING.contains(word));
        match word {
            "use" if before == "in" => !passes,
            "use" | "uses" | "using" => {
                let users = ["segments", "segment", "journeys", "journey", "are", "that", "which"];
                users.contains(&before) && ["it", "this", "that", "the"].contains(&after) && !passes
            }
            // What cannot be used is not used.
            "used" if before == "be" => false,
            "used" => {
                let is_state = [
                    "is",
                    "are",
                    "being",
                    "been",
                    "still",
                    "currently",
                    "already",
                    "actively",
                    "s",
                ];
                (is_state.contains(&before) || ["by", "in", "elsewhere"].contains(&after)) && !passes
            }
            "locked" => !passes,
            "read" => after == "only",
            "readonly" | "live" | "referenced" => true,
            _ => [
                "depend",
                "depends",
                "dependent",
                "dependents",
                "dependency",
                "dependencies",
            ]
            .contains(&word),
        }
    }

    /// Returns whether what is said at this place is said of the segment: the thing that is named next before it, or else
    /// next behind it.
    fn is_of_the_segment(&self, at: usize) -> bool {
        let is_thing = |at: &usize| SEGMENT.contains(&self.0[*at]) || FOREIGN.contains(&self.0[*at]);
        // "The segment with the id <guid>" is the segment.
        let is_attribute = |at: usize| {
            let before = [
                self.before(at),
                self.0.get(at.wrapping_sub(2)).copied().unwrap_or_default(),
            ];
            before.contains(&"with") || before.contains(&"whose")
        };
        let mut before = (0..at).rev().filter(is_thing).filter(|at| !is_attribute(*at));
        let mut thing = before.next();
        // "The column of the segment" is the column.
        while let Some(owner) = thing.filter(|owner| self.is_owner(*owner))
            && let Some(owned) = before.next()
            && owner - owned <= FAR
        {
            thing = Some(owned);
        }
        let thing = thing.or_else(|| (at + 1..self.0.len()).find(is_thing));
        thing.is_some_and(|thing| SEGMENT.contains(&self.0[thing]))
    }

    /// Returns whether the thing at this place is the one that another belongs to.
    fn is_owner(&self, at: usize) -> bool {
        let before = match self.before(at) {
            "the" | "this" | "a" | "that" => self.before(at - 1),
            before => before,
        };
        ["of", "on", "in", "for"].contains(&before)
    }

    fn has(&self, words: &[&str]) -> bool {
        self.0.iter().any(|word| words.contains(word))
    }

    fn before(&self, at: usize) -> &'a str {
        at.checked_sub(1).map_or("", |at| self.0[at])
    }

    fn after(&self, at: usize) -> &'a str {
        self.0.get(at + 1).copied().unwrap_or_default()
    }
}

/// So many words apart, a thing and its owner belong together: "property `value` on the segment".
const FAR: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_is_used_is_heard_in_whatever_words() {
        for text in [
            "The segment can't be edited because it's used in a live journey. Stop the journey first.",
            "You can't edit segments that journeys or other segments depend on.",
            "Segment is in use",
            "The segment is currently in use and cannot be modified.",
            "This segment is being used.",
            "The segment is used by other segments.",
            "The segment with id <guid> is used by 3 segments.",
            "The segment with the name <value> is used elsewhere.",
            "Cannot update: other segments depend on this segment.",
            "The segment has dependent segments.",
            "The segment has dependencies and can't be changed.",
            "Segment has dependents",
            "The segment is referenced by another segment.",
            "Other segments use this segment.",
            "Two segments are using it.",
            "The segment is read-only.",
            "This static group is read only while the segment is in use",
            "Static members are readonly.",
            "The members of this segment are read-only.",
            "Live segments cannot be edited.",
            "Cannot modify a live segment.",
            "The segment is live; stop it first.",
            "The segment is locked.",
            "The segment definition is locked for editing.",
            "The operation is not allowed since the segment is in use.",
            "Members can't be added: journeys are running on this segment.",
            "The segment is part of a published journey.",
            "The segment is used by real-time journeys",
            "Adding members failed. Reason: segment in use. Contact your administrator.",
        ] {
            assert!(says_in_use("0x80040265", &text.to_lowercase()), "{text}");
        }
    }

    #[test]
    fn what_is_said_of_something_else_is_no_use_of_the_segment() {
        for text in [
            "Something is wrong, contact your administrator.",
            "The property <value> is read-only.",
            "The property <value> on the segment is read-only.",
            "Attribute msdynmkt_membercount of entity msdynmkt_segment is read-only",
            "The organization is in read-only mode.",
            "Read-only mode is on.",
            "The user has read-only access",
            "The database is read-only",
            "Record <guid> is read-only",
            "Row <guid> is locked by a plug-in.",
            "The row of the segment is locked",
            "The segment is locked by another transaction.",
            "The segment is locked by another process; try again",
            "The segment is in use by another operation.",
            "Transaction was deadlocked",
            "The user account is locked",
            "The name <value> is already in use.",
            "A segment's name is in use already",
            "The group id is used by another request",
            "The parameter <value> used in the request is not valid",
            "Only letters can be used in the segment name",
            "This contact cannot be used.",
            "The segment cannot be used in this query",
            "To add members to the segment, use a group that exists",
            "Could not load file or assembly or one of its dependencies",
            "A service that this depends on is unavailable",
            "The members are delivered later",
            "Time to live of the token is over",
            "The group is full",
            "Customer Insights - Journeys is not installed in this environment.",
            "Real-time journeys are not available",
            "Customer Insights - Journeys: the license is missing",
            "The number of live journeys exceeds the limit.",
            "principal is missing prvreadmsdynmkt_journey privilege",
            "Number of concurrent requests exceeded the limit of 52.",
            "is not a valid status code",
            "",
        ] {
            assert!(!says_in_use("0x80040265", &text.to_lowercase()), "{text}");
        }
    }

    #[test]
    fn a_code_that_says_what_is_wrong_goes_before_the_words() {
        for code in ["0x80040227", "0x8004f01f"] {
            assert!(says_in_use(code, "the object cannot be deleted"), "{code}");
        }
        for code in OTHER_CODES {
            assert!(!says_in_use(code, "the segment is in use"), "{code}");
        }
        for code in [
            "",
            "0x0",
            "0x80040216",
            "0x80040265",
            "0x80041d52",
            "0x80040237",
            "0x80060882",
        ] {
            assert!(says_in_use(code, "the segment is in use"), "{code}");
        }
    }
}
