//! Lists of what was not loaded, as CSV files for the people who mend the query: the only place that holds contact ids.

use super::Archive;
use crate::contact::ContactId;
use crate::load;
use crate::report::RunReport;
use crate::source::{ObjectVersion, Rejected};
use uuid::Uuid;

/// What of a result did not come into the segment; filled while the run learns of it.
#[derive(Clone, Debug, Default)]
pub struct Leftovers {
    /// The files that were read.
    pub parts: Vec<ObjectVersion>,
    /// Rows without a valid contact id.
    pub rejected: Rejected,
    /// Ids that are no contacts of the environment, sorted.
    pub not_found: Vec<ContactId>,
    /// Contacts that Dynamics refused or dropped, sorted.
    pub not_accepted: Vec<ContactId>,
}

impl Leftovers {
    /// Takes the contacts that a load failed for from its error.
    pub(crate) fn note_refused(&mut self, error: &load::Error) {
        if let load::Error::TooManyNotAccepted { refused, .. } = error {
            self.not_accepted.clone_from(refused);
        }
    }
}

impl Archive {
    /// The folder of the lists below the prefix; it holds personal data.
    const LISTS: &'static str = "rejected";
    const CSV: &'static str = "text/csv; charset=utf-8";

    /// Lists what was left over, and notes the lists' addresses in the report.
    ///
    /// A list that cannot be written is a warning.
    pub async fn keep_lists(&self, report: &mut RunReport, leftovers: &Leftovers) {
        self.keep_rejected(report, leftovers).await;
        self.keep_unaccepted(report, leftovers).await;
    }

    async fn keep_rejected(&self, report: &mut RunReport, Leftovers { rejected, parts, .. }: &Leftovers) {
        if rejected.rows.is_empty() {
            return;
        }
        let kept = rejected.rows.len() as u64;
        if kept < rejected.count {
            report.warnings.push(format!(
                "the list of rejected rows holds the first {kept} of {}",
                rejected.count
            ));
        }
        let key = self.new_key(Self::LISTS, report, self.clock.now(), "-rejected-rows.csv");
        match self.put(&key, Self::CSV, rejected_csv(rejected, parts)).await {
            Ok(()) => report.rejected_rows = Some(self.url(&key)),
            Err(reason) => self.warn(report, "the list of rejected rows", &key, &reason),
        }
    }

    async fn keep_unaccepted(&self, report: &mut RunReport, leftovers: &Leftovers) {
        if leftovers.not_found.is_empty() && leftovers.not_accepted.is_empty() {
            return;
        }
        let key = self.new_key(Self::LISTS, report, self.clock.now(), "-not-accepted.csv");
        match self.put(&key, Self::CSV, unaccepted_csv(leftovers)).await {
            Ok(()) => report.not_accepted_contacts = Some(self.url(&key)),
            Err(reason) => self.warn(report, "the list of contacts that were not accepted", &key, &reason),
        }
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

fn unaccepted_csv(leftovers: &Leftovers) -> Vec<u8> {
    let mut csv = String::from("contactid,reason\n");
    for (ids, reason) in [
        (&leftovers.not_found, "not found"),
        (&leftovers.not_accepted, "not accepted by Dynamics"),
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
