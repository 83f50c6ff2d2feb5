//! The append only file as one file, up to 6.2 (Redis: aof.c).
//!
//! `load` replays it; [`rewrite`] replaces it by a shorter one, which a child writes
//! (`rewrite_child`) while the parent sends it the changes made meanwhile (`rewrite_buffer`,
//! `pipes`); `switch` turns it on and off.
//!
//! Must not know: clients, and what commands do.

mod load;
mod pipes;
mod rewrite;
mod rewrite_buffer;
mod rewrite_child;
mod state;
mod storage;
mod switch;

pub(super) use state::SingleFile;
