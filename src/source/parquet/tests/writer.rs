//! Files in which everything can be said, true or not.

use bytes::Bytes;

/// A structure in Thrift's compact protocol.
#[derive(Clone, Debug, Default)]
pub(super) struct Struct {
    bytes: Vec<u8>,
    last: i16,
}

const INT: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

impl Struct {
    fn field(mut self, id: i16, kind: u8, value: &[u8]) -> Self {
        match u8::try_from(id - self.last).unwrap() {
            step @ ..16 => self.bytes.push(step << 4 | kind),
            _ => self
                .bytes
                .extend([vec![kind], varint(2 * u64::from(id.cast_unsigned()))].concat()),
        }
        self.last = id;
        self.bytes.extend_from_slice(value);
        self
    }

    pub(super) fn int(self, id: i16, value: i64) -> Self {
        self.field(id, INT, &varint((value << 1 ^ value >> 63).cast_unsigned()))
    }

    pub(super) fn binary(self, id: i16, value: &[u8]) -> Self {
        self.field(id, BINARY, &[&varint(value.len() as u64), value].concat())
    }

    pub(super) fn nested(self, id: i16, value: &Self) -> Self {
        self.field(id, STRUCT, &value.end())
    }

    pub(super) fn list(self, id: i16, kind: u8, values: &[Vec<u8>]) -> Self {
        let head = [vec![0xf0 | kind], varint(values.len() as u64)].concat();
        self.field(id, LIST, &[head, values.concat()].concat())
    }

    pub(super) fn end(&self) -> Vec<u8> {
        [self.bytes.as_slice(), &[0]].concat()
    }
}

pub(super) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let bits = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(bits);
            return bytes;
        }
        bytes.push(bits | 0x80);
    }
}

fn int(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

/// A file of one column, by default of text that is never NULL.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Physical type, converted type and the rest of the schema's element, from its ninth field on.
    pub(super) physical: i64,
    pub(super) width: Option<i64>,
    pub(super) repetition: i64,
    pub(super) converted: Option<i64>,
    pub(super) precision: Option<i64>,
    pub(super) logical: Option<Struct>,
    pub(super) codec: i64,
    pub(super) rows: i64,
    pub(super) pages: Vec<u8>,
    /// The name in the path of the chunk.
    pub(super) path: &'static [u8],
    pub(super) dictionary_offset: Option<i64>,
    pub(super) other_file: Option<&'static [u8]>,
    pub(super) encryption: Option<Struct>,
    /// How many row groups there are, all of them on the same bytes.
    pub(super) groups: usize,
    /// A column behind the ids: its type and the rest of its element.
    pub(super) other_column: Option<(i64, Struct)>,
    /// Where the values of that column are said to lie: from where, and how many bytes.
    pub(super) other_place: Option<(i64, i64)>,
    /// What stands between the pages and the footer.
    pub(super) behind: Vec<u8>,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            physical: 6,
            width: None,
            repetition: 0,
            converted: Some(0),
            precision: None,
            logical: None,
            codec: 0,
            rows: 0,
            pages: Vec::new(),
            path: b"contactid",
            dictionary_offset: None,
            other_file: None,
            encryption: None,
            groups: 1,
            other_column: None,
            other_place: None,
            behind: Vec::new(),
        }
    }
}

impl Made {
    /// Adds a page of rows.
    pub(super) fn page(mut self, rows: i64, encoding: i64, body: &[u8]) -> Self {
        self.rows += rows;
        self.pages.extend(data_page(rows, encoding, body.len(), body));
        self
    }

    /// Adds a page of text, each value with its length.
    pub(super) fn text(self, values: &[&[u8]]) -> Self {
        self.page(int(values.len()), 0, &plain(values))
    }

    fn element(&self) -> Vec<u8> {
        let mut element = Struct::default().int(1, self.physical);
        if let Some(width) = self.width {
            element = element.int(2, width);
        }
        element = element.int(3, self.repetition).binary(4, b"contactid");
        if let Some(converted) = self.converted {
            element = element.int(6, converted);
        }
        if let Some(precision) = self.precision {
            element = element.int(7, 2).int(8, precision);
        }
        if let Some(logical) = &self.logical {
            element = element.nested(10, logical);
        }
        element.end()
    }

