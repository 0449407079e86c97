//! The parser, one record at a time.

use crate::source::csv::quotes::{Quotes, judge};
use crate::source::problem::Problem;
use crate::source::window::LONGEST_RECORD;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memmem};

/// Parses single records, with the two ways to write a quote inside a quoted field.
///
/// First as RFC 4180 has it, a doubled quote; where that does not come out even, as Spark writes it, with a backslash.
pub(super) struct CarefulParser {
    delimiter: u8,
    standard: Reader,
    escaping: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

/// One record that was read.
pub(super) struct Record {
    /// Its bytes in the text, line end included.
    pub(super) length: usize,
}

impl CarefulParser {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).terminator(Terminator::Any(b'\n'));
        Self {
            delimiter,
            standard: builder.build(),
            escaping: builder.escape(Some(b'\\')).build(),
            fields: Vec::new(),
            ends: vec![0; 64],
            count: 0,
        }
    }

    /// Reads the record at the start of the text; nothing where more text is needed.
    ///
    /// `at_end` says that the file ends with the text, `line` is the number of its first line.
    pub(super) fn read(&mut self, text: &[u8], at_end: bool, line: u64) -> Result<Option<Record>, Problem> {
        if text.is_empty() {
            return Ok(None);
        }
        let standard = self.parse(text, at_end, false);
        if standard.is_none() && !at_end && text.len() < LONGEST_RECORD {
            return Ok(None);
        }
        let judgement = standard
            .as_ref()
            .map_or(Quotes::Open, |record| self.judge(text, record, None));
        if judgement.is_readable() {
            return Ok(standard);
        }
        let length = standard.as_ref().map_or(text.len(), |record| record.length);
        if memmem::find(&text[..length], br#"\""#).is_some() {
            match self.parse(text, at_end, true) {
                Some(record) if self.judge(text, &record, Some(b'\\')).is_readable() => return Ok(Some(record)),
                // What looks broken in this text may be whole in more of it.
                None if !at_end && text.len() < LONGEST_RECORD => return Ok(None),
                _ => {}
            }
        }
        // A stray quote that stays within its line costs no other row. One that runs over lines may.
        match standard {
            Some(record) if judgement == Quotes::Broken && is_one_line(&text[..record.length]) => {
                Ok(self.parse(text, at_end, false))
            }
            _ if judgement == Quotes::Open && text.len() >= LONGEST_RECORD => Err(Problem::LongRecord {
                line,
                limit_kib: LONGEST_RECORD >> 10,
            }),
            _ => Err(Problem::Quotes { line }),
        }
    }

    /// Returns a field of the record that was read last.
    pub(super) fn field(&self, index: usize) -> Option<&[u8]> {
        let ends = &self.ends[..self.count];
        let end = *ends.get(index)?;
        let start = if index == 0 { 0 } else { ends[index - 1] };
        Some(&self.fields[start..end])
    }

    /// Returns all fields of the record that was read last.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).filter_map(|index| self.field(index))
    }

    fn judge(&self, text: &[u8], record: &Record, escape: Option<u8>) -> Quotes {
        let record = &text[..record.length];
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        judge(record.strip_suffix(b"\r").unwrap_or(record), self.delimiter, escape)
    }

    fn parse(&mut self, text: &[u8], at_end: bool, escaping: bool) -> Option<Record> {
        let reader = if escaping {
            &mut self.escaping
        } else {
            &mut self.standard
        };
        reader.reset();
        // No field is longer than what it was written as.
        if self.fields.len() < text.len() {
            self.fields.resize(text.len(), 0);
        }
        let (mut read, mut written) = (0, 0);
        self.count = 0;
        let mut input = text;
        loop {
            let (result, count_in, count_out, count_ends) =
                reader.read_record(input, &mut self.fields[written..], &mut self.ends[self.count..]);
            read += count_in;
            written += count_out;
            self.count += count_ends;
            input = &text[read..];
            match result {
                ReadRecordResult::Record => return Some(Record { length: read }),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if at_end => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::End => return None,
            }
        }
    }
}

fn is_one_line(record: &[u8]) -> bool {
    memchr(b'\n', record).is_none_or(|offset| offset + 1 == record.len())
}
