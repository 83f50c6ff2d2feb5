//! Calls on files: the model decides, then the same is done to the real file.
//!
//! The target's descriptor and the supervisor's copy share one open file description, so offsets
//! move for both. If the real file does not behave as the model says, the run is broken. Must not
//! know: roles and faults.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::uio::pwrite;
use nix::unistd::{Whence, lseek, write};

use super::call::Call;
use super::paths::is_open;
use super::{Action, Outcome, Trouble};
use crate::kernel::calls::Applied;
use crate::kernel::{Entered, Fd};
use crate::world::Broken;
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::{Notice, OnExec, Slot};
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::stand_in::stand_in;

impl Supervised {
    /// Makes a call on a file.
    pub(super) fn file_call(
        &mut self,
        tid: i32,
        notice: &Notice,
        entered: Entered,
        call: &Call,
    ) -> Outcome {
        match call {
            Call::Open { path, flags, mode } => {
                self.do_open(tid, notice, entered, path, *flags, *mode)
            }
            Call::Close(fd) => self.do_close(tid, notice, entered, *fd),
            Call::Write { fd, parts, at } => self.do_write(tid, entered, *fd, parts, *at),
            Call::Read { fd, parts, at } => self.do_read(tid, entered, *fd, parts, *at),
            Call::Dup { fd, number, flags } => {
                self.do_dup(tid, notice, entered, (*fd, *number, *flags))
            }
            Call::Sync(_, fd) => {
                let result = self.kernel.borrow_mut().sync(entered, *fd);
                Ok(Action::result(result.map(|()| 0)))
            }
            Call::Ftruncate { fd, length } => {
                let applied = self.kernel.borrow_mut().ftruncate(entered, *fd, *length);
                let file = self.copy(tid, *fd)?;
                self.mirror(applied, "ftruncate", |_| {
                    nix::unistd::ftruncate(file.as_fd(), *length as i64)
                })
            }
            Call::Truncate { path, length } => {
                let applied = self.kernel.borrow_mut().truncate(entered, path, *length);
                self.mirror(applied, "truncate", |s| s.directory.truncate(path, *length))
            }
            Call::Rename { from, to } => {
                let applied = self.kernel.borrow_mut().rename(entered, from, to);
                self.mirror(applied, "rename", |s| s.directory.rename(from, to))
            }
            Call::Unlink(path) => {
                let applied = self.kernel.borrow_mut().unlink(entered, path);
                self.mirror(applied, "unlink", |s| s.directory.unlink(path))
            }
            Call::Mkdir { path, mode } => {
                let applied = self.kernel.borrow_mut().mkdir(entered, path);
                self.mirror(applied, "mkdir", |s| s.directory.mkdir(path, *mode))
            }
            Call::Rmdir(path) => {
                let applied = self.kernel.borrow_mut().rmdir(entered, path);
                self.mirror(applied, "rmdir", |s| s.directory.rmdir(path))
            }
            Call::Question(_, about) => self.do_question(entered, about),
            Call::Pipe { .. } | Call::Fork { .. } | Call::Wait { .. } => Ok(Action::CONTINUE),
        }
    }

    /// Does to the real file what the model has applied, and answers with the model's result.
    fn mirror(
        &self,
        applied: Applied,
        what: &str,
        operation: impl FnOnce(&Self) -> Result<(), Errno>,
    ) -> Outcome {
        if applied.applied {
            operation(self)
                .map_err(|errno| os_error(&format!("{what} in the run directory"), errno))?;
        }
        Ok(Action::result(applied.result.map(|()| 0)))
    }

    fn do_open(
        &mut self,
        tid: i32,
        notice: &Notice,
        entered: Entered,
        path: &str,
        flags: OFlag,
        mode: u32,
    ) -> Outcome {
        let opened = self.kernel.borrow_mut().open(entered, path, flags);
        let fd = match opened {
            Ok(fd) => fd,
            Err(errno) => return Ok(Action::error(errno)),
        };
        let file = self
            .directory
            .open(path, flags, mode, self.first_process())
            .map_err(|errno| os_error(&format!("open {path} in the run directory"), errno))?;
        if self.kernel.borrow().halt_due().is_some() {
            // The caller may die of what the plan does next, and must not run on before that.
            self.install(tid, notice, Rc::new(file), fd, flags.into())?;
            return Ok(Action::value(fd.into()));
        }
        self.listener(tid)?
            .answer_with(notice.id, file.as_fd(), Slot::At(fd), flags.into())
            .map_err(|errno| not_installed(fd, errno))?;
        self.keep_copy(tid, fd, Rc::new(file));
        Ok(Action::Answered)
    }

    /// Puts a file into the target's descriptor table and keeps a copy.
    pub(super) fn install(
        &mut self,
        tid: i32,
        notice: &Notice,
        file: Rc<OwnedFd>,
        fd: Fd,
        on_exec: OnExec,
    ) -> Result<(), Broken> {
        self.listener(tid)?
            .install(notice.id, file.as_fd(), Slot::At(fd), on_exec)
            .map_err(|errno| not_installed(fd, errno))?;
        self.keep_copy(tid, fd, file);
        Ok(())
    }

    fn keep_copy(&mut self, tid: i32, fd: Fd, file: Rc<OwnedFd>) {
        let pid = self.table.task(tid).map(|task| task.pid);
        if let Some(process) = pid.and_then(|pid| self.table.process_mut(pid)) {
            process.files.insert(fd, file);
        }
    }

