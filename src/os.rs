//! The trait [`Os`]: every system call that the server core makes.
//!
//! The core reaches files, sockets, pipes, clocks, threads and processes only through an [`Os`]. On
//! a real machine that is [`linux::LinuxOs`]; a program that embeds the core may supply another.
//! Names, arguments and errors are Linux's; the description of each method starts with the call
//! from the man page.
//!
//! Must not know: Redis, and who implements the trait.

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

/// Standard output: the log, unless `logfile` names a file.
pub const STDOUT: Fd = 1;
/// Standard error.
pub const STDERR: Fd = 2;

/// The directions a descriptor is polled for, or is ready in.
///
/// Hang-up and error are reported as both directions, as in Redis' ae_epoll.c.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub readable: bool,
    pub writable: bool,
}

impl Interest {
    pub const READABLE: Interest = Interest { readable: true, writable: false };
    pub const WRITABLE: Interest = Interest { readable: false, writable: true };
    pub const BOTH: Interest = Interest { readable: true, writable: true };

    /// Whether neither direction is set.
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

/// The base of [`Os::lseek`], see lseek(2).
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
    /// Nanoseconds since an unspecified start; never goes back.
    Monotonic,
}

/// The fields of stat(2) that the core uses.
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
    /// Killed by this signal number.
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

/// What a forked child does, with the memory it needs for it.
///
/// fork(2) gives the child a copy of the parent's memory. Where the operating system does that,
/// [`ForkChild::run`] is called on `self` in the child and nothing is copied explicitly. Where
/// parent and child share an address space, as in a simulation, [`ForkChild::copy`] is called at
/// the moment of the fork and must return everything that `run` reads, independent of later changes
/// by the parent.
pub trait ForkChild {
    /// A copy of everything the child will read.
    fn copy(&self) -> Box<dyn ForkChild>;

    /// Runs the child. Returns its exit code.
    fn run(&self, os: &mut dyn Os) -> i32;
}

/// A log line that a signal handler writes: `before`, the seconds since the epoch, `after`. It is
/// prepared in advance because a handler may call async-signal-safe functions only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerLine {
    /// The file to append to; empty for standard output.
    pub file: String,
    pub before: String,
    pub after: String,
}

/// The body of a thread.
pub type Thread = Box<dyn FnOnce(&mut dyn Os) + Send>;

/// The system calls. A method may fail with any errno, not only those of its man page.
pub trait Os {
    // Files ---------------------------------------------------------------------------------------

    /// `open(path, flags, mode)` — opens or creates a file. Relative paths are resolved in the
    /// working directory.
    fn open(&mut self, path: &str, flags: OFlag, mode: u32) -> Result<Fd>;

    /// `close(fd)` — closes a descriptor, even if it returns an error.
    fn close(&mut self, fd: Fd) -> Result<()>;

