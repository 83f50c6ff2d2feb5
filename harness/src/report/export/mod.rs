//! A run of a sweep for other tools: as a shell script, as a command for strace.
//!
//! Must not know: how anything is run.

pub mod shell;
pub mod strace;
