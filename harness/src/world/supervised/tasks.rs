//! The processes of a run, with their descriptors, and the tasks, with what they wait for.
//!
//! Every living task either runs or is held in a trapped call. Tasks are kept in order of birth.
//! Must not know: how a wait ends, and who runs next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::apart::Apart;
use super::calls::call::Call;
use super::notify::{Listener, Notice};
use super::waiting_loop::KnownLoops;
use crate::kernel::{Candidate, Class, Ending, Entered, Fd, Pid, TaskId, Time};
use crate::world::pids::Pids;

/// What all processes of one start share.
#[derive(Debug)]
pub struct Incarnation {
    pub pids: RefCell<Pids>,
    /// How many random numbers they have drawn.
    pub drawn: Cell<u64>,
}

/// A process of the run.
#[derive(Debug)]
pub struct Process {
    /// Its pid in its own namespace.
    pub pid: Pid,
    /// Its pid in the supervisor's namespace.
    pub host: i32,
    pub pidfd: OwnedFd,
    pub incarnation: Rc<Incarnation>,
    /// Who forked it; None for a server.
    pub parent: Option<Pid>,
    pub listener: Rc<Listener>,
    /// The supervisor's copies of its model descriptors. Forks share them, so that an end of a pipe
    /// is closed once the last copy is dropped.
    pub files: BTreeMap<Fd, Rc<OwnedFd>>,
    /// Copies of its epoll descriptors.
    pub epolls: RefCell<BTreeMap<Fd, OwnedFd>>,
    /// It has not waited for a descriptor yet: the pipes that it opens connect it with itself, and
    /// are no fault sites.
    pub boots: bool,
    /// Loops in which its threads have been seen to wait.
    pub loops: KnownLoops,
    /// How many looks in a row have found its threads at work.
    pub looks_in_vain: u32,
    /// How it will end, once that is known.
    pub ending: Option<Ending>,
}

/// A thread of a process.
#[derive(Debug)]
pub struct Task {
    /// Its number in the supervisor's namespace.
    pub tid: i32,
    pub pid: Pid,
    pub class: Class,
    /// What the kernel calls it. A thread gets this at its first call that may be a site, because
    /// it has to name itself first.
    pub known: Option<TaskId>,
    /// The word that Linux clears and wakes sleepers on when it ends (CLONE_CHILD_CLEARTID).
    pub clear_tid: u64,
    pub held: Option<Held>,
    /// The call that it was held in, and that it will make again, while a signal handler runs.
    pub in_handler: Option<Box<Held>>,
    /// It is neither held nor followed, and others run.
    pub apart: Option<Apart>,
    pub busy: Busy,
}

/// What a task has done since it last waited for anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    pub calls: u64,
    /// How often it has waited until it was told the time.
    pub ticks: u64,
}

/// A task in a trapped call.
#[derive(Debug)]
pub struct Held {
    pub notice: Notice,
    pub wait: Wait,
    /// When it was held, in calls trapped so far.
    pub since: u64,
    /// A signal handler is due: a call that signals can interrupt returns EINTR.
    pub interrupted: bool,
}

/// What a held task waits for.
#[derive(Debug)]
pub enum Wait {
    /// Its turn; then its call is dispatched, perhaps once more.
    Turn,
    /// The time that it asks for, and has asked for very often.
    Tick { until: Time },
    /// The plan to let its call happen.
    Call(Entered, Call),
    /// Its pipe to be ready; this many bytes have been moved already.
    Pipe { entered: Entered, call: Call, moved: u64 },
    /// One of these to be ready, or the time.
    Ready { of: Interest, until: Option<Time> },
    /// The time.
    Sleep { until: Time, remaining: u64 },
    /// To be woken, or the time.
    Futex { address: u64, bits: u32, until: Option<Time>, woken: bool },
    /// A child to end.
    Child(Entered, Call),
}

/// The descriptors that a task waits for.
#[derive(Debug)]
pub enum Interest {
    Epoll(Fd),
    /// `struct pollfd`s at this address.
    Poll {
        address: u64,
        entries: Vec<(Fd, i16)>,
    },
    /// `fd_set`s at these addresses, so many bytes each.
    Select {
        sets: [u64; 3],
        bytes: usize,
        entries: Vec<(Fd, i16)>,
    },
}

/// A task that clone(2) has made and that has not made its first call yet.
#[derive(Debug)]
pub struct Birth {
    pub pid: Pid,
    pub clear_tid: u64,
    pub of: Origin,
}

#[derive(Debug)]
pub enum Origin {
    Thread { process: Pid },
    Child { task: TaskId, parent: Pid, files: BTreeMap<Fd, Rc<OwnedFd>> },
}

/// All processes and tasks.
#[derive(Debug, Default)]
pub struct TaskTable {
    pub processes: Vec<Process>,
    pub tasks: Vec<Task>,
    pub births: Vec<Birth>,
}

impl TaskTable {
    pub fn process(&self, pid: Pid) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    pub fn process_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.pid == pid)
    }

    pub fn task(&self, tid: i32) -> Option<&Task> {
        self.tasks.iter().find(|task| task.tid == tid)
    }

    pub fn task_mut(&mut self, tid: i32) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.tid == tid)
    }

    /// The main thread of a process: the first of its tasks to be born.
    pub fn main_of(&mut self, pid: Pid) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.pid == pid)
    }

    /// A signal handler is due in the main thread of a process, whatever that waits for.
    pub fn interrupt_main(&mut self, pid: Pid) {
        let Some(task) = self.main_of(pid) else { return };
        if let Some(held) = &mut task.held {
            held.interrupted = true;
        }
        if let Some(Apart::Stopped(spin)) = &mut task.apart {
            spin.interrupted = true;
        }
    }

    /// Every task, for [`crate::kernel::Kernel::next_task`].
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<i32>> + Clone {
        self.tasks.iter().map(|task| {
            let Task { tid: handle, class, known: task, .. } = *task;
            Candidate { handle, class, task }
        })
    }

    /// Removes a process and its tasks, with the calls that they were in.
    pub fn remove(&mut self, pid: Pid) {
        self.processes.retain(|process| process.pid != pid);
        for orphan in self.processes.iter_mut().filter(|process| process.parent == Some(pid)) {
            orphan.parent = None;
        }
        self.tasks.retain(|task| task.pid != pid);
    }
}

impl Wait {
    /// Whether a signal handler interrupts it, see signal(7).
    pub fn is_interruptible(&self) -> bool {
        matches!(
            self,
            Wait::Ready { .. }
                | Wait::Sleep { .. }
                | Wait::Futex { .. }
                | Wait::Child(..)
                | Wait::Pipe { moved: 0, .. }
        )
    }
}

/// The number of a thread in its own namespace, and its name.
pub fn inner_pid_and_name(tid: i32) -> Option<(Pid, String)> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_string)
    };
    let pid = field("NSpid:")?.split_whitespace().last()?.parse().ok()?;
    Some((pid, field("Name:")?))
}
