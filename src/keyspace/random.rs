//! Random numbers for RANDOMKEY, SPOP, SRANDMEMBER and the LFU counter.
//!
//! The seed is fixed, so the same commands make the same choices after every start and runs can be
//! repeated.
//! Must not know: what is chosen.

/// A generator of the kind xorshift64* (Redis draws from `random()`).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Random::from_seed(0)
    }
}

impl Random {
    pub fn from_seed(seed: u64) -> Random {
        // From state 0 it would never change.
        Random((seed ^ 0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which must not be 0; uniform for all practical purposes.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next_u64()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_repeat_with_the_seed_and_reach_every_place() {
        let draw = |seed| {
            let mut random = Random::from_seed(seed);
            (0..1000).map(|_| random.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        for place in 0..10 {
            let times = draw(7).iter().filter(|&&drawn| drawn == place).count();
            assert!((60..150).contains(&times), "{place} came {times} times");
        }
    }
}
