//! From a trapped call to what is done about it: decode, ask the kernel model, carry out.
//!
//! The families live in modules of their own: files, pipes, processes, waiting, time. What no
//! family knows ends the run by name, because a call that nobody models could make two runs differ.
//! Must not know: who runs next.

mod files;
mod futex;
mod paths;
mod pipes;
mod processes;
mod readiness;
mod signals;
pub mod time;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::memory::Memory;
use super::notify::{Answer, Notice};
use super::start::filter::FIRST_FD;
use super::tasks::Wait;
use super::{Supervised, names};
use crate::kernel::{CallName, Entered, Fd, Request, Target, TaskId, When};
use crate::world::Broken;

/// A call that the kernel decides about, with what was read from its caller's memory.
#[derive(Clone, Debug)]
pub enum Call {
    Open { path: String, flags: OFlag, mode: u32 },
    Close(Fd),
    Read { fd: Fd, parts: Vec<(u64, usize)> },
    Write { fd: Fd, parts: Vec<(u64, usize)> },
    Sync(CallName, Fd),
    Ftruncate { fd: Fd, length: u64 },
    Truncate { path: String, length: u64 },
    Rename { from: String, to: String },
    Unlink(String),
    Mkdir { path: String, mode: u32 },
    Pipe { address: u64, flags: OFlag },
    Fork { clear_tid: u64 },
    Wait { pid: i32, options: i32 },
}

impl Call {
    /// The bytes that a read or write is about.
    pub fn size(&self) -> u64 {
        match self {
            Call::Read { parts, .. } | Call::Write { parts, .. } => {
                parts.iter().map(|(_, len)| *len as u64).sum()
            }
            _ => 0,
        }
    }

    fn request(&self) -> Request<'_> {
        let (call, target, argument) = match self {
            Call::Open { path, flags, .. } => {
                (CallName::Open, Target::Path(path), flags.bits() as u64)
            }
            Call::Close(fd) => (CallName::Close, Target::Fd(*fd), 0),
            Call::Read { fd, .. } => (CallName::Read, Target::Fd(*fd), self.size()),
            Call::Write { fd, .. } => (CallName::Write, Target::Fd(*fd), self.size()),
            Call::Sync(call, fd) => (*call, Target::Fd(*fd), 0),
            Call::Ftruncate { fd, length } => (CallName::Ftruncate, Target::Fd(*fd), *length),
            Call::Truncate { path, length } => (CallName::Truncate, Target::Path(path), *length),
            Call::Rename { from, to } => (CallName::Rename, Target::Rename { from, to }, 0),
            Call::Unlink(path) => (CallName::Unlink, Target::Path(path), 0),
            Call::Mkdir { path, .. } => (CallName::Mkdir, Target::Path(path), 0),
            Call::Pipe { .. } => (CallName::Pipe, Target::None, 0),
            Call::Fork { .. } => (CallName::Fork, Target::None, 0),
            Call::Wait { .. } => (CallName::Wait4, Target::None, 0),
        };
        Request { call, target, argument }
    }
}

/// What is to be done with a trapped call.
#[derive(Debug)]
pub enum Step {
    Answer(Answer),
    /// The answer is on its way already.
    Answered,
    Hold(Box<Wait>),
    /// The calling process is dead.
    Gone,
}

impl Step {
    pub const CONTINUE: Step = Step::Answer(Answer::Continue);

    pub fn value(value: i64) -> Step {
        Step::Answer(Answer::Value(value))
    }

    pub fn hold(wait: Wait) -> Step {
        Step::Hold(Box::new(wait))
    }

    pub fn error(errno: Errno) -> Step {
        Step::Answer(Answer::Error(errno))
    }

    /// What a call returns that has no other effect.
    pub fn result(result: Result<u64, Errno>) -> Step {
        result.map_or_else(Step::error, |value| Step::value(value as i64))
    }
}

/// Why a call could not be dealt with.
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

pub type Outcome = Result<Step, Trouble>;

impl Supervised {
    /// A task has made a call.
    pub(super) fn dispatch(&mut self, tid: i32, notice: &Notice) -> Result<Step, Broken> {
        let step = settled(self.try_dispatch(tid, notice))?;
        self.unless_halted(tid, notice, step)
    }

