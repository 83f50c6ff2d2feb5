//! Completing calls on pipes and about processes: pipe, reads and writes on one, fork, wait.
//!
//! The door moves the bytes and makes the child. Who holds which end of a pipe, which role a pipe
//! has, and who waits for whom is decided here. Must not know: whether anything real stands behind
//! the model.

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::files::returned;
use crate::kernel::fd::{Access, End, Object};
use crate::kernel::process::{Ending, Life, Pid};
use crate::kernel::trace::Returned;
use crate::kernel::{CallName, Entered, Fd, Kernel, TaskId};

/// What the door is to do with a read or write on a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Nothing: the call returns this.
    Return(Result<u64, Errno>),
    /// Move at most this many bytes, then report to [`Kernel::transferred`].
    Move(u64),
}

/// The result of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// This child has been collected.
    Reaped(Pid, Ending),
    /// No child has ended yet.
    NotYet,
    Failed(Errno),
}

impl Kernel {
    /// pipe2(2). Returns read end and write end.
    pub fn pipe(&mut self, entered: Entered, flags: OFlag) -> Result<(Fd, Fd), Errno> {
        if let Some(errno) = entered.error() {
            self.finish(entered, Returned::Error(errno), 0);
            return Err(errno);
        }
        let pipe = self.pipe_roles.len();
        self.pipe_roles.push(None);
        let task = entered.task;
        let (reads, writes) = (flags | OFlag::O_RDONLY, flags | OFlag::O_WRONLY);
        let read = self.install(task, Object::Pipe(pipe, End::Read), reads);
        let write = self.install(task, Object::Pipe(pipe, End::Write), writes);
        self.processes.process_of_mut(task).unbound_pipes.push(pipe);
        self.finish(entered, Returned::Descriptor, 0);
        Ok((read, write))
    }

    /// A process has executed another program: closes the descriptors that it does not keep.
    pub fn executed(&mut self, task: TaskId, keeps: impl Fn(Fd) -> bool) {
        self.processes.executed(task);
        let table = &mut self.processes.process_of_mut(task).fds;
        let closed: Vec<Fd> = table.iter().map(|(fd, _)| fd).filter(|fd| !keeps(*fd)).collect();
        let closed: Vec<_> = closed.into_iter().filter_map(|fd| table.remove(fd)).collect();
        closed.into_iter().for_each(|description| self.release(description));
    }

    /// What to do about a read or write of `wanted` bytes on a pipe.
    pub fn transfer(&self, entered: &Entered, fd: Fd, wanted: u64) -> Transfer {
        let access = if entered.site.call == CallName::Read { Access::Read } else { Access::Write };
        let allowed = self
            .description(entered.task, fd)
            .is_ok_and(|id| self.descriptions.get(id).allows(access));
        match (entered.error(), entered.lie()) {
            (Some(errno), _) => Transfer::Return(Err(errno)),
            (None, _) if !allowed => Transfer::Return(Err(Errno::EBADF)),
            (None, Some(claimed)) => Transfer::Return(Ok(claimed.max(0) as u64)),
            (None, None) => Transfer::Move(entered.limit(wanted)),
        }
    }

    /// A read or write on a pipe has finished.
    pub fn transferred(&mut self, entered: Entered, result: Result<u64, Errno>) {
        self.finish(entered, returned(result), 0);
    }

    /// fork(2): makes a child with this pid and copies of all descriptors. Pipes opened since the
    /// last fork get their roles now.
    pub fn fork(&mut self, entered: Entered, pid: Pid) -> Result<TaskId, Errno> {
        if let Some(errno) = entered.error() {
            self.finish(entered, Returned::Error(errno), 0);
            return Err(errno);
        }
        self.bind_pipes(entered.task);
        let child = self.processes.fork(entered.task, pid);
        for (_, description) in self.processes.process_of(child).fds.clone().iter() {
            self.descriptions.share(description);
        }
        let name = self.task_name(child).clone();
        self.finish(entered, Returned::Child(name), 0);
        Ok(child)
    }

    /// The error that the plan injects, if any: a door that forks for real asks first.
    pub fn fork_error(&self, entered: &Entered) -> Option<Errno> {
        entered.error()
    }

    fn bind_pipes(&mut self, task: TaskId) {
        let opened = std::mem::take(&mut self.processes.process_of_mut(task).unbound_pipes);
        // A pipe that was closed again before the fork (because another one of the set could not be
        // opened) does not count.
        let open: Vec<_> = opened
            .into_iter()
            .filter(|pipe| self.pipe_ends(*pipe, End::Read) + self.pipe_ends(*pipe, End::Write) > 0)
            .collect();
        if let Some(roles) = self.roles.of_pipes(open.len()) {
            for (pipe, role) in open.into_iter().zip(roles) {
                self.pipe_roles[pipe] = Some(role.clone());
            }
        }
    }

    /// wait3(2) and its relatives. Does not block: the door holds the task until a child has ended.
    pub fn wait(&mut self, entered: Entered) -> Waited {
        let process = self.processes.task(entered.task).process;
        let zombie = self.processes.zombie_of(process);
        let waited = match (entered.error(), zombie) {
            (Some(errno), _) => Waited::Failed(errno),
            (None, Some((child, ending))) => {
                Waited::Reaped(self.processes.processes[child].pid, ending)
            }
            (None, None) if self.processes.children(process).next().is_none() => {
                Waited::Failed(Errno::ECHILD)
            }
            (None, None) => Waited::NotYet,
        };
        let returned = match (waited, zombie) {
            (Waited::Reaped(_, ending), Some((child, _))) => {
                let child = &mut self.processes.processes[child];
                child.life = Life::Gone;
                Returned::Reaped(child.name.clone(), ending)
            }
            (Waited::Failed(errno), _) => Returned::Error(errno),
            _ => Returned::Value(0),
        };
        self.finish(entered, returned, 0);
        waited
    }
}
