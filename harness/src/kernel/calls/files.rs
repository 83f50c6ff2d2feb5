//! Completing calls on files: what each does to the model, and what the door must do for real.
//!
//! Every method takes a call that was entered and is ready, carries out what the plan left of it,
//! and records the result in the trace. A lie (`retval`) does nothing and returns what the plan
//! says. Errors are the injected one, or those from the man page that the model can run into. Must
//! not know: whether anything real stands behind the model.

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::descriptors::LONGEST;
use crate::kernel::disk::Ino;
use crate::kernel::disk::errors::Seen;
use crate::kernel::fd::{Access, DescriptionId, Object, allows};
use crate::kernel::trace::Returned;
use crate::kernel::{Entered, Fd, Kernel, TaskId};

/// O_LARGEFILE, which Linux adds on 64-bit machines; libc calls it 0 there.
const LARGE_FILE: OFlag = OFlag::from_bits_retain(0o100_000);

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// What the call returns.
    pub result: Result<u64, Errno>,
    /// How many of the bytes are in the file now.
    pub taken: u64,
}

/// The result of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What the call returns.
    pub result: Result<u64, Errno>,
    /// The bytes that were read: as many as `result` says, but none after a lie.
    pub data: Vec<u8>,
}

/// The result of a call that happens as a whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What the call returns.
    pub result: Result<(), Errno>,
    /// Whether the model was changed, so that the door must do the same.
    pub applied: bool,
}

impl Kernel {
    /// open(2) of a file or directory.
    pub fn open(&mut self, entered: Entered, path: &str, flags: OFlag) -> Result<Fd, Errno> {
        let opened = match entered.error() {
            Some(errno) => Err(errno),
            None => self.open_inode(path, flags),
        };
        let task = entered.task;
        let result = opened.map(|ino| {
            self.disk.opened(ino);
            if allows(flags, Access::Write) {
                self.written_anew(path);
            }
            self.install(task, Object::File(ino), flags | LARGE_FILE)
        });
        let returned = match result {
            Ok(_) => Returned::Descriptor,
            Err(errno) => Returned::Error(errno),
        };
        self.finish(entered, returned, 0);
        result
    }

