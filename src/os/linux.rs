//! The real [`Os`]: each method makes the system calls that its description names, once each, and
//! nothing else.
//!
//! The only module of the core with `unsafe`, threads or a clock. Nothing is retried on EINTR and
//! nothing is buffered, so a trace of the calls shows exactly what the core asked for.
//! Must not know: what the descriptors are for.
//!
//! # Safety
//!
//! Every `unsafe` block is one libc call. Descriptors are plain integers rather than owning types:
//! a closed one is no hazard, the kernel answers EBADF, and the core has to see that error. The
//! signal handlers in `signals` are async-signal-safe.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod signals;
mod sockets;

use std::collections::BTreeSet;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use nix::sys::socket::UnixAddr;

use super::{
    Clock, Errno, Event, Fd, ForkChild, HandlerLine, Interest, OFlag, Os, Pid, Result, Signal,
    Stat, Thread, Wait, WaitStatus, Whence,
};

/// Most events per epoll_wait(2); the rest come with the next call.
const EVENTS_MAX: usize = 1024;
/// The background threads only make system calls.
const STACK_BYTES: usize = 256 * 1024;

/// This process and its kernel.
#[derive(Default)]
pub struct LinuxOs {
    /// Registered (epoll, descriptor) pairs, because epoll_ctl(2) distinguishes ADD from MOD.
    watched: BTreeSet<(Fd, Fd)>,
}

impl LinuxOs {
    pub fn new() -> Self {
        LinuxOs::default()
    }

    /// `sigaction` — SIGINT and SIGTERM set a flag for [`Os::take_signal`] and interrupt a blocking
    /// call; SIGHUP and SIGPIPE are ignored (Redis: `setupSignalHandlers`).
    pub fn install_signal_handlers(&mut self) {
        signals::install();
    }
}

/// A path as a C string. A path that contains NUL does not exist.
fn path_of(path: &str) -> Result<CString> {
    CString::new(path).map_err(|_| Errno::ENOENT)
}

fn done(result: libc::c_int) -> Result<()> {
    Errno::result(result).map(drop)
}

fn length(result: isize) -> Result<usize> {
    Errno::result(result).map(|count| count as usize)
}

fn errno_of(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw)
}

fn stat_of(call: impl FnOnce(*mut libc::stat) -> libc::c_int) -> Result<Stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    done(call(stat.as_mut_ptr()))?;
    // SAFETY: the call succeeded, so it filled the whole struct.
    let stat = unsafe { stat.assume_init() };
    let is_dir = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    Ok(Stat { size: stat.st_size as u64, is_dir })
}

fn epoll_bits(interest: Interest) -> u32 {
    let readable = if interest.readable { libc::EPOLLIN } else { 0 };
    let writable = if interest.writable { libc::EPOLLOUT } else { 0 };
    (readable | writable) as u32
}

/// The event bits of epoll(7) and poll(2) are the same.
fn ready_of(bits: i32) -> Interest {
    let broken = bits & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
    Interest {
        readable: broken || bits & libc::EPOLLIN != 0,
        writable: broken || bits & libc::EPOLLOUT != 0,
    }
}

impl Os for LinuxOs {
    fn open(&mut self, path: &str, flags: OFlag, mode: u32) -> Result<Fd> {
        let path = path_of(path)?;
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        Errno::result(unsafe { libc::open(path.as_ptr(), flags.bits(), mode) })
    }

    fn close(&mut self, fd: Fd) -> Result<()> {
        self.watched.retain(|&(epoll, watched)| epoll != fd && watched != fd);
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        done(unsafe { libc::close(fd) })
    }