    fn try_dispatch(&mut self, tid: i32, notice: &Notice) -> Outcome {
        // The time is told at once to anybody: an allocator may ask for it with a lock in its hand.
        if let Some(step) = self.time(notice)? {
            return Ok(step);
        }
        // The first call of a new thread or child, before it has named itself.
        if notice.number == libc::SYS_set_robust_list {
            return Ok(Step::CONTINUE);
        }
        let task = self.known(tid)?;
        if let Some(call) = self.decode(task, notice)? {
            if self.kernel.borrow_mut().stops(task, &call.request()) {
                return Ok(Step::hold(Wait::Turn));
            }
            let entered = self.kernel.borrow_mut().enter(task, &call.request());
            return self.proceed(tid, notice, entered, call);
        }
        if self.kernel.borrow().is_held(task) {
            return Ok(Step::hold(Wait::Turn));
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
            libc::SYS_chdir => self.chdir(notice),
            libc::SYS_setitimer => self.setitimer(notice),
            libc::SYS_pipe | libc::SYS_pipe2 => self.boot_pipe(tid),
            _ => match self.outside(tid, notice) {
                Some(outcome) => outcome,
                None => self.other(task, notice),
            },
        }
    }

    /// A call that was entered, and that the plan may let happen now or not.
    pub(super) fn proceed(
        &mut self,
        tid: i32,
        notice: &Notice,
        mut entered: Entered,
        call: Call,
    ) -> Outcome {
        if !self.kernel.borrow().is_ready(&entered) {
            return Ok(Step::hold(Wait::Call(entered, call)));
        }
        if let Some(signal) = entered.signal() {
            let pid = self.kernel.borrow().pid_of(entered.task);
            let mut call = Some(entered);
            self.deliver_during(pid, signal as i32, &mut call)?;
            match call {
                Some(survivor) => entered = survivor,
                None => return Ok(Step::Gone),
            }
        }
        if let Some(halt) = entered.halt(When::Before) {
            if self.kernel.borrow().dies_of(entered.task, halt) {
                self.kernel.borrow_mut().halt_before(entered, halt);
                return Ok(Step::Gone);
            }
            self.carry_out(halt)?;
            entered.calm();
        }
        self.make(tid, notice, entered, call)
    }

    /// The plan may have something happen after a call that was just made: a caller that dies of it
    /// gets no answer. Of a fork the child must be born for real, so its parent is stopped at its
    /// next call instead.
    fn unless_halted(&mut self, tid: i32, notice: &Notice, step: Step) -> Result<Step, Broken> {
        let due = self.kernel.borrow().halt_due();
        let forks = [libc::SYS_fork, libc::SYS_clone, libc::SYS_clone3].contains(&notice.number);
        let Some(halt) = due.filter(|_| !forks && !matches!(step, Step::Gone)) else {
            return Ok(step);
        };
        let task = self.known(tid)?;
        if self.kernel.borrow().dies_of(task, halt) {
            return Ok(Step::Gone);
        }
        self.kernel.borrow_mut().take_halt();
        self.carry_out(halt)?;
        Ok(step)
    }

    /// A call that the plan lets happen now.
    fn make(&mut self, tid: i32, notice: &Notice, entered: Entered, call: Call) -> Outcome {
        match &call {
            Call::Pipe { address, flags } => self.do_pipe(tid, notice, entered, *address, *flags),
            Call::Fork { clear_tid } => Ok(self.do_fork(tid, entered, *clear_tid)),
            Call::Wait { .. } => self.do_wait(tid, entered, call),
            Call::Read { fd, .. } | Call::Write { fd, .. } if self.is_pipe(entered.task, *fd) => {
                self.pipe_io(tid, entered, call, 0)
            }
            _ => self.do_file(tid, notice, entered, &call),
        }
    }

