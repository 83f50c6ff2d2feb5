//! Waiting for a thread that is traced (ptrace(2)).
//!
//! Must not know: why it is traced.

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// Waits until it stops or is dead. One that is dead is collected, because its process cannot end
/// before; but not the first thread of a process: with it the process itself would be collected,
/// and whoever started that waits for it.
pub fn wait_for(tid: i32, flags: WaitPidFlag) -> Result<WaitStatus, Errno> {
    let pid = Pid::from_raw(tid);
    let any = WaitPidFlag::__WALL | WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED;
    let found = waitid(Id::Pid(pid), flags | any | WaitPidFlag::WNOWAIT)?;
    let is_dead = matches!(found, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
    if found == WaitStatus::StillAlive || (is_dead && is_first_thread(tid)) {
        return Ok(found);
    }
    waitpid(pid, Some(WaitPidFlag::__WALL | flags))
}

fn is_first_thread(tid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.is_some_and(|group| group.trim() == tid.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use nix::sys::ptrace;
    use nix::sys::signal::{Signal, kill};

    use super::*;

    #[test]
    fn a_process_that_dies_while_it_is_traced_is_left_to_who_started_it() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("a process");
        let tid = child.id() as i32;
        let pid = Pid::from_raw(tid);
        ptrace::seize(pid, ptrace::Options::empty()).expect("a child of ours");
        kill(pid, Signal::SIGKILL).expect("a child of ours");
        let killed = WaitStatus::Signaled(pid, Signal::SIGKILL, false);
        assert_eq!(wait_for(tid, WaitPidFlag::empty()), Ok(killed));
        let status = child.wait().expect("nobody has collected it");
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
    }
}
