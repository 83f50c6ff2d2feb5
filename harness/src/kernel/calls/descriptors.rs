//! Calls on descriptors: duplicating one, its flags, its offset.
//!
//! Must not know: whether anything real stands behind the model.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;

use crate::kernel::disk::Ino;
use crate::kernel::fd::{Access, DescriptionId, Object};
use crate::kernel::trace::Returned;
use crate::kernel::{Entered, Fd, Kernel, TaskId};

/// The longest file that ext4 can have with blocks of 4 KiB.
pub const LONGEST: u64 = u32::MAX as u64 * 4096;

/// Which number a duplicate gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// The lowest free one from here on: dup(2), `F_DUPFD`.
    From(Fd),
    /// This one, which is closed first: dup2(2), dup3(2).
    Exactly(Fd),
}

impl Kernel {
    pub(super) fn description(&self, task: TaskId, fd: Fd) -> Result<DescriptionId, Errno> {
        self.processes.process_of(task).fds.get(fd).ok_or(Errno::EBADF)
    }

    /// dup(2) and its relatives. Returns the new descriptor, which shares offset and flags.
    pub fn dup(&mut self, entered: Entered, fd: Fd, number: Number) -> Result<Fd, Errno> {
        let task = entered.task;
        let result = match entered.error() {
            Some(errno) => Err(errno),
            None => self.duplicate(task, fd, number),
        };
        let returned = match result {
            Ok(_) => Returned::Descriptor,
            Err(errno) => Returned::Error(errno),
        };
        self.finish(entered, returned, 0);
        result
    }

    fn duplicate(&mut self, task: TaskId, fd: Fd, number: Number) -> Result<Fd, Errno> {
        let id = self.description(task, fd)?;
        let first = self.first_fd;
        let fds = &mut self.processes.process_of_mut(task).fds;
        let (new, replaced) = match number {
            Number::From(least) if least < 0 => return Err(Errno::EINVAL),
            Number::From(least) => (fds.lowest_free(least.max(first)), None),
            Number::Exactly(new) if new < 0 => return Err(Errno::EBADF),
            Number::Exactly(new) if new == fd => return Ok(new),
            Number::Exactly(new) => (new, fds.remove(new)),
        };
        fds.insert(new, id);
        self.descriptions.share(id);
        if let Some(replaced) = replaced {
            self.release(replaced);
        }
        Ok(new)
    }

    /// The status flags of a descriptor's open file description (`F_GETFL`).
    pub fn status_flags(&self, task: TaskId, fd: Fd) -> Result<OFlag, Errno> {
        self.description(task, fd).map(|id| self.descriptions.get(id).flags)
    }

    /// Changes them (`F_SETFL`). Flags that cannot be changed stay as they are.
    pub fn set_status_flags(&mut self, task: TaskId, fd: Fd, to: OFlag) -> Result<(), Errno> {
        let id = self.description(task, fd)?;
        let changeable = OFlag::O_APPEND | OFlag::O_NONBLOCK | OFlag::O_DIRECT | OFlag::O_NOATIME;
        let flags = &mut self.descriptions.get_mut(id).flags;
        *flags = (*flags - changeable) | (to & changeable);
        Ok(())
    }

    /// The file behind a descriptor that can be read or written, as `access` asks. ESPIPE: it is a
    /// pipe.
    pub(super) fn file_for(
        &self,
        task: TaskId,
        fd: Fd,
        access: Access,
    ) -> Result<(DescriptionId, Ino), Errno> {
        let id = self.description(task, fd)?;
        let description = self.descriptions.get(id);
        let Object::File(ino) = description.object else { return Err(Errno::ESPIPE) };
        if description.allows(access) { Ok((id, ino)) } else { Err(Errno::EBADF) }
    }

    /// lseek(2) on a file. Not a site, because no fault applies to it.
    pub fn lseek(&mut self, task: TaskId, fd: Fd, offset: i64, whence: i32) -> Result<u64, Errno> {
        let id = self.description(task, fd)?;
        if !(libc::SEEK_SET..=libc::SEEK_HOLE).contains(&whence) {
            return Err(Errno::EINVAL);
        }
        let description = self.descriptions.get(id);
        let Object::File(ino) = description.object else { return Err(Errno::ESPIPE) };
        let length = self.disk.inode(ino).content.len();
        let within = u64::try_from(offset).ok().filter(|offset| *offset < length);
        let data = &self.disk.inode(ino).data;
        let to = match whence {
            libc::SEEK_DATA => within.and_then(|at| data.data(at)).filter(|at| *at < length),
            libc::SEEK_HOLE => within.map(|at| data.hole(at).min(length)),
            _ => {
                let base = match whence {
                    libc::SEEK_SET => 0,
                    libc::SEEK_CUR => description.offset,
                    _ => length,
                };
                let to = base.checked_add_signed(offset).filter(|to| *to <= LONGEST);
                return self.seek_to(id, to.ok_or(Errno::EINVAL)?);
            }
        };
        self.seek_to(id, to.ok_or(Errno::ENXIO)?)
    }

    fn seek_to(&mut self, id: DescriptionId, offset: u64) -> Result<u64, Errno> {
        self.descriptions.get_mut(id).offset = offset;
        Ok(offset)
    }

    /// stat(2): the inode of a path.
    pub fn stat(&self, path: &str) -> Result<Ino, Errno> {
        self.disk.lookup(path)
    }
}