    /// A held task goes on: what it waited for has come, or it was interrupted.
    pub(super) fn resume(
        &mut self,
        tid: i32,
        notice: &Notice,
        wait: Wait,
        interrupted: bool,
    ) -> Result<Step, Broken> {
        let outcome = match wait {
            Wait::Turn => return self.dispatch(tid, notice),
            Wait::Call(entered, call) => self.proceed(tid, notice, entered, call),
            Wait::Pipe { entered, .. } if interrupted => {
                self.kernel.borrow_mut().transferred(entered, Err(Errno::EINTR));
                Ok(Step::error(Errno::EINTR))
            }
            Wait::Pipe { entered, call, moved } => self.pipe_io(tid, entered, call, moved),
            Wait::Ready { of, .. } => self.end_ready(tid, notice, &of, interrupted),
            Wait::Sleep { until, remaining } => {
                self.end_sleep(notice, until, remaining, interrupted)
            }
            Wait::Futex { woken: true, .. } => Ok(Step::value(0)),
            Wait::Futex { .. } if interrupted => Ok(Step::error(Errno::EINTR)),
            Wait::Futex { .. } => Ok(Step::error(Errno::ETIMEDOUT)),
            Wait::Child(entered, _) if interrupted => {
                self.kernel.borrow_mut().abandon(entered);
                Ok(Step::error(Errno::EINTR))
            }
            Wait::Child(entered, call) => self.do_wait(tid, entered, call),
        };
        let step = settled(outcome)?;
        self.unless_halted(tid, notice, step)
    }

    /// The modelled call that this is; None: none.
    fn decode(&self, task: TaskId, notice: &Notice) -> Result<Option<Call>, Trouble> {
        if let Some(call) = self.decode_path(notice)? {
            return Ok(Some(call));
        }
        match notice.number {
            libc::SYS_pipe => self.decode_pipe(task, notice.args[0], OFlag::empty()),
            libc::SYS_pipe2 => {
                let flags = OFlag::from_bits_truncate(notice.int(1));
                self.decode_pipe(task, notice.args[0], flags)
            }
            libc::SYS_fork => Ok(Some(Call::Fork { clear_tid: 0 })),
            libc::SYS_clone | libc::SYS_clone3 => self.decode_fork(notice),
            libc::SYS_wait4 => Ok(Some(Call::Wait { pid: notice.int(0), options: notice.int(2) })),
            _ if self.kernel.borrow().lookup(task, notice.int(0)).is_some() => {
                decode_descriptor(notice)
            }
            _ => Ok(None),
        }
    }

    /// A call that no family knows: on a descriptor that is nobody's it fails by itself, else the
    /// model would be wrong from here on.
    fn other(&self, task: TaskId, notice: &Notice) -> Outcome {
        let fd = notice.int(0);
        let modelled = self.kernel.borrow().lookup(task, fd).is_some();
        if modelled && notice.number == libc::SYS_lseek {
            return self.lseek(task, notice);
        }
        let harmless = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];
        if modelled && notice.number == libc::SYS_fcntl && harmless.contains(&notice.int(1)) {
            return Ok(Step::CONTINUE);
        }
        if names::takes_descriptor(notice.number) && !modelled && !(0..FIRST_FD).contains(&fd) {
            return Ok(Step::CONTINUE);
        }
        Err(Trouble::Broken(Broken::Harness(format!(
            "{} made a call that is not modelled: {}",
            self.kernel.borrow().task_name(task),
            names::describe(notice)
        ))))
    }
}

fn settled(outcome: Outcome) -> Result<Step, Broken> {
    match outcome {
        Ok(step) => Ok(step),
        Err(Trouble::Errno(errno)) => Ok(Step::error(errno)),
        Err(Trouble::Broken(broken)) => Err(broken),
    }
}

/// A call on a descriptor of the model, by its number.
fn decode_descriptor(notice: &Notice) -> Result<Option<Call>, Trouble> {
    let fd = notice.int(0);
    let one = || vec![(notice.args[1], notice.args[2] as usize)];
    Ok(Some(match notice.number {
        libc::SYS_read => Call::Read { fd, parts: one() },
        libc::SYS_write => Call::Write { fd, parts: one() },
        libc::SYS_readv => Call::Read { fd, parts: parts(notice)? },
        libc::SYS_writev => Call::Write { fd, parts: parts(notice)? },
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
