mod damage;
mod hostile;
mod oracle;
mod places;
mod types;
mod writer;

use super::*;
use crate::source::Rows as Read;
use crate::source::rejected::Reason;
use bytes::Bytes;

const IDS: [&[u8]; 2] = [
    b"8f2a1c34-5b6d-4e7f-8a9b-000000000001",
    b"8f2a1c34-5b6d-4e7f-8a9b-000000000002",
];

fn read_bytes(bytes: impl Into<Bytes>) -> Result<Read, Problem> {
    read_within(bytes, crate::source::tally::PAGE_MEMORY)
}

fn read_within(bytes: impl Into<Bytes>, page_memory: u64) -> Result<Read, Problem> {
    let mut tally = Tally::default().with_page_memory(page_memory);
    read(&Arc::new(bytes.into()), "contactid", &mut tally)?;
    Ok(tally.finish(Vec::new()))
}

/// How many contacts a file has, and for which reasons rows are rejected; or what is wrong with it.
fn found(made: &writer::Made) -> Result<(usize, Vec<Reason>), String> {
    let rows = read_bytes(made.bytes()).map_err(|problem| problem.to_string())?;
    let reasons = rows.rejected.rows.iter().map(|row| row.reason).collect();
    Ok((rows.contacts.len(), reasons))
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn rejected_rows_are_told_with_their_numbers_over_all_row_groups() {
    let rows = read_bytes(fixture("bigquery_zstd.parquet")).unwrap();
    let found: Vec<_> = rows.rejected.rows.iter().map(|row| (row.line, row.reason)).collect();
    assert_eq!(found, [(7, Reason::Empty), (8, Reason::NotAGuid)]);
}
