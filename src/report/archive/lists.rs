//! Lists of what was not loaded, as CSV files for the people who mend the query: the only place that holds contact ids.

use super::Archive;
use crate::means::{Attempt, Leftovers, Lists};
use crate::s3::Folder;
use crate::source::{ObjectVersion, Rejected};
use uuid::Uuid;

impl Archive {
    const CSV: &'static str = "text/csv; charset=utf-8";

    /// Lists what was left over.
    pub async fn keep_lists(&self, attempt: Attempt<'_>, leftovers: Leftovers<'_>) -> Lists {
        let Leftovers {
            parts,
            rejected,
            not_found,
            not_accepted,
        } = leftovers;
        let mut lists = Lists::default();
        if !rejected.rows.is_empty() {
            let key = self
                .0
                .keys
                .entry(Folder::Rejected, attempt.into(), self.0.now(), "-rejected-rows.csv");
            let csv = rejected_csv(rejected, parts);
            lists.rejected_rows = Some(self.put("the list of rejected rows", &key, Self::CSV, csv).await);
        }
        if !not_found.is_empty() || !not_accepted.is_empty() {
            let key = self
                .0
                .keys
                .entry(Folder::Rejected, attempt.into(), self.0.now(), "-not-accepted.csv");
            let what = "the list of contacts that were not accepted";
            let csv = unaccepted_csv(leftovers);
            lists.not_accepted_contacts = Some(self.put(what, &key, Self::CSV, csv).await);
        }
        lists
    }
}

fn rejected_csv(rejected: &Rejected, parts: &[ObjectVersion]) -> Vec<u8> {
    let mut csv = String::from("file,line,reason,cell\n");
    for row in &rejected.rows {
        let file = parts.get(row.part).map_or("", |part| &*part.key);
        let line = row.line.to_string();
        push_record(&mut csv, &[file, &line, row.reason.as_str(), &row.cell]);
    }
    csv.into_bytes()
}

fn unaccepted_csv(leftovers: Leftovers<'_>) -> Vec<u8> {
    let mut csv = String::from("contactid,reason\n");
    for (ids, reason) in [
        (leftovers.not_found, "not found"),
        (leftovers.not_accepted, "not accepted by Dynamics"),
    ] {
        for id in ids {
            push_record(&mut csv, &[&Uuid::from_bytes(id.as_bytes()).to_string(), reason]);
        }
    }
    csv.into_bytes()
}

/// Writes one record; a field that a spreadsheet would take for a formula begins with an apostrophe.
fn push_record(csv: &mut String, fields: &[&str]) {
    for (number, field) in fields.iter().enumerate() {
        if number > 0 {
            csv.push(',');
        }
        let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if is_formula || field.contains([',', '"', '\n', '\r']) {
            csv.push('"');
            if is_formula {
                csv.push('\'');
            }
            csv.push_str(&field.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(field);
        }
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be_and_never_are_formulas() {
        let mut csv = String::new();
        push_record(&mut csv, &["a/b.csv", "7", "not a GUID", "x,\"y\"\nz"]);
        push_record(&mut csv, &["a", "8", "not a GUID", "=HYPERLINK(1)"]);
        push_record(&mut csv, &["a", "9", "empty", ""]);
        assert_eq!(
            csv,
            "a/b.csv,7,not a GUID,\"x,\"\"y\"\"\nz\"\na,8,not a GUID,\"'=HYPERLINK(1)\"\na,9,empty,\n"
        );
    }
}
