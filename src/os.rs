//! Every system call the server core may make, as one trait.
//!
//! The core owns no file, socket, pipe, clock, thread or process by itself: it asks an [`Os`]. On a
//! real machine that is [`linux::LinuxOs`]; whoever embeds the core may bring another.
//! Names, arguments and errors are Linux's; each method opens with the call as its man page writes
//! it.
//!
//! Must not know: Redis, and who stands behind the trait.

pub mod linux;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

pub use nix::errno::Errno;
pub use nix::fcntl::OFlag;
pub use nix::sys::signal::Signal;

/// A file descriptor of the calling process.
pub type Fd = i32;
/// A process id as the server sees it.
pub type Pid = i32;
/// What a system call returns: its value, or the errno it failed with.
pub type Result<T> = std::result::Result<T, Errno>;

/// Standard output, where the log goes unless `logfile` names a file.
pub const STDOUT: Fd = 1;

/// What a descriptor is waited for, and what it turned out to be ready for.
///
/// Hang-up and error wake a waiter too and are reported as both directions, as Redis' `ae_epoll.c`
/// does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub readable: bool,
    pub writable: bool,
}

impl Interest {
    pub const READABLE: Interest = Interest { readable: true, writable: false };
    pub const WRITABLE: Interest = Interest { readable: false, writable: true };
    pub const BOTH: Interest = Interest { readable: true, writable: true };

    /// Whether nothing is wanted, or nothing came.
    pub fn is_empty(self) -> bool {
        !self.readable && !self.writable
    }
}

/// One descriptor that [`Os::epoll_wait`] found ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub fd: Fd,
    pub ready: Interest,
}

/// Where [`Os::lseek`] counts from, see lseek(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Set,
    /// Its end.
    End,
}

/// The two clocks the core reads, see clock_gettime(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Nanoseconds since the Unix epoch.
    Realtime,
    /// Nanoseconds since some fixed moment; never goes back.
    Monotonic,
}

/// The part of stat(2) that the core looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Length in bytes.
    pub size: u64,
    pub is_dir: bool,
}

/// How a child ended, see wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStatus {
    /// `exit(code)`.
    Exited(i32),
    /// Ended by this signal number.
    Signaled(i32),
}

/// How [`Os::wait3`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until a child ends.
    Block,
    /// Not at all (`WNOHANG`).
    NoHang,
}

/// What a forked child does, together with the memory it does it on.
///
/// fork(2) gives the child a copy of everything. Where the operating system does that,
/// [`ForkChild::run`] is called on `self` in the child and nothing is copied by hand. Where parent
/// and child share one address space (a simulation), [`ForkChild::copy`] is called first, at the
/// moment of the fork, and must return all that `run` reads, cut off from later changes by the
/// parent.
pub trait ForkChild {
    /// A copy of what the child will read, as of now.
    fn copy(&self) -> Box<dyn ForkChild>;

    /// The child's life. Returns its exit code.
    fn run(&self, os: &mut dyn Os) -> i32;
}

/// What a process writes when a signal ends it: `before`, the seconds since the epoch, `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerLine {
    /// The file that it is appended to, or empty for standard output.
    pub file: String,
    pub before: String,
    pub after: String,
}

/// What a thread does, from its start to its end.
pub type Thread = Box<dyn FnOnce(&mut dyn Os) + Send>;

/// The system calls. Every method may fail with any errno that its man page lists, and with others:
/// the caller must not assume that it has seen them all.
pub trait Os {
    // Files ---------------------------------------------------------------------------------------

    /// `open(path, flags, mode)` — open or create a file; relative paths start at the working
    /// directory.
    fn open(&mut self, path: &str, flags: OFlag, mode: u32) -> Result<Fd>;

    /// `close(fd)` — give a descriptor back; it is gone even when an error is returned.
    fn close(&mut self, fd: Fd) -> Result<()>;

