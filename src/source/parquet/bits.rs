//! Small numbers: packed into so many bits each, or repeated.

use crate::source::parquet::corrupt;
use crate::source::parquet::thrift::varint;
use crate::source::problem::Problem;

/// The most bits that a number of the format has.
pub(super) const WIDEST: u8 = 32;

/// Numbers of the same number of bits, one behind the other, the lowest bit first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed<'a> {
    bytes: &'a [u8],
    width: u8,
    /// The bit that comes next.
    at: usize,
}

impl<'a> Packed<'a> {
    /// Takes bytes for numbers of at most [`WIDEST`] bits.
    pub(super) const fn new(bytes: &'a [u8], width: u8) -> Self {
        Self { bytes, width, at: 0 }
    }

    /// Returns the number that comes next; beyond the bytes there are zeros.
    pub(super) fn next(&mut self) -> u32 {
        let (byte, bit) = (self.at / 8, self.at % 8);
        self.at += usize::from(self.width);
        let word = if let Some(bytes) = self.bytes.get(byte..).and_then(<[u8]>::first_chunk) {
            u64::from_le_bytes(*bytes)
        } else {
            let last = self.bytes.get(byte..).unwrap_or_default().iter().rev();
            last.fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        let mask = (1_u64 << self.width) - 1;
        u32::try_from(word >> bit & mask).unwrap_or_default()
    }
}

/// Numbers in runs: of one that is repeated, or of packed ones.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    rest: &'a [u8],
    width: u8,
    run: Run<'a>,
    /// How many numbers of the run are still to come.
    left: usize,
}

#[derive(Debug)]
enum Run<'a> {
    Repeated(u32),
    Packed(Packed<'a>),
}

impl<'a> Runs<'a> {
    pub(super) fn new(bytes: &'a [u8], width: u8) -> Result<Self, Problem> {
        if width > WIDEST {
            return Err(corrupt());
        }
        Ok(Self {
            rest: bytes,
            width,
            run: Run::Repeated(0),
            left: 0,
        })
    }

    /// Reads numbers of which the first byte says how many bits they have.
    pub(super) fn after_width(bytes: &'a [u8]) -> Result<Self, Problem> {
        match bytes.split_first() {
            None => Self::new(bytes, 1),
            // The only number of no bits is 0, for which some writers have runs and others nothing.
            Some((0, _)) => Ok(Self {
                left: usize::MAX,
                ..Self::new(&[], 0)?
            }),
            Some((width, bytes)) => Self::new(bytes, *width),
        }
    }

    pub(super) fn next(&mut self) -> Result<u32, Problem> {
        while self.left == 0 {
            self.start_run()?;
        }
        self.left -= 1;
        Ok(match &mut self.run {
            Run::Repeated(number) => *number,
            Run::Packed(numbers) => numbers.next(),
        })
    }

    fn start_run(&mut self) -> Result<(), Problem> {
        let (head, length) = varint(self.rest)?;
        let bytes = &self.rest[length..];
        let count = usize::try_from(head >> 1).map_err(|_| corrupt())?;
        let width = usize::from(self.width);
        if head & 1 == 0 {
            let (number, rest) = bytes.split_at_checked(width.div_ceil(8)).ok_or_else(corrupt)?;
            let number = number
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | u32::from(*byte));
            (self.run, self.left, self.rest) = (Run::Repeated(number), count, rest);
            return Ok(());
        }
        // Packed by eights; the end of the last eight may be missing.
        let length = count.checked_mul(width).ok_or_else(corrupt)?.min(bytes.len());
        let (packed, rest) = bytes.split_at(length);
        self.left = match width {
            0 => count.saturating_mul(8),
            width => (length * 8 / width).min(count.saturating_mul(8)),
        };
        (self.run, self.rest) = (Run::Packed(Packed::new(packed, self.width)), rest);
        Ok(())
    }
}
