//! What all forked children have in common: how one starts, how it is killed, and what its exit
//! status means.
//!
//! Must not know: what the child does.

use crate::log::Log;
use crate::os::{Fd, Os, Pid, Signal, Wait, WaitStatus};

/// The exit code of a child that was killed by SIGUSR1, which does not count as an error (Redis:
/// `SERVER_CHILD_NOERROR_RETVAL`).
pub const SERVER_CHILD_NOERROR_RETVAL: i32 = 255;

/// What a child's exit status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildOutcome {
    Success,
    /// It exited because it could not finish.
    Error,
    /// It was killed by this signal number.
    Signal(i32),
}

impl ChildOutcome {
    /// A child killed by SIGUSR1 exits with a code of its own, which counts as that signal (Redis:
    /// `checkChildrenDone`).
    pub fn of(status: WaitStatus) -> ChildOutcome {
        match status {
            WaitStatus::Exited(0) => ChildOutcome::Success,
            WaitStatus::Exited(SERVER_CHILD_NOERROR_RETVAL) => {
                ChildOutcome::Signal(Signal::SIGUSR1 as i32)
            }
            WaitStatus::Exited(_) => ChildOutcome::Error,
            WaitStatus::Signaled(signal) => ChildOutcome::Signal(signal),
        }
    }
}

/// First step of a child: closes the listening sockets, so that a new server can bind the address
/// while an orphaned child is still running (Redis: `closeClildUnusedResourceAfterFork`).
pub fn close_unused_resources(os: &mut dyn Os, listening: &[Fd]) {
    for &fd in listening {
        let _ = os.close(fd);
    }
}

/// Second step of a child: from now on SIGUSR1 writes a log line before it ends the child (Redis:
/// `setupChildSignalHandlers`, `sigKillChildHandler`).
pub fn setup_child_signal_handlers(os: &mut dyn Os, log: &Log) {
    let words = log.handler_line(os, "Received SIGUSR1 in child, exiting now.");
    os.set_handler_line(words);
}

/// Sends SIGUSR1 to a child and waits for it. On return the child has ended or could not be
/// signalled.
///
/// Other children that end meanwhile are reaped and ignored. Like Redis, this loops until wait3(2)
/// returns that child, whatever else it returns.
pub fn kill_and_wait(os: &mut dyn Os, pid: Pid) {
    if os.kill(pid, Signal::SIGUSR1).is_err() {
        return;
    }
    loop {
        if let Ok(Some((ended, _))) = os.wait3(Wait::Block)
            && ended == pid
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChildOutcome, Os, Signal, WaitStatus, close_unused_resources};
    use crate::os::Errno;
    use crate::os::linux::LinuxOs;

    #[test]
    fn what_a_child_does_not_need_is_closed() {
        let os = &mut LinuxOs::new();
        let (read, write) = os.pipe().expect("two descriptors");
        os.set_nonblocking(read).expect("it is open");
        assert_eq!(os.read(read, &mut [0]), Err(Errno::EAGAIN));
        close_unused_resources(os, &[write]);
        assert_eq!(os.read(read, &mut [0]), Ok(0), "nobody can write any more");
    }

    #[test]
    fn being_told_to_stop_is_no_error() {
        let told = ChildOutcome::Signal(Signal::SIGUSR1 as i32);
        assert_eq!(ChildOutcome::of(WaitStatus::Exited(0)), ChildOutcome::Success);
        assert_eq!(ChildOutcome::of(WaitStatus::Exited(1)), ChildOutcome::Error);
        assert_eq!(ChildOutcome::of(WaitStatus::Exited(255)), told);
        assert_eq!(ChildOutcome::of(WaitStatus::Signaled(9)), ChildOutcome::Signal(9));
    }
}
