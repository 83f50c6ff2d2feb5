//! What happens to a machine, in an operator's words: the faults of a sweep by what brings them on.
//!
//! Must not know: what became of a run.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::sweep::fault::{CallFault, Then};
use crate::sweep::{Fault, OneOrPair};

/// The reason why calls go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `kill -9`, or the out-of-memory killer.
    Kill,
    PowerCut,
    /// ENOSPC and EDQUOT, and what a disk takes before it is full.
    DiskFull,
    /// Any other error of a file, and calls that move less than they were asked for.
    DiskError,
    SlowDisk,
    /// No descriptor, process or memory is left.
    OutOfResources,
    /// A disk claims what it has not done.
    Lie,
    /// Nothing but an order of tasks that is rare.
    Timing,
    /// No fault at all.
    Nothing,
    /// The case library, in which each case has faults of its own.
    Cases,
}

impl Event {
    /// What brings on a fault.
    pub fn of(fault: &Fault) -> Event {
        match fault.of_the_call() {
            None if *fault == Fault::None => Event::Nothing,
            None => Event::Timing,
            Some(CallFault::Kill(..)) => Event::Kill,
            Some(CallFault::PowerCut(..)) => Event::PowerCut,
            Some(CallFault::Delay(_)) => Event::SlowDisk,
            Some(CallFault::Lie) => Event::Lie,
            Some(CallFault::Short(_, Then::Full)) => Event::DiskFull,
            Some(CallFault::Short(_, Then::Killed)) => Event::Kill,
            Some(CallFault::Short(..) | CallFault::ErrorPagesKept(_)) => Event::DiskError,
            Some(CallFault::Error(errno, _)) => Event::of_error(errno),
        }
    }

    /// What makes a call fail with this errno.
    pub fn of_error(errno: Errno) -> Event {
        match errno {
            Errno::ENOSPC | Errno::EDQUOT => Event::DiskFull,
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EAGAIN => Event::OutOfResources,
            _ => Event::DiskError,
        }
    }

    /// The same for the heading of a column, as reports hold it.
    pub fn of_column(column: &str) -> Option<Event> {
        let fault: OneOrPair<Fault> = column.parse().ok()?;
        Some(Event::of(fault.last()))
    }

    /// When something happens, as the beginning of a sentence.
    pub fn when(self) -> &'static str {
        match self {
            Event::Kill => "after a kill -9",
            Event::PowerCut => "after a power cut",
            Event::DiskFull => "when the disk is full",
            Event::DiskError => "after a disk error",
            Event::SlowDisk => "with a slow disk",
            Event::OutOfResources => "without a free descriptor, process or memory",
            Event::Lie => "on a disk that lies",
            Event::Timing => "with rare timing",
            Event::Nothing => "without any fault",
            Event::Cases => "in a case of the library",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Event::Kill => "kill -9",
            Event::PowerCut => "power cut",
            Event::DiskFull => "disk full",
            Event::DiskError => "disk error",
            Event::SlowDisk => "slow disk",
            Event::OutOfResources => "out of resources",
            Event::Lie => "disk that lies",
            Event::Timing => "rare timing",
            Event::Nothing => "no fault",
            Event::Cases => "case library",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    #[test]
    fn a_column_tells_what_brings_it_on() {
        for (column, event) in [
            ("all<", Event::Kill),
            ("xfs>", Event::PowerCut),
            ("ENOSPC+", Event::DiskFull),
            ("half, full+", Event::DiskFull),
            ("EIO, kept", Event::DiskError),
            ("half", Event::DiskError),
            ("10s", Event::SlowDisk),
            ("EMFILE", Event::OutOfResources),
            ("lie", Event::Lie),
            ("child first", Event::Timing),
            ("EIO, child first", Event::DiskError),
            ("lie + all<", Event::Kill),
        ] {
            assert_eq!(Event::of_column(column), Some(event), "{column}");
        }
        assert_eq!(Event::of_column("its own faults"), None);
    }
}
