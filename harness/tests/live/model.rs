//! The modelled side: the same calls, brought to the kernel as both doors bring them, with the
//! pipes of the simulation.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use sabot::kernel::calls::{Number, Transfer, Waited};
use sabot::kernel::fd::{End, PipeId};
use sabot::kernel::{
    CallName, Ending, Entered, Fd, Kernel, Object, Program, Request, Roles, Target, TaskId,
};
use sabot::world::sim::pipes::{Pipes, Progress, at_once};

use crate::calls::{Call, FIRST, OPEN, Whence, data};
use crate::linux::{Reply, asks_linux, checksum, of_interest, value};

/// The pid of process 0.
pub const FIRST_PID: i32 = 100;

/// A call that waits for a pipe.
struct Waiting {
    process: usize,
    entered: Entered,
    fd: Fd,
    pipe: PipeId,
    limit: usize,
    /// What it writes; None: it reads.
    data: Option<Vec<u8>>,
    progress: Progress,
}

/// The model of a machine.
pub struct Machine {
    pub kernel: Kernel,
    pipes: Pipes,
    /// By process; None: it has exited.
    tasks: Vec<Option<TaskId>>,
    waiting: Option<Waiting>,
}

impl Machine {
    pub fn new() -> Machine {
        let mut kernel = Kernel::new(Roles::default(), FIRST);
        let task = kernel.boot(FIRST_PID, Program::Server);
        Machine { kernel, pipes: Pipes::default(), tasks: vec![Some(task)], waiting: None }
    }

    /// The processes that can make a call.
    pub fn ready(&self) -> Vec<usize> {
        let living = (0..self.tasks.len()).filter(|process| self.tasks[*process].is_some());
        living.filter(|process| self.waiting_process() != Some(*process)).collect()
    }

    pub fn processes(&self) -> usize {
        self.tasks.len()
    }

    /// The process whose call waits.
    pub fn waiting_process(&self) -> Option<usize> {
        self.waiting.as_ref().map(|waiting| waiting.process)
    }

    fn task(&self, process: usize) -> TaskId {
        self.tasks[process].expect("it lives")
    }

    fn object(&self, process: usize, fd: Fd) -> Option<Object> {
        self.kernel.lookup(self.task(process), fd)
    }

    fn is_dir(&self, process: usize, fd: Fd) -> bool {
        let object = self.object(process, fd);
        matches!(object, Some(Object::File(ino)) if self.kernel.disk.inode(ino).is_dir)
    }

    /// The descriptor that a number from [`OPEN`] on stands for.
    pub fn pick(&self, process: usize, fd: i32) -> Fd {
        if fd < OPEN {
            return fd;
        }
        let open = (FIRST..FIRST + 100).filter(|fd| self.object(process, *fd).is_some());
        let open: Vec<Fd> = open.collect();
        open.get((fd - OPEN) as usize % open.len().max(1)).copied().unwrap_or(FIRST)
    }

    /// Whether this call can be compared: not one that file systems answer in their own way, that
    /// the types of the real side cannot express, or that might be the second to wait.
    pub fn is_comparable(&self, process: usize, call: &Call, holes: bool) -> bool {
        if let Some(fd) = call.fd().filter(|_| !asks_linux(call))
            && self.object(process, fd).is_none()
        {
            return false;
        }
        match call {
            Call::Lseek { fd, whence, .. } => {
                !self.is_dir(process, *fd)
                    && (holes || ![Whence::Data, Whence::Hole].contains(whence))
            }
            Call::Dup3(old, new) => old != new,
            Call::Poll(fd) => matches!(self.object(process, *fd), Some(Object::Pipe(..))),
            // Linux says EISDIR to a read of no bytes, but 0 to a readv.
            Call::Read { fd, lengths } if self.is_dir(process, *fd) => {
                lengths.len() == 1 || lengths.iter().any(|length| *length > 0)
            }
            Call::Read { fd, .. } | Call::Write { fd, .. } => {
                let pipe = matches!(self.object(process, *fd), Some(Object::Pipe(..)));
                !pipe || self.waiting.is_none()
            }
            Call::Rename { from, .. } => {
                let full = self.kernel.disk.names.has_children(from);
                from.is_empty() || !full
            }
            _ => true,
        }
    }

    fn enter(&mut self, process: usize, call: CallName, target: Target<'_>, size: u64) -> Entered {
        let task = self.task(process);
        self.kernel.enter(task, &Request { call, target, argument: size })
    }

