//! The case library: which cases there are, what was reviewed of them, and whether an outcome is as
//! expected.
//!
//! Must not know: how a case runs, and how anything is printed.

pub mod check;
pub mod known_bugs;
pub mod library;
pub mod redis_conf;
pub mod runs;
pub mod snapshots;
