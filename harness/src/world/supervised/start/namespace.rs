//! The PID namespace of one start of a server, with a tiny init in it.
//!
//! The init is process 1: it adopts orphans and reaps them, and when it is killed, everything in
//! the namespace dies. A server is process 2; if it were process 1, its death would kill its
//! children, and there would never be orphans. The init dies with the worker. Pids that orphans of
//! earlier starts hold in their namespaces are held here by processes that do nothing, so that
//! Linux gives them to nobody. Must not know: servers.
//!
//! # Safety
//!
//! The children of clone3 and fork run on a copy of this process' memory, in which another thread
//! may have held a lock: they only make system calls, and end with `_exit`.

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, c_long, clone_args, pid_t};
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

/// A PID namespace that lives as long as this value.
#[derive(Debug)]
pub struct Namespace {
    init: OwnedFd,
    /// The pid of process 1 in this process' namespace.
    host: pid_t,
}

impl Namespace {
    /// A namespace that gives none of the pids `taken` to anybody else.
    pub fn new(taken: &[pid_t]) -> Result<Namespace, Errno> {
        let (read, write) = nix::unistd::pipe()?;
        let mut pidfd: c_int = -1;
        // SAFETY: zero is a valid value of every field.
        let mut args: clone_args = unsafe { mem::zeroed() };
        args.flags = (libc::CLONE_NEWPID | libc::CLONE_PIDFD) as u64;
        args.pidfd = (&raw mut pidfd) as u64;
        args.exit_signal = libc::SIGCHLD as u64;
        // SAFETY: without CLONE_VM this is a fork; the child only makes system calls (`be_init`).
        let namespace = match unsafe { clone3(&args) }? {
            0 => be_init(taken, write.as_raw_fd()),
            // SAFETY: with CLONE_PIDFD the kernel has just stored a new descriptor there.
            host => Namespace { init: unsafe { OwnedFd::from_raw_fd(pidfd) }, host },
        };
        drop(write);
        match read_word(&read)? {
            0 => Ok(namespace),
            failed => Err(Errno::from_raw(failed)),
        }
    }
}

impl Namespace {
    /// The pid of process 1 in this process' namespace.
    pub fn host(&self) -> pid_t {
        self.host
    }

    /// Kills process 1, and so all others. Process 1 does not end before our own children in the
    /// namespace have been collected.
    pub fn kill(&self) {
        let _ = send_signal(self.init.as_fd(), libc::SIGKILL);
    }
}

impl Drop for Namespace {
    /// Our own children must have been collected.
    fn drop(&mut self) {
        self.kill();
        let _ = waitid(Id::PIDFd(self.init.as_fd()), WaitPidFlag::WEXITED);
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.init.as_fd()
    }
}

/// What process 1 does. Once the pids are taken it writes 0 to `ready`; on failure, the errno.
fn be_init(taken: &[pid_t], ready: c_int) -> ! {
    // SAFETY: system calls with plain numbers, one static string, and a live local with its size.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_NAME, c"sabot-init".as_ptr());
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        libc::setsid();
        let failed = taken.iter().find_map(|pid| take(pid).err());
        let word: c_int = failed.map_or(0, |errno| errno as c_int);
        libc::write(ready, (&raw const word).cast(), size_of::<c_int>());
    }
    do_nothing()
}

/// In process 1: makes a process with this pid, see `set_tid` in clone3(2).
fn take(pid: &pid_t) -> Result<(), Errno> {
    // SAFETY: zero is a valid value of every field.
    let mut args: clone_args = unsafe { mem::zeroed() };
    args.exit_signal = libc::SIGCHLD as u64;
    args.set_tid = (&raw const *pid) as u64;
    args.set_tid_size = 1;
    // SAFETY: without CLONE_VM this is a fork; the child only makes system calls.
    match unsafe { clone3(&args) }? {
        0 => do_nothing(),
        _ => Ok(()),
    }
}

/// Others wait until the last copy of a descriptor is closed, so this keeps none.
fn do_nothing() -> ! {
    // SAFETY: system calls with plain numbers.
    unsafe {
        libc::syscall(libc::SYS_close_range, 0, c_int::MAX, 0);
        loop {
            libc::pause();
        }
    }
}

/// What a child has written before it closed the pipe.
fn read_word(from: &OwnedFd) -> Result<c_int, Errno> {
    let mut word = [0; size_of::<c_int>()];
    match nix::unistd::read(from, &mut word)? {
        len if len == word.len() => Ok(c_int::from_ne_bytes(word)),
        _ => Err(Errno::ECHILD),
    }
}

/// fork(2) into `namespace`, as a child of this process. Returns None in the child, and its pid in
/// the parent.
///
/// A process that has entered a namespace for its children cannot go back without privileges over
/// the old one. So a helper enters it, forks a sibling (CLONE_PARENT) and ends.
///
/// # Safety
///
/// The child may only make system calls, and must not return: see the module.
pub unsafe fn fork_into(namespace: &Namespace) -> Result<Option<pid_t>, Errno> {
    let (read, write) = nix::unistd::pipe()?;
    // SAFETY: the helper only makes system calls and ends with `_exit`; the child of its own, to
    // which None is returned, is the caller's responsibility.
    let helper = Errno::result(unsafe { libc::fork() })?;
    if helper == 0 {
        // SAFETY: zero is valid for every field of `clone_args`; the calls get plain numbers, and
        // pointers to locals with their sizes.
        unsafe {
            let mut args: clone_args = mem::zeroed();
            args.flags = libc::CLONE_PARENT as u64;
            let joined = libc::setns(namespace.init.as_raw_fd(), libc::CLONE_NEWPID);
            let born = if joined == 0 { clone3(&args) } else { Err(Errno::last()) };
            let word: pid_t = match born {
                Ok(0) => return Ok(None),
                Ok(pid) => pid,
                Err(errno) => -(errno as pid_t),
            };
            libc::write(write.as_raw_fd(), (&raw const word).cast(), size_of::<pid_t>());
            libc::_exit(0);
        }
    }
    drop(write);
    let got = read_word(&read);
    waitid(Id::Pid(nix::unistd::Pid::from_raw(helper)), WaitPidFlag::WEXITED)?;
    match got? {
        pid if pid > 0 => Ok(Some(pid)),
        failed => Err(Errno::from_raw(-failed)),
    }
}

/// clone3(2) with the child on a copy of this stack.
///
/// # Safety
///
/// `args` must not ask for CLONE_VM. The child may only make system calls: see the module.
unsafe fn clone3(args: &clone_args) -> Result<pid_t, Errno> {
    // SAFETY: the kernel reads `size_of::<clone_args>()` bytes from a live one.
    let result = unsafe { libc::syscall(libc::SYS_clone3, args, size_of::<clone_args>()) };
    Errno::result(result).map(|pid: c_long| pid as pid_t)
}

/// pidfd_open(2).
pub fn open_process(pid: pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: plain numbers; the result is a new descriptor.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as c_int))
    }
}

/// pidfd_getfd(2): a copy of another process' descriptor.
pub fn copy_descriptor(process: BorrowedFd<'_>, fd: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: plain numbers; the result is a new descriptor.
    unsafe {
        let copy = libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0);
        Ok(OwnedFd::from_raw_fd(Errno::result(copy)? as c_int))
    }
}

/// pidfd_send_signal(2): the signal goes to the process that was meant, or to nobody.
pub fn send_signal(process: BorrowedFd<'_>, signal: c_int) -> Result<(), Errno> {
    // SAFETY: plain numbers and a null pointer, which the man page allows.
    let result = unsafe {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, no_info, 0)
    };
    Errno::result(result).map(drop)
}
