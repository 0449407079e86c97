//! The parser, one record at a time.

use crate::domain::ContactId;
use crate::source::csv::Shape;
use crate::source::csv::quotes::{Quotes, classify};
use crate::source::csv::spared::{self, Spared};
use crate::source::problem::Problem;
use crate::source::window::LONGEST_RECORD;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memmem};

/// What Spark and others put before a quote inside a quoted field.
const ESCAPE: u8 = b'\\';

/// A quote behind it.
pub(super) const ESCAPED: &[u8] = br#"\""#;

/// Parses single records, with the two ways to write a quote inside a quoted field.
///
/// First as RFC 4180 has it, a doubled quote; where that does not come out even or not with the right number of fields,
/// as Spark writes it, with a backslash. A third way is none to read by, and casts doubt on either: [`spared`].
pub(super) struct CarefulParser {
    delimiter: u8,
    /// What a record should look like; `None` where it is not known yet.
    shape: Option<Shape>,
    standard: Reader,
    escaping: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

/// One record that was read.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// Its bytes in the text, line end included.
    pub(super) length: usize,
    /// Whether it has the right number of fields; empty ones behind the last column do not count, unless they may have been
    /// moved there.
    pub(super) fits: bool,
    /// The character that its quotes were escaped with, where it is not a second quote.
    pub(super) escape: Option<u8>,
    pub(super) quotes: Quotes,
    /// Whether the other way to read it comes out as well, and differently.
    pub(super) has_rival: bool,
    /// How many fields it has.
    count: usize,
    /// What stands where the id should be, if it is one.
    id: Option<ContactId>,
}

impl Record {
    /// Returns whether this readable record is to be preferred to another reading of the same text.
    fn beats(&self, other: &Self) -> bool {
        let is_cleaner = self.quotes == Quotes::Clean && other.quotes != Quotes::Clean;
        !other.quotes.is_readable() || !other.fits && (self.fits || self.length == other.length && is_cleaner)
    }

    /// Returns whether this readable record could as well be what was written as another reading of the same text.
    fn rivals(&self, other: &Self) -> bool {
        self.fits && other.fits && other.quotes.is_readable() && self.tells() != other.tells()
    }

    /// Returns what two readings of the same rows have in common.
    const fn tells(&self) -> (usize, usize, Option<ContactId>) {
        (self.length, self.count, self.id)
    }
}

impl CarefulParser {
    pub(super) fn new(delimiter: u8, shape: Option<Shape>) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).terminator(Terminator::Any(b'\n'));
        Self {
            delimiter,
            shape,
            standard: builder.build(),
            escaping: builder.escape(Some(ESCAPE)).build(),
            fields: Vec::new(),
            ends: vec![0; 64],
            count: 0,
        }
    }

    /// Reads the record at the start of the text; `None` if more text is needed.
    ///
    /// `at_end` says that the file ends with the text, `line` is the number of its first line.
    pub(super) fn read(&mut self, text: &[u8], at_end: bool, line: u64) -> Result<Option<Record>, Problem> {
        if text.is_empty() {
            return Ok(None);
        }
        let may_grow = !at_end && text.len() < LONGEST_RECORD;
        let mut standard = self.parse(text, at_end, None);
        if standard.is_none() && may_grow {
            return Ok(None);
        }
        let mut has_rival = false;
        let length = standard.map_or(text.len(), |record| record.length);
        if memmem::find(&text[..length], ESCAPED).is_some() {
            let escaping = self.parse(text, at_end, Some(ESCAPE));
            let spared = spared::read(text, self.delimiter, self.shape, at_end);
            // What looks broken or whole in this text may be something else in more of it.
            if may_grow && (escaping.is_none() || matches!(spared, Spared::Unfinished)) {
                return Ok(None);
            }
            let is_rivalled = |record: &Record| self.rivals(&spared, record);
            match escaping.filter(|record| record.quotes.is_readable()) {
                Some(record) if standard.is_none_or(|other| record.beats(&other)) => {
                    let has_rival = is_rivalled(&record);
                    return Ok(Some(Record { has_rival, ..record }));
                }
                escaping => {
                    let rivals = |other: &Record| escaping.is_some_and(|record| record.rivals(other));
                    has_rival = standard.is_some_and(|other| rivals(&other) || is_rivalled(&other));
                }
            }
            standard = self.parse(text, at_end, None);
        }
        // A stray quote that stays within its line costs no other row. One that runs over lines may.
        match standard {
            Some(record)
                if record.quotes.is_readable()
                    || record.quotes == Quotes::Broken && is_one_line(&text[..record.length]) =>
            {
                Ok(Some(Record { has_rival, ..record }))
            }
            Some(Record { quotes, .. }) if quotes != Quotes::Open || text.len() < LONGEST_RECORD => {
                Err(Problem::Quotes { line })
            }
            _ => Err(Problem::LongRecord {
                line,
                limit_kib: LONGEST_RECORD >> 10,
            }),
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

    /// Returns how many fields the record has that was read last.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Returns whether the record that was read last has a field for each column and nothing behind them.
    fn fits(&self) -> bool {
        let Some(shape) = self.shape else {
            return true;
        };
        let mut behind = self.fields().skip(shape.columns);
        self.count >= shape.columns && behind.all(|field| field.trim_ascii().is_empty()) && !self.may_be_moved(shape)
    }

    /// Returns whether fields too many before the id, and not behind all others, would leave an id as well.
    ///
    /// A row as wide as the header has none too many.
    fn may_be_moved(&self, shape: Shape) -> bool {
        let too_many = self.count.saturating_sub(shape.columns);
        let mut others = self.fields().skip(shape.index + 1).take(too_many);
        self.count != shape.fields && others.any(|field| ContactId::parse(field).is_some())
    }

    /// Returns whether what spares quotes is a record as well, and another one than that reading of the same text.
    fn rivals(&self, spared: &Spared, other: &Record) -> bool {
        match *spared {
            Spared::Record {
                length,
                count,
                filled,
                id,
            } => {
                let fits = self
                    .shape
                    .is_none_or(|shape| count >= shape.columns && filled <= shape.columns);
                fits && (length, count, id) != other.tells()
            }
            Spared::Nothing | Spared::Unfinished => false,
        }
    }

    fn classify(&self, record: &[u8], escape: Option<u8>) -> Quotes {
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let returns = record.iter().rev().take_while(|byte| **byte == b'\r').count();
        classify(&record[..record.len() - returns], self.delimiter, escape)
    }

    fn parse(&mut self, text: &[u8], at_end: bool, escape: Option<u8>) -> Option<Record> {
        let length = self.split(text, at_end, escape)?;
        Some(Record {
            length,
            fits: self.fits(),
            escape,
            quotes: self.classify(&text[..length], escape),
            has_rival: false,
            count: self.count,
            id: self.shape.and_then(|shape| ContactId::parse(self.field(shape.index)?)),
        })
    }

    /// Splits the first record into its fields and returns its length.
    fn split(&mut self, text: &[u8], at_end: bool, escape: Option<u8>) -> Option<usize> {
        let reader = if escape.is_some() {
            &mut self.escaping
        } else {
            &mut self.standard
        };
        reader.reset();
        // No field is longer than what it was written as.
        if self.fields.len() < text.len() {
            self.fields = vec![0; text.len()];
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
                ReadRecordResult::Record => return Some(read),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if at_end => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::End => return None,
            }
        }
    }
}

/// Returns whether a record takes up one line.
pub(super) fn is_one_line(record: &[u8]) -> bool {
    memchr(b'\n', record).is_none_or(|offset| offset + 1 == record.len())
}
