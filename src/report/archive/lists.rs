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
            inactive,
            merged,
            not_accepted,
            not_shown,
        } = leftovers;
        let mut lists = Lists::default();
        if let Some(rejected) = rejected.filter(|rejected| !rejected.rows.is_empty()) {
            let key = self
                .0
                .keys
                .entry(Folder::Rejected, attempt.into(), self.0.now(), "-rejected-rows.csv");
            let csv = rejected_csv(rejected, parts);
            lists.rejected_rows = Some(self.put("the list of rejected rows", &key, Self::CSV, csv).await);
        }
        if [not_found, inactive, merged, not_accepted, not_shown]
            .iter()
            .any(|list| !list.is_empty())
        {
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
    let rows = rejected.rows.iter().map(|row| {
        let file = parts.get(row.part).map_or("", |part| &*part.key);
        [
            file.into(),
            row.line.to_string(),
            row.reason.as_str().into(),
            row.cell.clone(),
        ]
    });
    csv_of(["file", "line", "reason", "cell"], rows)
}

fn unaccepted_csv(leftovers: Leftovers<'_>) -> Vec<u8> {
    let lists = [
        (leftovers.not_found, "not found"),
        (leftovers.inactive, "inactive"),
        (leftovers.merged, "merged into another contact"),
        (leftovers.not_accepted, "not accepted by Dynamics"),
        (leftovers.not_shown, "published and not shown by Dynamics"),
    ];
    let rows = lists.into_iter().flat_map(|(ids, reason)| {
        ids.iter()
            .map(move |id| [Uuid::from_bytes(id.as_bytes()).to_string(), reason.to_owned()])
    });
    csv_of(["contactid", "reason"], rows)
}

/// Writes a table.
fn csv_of<const COLUMNS: usize>(header: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> Vec<u8> {
    let mut table = csv::Writer::from_writer(Vec::new());
    // Writing to memory can't fail, nor can records of one length.
    let _ = table.write_record(header);
    for row in rows {
        let _ = table.write_record(row.map(harmless));
    }
    table.into_inner().unwrap_or_default()
}

/// Puts an apostrophe before what a spreadsheet would take for a formula.
fn harmless(field: String) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be_and_never_are_formulas() {
        let rows = [
            ["a/b.csv", "7", "not a GUID", "x,\"y\"\nz"],
            ["a", "8", "not a GUID", "=HYPERLINK(1)"],
            ["a", "9", "not a GUID", "\r=1"],
            ["a", "10", "empty", ""],
        ];
        let table = csv_of(
            ["file", "line", "reason", "cell"],
            rows.map(|row| row.map(String::from)).into_iter(),
        );
        assert_eq!(
            String::from_utf8(table).unwrap(),
            "file,line,reason,cell\na/b.csv,7,not a GUID,\"x,\"\"y\"\"\nz\"\na,8,not a GUID,'=HYPERLINK(1)\n\
             a,9,not a GUID,\"'\r=1\"\na,10,empty,\n"
        );
    }
}
