//! What the tasks of one simulated machine share, and what a task says when it stops running.
//!
//! All tasks are coroutines of one thread and only one of them runs, so a cell is enough; no borrow
//! may be held while a task is suspended. Must not know: in which order tasks run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use nix::sys::signal::Signal;

use super::net::{Net, SocketId};
use super::pipes::Pipes;
use crate::kernel::fd::{End, PipeId};
use crate::kernel::{Ending, Entered, Fd, Kernel, Pid, TaskId, Time};
use sabot_server::os::Interest;

/// Why a task stopped running.
pub enum Wait {
    /// The kernel has not let this call through yet.
    Call(Entered),
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
    Call(Entered),
    /// A signal was delivered: the call it waits in returns EINTR.
    Interrupted,
}

pub type Task = Coroutine<Resume, Wait, Option<Ending>, DefaultStack>;
pub type TaskYielder = Yielder<Resume, Wait>;

/// A task that was born and has not run yet.
pub struct Birth {
    pub task: TaskId,
    pub pid: Pid,
    pub coroutine: Task,
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
    /// Bytes that calls of a process moved, for the model of its private memory.
    pub traffic: RefCell<BTreeMap<Pid, u64>>,
    /// Task names by thread names.
    pub threads: BTreeMap<String, String>,
    /// The name of the unix socket, which is no file of the kernel's.
    pub socket: String,
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

    /// Something may have become ready.
    pub fn refresh(&self) {
        self.net.borrow_mut().refresh(&self.kernel.borrow(), &self.pipes.borrow());
    }

    pub fn count_traffic(&self, pid: Pid, bytes: u64) {
        *self.traffic.borrow_mut().entry(pid).or_default() += bytes;
    }
}
