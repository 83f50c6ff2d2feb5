//! The state that the tasks of one simulated machine share, and what a task yields when it waits.
//!
//! All tasks are coroutines of one thread, so cells are enough; no borrow may be held while a task
//! is suspended. Must not know: in which order tasks run.

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
use crate::world::pids::Pids;
use sabot_server::os::{HandlerLine, Interest, Thread};

/// What a task waits for.
pub enum Wait {
    /// Until the kernel lets this call happen.
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
    /// Until it is woken on the futex at this address.
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
    /// Until the signal that it sends is delivered, before anybody else runs.
    Sent,
    /// Until those have run that the schedule puts before its call.
    Turn,
    /// Until the kill or power cut that is due has been carried out.
    Halt,
    /// For ever: its process ends like this.
    End(Ending),
    /// For ever: the run has used up its budget of calls, as this says.
    Overrun(String),
}

/// What a task is resumed with.
pub enum Resume {
    Go,
    Call(Box<Entered>),
    /// A signal was delivered: the call that it waits in returns EINTR.
    Interrupted,
}

pub type Task = Coroutine<Resume, Wait, Option<Ending>, DefaultStack>;
pub type TaskYielder = Yielder<Resume, Wait>;

/// The code of a task.
pub enum Body {
    Coroutine(Task),
    /// A thread that has done nothing yet, and first sleeps until this word is not 0. Most threads
    /// never wake up, and a coroutine is expensive to unwind.
    Asleep(Arc<AtomicU32>, Thread),
}

/// A new task that has not run yet.
pub struct Birth {
    pub task: TaskId,
    pub pid: Pid,
    pub body: Body,
}

/// Stacks for coroutines, which are reused: mapping new ones takes longer than a whole run.
#[derive(Clone, Default)]
pub struct Stacks(Rc<RefCell<Vec<DefaultStack>>>);

impl Stacks {
    /// Bytes per task; the server core never recurses that deep.
    const SIZE: usize = 1 << 20;

    pub fn take(&self) -> DefaultStack {
        let pooled = self.0.borrow_mut().pop();
        pooled.unwrap_or_else(|| DefaultStack::new(Self::SIZE).expect("memory for a stack"))
    }

    pub fn give_back(&self, stack: DefaultStack) {
        self.0.borrow_mut().push(stack);
    }
}

/// The state of one machine that its tasks share.
pub struct Shared {
    pub kernel: RefCell<Kernel>,
    pub net: RefCell<Net>,
    pub pipes: RefCell<Pipes>,
    pub log: RefCell<Vec<u8>>,
    pub births: RefCell<Vec<Birth>>,
    /// Wake-ups to be carried out: the address of the futex, and how many sleepers to wake.
    pub wakes: RefCell<Vec<(usize, u32)>>,
    /// Signals sent by one process to another, not yet delivered.
    pub kills: RefCell<Vec<(Pid, Signal)>>,
    /// Signals whose handlers have not been run yet.
    pub pending: RefCell<Vec<(Pid, Signal)>>,
    /// What processes write when SIGUSR1 ends them.
    pub handler_lines: RefCell<BTreeMap<Pid, HandlerLine>>,
    /// Processes that a signal ends as soon as their current call returns.
    pub ending: RefCell<Vec<(Pid, Ending)>>,
    /// Bytes that the calls of a process have moved, for the model of its private memory.
    pub traffic: RefCell<BTreeMap<Pid, u64>>,
    /// By child: the pages that its parent has changed since the fork, as (object, page of it).
    pub unshared: RefCell<BTreeMap<Pid, BTreeSet<(u64, u64)>>>,
    /// For the names of threads, and of the socket, which is not a file of the model.
    pub profile: RefCell<Rc<Profile>>,
    pub stacks: Stacks,
    pub pids: RefCell<Pids>,
    /// How many more calls may be made; this ends an endless loop.
    pub budget: Cell<u64>,
}

impl Shared {
    /// That of the server which runs, or runs next.
    pub fn profile(&self) -> Rc<Profile> {
        Rc::clone(&self.profile.borrow())
    }

    pub fn new_pid(&self) -> Pid {
        self.pids.borrow_mut().give()
    }

    /// A process is gone. The next start may give its pid to another, which inherits nothing.
    pub fn forget(&self, pid: Pid) {
        self.kills.borrow_mut().retain(|(to, _)| *to != pid);
        self.pending.borrow_mut().retain(|(of, _)| *of != pid);
        self.handler_lines.borrow_mut().remove(&pid);
        self.ending.borrow_mut().retain(|(of, _)| *of != pid);
        self.traffic.borrow_mut().remove(&pid);
        self.unshared.borrow_mut().remove(&pid);
    }

    /// Makes the first call of a thread that starts by sleeping; false if it would not just sleep.
    pub fn falls_asleep(&self, pid: Pid, word: &AtomicU32) -> bool {
        let ending = self.ending.borrow().iter().any(|(ending, _)| *ending == pid);
        let left = self.budget.get();
        if ending || left == 0 || word.load(Ordering::SeqCst) != 0 {
            return false;
        }
        self.budget.set(left - 1);
        true
    }

    /// Looks at what has become ready.
    pub fn refresh(&self) {
        self.net.borrow_mut().refresh(&self.kernel.borrow(), &self.pipes.borrow());
    }

    /// Writes what a process logs when a signal handler ends it. A log file gets it without a call
    /// that the plan sees, as from a real handler.
    pub fn write_handler_line(&self, pid: Pid) {
        let Some(words) = self.handler_lines.borrow_mut().remove(&pid) else { return };
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

    /// A process has changed this many bytes of an object: from now on each of its children has the
    /// old pages to itself.
    pub fn dirtied(&self, children: &[Pid], object: u64, bytes: u64) {
        let mut unshared = self.unshared.borrow_mut();
        for child in children {
            let pages = unshared.entry(*child).or_default();
            pages.extend((0..bytes.div_ceil(PAGE).max(1)).map(|page| (object, page)));
        }
    }

    /// The private dirty memory of a process, in bytes. This is a model, because the kernel knows
    /// no memory: every byte that the process moved by a call counts as written to memory of its
    /// own, and every value that its parent has changed since the fork as on pages of its own.
    pub fn private_dirty(&self, pid: Pid) -> u64 {
        let moved = self.traffic.borrow().get(&pid).copied().unwrap_or(0);
        let unshared = self.unshared.borrow().get(&pid).map_or(0, BTreeSet::len);
        (moved.div_ceil(PAGE) + unshared as u64 + 1) * PAGE
    }

    pub fn count_traffic(&self, pid: Pid, bytes: u64) {
        *self.traffic.borrow_mut().entry(pid).or_default() += bytes;
    }
}