    /// The supervisor's copy of a model descriptor.
    pub(super) fn copy(&self, tid: i32, fd: Fd) -> Result<Rc<OwnedFd>, Broken> {
        let process = self.table.task(tid).and_then(|task| self.table.process(task.pid));
        process
            .and_then(|process| process.files.get(&fd))
            .map(Rc::clone)
            .ok_or_else(|| Broken::Harness(format!("no copy of descriptor {fd}")))
    }

    /// A close that fails still closes: /dev/null replaces the file, so that nothing is held open.
    fn do_close(&mut self, tid: i32, notice: &Notice, entered: Entered, fd: Fd) -> Outcome {
        let result = self.kernel.borrow_mut().close(entered, fd);
        let pid = self.table.task(tid).map(|task| task.pid);
        if let Some(process) = pid.and_then(|pid| self.table.process_mut(pid)) {
            process.files.remove(&fd);
        }
        let Err(errno) = result else { return Ok(Action::CONTINUE) };
        let nothing = File::open("/dev/null").map_err(|e| Broken::Harness(e.to_string()))?;
        self.listener(tid)?
            .install(notice.id, nothing.as_fd(), Slot::At(fd), OnExec::Close)
            .map_err(|errno| not_installed(fd, errno))?;
        Ok(Action::error(errno))
    }

    fn do_write(
        &mut self,
        tid: i32,
        entered: Entered,
        fd: Fd,
        parts: &[(u64, usize)],
        at: Option<i64>,
    ) -> Outcome {
        let data = match gather(Memory(tid), parts) {
            Ok(data) => data,
            Err(errno) => {
                self.kernel.borrow_mut().abandon(entered);
                return Ok(Action::error(errno));
            }
        };
        let wrote = self.kernel.borrow_mut().write_at(entered, fd, &data, at);
        if wrote.taken > 0 {
            let file = self.copy(tid, fd)?;
            let taken = &data[..wrote.taken as usize];
            let written = match at {
                Some(at) => pwrite(file.as_fd(), taken, at),
                None => write(file.as_fd(), taken),
            };
            match written {
                Ok(count) if count == taken.len() => {}
                Ok(count) => {
                    return Err(Trouble::Broken(Broken::Harness(format!(
                        "the run directory took {count} of {} bytes",
                        taken.len()
                    ))));
                }
                Err(errno) => return Err(os_error("write in the run directory", errno).into()),
            }
        }
        Ok(Action::result(wrote.result))
    }

    fn do_read(
        &mut self,
        tid: i32,
        entered: Entered,
        fd: Fd,
        parts: &[(u64, usize)],
        at: Option<i64>,
    ) -> Outcome {
        let wanted = parts.iter().map(|(_, len)| *len as u64).sum();
        let read = self.kernel.borrow_mut().read_at(entered, fd, wanted, at);
        if !read.data.is_empty() {
            scatter(Memory(tid), parts, &read.data)?;
            if at.is_none() {
                let file = self.copy(tid, fd)?;
                let moved = read.data.len() as i64;
                lseek(file.as_fd(), moved, Whence::SeekCur).map_err(|e| os_error("lseek", e))?;
            }
        }
        Ok(Action::result(read.result))
    }

    /// An open of a file outside the run directory, perhaps one with a stand-in.
    pub(super) fn open_outside(&self, tid: i32, notice: &Notice) -> Outcome {
        let path = notice.args[if notice.number == libc::SYS_open { 0 } else { 1 }];
        let path = Memory(notice.tid).path(path)?;
        let file = stand_in(&path, &self.kernel.borrow().clock)?;
        let Some(file) = file else { return Ok(Action::CONTINUE) };
        self.listener(tid)?
            .answer_with(notice.id, file.as_fd(), Slot::LowestFree, OnExec::Close)
            .map_err(|errno| os_error(&format!("a stand-in for {path}"), errno))?;
        Ok(Action::Answered)
    }

    /// Calls by path that are not modelled; None: it is not one of those.
    pub(super) fn outside(&self, tid: i32, notice: &Notice) -> Option<Outcome> {
        if is_open(notice.number) {
            return Some(self.open_outside(tid, notice));
        }
        // It is about the clients' socket: changes of other files outside were refused before.
        let socket = [libc::SYS_unlink, libc::SYS_unlinkat, libc::SYS_creat];
        socket.contains(&notice.number).then_some(Ok(Action::CONTINUE))
    }
}

fn not_installed(fd: Fd, errno: Errno) -> Broken {
    match errno {
        Errno::EBADF => Broken::NotMeasured(format!(
            "the server may not have {fd} descriptors: raise its limit (ulimit -n, maxclients)"
        )),
        errno => os_error(&format!("install descriptor {fd}"), errno),
    }
}

/// Reads the bytes of a write from its caller's memory.
pub fn gather(memory: Memory, parts: &[(u64, usize)]) -> Result<Vec<u8>, Errno> {
    let mut data = Vec::new();
    for (at, len) in parts {
        data.append(&mut memory.read(*at, *len)?);
    }
    Ok(data)
}

/// Writes what was read to the caller's buffers.
pub fn scatter(memory: Memory, parts: &[(u64, usize)], mut data: &[u8]) -> Result<(), Errno> {
    for (at, len) in parts {
        let (here, rest) = data.split_at(data.len().min(*len));
        memory.write(*at, here)?;
        data = rest;
    }
    Ok(())
}
