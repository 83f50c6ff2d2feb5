//! The file for what servers and their children write to standard output and error.
//!
//! It is opened for appending, so that several processes do not overwrite each other. It has a name
//! on the tmpfs, so that a copy of a template can open it. Must not know: what a log line looks
//! like.

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::sys::uio::pread;

use crate::world::Broken;

/// The log of one run.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: fs::File,
    seen: i64,
}

impl LogFile {
    /// A new file with this name.
    pub fn new(path: PathBuf) -> Result<LogFile, Broken> {
        let opened = fs::File::options().read(true).append(true).create_new(true).open(&path);
        let broken = |error| Broken::Harness(format!("create {}: {error}", path.display()));
        let file = opened.map_err(broken)?;
        Ok(LogFile { path, file, seen: 0 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what a server has said before it was copied.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Broken::Harness(format!("{}: {error}", self.path.display())))
    }

    /// What has been written since the last call.
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

impl Drop for LogFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
