//! Which column of a Parquet file holds the ids, and whether it can.

use crate::source::columns;
use crate::source::parquet::corrupt;
use crate::source::parquet::thrift::{Kind, Thrift};
use crate::source::problem::Problem;

/// How many columns are read: three times what the widest table of any database has (SQL Server: 30,000).
const MOST_COLUMNS: usize = 100_000;

/// The physical types, by their numbers in the format.
const PHYSICAL: [&str; 8] = [
    "BOOLEAN",
    "INT32",
    "INT64",
    "INT96",
    "FLOAT",
    "DOUBLE",
    "BYTE_ARRAY",
    "FIXED_LEN_BYTE_ARRAY",
];
const BYTE_ARRAY: i32 = 6;
const FIXED: i32 = 7;

/// The logical types, by their numbers in the format; there is none of number 0 or 9.
const LOGICAL: [&str; 19] = [
    "",
    "STRING",
    "MAP",
    "LIST",
    "ENUM",
    "DECIMAL",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "",
    "INTEGER",
    "NULL",
    "JSON",
    "BSON",
    "UUID",
    "FLOAT16",
    "VARIANT",
    "GEOMETRY",
    "GEOGRAPHY",
];

/// What older writers have instead, by their numbers in the format.
const CONVERTED: [&str; 22] = [
    "UTF8",
    "MAP",
    "MAP_KEY_VALUE",
    "LIST",
    "ENUM",
    "DECIMAL",
    "DATE",
    "TIME_MILLIS",
    "TIME_MICROS",
    "TIMESTAMP_MILLIS",
    "TIMESTAMP_MICROS",
    "UINT_8",
    "UINT_16",
    "UINT_32",
    "UINT_64",
    "INT_8",
    "INT_16",
    "INT_32",
    "INT_64",
    "JSON",
    "BSON",
    "INTERVAL",
];

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text, each value with its length.
    Text,
    /// Text of always so many bytes.
    FixedText(usize),
    /// The 16 bytes of a UUID, the most significant one first.
    Uuid,
    /// No ids: a type in the words of those who wrote it. Only NULLs can be read.
    Other(String),
}

impl Form {
    /// Returns how many bytes each value has, where the column says so.
    pub(super) const fn width(&self) -> Option<usize> {
        match self {
            Self::FixedText(width) => Some(*width),
            Self::Uuid => Some(16),
            Self::Text | Self::Other(_) => None,
        }
    }
}

/// The columns of a file, and the one of the ids.
#[derive(Debug)]
pub(super) struct Schema<'a> {
    /// The names as a query knows them: nested fields do not count.
    pub(super) names: Vec<String>,
    /// The name of the id column as it is written.
    pub(super) name: &'a [u8],
    /// Which of the stored columns it is, and of how many.
    pub(super) leaf: usize,
    pub(super) leaves: usize,
    pub(super) physical: i32,
    pub(super) form: Form,
    /// Whether values may be NULL.
    pub(super) is_optional: bool,
}

impl<'a> Schema<'a> {
    /// Looks for the id column in the list of the schema's elements: a tree, each node before its children.
    pub(super) fn read(mut thrift: Thrift<'a>, column: &str) -> Result<Self, Problem> {
        let (mut left, kind) = thrift.list()?;
        let mut next = |left: &mut usize| {
            *left = left.checked_sub(1).ok_or_else(corrupt)?;
            if kind != Kind::Struct {
                return Err(corrupt());
            }
            Element::read(&mut thrift)
        };
        let root = next(&mut left)?;
        if root.children > MOST_COLUMNS {
            return Err(Problem::LargeFooter {
                limit: MOST_COLUMNS,
                what: "columns",
            });
        }
        let (mut names, mut leaves, mut found) = (Vec::new(), 0, None);
        for _ in 0..root.children {
            let field = next(&mut left)?;
            let name = String::from_utf8_lossy(field.name).trim().to_owned();
            if columns::is_named(&name, column) {
                found = Some((field, leaves));
            }
            names.push(name);
            let mut below = field.children;
            leaves += usize::from(below == 0);
            while below > 0 {
                let nested = next(&mut left)?;
                below = (below - 1).checked_add(nested.children).ok_or_else(corrupt)?;
                leaves += usize::from(nested.children == 0);
            }
        }
        columns::find(&names, column)?;
        let (field, leaf) = found.filter(|_| left == 0).ok_or_else(corrupt)?;
        field.into_schema(names, column, leaf, leaves)
    }
}

