//! One task of a simulated machine: a coroutine, which brings its calls to the kernel and waits.
//!
//! Must not know: who runs next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use corosensei::Coroutine;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use sabot_server::os::{Fd, Os, Pid, Result, Signal, Stat};

use super::pipes::{self, Progress};
use super::shared::{Birth, Body, Resume, Shared, Task, TaskYielder, Wait};
use crate::kernel::calls::Transfer;
use crate::kernel::disk::Ino;
use crate::kernel::fd::{End, PipeId};
use crate::kernel::retries::ENDLESS;
use crate::world::LAST_CALL;

use crate::kernel::{
    CallName, Ending, Entered, Halt, Kernel, Object, Request, Target, TaskId, Time, When,
};

/// What is said once the budget of calls is used up.
const OVERRUN: &str = "the server made 100,000 calls without the clock moving";

/// One task's view of its machine.
pub struct SimOs<'a> {
    pub(super) shared: Rc<Shared>,
    yielder: &'a TaskYielder,
    pub(super) task: TaskId,
    pub(super) pid: Pid,
}

/// Makes the coroutine for a new task. If `life` returns a code, the process exits with it; on None
/// only the task ends.
pub fn task(
    shared: &Rc<Shared>,
    task: TaskId,
    pid: Pid,
    life: impl FnOnce(&mut dyn Os) -> Option<i32> + 'static,
) -> Birth {
    Birth { task, pid, body: Body::Coroutine(coroutine(shared, task, pid, life)) }
}

impl Body {
    /// The coroutine to resume; a thread that has only slept so far gets one now.
    pub fn awake(&mut self, shared: &Rc<Shared>, task: TaskId, pid: Pid) -> &mut Task {
        if let Body::Asleep(_, thread) = self {
            let thread = std::mem::replace(thread, Box::new(|_| {}));
            let life = move |os: &mut dyn Os| {
                thread(os);
                None
            };
            *self = Body::Coroutine(coroutine(shared, task, pid, life));
        }
        match self {
            Body::Coroutine(coroutine) => coroutine,
            Body::Asleep(..) => unreachable!("it was just woken"),
        }
    }
}

fn coroutine(
    shared: &Rc<Shared>,
    task: TaskId,
    pid: Pid,
    life: impl FnOnce(&mut dyn Os) -> Option<i32> + 'static,
) -> Task {
    let stack = shared.stacks.take();
    let shared = shared.clone();
    Coroutine::with_stack(stack, move |yielder: &TaskYielder, _| {
        let mut os = SimOs { shared, yielder, task, pid };
        life(&mut os).map(Ending::Exited)
    })
}

