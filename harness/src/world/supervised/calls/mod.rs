//! From a trapped call to an action: decode it, ask the kernel model, carry it out.
//!
//! Each family of calls has a module: files, pipes, processes, waiting, time. A call that no family
//! knows ends the run with its name, because a call that is not modelled could make two runs
//! differ. Must not know: who runs next.

pub mod call;
mod descriptors;
mod exec;
mod files;
mod futex;
mod paths;
mod pipes;
mod processes;
mod questions;
mod readiness;
mod signals;
pub mod time;
pub mod tsc;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::memory::Memory;
use super::notify::{Answer, Notice};
use super::start::filter::{self, FIRST_FD};
use super::tasks::Wait;
use super::{Supervised, names};
use crate::kernel::{CallName, Entered, TaskId, When};
use crate::world::Broken;
use call::Call;

/// What is to be done with a trapped call.
#[derive(Debug)]
pub enum Action {
    Answer(Answer),
    /// It was answered already.
    Answered,
    Hold(Box<Wait>),
    /// The calling process is dead.
    Gone,
}

impl Action {
    pub const CONTINUE: Action = Action::Answer(Answer::Continue);

    pub fn value(value: i64) -> Action {
        Action::Answer(Answer::Value(value))
    }

    pub fn hold(wait: Wait) -> Action {
        Action::Hold(Box::new(wait))
    }

    pub fn error(errno: Errno) -> Action {
        Action::Answer(Answer::Error(errno))
    }

    /// Answers with a result.
    pub fn result(result: Result<u64, Errno>) -> Action {
        result.map_or_else(Action::error, |value| Action::value(value as i64))
    }
}

/// Why a call could not be carried out.
#[derive(Debug)]
pub enum Trouble {
    /// The caller gets this error.
    Errno(Errno),
    Broken(Broken),
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Trouble {
        Trouble::Errno(errno)
    }
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Trouble {
        Trouble::Broken(broken)
    }
}

pub type Outcome = Result<Action, Trouble>;

impl Supervised {
    /// Decides about a call that a task has made.
    pub(super) fn dispatch(&mut self, tid: i32, notice: &Notice) -> Result<Action, Broken> {
        let action = settled(self.try_dispatch(tid, notice))?;
        self.unless_halted(tid, notice, action)
    }

    fn try_dispatch(&mut self, tid: i32, notice: &Notice) -> Outcome {
        // The time is answered at once, even to a held task: an allocator may ask for it while it
        // holds a lock.
        if let Some(tick) = self.tick(tid, notice) {
            return Ok(tick);
        }
        if let Some(action) = self.time(notice)? {
            return Ok(action);
        }
        if let Some(action) = self.about_the_counter(notice)? {
            return Ok(action);
        }
        // The first call of a new thread or child, before it has named itself.
        if notice.number == libc::SYS_set_robust_list {
            return Ok(Action::CONTINUE);
        }
        let task = self.known(tid)?;
        if let Some(call) = self.decode(task, notice)? {
            if self.kernel.borrow_mut().stops(task, &call.request()) {
                return Ok(Action::hold(Wait::Turn));
            }
            let entered = self.kernel.borrow_mut().enter(task, &call.request());
            return self.proceed(tid, notice, entered, call);
        }
        if self.kernel.borrow().is_held(task) && !self.handles_signal(tid) {
            return Ok(Action::hold(Wait::Turn));
        }
        match notice.number {
            libc::SYS_epoll_wait | libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => {
                self.epoll_wait(tid, notice)
            }
            libc::SYS_epoll_create | libc::SYS_epoll_create1 => self.epoll_create(tid),
            libc::SYS_poll | libc::SYS_ppoll => self.poll(tid, notice),
            libc::SYS_select | libc::SYS_pselect6 => self.select(tid, notice),
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep => self.sleep(notice),
            libc::SYS_futex => self.futex(tid, notice),
            libc::SYS_kill => self.kill_call(tid, notice),
            libc::SYS_tgkill => self.tgkill(tid, notice),
            libc::SYS_exit | libc::SYS_exit_group => self.exit(tid, notice),
            libc::SYS_clone | libc::SYS_clone3 => self.new_thread(tid, notice),
            libc::SYS_execve | libc::SYS_execveat => self.exec(tid, notice),
            libc::SYS_chdir => self.chdir(notice),
            libc::SYS_setitimer => self.setitimer(notice),
            // One that the server makes at boot is not modelled.
            libc::SYS_pipe | libc::SYS_pipe2 => Ok(Action::CONTINUE),
            _ => match self.outside(tid, notice) {
                Some(outcome) => outcome,
                None => self.other(task, notice),
            },
        }
    }

