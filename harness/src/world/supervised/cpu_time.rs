//! How much CPU time a thread has used.
//!
//! Must not know: what for.

use std::fs;
use std::time::Duration;

/// The CPU time that a thread has used; None: it is gone, or Linux was built without that.
pub fn cpu_time(tid: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{tid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
