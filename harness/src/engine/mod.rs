//! Processes and threads that run jobs: cores, workers, what goes between them, and how all of it
//! ends.
//!
//! Must not know: which cases there are, what becomes of an outcome, and how anything is printed.

mod entry;
pub mod host;
pub mod interrupt;
mod line;
mod open_files;
pub mod pool;
pub mod reap;
pub mod reexec;
pub mod servers;
pub mod session;
mod version;
pub mod wire;
pub mod worker;
pub mod worlds;
