//! Keeps rewrites that fail from being tried all the time: each try leaves one more increment
//! (Redis: `aofRewriteLimited`, aof.c).
//!
//! After three failures in a row the next try waits a minute, then two, four, and so on up to an
//! hour. A client may still ask for one. Must not know: what a rewrite is.

/// Failures in a row from which on tries are limited.
const THRESHOLD: u64 = 3;
/// Longest wait, in minutes.
const MAX_MINUTES: i64 = 60;

/// The state of waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limiter {
    /// The last wait in minutes; 0 if there was none.
    delay: i64,
    /// When the wait is over, in seconds since the epoch; 0 outside of one.
    until: i64,
}

/// Whether a rewrite may start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    May,
    Waits,
    /// It waits from now on, for this many minutes.
    Begins(i64),
}

impl Limiter {
    /// Asked before each rewrite that nobody asked for, at `now` in seconds since the epoch.
    pub(super) fn ask(&mut self, consecutive_failures: u64, now: i64) -> Limit {
        if consecutive_failures < THRESHOLD {
            *self = Limiter::default();
            return Limit::May;
        }
        if self.until != 0 {
            if now < self.until {
                return Limit::Waits;
            }
            self.until = 0;
            return Limit::May;
        }
        self.delay = if self.delay == 0 { 1 } else { (self.delay * 2).min(MAX_MINUTES) };
        self.until = now + self.delay * 60;
        Limit::Begins(self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Limiter};

    #[test]
    fn waits_double_up_to_an_hour_and_one_success_ends_them() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.ask(2, 1000), Limit::May);
        let mut now = 1000;
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(limiter.ask(3, now), Limit::Begins(minutes));
            assert_eq!(limiter.ask(3, now + minutes * 60 - 1), Limit::Waits);
            now += minutes * 60;
            assert_eq!(limiter.ask(3, now), Limit::May);
        }
        assert_eq!(limiter.ask(0, now), Limit::May);
        assert_eq!(limiter.ask(3, now), Limit::Begins(1));
    }
}
