//! Column names: finding that of the ids, and listing them for people.

use crate::source::problem::Problem;

/// How many columns an error lists.
const LISTED: usize = 50;

/// How many characters of a column name an error shows.
const SHOWN: usize = 40;

/// Tells whether a column has the wanted name, without regard to case and surrounding blanks.
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
            column: column.to_owned(),
            columns: list(names),
        }),
    }
}

/// Lists columns for an error message.
fn list<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED).map(|name| quoted(name.as_ref())).collect();
    let more = names.len().saturating_sub(LISTED);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    if shown.is_empty() {
        "no columns".to_owned()
    } else {
        format!("{}{rest}", shown.join(", "))
    }
}

fn quoted(name: &str) -> String {
    let short: String = name.chars().take(SHOWN).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_is_found_without_regard_to_case_and_blanks() {
        assert_eq!(find(&["Name", " ContactID "], "contactid").unwrap(), 1);
    }

    #[test]
    fn a_missing_column_is_answered_with_the_columns_that_are_there() {
        let names: Vec<String> = (1..=60).map(|number| format!("column {number}")).collect();
        let message = find(&names, "contactid").unwrap_err().to_string();
        assert!(message.contains("\"column 1\", \"column 2\""), "{message}");
        assert!(message.contains("\"column 50\" and 10 more"), "{message}");
        assert!(!message.contains("column 51"), "{message}");
        let message = find(&["x".repeat(100) + "\n"], "contactid").unwrap_err().to_string();
        assert!(message.contains(&format!("\"{}...\"", "x".repeat(40))), "{message}");
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
