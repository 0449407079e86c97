//! The header of a page.

use crate::source::parquet::thrift::{Fault, Kind, Thrift};

/// What a page says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes as stored, and as they are used.
    pub(super) packed: usize,
    pub(super) unpacked: usize,
    pub(super) checksum: Option<u32>,
    pub(super) page: Page,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Dictionary(Dictionary),
    Data(Data),
    /// A kind of page that holds no values.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dictionary {
    pub(super) values: usize,
    pub(super) encoding: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Data {
    /// How many there are, NULLs among them.
    pub(super) values: usize,
    pub(super) encoding: i32,
    pub(super) levels: Levels,
}

/// Where it stands which of the values are NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Levels {
    /// In front of the values and packed with them, in an encoding of this number.
    Inside { encoding: i32 },
    /// In so many bytes that are never packed.
    Before {
        length: usize,
        nulls: usize,
        /// Whether the values behind them are packed.
        are_values_packed: bool,
    },
}

impl Header {
    /// Reads a header from bytes that may hold more than it, and returns how many it takes.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Fault> {
        let mut thrift = Thrift::new(bytes);
        let (mut number, mut unpacked, mut packed, mut checksum) = (None, None, None, None);
        let (mut data, mut dictionary, mut last) = (None, None, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => number = Some(thrift.number::<i32>()?),
                (2, Kind::Int) => unpacked = Some(size(&mut thrift)?),
                (3, Kind::Int) => packed = Some(size(&mut thrift)?),
                (4, Kind::Int) => checksum = Some(thrift.number::<i32>()?.cast_unsigned()),
                (5, Kind::Struct) => data = Some((0, Data::read(&mut thrift)?)),
                (7, Kind::Struct) => dictionary = Some(Dictionary::read(&mut thrift)?),
                (8, Kind::Struct) => data = Some((3, Data::read_second(&mut thrift)?)),
                _ => thrift.skip(kind)?,
            }
        }
        let page = match (number.ok_or(Fault::Wrong)?, data, dictionary) {
            (number @ (0 | 3), Some((of, data)), _) if number == of => Page::Data(data),
            (2, _, Some(dictionary)) => Page::Dictionary(dictionary),
            (0 | 2 | 3, ..) => return Err(Fault::Wrong),
            _ => Page::Other,
        };
        let header = Self {
            packed: packed.ok_or(Fault::Wrong)?,
            unpacked: unpacked.ok_or(Fault::Wrong)?,
            checksum,
            page,
        };
        Ok((header, bytes.len() - thrift.left()))
    }
}

impl Dictionary {
    fn read(thrift: &mut Thrift<'_>) -> Result<Self, Fault> {
        let (mut values, mut encoding, mut last) = (None, None, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => values = Some(size(thrift)?),
                (2, Kind::Int) => encoding = Some(thrift.number()?),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(Self {
            values: values.ok_or(Fault::Wrong)?,
            encoding: encoding.ok_or(Fault::Wrong)?,
        })
    }
}

impl Data {
    /// Reads the header of a data page of version 1.
    fn read(thrift: &mut Thrift<'_>) -> Result<Self, Fault> {
        let (mut values, mut encoding, mut levels, mut last) = (None, None, None, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => values = Some(size(thrift)?),
                (2, Kind::Int) => encoding = Some(thrift.number()?),
                (3, Kind::Int) => levels = Some(thrift.number()?),
                _ => thrift.skip(kind)?,
            }
        }
        Ok(Self {
            values: values.ok_or(Fault::Wrong)?,
            encoding: encoding.ok_or(Fault::Wrong)?,
            levels: Levels::Inside {
                encoding: levels.ok_or(Fault::Wrong)?,
            },
        })
    }

    /// Reads the header of a data page of version 2.
    fn read_second(thrift: &mut Thrift<'_>) -> Result<Self, Fault> {
        let (mut values, mut nulls, mut rows, mut encoding) = (None, None, None, None);
        let (mut length, mut are_values_packed, mut last) = (None, true, 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => values = Some(size(thrift)?),
                (2, Kind::Int) => nulls = Some(size(thrift)?),
                (3, Kind::Int) => rows = Some(size(thrift)?),
                (4, Kind::Int) => encoding = Some(thrift.number()?),
                (5, Kind::Int) => length = Some(size(thrift)?),
                // The column is no list: there is nothing that could repeat.
                (6, Kind::Int) if size(thrift)? == 0 => {}
                (6, _) => return Err(Fault::Wrong),
                (7, Kind::Bool(value)) => are_values_packed = value,
                _ => thrift.skip(kind)?,
            }
        }
        if rows != values {
            return Err(Fault::Wrong);
        }
        Ok(Self {
            values: values.ok_or(Fault::Wrong)?,
            encoding: encoding.ok_or(Fault::Wrong)?,
            levels: Levels::Before {
                length: length.ok_or(Fault::Wrong)?,
                nulls: nulls.ok_or(Fault::Wrong)?,
                are_values_packed,
            },
        })
    }
}

/// Reads a number that is no less than nothing and, as the format has it, fits into four bytes.
fn size(thrift: &mut Thrift<'_>) -> Result<usize, Fault> {
    let number = thrift.number::<i32>()?;
    usize::try_from(number).map_err(|_| Fault::Wrong)
}