    /// Whether the task runs a signal handler although it is held.
    fn handles_signal(&self, tid: i32) -> bool {
        self.table.task(tid).is_some_and(|task| task.in_handler.is_some())
    }

    /// Makes a call that was entered, unless the plan still delays it.
    pub(super) fn proceed(
        &mut self,
        tid: i32,
        notice: &Notice,
        mut entered: Entered,
        call: Call,
    ) -> Outcome {
        let waits = match self.handles_signal(tid) {
            true => self.kernel.borrow().is_delayed(&entered),
            false => !self.kernel.borrow().is_ready(&entered),
        };
        if waits {
            return Ok(Action::hold(Wait::Call(entered, call)));
        }
        if let Some(signal) = entered.signal() {
            let pid = self.kernel.borrow().pid_of(entered.task);
            let mut call = Some(entered);
            self.deliver_during(pid, signal as i32, notice, &mut call)?;
            match call {
                Some(survivor) => entered = survivor,
                None => return Ok(Action::Gone),
            }
        }
        if let Some(halt) = entered.halt(When::Before) {
            if self.kernel.borrow().dies_of(entered.task, halt) {
                self.kernel.borrow_mut().halt_before(entered, halt);
                return Ok(Action::Gone);
            }
            self.carry_out(halt)?;
            entered.clear_effect();
        }
        self.make(tid, notice, entered, call)
    }

    /// After a call was made: carries out a kill or power cut that is due now. A caller that dies
    /// of it gets no answer. After a fork the child must really exist first, so the parent is
    /// stopped at its next call instead.
    fn unless_halted(
        &mut self,
        tid: i32,
        notice: &Notice,
        action: Action,
    ) -> Result<Action, Broken> {
        let due = self.kernel.borrow().halt_due();
        let forks = [libc::SYS_fork, libc::SYS_clone, libc::SYS_clone3].contains(&notice.number);
        let Some(halt) = due.filter(|_| !forks && !matches!(action, Action::Gone)) else {
            return Ok(action);
        };
        let task = self.known(tid)?;
        if self.kernel.borrow().dies_of(task, halt) {
            return Ok(Action::Gone);
        }
        self.kernel.borrow_mut().take_halt();
        self.carry_out(halt)?;
        Ok(action)
    }

    /// Makes a call.
    fn make(&mut self, tid: i32, notice: &Notice, entered: Entered, call: Call) -> Outcome {
        match &call {
            Call::Pipe { address, flags } => self.do_pipe(tid, notice, entered, *address, *flags),
            Call::Fork { clear_tid } => Ok(self.do_fork(tid, entered, *clear_tid)),
            Call::Wait { .. } => self.do_wait(tid, entered, call),
            Call::Read { fd, at: None, .. } | Call::Write { fd, at: None, .. }
                if self.is_pipe(entered.task, *fd) =>
            {
                self.pipe_io(tid, entered, call, 0)
            }
            _ => self.file_call(tid, notice, entered, &call),
        }
    }

    /// Resumes a held task: what it waited for is there, or it was interrupted.
    pub(super) fn resume(
        &mut self,
        tid: i32,
        notice: &Notice,
        wait: Wait,
        interrupted: bool,
    ) -> Result<Action, Broken> {
        let outcome = match wait {
            Wait::Turn => return self.dispatch(tid, notice),
            Wait::Tick { .. } => self.end_tick(notice),
            Wait::Call(entered, call) => self.proceed(tid, notice, entered, call),
            Wait::Pipe { entered, moved, .. } if interrupted => {
                let result = if moved > 0 { Ok(moved) } else { Err(Errno::EINTR) };
                self.kernel.borrow_mut().transferred(entered, result);
                Ok(Action::result(result))
            }
            Wait::Pipe { entered, call, moved } => self.pipe_io(tid, entered, call, moved),
            Wait::Ready { of, .. } => self.end_ready(tid, notice, &of, interrupted),
            Wait::Sleep { until, remaining } => {
                self.end_sleep(notice, until, remaining, interrupted)
            }
            Wait::Futex { woken: true, .. } => Ok(Action::value(0)),
            Wait::Futex { .. } if interrupted => Ok(Action::error(Errno::EINTR)),
            Wait::Futex { .. } => Ok(Action::error(Errno::ETIMEDOUT)),
            Wait::Child(entered, _) if interrupted => {
                self.kernel.borrow_mut().abandon(entered);
                Ok(Action::error(Errno::EINTR))
            }
            Wait::Child(entered, call) => self.do_wait(tid, entered, call),
        };
        let action = settled(outcome)?;
        self.unless_halted(tid, notice, action)
    }

