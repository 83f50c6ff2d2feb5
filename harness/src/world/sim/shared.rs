//! What the tasks of one simulated machine share, and what a task says when it stops running.
//!
//! All tasks are coroutines of one thread and only one of them runs, so a cell is enough; no borrow
//! may be held while a task is suspended. Must not know: in which order tasks run.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use nix::sys::signal::Signal;

use super::net::{Net, SocketId};
use super::pipes::Pipes;
use crate::kernel::disk::page_cache::PAGE;
use crate::kernel::fd::{End, PipeId};
use crate::kernel::{Ending, Entered, Fd, Kernel, Pid, TaskId, Time};
use crate::profile::Profile;
use sabot_server::os::{HandlerLine, Interest, Thread};

/// Why a task stopped running.
pub enum Wait {
    /// The kernel has not let this call through yet.
    Call(Box<Entered>),
    Epoll {
        epoll: SocketId,
        deadline: Option<Time>,
    },
    Poll {
        fd: Fd,
        interest: Interest,
        deadline: Time,
    },
    Sleep {
        until: Time,
    },
    /// Until somebody wakes sleepers on the futex at this address.
    Futex {
        address: usize,
    },
    /// Until this end of a pipe can be used.
    Pipe {
        pipe: PipeId,
        end: End,
    },
    /// Until a child has ended.
    Child,
    /// Until the signal that it sends is delivered, while nobody runs.
    Sent,
    /// Until others have run that the schedule puts before its call.
    Turn,
    /// Until what the plan has happen here has happened.
    Halt,
    /// For ever: the process ends like this.
    End(Ending),
    /// For ever: the run has used up its budget of calls.
    Overrun,
}

/// What a task hears when it runs on.
pub enum Resume {
    Go,
    Call(Box<Entered>),
    /// A signal was delivered: the call it waits in returns EINTR.
    Interrupted,
}

pub type Task = Coroutine<Resume, Wait, Option<Ending>, DefaultStack>;
pub type TaskYielder = Yielder<Resume, Wait>;

/// What runs when a task runs.
pub enum Body {
    Coroutine(Task),
    /// A thread that sleeps until this word is not 0 any more, and has done nothing yet: most
    /// threads never do, and a coroutine costs more to end than to begin.
    Asleep(Arc<AtomicU32>, Thread),
}

/// A task that was born and has not run yet.
pub struct Birth {
    pub task: TaskId,
    pub pid: Pid,
    pub body: Body,
}

/// Stacks for coroutines, used again and again: mapping fresh ones costs more than a whole run.
#[derive(Clone, Default)]
pub struct Stacks(Rc<RefCell<Vec<DefaultStack>>>);

impl Stacks {
    /// Bytes per task: a server core that recurses this deep has lost its way.
    const SIZE: usize = 1 << 20;

    pub fn take(&self) -> DefaultStack {
        let pooled = self.0.borrow_mut().pop();
        pooled.unwrap_or_else(|| DefaultStack::new(Self::SIZE).expect("memory for a stack"))
    }

    pub fn give_back(&self, stack: DefaultStack) {
        self.0.borrow_mut().push(stack);
    }
}

/// State of one machine that its tasks share.
pub struct Shared {
    pub kernel: RefCell<Kernel>,
    pub net: RefCell<Net>,
    pub pipes: RefCell<Pipes>,
    pub log: RefCell<Vec<u8>>,
    pub births: RefCell<Vec<Birth>>,
    /// Futexes that were woken: (address, how many sleepers).
    pub wakes: RefCell<Vec<(usize, u32)>>,
    /// Signals sent by one process to another, not yet delivered.
    pub kills: RefCell<Vec<(Pid, Signal)>>,
    /// Handled signals that processes have not looked at yet.
    pub pending: RefCell<Vec<(Pid, Signal)>>,
    /// What processes write when SIGUSR1 ends them.
    pub last_words: RefCell<BTreeMap<Pid, HandlerLine>>,
    /// Processes that a signal ends as soon as the call returns that they are in.
    pub ending: RefCell<Vec<(Pid, Ending)>>,
    /// Bytes that calls of a process moved, for the model of its private memory.
    pub traffic: RefCell<BTreeMap<Pid, u64>>,
    /// Pages that a living parent has changed since it forked a child, by child: (object, page of
    /// it).
    pub unshared: RefCell<BTreeMap<Pid, BTreeSet<(u64, u64)>>>,
    /// The names of its threads, and of its socket, which is no file of the kernel's.
    pub profile: Rc<Profile>,
    pub stacks: Stacks,
    pub next_pid: Cell<Pid>,
    /// How many calls may still be made before somebody looks; what makes an endless loop end.
    pub budget: Cell<u64>,
}

impl Shared {
    /// The next process or thread id: Linux counts both in one sequence.
    pub fn new_pid(&self) -> Pid {
        let pid = self.next_pid.get();
        self.next_pid.set(pid + 1);
        pid
    }

    /// The one call that a thread makes that is born asleep; false when there is more to it than
    /// that.
    pub fn falls_asleep(&self, pid: Pid, word: &AtomicU32) -> bool {
        let ending = self.ending.borrow().iter().any(|(ending, _)| *ending == pid);
        let left = self.budget.get();
        if ending || left == 0 || word.load(Ordering::SeqCst) != 0 {
            return false;
        }
        self.budget.set(left - 1);
        true
    }

    /// Something may have become ready.
    pub fn refresh(&self) {
        self.net.borrow_mut().refresh(&self.kernel.borrow(), &self.pipes.borrow());
    }

    /// A signal handler ends the process: it leaves its last words in the log. A log file gets them
    /// as it would from a handler, without any call of the server's own.
    pub fn write_last_words(&self, pid: Pid) {
        let Some(words) = self.last_words.borrow_mut().remove(&pid) else { return };
        let mut kernel = self.kernel.borrow_mut();
        let seconds = kernel.clock.realtime() / 1_000_000_000;
        let line = format!("{}{seconds}{}", words.before, words.after);
        if words.file.is_empty() {
            self.log.borrow_mut().extend_from_slice(line.as_bytes());
        } else if let Some(ino) = kernel.disk.find(&words.file) {
            let end = kernel.disk.inode(ino).content.len();
            kernel.disk.write(ino, end, line.as_bytes());
        }
    }

    /// A process changed this many bytes of an object: each of its children has the old pages to
    /// itself from now on.
    pub fn dirtied(&self, children: &[Pid], object: u64, bytes: u64) {
        let mut unshared = self.unshared.borrow_mut();
        for child in children {
            let pages = unshared.entry(*child).or_default();
            pages.extend((0..bytes.div_ceil(PAGE).max(1)).map(|page| (object, page)));
        }
    }

    /// Bytes that a process shares with nobody: a model. The kernel does not know memory, so every
    /// byte that the process moved through a call counts as written to memory of its own, and every
    /// value that its parent changed since the fork as lying on pages of its own.
    pub fn private_dirty(&self, pid: Pid) -> u64 {
        let moved = self.traffic.borrow().get(&pid).copied().unwrap_or(0);
        let unshared = self.unshared.borrow().get(&pid).map_or(0, BTreeSet::len);
        (moved.div_ceil(PAGE) + unshared as u64 + 1) * PAGE
    }

    pub fn count_traffic(&self, pid: Pid, bytes: u64) {
        *self.traffic.borrow_mut().entry(pid).or_default() += bytes;
    }
}
