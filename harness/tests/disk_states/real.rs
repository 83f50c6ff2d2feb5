//! Scripts on a real file system, which is stopped after the last step, mounted again and read.
//!
//! Must not know: the model.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::pwrite;
use nix::unistd;

use crate::loop_device::{Found, Impossible, Kind, LoopDevice, raw};
use crate::script::{SLOTS, Step, data, open_flags};

/// One file system, and what a script has open on it.
pub struct FileSystem {
    device: LoopDevice,
    files: [Option<File>; SLOTS],
}

impl FileSystem {
    pub fn make(kind: &'static Kind) -> Result<FileSystem, Impossible> {
        Ok(FileSystem { device: LoopDevice::make(kind)?, files: Default::default() })
    }

    /// Runs a script. Returns what each step came to, and what is found after the stop.
    pub fn run(&mut self, steps: &[Step]) -> (Vec<Result<(), Errno>>, Found) {
        if steps.contains(&Step::Full) {
            self.device.trim();
        }
        let mut full = false;
        let results = steps.iter().enumerate().map(|(n, step)| {
            full = match step {
                Step::Full => true,
                Step::Free => false,
                _ => full,
            };
            self.step(n, step, full)
        });
        let results = results.collect();
        self.device.stop();
        self.files = Default::default();
        self.device.start_again();
        let found = self.device.read();
        self.device.clear();
        (results, found)
    }

    fn file(&self, slot: usize) -> Result<&File, Errno> {
        self.files[slot].as_ref().ok_or(Errno::EBADF)
    }

    fn step(&mut self, n: usize, step: &Step, full: bool) -> Result<(), Errno> {
        let root = self.device.root();
        let path = |name: &str| root.join(name);
        match step {
            Step::Open { slot, name, flags } => {
                let mode = Mode::from_bits_truncate(0o644);
                let flags = open_flags(flags) | OFlag::O_CLOEXEC;
                self.files[*slot] = None;
                self.files[*slot] = Some(open(&path(name), flags, mode)?.into());
                Ok(())
            }
            Step::Close(slot) => self.files[*slot].take().map(drop).ok_or(Errno::EBADF),
            Step::Write { slot, offset, length } => self.write(*slot, *offset, &data(n, *length)),
            Step::Append { slot, length } => {
                let end = self.file(*slot)?.metadata().expect("it is open").len();
                self.write(*slot, end, &data(n, *length))
            }
            Step::Truncate { slot, length } => unistd::ftruncate(self.file(*slot)?, *length as i64),
            Step::Rename { from, to } => plain(fs::rename(path(from), path(to))),
            Step::Unlink(name) => plain(fs::remove_file(path(name))),
            Step::Mkdir(name) => plain(fs::create_dir(path(name))),
            Step::Fsync(slot) => unistd::fsync(self.file(*slot)?),
            Step::Fdatasync(slot) => unistd::fdatasync(self.file(*slot)?),
            // What fails unseen cannot be told to the model.
            Step::SyncFileRange { slot, wait } => {
                raw::sync_file_range(self.file(*slot)?.as_fd(), *wait || full)
            }
            Step::FsyncDir(name) => unistd::fsync(&directory(&path(name))?),
            Step::FdatasyncDir(name) => unistd::fdatasync(&directory(&path(name))?),
            Step::Syncfs => {
                self.device.sync();
                Ok(())
            }
            Step::Full => {
                self.device.fill();
                Ok(())
            }
            Step::Free => {
                self.device.enlarge();
                Ok(())
            }
        }
    }

    fn write(&self, slot: usize, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let written = pwrite(self.file(slot)?, data, offset as i64)?;
        assert_eq!(written, data.len(), "there is room");
        Ok(())
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // Before the device goes.
        self.files = Default::default();
    }
}

fn directory(path: &Path) -> Result<File, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map(File::from)
}

fn plain(result: std::io::Result<()>) -> Result<(), Errno> {
    result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}
