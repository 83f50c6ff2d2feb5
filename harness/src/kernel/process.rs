//! Processes and tasks: which there are, what they are called, and who waits for whom.
//!
//! Task names are the same in every run: `parent` is the server's main thread, its other threads
//! are named after their job, its children are `child`, `child2`, … in the order in which this
//! server forked them. A script that is to execute the server is `launcher` until it does, so that
//! what it does shifts no number. Must not know: who runs when.

use super::call::CallName;
use super::fd::{FdTable, PipeId};
use super::name::Name;
use super::retries::Failures;

/// The name of a server's main task, and so of its process.
pub(super) const SERVER: &str = "parent";
/// The same of a program that has not executed the server yet.
pub(super) const LAUNCHER: &str = "launcher";

/// A process id as the server sees it.
pub type Pid = i32;

/// Orphans that come to a server have pids above this one, which no server reaches.
const FIRST_ORPHAN: Pid = 30_000;

/// Whether a process is an orphan that has come to a server.
pub fn is_orphan(pid: Pid) -> bool {
    pid > FIRST_ORPHAN
}

/// A thread of some process, by its number on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(super) usize);

/// What a start of the server executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Server,
    /// A script, say, that executes the server in the end.
    Launcher,
}

/// How a process ended, see wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// By this signal number.
    Signaled(i32),
}

impl Ending {
    /// In the format of wait(2).
    pub fn status(self) -> i32 {
        match self {
            Ending::Exited(code) => (code & 0xff) << 8,
            Ending::Signaled(signal) => signal,
        }
    }
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    /// It has ended, and its parent has not waited for it yet.
    Zombie(Ending),
    Gone,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub name: Name,
    /// Index of its process.
    pub process: usize,
    /// Which start of the server it belongs to, from 1.
    pub incarnation: u32,
    pub failures: Failures,
    /// How often each kind of call was made; this numbers the sites.
    counts: Vec<(CallName, Option<Name>, u32)>,
}

impl Task {
    /// The number that [`Task::count`] would give a call.
    pub fn next(&self, call: CallName, role: Option<&Name>) -> u32 {
        let known = self.counts.iter().find(|(name, of, _)| *name == call && of.as_ref() == role);
        known.map_or(1, |(.., count)| count + 1)
    }

