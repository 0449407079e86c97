//! What the tests of the readers share.

use std::io::{self, Read};

/// A reader that gives a few bytes at a time.
pub(crate) struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl<'a> Trickle<'a> {
    pub(crate) const fn new(bytes: &'a [u8], step: usize) -> Self {
        Self { bytes, step }
    }
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len());
        self.bytes
            .take(count as u64)
            .read(&mut buffer[..count])
            .inspect(|count| self.bytes = &self.bytes[*count..])
    }
}

/// Returns the id of a number as warehouses write it.
pub(crate) fn id(number: u64) -> String {
    format!("8f2a1c34-5b6d-4e7f-8a9b-{:012x}", number + 1)
}

/// Damages a file in many ways, the same ones in every run: bytes flipped, replaced, removed, repeated, cut off.
pub(crate) fn mutations(seed: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    // The constants of Knuth's MMIX generator; the high bits are random enough to choose places.
    let mut state = 0x5eed_u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % below.max(1)
    };
    let seed = seed.to_vec();
    (0..count).map(move |_| {
        let mut bytes = seed.clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(6) {
                _ if bytes.is_empty() => bytes.push(b'\n'),
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = b"\"\\\n\r,|\t;{}\0\xff"[next(12)],
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                4 => bytes.insert(at, b"\"\\\n\r,"[next(5)]),
                _ => {
                    let repeated: Vec<u8> = bytes[at..].iter().copied().take(1 + next(20)).collect();
                    let to = next(bytes.len());
                    bytes.splice(to..to, repeated);
                }
            }
        }
        bytes
    })
}
