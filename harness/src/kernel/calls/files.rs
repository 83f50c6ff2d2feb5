//! Completing calls on files: what each does to the model, and what the door must do for real.
//!
//! Every method takes a call that was entered and is ready, carries out what the plan left of it,
//! and records the result in the trace. A lie (`retval`) does nothing and returns what the plan
//! says. Errors are the injected one, or those from the man page that the model can run into. Must
//! not know: whether anything real stands behind the model.

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::kernel::disk::{Ino, SyncMark};
use crate::kernel::fd::{DescriptionId, Object};
use crate::kernel::trace::Returned;
use crate::kernel::{CallName, Entered, Fd, Kernel, TaskId};

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
            self.install(task, Object::File(ino), flags)
        });
        let returned = match result {
            Ok(_) => Returned::Descriptor,
            Err(errno) => Returned::Error(errno),
        };
        self.finish(entered, returned, 0);
        result
    }

    fn open_inode(&mut self, path: &str, flags: OFlag) -> Result<Ino, Errno> {
        let ino = match self.disk.find(path) {
            Some(_) if flags.contains(OFlag::O_CREAT | OFlag::O_EXCL) => return Err(Errno::EEXIST),
            Some(ino) => ino,
            None if flags.contains(OFlag::O_CREAT) => self.disk.create(path, false)?,
            None => return Err(Errno::ENOENT),
        };
        let writing = flags.intersects(OFlag::O_WRONLY | OFlag::O_RDWR);
        let is_dir = self.disk.inode(ino).is_dir;
        if is_dir && writing {
            return Err(Errno::EISDIR);
        }
        if !is_dir && flags.contains(OFlag::O_DIRECTORY) {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OFlag::O_TRUNC) && writing && !self.disk.inode(ino).content.is_empty() {
            self.disk.resize(ino, 0)?;
        }
        Ok(ino)
    }

    pub(super) fn install(&mut self, task: TaskId, object: Object, flags: OFlag) -> Fd {
        let description = self.descriptions.open(object, flags);
        let first = self.first_fd;
        let fds = &mut self.processes.process_of_mut(task).fds;
        let fd = fds.lowest_free(first);
        fds.insert(fd, description);
        fd
    }

    fn description(&self, task: TaskId, fd: Fd) -> Result<DescriptionId, Errno> {
        self.processes.process_of(task).fds.get(fd).ok_or(Errno::EBADF)
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
        let wrote = if let Some(errno) = entered.error() {
            Wrote { result: Err(errno), taken: 0 }
        } else if let Some(claimed) = entered.lie() {
            Wrote { result: Ok(claimed.max(0) as u64), taken: 0 }
        } else {
            let result = self.write_file(entered.task, fd, data, entered.limit(data.len() as u64));
            Wrote { result, taken: result.unwrap_or(0) }
        };
        let sum = checksum(&data[..wrote.taken as usize]);
        self.finish(entered, returned(wrote.result), sum);
        wrote
    }

    fn write_file(&mut self, task: TaskId, fd: Fd, data: &[u8], limit: u64) -> Result<u64, Errno> {
        let id = self.description(task, fd)?;
        let description = self.descriptions.get(id);
        let Object::File(ino) = description.object else { return Err(Errno::EBADF) };
        if !description.flags.intersects(OFlag::O_WRONLY | OFlag::O_RDWR) {
            return Err(Errno::EBADF);
        }
        let append = description.flags.contains(OFlag::O_APPEND);
        let offset = if append { self.disk.inode(ino).content.len() } else { description.offset };
        let taken = self.disk.room(ino, offset, limit);
        if taken == 0 && limit > 0 {
            return Err(Errno::ENOSPC);
        }
        self.disk.write(ino, offset, &data[..taken as usize]);
        self.descriptions.get_mut(id).offset = offset + taken;
        Ok(taken)
    }

    /// read(2) on a file, of at most `wanted` bytes.
    pub fn read(&mut self, entered: Entered, fd: Fd, wanted: u64) -> Read {
        let read = if let Some(errno) = entered.error() {
            Read { result: Err(errno), data: Vec::new() }
        } else if let Some(claimed) = entered.lie() {
            Read { result: Ok(claimed.max(0) as u64), data: Vec::new() }
        } else {
            match self.read_file(entered.task, fd, entered.limit(wanted)) {
                Ok(data) => Read { result: Ok(data.len() as u64), data },
                Err(errno) => Read { result: Err(errno), data: Vec::new() },
            }
        };
        self.finish(entered, returned(read.result), 0);
        read
    }

    fn read_file(&mut self, task: TaskId, fd: Fd, limit: u64) -> Result<Vec<u8>, Errno> {
        let id = self.description(task, fd)?;
        let description = self.descriptions.get_mut(id);
        let Object::File(ino) = description.object else { return Err(Errno::EBADF) };
        if description.flags.contains(OFlag::O_WRONLY) {
            return Err(Errno::EBADF);
        }
        let inode = self.disk.inode(ino);
        if inode.is_dir {
            return Err(Errno::EISDIR);
        }
        let content = inode.content.live();
        let start = (description.offset as usize).min(content.len());
        let end = start + (limit as usize).min(content.len() - start);
        description.offset = description.offset.max(end as u64);
        Ok(content[start..end].to_vec())
    }

    /// lseek(2) on a file. Not a site, because no fault applies to it.
    pub fn lseek(&mut self, task: TaskId, fd: Fd, offset: i64, whence: i32) -> Result<u64, Errno> {
        let id = self.description(task, fd)?;
        let Object::File(ino) = self.descriptions.get(id).object else { return Err(Errno::ESPIPE) };
        let base = match whence {
            nix::libc::SEEK_SET => 0,
            nix::libc::SEEK_CUR => self.descriptions.get(id).offset as i64,
            nix::libc::SEEK_END => self.disk.inode(ino).content.len() as i64,
            _ => return Err(Errno::EINVAL),
        };
        let to = base.checked_add(offset).filter(|to| *to >= 0).ok_or(Errno::EINVAL)?;
        self.descriptions.get_mut(id).offset = to as u64;
        Ok(to as u64)
    }

    /// fsync(2), fdatasync(2), sync_file_range(2). The last one makes nothing durable by itself.
    pub fn sync(&mut self, entered: Entered, fd: Fd) -> Result<(), Errno> {
        let file = self.description(entered.task, fd).map(|id| self.descriptions.get(id).object);
        let result = match (file, entered.mark) {
            (Ok(Object::File(ino)), Some(mark)) => self.sync_file(&entered, ino, mark),
            (Ok(_), _) => Err(Errno::EINVAL),
            (Err(errno), _) => Err(errno),
        };
        self.finish(entered, returned(result.map(|()| 0)), 0);
        result
    }

    fn sync_file(&mut self, entered: &Entered, ino: Ino, mark: SyncMark) -> Result<(), Errno> {
        if let Some(errno) = entered.error() {
            // Only a failed writeback changes pages; EINTR and the like come before it.
            if matches!(errno, Errno::EIO | Errno::ENOSPC | Errno::EDQUOT) {
                self.disk.sync_failed(ino, mark);
            }
            return Err(errno);
        }
        if entered.lie().is_none() && entered.site.call != CallName::SyncFileRange {
            self.disk.synced(ino, mark);
        }
        Ok(())
    }

    /// ftruncate(2).
    pub fn ftruncate(&mut self, entered: Entered, fd: Fd, length: u64) -> Applied {
        let task = entered.task;
        self.apply(entered, |kernel| {
            let description = kernel.descriptions.get(kernel.description(task, fd)?);
            match description.object {
                Object::File(ino) => kernel.disk.resize(ino, length),
                Object::Pipe(..) => Err(Errno::EINVAL),
            }
        })
    }

    /// truncate(2).
    pub fn truncate(&mut self, entered: Entered, path: &str, length: u64) -> Applied {
        self.apply(entered, |kernel| {
            let ino = kernel.disk.find(path).ok_or(Errno::ENOENT)?;
            if kernel.disk.inode(ino).is_dir {
                return Err(Errno::EISDIR);
            }
            kernel.disk.resize(ino, length)
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
