//! The real side: processes that make the calls they are told to.
//!
//! The first process is forked from the test, the others from each other, so descriptors and
//! offsets are shared as Linux shares them. Each listens on a socket of its own for the number of
//! the next step, and answers with the result.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use nix::sys::uio::{pread, pwrite, readv, writev};
use nix::unistd;
use sabot_server::os::linux::LinuxOs;
use sabot_server::os::{ForkChild, Interest, Os, WaitStatus};

use crate::calls::{Call, FIRST, PROCESSES, Step, Whence, data};

/// What a call came to. On both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What it returned, or the errno with a minus sign.
    pub value: i64,
    /// A checksum of what it read; for other calls what else they say.
    pub more: i64,
    /// Where the descriptor stands afterwards, or the errno; 0 for calls without one.
    pub offset: i64,
}

impl Reply {
    pub const SIZE: usize = 24;

    fn bytes(self) -> [u8; Reply::SIZE] {
        let words = [self.value, self.more, self.offset].map(i64::to_ne_bytes);
        words.concat().try_into().expect("three words")
    }

    pub fn from_bytes(bytes: [u8; Reply::SIZE]) -> Reply {
        let word = |n: usize| i64::from_ne_bytes(bytes[8 * n..8 * n + 8].try_into().expect("8"));
        Reply { value: word(0), more: word(1), offset: word(2) }
    }
}

/// As a reply has it.
pub fn value<T: Into<i64>>(result: Result<T, Errno>) -> i64 {
    result.map_or_else(|errno| -i64::from(errno as i32), Into::into)
}

/// The bytes that were read, as a reply has them.
pub fn checksum(bytes: &[u8]) -> i64 {
    bytes.iter().fold(bytes.len() as i64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(i64::from(*byte)) & 0xff_ffff_ffff
    })
}

pub fn of_interest(ready: Interest) -> i64 {
    i64::from(ready.readable) + 2 * i64::from(ready.writable)
}

/// What all processes of a sequence have from the start.
pub struct Setup {
    pub steps: Vec<Step>,
    pub directory: PathBuf,
    /// The processes' ends of the sockets, with numbers that no call uses.
    pub channels: Vec<UnixStream>,
}

/// A process that is to be forked.
pub struct Child {
    pub setup: Rc<Setup>,
    pub process: usize,
    /// Its descriptors: those of the process that forks it.
    pub fds: RefCell<BTreeMap<i32, OwnedFd>>,
}

/// What a process exits with when it cannot go on.
const LOST: i32 = 101;

impl ForkChild for Child {
    /// Nobody here has a simulated fork.
    fn copy(&self) -> Box<dyn ForkChild> {
        let (setup, process) = (Rc::clone(&self.setup), self.process);
        Box::new(Child { setup, process, fds: RefCell::default() })
    }

    fn run(&self, _: &mut dyn Os) -> i32 {
        let fds = self.fds.take();
        let life = || Process::new(Rc::clone(&self.setup), self.process, fds).live();
        catch_unwind(AssertUnwindSafe(life)).unwrap_or(LOST)
    }
}

struct Process {
    os: LinuxOs,
    setup: Rc<Setup>,
    process: usize,
    fds: BTreeMap<i32, OwnedFd>,
    exits: Option<i32>,
}

impl Process {
    fn new(setup: Rc<Setup>, process: usize, fds: BTreeMap<i32, OwnedFd>) -> Process {
        if process == 0 {
            // The test's own, which the sequence shall not see.
            let last = setup.channels.iter().map(|channel| channel.as_raw_fd()).min();
            for fd in FIRST..last.unwrap_or(FIRST) {
                let _ = unistd::close(fd);
            }
            std::env::set_current_dir(&setup.directory).expect("it was made");
        }
        Process { os: LinuxOs::new(), setup, process, fds, exits: None }
    }

    /// Makes calls until it is told to exit, or nobody tells it anything.
    fn live(mut self) -> i32 {
        let setup = Rc::clone(&self.setup);
        let mut channel = &setup.channels[self.process];
        loop {
            let mut command = [0; 12];
            if channel.read_exact(&mut command).is_err() {
                return LOST;
            }
            let word = |n: usize| u32::from_ne_bytes(command[4 * n..4 * n + 4].try_into().unwrap());
            let (step, next) = (word(0) as usize, word(1) as usize);
            let call = &setup.steps[step].call.with_fd(word(2) as i32);
            let (value, more) = self.make(step, call, next);
            let reply = Reply { value, more, offset: self.offset(call) };
            if channel.write_all(&reply.bytes()).is_err() {
                return LOST;
            }
            if let Some(code) = self.exits {
                return code;
            }
        }
    }