    /// `read(fd, buf, len)` — reads up to `buf.len()` bytes from a file, pipe or socket; 0 at the
    /// end.
    fn read(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize>;

    /// `write(fd, buf, len)` — returns the number of bytes written, which may be short.
    fn write(&mut self, fd: Fd, buf: &[u8]) -> Result<usize>;

    /// `fsync(fd)` — on success the file's data and metadata are durable.
    fn fsync(&mut self, fd: Fd) -> Result<()>;

    /// `fdatasync(fd)` — on success the file's data and size are durable.
    fn fdatasync(&mut self, fd: Fd) -> Result<()>;

    /// `sync_file_range(fd, offset, len, flags)` — starts writing the range out; with `wait`
    /// returns when that has been done. Makes nothing durable by itself.
    fn sync_file_range(&mut self, fd: Fd, offset: u64, len: u64, wait: bool) -> Result<()>;

    /// `ftruncate(fd, len)` — truncates or extends the file to `len` bytes.
    fn ftruncate(&mut self, fd: Fd, len: u64) -> Result<()>;

    /// `truncate(path, len)` — the same by name.
    fn truncate(&mut self, path: &str, len: u64) -> Result<()>;

    /// `lseek(fd, offset, whence)` — sets the file offset and returns it, in bytes from the start.
    /// O_APPEND writes go to the end regardless.
    fn lseek(&mut self, fd: Fd, offset: i64, whence: Whence) -> Result<u64>;

    /// `fstat(fd)` — the size of an open file.
    fn fstat(&mut self, fd: Fd) -> Result<Stat>;

    /// `stat(path)` — the same by name.
    fn stat(&mut self, path: &str) -> Result<Stat>;

    /// `rename(old, new)` — atomically replaces `new` if it exists.
    fn rename(&mut self, old: &str, new: &str) -> Result<()>;

    /// `unlink(path)` — removes the name. The file's data is freed after its last close.
    fn unlink(&mut self, path: &str) -> Result<()>;

    /// `mkdir(path, mode)`.
    fn mkdir(&mut self, path: &str, mode: u32) -> Result<()>;

    /// `chdir(path)` — the directive `dir`.
    fn chdir(&mut self, path: &str) -> Result<()>;

    /// `getcwd()`.
    fn getcwd(&mut self) -> Result<String>;

    // Pipes and sockets ---------------------------------------------------------------------------

    /// `pipe(fds)` — returns (read end, write end), both blocking.
    fn pipe(&mut self) -> Result<(Fd, Fd)>;

    /// `fcntl(fd, F_SETFL, O_NONBLOCK)` — reads and writes that would block return EAGAIN.
    fn set_nonblocking(&mut self, fd: Fd) -> Result<()>;

    /// `socket`, `SO_REUSEADDR`, `bind`, `listen` on a TCP address; non-blocking.
    fn listen_tcp(&mut self, address: &str, port: u16, backlog: i32) -> Result<Fd>;

    /// `socket`, `bind`, `listen` on a unix socket, replacing a stale one; non-blocking.
    fn listen_unix(&mut self, path: &str, backlog: i32) -> Result<Fd>;

    /// `accept(fd)` — the next connection, non-blocking and, for TCP, with TCP_NODELAY.
    fn accept(&mut self, fd: Fd) -> Result<Fd>;

    // Readiness -----------------------------------------------------------------------------------

    /// `epoll_create(1024)`.
    fn epoll_create(&mut self) -> Result<Fd>;

    /// `epoll_ctl(epoll, ADD | MOD | DEL, fd)` — sets what to poll `fd` for; an empty interest
    /// removes it. Level-triggered.
    fn epoll_ctl(&mut self, epoll: Fd, fd: Fd, interest: Interest) -> Result<()>;

    /// `epoll_wait(epoll, events, timeout)` — appends the ready descriptors in the kernel's order,
    /// waiting at most `timeout_ms` (None: without limit). EINTR if a signal was delivered.
    fn epoll_wait(
        &mut self,
        epoll: Fd,
        events: &mut Vec<Event>,
        timeout_ms: Option<u64>,
    ) -> Result<()>;

    /// `poll(fd, events, timeout)` — waits for one descriptor for at most `timeout_ms`. Empty on
    /// timeout.
    fn poll(&mut self, fd: Fd, interest: Interest, timeout_ms: u64) -> Result<Interest>;

    // Time ----------------------------------------------------------------------------------------

    /// `clock_gettime(clock)` — in nanoseconds.
    fn clock_gettime(&mut self, clock: Clock) -> u64;

    /// `nanosleep(ns)`.
    fn nanosleep(&mut self, ns: u64);

    // Threads and processes -----------------------------------------------------------------------

    /// `pthread_create` — starts a thread with this name, of at most 15 bytes.
    fn spawn(&mut self, name: &'static str, thread: Thread) -> Result<()>;

    /// [`Os::spawn`] of a thread that first waits on `word` while it is 0, by [`Os::futex_wait`],
    /// and then runs `thread`. An implementation without real threads need not start it before it
    /// is woken.
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

    /// `futex(word, FUTEX_WAIT)` — sleeps until woken if the word is `expected`, else returns at
    /// once. Spurious wake-ups are possible: callers recheck their condition.
    fn futex_wait(&mut self, word: &Arc<AtomicU32>, expected: u32);

    /// `futex(word, FUTEX_WAKE, count)` — wakes at most `count` waiters.
    fn futex_wake(&mut self, word: &Arc<AtomicU32>, count: u32);

    /// `fork()` — the child runs `child` and exits with the code that it returns; the parent gets
    /// the child's pid. SIGUSR1 ends the child at once, as if it had called `exit(255)` (Redis:
    /// `sigKillChildHandler`).
    fn fork(&mut self, child: &dyn ForkChild) -> Result<Pid>;

    /// Sets the line that this forked child writes, with one write(2), before SIGUSR1 ends it.
    /// Without it nothing is written.
    fn set_handler_line(&mut self, words: HandlerLine) {
        let _ = words;
    }

    /// `wait3(status, options)` — reaps the next child that has ended; None if none has (only with
    /// [`Wait::NoHang`]); ECHILD if there are no children.
    fn wait3(&mut self, wait: Wait) -> Result<Option<(Pid, WaitStatus)>>;

    /// `kill(pid, signal)`.
    fn kill(&mut self, pid: Pid, signal: Signal) -> Result<()>;

    /// `getpid()`.
    fn getpid(&mut self) -> Pid;

    /// `_exit(code)` — ends the process without running destructors.
    fn exit(&mut self, code: i32) -> !;

    /// `signal(signum, SIG_DFL)`, `raise(signum)` — ends the process by this signal's default
    /// action.
    fn raise(&mut self, signal: Signal) -> !;

    /// Takes the next SIGINT or SIGTERM delivered to this process (`sigaction` with a handler that
    /// sets a flag). A forked child starts with none.
    fn take_signal(&mut self) -> Option<Signal>;

    /// The sum of `Private_Dirty` in `/proc/self/smaps`, in bytes (Redis:
    /// `zmalloc_get_private_dirty`).
    fn private_dirty(&mut self) -> u64;

    /// Not a system call: reports that this process has changed `bytes` bytes of `object` (any
    /// stable number that identifies it), so that a simulation can estimate the copy-on-write
    /// memory of a forked child. Real machines measure it, and ignore this.
    fn dirtied(&mut self, _object: u64, _bytes: u64) {}

    /// `getrandom(buf)`.
    fn getrandom(&mut self, buf: &mut [u8]);
}

/// `strerror(errno)` — libc's message for an error, as used in Redis' log and replies.
pub fn strerror(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno as i32).to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}