impl SimOs<'_> {
    pub(super) fn kernel(&self) -> std::cell::RefMut<'_, Kernel> {
        self.shared.kernel.borrow_mut()
    }

    pub(super) fn suspend(&self, wait: Wait) -> Resume {
        self.yielder.suspend(wait)
    }

    pub(super) fn now(&self) -> Time {
        self.shared.kernel.borrow().now()
    }

    /// Every call of the core comes through here first: the server must not make too many of them
    /// before the clock moves.
    pub(super) fn charge_budget(&self) {
        self.end_if_signalled();
        match self.shared.budget.get() {
            0 => {
                self.suspend(Wait::Overrun(OVERRUN.to_string()));
            }
            left => self.shared.budget.set(left - 1),
        }
    }

    /// Ends the process if a signal handler that does so has been waiting for a call to return.
    pub(super) fn end_if_signalled(&self) {
        let ending = self.shared.ending.borrow().iter().find(|(pid, _)| *pid == self.pid).copied();
        if let Some((_, ending)) = ending {
            self.shared.write_handler_line(self.pid);
            self.suspend(Wait::End(ending));
        }
    }

    /// Brings a call to the kernel and waits until it is let through.
    pub(super) fn enter(&mut self, call: CallName, target: Target<'_>, argument: u64) -> Entered {
        self.charge_budget();
        let request = Request { call, target, argument };
        while self.shared.kernel.borrow_mut().stops(self.task, &request) {
            self.suspend(Wait::Turn);
        }
        if self.kernel().is_in_endless_loop(self.task) {
            let last = format!("{}: {call}", self.kernel().task_name(self.task));
            self.suspend(Wait::Overrun(format!("{ENDLESS}{LAST_CALL}{last}")));
        }
        let mut entered = self.kernel().enter(self.task, &request);
        let ready = self.kernel().is_ready(&entered);
        if !ready {
            match self.suspend(Wait::Call(Box::new(entered))) {
                Resume::Call(back) => entered = *back,
                _ => unreachable!("a call that waits is resumed with itself"),
            }
        }
        if let Some(signal) = entered.signal() {
            entered = self.signalled(entered, signal);
        }
        if let Some(halt) = entered.halt(When::Before) {
            entered = self.halted(entered, halt);
        }
        entered
    }

    /// A kill or power cut is due before a call, which is made only if the caller survives.
    fn halted(&mut self, mut entered: Entered, halt: Halt) -> Entered {
        if self.shared.kernel.borrow().dies_of(self.task, halt) {
            self.kernel().halt_before(entered, halt);
            self.suspend(Wait::Halt);
            unreachable!("who died before a call does not make it")
        }
        self.kernel().halt_caller_survives(halt);
        self.suspend(Wait::Halt);
        entered.clear_effect();
        entered
    }

    /// After a call was made: if a kill or power cut is due now, nobody runs on before it.
    pub(super) fn after_call<T>(&self, returned: T) -> T {
        if self.shared.kernel.borrow().halt_due().is_some() {
            self.suspend(Wait::Halt);
        }
        returned
    }

    /// The plan sends this process a signal: one that kills does so before the call, a handler runs
    /// after it.
    fn signalled(&mut self, entered: Entered, signal: Signal) -> Entered {
        if is_ignored(signal) {
            return entered;
        }
        self.kernel().signalled(self.task, signal);
        let is_child = self.kernel().task_name(self.task) != "parent";
        match ending(signal, is_child) {
            Some(ending) if signal == Signal::SIGUSR1 => {
                self.shared.ending.borrow_mut().push((self.pid, ending));
            }
            Some(ending) => {
                self.kernel().abandon(entered);
                self.suspend(Wait::End(ending));
                unreachable!("an ended task is not resumed")
            }
            None => self.shared.pending.borrow_mut().push((self.pid, signal)),
        }
        entered
    }

    pub(super) fn enter_fd(&mut self, call: CallName, fd: Fd, argument: u64) -> Entered {
        self.enter(call, Target::Fd(fd), argument)
    }

    /// Registers a new thread with the kernel, under the name of its job.
    pub(super) fn birth_of(&self, name: &str) -> TaskId {
        let job = self.shared.profile().thread(name);
        self.kernel().spawn(self.task, job)
    }

    /// fsync(2) and the like. A descriptor that is not open makes no site, behind either door.
    pub(super) fn sync(&mut self, call: CallName, fd: Fd) -> Result<()> {
        self.object(fd).ok_or(Errno::EBADF)?;
        let entered = self.enter_fd(call, fd, 0);
        let synced = self.kernel().sync(entered, fd);
        self.after_call(synced)
    }

    /// A call that only asks, which is a site where somebody wants it to be one.
    pub(super) fn question(
        &mut self,
        call: CallName,
        target: Target<'_>,
        found: Result<()>,
    ) -> Result<()> {
        if !self.kernel().watched().contains(&call) {
            return found;
        }
        let entered = self.enter(call, target, 0);
        let (result, _) = self.kernel().question(entered, found);
        self.after_call(result)
    }

    pub(super) fn object(&self, fd: Fd) -> Option<Object> {
        self.shared.kernel.borrow().lookup(self.task, fd)
    }

    pub(super) fn stat_inode(&self, ino: Ino) -> Stat {
        let kernel = self.shared.kernel.borrow();
        let inode = kernel.disk.inode(ino);
        Stat { size: inode.content.len(), is_dir: inode.is_dir }
    }

    pub(super) fn read_pipe(&mut self, fd: Fd, pipe: PipeId, buf: &mut [u8]) -> Result<u64> {
        let entered = self.enter_fd(CallName::Read, fd, buf.len() as u64);
        let transfer = self.kernel().transfer(&entered, fd, buf.len() as u64);
        let result = match transfer {
            Transfer::Return(result) => result,
            Transfer::Move(limit) => self.wait_for_pipe(fd, pipe, End::Read, |shared| {
                let kernel = shared.kernel.borrow();
                let mut pipes = shared.pipes.borrow_mut();
                pipes.read(&kernel, pipe, &mut buf[..limit as usize]).map(Ok).ok_or(0)
            }),
        };
        self.transferred(entered, result)
    }

    pub(super) fn write_pipe(&mut self, fd: Fd, pipe: PipeId, data: &[u8]) -> Result<u64> {
        let entered = self.enter_fd(CallName::Write, fd, data.len() as u64);
        let transfer = self.kernel().transfer(&entered, fd, data.len() as u64);
        let mut progress = Progress::default();
        let result = match transfer {
            Transfer::Return(result) => result,
            Transfer::Move(limit) => self.wait_for_pipe(fd, pipe, End::Write, |shared| {
                let kernel = shared.kernel.borrow();
                let mut pipes = shared.pipes.borrow_mut();
                let data = &data[..limit as usize];
                pipes.write(&kernel, pipe, data, &mut progress).ok_or(progress.moved)
            }),
        };
        self.transferred(entered, result)
    }

    /// Tries again and again until the attempt is over. One that is not says how far it has come.
    fn wait_for_pipe(
        &mut self,
        fd: Fd,
        pipe: PipeId,
        end: End,
        mut attempt: impl FnMut(&Shared) -> std::result::Result<Result<u64>, u64>,
    ) -> Result<u64> {
        loop {
            let moved = match attempt(&self.shared) {
                Ok(result) => return result,
                Err(moved) => moved,
            };
            self.shared.refresh();
            if self.kernel().status_flags(self.task, fd)?.contains(OFlag::O_NONBLOCK) {
                return pipes::at_once(moved);
            }
            if let Resume::Interrupted = self.suspend(Wait::Pipe { pipe, end }) {
                return pipes::interrupted(moved);
            }
        }
    }

    fn transferred(&mut self, entered: Entered, result: Result<u64>) -> Result<u64> {
        self.kernel().transferred(entered, result);
        self.shared.count_traffic(self.pid, result.unwrap_or(0));
        self.shared.refresh();
        self.after_call(result)
    }
}