    fn offset(&self, call: &Call) -> i64 {
        let fd = call.fd().and_then(|fd| self.fds.get(&fd));
        fd.map_or(0, |fd| value(unistd::lseek(fd, 0, unistd::Whence::SeekCur)))
    }

    fn make(&mut self, step: usize, call: &Call, next: usize) -> (i64, i64) {
        match call {
            Call::Read { fd, lengths } => self.read(*fd, lengths),
            Call::Pread { fd, length, at } => {
                let mut buffer = vec![0; *length];
                let count = self.with(*fd, |fd| pread(fd, &mut buffer, *at));
                (sized(count), checksum(&buffer[..count.unwrap_or(0)]))
            }
            Call::Poll(fd) => {
                let ready = self.os.poll(*fd, Interest::BOTH, 0);
                (ready.map_or_else(|errno| value::<i64>(Err(errno)), of_interest), 0)
            }
            Call::Wait => match self.os.wait3(sabot_server::os::Wait::NoHang) {
                Ok(Some((pid, WaitStatus::Exited(code)))) => (pid.into(), code.into()),
                Ok(Some((pid, WaitStatus::Signaled(signal)))) => (pid.into(), -i64::from(signal)),
                Ok(None) => (0, 0),
                Err(errno) => (value::<i64>(Err(errno)), 0),
            },
            Call::Pipe(flags) => match unistd::pipe2(*flags) {
                Ok((read, write)) => (self.keep(read), self.keep(write)),
                Err(errno) => (value::<i64>(Err(errno)), 0),
            },
            Call::Stat(path) => of_stat(stat(there(path))),
            Call::Fstat(fd) => of_stat(self.with(*fd, |fd| fstat(fd))),
            Call::Fork => (self.fork(next), 0),
            Call::Exit => {
                self.exits = Some(7 + self.process as i32);
                (0, 0)
            }
            Call::Write { .. } | Call::Pwrite { .. } => (self.write(step, call), 0),
            _ if call.fd().is_some() => (self.about_descriptor(call), 0),
            _ => (self.about_path(call), 0),
        }
    }

    fn about_descriptor(&mut self, call: &Call) -> i64 {
        match *call {
            Call::Close(fd) => match self.fds.remove(&fd) {
                Some(fd) => value(unistd::close(fd).map(|()| 0)),
                None => value(unistd::close(fd).map(|()| 0)),
            },
            Call::Lseek { fd, offset, whence } => {
                let whence = match whence {
                    Whence::Set => unistd::Whence::SeekSet,
                    Whence::Cur => unistd::Whence::SeekCur,
                    Whence::End => unistd::Whence::SeekEnd,
                    Whence::Data => unistd::Whence::SeekData,
                    Whence::Hole => unistd::Whence::SeekHole,
                };
                value(self.with(fd, |fd| unistd::lseek(fd, offset, whence)))
            }
            Call::Dup(fd) => {
                let new = self.with(fd, |fd| unistd::dup(fd));
                new.map_or_else(|errno| value::<i64>(Err(errno)), |new| self.keep(new))
            }
            Call::Dup3(old, new) => self.dup3(old, new),
            Call::GetFlags(fd) => value(self.with(fd, |fd| fcntl(fd, FcntlArg::F_GETFL))),
            Call::SetFlags(fd, flags) => {
                value(self.with(fd, |fd| fcntl(fd, FcntlArg::F_SETFL(flags))))
            }
            Call::Ftruncate { fd, length } => done(self.os.ftruncate(fd, length as u64)),
            Call::Fsync(fd) => done(self.os.fsync(fd)),
            Call::Fdatasync(fd) => done(self.os.fdatasync(fd)),
            _ => unreachable!("it is no such call"),
        }
    }

