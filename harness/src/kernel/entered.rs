//! A call from the moment it is made to the moment it is completed.
//!
//! Must not know: how a call is completed.

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::call::CallName;
use super::clock::Time;
use super::disk::SyncMark;
use super::fd::Fd;
use super::plan::{Claim, Effect, Halt, RuleNumber, When};
use super::process::TaskId;
use super::site::Site;
use super::trace::{Detail, Injected, Returned};

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    None,
    Fd(Fd),
    /// A path from the run directory, without `./`.
    Path(&'a str),
    Rename {
        from: &'a str,
        to: &'a str,
    },
}

/// A call as the task made it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub call: CallName,
    pub target: Target<'a>,
    /// Bytes asked for (read, write), the new length (ftruncate, truncate), or the flags (open).
    pub argument: u64,
}

/// Why a call does not return yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delay {
    None,
    Until(Time),
    UntilHealed,
    /// The plan has nothing to do with it: calls of this task fail again and again.
    Tick(Time),
}

impl Delay {
    pub fn is_of_plan(self) -> bool {
        matches!(self, Delay::Until(_) | Delay::UntilHealed)
    }
}

/// A call that was entered and is not completed yet.
#[derive(Debug)]
#[must_use = "a call that was entered must be completed or abandoned"]
pub struct Entered {
    pub task: TaskId,
    pub site: Site,
    /// What the plan decided, except for delays: for those see [`super::Kernel::is_ready`].
    pub effect: Option<Effect>,
    /// Roles that the machine syncs by itself once the call is completed.
    pub(super) syncs_after: Vec<String>,
    pub(super) detail: Detail,
    /// What a sync covers: all that was written before it was called.
    pub(super) mark: Option<SyncMark>,
    pub(super) delay: Delay,
    pub(super) began: Time,
    /// The rule that decided about it.
    pub(super) rule: Option<RuleNumber>,
}

impl Entered {
    /// The signal that the plan sends with this call.
    pub fn signal(&self) -> Option<Signal> {
        match self.effect {
            Some(Effect::Signal(signal)) => Some(signal),
            _ => None,
        }
    }

    /// The kill or power cut that the plan puts on this side of the call.
    pub fn halt(&self, when: When) -> Option<Halt> {
        match self.effect {
            Some(Effect::Halt(side, halt)) if side == when => Some(halt),
            _ => None,
        }
    }

    /// The kill or power cut has happened, and the caller has survived it: the rest is an ordinary
    /// call.
    pub fn clear_effect(&mut self) {
        self.effect = None;
    }

    /// Whether who makes it again and again gets no further: it failed, or was a write that took
    /// nothing of what is left.
    pub(super) fn got_nowhere(&self, returned: &Returned) -> bool {
        match (returned, &self.detail) {
            (Returned::Error(_), _) => true,
            (Returned::Value(0), Detail::Bytes(1..)) => self.site.call == CallName::Write,
            _ => false,
        }
    }

    /// What the plan did to this call, for the trace.
    pub(super) fn injected(&self) -> Option<Injected> {
        match self.effect {
            Some(Effect::Error(_)) => Some(Injected::Error),
            Some(Effect::Short(_)) => Some(Injected::Short),
            Some(Effect::Retval(_)) => Some(Injected::Lie),
            Some(Effect::Delay(_) | Effect::Hold) => Some(Injected::Delay),
            Some(Effect::Signal(_)) => Some(Injected::Signal),
            Some(Effect::Halt(..)) => Some(Injected::Halt),
            None if self.delay.is_of_plan() => Some(Injected::Delay),
            // The kernel makes an error of one; a plan keeps the machine's own syncs apart.
            Some(Effect::ReadOnly | Effect::Sync(..)) | None => None,
        }
    }

    pub(super) fn error(&self) -> Option<Errno> {
        match self.effect {
            Some(Effect::Error(errno)) => Some(errno),
            _ => None,
        }
    }

    pub(super) fn lie(&self) -> Option<i64> {
        match self.effect {
            Some(Effect::Retval(Claim::Exactly(value))) => Some(value),
            // A plan that decides has made a number of it.
            Some(Effect::Retval(Claim::All)) => unreachable!("a claim is settled"),
            _ => None,
        }
    }

    /// How many of `wanted` bytes the plan lets through.
    pub(super) fn limit(&self, wanted: u64) -> u64 {
        match self.effect {
            Some(Effect::Short(bytes)) => wanted.min(bytes),
            _ => wanted,
        }
    }
}
