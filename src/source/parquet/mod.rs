//! Parquet: the id column alone; no other bytes are fetched but few between its own.
//!
//! Read by hand, since no crate holds what we promise: the `parquet` crate fails at whatever it does not know of any
//! column, and allocates, loops and panics on the word of the file. Here every number of the file is checked against the
//! bytes that there are before anything is allocated, unpacked or counted for it. That crate is what the tests compare with.
//!
//! In reading order: [`footer`], [`schema`] and [`mod@column`] find the column, and [`seam`] other files before it; [`pages`]
//! fetches and unpacks, [`rows`] counts what [`values`] decodes; [`thrift`], [`header`], [`codec`], [`bits`] and [`delta`]
//! are what these are made of.

mod bits;
mod codec;
mod column;
mod delta;
mod footer;
mod header;
mod pages;
mod rows;
mod schema;
mod seam;
#[cfg(test)]
mod tests;
mod thrift;
mod values;

use crate::source::columns;
use crate::source::compression::{ALWAYS_ACCEPTED, LARGEST_RATIO};
use crate::source::content::Content;
use crate::source::problem::Problem;
use crate::source::tally::Tally;
use column::Chunk;
use footer::Footer;
pub(super) use footer::ends_a_file;
use header::Page;
use pages::{Limits, Memory, Pages};
use rows::Rows;
use schema::Schema;
use std::io::{self, Read};
use std::sync::Arc;
use thrift::Fault;
use values::{Dictionary, PLAIN, PLAIN_DICTIONARY};

/// What a Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// How much memory a value of a dictionary is planned with, beside its bytes.
const ENTRY: u64 = 32;

/// How many rows a byte of the column stands for: one bit is the least that tells one row from another.
const ROWS_OF_A_BYTE: u64 = 8;

/// Reads all rows of a file and returns its columns.
pub(crate) fn read<C: Content>(file: &Arc<C>, column: &str, tally: &mut Tally) -> Result<Vec<String>, Problem> {
    let memory = tally.page_memory();
    let (bytes, end) = footer::fetch(file.as_ref(), memory)?;
    let footer = Footer::read(&bytes)?;
    let schema = footer.schema(column)?;
    let chunks = footer.chunks(&schema, column, end)?;
    let told = footer.check_others(&schema, &chunks, end)?;
    let reach = seam::reach(told, end);
    if reach > 0 {
        seam::check(tally.stop().watch(file.part(0..reach)?))?;
    }

    let packed: u64 = chunks.iter().map(Chunk::packed).sum();
    let rows: u64 = chunks.iter().map(|chunk| chunk.rows).sum();
    let is_named_after_id = |name: &String| columns::holds_guid(name.as_bytes());
    if rows == 0 && schema.names.iter().any(is_named_after_id) {
        return Err(Problem::IdsAsColumns);
    }
    tally.expect_rows(rows, packed.saturating_mul(ROWS_OF_A_BYTE))?;
    let all_unpacked = ALWAYS_ACCEPTED.max(packed.saturating_mul(LARGEST_RATIO));
    let mut limits = Limits {
        memory,
        unpacked: all_unpacked,
        all_unpacked,
    };
    let mut rows = Rows::new(column, &schema, tally);
    let mut memory = Memory::default();
    for neighbours in chunks.chunk_by(Chunk::is_near) {
        let (first, last) = (&neighbours[0], &neighbours[neighbours.len() - 1]);
        let (mut part, mut at) = (file.part(first.range.start..last.range.end)?, first.range.start);
        for chunk in neighbours {
            pass_over(&mut part, chunk.range.start - at)?;
            let pages = Pages::new(&mut part, chunk.codec, chunk.packed());
            read_chunk(chunk, pages, &schema, &mut rows, &mut limits, &mut memory)?;
            at = chunk.range.end;
        }
    }
    rows.finish()?;
    Ok(schema.names)
}

/// Passes over bytes that are known to be there.
fn pass_over(input: &mut impl Read, count: u64) -> Result<(), Problem> {
    let passed = io::copy(&mut input.take(count), &mut io::sink())?;
    if passed == count { Ok(()) } else { Err(corrupt()) }
}

/// Reads the values of one row group, to the last byte.
fn read_chunk<R: Read>(
    chunk: &Chunk,
    mut pages: Pages<R>,
    schema: &Schema<'_>,
    rows: &mut Rows<'_>,
    limits: &mut Limits,
    memory: &mut Memory,
) -> Result<(), Problem> {
    let (mut dictionary, mut held, mut left) = (None, 0, chunk.rows);
    while let Some(header) = pages.header(held, limits)? {
        match &header.page {
            Page::Dictionary(page) => {
                let is_plain = matches!(page.encoding, PLAIN | PLAIN_DICTIONARY);
                if dictionary.is_some() || !is_plain || page.values > header.unpacked / schema.form.shortest() {
                    return Err(corrupt());
                }
                held = pages.memory(&header) + page.values as u64 * ENTRY;
                limits.check(held)?;
                let bytes = std::mem::take(pages.data(&header, memory)?);
                dictionary = Some(Dictionary::read(&schema.form, bytes, page.values)?);
            }
            Page::Data(data) => {
                left = left.checked_sub(data.values as u64).ok_or_else(corrupt)?;
                rows.take(data, pages.data(&header, memory)?, dictionary.as_ref())?;
            }
            Page::Other => pages.skip(&header)?,
        }
    }
    if left == 0 { Ok(()) } else { Err(corrupt()) }
}

fn corrupt() -> Problem {
    Problem::Corrupt { format: "Parquet" }
}

impl From<Fault> for Problem {
    fn from(_: Fault) -> Self {
        corrupt()
    }
}