    fn about_path(&mut self, call: &Call) -> i64 {
        match call {
            Call::Open { path, flags } => {
                let opened = nix::fcntl::open(there(path), *flags, Mode::from_bits_retain(0o777));
                opened.map_or_else(|errno| value::<i64>(Err(errno)), |fd| self.keep(fd))
            }
            Call::Truncate { path, length } => done(unistd::truncate(there(path), *length)),
            Call::Rename { from, to } => done(self.os.rename(there(from), there(to))),
            Call::Unlink(path) => done(self.os.unlink(there(path))),
            Call::Mkdir(path) => done(self.os.mkdir(there(path), 0o777)),
            Call::Rmdir(path) => {
                let removed = fs::remove_dir(there(path));
                done(removed.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0))))
            }
            _ => unreachable!("it is no such call"),
        }
    }

    fn read(&mut self, fd: i32, lengths: &[usize]) -> (i64, i64) {
        let mut buffers: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let count = match &mut buffers[..] {
            [one] => self.os.read(fd, one),
            all => {
                let mut parts: Vec<_> = all.iter_mut().map(|one| IoSliceMut::new(one)).collect();
                self.with(fd, |fd| readv(fd, &mut parts))
            }
        };
        (sized(count), checksum(&buffers.concat()[..count.unwrap_or(0)]))
    }

    fn write(&mut self, step: usize, call: &Call) -> i64 {
        match call {
            Call::Write { fd, lengths } => {
                let bytes = data(step, lengths.iter().sum());
                let mut rest = &bytes[..];
                let parts = lengths.iter().map(|length| {
                    let (part, behind) = rest.split_at(*length);
                    rest = behind;
                    IoSlice::new(part)
                });
                let parts: Vec<IoSlice> = parts.collect();
                sized(match lengths.len() {
                    1 => self.os.write(*fd, &bytes),
                    _ => self.with(*fd, |fd| writev(fd, &parts)),
                })
            }
            Call::Pwrite { fd, length, at } => {
                sized(self.with(*fd, |fd| pwrite(fd, &data(step, *length), *at)))
            }
            _ => unreachable!("it is no such call"),
        }
    }

    /// A number that is free is taken first, as a duplicate.
    fn dup3(&mut self, old: i32, new: i32) -> i64 {
        let mut target = match self.fds.remove(&new) {
            Some(_) if old == new => unreachable!("the model has refused that"),
            Some(target) => target,
            None => self.taken(old, new),
        };
        let result = unistd::dup3(&self.fds[&old], &mut target, OFlag::empty());
        self.fds.insert(new, target);
        value(result.map(|()| new))
    }

    fn taken(&self, old: i32, new: i32) -> OwnedFd {
        let mut between = Vec::new();
        loop {
            let one = unistd::dup(&self.fds[&old]).expect("there are numbers");
            if one.as_raw_fd() == new {
                return one;
            }
            between.push(one);
        }
    }

    fn fork(&mut self, next: usize) -> i64 {
        let setup = Rc::clone(&self.setup);
        let fds = RefCell::new(std::mem::take(&mut self.fds));
        let child = Child { setup, process: next, fds };
        let pid = self.os.fork(&child);
        self.fds = child.fds.take();
        value(pid)
    }

    fn keep(&mut self, fd: OwnedFd) -> i64 {
        let number = fd.as_raw_fd();
        self.fds.insert(number, fd);
        number.into()
    }

    /// Makes a call on a descriptor. One that is not open has no type that could be passed.
    fn with<T>(
        &self,
        fd: i32,
        call: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        call(self.fds.get(&fd).ok_or(Errno::EBADF)?.as_fd())
    }
}

/// Whether the real side makes this call for itself even if its descriptor is not open.
pub fn asks_linux(call: &Call) -> bool {
    match call {
        Call::Read { lengths, .. } | Call::Write { lengths, .. } => lengths.len() == 1,
        Call::Close(_) | Call::Ftruncate { .. } | Call::Fsync(_) | Call::Fdatasync(_) => true,
        call => call.fd().is_none(),
    }
}

fn there(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn done(result: Result<(), Errno>) -> i64 {
    value(result.map(|()| 0))
}

fn sized(result: Result<usize, Errno>) -> i64 {
    value(result.map(|count| count as i64))
}

/// The size of a file, and what it is.
fn of_stat(found: Result<nix::sys::stat::FileStat, Errno>) -> (i64, i64) {
    match found {
        Ok(stat) => match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => (0, 1),
            SFlag::S_IFIFO => (0, 2),
            _ => (stat.st_size, 0),
        },
        Err(errno) => (value::<i64>(Err(errno)), 0),
    }
}

/// Sockets for all processes: the test's ends, and the processes', with high numbers.
pub fn channels() -> (Vec<UnixStream>, Vec<UnixStream>) {
    let pair = |_| UnixStream::pair().expect("sockets");
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..PROCESSES).map(pair).unzip();
    (ours, theirs.into_iter().map(far).collect())
}

/// The same socket with a number that is out of the way.
fn far(socket: UnixStream) -> UnixStream {
    let mut below = Vec::new();
    loop {
        let one = socket.try_clone().expect("there are numbers");
        if one.as_raw_fd() >= FIRST + 60 {
            return one;
        }
        below.push(one);
    }
}
