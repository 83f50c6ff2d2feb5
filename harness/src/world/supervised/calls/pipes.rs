//! Pipes: real ones, but the supervisor makes them and carries out every transfer.
//!
//! The target's end and the supervisor's copy share one open file description. A transfer never
//! blocks the supervisor: a caller that would block is held until its pipe is ready. End of file
//! and EPIPE come from the real pipe, because the copy of an end is dropped together with the
//! model's last descriptor of it. Must not know: roles and faults.

use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read, write};

use super::call::Call;
use super::files::{gather, scatter};
use super::{Action, Outcome, Trouble};
use crate::kernel::calls::Transfer;
use crate::kernel::{Entered, Fd, Object, Pid, TaskId};
use crate::world::Broken;
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::tasks::Wait;

impl Supervised {
    pub(super) fn is_pipe(&self, task: TaskId, fd: Fd) -> bool {
        matches!(self.kernel.borrow().lookup(task, fd), Some(Object::Pipe(..)))
    }

    /// Decodes pipe2(2), unless the server still boots: until it first waits for a descriptor, it
    /// has nobody to talk to but itself.
    pub(super) fn decode_pipe(
        &self,
        task: TaskId,
        address: u64,
        flags: OFlag,
    ) -> Result<Option<Call>, Trouble> {
        let pid = self.kernel.borrow().pid_of(task);
        let at_boot = self.table.process(pid).is_some_and(|process| process.boots);
        Ok((!at_boot).then_some(Call::Pipe { address, flags }))
    }

    pub(super) fn do_pipe(
        &mut self,
        tid: i32,
        notice: &Notice,
        entered: Entered,
        address: u64,
        flags: OFlag,
    ) -> Outcome {
        let made = self.kernel.borrow_mut().pipe(entered, flags);
        let (read_fd, write_fd) = match made {
            Ok(ends) => ends,
            Err(errno) => return Ok(Action::error(errno)),
        };
        let ends = pipe2(flags | OFlag::O_CLOEXEC).map_err(|errno| os_error("pipe2", errno))?;
        self.install(tid, notice, Rc::new(ends.0), read_fd, flags.into())?;
        self.install(tid, notice, Rc::new(ends.1), write_fd, flags.into())?;
        let mut array = [0; 8];
        array[..4].copy_from_slice(&read_fd.to_ne_bytes());
        array[4..].copy_from_slice(&write_fd.to_ne_bytes());
        Memory(tid).write(address, &array)?;
        Ok(Action::value(0))
    }

    /// Goes on with a read or write on a pipe after `moved` bytes.
    pub(super) fn pipe_io(
        &mut self,
        tid: i32,
        entered: Entered,
        call: Call,
        moved: u64,
    ) -> Outcome {
        let (Call::Read { fd, parts, .. } | Call::Write { fd, parts, .. }) = &call else {
            return Ok(Action::CONTINUE);
        };
        let transfer = self.kernel.borrow().transfer(&entered, *fd, call.size());
        let limit = match transfer {
            Transfer::Move(limit) => limit,
            Transfer::Return(result) => {
                self.kernel.borrow_mut().transferred(entered, result);
                return Ok(Action::result(result));
            }
        };
        let end = self.copy(tid, *fd)?;
        let memory = Memory(tid);
        let is_write = matches!(call, Call::Write { .. });
        let result = if is_write {
            let data = gather(memory, parts);
            data.and_then(|data| write_some(end.as_fd(), &data[moved as usize..limit as usize]))
        } else {
            read_some(end.as_fd(), limit as usize)
                .and_then(|data| scatter(memory, parts, &data).map(|()| data.len() as u64))
        };
        let blocks = !flags(end.as_fd())?.contains(OFlag::O_NONBLOCK);
        let total = match result {
            Ok(count) if is_write && blocks && moved + count < limit => {
                return Ok(Action::hold(Wait::Pipe { entered, call, moved: moved + count }));
            }
            Ok(count) => Ok(moved + count),
            Err(Errno::EAGAIN) if blocks => {
                return Ok(Action::hold(Wait::Pipe { entered, call, moved }));
            }
            Err(_) if moved > 0 => Ok(moved),
            Err(errno) => Err(errno),
        };
        self.kernel.borrow_mut().transferred(entered, total);
        if total == Err(Errno::EPIPE) {
            let pid = self.table.task(tid).map_or(0, |task| task.pid);
            if self.deliver(pid, libc::SIGPIPE)? {
                return Ok(Action::Gone);
            }
        }
        Ok(Action::result(total))
    }

    /// Whether a held transfer can go on.
    pub(in super::super) fn is_pipe_ready(&self, pid: Pid, call: &Call) -> Result<bool, Broken> {
        let (fd, wanted) = match call {
            Call::Read { fd, .. } => (fd, PollFlags::POLLIN),
            Call::Write { fd, .. } => (fd, PollFlags::POLLOUT),
            _ => return Ok(true),
        };
        let file = self.table.process(pid).and_then(|process| process.files.get(fd));
        let Some(file) = file else { return Ok(true) };
        let mut fds = [PollFd::new(file.as_fd(), wanted)];
        let ready = poll(&mut fds, PollTimeout::ZERO).map_err(|errno| os_error("poll", errno))?;
        Ok(ready > 0)
    }
}

fn flags(end: BorrowedFd<'_>) -> Result<OFlag, Broken> {
    let bits = fcntl(end, FcntlArg::F_GETFL).map_err(|errno| os_error("fcntl", errno))?;
    Ok(OFlag::from_bits_retain(bits))
}

/// Makes an operation on an end of a pipe fail instead of blocking. The flags are shared with the
/// target, which is held and cannot notice.
fn without_blocking<T>(
    end: BorrowedFd<'_>,
    operation: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let before = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL)?);
    if before.contains(OFlag::O_NONBLOCK) {
        return operation();
    }
    fcntl(end, FcntlArg::F_SETFL(before | OFlag::O_NONBLOCK))?;
    let result = operation();
    fcntl(end, FcntlArg::F_SETFL(before))?;
    result
}

fn write_some(end: BorrowedFd<'_>, data: &[u8]) -> Result<u64, Errno> {
    without_blocking(end, || write(end, data).map(|count| count as u64))
}

fn read_some(end: BorrowedFd<'_>, limit: usize) -> Result<Vec<u8>, Errno> {
    let mut data = vec![0; limit];
    let count = without_blocking(end, || read(end, &mut data))?;
    data.truncate(count);
    Ok(data)
}
