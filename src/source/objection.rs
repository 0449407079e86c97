//! Why a result is no audience at all: it has rows, and not one of them counts.

use crate::source::columns::holds_guid;
use crate::source::rejected::{Reason, RejectedRow, Shape};
use crate::source::{Rejected, Rows};

impl Rows {
    /// Says what is wrong with a result of which not one row holds a contact; `None` if one does, or there is no row.
    ///
    /// An empty result is something that people may want. This is another column, another delimiter or another file, and
    /// nobody can approve it.
    pub fn objection(&self, column: &str) -> Option<String> {
        if self.rows == 0 || self.rejected.count < self.rows {
            return None;
        }
        let of_reason = |reason| self.rejected.by_reason.get(&reason).copied().unwrap_or_default();
        match self.rejected.shape {
            Some(shape) if of_reason(Reason::WrongFields) == self.rows => Some(misshapen(self.rows, shape)),
            _ => Some(format!(
                "{} a valid contact id: {}; select the contactid of Dynamics, a GUID, as \"{column}\"",
                if self.rows == 1 {
                    "the only row does not hold".to_owned()
                } else {
                    format!("not one of the {} rows holds", self.rows)
                },
                looks(&self.rejected)
            )),
        }
    }
}

fn misshapen(rows: u64, shape: Shape) -> String {
    let Shape { columns, fewest, most } = shape;
    let fields = match (fewest, most) {
        (1, 1) => "1 field".to_owned(),
        _ if fewest == most => format!("{fewest} fields"),
        _ => format!("{fewest} to {most} fields"),
    };
    let (columns, rows) = (
        count(columns as u64, "column"),
        if rows == 1 {
            "the only row has".to_owned()
        } else {
            format!("all {rows} rows have")
        },
    );
    format!(
        "header and rows do not match: the header has {columns}, and {rows} {fields}; unload both with one statement, and \
         values that hold a delimiter in quotes (Redshift: UNLOAD ... FORMAT CSV HEADER)"
    )
}

/// Says what the cells are like, in kind only.
fn looks(rejected: &Rejected) -> String {
    let reasons: Vec<_> = rejected.by_reason.iter().collect();
    if let [(Reason::NotAGuid, _)] = reasons.as_slice()
        && let Some(kind) = kind(&rejected.rows)
    {
        let seen = rejected.rows.len() as u64;
        return if seen == rejected.count {
            format!("its cells hold {kind}")
        } else {
            format!("its first {seen} cells hold {kind}")
        };
    }
    let parts: Vec<_> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.as_str()))
        .collect();
    parts.join(", ")
}

/// Names what all of the cells are, where they are alike.
fn kind(rows: &[RejectedRow]) -> Option<&'static str> {
    let all = |is: fn(&str) -> bool| !rows.is_empty() && rows.iter().all(|row| is(row.cell.trim()));
    if all(is_number) {
        Some("numbers")
    } else if all(is_hash) {
        Some("hexadecimal digits, such as hashes")
    } else if all(|cell| holds_guid(cell.as_bytes())) {
        Some("GUIDs within other characters, where a bare GUID is wanted")
    } else if all(is_email) {
        Some("e-mail addresses, which nothing here looks up")
    } else {
        None
    }
}

/// Returns whether a cell has nothing but hexadecimal digits, and not as many as a GUID.
fn is_hash(cell: &str) -> bool {
    cell.len() > 16 && cell.len() != 32 && cell.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_email(cell: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    cell.split_once('@')
        .is_some_and(|(name, host)| is_word(name) && is_word(host))
}

fn is_number(cell: &str) -> bool {
    cell.contains(|c: char| c.is_ascii_digit())
        && cell
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',' | 'e' | 'E'))
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use crate::source::tally::Tally;
    use crate::source::testing::id;

    fn objection(cells: &[&str]) -> Option<String> {
        let mut tally = Tally::default();
        for cell in cells {
            tally.cell(cell.as_bytes(), 1).unwrap();
        }
        tally.finish(Vec::new()).objection("contactid")
    }

    #[test]
    fn rows_without_one_valid_id_are_told_by_what_the_cells_look_like() {
        let (wrapped, hash) = (format!("urn:uuid:{}", id(1)), "0a1b2c3d".repeat(8));
        for (cells, words) in [
            (
                &["a@x.example", " b.c@y.example "][..],
                "not one of the 2 rows holds a valid contact id: its cells hold e-mail addresses",
            ),
            (&["1", "2.5E+3", "-7"], "its cells hold numbers;"),
            (&[&wrapped, &wrapped], "its cells hold GUIDs within other characters"),
            (&[&hash, &hash], "its cells hold hexadecimal digits, such as hashes;"),
            (&["", "NULL"], "2 empty;"),
            (
                &["00000000-0000-0000-0000-000000000000"],
                "the only row does not hold a valid contact id: 1 nil GUID;",
            ),
            (&["", "x", "1", "a@b"], "1 empty, 3 not a GUID;"),
            (&["a@b", "Jane Doe"], "2 not a GUID;"),
        ] {
            let found = objection(cells).unwrap();
            assert!(found.contains(words), "{found}");
            assert!(
                !found.contains("example") && !found.contains("8f2a") && !found.contains("Jane"),
                "{found}"
            );
        }
        assert_eq!(objection(&[]), None);
        assert_eq!(objection(&["x", &id(1), "y"]), None);
    }

    #[test]
    fn only_what_was_kept_is_told_of() {
        let cells = vec!["7"; 10_001];
        assert!(
            objection(&cells)
                .unwrap()
                .contains("not one of the 10001 rows holds a valid contact id: its first 10000 cells hold numbers;")
        );
    }

    #[test]
    fn rows_of_which_none_fits_the_header_are_told_by_their_numbers() {
        let found = |fields: &[usize]| {
            let mut tally = Tally::default();
            for fields in fields {
                tally.misfit(*fields, 3, 2);
            }
            tally.finish(Vec::new()).objection("contactid").unwrap()
        };
        assert!(
            found(&[4, 4])
                .starts_with("header and rows do not match: the header has 3 columns, and all 2 rows have 4 fields;")
        );
        assert!(found(&[5, 2, 4]).contains("all 3 rows have 2 to 5 fields"));
        assert!(found(&[1]).contains("the only row has 1 field;"));
        let mut tally = Tally::default();
        tally.misfit(4, 3, 2);
        tally.cell(b"x", 3).unwrap();
        let found = tally.finish(Vec::new()).objection("contactid").unwrap();
        assert!(found.contains("1 not a GUID, 1 wrong number of fields"), "{found}");
    }
}
