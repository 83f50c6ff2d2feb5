//! The time of day, asked of the operating system each time (Redis: `ustime`, `mstime` and libc's
//! `time(NULL)`). The server's cached time is `server::CachedTime`.
//!
//! Must not know: what the time is for.

use crate::os::{Clock, Os};

/// Microseconds since the epoch.
pub fn ustime(os: &mut dyn Os) -> i64 {
    (os.clock_gettime(Clock::Realtime) / 1_000) as i64
}

/// Milliseconds since the epoch.
pub fn mstime(os: &mut dyn Os) -> i64 {
    (os.clock_gettime(Clock::Realtime) / 1_000_000) as i64
}

/// Seconds since the epoch.
pub fn time(os: &mut dyn Os) -> i64 {
    (os.clock_gettime(Clock::Realtime) / 1_000_000_000) as i64
}
