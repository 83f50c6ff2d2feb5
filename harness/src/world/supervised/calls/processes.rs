//! Calls about processes and threads: clone, exit, wait, kill, and a few that affect a process as a
//! whole.
//!
//! Must not know: who runs next.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::call::Call;
use super::signals::{Disposition, disposition};
use super::{Action, Outcome, Trouble};
use crate::kernel::calls::Waited;
use crate::kernel::process::is_orphan;
use crate::kernel::{Ending, Entered, Pid};
use crate::world::Broken;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::{Answer, Notice};
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::start::namespace::open_thread;
use crate::world::supervised::tasks::{Birth, Held, Origin, Task, Wait, inner_pid_and_name};
use crate::world::supervised::{Supervised, names};

/// How long a thread may take to end, in real time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a thread that ends, in real time.
const A_MOMENT: Duration = Duration::from_micros(20);
const CLEAR_TID: u64 = libc::CLONE_CHILD_CLEARTID as u64;

impl Supervised {
    /// Decodes clone(2) and clone3(2) as a fork; None: it makes a thread.
    pub(super) fn decode_fork(&self, notice: &Notice) -> Result<Option<Call>, Trouble> {
        let (flags, child_tid) = clone_arguments(notice)?;
        if flags & libc::CLONE_THREAD as u64 != 0 {
            return Ok(None);
        }
        let strange = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT | libc::CLONE_FILES;
        if flags & strange as u64 != 0 {
            let call = names::describe(notice);
            return Err(Trouble::Broken(Broken::Harness(format!("not a fork: {call}"))));
        }
        Ok(Some(Call::Fork { clear_tid: if flags & CLEAR_TID != 0 { child_tid } else { 0 } }))
    }

    /// Makes a fork. The pid of the child is known in advance, because nobody else makes processes
    /// in this namespace.
    pub(super) fn do_fork(&mut self, tid: i32, entered: Entered, clear_tid: u64) -> Action {
        let failed = self.kernel.borrow().fork_error(&entered).is_some();
        let maker = self.table.task(tid).and_then(|task| self.table.process(task.pid));
        let Some(maker) = maker else { return Action::Gone };
        let (parent, files) = (maker.pid, maker.files.clone());
        let pid = if failed { 0 } else { maker.incarnation.pids.borrow_mut().give() };
        let task = match self.kernel.borrow_mut().fork(entered, pid) {
            Ok(task) => task,
            Err(errno) => return Action::error(errno),
        };
        self.table.births.push(Birth { pid, clear_tid, of: Origin::Child { task, parent, files } });
        Action::CONTINUE
    }

    pub(super) fn new_thread(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let (flags, child_tid) = clone_arguments(notice)?;
        let clear_tid = if flags & CLEAR_TID != 0 { child_tid } else { 0 };
        let maker = self.table.task(tid).and_then(|task| self.table.process(task.pid));
        if let Some(process) = maker {
            let of = Origin::Thread { process: process.pid };
            let pid = process.incarnation.pids.borrow_mut().give();
            self.table.births.push(Birth { pid, clear_tid, of });
        }
        Ok(Action::CONTINUE)
    }

    /// exit(2) of a thread, exit_group(2) of a process. It has ended before anybody else runs.
    pub(super) fn exit(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let Some(task) = self.table.task(tid) else { return Ok(Action::Gone) };
        let (pid, clear_tid) = (task.pid, task.clear_tid);
        let threads = self.table.tasks.iter().filter(|task| task.pid == pid).count();
        if notice.number == libc::SYS_exit_group {
            self.let_all_go(pid)?;
        }
        let one_of_many = notice.number == libc::SYS_exit && threads > 1;
        // Taken before the answer: afterwards the number may be another thread's.
        let thread = if one_of_many { open_thread(tid).ok() } else { None };
        self.listener(tid)?
            .answer(notice.id, Answer::Continue)
            .map_err(|e| os_error("answer", e))?;
        if one_of_many {
            self.await_end_of_thread(tid, pid, thread)?;
            self.thread_has_ended(tid, pid, clear_tid);
        } else {
            if let Some(process) = self.table.process_mut(pid) {
                process.ending = Some(Ending::Exited(notice.int(0) & 0xff));
            }
            self.await_exit(pid)?;
        }
        Ok(Action::Gone)
    }

    /// Waits for the end of a thread; where Linux has nothing to poll for that, by looking again
    /// and again.
    fn await_end_of_thread(
        &self,
        tid: i32,
        pid: Pid,
        thread: Option<OwnedFd>,
    ) -> Result<(), Broken> {
        if let Some(thread) = thread {
            let mut fds = [PollFd::new(thread.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX))
                .map_err(|e| os_error("poll", e))?;
        }
        let deadline = Instant::now() + PATIENCE;
        let host = self.table.process(pid).map_or(0, |process| process.host);
        while Path::new(&format!("/proc/{host}/task/{tid}")).exists() {
            if Instant::now() > deadline {
                let what = format!("thread {tid} ends and does not end");
                return Err(Broken::NotMeasured(what));
            }
            std::thread::sleep(A_MOMENT);
        }
        Ok(())
    }

