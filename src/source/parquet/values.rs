//! The values of a page, one by one, in whichever way they are written.

use crate::domain::ContactId;
use crate::source::parquet::bits::Runs;
use crate::source::parquet::corrupt;
use crate::source::parquet::delta::Lengths;
use crate::source::parquet::schema::Form;
use crate::source::problem::Problem;

/// The encodings, by their numbers in the format.
const ENCODINGS: [&str; 10] = [
    "PLAIN",
    "an unknown encoding",
    "PLAIN_DICTIONARY",
    "RLE",
    "BIT_PACKED",
    "DELTA_BINARY_PACKED",
    "DELTA_LENGTH_BYTE_ARRAY",
    "DELTA_BYTE_ARRAY",
    "RLE_DICTIONARY",
    "BYTE_STREAM_SPLIT",
];
pub(super) const PLAIN: i32 = 0;
pub(super) const PLAIN_DICTIONARY: i32 = 2;
pub(super) const RLE: i32 = 3;
pub(super) const BIT_PACKED: i32 = 4;
const DELTA_LENGTH_BYTE_ARRAY: i32 = 6;
/// Each value as what it has in common with the one before, and what it has not.
pub(super) const DELTA_BYTE_ARRAY: i32 = 7;
const RLE_DICTIONARY: i32 = 8;
const BYTE_STREAM_SPLIT: i32 = 9;

/// How many bytes a length takes in front of its value.
const PREFIX: usize = 4;

/// The longest cell that is looked at, in bytes: a GUID takes 38, and a column pads it with blanks to 255 at most.
///
/// A few bytes can repeat a long cell many million times.
pub(super) const LONGEST_CELL: usize = 1 << 10;

