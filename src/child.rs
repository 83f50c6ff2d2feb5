//! What forked children have in common: how one starts, is told to stop, and how its end is read.
//!
//! Must not know: what the child does.

use crate::log::Log;
use crate::os::{Fd, Os, Pid, Signal, Wait, WaitStatus};

/// The exit code of a child that SIGUSR1 told to stop: an end, but not an error
/// (Redis: `SERVER_CHILD_NOERROR_RETVAL`).
pub const SERVER_CHILD_NOERROR_RETVAL: i32 = 255;

/// What the end of a child means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// It found out by itself that it cannot finish.
    Error,
    /// It was ended by this signal number.
    Signal(i32),
}

impl Outcome {
    /// A child told to stop exits with a code of its own, and counts as ended by SIGUSR1
    /// (Redis: `checkChildrenDone`).
    pub fn of(status: WaitStatus) -> Outcome {
        match status {
            WaitStatus::Exited(0) => Outcome::Success,
            WaitStatus::Exited(SERVER_CHILD_NOERROR_RETVAL) => {
                Outcome::Signal(Signal::SIGUSR1 as i32)
            }
            WaitStatus::Exited(_) => Outcome::Error,
            WaitStatus::Signaled(signal) => Outcome::Signal(signal),
        }
    }
}

/// First thing in a child: gives back the listening sockets, so that a new server can have the
/// address while an orphan still works (Redis: `closeClildUnusedResourceAfterFork`).
pub fn close_unused_resources(os: &mut dyn Os, listening: &[Fd]) {
    for &fd in listening {
        let _ = os.close(fd);
    }
}

/// Second thing in a child: from now on SIGUSR1 leaves a line in the log (Redis:
/// `setupChildSignalHandlers`, `sigKillChildHandler`).
pub fn setup_child_signal_handlers(os: &mut dyn Os, log: &Log) {
    let words = log.last_words(os, "Received SIGUSR1 in child, exiting now.");
    os.set_last_words(words);
}

/// Tells a child to stop and waits for it. When this returns, the child is gone or could not be
/// signalled.
///
/// Other children that end meanwhile are reaped unseen. Like Redis, this waits for as long as
/// wait3(2) does not name that child, whatever it answers instead.
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
    use super::{Os, Outcome, Signal, WaitStatus, close_unused_resources};
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
        let told = Outcome::Signal(Signal::SIGUSR1 as i32);
        assert_eq!(Outcome::of(WaitStatus::Exited(0)), Outcome::Success);
        assert_eq!(Outcome::of(WaitStatus::Exited(1)), Outcome::Error);
        assert_eq!(Outcome::of(WaitStatus::Exited(255)), told);
        assert_eq!(Outcome::of(WaitStatus::Signaled(9)), Outcome::Signal(9));
    }
}
