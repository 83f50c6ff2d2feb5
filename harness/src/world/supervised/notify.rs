//! The supervisor's end of seccomp user notification: receives trapped calls and answers them.
//!
//! A target may die at any moment. Then its notification is gone, and answering it is not an error.
//! Must not know: what any call means.
//!
//! # Safety
//!
//! Each ioctl gets a pointer to a live struct of exactly the type that seccomp_unotify(2) names for
//! it; that of NOTIF_RECV is zeroed, as the kernel demands.

#![allow(unsafe_code)]

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp};
use nix::errno::Errno;
use nix::fcntl::OFlag;

/// A trapped call that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    pub id: u64,
    /// The calling thread, as the supervisor's PID namespace numbers it.
    pub tid: i32,
    pub number: i64,
    pub args: [u64; 6],
}

impl Notice {
    /// The `n`-th argument as the C type `int`.
    pub fn int(&self, n: usize) -> i32 {
        self.args[n] as i32
    }
}

/// The answer to a trapped call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Value(i64),
    Error(Errno),
    /// Signal handlers run, and then the caller makes the call once more.
    Restart,
    /// Linux carries the call out as if it had not been trapped.
    Continue,
}

/// Which number a descriptor gets in its caller's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    LowestFree,
    /// This one; what was open there is closed.
    At(i32),
}

/// What execve(2) does to a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExec {
    Close,
    Keep,
}

impl From<OFlag> for OnExec {
    /// From the flags of open(2) or pipe2(2).
    fn from(flags: OFlag) -> OnExec {
        if flags.contains(OFlag::O_CLOEXEC) { OnExec::Close } else { OnExec::Keep }
    }
}

/// Receives the trapped calls of a server and of all that it forks.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
}

/// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, since Linux 6.6: caller and supervisor take turns on a CPU.
const SYNC_WAKE_UP: u64 = 1;

/// What Linux has a call return that is to be made again after any signal handler, of
/// linux/errno.h; no process sees it.
const ERESTARTNOINTR: i32 = 513;

impl Listener {
    pub fn new(fd: OwnedFd) -> Listener {
        // SAFETY: the argument is a plain number. An older Linux refuses it, and is merely slower.
        unsafe {
            libc::ioctl(fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS as _, SYNC_WAKE_UP);
        }
        Listener { fd }
    }

    /// The next trapped call. None: its caller has died meanwhile.
    pub fn receive(&self) -> Result<Option<Notice>, Errno> {
        // SAFETY: zero is a valid value of every field.
        let mut notif: seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes one `seccomp_notif` to a live, zeroed one.
        let result = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV as _, &mut notif)
        };
        match Errno::result(result) {
            Ok(_) => Ok(Some(Notice {
                id: notif.id,
                tid: notif.pid as i32,
                number: i64::from(notif.data.nr),
                args: notif.data.args,
            })),
            Err(Errno::ENOENT | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Answers a call. False: its caller is dead.
    pub fn answer(&self, id: u64, answer: Answer) -> Result<bool, Errno> {
        let mut response = seccomp_notif_resp { id, val: 0, error: 0, flags: 0 };
        match answer {
            Answer::Value(value) => response.val = value,
            Answer::Error(errno) => response.error = -(errno as i32),
            Answer::Restart => response.error = -ERESTARTNOINTR,
            Answer::Continue => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        }
        // SAFETY: the kernel reads one live `seccomp_notif_resp`.
        let result = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND as _, &response)
        };
        alive(Errno::result(result))
    }

    /// Puts a copy of `file` into the caller's table. False: the caller is dead.
    pub fn install(
        &self,
        id: u64,
        file: BorrowedFd<'_>,
        slot: Slot,
        on_exec: OnExec,
    ) -> Result<bool, Errno> {
        self.add_fd(id, file, slot, on_exec, 0)
    }

    /// The same, and answers the call with the descriptor's number.
    pub fn answer_with(
        &self,
        id: u64,
        file: BorrowedFd<'_>,
        slot: Slot,
        on_exec: OnExec,
    ) -> Result<bool, Errno> {
        self.add_fd(id, file, slot, on_exec, libc::SECCOMP_ADDFD_FLAG_SEND as u32)
    }

    fn add_fd(
        &self,
        id: u64,
        file: BorrowedFd<'_>,
        slot: Slot,
        on_exec: OnExec,
        flags: u32,
    ) -> Result<bool, Errno> {
        let (newfd, set) = match slot {
            Slot::LowestFree => (0, 0),
            Slot::At(fd) => (fd as u32, libc::SECCOMP_ADDFD_FLAG_SETFD as u32),
        };
        let newfd_flags = match on_exec {
            OnExec::Close => libc::O_CLOEXEC as u32,
            OnExec::Keep => 0,
        };
        let srcfd = file.as_raw_fd() as u32;
        let addfd = seccomp_notif_addfd { id, flags: flags | set, srcfd, newfd, newfd_flags };
        // SAFETY: the kernel reads one live `seccomp_notif_addfd`, whose `srcfd` is borrowed.
        let result = unsafe {
            libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD as _, &addfd)
        };
        alive(Errno::result(result))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn alive(result: Result<i32, Errno>) -> Result<bool, Errno> {
    match result {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT | Errno::EINPROGRESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}
