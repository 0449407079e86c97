//! The rows of a page: which of them are NULL, and what the others hold.

use crate::domain::ContactId;
use crate::source::parquet::bits::Runs;
use crate::source::parquet::corrupt;
use crate::source::parquet::header::{Data, Levels};
use crate::source::parquet::schema::{Form, Schema};
use crate::source::parquet::values::{BIT_PACKED, Dictionary, LONGEST_CELL, RLE, Value, Values, unreadable};
use crate::source::problem::Problem;
use crate::source::rejected::Reason;
use crate::source::tally::Tally;

/// After how many rows it is asked whether to go on.
const BATCH: usize = 1 << 12;

/// Counts the values of a column, row by row.
pub(super) struct Rows<'a> {
    column: &'a str,
    schema: &'a Schema<'a>,
    tally: &'a mut Tally,
    /// The number of the row that comes next, from 1.
    row: u64,
    /// Whether there were 16 bytes that are no text, and whether there was anything but 16 bytes.
    has_raw_ids: bool,
    has_others: bool,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(column: &'a str, schema: &'a Schema<'a>, tally: &'a mut Tally) -> Self {
        Self {
            column,
            schema,
            tally,
            row: 1,
            has_raw_ids: false,
            has_others: false,
        }
    }

    /// Counts the rows of one data page.
    pub(super) fn take(&mut self, data: &Data, bytes: &[u8], dictionary: Option<&Dictionary>) -> Result<(), Problem> {
        let (mut levels, bytes) = self.levels(data, bytes)?;
        let mut nulls = 0;
        let mut values = None;
        for number in 0..data.values {
            if number % BATCH == 0 {
                self.tally.go_on()?;
            }
            let is_null = match &mut levels {
                None => false,
                Some(levels) => match levels.next()? {
                    0 => true,
                    1 => false,
                    _ => return Err(corrupt()),
                },
            };
            if is_null {
                self.tally.reject(Reason::Empty, b"", self.row);
                nulls += 1;
            } else {
                let values = match &mut values {
                    Some(values) => values,
                    none => none.insert(self.values(data, bytes, dictionary)?),
                };
                match values.next()? {
                    Value::Id(id) => self.id(id)?,
                    Value::Bytes(value) => self.value(value)?,
                }
            }
            self.row += 1;
        }
        self.tally.parsed(bytes.len());
        match data.levels {
            Levels::Before { nulls: expected, .. } if expected != nulls => return Err(corrupt()),
            _ => {}
        }
        values.map_or(Ok(()), |values| values.finish())
    }

    /// Parts the levels, of which each says whether a row is NULL, from the values.
    fn levels<'p>(&self, data: &Data, bytes: &'p [u8]) -> Result<(Option<Runs<'p>>, &'p [u8]), Problem> {
        let (levels, values) = match data.levels {
            // A column without NULLs has no levels, whatever is said of them.
            Levels::Inside { .. } if !self.schema.is_optional => (&[] as &[u8], bytes),
            Levels::Inside { encoding: RLE } => {
                let (length, bytes) = bytes.split_first_chunk().ok_or_else(corrupt)?;
                let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| corrupt())?;
                bytes.split_at_checked(length).ok_or_else(corrupt)?
            }
            // Old writers packed levels without runs.
            Levels::Inside { encoding: BIT_PACKED } => return Err(unreadable(BIT_PACKED)),
            Levels::Inside { .. } => return Err(corrupt()),
            Levels::Before { length, .. } => bytes.split_at_checked(length).ok_or_else(corrupt)?,
        };
        let levels = self.schema.is_optional.then(|| Runs::new(levels, 1)).transpose()?;
        Ok((levels, values))
    }

    /// Starts to read the values of a page, of which there is at least one.
    fn values<'p>(
        &self,
        data: &Data,
        bytes: &'p [u8],
        dictionary: Option<&'p Dictionary>,
    ) -> Result<Values<'p>, Problem> {
        match &self.schema.form {
            Form::Other(found) => Err(Problem::ColumnType {
                column: self.column.to_owned(),
                found: found.clone(),
            }),
            form => Values::read(form, data.encoding, bytes, data.values, dictionary),
        }
    }

    fn value(&mut self, value: &[u8]) -> Result<(), Problem> {
        match self.schema.form.id(value) {
            Some(id) => self.id(id),
            None => self.unusual(value),
        }
    }

    fn id(&mut self, id: ContactId) -> Result<(), Problem> {
        self.has_others = true;
        self.tally.contact(id)
    }

    #[cold]
    fn unusual(&mut self, value: &[u8]) -> Result<(), Problem> {
        if self.schema.form == Form::Uuid {
            // All other 16 bytes are an id.
            self.tally.reject(Reason::NilGuid, b"", self.row);
            return Ok(());
        }
        self.has_raw_ids |= value.len() == 16 && !is_text(value);
        self.has_others |= !matches!(value.len(), 0 | 16);
        if value.len() <= LONGEST_CELL {
            return self.tally.cell(value, self.row);
        }
        self.tally.reject(Reason::NotAGuid, value, self.row);
        Ok(())
    }

    /// Refuses a column in which all values are UUIDs that nobody declared to be some.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.has_raw_ids && !self.has_others {
            return Err(Problem::RawIds {
                column: self.column.to_owned(),
            });
        }
        Ok(())
    }
}

/// Tells text from bytes that only by chance are some.
fn is_text(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(char::is_control))
}
