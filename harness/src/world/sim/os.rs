//! The sim door: brings the system calls of the server core to the kernel.
//!
//! A call that can return at once does; one that must wait suspends the task's coroutine and says
//! what for. Must not know: who runs next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use sabot_server::os::{
    Clock, Event, Fd, ForkChild, HandlerLine, Interest, OFlag, Os, Pid, Result, STDOUT, Signal,
    Stat, Thread, Wait as WaitMode, WaitStatus, Whence,
};

use super::shared::{Birth, Body, Resume, Wait};
use super::task::{SimOs, is_ignored, relative, task};
use crate::kernel::calls::Waited;
use crate::kernel::{CallName, Ending, Object, Target};

/// Where a server reports errors in its configuration.
const STDERR: Fd = 2;

impl Os for SimOs<'_> {
    fn open(&mut self, path: &str, flags: OFlag, _mode: u32) -> Result<Fd> {
        let path = relative(path);
        let entered = self.enter(CallName::Open, Target::Path(path), flags.bits() as u64);
        let opened = self.kernel().open(entered, path, flags);
        self.after_call(opened)
    }

    fn close(&mut self, fd: Fd) -> Result<()> {
        if self.object(fd).is_none() {
            let known = self.shared.net.borrow_mut().close(self.pid, fd);
            return if known { Ok(()) } else { Err(Errno::EBADF) };
        }
        let entered = self.enter_fd(CallName::Close, fd, 0);
        let result = self.kernel().close(entered, fd);
        self.shared.net.borrow_mut().forget(self.pid, fd);
        self.shared.refresh();
        self.after_call(result)
    }

    fn read(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize> {
        match self.object(fd) {
            Some(Object::Pipe(pipe, _)) => Ok(self.read_pipe(fd, pipe, buf)? as usize),
            Some(Object::File(_)) => {
                let entered = self.enter_fd(CallName::Read, fd, buf.len() as u64);
                let read = self.kernel().read(entered, fd, buf.len() as u64);
                buf[..read.data.len()].copy_from_slice(&read.data);
                self.shared.count_traffic(self.pid, read.data.len() as u64);
                Ok(self.after_call(read.result)? as usize)
            }
            None => {
                self.charge_budget();
                let mut net = self.shared.net.borrow_mut();
                let id = net.lookup(self.pid, fd).ok_or(Errno::EBADF)?;
                net.read(id, buf).ok_or(Errno::EAGAIN)
            }
        }
    }

    fn write(&mut self, fd: Fd, buf: &[u8]) -> Result<usize> {
        match self.object(fd) {
            Some(Object::Pipe(pipe, _)) => Ok(self.write_pipe(fd, pipe, buf)? as usize),
            Some(Object::File(_)) => {
                let entered = self.enter_fd(CallName::Write, fd, buf.len() as u64);
                let wrote = self.kernel().write(entered, fd, buf);
                self.shared.count_traffic(self.pid, wrote.taken);
                Ok(self.after_call(wrote.result)? as usize)
            }
            // Standard error goes to the log as well, as in a supervised server.
            None if fd == STDOUT || fd == STDERR => {
                self.end_if_signalled();
                self.shared.log.borrow_mut().extend_from_slice(buf);
                Ok(buf.len())
            }
            None => {
                self.charge_budget();
                let mut net = self.shared.net.borrow_mut();
                let id = net.lookup(self.pid, fd).ok_or(Errno::EBADF)?;
                if net.write(id, buf) { Ok(buf.len()) } else { Err(Errno::EPIPE) }
            }
        }
    }

    fn fsync(&mut self, fd: Fd) -> Result<()> {
        self.sync(CallName::Fsync, fd)
    }

    fn fdatasync(&mut self, fd: Fd) -> Result<()> {
        self.sync(CallName::Fdatasync, fd)
    }

    fn sync_file_range(&mut self, fd: Fd, _offset: u64, _len: u64, _wait: bool) -> Result<()> {
        self.sync(CallName::SyncFileRange, fd)
    }

    fn ftruncate(&mut self, fd: Fd, len: u64) -> Result<()> {
        self.object(fd).ok_or(Errno::EBADF)?;
        let entered = self.enter_fd(CallName::Ftruncate, fd, len);
        let done = self.kernel().ftruncate(entered, fd, len);
        self.after_call(done.result)
    }

    fn truncate(&mut self, path: &str, len: u64) -> Result<()> {
        let path = relative(path);
        let entered = self.enter(CallName::Truncate, Target::Path(path), len);
        let done = self.kernel().truncate(entered, path, len);
        self.after_call(done.result)
    }

    fn lseek(&mut self, fd: Fd, offset: i64, whence: Whence) -> Result<u64> {
        let whence = match whence {
            Whence::Set => nix::libc::SEEK_SET,
            Whence::End => nix::libc::SEEK_END,
        };
        self.kernel().lseek(self.task, fd, offset, whence)
    }

    fn fstat(&mut self, fd: Fd) -> Result<Stat> {
        let Some(Object::File(ino)) = self.object(fd) else { return Err(Errno::EBADF) };
        self.question(CallName::Fstat, Target::Fd(fd), Ok(()))?;
        Ok(self.stat_inode(ino))
    }

    fn stat(&mut self, path: &str) -> Result<Stat> {
        let path = relative(path);
        let found = self.kernel().stat(path);
        self.question(CallName::Stat, Target::Path(path), found.map(|_| ()))?;
        Ok(self.stat_inode(found?))
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<()> {
        let (from, to) = (relative(old), relative(new));
        let entered = self.enter(CallName::Rename, Target::Rename { from, to }, 0);
        let done = self.kernel().rename(entered, from, to);
        self.after_call(done.result)
    }

    fn unlink(&mut self, path: &str) -> Result<()> {
        let path = relative(path);
        if path == self.shared.profile().socket {
            return Ok(());
        }
        let entered = self.enter(CallName::Unlink, Target::Path(path), 0);
        let done = self.kernel().unlink(entered, path);
        self.after_call(done.result)
    }

    fn mkdir(&mut self, path: &str, _mode: u32) -> Result<()> {
        let path = relative(path);
        let entered = self.enter(CallName::Mkdir, Target::Path(path), 0);
        let done = self.kernel().mkdir(entered, path);
        self.after_call(done.result)
    }

    /// There is no other directory to change to.
    fn chdir(&mut self, path: &str) -> Result<()> {
        if relative(path).is_empty() { Ok(()) } else { Err(Errno::ENOENT) }
    }

    fn getcwd(&mut self) -> Result<String> {
        self.question(CallName::Getcwd, Target::None, Ok(()))?;
        Ok("/".to_string())
    }

    fn pipe(&mut self) -> Result<(Fd, Fd)> {
        let entered = self.enter(CallName::Pipe, Target::None, 0);
        let made = self.kernel().pipe(entered, OFlag::empty());
        self.after_call(made)
    }

    fn set_nonblocking(&mut self, fd: Fd) -> Result<()> {
        let flags = self.kernel().status_flags(self.task, fd)?;
        self.kernel().set_status_flags(self.task, fd, flags | OFlag::O_NONBLOCK)
    }

    fn listen_tcp(&mut self, _address: &str, _port: u16, _backlog: i32) -> Result<Fd> {
        Ok(self.shared.net.borrow_mut().listen(self.pid))
    }

    fn listen_unix(&mut self, _path: &str, _backlog: i32) -> Result<Fd> {
        Ok(self.shared.net.borrow_mut().listen(self.pid))
    }

    fn accept(&mut self, fd: Fd) -> Result<Fd> {
        self.charge_budget();
        self.shared.net.borrow_mut().accept(self.pid, fd).ok_or(Errno::EAGAIN)
    }

    fn epoll_create(&mut self) -> Result<Fd> {
        Ok(self.shared.net.borrow_mut().epoll_create(self.pid, self.task))
    }

    fn epoll_ctl(&mut self, epoll: Fd, fd: Fd, interest: Interest) -> Result<()> {
        let mut net = self.shared.net.borrow_mut();
        let id = net.lookup(self.pid, epoll).ok_or(Errno::EBADF)?;
        if !net.epoll_ctl(id, fd, interest) {
            return Err(Errno::EINVAL);
        }
        net.refresh(&self.shared.kernel.borrow(), &self.shared.pipes.borrow());
        Ok(())
    }

    fn epoll_wait(&mut self, epoll: Fd, events: &mut Vec<Event>, ms: Option<u64>) -> Result<()> {
        self.charge_budget();
        let epoll = self.shared.net.borrow().lookup(self.pid, epoll).ok_or(Errno::EBADF)?;
        let deadline = ms.map(|ms| self.now() + Duration::from_millis(ms));
        loop {
            let found = {
                let (kernel, pipes) = (self.shared.kernel.borrow(), self.shared.pipes.borrow());
                self.shared.net.borrow_mut().epoll_take(&kernel, &pipes, epoll)
            };
            if !found.is_empty() || deadline.is_some_and(|deadline| deadline <= self.now()) {
                events.extend(found);
                return Ok(());
            }
            if let Resume::Interrupted = self.suspend(Wait::Epoll { epoll, deadline }) {
                return Err(Errno::EINTR);
            }
        }
    }

    fn poll(&mut self, fd: Fd, interest: Interest, timeout_ms: u64) -> Result<Interest> {
        self.charge_budget();
        let deadline = self.now() + Duration::from_millis(timeout_ms);
        loop {
            let ready = {
                let (kernel, pipes) = (self.shared.kernel.borrow(), self.shared.pipes.borrow());
                self.shared.net.borrow().ready_for(&kernel, &pipes, self.task, fd, interest)
            };
            if !ready.is_empty() || deadline <= self.now() {
                return Ok(ready);
            }
            if let Resume::Interrupted = self.suspend(Wait::Poll { fd, interest, deadline }) {
                return Err(Errno::EINTR);
            }
        }
    }

    fn clock_gettime(&mut self, clock: Clock) -> u64 {
        let kernel = self.shared.kernel.borrow();
        match clock {
            Clock::Realtime => kernel.clock.realtime(),
            Clock::Monotonic => kernel.clock.monotonic(),
        }
    }

    fn nanosleep(&mut self, ns: u64) {
        self.charge_budget();
        let until = self.now() + Duration::from_nanos(ns);
        if until > self.now() {
            self.suspend(Wait::Sleep { until });
        }
    }

    fn spawn(&mut self, name: &'static str, thread: Thread) -> Result<()> {
        self.shared.new_pid();
        let id = self.birth_of(name);
        let birth = task(&self.shared, id, self.pid, move |os| {
            thread(os);
            None
        });
        self.shared.births.borrow_mut().push(birth);
        Ok(())
    }

    fn spawn_asleep(
        &mut self,
        name: &'static str,
        word: Arc<AtomicU32>,
        thread: Thread,
    ) -> Result<()> {
        self.shared.new_pid();
        let task = self.birth_of(name);
        let birth = Birth { task, pid: self.pid, body: Body::Asleep(word, thread) };
        self.shared.births.borrow_mut().push(birth);
        Ok(())
    }

    fn futex_wait(&mut self, word: &Arc<AtomicU32>, expected: u32) {
        self.charge_budget();
        if word.load(Ordering::SeqCst) == expected {
            self.suspend(Wait::Futex { address: Arc::as_ptr(word) as usize });
        }
    }

    fn futex_wake(&mut self, word: &Arc<AtomicU32>, count: u32) {
        self.shared.wakes.borrow_mut().push((Arc::as_ptr(word) as usize, count));
    }

    fn fork(&mut self, child: &dyn ForkChild) -> Result<Pid> {
        let entered = self.enter(CallName::Fork, Target::None, 0);
        if self.kernel().fork_error(&entered).is_some() {
            let refused = self.kernel().fork(entered, 0);
            return self.after_call(refused.map(|_| 0));
        }
        let pid = self.shared.new_pid();
        let id = self.kernel().fork(entered, pid)?;
        self.shared.net.borrow_mut().fork(self.pid, pid);
        let image = child.copy();
        let birth = task(&self.shared, id, pid, move |os| Some(image.run(os)));
        self.shared.births.borrow_mut().push(birth);
        Ok(self.after_call(pid))
    }

    fn set_handler_line(&mut self, line: HandlerLine) {
        self.shared.handler_lines.borrow_mut().insert(self.pid, line);
    }

    fn wait3(&mut self, mode: WaitMode) -> Result<Option<(Pid, WaitStatus)>> {
        let entered = self.enter(CallName::Wait4, Target::None, 0);
        while mode == WaitMode::Block && !self.shared.kernel.borrow().can_wait(self.task) {
            self.suspend(Wait::Child);
        }
        let waited = self.kernel().wait(entered);
        match self.after_call(waited) {
            Waited::Reaped(pid, Ending::Exited(code)) => Ok(Some((pid, WaitStatus::Exited(code)))),
            Waited::Reaped(pid, Ending::Signaled(signal)) => {
                Ok(Some((pid, WaitStatus::Signaled(signal))))
            }
            Waited::NotYet => Ok(None),
            Waited::Failed(errno) => Err(errno),
        }
    }

    fn kill(&mut self, pid: Pid, signal: Signal) -> Result<()> {
        let target = self.kernel().main_task(pid).ok_or(Errno::ESRCH)?;
        if is_ignored(signal) {
            return Ok(());
        }
        self.kernel().signalled(target, signal);
        self.shared.kills.borrow_mut().push((pid, signal));
        self.suspend(Wait::Sent);
        Ok(())
    }

    fn getpid(&mut self) -> Pid {
        self.pid
    }

    fn exit(&mut self, code: i32) -> ! {
        self.suspend(Wait::End(Ending::Exited(code)));
        unreachable!("an ended task is not resumed")
    }

    fn raise(&mut self, signal: Signal) -> ! {
        self.suspend(Wait::End(Ending::Signaled(signal as i32)));
        unreachable!("an ended task is not resumed")
    }

    fn take_signal(&mut self) -> Option<Signal> {
        let mut pending = self.shared.pending.borrow_mut();
        let next = pending.iter().position(|(pid, _)| *pid == self.pid)?;
        Some(pending.remove(next).1)
    }

    fn private_dirty(&mut self) -> u64 {
        self.shared.private_dirty(self.pid)
    }

    fn dirtied(&mut self, object: u64, bytes: u64) {
        let children = self.shared.kernel.borrow().living_children(self.pid);
        self.shared.dirtied(&children, object, bytes);
    }

    fn getrandom(&mut self, buf: &mut [u8]) {
        // The same in every run.
        buf.fill(0x5a);
    }
}