/// What is said of an encoding that is not read.
pub(super) fn unreadable(encoding: i32) -> Problem {
    let name = usize::try_from(encoding).ok().and_then(|number| ENCODINGS.get(number));
    Problem::Encoding {
        encoding: name.map_or_else(|| format!("encoding number {encoding}"), |name| (*name).to_owned()),
    }
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// A value of the dictionary that is an id.
    Id(ContactId),
    Bytes(&'a [u8]),
}

/// The values that others refer to by their number.
#[derive(Debug)]
pub(super) struct Dictionary {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// One of them, in the 32 bytes that memory is planned for.
#[derive(Debug)]
struct Entry {
    start: u32,
    length: u32,
    /// Read once, however often it is referred to.
    id: Option<ContactId>,
}

impl Dictionary {
    /// Reads the values of a dictionary page, of which there are no more than it has bytes for.
    pub(super) fn read(form: &Form, bytes: Vec<u8>, count: usize) -> Result<Self, Problem> {
        let mut entries = Vec::new();
        // Of values that are no ids none will be asked for.
        if !matches!(form, Form::Other(_)) {
            let mut plain = Plain::new(form, &bytes);
            entries.reserve_exact(count);
            for _ in 0..count {
                let end = bytes.len() - plain.rest.len();
                let value = plain.next()?;
                let start = end + if form.width().is_some() { 0 } else { PREFIX };
                entries.push(Entry {
                    start: u32::try_from(start).map_err(|_| corrupt())?,
                    length: u32::try_from(value.len()).map_err(|_| corrupt())?,
                    id: form.id(value),
                });
            }
            plain.finish()?;
        }
        Ok(Self { bytes, entries })
    }

    fn get(&self, index: u32) -> Result<Value<'_>, Problem> {
        let index = usize::try_from(index).map_err(|_| corrupt())?;
        let entry = self.entries.get(index).ok_or_else(corrupt)?;
        Ok(match entry.id {
            Some(id) => Value::Id(id),
            None => Value::Bytes(&self.bytes[entry.start as usize..][..entry.length as usize]),
        })
    }
}

impl Form {
    /// Returns how many bytes a value takes at least where none is left out.
    pub(super) const fn shortest(&self) -> usize {
        match self {
            Self::Text => PREFIX,
            Self::FixedText(width) => *width,
            Self::Uuid => 16,
            Self::Other(_) => 1,
        }
    }

    /// Reads the id that a value is, unless it is something else.
    pub(super) fn id(&self, value: &[u8]) -> Option<ContactId> {
        match self {
            Self::Uuid => ContactId::from_bytes(value.try_into().ok()?),
            _ if value.len() > LONGEST_CELL => None,
            _ => ContactId::parse(value),
        }
    }
}

/// The values of one page.
#[derive(Debug)]
pub(super) enum Values<'a> {
    Plain(Plain<'a>),
    Indices(Runs<'a>, &'a Dictionary),
    DeltaLengths(Lengths<'a>, &'a [u8]),
    Deltas {
        prefixes: Lengths<'a>,
        suffixes: Lengths<'a>,
        rest: &'a [u8],
        value: Vec<u8>,
        width: Option<usize>,
    },
    Split {
        bytes: &'a [u8],
        count: usize,
        next: usize,
        value: Vec<u8>,
    },
}

impl<'a> Values<'a> {
    /// Starts to read the values of a page, which are at most `most`.
    pub(super) fn read(
        form: &Form,
        encoding: i32,
        bytes: &'a [u8],
        most: usize,
        dictionary: Option<&'a Dictionary>,
    ) -> Result<Self, Problem> {
        Ok(match (encoding, form.width()) {
            (PLAIN, _) => Self::Plain(Plain::new(form, bytes)),
            (PLAIN_DICTIONARY | RLE_DICTIONARY, _) => {
                Self::Indices(Runs::after_width(bytes)?, dictionary.ok_or_else(corrupt)?)
            }
            (DELTA_LENGTH_BYTE_ARRAY, None) => {
                let (lengths, rest) = Lengths::split(bytes, most)?;
                Self::DeltaLengths(lengths, rest)
            }
            (DELTA_BYTE_ARRAY, width) => {
                let (prefixes, rest) = Lengths::split(bytes, most)?;
                let (suffixes, rest) = Lengths::split(rest, most)?;
                Self::Deltas {
                    prefixes,
                    suffixes,
                    rest,
                    value: Vec::new(),
                    width,
                }
            }
            (BYTE_STREAM_SPLIT, Some(width)) if bytes.len().is_multiple_of(width) => Self::Split {
                bytes,
                count: bytes.len() / width,
                next: 0,
                value: Vec::new(),
            },
            (BYTE_STREAM_SPLIT, Some(_)) => return Err(corrupt()),
            _ => return Err(unreadable(encoding)),
        })
    }

    /// Returns the value that comes next.
    pub(super) fn next(&mut self) -> Result<Value<'_>, Problem> {
        Ok(Value::Bytes(match self {
            Self::Plain(plain) => plain.next()?,
            Self::Indices(indices, dictionary) => return dictionary.get(indices.next()?),
            Self::DeltaLengths(lengths, rest) => take(rest, lengths.next()?)?,
            Self::Deltas {
                prefixes,
                suffixes,
                rest,
                value,
                width,
            } => {
                let prefix = prefixes.next()?;
                let suffix = take(rest, suffixes.next()?)?;
                if prefix > value.len() || width.is_some_and(|width| prefix + suffix.len() != width) {
                    return Err(corrupt());
                }
                value.truncate(prefix);
                value.extend_from_slice(suffix);
                value
            }
            Self::Split {
                bytes,
                count,
                next,
                value,
            } => {
                if next == count {
                    return Err(corrupt());
                }
                value.clear();
                value.extend(bytes.iter().skip(*next).step_by(*count));
                *next += 1;
                value
            }
        }))
    }

    /// Makes sure that nothing is left over when all rows have their value.
    pub(super) fn finish(&self) -> Result<(), Problem> {
        let is_at_end = match self {
            Self::Plain(plain) => return plain.finish(),
            // The last run may have been filled up.
            Self::Indices(..) => true,
            Self::DeltaLengths(lengths, rest) => lengths.left() == 0 && is_padding(rest),
            Self::Deltas {
                prefixes,
                suffixes,
                rest,
                ..
            } => prefixes.left() == 0 && suffixes.left() == 0 && is_padding(rest),
            Self::Split { count, next, .. } => next == count,
        };
        if is_at_end { Ok(()) } else { Err(corrupt()) }
    }
}

/// Values one behind the other, each behind its length where not all have the same.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    rest: &'a [u8],
    width: Option<usize>,
}

impl<'a> Plain<'a> {
    const fn new(form: &Form, bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            width: form.width(),
        }
    }

    fn next(&mut self) -> Result<&'a [u8], Problem> {
        if let Some(width) = self.width {
            return take(&mut self.rest, width);
        }
        let (length, rest) = self.rest.split_first_chunk::<PREFIX>().ok_or_else(corrupt)?;
        self.rest = rest;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| corrupt())?;
        take(&mut self.rest, length)
    }

    fn finish(&self) -> Result<(), Problem> {
        if is_padding(self.rest) { Ok(()) } else { Err(corrupt()) }
    }
}

/// Returns whether nothing is lost with bytes behind the last value: fastparquet leaves eight zeros there.
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| *byte == 0)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Problem> {
    let (taken, behind) = rest.split_at_checked(length).ok_or_else(corrupt)?;
    *rest = behind;
    Ok(taken)
}
