//! Thrift's compact protocol, as far as Parquet uses it: nothing is allocated, and no loop is longer than the bytes.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

/// How deep structures may lie in each other: Parquet's own reach eight.
const DEEPEST: u8 = 32;

/// Why bytes are no structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They end before it does.
    Cut,
    /// They are something else.
    Wrong,
}

/// What a field or the elements of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool(bool),
    Byte,
    Int,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> Result<Self, Fault> {
        Ok(match code {
            1 => Self::Bool(true),
            2 => Self::Bool(false),
            3 => Self::Byte,
            4..=6 => Self::Int,
            7 => Self::Double,
            8 => Self::Binary,
            // A set is written like a list.
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Uuid,
            _ => return Err(Fault::Wrong),
        })
    }
}

/// Reads structures from their bytes, field by field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thrift<'a> {
    rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns how many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Starts the next field of a structure, nothing at its end; `last` is the number of the field before, at first 0.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<(i16, Kind)>, Fault> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        *last = match i16::from(head >> 4) {
            0 => self.number()?,
            step => last.checked_add(step).ok_or(Fault::Wrong)?,
        };
        Ok(Some((*last, Kind::of(head & 0xf)?)))
    }

    /// Starts a list: how many elements it has and what they are.
    pub(super) fn list(&mut self) -> Result<(usize, Kind), Fault> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| Fault::Wrong)?,
            count => usize::from(count),
        };
        // No element is shorter than a byte.
        if count > self.rest.len() {
            return Err(Fault::Cut);
        }
        match head & 0xf {
            // Of nothing some writers do not say what it is.
            0 if count == 0 => Ok((0, Kind::Byte)),
            code => Ok((count, Kind::of(code)?)),
        }
    }

    /// Reads a whole number of any width.
    pub(super) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, Fault> {
        N::try_from(unzigzag(self.varint()?)).map_err(|_| Fault::Wrong)
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        self.take(usize::try_from(length).map_err(|_| Fault::Wrong)?)
    }

    /// Passes over a value of which nothing has to be understood.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), Fault> {
        self.skip_within(kind, DEEPEST)
    }

    fn skip_within(&mut self, kind: Kind, depth: u8) -> Result<(), Fault> {
        let depth = depth.checked_sub(1).ok_or(Fault::Wrong)?;
        match kind {
            Kind::Bool(_) => Ok(()),
            Kind::Byte => self.take(1).map(drop),
            Kind::Int => self.varint().map(drop),
            Kind::Double => self.take(8).map(drop),
            Kind::Uuid => self.take(16).map(drop),
            Kind::Binary => self.binary().map(drop),
            Kind::List => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth))
            }
            Kind::Map => match self.varint()? {
                0 => Ok(()),
                count => {
                    let kinds = self.byte()?;
                    let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0xf)?);
                    (0..count).try_for_each(|_| {
                        self.skip_element(key, depth)?;
                        self.skip_element(value, depth)
                    })
                }
            },
            Kind::Struct => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip_within(kind, depth)?;
                }
                Ok(())
            }
        }
    }

    fn skip_element(&mut self, kind: Kind, depth: u8) -> Result<(), Fault> {
        // Outside of a structure's fields a boolean is a byte of its own.
        let kind = if let Kind::Bool(_) = kind { Kind::Byte } else { kind };
        self.skip_within(kind, depth)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::Cut)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let (number, length) = varint(self.rest)?;
        self.rest = &self.rest[length..];
        Ok(number)
    }
}

/// Reads a number of seven bits a byte, the lowest first, and tells how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), Fault> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index;
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return Err(Fault::Wrong);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok((number, index + 1));
        }
    }
    Err(if bytes.len() < 10 { Fault::Cut } else { Fault::Wrong })
}

/// Returns the signed number that a writer folded into an unsigned one.
pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skip(bytes: &[u8]) -> Result<usize, Fault> {
        let mut thrift = Thrift::new(bytes);
        thrift.skip(Kind::Struct)?;
        Ok(bytes.len() - thrift.left())
    }

    #[test]
    fn a_structure_of_every_kind_is_passed_over() {
        let bytes = [
            b"\x11\x12\x13\xff\x14\x02\x15\x03\x16\x04\x17".as_slice(),
            &[0; 8],
            b"\x18\x02ab\x19\x21\x01\x02\x1a\x15\x05\x1b\x01\x58\x06\x01c\x1b\x00\x1c\x00\x1d",
            &[0; 16],
            b"\x05\xf0\x01\x07\x00rest",
        ]
        .concat();
        assert_eq!(skip(&bytes), Ok(bytes.len() - 4));
        for end in 0..bytes.len() - 4 {
            assert_eq!(skip(&bytes[..end]), Err(Fault::Cut), "cut at {end}");
        }
    }

    #[test]
    fn structures_deep_in_each_other_are_no_parquet() {
        assert_eq!(skip(&vec![0x1c; 100_000]), Err(Fault::Wrong));
        assert_eq!(skip(&vec![0x19; 100_000]), Err(Fault::Wrong));
    }

    #[test]
    fn an_empty_list_may_be_one_of_nothing() {
        assert_eq!(Thrift::new(b"\0").list(), Ok((0, Kind::Byte)));
        assert_eq!(Thrift::new(b"\x10\0").list(), Err(Fault::Wrong));
    }

    #[test]
    fn a_list_is_not_longer_than_its_bytes() {
        assert_eq!(Thrift::new(b"\xfc\xff\xff\xff\xff\x0f\0\0").list(), Err(Fault::Cut));
        assert_eq!(skip(b"\x1b\xff\xff\xff\xff\x0f\x11\0\0"), Err(Fault::Cut));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(length) = skip(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn numbers_come_back(number in any::<i64>()) {
            let mut folded = (number << 1 ^ number >> 63).cast_unsigned();
            let mut bytes = Vec::new();
            while folded >= 0x80 {
                bytes.push(u8::try_from(folded & 0x7f).unwrap() | 0x80);
                folded >>= 7;
            }
            bytes.push(u8::try_from(folded).unwrap());
            prop_assert_eq!(Thrift::new(&bytes).number::<i64>(), Ok(number));
        }
    }
}