    /// Decodes a modelled call; None: it is not one.
    fn decode(&self, task: TaskId, notice: &Notice) -> Result<Option<Call>, Trouble> {
        if let Some(call) = self.decode_path(notice)? {
            return Ok(Some(call));
        }
        if let Some((call, about)) = self.decode_question(task, notice)? {
            return Ok(Some(Call::Question(call, about)));
        }
        match notice.number {
            libc::SYS_pipe => self.decode_pipe(task, notice.args[0], OFlag::empty()),
            libc::SYS_pipe2 => {
                let flags = OFlag::from_bits_truncate(notice.int(1));
                self.decode_pipe(task, notice.args[0], flags)
            }
            libc::SYS_fork => Ok(Some(Call::Fork { clear_tid: 0 })),
            libc::SYS_clone | libc::SYS_clone3 => self.decode_fork(notice),
            libc::SYS_wait4 => {
                let (pid, status, options) = (notice.int(0), notice.args[1], notice.int(2));
                Ok(Some(Call::Wait { status, pid, options }))
            }
            _ if self.kernel.borrow().lookup(task, notice.int(0)).is_some() => {
                let duplicate = self.decode_dup(notice)?;
                duplicate.map_or_else(|| decode_descriptor(notice), |call| Ok(Some(call)))
            }
            _ => Ok(None),
        }
    }

    /// A call that no family knows. On a descriptor that is not open it fails by itself; otherwise
    /// the model would be wrong from here on.
    fn other(&self, task: TaskId, notice: &Notice) -> Outcome {
        let fd = notice.int(0);
        let modelled = self.kernel.borrow().lookup(task, fd).is_some();
        if modelled && notice.number == libc::SYS_lseek {
            return self.lseek(task, notice);
        }
        if modelled && notice.number == libc::SYS_fcntl && self.flags(task, notice) {
            return Ok(Action::CONTINUE);
        }
        if filter::is_question(notice.number) {
            return Ok(Action::CONTINUE);
        }
        if names::takes_descriptor(notice.number) && !modelled && !(0..FIRST_FD).contains(&fd) {
            return Ok(Action::CONTINUE);
        }
        Err(Trouble::Broken(Broken::Harness(format!(
            "{} made a call that is not modelled: {}",
            self.kernel.borrow().task_name(task),
            names::describe(notice)
        ))))
    }
}

fn settled(outcome: Outcome) -> Result<Action, Broken> {
    match outcome {
        Ok(action) => Ok(action),
        Err(Trouble::Errno(errno)) => Ok(Action::error(errno)),
        Err(Trouble::Broken(broken)) => Err(broken),
    }
}

/// Decodes a call on a descriptor of the model.
fn decode_descriptor(notice: &Notice) -> Result<Option<Call>, Trouble> {
    let fd = notice.int(0);
    let one = || vec![(notice.args[1], notice.args[2] as usize)];
    let here = None;
    // On x86-64 the fourth argument is the whole offset, and the fifth is not used.
    let there = Some(notice.args[3] as i64);
    Ok(Some(match notice.number {
        libc::SYS_read => Call::Read { fd, parts: one(), at: here },
        libc::SYS_write => Call::Write { fd, parts: one(), at: here },
        libc::SYS_readv => Call::Read { fd, parts: parts(notice)?, at: here },
        libc::SYS_writev => Call::Write { fd, parts: parts(notice)?, at: here },
        libc::SYS_pread64 => Call::Read { fd, parts: one(), at: there },
        libc::SYS_pwrite64 => Call::Write { fd, parts: one(), at: there },
        libc::SYS_preadv => Call::Read { fd, parts: parts(notice)?, at: there },
        libc::SYS_pwritev => Call::Write { fd, parts: parts(notice)?, at: there },
        libc::SYS_close => Call::Close(fd),
        libc::SYS_fsync => Call::Sync(CallName::Fsync, fd),
        libc::SYS_fdatasync => Call::Sync(CallName::Fdatasync, fd),
        libc::SYS_sync_file_range => Call::Sync(CallName::SyncFileRange, fd),
        libc::SYS_ftruncate => Call::Ftruncate { fd, length: notice.args[1] },
        _ => return Ok(None),
    }))
}

/// The `struct iovec`s of readv and writev.
fn parts(notice: &Notice) -> Result<Vec<(u64, usize)>, Errno> {
    let count = notice.args[2] as usize;
    if count > libc::UIO_MAXIOV as usize {
        return Err(Errno::EINVAL);
    }
    let bytes = Memory(notice.tid).read(notice.args[1], count * 16)?;
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    Ok((0..count).map(|n| (word(16 * n), word(16 * n + 8) as usize)).collect())
}
