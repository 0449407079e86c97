//! Column names: finding that of the ids, and telling people of others without showing what may be data.

use crate::source::problem::Problem;
use crate::text::near::comes_near;
use crate::text::shown;

/// How many names that come near an error shows.
const SHOWN: usize = 5;

/// The longest name in characters that an error shows.
const LONGEST: usize = 40;

/// The longest wanted name that is shown with digits in it: client secrets have 32 characters and more.
const SHORT: usize = 24;

/// How many hexadecimal digits a GUID has.
const GUID_DIGITS: usize = 32;

/// Returns whether a column has the wanted name, without regard to case and surrounding blanks.
pub(crate) fn is_named(name: &str, column: &str) -> bool {
    let (name, column) = (name.trim(), column.trim());
    // The short way needs no memory, and JSON Lines asks for every key of every row.
    name.eq_ignore_ascii_case(column) || (!name.is_ascii() && name.to_lowercase() == column.to_lowercase())
}

/// Finds the one column of the wanted name.
pub(crate) fn find<S: AsRef<str>>(names: &[S], column: &str) -> Result<usize, Problem> {
    let mut found = names
        .iter()
        .enumerate()
        .filter(|(_, name)| is_named(name.as_ref(), column));
    match (found.next(), found.count()) {
        (Some((index, _)), 0) => Ok(index),
        (Some(_), others) => Err(Problem::RepeatedColumn {
            column: column.to_owned(),
            count: others + 1,
        }),
        (None, _) => Err(Problem::MissingColumn {
            column: wanted(column),
            columns: describe(names, "column", column),
        }),
    }
}

/// Names the wanted column, in quotes; a long name that is in no file may be a secret in the wrong place, and is not shown.
pub(crate) fn wanted(column: &str) -> String {
    if may_be_shown(column) || column.chars().count() <= SHORT {
        return shown::word(column);
    }
    "of the name that `contactid_column` gives".to_owned()
}

