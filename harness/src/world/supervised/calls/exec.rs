//! execve(2) of a process that runs already: a shell script that becomes the server, say.
//!
//! The caller is traced over its exec, so that the new program is prepared like the first one
//! ([`crate::world::supervised::start::exec`]) before it has run an instruction. Must not know:
//! what is executed.

use std::fs;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Action, Outcome, Trouble};
use crate::kernel::Fd;
use crate::world::Broken;
use crate::world::supervised::Supervised;
use crate::world::supervised::notify::{Answer, Notice};
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::start::exec::{Clocks, prepare};

/// How long to wait between two looks at what became of an exec, in real milliseconds.
const LOOK: u16 = 1;
/// How many looks there are.
const LOOKS: u32 = 10_000;

/// What became of an exec.
enum Exec {
    Done,
    /// The caller goes on, and makes its next call.
    Failed,
    Ended,
}

impl Supervised {
    /// execve(2) and execveat(2).
    pub(super) fn exec(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let Some(pid) = self.table.task(tid).map(|task| task.pid) else { return Ok(Action::Gone) };
        if self.table.tasks.iter().filter(|task| task.pid == pid).count() > 1 {
            let what = "a process with several threads executes a program: not modelled";
            return Err(Trouble::Broken(Broken::NotMeasured(what.to_string())));
        }
        let failed = |errno: Errno| Trouble::Broken(os_error("trace an exec", errno));
        let host = Pid::from_raw(tid);
        ptrace::seize(host, ptrace::Options::PTRACE_O_TRACEEXEC).map_err(failed)?;
        let listener = self.listener(tid)?;
        listener.answer(notice.id, Answer::Continue).map_err(failed)?;
        let exec = await_exec(tid, listener.as_fd()).map_err(failed)?;
        match exec {
            Exec::Done => {
                prepare(tid, Clocks::Calls)
                    .map_err(|what| Broken::Harness(format!("an exec: {what}")))?;
                ptrace::detach(host, None).map_err(failed)?;
                self.executed(tid)?;
                Ok(Action::Answered)
            }
            Exec::Failed => {
                // Stopped in its next call, which it makes once more.
                ptrace::interrupt(host).map_err(failed)?;
                waitpid(host, Some(WaitPidFlag::__WALL)).map_err(failed)?;
                ptrace::detach(host, None).map_err(failed)?;
                Ok(Action::Answered)
            }
            Exec::Ended => {
                self.await_exit(pid)?;
                Ok(Action::Gone)
            }
        }
    }

    /// Drops what a process does not keep over an exec.
    fn executed(&mut self, tid: i32) -> Result<(), Broken> {
        let open = open_descriptors(tid)?;
        if let Some(known) = self.table.task(tid).and_then(|task| task.known) {
            self.kernel.borrow_mut().executed(known, |fd| open.contains(&fd));
        }
        let Some(task) = self.table.task_mut(tid) else { return Ok(()) };
        (task.clear_tid, task.in_handler) = (0, None);
        let pid = task.pid;
        if let Some(process) = self.table.process_mut(pid) {
            process.files.retain(|fd, _| open.contains(fd));
            process.epolls.get_mut().clear();
            process.loops = Default::default();
        }
        Ok(())
    }
}

/// Waits for the end of an exec.
fn await_exec(tid: i32, listener: std::os::fd::BorrowedFd<'_>) -> Result<Exec, Errno> {
    for _ in 0..LOOKS {
        match waitpid(Pid::from_raw(tid), Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => {}
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => return Ok(Exec::Done),
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return Ok(Exec::Ended),
            WaitStatus::Stopped(pid, signal) => ptrace::cont(pid, signal)?,
            other => {
                let pid = other.pid().ok_or(Errno::ECHILD)?;
                ptrace::cont(pid, None)?;
            }
        }
        let mut fds = [PollFd::new(listener, PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(LOOK))? > 0 {
            return Ok(Exec::Failed);
        }
    }
    Err(Errno::ETIMEDOUT)
}

/// The descriptors that a process has open.
fn open_descriptors(tid: i32) -> Result<Vec<Fd>, Broken> {
    let folder = format!("/proc/{tid}/fd");
    let entries = fs::read_dir(&folder).map_err(|e| Broken::Harness(format!("{folder}: {e}")))?;
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    Ok(entries.flatten().filter_map(number).collect())
}
