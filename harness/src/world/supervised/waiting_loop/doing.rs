//! What a stopped thread was found to do.
//!
//! Must not know: how it was found out.

use nix::sys::signal::Signal;

use super::super::memory::Memory;

/// A loop in which a thread waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLoop {
    /// What it reads again and again: addresses with the bytes found there.
    pub reads: Vec<(u64, Vec<u8>)>,
    /// It counts its passes, so it may end by itself.
    pub counts: bool,
}

/// What a stopped thread was found to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Waits(WaitingLoop),
    Works,
    /// It stopped for a signal, which is to be passed on.
    Signalled(Signal),
    /// It is dead.
    Gone,
}

impl WaitingLoop {
    /// Whether one of its words is no longer what it was.
    pub fn is_over(&self, tid: i32) -> bool {
        !are_same(tid, &self.reads)
    }
}

/// Whether words of memory are what they were.
pub fn are_same(tid: i32, words: &[(u64, Vec<u8>)]) -> bool {
    let memory = Memory(tid);
    words.iter().all(|(at, seen)| memory.read(*at, seen.len()).as_ref() == Ok(seen))
}
