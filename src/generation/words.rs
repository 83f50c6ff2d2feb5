//! Log lines and errors that two generations word differently. What all say alike stands where it
//! is logged.
//!
//! Must not know: when they are said.

use std::fmt::Debug;

/// What is known where a snapshot could not be opened for writing.
pub struct RdbOpen<'a> {
    pub temp: &'a str,
    /// The final name.
    pub filename: &'a str,
    pub dir: &'a str,
    pub reason: &'a str,
}

/// The words of one generation.
pub trait Words: Debug + Sync {
    /// The error for write commands while background saves fail (Redis: `shared.bgsaveerr`).
    fn snapshots_failing(&self) -> &'static str;

    /// Redis: `rdbSave`.
    fn cannot_open_rdb(&self, file: &RdbOpen<'_>) -> String;

    /// The error that is printed next to the working directory: `first`, or the one of getcwd(3),
    /// if that failed meanwhile and the number is only looked at afterwards.
    fn reason_beside_dir<'a>(&self, first: &'a str, getcwd: Option<&'a str>) -> &'a str;

    /// wait(2) failed; the pids of the children, or -1 (Redis: `checkChildrenDone`).
    fn wait_error(&self, reason: &str, rdb: i32, aof: i32) -> String;

    /// A step of saving failed: `rdbSaveRio`, `fflush` and so on.
    fn rdb_write_error(&self, step: &str, reason: &str) -> String;
}