    fn open_inode(&mut self, path: &str, flags: OFlag) -> Result<Ino, Errno> {
        // Since Linux 6.4; before, a file was made and ENOTDIR returned.
        if flags.contains(OFlag::O_CREAT | OFlag::O_DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let (ino, is_new) = match self.disk.lookup(path) {
            Ok(_) if flags.contains(OFlag::O_CREAT | OFlag::O_EXCL) => return Err(Errno::EEXIST),
            Ok(ino) => (ino, false),
            Err(Errno::ENOENT) if flags.contains(OFlag::O_CREAT) => {
                (self.disk.create(path, false)?, true)
            }
            Err(errno) => return Err(errno),
        };
        let changes = flags & OFlag::O_ACCMODE != OFlag::O_RDONLY
            || flags.intersects(OFlag::O_CREAT | OFlag::O_TRUNC);
        let is_dir = self.disk.inode(ino).is_dir;
        if is_dir && changes {
            return Err(Errno::EISDIR);
        }
        if !is_dir && flags.contains(OFlag::O_DIRECTORY) {
            return Err(Errno::ENOTDIR);
        }
        if allows(flags, Access::Write) || flags.contains(OFlag::O_TRUNC) {
            self.disk.check_writable()?;
        }
        // Linux truncates even where the descriptor is only to be read.
        if flags.contains(OFlag::O_TRUNC) && !is_new && !self.disk.inode(ino).content.is_empty() {
            self.disk.resize(ino, 0)?;
        }
        Ok(ino)
    }

    pub(super) fn install(&mut self, task: TaskId, object: Object, flags: OFlag) -> Fd {
        let seen = match object {
            Object::File(ino) => self.disk.inode(ino).errors.at_open(),
            Object::Pipe(..) => Seen::default(),
        };
        let description = self.descriptions.open(object, flags, seen);
        let first = self.first_fd;
        let fds = &mut self.processes.process_of_mut(task).fds;
        let fd = fds.lowest_free(first);
        fds.insert(fd, description);
        fd
    }

    pub(in crate::kernel) fn release(&mut self, description: DescriptionId) {
        if let Some(Object::File(ino)) = self.descriptions.release(description) {
            self.disk.closed(ino);
        }
    }

    /// close(2). The descriptor is closed even when an error is returned.
    pub fn close(&mut self, entered: Entered, fd: Fd) -> Result<(), Errno> {
        let closed = match self.processes.process_of_mut(entered.task).fds.remove(fd) {
            Some(description) => {
                self.release(description);
                Ok(())
            }
            None => Err(Errno::EBADF),
        };
        let result = entered.error().map_or(closed, Err);
        self.finish(entered, returned(result.map(|()| 0)), 0);
        result
    }

    /// write(2) on a file. EBADF on a descriptor that cannot be written, ENOSPC on a full disk.
    pub fn write(&mut self, entered: Entered, fd: Fd, data: &[u8]) -> Wrote {
        self.write_at(entered, fd, data, None)
    }

    /// pwrite(2); None: where the descriptor stands.
    pub fn write_at(&mut self, entered: Entered, fd: Fd, data: &[u8], place: Option<i64>) -> Wrote {
        let wrote = if let Some(errno) = entered.error() {
            Wrote { result: Err(errno), taken: 0 }
        } else if let Some(claimed) = entered.lie() {
            Wrote { result: Ok(claimed.max(0) as u64), taken: 0 }
        } else {
            let data = &data[..entered.limit(data.len() as u64) as usize];
            match self.write_file(entered.task, fd, data, place) {
                Ok((_, 0)) => Wrote { result: Ok(0), taken: 0 },
                Ok((offset, taken)) => {
                    let synced = self.write_through(entered.task, fd, offset, offset + taken);
                    Wrote { result: synced.map(|()| taken), taken }
                }
                Err(errno) => Wrote { result: Err(errno), taken: 0 },
            }
        };
        let sum = checksum(&data[..wrote.taken as usize]);
        self.finish(entered, returned(wrote.result), sum);
        wrote
    }

    /// Where it wrote, and how many bytes.
    fn write_file(
        &mut self,
        task: TaskId,
        fd: Fd,
        data: &[u8],
        place: Option<i64>,
    ) -> Result<(u64, u64), Errno> {
        let place = checked(place)?;
        let (id, ino) = self.file_for(task, fd, Access::Write)?;
        self.disk.check_writable()?;
        let description = self.descriptions.get(id);
        let append = description.flags.contains(OFlag::O_APPEND);
        let end = self.disk.inode(ino).content.len();
        // Linux appends even if pwrite names another place.
        let offset = if append { end } else { place.unwrap_or(description.offset) };
        if data.is_empty() {
            return Ok((offset, 0));
        }
        let limit = (data.len() as u64).min(LONGEST.saturating_sub(offset));
        if limit == 0 {
            return Err(Errno::EFBIG);
        }
        let taken = self.disk.room(ino, offset, limit);
        if taken == 0 {
            return Err(Errno::ENOSPC);
        }
        self.disk.write(ino, offset, &data[..taken as usize]);
        if place.is_none() {
            self.descriptions.get_mut(id).offset = offset + taken;
        }
        Ok((offset, taken))
    }

    /// read(2) on a file, of at most `wanted` bytes.
    pub fn read(&mut self, entered: Entered, fd: Fd, wanted: u64) -> Read {
        self.read_at(entered, fd, wanted, None)
    }

    /// pread(2); None: where the descriptor stands.
    pub fn read_at(&mut self, entered: Entered, fd: Fd, wanted: u64, place: Option<i64>) -> Read {
        let read = if let Some(errno) = entered.error() {
            Read { result: Err(errno), data: Vec::new() }
        } else if let Some(claimed) = entered.lie() {
            Read { result: Ok(claimed.max(0) as u64), data: Vec::new() }
        } else {
            match self.read_file(entered.task, fd, entered.limit(wanted), place) {
                Ok(data) => Read { result: Ok(data.len() as u64), data },
                Err(errno) => Read { result: Err(errno), data: Vec::new() },
            }
        };
        self.finish(entered, returned(read.result), 0);
        read
    }

    fn read_file(
        &mut self,
        task: TaskId,
        fd: Fd,
        limit: u64,
        place: Option<i64>,
    ) -> Result<Vec<u8>, Errno> {
        let place = checked(place)?;
        let (id, ino) = self.file_for(task, fd, Access::Read)?;
        let description = self.descriptions.get_mut(id);
        let inode = self.disk.inode(ino);
        if inode.is_dir {
            return Err(Errno::EISDIR);
        }
        let content = inode.content.live();
        let offset = place.unwrap_or(description.offset);
        let start = (offset as usize).min(content.len());
        let end = start + (limit as usize).min(content.len() - start);
        if place.is_none() {
            description.offset = offset.max(end as u64);
        }
        Ok(content[start..end].to_vec())
    }

    /// ftruncate(2).
    pub fn ftruncate(&mut self, entered: Entered, fd: Fd, length: u64) -> Applied {
        let task = entered.task;
        self.apply(entered, |kernel| {
            let length = length_of(length)?;
            match kernel.file_for(task, fd, Access::Write) {
                Ok((_, ino)) => kernel.disk.resize(ino, not_too_long(length)?),
                // The descriptor is open, but not a file, or not open for writing.
                Err(_) if kernel.lookup(task, fd).is_some() => Err(Errno::EINVAL),
                Err(errno) => Err(errno),
            }
        })
    }

    /// truncate(2).
    pub fn truncate(&mut self, entered: Entered, path: &str, length: u64) -> Applied {
        self.apply(entered, |kernel| {
            let length = length_of(length)?;
            let ino = kernel.disk.lookup(path)?;
            if kernel.disk.inode(ino).is_dir {
                return Err(Errno::EISDIR);
            }
            kernel.disk.resize(ino, not_too_long(length)?)
        })
    }

    /// rename(2).
    pub fn rename(&mut self, entered: Entered, from: &str, to: &str) -> Applied {
        self.apply(entered, |kernel| kernel.disk.rename(from, to))
    }

    /// unlink(2).
    pub fn unlink(&mut self, entered: Entered, path: &str) -> Applied {
        self.apply(entered, |kernel| kernel.disk.unlink(path))
    }

    /// mkdir(2).
    pub fn mkdir(&mut self, entered: Entered, path: &str) -> Applied {
        self.apply(entered, |kernel| kernel.disk.create(path, true).map(|_| ()))
    }

    /// rmdir(2).
    pub fn rmdir(&mut self, entered: Entered, path: &str) -> Applied {
        self.apply(entered, |kernel| kernel.disk.rmdir(path))
    }

    fn apply(
        &mut self,
        entered: Entered,
        change: impl FnOnce(&mut Kernel) -> Result<(), Errno>,
    ) -> Applied {
        let applied = match (entered.error(), entered.lie()) {
            (Some(errno), _) => Applied { result: Err(errno), applied: false },
            (None, Some(_)) => Applied { result: Ok(()), applied: false },
            (None, None) => {
                let result = change(self);
                Applied { result, applied: result.is_ok() }
            }
        };
        self.finish(entered, returned(applied.result.map(|()| 0)), 0);
        applied
    }
}

/// The offset of pread and pwrite.
fn checked(place: Option<i64>) -> Result<Option<u64>, Errno> {
    place.map(|place| u64::try_from(place).map_err(|_| Errno::EINVAL)).transpose()
}

/// A length as truncate(2) takes it: it is signed.
fn length_of(length: u64) -> Result<u64, Errno> {
    if length > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(length) }
}

fn not_too_long(length: u64) -> Result<u64, Errno> {
    if length > LONGEST { Err(Errno::EFBIG) } else { Ok(length) }
}

pub(super) fn returned(result: Result<u64, Errno>) -> Returned {
    match result {
        Ok(value) => Returned::Value(value as i64),
        Err(errno) => Returned::Error(errno),
    }
}

/// FNV-1a over the bytes; 0 only for none.
fn checksum(bytes: &[u8]) -> u32 {
    if bytes.is_empty() {
        return 0;
    }
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