/// Says how many names there are, and which of them come near the wanted one.
///
/// Others are never shown: where a header is missing, they are somebody's row.
pub(crate) fn describe<S: AsRef<str>>(names: &[S], noun: &str, column: &str) -> String {
    let count = match names.len() {
        0 => return format!("no {noun}s"),
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let near = names.iter().map(|name| name.as_ref().trim());
    let near = near.filter(|name| may_be_shown(name) && comes_near(name, column));
    let near: Vec<_> = near.take(SHOWN).map(shown::word).collect();
    match near.as_slice() {
        [] => format!("{count}, none with a name like that"),
        [name] => format!("{count}, and {name} comes near"),
        names => format!("{count}, and {} come near", names.join(", ")),
    }
}

/// Returns whether a text holds a GUID, in whatever it is wrapped and joined to.
pub(crate) fn holds_guid(text: &[u8]) -> bool {
    let mut digits = 0;
    let mut follows_digit = false;
    text.iter().any(|byte| {
        if byte.is_ascii_hexdigit() {
            digits += 1;
            follows_digit = true;
        } else {
            if !follows_digit || !matches!(byte, b'-' | b'_' | b' ') {
                digits = 0;
            }
            follows_digit = false;
        }
        digits == GUID_DIGITS
    })
}

/// Returns whether a name holds what ends a line elsewhere: vertical tab, form feed, the separators of files, groups and
/// records of ASCII, NEL of mainframes, the separators of lines and paragraphs of Unicode, or the tag of HTML.
pub(crate) fn holds_line_separator(name: &str) -> bool {
    let separators = [
        '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}',
    ];
    name.contains(separators) || name.to_ascii_lowercase().contains("<br")
}

/// Returns whether a name is certainly no id, number or e-mail address.
fn may_be_shown(name: &str) -> bool {
    let is_harmless = |c: char| !c.is_numeric() && c != '@';
    name.chars().all(is_harmless) && name.chars().count() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::id;

    #[test]
    fn the_column_is_found_without_regard_to_case_and_blanks() {
        assert_eq!(find(&["Name", " ContactID "], "contactid").unwrap(), 1);
    }

    #[test]
    fn a_missing_column_is_answered_with_the_names_that_come_near_only() {
        let found = |names: &[&str]| find(names, "contactid").unwrap_err().to_string();
        for (name, shown) in [
            ("contact_id", "\"contact_id\" comes near"),
            (" Contact Id ", "\"Contact Id\" comes near"),
            ("kontaktid", "\"kontaktid\" comes near"),
            ("contcatid", "\"contcatid\" comes near"),
            ("contact", "\"contact\" comes near"),
        ] {
            let message = found(&[name, "Jane Doe"]);
            assert!(message.contains("2 columns") && message.contains(shown), "{message}");
            assert!(!message.contains("Jane"), "{message}");
        }
        assert!(found(&["contact-id", "contact id"]).contains("\"contact-id\", \"contact id\" come near"));
        for name in ["name", "jane@example.com", "contactid7", "contact@id", "", "1980-01-01"] {
            let message = found(&[name]);
            assert!(message.contains("1 column, none with a name like that"), "{message}");
        }
        assert!(found(&[]).contains("no columns"));
    }

    #[test]
    fn a_secret_in_the_place_of_the_columns_name_is_not_shown() {
        for (column, shown) in [
            ("contactid", "no column \"contactid\";"),
            ("contact_id_2", "no column \"contact_id_2\";"),
            (
                "the_contact_id_of_the_customer",
                "no column \"the_contact_id_of_the_customer\";",
            ),
            ("a\nb", "no column \"a\\nb\";"),
            (
                "abc8Q~leakleakleakleakleakleakleakleakle",
                "no column of the name that `contactid_column` gives;",
            ),
            (
                "66666666-7777-8888-9999-aaaaaaaaaaaa",
                "no column of the name that `contactid_column` gives;",
            ),
        ] {
            let message = find(&["name"], column).unwrap_err().to_string();
            assert!(message.contains(shown) && !message.contains("leak"), "{message}");
        }
    }

    #[test]
    fn nearly_nothing_comes_near_a_short_name() {
        for (column, name) in [("id", "Jo"), ("cid", "Sid"), ("guid", "Guido"), ("person", "Parson's")] {
            let message = find(&[name], column).unwrap_err().to_string();
            assert!(!message.contains(name), "{message}");
        }
        assert!(find(&["G_U_ID"], "guid").unwrap_err().to_string().contains("G_U_ID"));
    }

    #[test]
    fn a_guid_is_seen_in_any_wrapping() {
        let bare = id(1);
        for text in [
            bare.clone(),
            bare.to_uppercase(),
            bare.replace('-', ""),
            bare.replace('-', "_"),
            format!("{{{bare}}}"),
            format!("urn:uuid:{bare}"),
            format!("contact{bare}x"),
            format!("{bare}^Jane Doe"),
            format!("INSERT INTO t VALUES (1, '{bare}')"),
            format!("face-{bare}"),
        ] {
            assert!(holds_guid(text.as_bytes()), "{text}");
        }
        for text in [
            "contactid,name",
            "added,faded,decade,facade,beaded,accede",
            "8f2a1c34-5b6d-4e7f-8a9b",
            "",
        ] {
            assert!(!holds_guid(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_line_separator_is_known_in_a_name() {
        for separator in [
            "\u{b}", "\u{c}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}", "<br>", "<BR/>",
        ] {
            assert!(holds_line_separator(&format!("note{separator}a")), "{separator:?}");
        }
        for name in ["note", "domain\\name", "first\nlast", "a <b> c", "étage"] {
            assert!(!holds_line_separator(name), "{name:?}");
        }
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        let message = find(&["contactid", "ContactId"], "contactid").unwrap_err().to_string();
        assert_eq!(
            message,
            "there are 2 columns \"contactid\": select the contact id only once"
        );
    }
}
