//! The namespaces of one start of a server, with a tiny init in them.
//!
//! The init is process 1: it adopts orphans and reaps them, and when it is killed, everything in
//! the PID namespace dies. A server is process 2; if it were process 1, its death would kill its
//! children, and there would never be orphans. The init dies with the worker. Pids that orphans of
//! earlier starts hold in their namespaces are held here by processes that do nothing, so that
//! Linux gives them to nobody. The init has also made the mounts of the start ([`Room`]). Must not
//! know: servers.
//!
//! # Safety
//!
//! The children of clone, clone3 and fork only make system calls and end with `_exit`: most run on
//! a copy of this process' memory, in which another thread may have held a lock. The init shares
//! the memory itself, because to copy it would take most of the time of a start. It has a stack of
//! its own; this process waits until the init has done everything but to sleep.

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::rc::Rc;

use libc::{c_int, c_long, c_void, clone_args, pid_t};
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

use super::view::{self, Room};

/// The size of an init's stack, in words of 16 bytes, as the ABI aligns it.
const STACK: usize = 1 << 12;

/// Namespaces that live as long as this value.
#[derive(Debug)]
pub struct Namespace {
    init: OwnedFd,
    /// The pid of process 1 in this process' namespace.
    host: pid_t,
    room: Option<Rc<Room>>,
    /// Process 1 runs on it.
    _stack: Vec<u128>,
}

/// What process 1 is told. It lives until that is ready.
struct Setup<'a> {
    taken: &'a [pid_t],
    room: Option<&'a Room>,
    ready: c_int,
}

impl Namespace {
    /// A namespace that gives none of the pids `taken` to anybody else, with the mounts of `room`;
    /// None: with those of this process.
    pub fn new(taken: &[pid_t], room: Option<Rc<Room>>) -> Result<Namespace, String> {
        let failed = |errno: Errno| errno.to_string();
        let (read, write) = nix::unistd::pipe().map_err(failed)?;
        let mut stack = vec![0_u128; STACK];
        let setup = Setup { taken, room: room.as_deref(), ready: write.as_raw_fd() };
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_NEWPID | libc::CLONE_PIDFD | libc::CLONE_VM | libc::SIGCHLD;
        // SAFETY: the child has the stack to itself, and `setup` until it has written to the pipe,
        // which is waited for below; the kernel stores a descriptor in `pidfd`.
        let host = Errno::result(unsafe {
            let told = (&raw const setup).cast_mut().cast::<c_void>();
            libc::clone(be_init, stack.as_mut_ptr_range().end.cast(), flags, told, &raw mut pidfd)
        });
        let host = host.map_err(failed)?;
        // SAFETY: with CLONE_PIDFD the kernel has just stored a new descriptor there.
        let init = unsafe { OwnedFd::from_raw_fd(pidfd) };
        drop(write);
        let ready = read_word(&read);
        let namespace = Namespace { init, host, room, _stack: stack };
        match ready.map_err(failed)? {
            0 => Ok(namespace),
            word => Err(reason(word)),
        }
    }

    /// The room whose mounts it has.
    pub fn room(&self) -> Option<&Room> {
        self.room.as_deref()
    }
}

/// What a word of process 1 means that is not 0: the number of a step of [`view::STEPS`], counted
/// from 1, and an errno.
fn reason(word: c_int) -> String {
    let errno = Errno::from_raw(word & 0xffff);
    let step = usize::try_from(word >> 16).ok().and_then(|step| step.checked_sub(1));
    match step.and_then(|step| view::STEPS.get(step)) {
        Some(step) => format!("{step}: {errno}"),
        None => errno.to_string(),
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

/// What process 1 does. Once all is made it writes 0 to `ready`; on failure see [`reason`].
extern "C" fn be_init(told: *mut c_void) -> c_int {
    // SAFETY: `Namespace::new` has passed a `Setup`, and waits.
    let Setup { taken, room, ready } = unsafe { &*told.cast::<Setup<'_>>() };
    // SAFETY: system calls with plain numbers and a static string.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_NAME, c"sabot-init".as_ptr());
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        // Out of reach of the terminal's signals. Not by setsid(2): with autogroups (sched(7))
        // Linux shares a core among sessions first, and has let one of them wait for half a minute.
        libc::setpgid(0, 0);
    }
    let entered = room.map_or(Ok(()), Room::enter);
    let word: c_int = match entered {
        Err((step, errno)) => (step as c_int + 1) << 16 | errno as c_int,
        Ok(()) => taken.iter().find_map(|pid| take(pid).err()).map_or(0, |errno| errno as c_int),
    };
    // SAFETY: a live local with its size.
    unsafe { libc::write(*ready, (&raw const word).cast(), size_of::<c_int>()) };
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
            let mounts = if namespace.room.is_some() { libc::CLONE_NEWNS } else { 0 };
            let joined = libc::setns(namespace.init.as_raw_fd(), libc::CLONE_NEWPID | mounts);
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

/// pidfd_open(2) of a single thread with PIDFD_THREAD, which is O_EXCL by value. Linux has it since
/// 6.9; before, it answers EINVAL.
pub fn open_thread(tid: pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: plain numbers; the result is a new descriptor.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, tid, libc::O_EXCL))?;
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

/// tgkill(2): the signal goes to one thread of a process that has not been collected yet.
pub fn signal_thread(process: pid_t, thread: pid_t, signal: c_int) -> Result<(), Errno> {
    // SAFETY: plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
    Errno::result(result).map(drop)
}
