//! Who is whose child, and which task has which name.
//!
//! Must not know: who asks and why.

use super::process::{Ending, Life, SERVER};
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
}
