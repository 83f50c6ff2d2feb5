//! What servers and their children write to standard output and error: one file in memory.
//!
//! It is opened for appending, so that several processes do not overwrite each other.
//! Must not know: what a log line looks like.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::uio::pread;

use super::schedule::lost;
use crate::world::Broken;

/// The log of one run.
#[derive(Debug)]
pub struct LogFile {
    file: OwnedFd,
    seen: i64,
}

impl LogFile {
    pub fn new() -> Result<LogFile, Broken> {
        let file = memfd_create("log", MFdFlags::MFD_CLOEXEC).map_err(|e| lost("memfd", e))?;
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND)).map_err(|e| lost("fcntl", e))?;
        Ok(LogFile { file, seen: 0 })
    }

    /// What was written since the last call.
    pub fn read_new(&mut self) -> Vec<u8> {
        let mut new = Vec::new();
        let mut chunk = [0; 1 << 14];
        while let Ok(count) = pread(&self.file, &mut chunk, self.seen) {
            if count == 0 {
                break;
            }
            new.extend_from_slice(&chunk[..count]);
            self.seen += count as i64;
        }
        new
    }
}

impl AsFd for LogFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