    /// Makes a call. None: it waits.
    pub fn make(&mut self, process: usize, step: usize, call: &Call) -> Option<Reply> {
        let (value, more) = match call {
            Call::Read { fd, lengths } => {
                let wanted = lengths.iter().sum();
                match self.object(process, *fd) {
                    Some(Object::Pipe(..)) => return self.on_pipe(process, *fd, wanted, None),
                    _ => self.read(process, *fd, wanted, None),
                }
            }
            Call::Pread { fd, length, at } => self.read(process, *fd, *length, Some(*at)),
            Call::Write { fd, lengths } => {
                let bytes = data(step, lengths.iter().sum());
                match self.object(process, *fd) {
                    Some(Object::Pipe(..)) => {
                        return self.on_pipe(process, *fd, bytes.len(), Some(bytes));
                    }
                    _ => self.write(process, *fd, &bytes, None),
                }
            }
            Call::Pwrite { fd, length, at } => {
                self.write(process, *fd, &data(step, *length), Some(*at))
            }
            Call::Pipe(flags) => {
                let entered = self.enter(process, CallName::Pipe, Target::None, 0);
                match self.kernel.pipe(entered, *flags) {
                    Ok((read, write)) => (read.into(), write.into()),
                    Err(errno) => (value::<i64>(Err(errno)), 0),
                }
            }
            Call::Fork | Call::Exit | Call::Wait => self.about_processes(process, call),
            Call::Stat(path) => match self.kernel.stat(path) {
                Ok(ino) => self.of_inode(ino),
                Err(errno) => (value::<i64>(Err(errno)), 0),
            },
            _ if call.fd().is_some() => self.about_descriptor(process, call),
            _ => (self.about_path(process, call), 0),
        };
        Some(Reply { value, more, offset: self.offset(process, call.fd()) })
    }

    fn offset(&mut self, process: usize, fd: Option<Fd>) -> i64 {
        let Some(task) = self.tasks[process] else { return 0 };
        let Some(fd) = fd.filter(|fd| self.object(process, *fd).is_some()) else { return 0 };
        value(self.kernel.lseek(task, fd, 0, libc::SEEK_CUR).map(|at| at as i64))
    }

    fn read(&mut self, process: usize, fd: Fd, wanted: usize, at: Option<i64>) -> (i64, i64) {
        let entered = self.enter(process, CallName::Read, Target::Fd(fd), wanted as u64);
        let read = self.kernel.read_at(entered, fd, wanted as u64, at);
        (value(read.result.map(|count| count as i64)), checksum(&read.data))
    }

    fn write(&mut self, process: usize, fd: Fd, data: &[u8], at: Option<i64>) -> (i64, i64) {
        let entered = self.enter(process, CallName::Write, Target::Fd(fd), data.len() as u64);
        let wrote = self.kernel.write_at(entered, fd, data, at);
        (value(wrote.result.map(|count| count as i64)), 0)
    }

    fn about_processes(&mut self, process: usize, call: &Call) -> (i64, i64) {
        match call {
            Call::Fork => {
                let entered = self.enter(process, CallName::Fork, Target::None, 0);
                let pid = FIRST_PID + self.tasks.len() as i32;
                let child = self.kernel.fork(entered, pid).expect("nobody injects an error");
                self.tasks.push(Some(child));
                (pid.into(), 0)
            }
            Call::Exit => {
                let pid = FIRST_PID + process as i32;
                self.kernel.ended(pid, Ending::Exited(7 + process as i32));
                self.tasks[process] = None;
                (0, 0)
            }
            _ => {
                let entered = self.enter(process, CallName::Wait4, Target::None, 0);
                match self.kernel.wait(entered) {
                    Waited::Reaped(pid, Ending::Exited(code)) => (pid.into(), code.into()),
                    Waited::Reaped(pid, Ending::Signaled(signal)) => {
                        (pid.into(), -i64::from(signal))
                    }
                    Waited::NotYet => (0, 0),
                    Waited::Failed(errno) => (value::<i64>(Err(errno)), 0),
                }
            }
        }
    }

    fn about_descriptor(&mut self, process: usize, call: &Call) -> (i64, i64) {
        let task = self.task(process);
        let name = match call {
            Call::Close(_) => CallName::Close,
            Call::Fsync(_) => CallName::Fsync,
            Call::Fdatasync(_) => CallName::Fdatasync,
            Call::Ftruncate { .. } => CallName::Ftruncate,
            _ => CallName::Dup,
        };
        let target = Target::Fd(call.fd().expect("it has one"));
        let mut entered = || self.kernel.enter(task, &Request { call: name, target, argument: 0 });
        let result = match *call {
            Call::Close(fd) => {
                let entered = entered();
                self.kernel.close(entered, fd).map(|()| 0)
            }
            Call::Fsync(fd) | Call::Fdatasync(fd) => {
                let entered = entered();
                self.kernel.sync(entered, fd).map(|()| 0)
            }
            Call::Ftruncate { fd, length } => {
                let entered = entered();
                self.kernel.ftruncate(entered, fd, length as u64).result.map(|()| 0)
            }
            Call::Dup(fd) => {
                let entered = entered();
                self.kernel.dup(entered, fd, Number::From(0)).map(i64::from)
            }
            Call::Dup3(old, new) => {
                let entered = entered();
                self.kernel.dup(entered, old, Number::Exactly(new)).map(i64::from)
            }
            Call::Lseek { fd, offset, whence } => {
                let whence = match whence {
                    Whence::Set => libc::SEEK_SET,
                    Whence::Cur => libc::SEEK_CUR,
                    Whence::End => libc::SEEK_END,
                    Whence::Data => libc::SEEK_DATA,
                    Whence::Hole => libc::SEEK_HOLE,
                };
                self.kernel.lseek(task, fd, offset, whence).map(|to| to as i64)
            }
            Call::GetFlags(fd) => self.kernel.status_flags(task, fd).map(|f| f.bits().into()),
            Call::SetFlags(fd, to) => self.kernel.set_status_flags(task, fd, to).map(|()| 0),
            Call::Poll(fd) => {
                let Some(Object::Pipe(pipe, end)) = self.kernel.lookup(task, fd) else {
                    unreachable!("only pipes are polled")
                };
                Ok(of_interest(self.pipes.readiness(&self.kernel, pipe, end)))
            }
            Call::Fstat(fd) => match self.kernel.lookup(task, fd) {
                Some(Object::File(ino)) => return self.of_inode(ino),
                _ => return (0, 2),
            },
            _ => unreachable!("it is no such call"),
        };
        (value(result), 0)
    }

