//! The time in a page of memory that a server shares with its supervisor.
//!
//! The clock stands still while a task runs. So a task need not ask for the time by a system call:
//! it is in this page, where the functions of [`super::vdso`] read it. They count what they are
//! asked for, and ask Linux, where the call is trapped, once that is more than the supervisor has
//! granted: so a task that waits for time to pass is noticed after the same number of questions
//! everywhere. All servers of a worker share one page, because only one task runs at a time. Must
//! not know: who runs, and how many questions are too many.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;

use super::vdso::SIZE;
use crate::kernel::Clock;

const SECOND: u64 = 1_000_000_000;
const MICROSECOND: u64 = 1000;

/// A new process gets descriptors with small numbers one after the other, and none of them may take
/// the number of the page before that is copied, too.
const HIGH: i32 = 64;

/// The page. [`super::vdso`] knows this layout.
#[repr(C)]
#[derive(Debug)]
struct Page {
    /// How many questions are left; negative once one too many was asked.
    left: AtomicI64,
    realtime_seconds: AtomicU64,
    realtime_nanos: AtomicU64,
    realtime_micros: AtomicU64,
    monotonic_seconds: AtomicU64,
    monotonic_nanos: AtomicU64,
}

/// The page as the supervisor sees it.
#[derive(Debug)]
pub struct TimePage {
    file: OwnedFd,
    page: NonNull<Page>,
    granted: Cell<u64>,
}

impl TimePage {
    /// A page that answers no question yet.
    pub fn new() -> Result<TimePage, Errno> {
        let file = memfd_create(c"sabot-time", MFdFlags::MFD_CLOEXEC)?;
        let file = above(&file, HIGH)?;
        ftruncate(&file, SIZE as i64)?;
        let (access, size) = (libc::PROT_READ | libc::PROT_WRITE, SIZE as usize);
        // SAFETY: a new mapping, of a file of this size that is open.
        let page = unsafe {
            let none = std::ptr::null_mut();
            libc::mmap(none, size, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let page = NonNull::new(page.cast()).ok_or(Errno::ENOMEM)?;
        Ok(TimePage { file, page, granted: Cell::new(0) })
    }

    /// Says what time it is, and grants the task that runs next so many questions.
    pub fn grant(&self, clock: &Clock, questions: u64) {
        let page = self.page();
        let (realtime, monotonic) = (clock.realtime(), clock.monotonic());
        page.realtime_seconds.store(realtime / SECOND, Relaxed);
        page.realtime_nanos.store(realtime % SECOND, Relaxed);
        page.realtime_micros.store(realtime % SECOND / MICROSECOND, Relaxed);
        page.monotonic_seconds.store(monotonic / SECOND, Relaxed);
        page.monotonic_nanos.store(monotonic % SECOND, Relaxed);
        self.granted.set(questions);
        page.left.store(i64::try_from(questions).unwrap_or(i64::MAX), Relaxed);
    }

    /// From now on every question is a system call.
    pub fn grant_none(&self) {
        self.granted.set(0);
        self.page().left.store(0, Relaxed);
    }

    /// How many questions were answered since they were granted. No more are.
    pub fn take_back(&self) -> u64 {
        let left = self.page().left.swap(0, Relaxed);
        self.granted.replace(0) - u64::try_from(left).unwrap_or(0)
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping lives as long as this value, and servers change it only by
        // instructions that are atomic on one processor. Zeros are a valid page.
        unsafe { self.page.as_ref() }
    }
}

/// A copy of a descriptor with at least this number.
fn above(file: &OwnedFd, number: i32) -> Result<OwnedFd, Errno> {
    let copy = fcntl(file, FcntlArg::F_DUPFD_CLOEXEC(number))?;
    // SAFETY: the kernel has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

impl AsFd for TimePage {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for TimePage {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody has a reference any more.
        unsafe { libc::munmap(self.page.as_ptr().cast(), SIZE as usize) };
    }
}
