//! When a call that was entered may be completed.
//!
//! Must not know: what completing a call does.

use super::entered::{Delay, Entered};
use super::{Kernel, Time};

impl Kernel {
    /// Whether the call may be completed: its delay is over, and its task is not held.
    pub fn is_ready(&self, entered: &Entered) -> bool {
        !self.is_delayed(entered) && !self.is_held(entered.task)
    }

    /// Whether the plan still keeps the call from happening.
    pub fn is_delayed(&self, entered: &Entered) -> bool {
        match entered.delay {
            Delay::None => false,
            Delay::Tick(time) => self.now() < time,
            Delay::Until(time) => self.now() < time && self.is_in_force(entered),
            Delay::UntilHealed => self.is_in_force(entered),
        }
    }

    /// Whether the rule that delays the call was not healed.
    fn is_in_force(&self, entered: &Entered) -> bool {
        entered.rule.is_some_and(|rule| self.plan.has(rule))
    }

    /// Whether the call still takes its time, as on a slow disk.
    pub fn is_slow(&self, entered: &Entered) -> bool {
        self.deadline(entered).is_some()
    }

    /// When the call will be ready by itself. None: it is ready, or waits for `heal` or a release.
    pub fn deadline(&self, entered: &Entered) -> Option<Time> {
        match entered.delay {
            Delay::Tick(time) if self.now() < time => Some(time),
            Delay::Until(time) if self.now() < time && self.is_in_force(entered) => Some(time),
            _ => None,
        }
    }
}
