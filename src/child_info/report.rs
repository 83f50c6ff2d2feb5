//! What a child reports, and what each way of reporting has to do.
//!
//! Must not know: which ways there are.

use crate::log::Log;
use crate::os::Os;

/// Which child reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessType {
    Rdb,
    Aof,
}

impl ProcessType {
    /// As the log calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            ProcessType::Rdb => "RDB",
            ProcessType::Aof => "AOF rewrite",
        }
    }
}

/// What a parent has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildInfo {
    Progress(Progress),
    /// The last report of a child that has done its work, with its copy-on-write memory in bytes.
    Done(ProcessType, u64),
}

/// How far a child has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Copy-on-write memory in bytes.
    pub cow: u64,
    /// When it was measured, in microseconds of the monotonic clock.
    pub cow_updated: u64,
    /// Keys that were written.
    pub keys: u64,
}

/// The parent has gone: there is nobody to work for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentGone;

/// A way of reporting.
pub(super) trait Report {
    /// Called after each key.
    fn after_key(
        &mut self,
        os: &mut dyn Os,
        log: &Log,
        process: ProcessType,
        keys: u64,
    ) -> Result<(), ParentGone>;

    /// When progress was reported last, in milliseconds since the epoch.
    fn last_report(&self) -> i64 {
        0
    }

    /// Called when the work is done.
    fn done(&mut self, os: &mut dyn Os, log: &Log, process: ProcessType) -> Result<(), ParentGone>;
}
