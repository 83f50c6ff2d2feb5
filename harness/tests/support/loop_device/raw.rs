//! Two calls that no library offers.
//!
//! Must not know: what they are for.

#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// `FS_IOC_SHUTDOWN`, include/uapi/linux/fs.h; `XFS_IOC_GOINGDOWN` is the same.
const SHUTDOWN: libc::Ioctl = 0x8004_587d_u32 as libc::Ioctl;
/// `FS_SHUTDOWN_FLAGS_NOLOGFLUSH`.
const NO_LOG_FLUSH: u32 = 2;

/// Stops the file system at once; nothing that is in memory reaches the disk any more.
pub fn shut_down(root: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = NO_LOG_FLUSH;
    // SAFETY: the call reads one u32, which lives until it returns.
    Errno::result(unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const flags) }).map(drop)
}

/// sync_file_range(2) of the whole file: begins to write it back, and waits for that if asked to.
pub fn sync_file_range(file: BorrowedFd<'_>, wait: bool) -> Result<(), Errno> {
    let waits = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    let flags = libc::SYNC_FILE_RANGE_WRITE | if wait { waits } else { 0 };
    // SAFETY: the call takes numbers alone.
    Errno::result(unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) }).map(drop)
}
