//! Loops that try a call again and again until it succeeds or a time is over.
//!
//! Time does not pass while a task runs, so such a loop would never end. When a task's calls have
//! failed so often in a row at one moment, each further one takes a while, and everybody else runs
//! meanwhile. A loop that goes on nevertheless does not look at the clock. Must not know: which
//! calls these are, and why they fail.

use std::time::Duration;

use super::clock::Time;

/// How many calls in a row may fail at one moment.
const AT_ONE_MOMENT: u32 = 1_000;
/// How long each one takes after that.
const TICK: Duration = Duration::from_millis(1);
/// How many may fail in a row, then or later. Servers give up after some seconds.
const IN_A_ROW: u32 = 20_000;
/// What a door says of more.
pub const ENDLESS: &str = "20,000 calls in a row have failed or moved nothing";

/// The calls of a task that have failed since one succeeded, without a pause between them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures {
    in_a_row: u32,
    /// When the last one failed.
    at: Time,
}

impl Failures {
    /// A call that was made at `began` has returned.
    pub fn note(&mut self, failed: bool, began: Time, now: Time) {
        let goes_on = failed && (self.in_a_row == 0 || began == self.at);
        self.in_a_row = if goes_on { self.in_a_row + 1 } else { u32::from(failed) };
        self.at = now;
    }

    /// When a call that is made now is let through; None: at once.
    pub fn next_at(&self, now: Time) -> Option<Time> {
        (self.in_a_row >= AT_ONE_MOMENT && self.at == now).then(|| now + TICK)
    }

    /// Whether the loop will never end.
    pub fn are_endless(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_for_a_loop_and_for_nobody_else() {
        let (mut failures, mut now, start) = (Failures::default(), Time::ZERO, Time::ZERO);
        let mut calls = 0;
        while now - start < Duration::from_secs(1) {
            let began = now;
            now = failures.next_at(now).unwrap_or(now);
            failures.note(true, began, now);
            calls += 1;
        }
        assert_eq!(calls, AT_ONE_MOMENT + 1000);
        failures.note(false, now, now);
        assert_eq!(failures.next_at(now), None, "it got on");
        for _ in 0..2 * AT_ONE_MOMENT {
            failures.note(true, now, now);
            now = now + TICK;
            assert_eq!(failures.next_at(now), None, "it waits by itself");
        }
    }

    #[test]
    fn a_loop_that_does_not_look_at_the_clock_is_endless() {
        let (mut failures, mut now) = (Failures::default(), Time::ZERO);
        for _ in 0..IN_A_ROW {
            assert!(!failures.are_endless());
            let began = now;
            now = failures.next_at(now).unwrap_or(now);
            failures.note(true, began, now);
        }
        assert!(failures.are_endless());
    }
}