    /// Counts a call. Returns its number, from 1.
    pub fn count(&mut self, call: CallName, role: Option<&Name>) -> u32 {
        let known =
            self.counts.iter_mut().find(|(name, of, _)| *name == call && of.as_ref() == role);
        match known {
            Some((.., count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((call, role.cloned(), 1));
                1
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Process {
    pub pid: Pid,
    /// Index of the process that forked it; None for a server, whose parent is the harness.
    pub parent: Option<usize>,
    pub life: Life,
    pub fds: FdTable,
    /// Pipes that were opened here and get their roles at the next fork.
    pub unbound_pipes: Vec<PipeId>,
    /// The name of its main task.
    pub name: Name,
    /// Linux collects its children itself.
    ignores_sigchld: bool,
}

/// Every process and task that this machine ever had.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    pub processes: Vec<Process>,
    pub tasks: Vec<Task>,
    pub incarnation: u32,
    children_born: u32,
    orphans: u32,
    /// Who starts servers from now on ignores SIGCHLD, and so do they.
    pub ignores_sigchld: bool,
}

impl Processes {
    /// No processes, after as many starts of the server.
    pub fn forgotten(&self) -> Processes {
        let Processes { incarnation, ignores_sigchld, .. } = *self;
        Processes { incarnation, ignores_sigchld, ..Processes::default() }
    }

    /// No processes, after so many starts of the server.
    pub fn after(starts: u32) -> Processes {
        Processes { incarnation: starts, ..Processes::default() }
    }

    /// About how many bytes they take.
    pub fn weight(&self) -> usize {
        let counts = |task: &Task| task.counts.len() * size_of::<(CallName, Option<Name>, u32)>();
        let tasks = self.tasks.iter().map(|task| size_of::<Task>() + counts(task));
        tasks.sum::<usize>() + self.processes.len() * size_of::<Process>()
    }

    /// Whether those to come will find nothing that was not there at first: who starts them ignores
    /// no signal, and no orphan has taken a pid.
    pub fn are_ordinary(&self) -> bool {
        !self.ignores_sigchld && self.orphans == 0
    }

    pub fn task(&self, id: TaskId) -> &Task {
        &self.tasks[id.0]
    }

    pub fn process_of(&self, id: TaskId) -> &Process {
        &self.processes[self.task(id).process]
    }

    pub fn process_of_mut(&mut self, id: TaskId) -> &mut Process {
        let process = self.task(id).process;
        &mut self.processes[process]
    }

    /// The living process with this pid.
    pub fn alive(&self, pid: Pid) -> Option<usize> {
        self.processes.iter().position(|p| p.pid == pid && p.life == Life::Alive)
    }

    /// A new server, or a program that is to execute it.
    pub fn boot(&mut self, pid: Pid, program: Program) -> TaskId {
        self.incarnation += 1;
        self.children_born = 0;
        let name = match program {
            Program::Server => SERVER,
            Program::Launcher => LAUNCHER,
        };
        self.birth(pid, None, FdTable::default(), Name::known(name))
    }

    /// A task has executed another program. A launcher becomes the server by that, which has made
    /// no call yet.
    pub fn executed(&mut self, id: TaskId) {
        let process = self.process_of_mut(id);
        if process.name != LAUNCHER {
            return;
        }
        process.name = Name::known(SERVER);
        self.children_born = 0;
        let task = &mut self.tasks[id.0];
        (task.name, task.failures) = (Name::known(SERVER), Failures::default());
        task.counts.clear();
    }

    /// A thread in the process of `by`.
    pub fn spawn(&mut self, by: TaskId, name: Name) -> TaskId {
        let Task { process, incarnation, .. } = *self.task(by);
        self.add_task(name, process, incarnation)
    }

    /// A child of the process of `by`, with copies of its descriptors.
    pub fn fork(&mut self, by: TaskId, pid: Pid) -> TaskId {
        self.children_born += 1;
        let parent = self.task(by).process;
        let kind = if self.processes[parent].name.starts_with(LAUNCHER) { "launcher-" } else { "" };
        let name = match (kind, self.children_born) {
            ("", 1) => Name::known("child"),
            (_, 1) => format!("{kind}child").into(),
            (_, n) => format!("{kind}child{n}").into(),
        };
        let fds = self.processes[parent].fds.clone();
        self.birth(pid, Some(parent), fds, name)
    }

    fn birth(&mut self, pid: Pid, parent: Option<usize>, fds: FdTable, name: Name) -> TaskId {
        let life = Life::Alive;
        let unbound_pipes = Vec::new();
        let inherits = |parent: usize| self.processes[parent].ignores_sigchld;
        let ignores_sigchld = parent.map_or(self.ignores_sigchld, inherits);
        let its = name.clone();
        let process = Process { pid, parent, life, fds, unbound_pipes, name: its, ignores_sigchld };
        self.processes.push(process);
        let incarnation = match parent {
            // A child belongs to the server that forked it, even when it outlives that.
            Some(parent) => self.main_task(parent).incarnation,
            None => self.incarnation,
        };
        self.add_task(name, self.processes.len() - 1, incarnation)
    }

    fn main_task(&self, process: usize) -> &Task {
        self.tasks.iter().find(|task| task.process == process).expect("a process has a main task")
    }

    fn add_task(&mut self, name: Name, process: usize, incarnation: u32) -> TaskId {
        let (failures, counts) = (Failures::default(), Vec::new());
        self.tasks.push(Task { name, process, incarnation, failures, counts });
        TaskId(self.tasks.len() - 1)
    }

    /// A child that it never forked has come to this process, as orphans come to process 1, and has
    /// ended.
    pub fn adopt(&mut self, parent: usize, ending: Ending) {
        self.orphans += 1;
        let pid = FIRST_ORPHAN + i32::try_from(self.orphans).unwrap_or_default();
        let name = format!("orphan{}", self.orphans).into();
        let id = self.birth(pid, Some(parent), FdTable::default(), name);
        let process = self.task(id).process;
        self.end(process, ending);
    }

    /// A process has ended. Its children have no parent any more: nobody has to wait for them.
    pub fn end(&mut self, process: usize, ending: Ending) {
        let waits = |parent: &Process| parent.life == Life::Alive && !parent.ignores_sigchld;
        let waited_for = self.processes[process].parent.is_some_and(|p| waits(&self.processes[p]));
        self.processes[process].life = if waited_for { Life::Zombie(ending) } else { Life::Gone };
        for orphan in self.processes.iter_mut().filter(|p| p.parent == Some(process)) {
            orphan.parent = None;
            if matches!(orphan.life, Life::Zombie(_)) {
                orphan.life = Life::Gone;
            }
        }
    }

    /// The children of a process that it has not waited for, by index, the oldest first.
    pub fn children(&self, process: usize) -> impl Iterator<Item = usize> {
        self.processes
            .iter()
            .enumerate()
            .filter(move |(_, p)| p.parent == Some(process) && p.life != Life::Gone)
            .map(|(index, _)| index)
    }

    /// The child that wait(2) would return now, and how it ended.
    pub fn zombie_of(&self, process: usize) -> Option<(usize, Ending)> {
        self.children(process).find_map(|child| match self.processes[child].life {
            Life::Zombie(ending) => Some((child, ending)),
            _ => None,
        })
    }
}
