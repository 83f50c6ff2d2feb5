//! The pipe by which a child reports to its parent (Redis: childinfo.c).
//!
//! What it carries is up to the generation: [`at_the_end`] or [`continuous`]. Either message is
//! Redis' struct on x86-64, byte for byte, in native byte order.
//!
//! Must not know: what the child did.

mod at_the_end;
mod continuous;
mod report;

use crate::generation::ChildReport;
use crate::log::Log;
use crate::os::{Fd, Os};
pub use at_the_end::CHILD_INFO_MAGIC;
use report::Report;
pub use report::{ChildInfo, ParentGone, ProcessType, Progress};

/// Both ends, if open. Parent and child each hold both, unless the generation closes one.
#[derive(Clone, Copy, Debug)]
pub struct ChildInfoPipe {
    ends: Option<(Fd, Fd)>,
    report: ChildReport,
}

impl Default for ChildInfoPipe {
    fn default() -> Self {
        ChildInfoPipe::new(ChildReport::AtTheEnd)
    }
}

impl ChildInfoPipe {
    /// A pipe that is not open yet.
    pub fn new(report: ChildReport) -> ChildInfoPipe {
        ChildInfoPipe { ends: None, report }
    }

    /// pipe(2) with a non-blocking read end. If it fails, the child's report is lost (Redis:
    /// `openChildInfoPipe`).
    pub fn open(&mut self, os: &mut dyn Os) {
        self.ends = os.pipe().ok();
        if let Some((read, _)) = self.ends
            && os.set_nonblocking(read).is_err()
        {
            self.close(os);
        }
    }

    /// Closes both ends, if open (Redis: `closeChildInfoPipe`).
    pub fn close(&mut self, os: &mut dyn Os) {
        if let Some((read, write)) = self.ends.take() {
            let _ = os.close(read);
            let _ = os.close(write);
        }
    }

    /// Parent: wait(2) returned something else than the child that reports. 6.0 closes the pipe
    /// all the same, so that the report is lost.
    pub fn after_other_child(&mut self, os: &mut dyn Os) {
        match self.report {
            ChildReport::AtTheEnd => self.close(os),
            ChildReport::Continuous => {}
        }
    }

    /// Child: how it reports from here on.
    ///
    /// `last_report` is when progress was reported last, in milliseconds since the epoch; a child
    /// has it from its parent.
    pub fn reporter(&self, log: &Log, process: ProcessType, last_report: i64) -> Reporter {
        let write = self.ends.map(|(_, write)| write);
        let how: Box<dyn Report> = match self.report {
            ChildReport::AtTheEnd => Box::new(at_the_end::AtTheEnd { write }),
            ChildReport::Continuous => Box::new(continuous::Continuous::new(write, last_report)),
        };
        Reporter { how, log: log.clone(), process, keys: 0 }
    }

    /// Child: what it does with the end that it does not need.
    pub fn keep_write_end(&self, os: &mut dyn Os) {
        if let (Some((read, _)), ChildReport::Continuous) = (self.ends, self.report) {
            // So that a child notices when its parent is gone.
            let _ = os.close(read);
        }
    }

    /// Parent: what has arrived (Redis: `receiveChildInfo`).
    pub fn receive(&self, os: &mut dyn Os) -> Vec<ChildInfo> {
        let Some((read, _)) = self.ends else { return Vec::new() };
        match self.report {
            ChildReport::AtTheEnd => at_the_end::receive(os, read),
            ChildReport::Continuous => continuous::receive(os, read),
        }
    }

    /// Parent: what has arrived from a child that is still running.
    pub fn receive_progress(&self, os: &mut dyn Os) -> Vec<ChildInfo> {
        match (self.ends, self.report) {
            (Some((read, _)), ChildReport::Continuous) => continuous::receive(os, read),
            _ => Vec::new(),
        }
    }
}

/// A child's side of the pipe.
pub struct Reporter {
    how: Box<dyn Report>,
    log: Log,
    process: ProcessType,
    keys: u64,
}

impl Reporter {
    /// A key was written.
    pub fn after_key(&mut self, os: &mut dyn Os) -> Result<(), ParentGone> {
        self.keys += 1;
        self.how.after_key(os, &self.log, self.process, self.keys)
    }

    /// When progress was reported last, in milliseconds since the epoch.
    pub fn last_report(&self) -> i64 {
        self.how.last_report()
    }

    /// The work is done.
    pub fn done(&mut self, os: &mut dyn Os) -> Result<(), ParentGone> {
        self.how.done(os, &self.log, self.process)
    }
}
