//! Random numbers that are the same for the same seed, on every machine.

/// `SplitMix64` (Steele, Lea and Flood, 2014): one word of state, and neighbouring seeds have nothing in common.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number from `from` up to, but not including, `to`.
    pub(super) const fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.word() % (to - from)
    }

    /// Returns whether something happens that happens `per_mille` times in a thousand.
    pub(super) const fn happens(&mut self, per_mille: u64) -> bool {
        self.word() % 1_000 < per_mille
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.word() % choices.len() as u64).unwrap()]
    }
}
