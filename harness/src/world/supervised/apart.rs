//! Tasks that are neither held in a trapped call nor followed.
//!
//! Must not know: how they are found out, and when they go on.

use std::time::Duration;

use super::waiting_loop::WaitingLoop;

/// Why a task is not followed although it has made no call that is trapped.
#[derive(Debug)]
pub enum Apart {
    /// It is stopped, because it does nothing but wait for others.
    Stopped(Spin),
    /// It is in a call that is not trapped, and somebody else may end that.
    Blocked,
}

/// A thread that is stopped in a waiting loop.
#[derive(Debug)]
pub struct Spin {
    pub waits: WaitingLoop,
    /// Its counter ends sooner or later, and has not been given the time yet.
    pub ends: bool,
    /// A signal handler is due.
    pub interrupted: bool,
}

impl Spin {
    pub fn is_over(&self, tid: i32) -> bool {
        self.interrupted || self.waits.is_over(tid)
    }
}

/// When a running thread is looked at, and what was seen.
#[derive(Debug)]
pub struct Watch {
    pub pause: Duration,
    /// How many instructions are carried out at the next look.
    pub steps: usize,
    /// CPU time at the start, if its counter is to end first.
    pub counting_since: Option<Duration>,
}
