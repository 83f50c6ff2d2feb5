//! Virtual time: nanoseconds, which pass only when somebody advances the clock.
//!
//! Must not know: who waits for what.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, in nanoseconds since the machine was switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The moment the machine was switched on.
    pub const ZERO: Time = Time(0);

    /// Nanoseconds since the machine was switched on.
    pub fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, by: Duration) -> Time {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(by))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds and milliseconds, `1.250s`; with nanoseconds if it is not a whole millisecond.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if nanos % 1_000_000 == 0 {
            write!(f, "{seconds}.{:03}s", nanos / 1_000_000)
        } else {
            write!(f, "{seconds}.{nanos:09}s")
        }
    }
}

/// The machine's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    now: Time,
    /// How far somebody has set CLOCK_REALTIME back, in nanoseconds.
    behind: u64,
}

impl Clock {
    /// CLOCK_REALTIME when the machine is switched on, in nanoseconds since the epoch: one fixed
    /// moment (2023-11-14 22:13:20 UTC), so that dates in logs and expiry times repeat.
    pub const REALTIME_AT_ZERO: u64 = 1_700_000_000_000_000_000;
    /// CLOCK_MONOTONIC when the machine is switched on; not 0, which servers take for "never".
    pub const MONOTONIC_AT_ZERO: u64 = 1_000_000_000;

    pub fn new() -> Self {
        Clock { now: Time::ZERO, behind: 0 }
    }

    pub fn now(&self) -> Time {
        self.now
    }

    /// CLOCK_REALTIME in nanoseconds.
    pub fn realtime(&self) -> u64 {
        (Self::REALTIME_AT_ZERO + self.now.0).saturating_sub(self.behind)
    }

    /// Sets CLOCK_REALTIME back, as clock_settime(2) does. CLOCK_MONOTONIC, and so every deadline,
    /// goes on.
    pub fn set_back(&mut self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.behind = self.behind.saturating_add(by);
    }

    /// As if it had been set back by so much in all.
    pub fn set_behind(&mut self, by: Duration) {
        self.behind = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    }

    /// How far it was set back in all.
    pub fn behind(&self) -> Duration {
        Duration::from_nanos(self.behind)
    }

    /// CLOCK_MONOTONIC in nanoseconds.
    pub fn monotonic(&self) -> u64 {
        Self::MONOTONIC_AT_ZERO + self.now.0
    }

    /// The clock of a machine as it was, or will be, at another moment.
    pub fn at(now: Time) -> Self {
        Clock { now, behind: 0 }
    }

    /// Moves the clock forward to `to`; it never goes back.
    pub fn advance_to(&mut self, to: Time) {
        debug_assert!(to >= self.now, "the clock was asked to go back to {to} at {}", self.now);
        self.now = self.now.max(to);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_the_wall_clock_back_leaves_the_monotonic_clock_alone() {
        let mut clock = Clock::new();
        clock.advance_to(Time(5_000_000_000));
        let (realtime, monotonic) = (clock.realtime(), clock.monotonic());
        clock.set_back(Duration::from_secs(3));
        clock.set_back(Duration::from_secs(1));
        assert_eq!(clock.realtime(), realtime - 4_000_000_000);
        assert_eq!((clock.monotonic(), clock.now()), (monotonic, Time(5_000_000_000)));
        clock.advance_to(Time(6_000_000_000));
        assert_eq!(clock.realtime(), realtime - 3_000_000_000);
        assert_eq!(clock.behind(), Duration::from_secs(4));
    }
}
