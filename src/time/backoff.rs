//! How long to wait before something that failed is tried again: one way for calls, bodies, heads and whole attempts.

use std::time::Duration;

/// Pauses that double with every failed try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// After the first failed try.
    pub(crate) first: Duration,
    /// However many have failed.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// Returns the pause after the given number of failed tries.
    pub(crate) fn pause(self, tries: u32) -> Duration {
        let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.longest)
    }

    /// Returns a pause anywhere below that, which keeps apart those who failed together: full jitter.
    pub(crate) fn jittered(self, tries: u32) -> Duration {
        self.pause(tries).mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u128> = (0..9).map(|tries| BACKOFF.pause(tries).as_millis()).collect();
        assert_eq!(pauses, [500, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }

    proptest! {
        #[test]
        fn no_pause_exceeds_its_bounds(tries: u32) {
            prop_assert!(BACKOFF.jittered(tries) <= BACKOFF.pause(tries));
            prop_assert!(BACKOFF.pause(tries) <= BACKOFF.longest);
            prop_assert!(BACKOFF.pause(tries) <= BACKOFF.pause(tries.saturating_add(1)));
        }
    }
}
