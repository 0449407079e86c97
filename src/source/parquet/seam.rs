//! Whether a Parquet file is one, and not several put one after the other: the last footer knows the rows of the last file.

use crate::source::parquet::MAGIC;
use crate::source::problem::Problem;
use memchr::memmem;
use std::io::Read;

/// How many bytes are looked through at a time.
const BUFFER: u64 = 64 << 10;

/// The magic that ends one file and the magic that begins the next, and what `getmerge -nl` and editors put between.
const SEAMS: [&[u8]; 3] = [b"PAR1PAR1", b"PAR1\nPAR1", b"PAR1\r\nPAR1"];

/// The bytes at a window's end in which a seam may begin.
const LONGEST: usize = 10;

/// How many first bytes of a file are looked through: `told` is where the last thing ends that the footer tells of, and
/// `footer` is where it begins itself.
///
/// In the last of several files its footer stood where its last thing ended, or behind that. So what stands before the
/// last file is no longer than what lies between the two, and in most files that is nothing.
pub(super) const fn reach(told: u64, footer: u64) -> u64 {
    match footer - told {
        0 => 0,
        between => between + MAGIC.len() as u64,
    }
}

/// Refuses several files put one after the other: the places that the footer tells are those in the last file alone, and
/// something else lies there now.
///
/// What lies between the last place and the footer may have good reasons (an index, a filter of whose length nothing is
/// said, encrypted columns), so it is no fault. The magic of another file is one: in the middle of the first bytes behind
/// the magic of the file before, or at their end, where it begins the last file if its footer tells of all that it holds.
pub(super) fn check(mut start: impl Read) -> Result<(), Problem> {
    let mut window = Vec::new();
    loop {
        let taken = start.by_ref().take(BUFFER).read_to_end(&mut window)?;
        let has_seam = SEAMS.iter().any(|seam| memmem::find(&window, seam).is_some());
        let is_end = taken == 0;
        if has_seam || is_end && window.len() > MAGIC.len() && window.ends_with(MAGIC) {
            return Err(Problem::Joined);
        }
        if is_end {
            return Ok(());
        }
        window.drain(..window.len().saturating_sub(LONGEST));
    }
}