    fn chunk(&self) -> Vec<u8> {
        let mut metadata = Struct::default()
            .int(1, self.physical)
            .list(2, 5, &[varint(0)])
            .list(
                3,
                BINARY,
                &[[varint(self.path.len() as u64), self.path.to_vec()].concat()],
            )
            .int(4, self.codec)
            .int(5, self.rows)
            .int(6, 1_000)
            .int(7, int(self.pages.len()))
            .int(9, 4);
        if let Some(offset) = self.dictionary_offset {
            metadata = metadata.int(11, offset);
        }
        let mut chunk = Struct::default();
        if let Some(path) = self.other_file {
            chunk = chunk.binary(1, path);
        }
        chunk = chunk.int(2, 4).nested(3, &metadata);
        if let Some(encryption) = &self.encryption {
            chunk = chunk.nested(8, encryption);
        }
        chunk.end()
    }

    pub(super) fn bytes(&self) -> Bytes {
        let columns = 1 + usize::from(self.other_column.is_some());
        let root = Struct::default().binary(4, b"schema").int(5, int(columns)).end();
        let mut elements = vec![root, self.element()];
        let mut chunks = vec![self.chunk()];
        if let Some((physical, rest)) = &self.other_column {
            let element = Struct::default().int(1, *physical).int(3, 1).binary(4, b"other");
            elements.push([element.bytes, rest.end()].concat());
            let mut metadata = Struct::default().int(1, *physical).int(4, 99);
            if let Some((offset, length)) = self.other_place {
                metadata = metadata.int(5, self.rows).int(7, length).int(9, offset);
            }
            chunks.push(Struct::default().nested(3, &metadata).end());
        }
        let group = Struct::default()
            .list(1, STRUCT, &chunks)
            .int(2, 1_000)
            .int(3, self.rows)
            .end();
        let footer = Struct::default()
            .int(1, 1)
            .list(2, STRUCT, &elements)
            .int(3, self.rows * int(self.groups))
            .list(4, STRUCT, &vec![group; self.groups])
            .end();
        let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
        [b"PAR1", self.pages.as_slice(), &self.behind, &footer, &length, b"PAR1"]
            .concat()
            .into()
    }
}

/// A data page of version 1 whose header says that it unpacks to so many bytes.
pub(super) fn data_page(values: i64, encoding: i64, unpacked: usize, body: &[u8]) -> Vec<u8> {
    let data = Struct::default().int(1, values).int(2, encoding).int(3, 3).int(4, 3);
    let header = header(0, unpacked, body).nested(5, &data);
    [header.end(), body.to_vec()].concat()
}

/// A data page of version 2 without packed levels.
pub(super) fn second_page(values: i64, nulls: i64, encoding: i64, levels: &[u8], body: &[u8]) -> Vec<u8> {
    let body = [levels, body].concat();
    let data = Struct::default()
        .int(1, values)
        .int(2, nulls)
        .int(3, values)
        .int(4, encoding)
        .int(5, int(levels.len()))
        .int(6, 0);
    [header(3, body.len(), &body).nested(8, &data).end(), body].concat()
}

pub(super) fn dictionary_page(values: i64, unpacked: usize, body: &[u8]) -> Vec<u8> {
    let dictionary = Struct::default().int(1, values).int(2, 0);
    [header(2, unpacked, body).nested(7, &dictionary).end(), body.to_vec()].concat()
}

pub(super) fn header(kind: i64, unpacked: usize, body: &[u8]) -> Struct {
    let header = Struct::default().int(1, kind).int(2, int(unpacked));
    header.int(3, int(body.len()))
}

/// Text as plain pages hold it.
pub(super) fn plain(values: &[&[u8]]) -> Vec<u8> {
    let value = |value: &&[u8]| [&u32::try_from(value.len()).unwrap().to_le_bytes(), *value].concat();
    values.iter().flat_map(value).collect()
}