    /// `read(fd, buf, len)` — up to `buf.len()` bytes from a file, pipe or socket; 0 at its end.
    fn read(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize>;

    /// `write(fd, buf, len)` — may take fewer bytes than given, and says how many.
    fn write(&mut self, fd: Fd, buf: &[u8]) -> Result<usize>;

    /// `fsync(fd)` — when this returns without an error, data and metadata of the file are durable.
    fn fsync(&mut self, fd: Fd) -> Result<()>;

    /// `fdatasync(fd)` — when this returns without an error, the file's data and its size are
    /// durable.
    fn fdatasync(&mut self, fd: Fd) -> Result<()>;

    /// `ftruncate(fd, len)` — cut or extend the file to `len` bytes.
    fn ftruncate(&mut self, fd: Fd, len: u64) -> Result<()>;

    /// `truncate(path, len)` — the same by name.
    fn truncate(&mut self, path: &str, len: u64) -> Result<()>;

    /// `lseek(fd, offset, whence)` — moves where the next read or write starts; returns the new
    /// position in bytes from the start. Writes through O_APPEND go to the end all the same.
    fn lseek(&mut self, fd: Fd, offset: i64, whence: Whence) -> Result<u64>;

    /// `fstat(fd)` — the length of an open file.
    fn fstat(&mut self, fd: Fd) -> Result<Stat>;

    /// `stat(path)` — the same by name.
    fn stat(&mut self, path: &str) -> Result<Stat>;

    /// `rename(old, new)` — atomically replaces `new` when it exists.
    fn rename(&mut self, old: &str, new: &str) -> Result<()>;

    /// `unlink(path)` — removes the name; the file lives on while it is open.
    fn unlink(&mut self, path: &str) -> Result<()>;

    /// `mkdir(path, mode)`.
    fn mkdir(&mut self, path: &str, mode: u32) -> Result<()>;

    /// `chdir(path)` — the directive `dir`.
    fn chdir(&mut self, path: &str) -> Result<()>;

    /// `getcwd()`.
    fn getcwd(&mut self) -> Result<String>;

    // Pipes and sockets ---------------------------------------------------------------------------

    /// `pipe(fds)` — (read end, write end), both blocking.
    fn pipe(&mut self) -> Result<(Fd, Fd)>;

    /// `fcntl(fd, F_SETFL, O_NONBLOCK)` — from now on the descriptor answers EAGAIN instead of
    /// waiting.
    fn set_nonblocking(&mut self, fd: Fd) -> Result<()>;

    /// `socket`, `SO_REUSEADDR`, `bind`, `listen` on a TCP address; the descriptor does not block.
    fn listen_tcp(&mut self, address: &str, port: u16, backlog: i32) -> Result<Fd>;

    /// `socket`, `bind`, `listen` on a unix socket, replacing a stale one; the descriptor does not
    /// block.
    fn listen_unix(&mut self, path: &str, backlog: i32) -> Result<Fd>;

    /// `accept(fd)` — the next connection, which does not block (and has TCP_NODELAY where it
    /// applies).
    fn accept(&mut self, fd: Fd) -> Result<Fd>;

    // Readiness -----------------------------------------------------------------------------------

    /// `epoll_create(1024)`.
    fn epoll_create(&mut self) -> Result<Fd>;

    /// `epoll_ctl(epoll, ADD | MOD | DEL, fd)` — what to wait for on `fd` from now on; an empty
    /// interest takes it out. Level-triggered.
    fn epoll_ctl(&mut self, epoll: Fd, fd: Fd, interest: Interest) -> Result<()>;

    /// `epoll_wait(epoll, events, timeout)` — appends what is ready, in the kernel's order, waiting
    /// at most `timeout_ms` (None: for ever). EINTR when a signal was delivered.
    fn epoll_wait(
        &mut self,
        epoll: Fd,
        events: &mut Vec<Event>,
        timeout_ms: Option<u64>,
    ) -> Result<()>;

    /// `poll(fd, events, timeout)` — waits for one descriptor, at most `timeout_ms`. Empty on
    /// timeout.
    fn poll(&mut self, fd: Fd, interest: Interest, timeout_ms: u64) -> Result<Interest>;

    // Time ----------------------------------------------------------------------------------------

    /// `clock_gettime(clock)` — in nanoseconds.
    fn clock_gettime(&mut self, clock: Clock) -> u64;

    /// `nanosleep(ns)`.
    fn nanosleep(&mut self, ns: u64);

    // Threads and processes -----------------------------------------------------------------------

    /// `pthread_create` — runs `thread` beside the caller under the name that `ps` will show
    /// (15 bytes at most).
    fn spawn(&mut self, name: &'static str, thread: Thread) -> Result<()>;

    /// [`Os::spawn`] of a thread that first of all sleeps on `word` for as long as that holds 0, as
    /// [`Os::futex_wait`] does; `thread` is what comes after that. Whoever has no real threads need
    /// not begin one before it wakes.
    fn spawn_asleep(
        &mut self,
        name: &'static str,
        word: Arc<AtomicU32>,
        thread: Thread,
    ) -> Result<()> {
        let waits_first = move |os: &mut dyn Os| {
            os.futex_wait(&word, 0);
            thread(os);
        };
        self.spawn(name, Box::new(waits_first))
    }

    /// `futex(word, FUTEX_WAIT)` — sleeps until woken if the word still holds `expected`; returns
    /// at once if not. May wake for no reason: callers check their condition again.
    fn futex_wait(&mut self, word: &Arc<AtomicU32>, expected: u32);

    /// `futex(word, FUTEX_WAKE, count)` — wakes at most `count` sleepers.
    fn futex_wake(&mut self, word: &Arc<AtomicU32>, count: u32);

    /// `fork()` — the one call that carries code, not data: the child runs `child` and ends with
    /// the code it returns. The parent gets the child's pid. SIGUSR1 ends the child at once,
    /// wherever it is, as if it had called `exit(255)` (Redis: `sigKillChildHandler`).
    fn fork(&mut self, child: &dyn ForkChild) -> Result<Pid>;

    /// From now on SIGUSR1, before it ends this forked child, has it write these words with one
    /// write(2). Until then it ends without any.
    fn set_handler_line(&mut self, words: HandlerLine) {
        let _ = words;
    }

    /// `wait3(status, options)` — the next child that ended; None when none has yet (only with
    /// [`Wait::NoHang`]); ECHILD when there is none to wait for.
    fn wait3(&mut self, wait: Wait) -> Result<Option<(Pid, WaitStatus)>>;

    /// `kill(pid, signal)`.
    fn kill(&mut self, pid: Pid, signal: Signal) -> Result<()>;

    /// `getpid()`.
    fn getpid(&mut self) -> Pid;

    /// `_exit(code)` — ends the process: no destructor of the core runs.
    fn exit(&mut self, code: i32) -> !;

    /// `signal(signum, SIG_DFL)`, `raise(signum)` — ends the process as this signal does when
    /// nobody handles it.
    fn raise(&mut self, signal: Signal) -> !;

    /// The next SIGINT or SIGTERM that was delivered to this process and not yet taken
    /// (`sigaction` with a handler that remembers). A forked child starts with none.
    fn take_signal(&mut self) -> Option<Signal>;

    /// The sum of `Private_Dirty` in `/proc/self/smaps`, in bytes: memory that this process shares
    /// with nobody (Redis: `zmalloc_get_private_dirty`).
    fn private_dirty(&mut self) -> u64;

    /// No call: says that this process changed `bytes` bytes of the memory of one `object` (any
    /// number that stays the same for it), for whoever must guess what a forked child then has to
    /// itself. A machine with pages of its own sees that without being told.
    fn dirtied(&mut self, _object: u64, _bytes: u64) {}

    /// `getrandom(buf)`.
    fn getrandom(&mut self, buf: &mut [u8]);
}

/// `strerror(errno)` — libc's words for an error, as they appear in Redis' log and replies.
pub fn strerror(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno as i32).to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}