    fn thread_has_ended(&mut self, tid: i32, pid: Pid, clear_tid: u64) {
        self.table.tasks.retain(|task| task.tid != tid);
        // Linux has cleared the word and woken nobody, because joiners sleep here and not there.
        if clear_tid != 0 {
            self.wake(pid, clear_tid, 1, u32::MAX);
        }
    }

    /// wait4(2): held until a child has ended; with WNOHANG answered at once.
    pub(super) fn do_wait(&mut self, tid: i32, entered: Entered, call: Call) -> Outcome {
        let Call::Wait { pid, options, status } = call else { return Ok(Action::CONTINUE) };
        if options & libc::WNOHANG == 0 && !self.kernel.borrow().can_wait(entered.task) {
            return Ok(Action::hold(Wait::Child(entered, call)));
        }
        let own = self.table.task(tid).map(|task| task.pid);
        let children = own.map_or(0, |own| self.kernel.borrow().children(own));
        if pid != -1 && children > 1 {
            return Err(Trouble::Broken(Broken::Harness(format!(
                "wait4({pid}) with {children} children is not modelled"
            ))));
        }
        let waited = self.kernel.borrow_mut().wait(entered);
        match waited {
            // Only the model has it.
            Waited::Reaped(pid, ending) if is_orphan(pid) => {
                if status != 0 {
                    Memory(tid).write(status, &ending.status().to_ne_bytes())?;
                }
                Ok(Action::value(i64::from(pid)))
            }
            // Linux has the zombie, too: the end of a process is waited for before anybody runs.
            Waited::Reaped(..) => Ok(Action::CONTINUE),
            Waited::NotYet => Ok(Action::value(0)),
            Waited::Failed(errno) => Ok(Action::error(errno)),
        }
    }

    /// kill(2). The supervisor sends the signal, so that its effect is complete before the caller
    /// goes on.
    pub(super) fn kill_call(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let (pid, signal) = (notice.int(0), notice.int(1));
        let own = self.table.task(tid).map(|task| task.pid);
        if own == Some(pid) {
            return Ok(Action::CONTINUE);
        }
        if pid <= 0 {
            let call = names::describe(notice);
            return Err(Trouble::Broken(Broken::Harness(format!("not modelled: {call}"))));
        }
        if self.table.process(pid).is_none() {
            // A signal to a zombie succeeds without effect.
            return Ok(if self.kernel.borrow().children(own.unwrap_or(0)) > 0 {
                Action::value(0)
            } else {
                Action::error(Errno::ESRCH)
            });
        }
        if signal != 0 {
            self.deliver(pid, signal)?;
        }
        Ok(Action::value(0))
    }

    /// tgkill(2). The caller sends the signal itself. A held thread does not notice it, so if it
    /// has a handler, its call is interrupted when its turn comes.
    pub(super) fn tgkill(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let (thread, signal) = (notice.int(1), notice.int(2));
        let own = self.table.task(tid).map(|task| task.pid);
        let named = |tid| inner_pid_and_name(tid).is_some_and(|(inner, _)| inner == thread);
        let mut others = self.table.tasks.iter_mut().filter(|task| task.tid != tid);
        let target = others.find(|task| Some(task.pid) == own && named(task.tid));
        if let Some(Task { tid, held: Some(Held { interrupted, .. }), .. }) = target
            && signal != 0
            && disposition(*tid, signal)? == Disposition::Handles
        {
            *interrupted = true;
        }
        Ok(Action::CONTINUE)
    }

    /// chdir(2): only to the run directory, because relative paths are taken to mean that; to
    /// something that the server cannot see it fails by itself.
    pub(super) fn chdir(&self, notice: &Notice) -> Outcome {
        let path = Memory(notice.tid).path(notice.args[0])?;
        match self.inside(&path) {
            Some(inside) if inside.is_empty() => Ok(Action::CONTINUE),
            _ if path.starts_with('/') && !is_seen(notice.tid, &path) => Ok(Action::CONTINUE),
            _ => Err(Trouble::Broken(Broken::NotMeasured(format!(
                "the server changes to {path}: its files must stay in the run directory"
            )))),
        }
    }

    /// setitimer(2): only to switch a timer off, because one that is on would run in real time.
    pub(super) fn setitimer(&self, notice: &Notice) -> Outcome {
        let memory = Memory(notice.tid);
        let set = notice.args[1] != 0
            && (memory.time(notice.args[1])? != (0, 0)
                || memory.time(notice.args[1] + 16)? != (0, 0));
        if !set {
            return Ok(Action::CONTINUE);
        }
        Err(Trouble::Broken(Broken::NotMeasured(
            "the server sets a timer that signals (setitimer): not modelled".to_string(),
        )))
    }
}

/// Whether a process sees something at an absolute path.
fn is_seen(tid: i32, path: &str) -> bool {
    Path::new(&format!("/proc/{tid}/root{path}")).symlink_metadata().is_ok()
}

/// The flags of a clone, and the address for CLONE_CHILD_CLEARTID.
fn clone_arguments(notice: &Notice) -> Result<(u64, u64), Errno> {
    if notice.number == libc::SYS_clone {
        return Ok((notice.args[0], notice.args[3]));
    }
    let memory = Memory(notice.tid);
    Ok((memory.u64(notice.args[0])?, memory.u64(notice.args[0] + 16)?))
}