    fn of_inode(&self, ino: u64) -> (i64, i64) {
        let inode = self.kernel.disk.inode(ino);
        (inode.content.len() as i64, inode.is_dir.into())
    }

    fn about_path(&mut self, process: usize, call: &Call) -> i64 {
        let (name, path) = match call {
            Call::Open { path, .. } => (CallName::Open, path),
            Call::Truncate { path, .. } => (CallName::Truncate, path),
            Call::Unlink(path) => (CallName::Unlink, path),
            Call::Mkdir(path) => (CallName::Mkdir, path),
            Call::Rmdir(path) => (CallName::Rmdir, path),
            Call::Rename { from, .. } => (CallName::Rename, from),
            _ => unreachable!("it is no such call"),
        };
        let target = match call {
            Call::Rename { from, to } => Target::Rename { from, to },
            _ => Target::Path(path),
        };
        let entered = self.enter(process, name, target, 0);
        let applied = match call {
            Call::Open { flags, .. } => return value(self.kernel.open(entered, path, *flags)),
            Call::Truncate { length, .. } => self.kernel.truncate(entered, path, *length as u64),
            Call::Unlink(_) => self.kernel.unlink(entered, path),
            Call::Mkdir(_) => self.kernel.mkdir(entered, path),
            Call::Rmdir(_) => self.kernel.rmdir(entered, path),
            Call::Rename { to, .. } => self.kernel.rename(entered, path, to),
            _ => unreachable!("it is no such call"),
        };
        value(applied.result.map(|()| 0))
    }

    fn on_pipe(
        &mut self,
        process: usize,
        fd: Fd,
        size: usize,
        data: Option<Vec<u8>>,
    ) -> Option<Reply> {
        let call = if data.is_some() { CallName::Write } else { CallName::Read };
        let entered = self.enter(process, call, Target::Fd(fd), size as u64);
        let Some(Object::Pipe(pipe, _)) = self.object(process, fd) else { return None };
        match self.kernel.transfer(&entered, fd, size as u64) {
            Transfer::Return(result) => {
                self.kernel.transferred(entered, result);
                Some(pipe_reply(result, &[]))
            }
            Transfer::Move(limit) => {
                let limit = limit as usize;
                let progress = Progress::default();
                self.waiting = Some(Waiting { process, entered, fd, pipe, limit, data, progress });
                self.attempt().map(|(_, reply)| reply)
            }
        }
    }

    /// Lets the call that waits go on if its pipe is ready, as both doors do. Returns its process
    /// and result when it is over.
    pub fn go_on(&mut self) -> Option<(usize, Reply)> {
        let waiting = self.waiting.as_ref()?;
        let end = if waiting.data.is_some() { End::Write } else { End::Read };
        let ready = self.pipes.readiness(&self.kernel, waiting.pipe, end);
        if ready.is_empty() { None } else { self.attempt() }
    }

    fn attempt(&mut self) -> Option<(usize, Reply)> {
        let mut waiting = self.waiting.take()?;
        let mut read = vec![0; if waiting.data.is_none() { waiting.limit } else { 0 }];
        let (kernel, pipe) = (&self.kernel, waiting.pipe);
        let over = match &waiting.data {
            None => self.pipes.read(kernel, pipe, &mut read).map(Ok),
            Some(data) => {
                let data = &data[..waiting.limit];
                self.pipes.write(kernel, pipe, data, &mut waiting.progress)
            }
        };
        let flags = self.kernel.status_flags(waiting.entered.task, waiting.fd);
        let waits = !flags.is_ok_and(|flags| flags.contains(OFlag::O_NONBLOCK));
        let result = match over {
            Some(result) => result,
            None if waits => {
                self.waiting = Some(waiting);
                return None;
            }
            None => at_once(waiting.progress.moved),
        };
        self.kernel.transferred(waiting.entered, result);
        let count = if waiting.data.is_none() { result.unwrap_or(0) as usize } else { 0 };
        Some((waiting.process, pipe_reply(result, &read[..count])))
    }
}

fn pipe_reply(result: Result<u64, Errno>, read: &[u8]) -> Reply {
    let offset = value::<i64>(Err(Errno::ESPIPE));
    Reply { value: value(result.map(|count| count as i64)), more: checksum(read), offset }
}