/// One node of the schema.
#[derive(Clone, Copy, Default)]
struct Element<'a> {
    physical: Option<i32>,
    width: Option<usize>,
    repetition: Option<i32>,
    name: &'a [u8],
    children: usize,
    converted: Option<i32>,
    logical: Option<i16>,
    scale: i32,
    precision: i32,
}

impl<'a> Element<'a> {
    fn read(thrift: &mut Thrift<'a>) -> Result<Self, Problem> {
        let (mut element, mut last) = (Self::default(), 0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            match (id, kind) {
                (1, Kind::Int) => element.physical = Some(thrift.number()?),
                (2, Kind::Int) => element.width = Some(thrift.number()?),
                (3, Kind::Int) => element.repetition = Some(thrift.number()?),
                (4, Kind::Binary) => element.name = thrift.binary()?,
                (5, Kind::Int) => element.children = thrift.number()?,
                (6, Kind::Int) => element.converted = Some(thrift.number()?),
                (7, Kind::Int) => element.scale = thrift.number()?,
                (8, Kind::Int) => element.precision = thrift.number()?,
                (10, Kind::Struct) => element.read_logical(thrift)?,
                _ => thrift.skip(kind)?,
            }
        }
        Ok(element)
    }

    /// Reads the logical type: a structure whose one field says which it is.
    fn read_logical(&mut self, thrift: &mut Thrift<'a>) -> Result<(), Problem> {
        let mut last = 0;
        self.logical = Some(0);
        while let Some((id, kind)) = thrift.field(&mut last)? {
            self.logical = Some(id);
            if (id, kind) != (5, Kind::Struct) {
                thrift.skip(kind)?;
                continue;
            }
            let mut last = 0;
            while let Some((id, kind)) = thrift.field(&mut last)? {
                match (id, kind) {
                    (1, Kind::Int) => self.scale = thrift.number()?,
                    (2, Kind::Int) => self.precision = thrift.number()?,
                    _ => thrift.skip(kind)?,
                }
            }
        }
        Ok(())
    }

    fn into_schema(self, names: Vec<String>, column: &str, leaf: usize, leaves: usize) -> Result<Schema<'a>, Problem> {
        let is_optional = match self.repetition {
            Some(0) => false,
            Some(1) => true,
            Some(2) => return Err(nested(column)),
            _ => return Err(corrupt()),
        };
        if self.children > 0 {
            return Err(nested(column));
        }
        let physical = self.physical.ok_or_else(corrupt)?;
        Ok(Schema {
            names,
            name: self.name,
            leaf,
            leaves,
            physical,
            form: self.form(physical)?,
            is_optional,
        })
    }

    /// Decides what the values are: the logical type where there is one, else the converted one, else the physical one.
    fn form(&self, physical: i32) -> Result<Form, Problem> {
        let of = |names: &[&str], number: i32| {
            let name = usize::try_from(number).ok().and_then(|number| names.get(number));
            match name.filter(|name| !name.is_empty()) {
                Some(&"DECIMAL") => format!("DECIMAL({},{})", self.precision, self.scale),
                Some(name) => (*name).to_owned(),
                None => format!("number {number}, which is unknown"),
            }
        };
        let annotation = match (self.logical, self.converted) {
            (Some(logical), _) => Some(of(&LOGICAL, logical.into())),
            // What pandas wrote for columns of NULLs before there was a logical type for them.
            (None, Some(24 | 25)) => Some("NULL".to_owned()),
            (None, Some(converted)) => Some(of(&CONVERTED, converted)),
            (None, None) => None,
        };
        let width = self.width.filter(|width| *width > 0);
        let form = match (physical, annotation.as_deref(), width) {
            (BYTE_ARRAY, None | Some("STRING" | "UTF8" | "ENUM" | "JSON"), _) => Form::Text,
            (FIXED, _, None) => return Err(corrupt()),
            (FIXED, None | Some("UUID"), Some(16)) => Form::Uuid,
            (FIXED, None | Some("STRING" | "UTF8" | "ENUM" | "JSON"), Some(width)) => Form::FixedText(width),
            (FIXED, Some("UUID"), Some(width)) => Form::Other(format!("UUID of {width} bytes")),
            (_, Some(annotation), _) => Form::Other(annotation.to_owned()),
            (_, None, _) => Form::Other(of(&PHYSICAL, physical)),
        };
        Ok(form)
    }
}

fn nested(column: &str) -> Problem {
    Problem::ColumnType {
        column: column.to_owned(),
        found: "list or structure".to_owned(),
    }
}