    fn read(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize> {
        // SAFETY: pointer and length are those of one slice, which is borrowed for writing.
        length(unsafe { libc::read(fd, buf.as_mut_ptr().cast(), buf.len()) })
    }

    fn write(&mut self, fd: Fd, buf: &[u8]) -> Result<usize> {
        // SAFETY: pointer and length are those of one slice.
        length(unsafe { libc::write(fd, buf.as_ptr().cast(), buf.len()) })
    }

    fn fsync(&mut self, fd: Fd) -> Result<()> {
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        done(unsafe { libc::fsync(fd) })
    }

    fn fdatasync(&mut self, fd: Fd) -> Result<()> {
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        done(unsafe { libc::fdatasync(fd) })
    }

    fn sync_file_range(&mut self, fd: Fd, offset: u64, len: u64, wait: bool) -> Result<()> {
        let flags = match wait {
            false => libc::SYNC_FILE_RANGE_WRITE,
            true => {
                libc::SYNC_FILE_RANGE_WAIT_BEFORE
                    | libc::SYNC_FILE_RANGE_WRITE
                    | libc::SYNC_FILE_RANGE_WAIT_AFTER
            }
        };
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        done(unsafe { libc::sync_file_range(fd, offset as i64, len as i64, flags) })
    }

    fn ftruncate(&mut self, fd: Fd, len: u64) -> Result<()> {
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        done(unsafe { libc::ftruncate(fd, len as i64) })
    }

    fn truncate(&mut self, path: &str, len: u64) -> Result<()> {
        let path = path_of(path)?;
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        done(unsafe { libc::truncate(path.as_ptr(), len as i64) })
    }

    fn lseek(&mut self, fd: Fd, offset: i64, whence: Whence) -> Result<u64> {
        let whence = match whence {
            Whence::Set => libc::SEEK_SET,
            Whence::End => libc::SEEK_END,
        };
        // SAFETY: no memory is passed; a bad descriptor is answered with EBADF.
        Errno::result(unsafe { libc::lseek(fd, offset, whence) }).map(|at| at as u64)
    }

    fn fstat(&mut self, fd: Fd) -> Result<Stat> {
        // SAFETY: `stat_of` passes a pointer to a whole `stat`.
        stat_of(|stat| unsafe { libc::fstat(fd, stat) })
    }

    fn stat(&mut self, path: &str) -> Result<Stat> {
        let path = path_of(path)?;
        // SAFETY: the path is NUL-terminated, and `stat_of` passes a pointer to a whole `stat`.
        stat_of(|stat| unsafe { libc::stat(path.as_ptr(), stat) })
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<()> {
        let (old, new) = (path_of(old)?, path_of(new)?);
        // SAFETY: both paths are NUL-terminated strings that outlive the call.
        done(unsafe { libc::rename(old.as_ptr(), new.as_ptr()) })
    }

    fn unlink(&mut self, path: &str) -> Result<()> {
        let path = path_of(path)?;
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        done(unsafe { libc::unlink(path.as_ptr()) })
    }

    fn mkdir(&mut self, path: &str, mode: u32) -> Result<()> {
        let path = path_of(path)?;
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        done(unsafe { libc::mkdir(path.as_ptr(), mode) })
    }

    fn chdir(&mut self, path: &str) -> Result<()> {
        let path = path_of(path)?;
        // SAFETY: the path is a NUL-terminated string that outlives the call.
        done(unsafe { libc::chdir(path.as_ptr()) })
    }

    fn getcwd(&mut self) -> Result<String> {
        nix::unistd::getcwd().map(|path| path.to_string_lossy().into_owned())
    }

    fn pipe(&mut self) -> Result<(Fd, Fd)> {
        let mut fds = [-1; 2];
        // SAFETY: the array has room for the two descriptors that are stored.
        done(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
        Ok((fds[0], fds[1]))
    }

    fn set_nonblocking(&mut self, fd: Fd) -> Result<()> {
        // SAFETY: F_SETFL takes an integer; no memory is passed.
        done(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) })
    }

    fn listen_tcp(&mut self, address: &str, port: u16, backlog: i32) -> Result<Fd> {
        sockets::listen_tcp(address, port, backlog)
    }

    fn listen_unix(&mut self, path: &str, backlog: i32) -> Result<Fd> {
        let address = UnixAddr::new(path)?;
        let _ = self.unlink(path);
        sockets::listen_unix(&address, backlog)
    }

    fn accept(&mut self, fd: Fd) -> Result<Fd> {
        let (no_address, no_length) = (std::ptr::null_mut(), std::ptr::null_mut());
        let flags = libc::SOCK_NONBLOCK;
        // SAFETY: null pointers say that the address is not wanted.
        let fd = Errno::result(unsafe { libc::accept4(fd, no_address, no_length, flags) })?;
        let on: libc::c_int = 1;
        let (value, len) = (std::ptr::from_ref(&on).cast(), size_of_val(&on) as u32);
        // Fails on a unix socket, where it is not needed. SAFETY: value and length are those of one
        // integer, which outlives the call.
        unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, value, len) };
        Ok(fd)
    }

    fn epoll_create(&mut self) -> Result<Fd> {
        // SAFETY: no memory is passed.
        Errno::result(unsafe { libc::epoll_create(1024) })
    }

    fn epoll_ctl(&mut self, epoll: Fd, fd: Fd, interest: Interest) -> Result<()> {
        let known = self.watched.contains(&(epoll, fd));
        let operation = match (known, interest.is_empty()) {
            (_, true) => libc::EPOLL_CTL_DEL,
            (true, false) => libc::EPOLL_CTL_MOD,
            (false, false) => libc::EPOLL_CTL_ADD,
        };
        let mut event = libc::epoll_event { events: epoll_bits(interest), u64: fd as u64 };
        // SAFETY: the event is a whole struct that outlives the call.
        let result = done(unsafe { libc::epoll_ctl(epoll, operation, fd, &mut event) });
        if interest.is_empty() {
            self.watched.remove(&(epoll, fd));
        } else if result.is_ok() {
            self.watched.insert((epoll, fd));
        }
        result
    }

    fn epoll_wait(
        &mut self,
        epoll: Fd,
        events: &mut Vec<Event>,
        timeout_ms: Option<u64>,
    ) -> Result<()> {
        let mut ready = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        let timeout = timeout_ms.map_or(-1, |ms| ms.min(i32::MAX as u64) as i32);
        let (at, max) = (ready.as_mut_ptr(), EVENTS_MAX as i32);
        // SAFETY: the array has room for as many events as the call may store.
        let count = Errno::result(unsafe { libc::epoll_wait(epoll, at, max, timeout) })?;
        events.extend(ready.iter().take(count as usize).map(|event| {
            let (fd, bits) = (event.u64, event.events);
            Event { fd: fd as Fd, ready: ready_of(bits as i32) }
        }));
        Ok(())
    }

    fn poll(&mut self, fd: Fd, interest: Interest, timeout_ms: u64) -> Result<Interest> {
        let events = epoll_bits(interest) as i16;
        let mut waited = libc::pollfd { fd, events, revents: 0 };
        let timeout = timeout_ms.min(i32::MAX as u64) as i32;
        // SAFETY: the pointer is to one whole `pollfd`, and the count says one.
        Errno::result(unsafe { libc::poll(&mut waited, 1, timeout) })?;
        Ok(ready_of(i32::from(waited.revents)))
    }

    fn clock_gettime(&mut self, clock: Clock) -> u64 {
        let clock = match clock {
            Clock::Realtime => libc::CLOCK_REALTIME,
            Clock::Monotonic => libc::CLOCK_MONOTONIC,
        };
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a whole `timespec`.
        unsafe { libc::clock_gettime(clock, &mut now) };
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }

    fn nanosleep(&mut self, ns: u64) {
        let (sec, nsec) = (ns / 1_000_000_000, ns % 1_000_000_000);
        let time = libc::timespec { tv_sec: sec as i64, tv_nsec: nsec as i64 };
        // SAFETY: the time is a whole `timespec`; a null pointer says that the rest is not wanted.
        unsafe { libc::nanosleep(&time, std::ptr::null_mut()) };
    }

    fn spawn(&mut self, name: &'static str, thread: Thread) -> Result<()> {
        let builder = std::thread::Builder::new().name(name.to_string()).stack_size(STACK_BYTES);
        builder.spawn(move || thread(&mut LinuxOs::new())).map(drop).map_err(errno_of)
    }

    fn futex_wait(&mut self, word: &Arc<AtomicU32>, expected: u32) {
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        let forever = std::ptr::null::<libc::timespec>();
        // SAFETY: the word is kept alive by its Arc; a null pointer says that there is no timeout.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, forever) };
    }

    fn futex_wake(&mut self, word: &Arc<AtomicU32>, count: u32) {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word is kept alive by its Arc, and FUTEX_WAKE only compares its address.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, count) };
    }

    fn fork(&mut self, child: &dyn ForkChild) -> Result<Pid> {
        // SAFETY: the child has one thread. glibc leaves its allocator usable there, and no lock of
        // ours is held across a call of `Os`.
        let pid = Errno::result(unsafe { libc::fork() })?;
        if pid != 0 {
            return Ok(pid);
        }
        signals::install_in_child();
        let code = child.run(self);
        self.exit(code)
    }

    fn set_handler_line(&mut self, words: HandlerLine) {
        signals::set_handler_line(words);
    }

    fn wait3(&mut self, wait: Wait) -> Result<Option<(Pid, WaitStatus)>> {
        let options = match wait {
            Wait::Block => 0,
            Wait::NoHang => libc::WNOHANG,
        };
        let mut status = 0;
        let no_usage = std::ptr::null_mut();
        // SAFETY: the status is an integer to be written; a null pointer says that resource usage
        // is not wanted.
        let pid = Errno::result(unsafe { libc::wait4(-1, &mut status, options, no_usage) })?;
        let ended = if libc::WIFSIGNALED(status) {
            WaitStatus::Signaled(libc::WTERMSIG(status))
        } else {
            WaitStatus::Exited(libc::WEXITSTATUS(status))
        };
        Ok((pid != 0).then_some((pid, ended)))
    }

    fn kill(&mut self, pid: Pid, signal: Signal) -> Result<()> {
        // SAFETY: no memory is passed.
        done(unsafe { libc::kill(pid, signal as i32) })
    }

    fn getpid(&mut self) -> Pid {
        // SAFETY: no memory is passed, and the call cannot fail.
        unsafe { libc::getpid() }
    }

    fn exit(&mut self, code: i32) -> ! {
        // SAFETY: ends the process; no code of ours runs after it.
        unsafe { libc::_exit(code) }
    }

    fn raise(&mut self, signal: Signal) -> ! {
        signals::end_by(signal)
    }

    fn take_signal(&mut self) -> Option<Signal> {
        signals::take()
    }

    fn private_dirty(&mut self) -> u64 {
        let Ok(fd) = self.open("/proc/self/smaps", OFlag::O_RDONLY, 0) else { return 0 };
        let (mut smaps, mut block) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = self.read(fd, &mut block) {
            smaps.extend_from_slice(&block[..count]);
        }
        let _ = self.close(fd);
        let smaps = String::from_utf8_lossy(&smaps);
        let lines = smaps.lines().filter_map(|line| line.strip_prefix("Private_Dirty:"));
        let kilobytes = lines.filter_map(|rest| rest.trim().strip_suffix(" kB"));
        kilobytes.filter_map(|number| number.parse::<u64>().ok()).sum::<u64>() * 1024
    }

    fn getrandom(&mut self, buf: &mut [u8]) {
        // SAFETY: pointer and length are those of one slice, which is borrowed for writing.
        unsafe { libc::getrandom(buf.as_mut_ptr().cast(), buf.len(), 0) };
    }
}