/// Whether a signal changes nothing: the server ignores it (Redis: `setupSignalHandlers`), or every
/// process does that does not ask for it.
pub fn is_ignored(signal: Signal) -> bool {
    use Signal::{SIGCHLD, SIGCONT, SIGHUP, SIGPIPE, SIGURG, SIGWINCH};
    [SIGHUP, SIGPIPE, SIGCHLD, SIGCONT, SIGURG, SIGWINCH].contains(&signal)
}

/// How a signal that is not ignored ends a server or its child; None: it is handled. On SIGUSR1 a
/// child exits with 255 (Redis: `sigKillChildHandler`).
pub fn ending(signal: Signal, is_child: bool) -> Option<Ending> {
    match signal {
        Signal::SIGINT | Signal::SIGTERM => None,
        Signal::SIGUSR1 if is_child => Some(Ending::Exited(255)),
        fatal => Some(Ending::Signaled(fatal as i32)),
    }
}

/// `./x` and `x` are the same file of the run directory.
pub(super) fn relative(path: &str) -> &str {
    let path = path.trim_start_matches("./");
    if path == "." { "" } else { path }
}

/// Resumes a task. A panic of the core becomes a message.
pub fn resume(
    coroutine: &mut Task,
    with: Resume,
) -> std::result::Result<corosensei::CoroutineResult<Wait, Option<Ending>>, String> {
    catch_unwind(AssertUnwindSafe(|| coroutine.resume(with))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_string()
    })
}
