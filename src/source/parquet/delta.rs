//! Lengths that are written as the differences between each and the one before.

use crate::source::parquet::bits::{Packed, WIDEST};
use crate::source::parquet::corrupt;
use crate::source::parquet::thrift::{unzigzag, varint};
use crate::source::problem::Problem;

/// How many values a miniblock has a multiple of.
const MINIBLOCK: usize = 32;

/// Lengths in blocks, and these in miniblocks, each packed into as few bits as it can be.
#[derive(Debug)]
pub(super) struct Lengths<'a> {
    /// What has not been begun of the blocks, which were walked through once.
    rest: &'a [u8],
    miniblocks: usize,
    per_miniblock: usize,
    /// How many lengths are still to come.
    left: usize,
    /// The length that comes next.
    next: i64,
    smallest: i64,
    /// The widths of those miniblocks of this block that have not been begun.
    widths: &'a [u8],
    packed: Packed<'a>,
    left_in_miniblock: usize,
}

impl<'a> Lengths<'a> {
    /// Takes at most so many lengths, and returns them with what lies behind them.
    pub(super) fn split(bytes: &'a [u8], most: usize) -> Result<(Self, &'a [u8]), Problem> {
        let mut rest = bytes;
        let block = usize::try_from(number(&mut rest)?).map_err(|_| corrupt())?;
        let miniblocks = usize::try_from(number(&mut rest)?).map_err(|_| corrupt())?;
        let left = usize::try_from(number(&mut rest)?).map_err(|_| corrupt())?;
        let next = unzigzag(number(&mut rest)?);
        let per_miniblock = block.checked_div(miniblocks).unwrap_or_default();
        let is_even = per_miniblock > 0
            && per_miniblock.is_multiple_of(MINIBLOCK)
            && per_miniblock.checked_mul(miniblocks) == Some(block);
        if !is_even || left > most {
            return Err(corrupt());
        }
        let mut lengths = Self {
            rest,
            miniblocks,
            per_miniblock,
            left,
            next,
            smallest: 0,
            widths: &[],
            packed: Packed::default(),
            left_in_miniblock: 0,
        };
        let behind = lengths.end()?;
        lengths.rest = &rest[..rest.len() - behind.len()];
        Ok((lengths, behind))
    }

    /// Walks through the blocks without unpacking anything, and returns what lies behind them.
    fn end(&self) -> Result<&'a [u8], Problem> {
        let mut rest = self.rest;
        let mut left = self.left.saturating_sub(1);
        while left > 0 {
            number(&mut rest)?;
            for width in take(&mut rest, self.miniblocks)? {
                // What stands there for miniblocks without values means nothing.
                if left == 0 {
                    break;
                }
                self.take_miniblock(&mut rest, *width)?;
                left = left.saturating_sub(self.per_miniblock);
            }
        }
        Ok(rest)
    }

    fn take_miniblock(&self, rest: &mut &'a [u8], width: u8) -> Result<&'a [u8], Problem> {
        if width > WIDEST {
            return Err(corrupt());
        }
        let length = (self.per_miniblock / 8).checked_mul(width.into());
        take(rest, length.ok_or_else(corrupt)?)
    }

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    pub(super) fn next(&mut self) -> Result<usize, Problem> {
        self.left = self.left.checked_sub(1).ok_or_else(corrupt)?;
        let length = i32::try_from(self.next)
            .ok()
            .and_then(|length| usize::try_from(length).ok());
        if self.left > 0 {
            if self.left_in_miniblock == 0 {
                self.start_miniblock()?;
            }
            self.left_in_miniblock -= 1;
            let more = i64::from(self.packed.next());
            self.next = self.next.wrapping_add(self.smallest).wrapping_add(more);
        }
        length.ok_or_else(corrupt)
    }

    fn start_miniblock(&mut self) -> Result<(), Problem> {
        if self.widths.is_empty() {
            self.smallest = unzigzag(number(&mut self.rest)?);
            self.widths = take(&mut self.rest, self.miniblocks)?;
        }
        let (width, widths) = self.widths.split_first().ok_or_else(corrupt)?;
        let mut rest = self.rest;
        self.packed = Packed::new(self.take_miniblock(&mut rest, *width)?, *width);
        (self.rest, self.widths, self.left_in_miniblock) = (rest, widths, self.per_miniblock);
        Ok(())
    }
}

fn number(rest: &mut &[u8]) -> Result<u64, Problem> {
    let (number, length) = varint(rest)?;
    *rest = &rest[length..];
    Ok(number)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Problem> {
    let (taken, behind) = rest.split_at_checked(length).ok_or_else(corrupt)?;
    *rest = behind;
    Ok(taken)
}
