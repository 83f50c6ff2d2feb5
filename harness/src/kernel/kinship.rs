//! Who is whose child, and which task has which name.
//!
//! Must not know: who asks and why.

use super::process::{Ending, Life, Pid, SERVER};
use super::{Kernel, TaskId};

impl Kernel {
    /// A child that the server never forked has come to it, and has exited with this code. False:
    /// no server lives.
    pub fn adopt(&mut self, code: i32) -> bool {
        let server = self.server().and_then(|pid| self.processes.alive(pid));
        let Some(server) = server else { return false };
        self.processes.adopt(server, Ending::Exited(code));
        true
    }

    /// Whether servers are started by somebody who ignores SIGCHLD.
    pub fn set_ignores_sigchld(&mut self, ignores: bool) {
        self.processes.ignores_sigchld = ignores;
    }

    /// Whether a living process other than the server has this name.
    pub fn is_child(&self, name: &str) -> bool {
        let living = self.processes.processes.iter().filter(|it| it.life == Life::Alive);
        living.into_iter().any(|it| it.name != SERVER && it.name == *name)
    }

    /// The living task with this name; of two, that of the newest start.
    pub fn task_named(&self, name: &str) -> Option<TaskId> {
        let tasks = self.processes.tasks.iter().enumerate().rev();
        let alive = |process: usize| self.processes.processes[process].life == Life::Alive;
        let mut named = tasks.filter(|(_, task)| task.name == *name && alive(task.process));
        named.next().map(|(number, _)| TaskId(number))
    }

    /// How many children this living process has not waited for.
    pub fn children(&self, pid: Pid) -> usize {
        self.processes.alive(pid).map_or(0, |process| self.processes.children(process).count())
    }

    /// The pids of the living children of this living process.
    pub fn living_children(&self, pid: Pid) -> Vec<Pid> {
        let children = self.processes.alive(pid).into_iter();
        let children = children.flat_map(|process| self.processes.children(process));
        let children = children.map(|child| &self.processes.processes[child]);
        children.filter(|child| child.life == Life::Alive).map(|child| child.pid).collect()
    }

    /// Whether wait(2) in the process of `task` would return at once: a child has ended, or there
    /// is none.
    pub fn can_wait(&self, task: TaskId) -> bool {
        let process = self.processes.task(task).process;
        self.processes.zombie_of(process).is_some()
            || self.processes.children(process).next().is_none()
    }
}
