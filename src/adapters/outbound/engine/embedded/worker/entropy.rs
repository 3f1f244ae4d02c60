//! Randomness inside a worker, grown from the seed that the host sends with each call.
//!
//! Workers are forked from one process and may make no system call, so nothing in them is random by itself.
//! SHA-256 in counter mode over a 256-bit seed: what code sees tells nothing of what another call gets.

use sha2::{Digest as _, Sha256};

/// A generator.
pub(super) struct Entropy {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Entropy {
    /// From the host's seed.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0, block: [0; 32], used: 32 }
    }

    /// Fills `out`.
    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.block.len() {
                self.refill();
            }
            *byte = self.block.get(self.used).copied().unwrap_or_default();
            self.used += 1;
        }
    }

    /// A number in `0.0..1.0` of 53 random bits.
    pub(super) fn fraction(&mut self) -> f64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (u64::from_le_bytes(bytes) >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    fn refill(&mut self) {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.counter.to_le_bytes());
        self.block = hash.finalize().into();
        self.counter += 1;
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;

    #[test]
    fn seeds_decide_and_blocks_differ() {
        let draw = |seed| {
            let mut out = [0; 96];
            Entropy::new([seed; 32]).fill(&mut out);
            out
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[..32], draw(1)[32..64]);
    }

    #[test]
    fn fractions_stay_below_one() {
        let mut entropy = Entropy::new([9; 32]);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&entropy.fraction())));
    }
}
