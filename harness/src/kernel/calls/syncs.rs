//! Calls that write files back: fsync, fdatasync, sync_file_range, and writes under O_SYNC and
//! O_DSYNC.
//!
//! Must not know: which changes are durable after which sync.

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::files::returned;
use crate::kernel::disk::{Ino, SyncKind, SyncMark};
use crate::kernel::fd::{DescriptionId, Object};
use crate::kernel::{CallName, Entered, Fd, Kernel, TaskId};

impl Kernel {
    /// fsync(2), fdatasync(2), sync_file_range(2). The last one only begins to write, so it makes
    /// nothing durable; it takes an error that was to be reported. That is how it is with
    /// SYNC_FILE_RANGE_WAIT_BEFORE, which Redis sets.
    pub fn sync(&mut self, entered: Entered, fd: Fd) -> Result<(), Errno> {
        let id = self.description(entered.task, fd);
        let file = id.map(|id| (id, self.descriptions.get(id).object));
        let result = match (file, entered.mark) {
            (Ok((id, Object::File(ino))), Some(mark)) => self.sync_file(&entered, id, ino, mark),
            (Ok(_), _) if entered.site.call == CallName::SyncFileRange => Err(Errno::ESPIPE),
            (Ok(_), _) => Err(Errno::EINVAL),
            (Err(errno), _) => Err(errno),
        };
        self.finish(entered, returned(result.map(|()| 0)), 0);
        result
    }

    fn sync_file(
        &mut self,
        entered: &Entered,
        id: DescriptionId,
        ino: Ino,
        mark: SyncMark,
    ) -> Result<(), Errno> {
        if let Some(errno) = entered.error() {
            // Only a failed writeback changes pages; EINTR and the like come before it.
            if matches!(errno, Errno::EIO | Errno::ENOSPC | Errno::EDQUOT) {
                self.disk.sync_failed(ino, mark, errno);
                self.take_error(id, ino);
            }
            return Err(errno);
        }
        if entered.lie().is_some() {
            return Ok(());
        }
        // There is nothing to begin with where nothing is dirty.
        let clean = self.disk.inode(ino).content.is_clean_outside(0, 0);
        if entered.site.call != CallName::SyncFileRange || !clean {
            self.disk.check_writable()?;
        }
        let kind = match entered.site.call {
            CallName::Fsync => Some(SyncKind::Fsync),
            CallName::Fdatasync => Some(SyncKind::Fdatasync),
            _ => None,
        };
        self.write_back(id, ino, mark, kind)
    }

    /// Writes a file back and reports what went wrong since this description was last told; then
    /// the log is not committed (`ext4_sync_file`). Without a kind it is only begun.
    fn write_back(
        &mut self,
        id: DescriptionId,
        ino: Ino,
        mark: SyncMark,
        kind: Option<SyncKind>,
    ) -> Result<(), Errno> {
        let error = self.take_error(id, ino);
        match kind.filter(|_| error.is_none()) {
            Some(kind) => self.disk.synced(ino, mark, kind),
            None => self.disk.written_only(ino, mark),
        }
        error.map_or(Ok(()), Err)
    }

    fn take_error(&mut self, id: DescriptionId, ino: Ino) -> Option<Errno> {
        self.disk.take_error(ino, &mut self.descriptions.get_mut(id).seen)
    }

    /// Whether the next sync through this descriptor reports an error of an earlier writeback.
    pub fn is_told_of_error(&self, task: TaskId, fd: Fd) -> bool {
        let Ok(id) = self.description(task, fd) else { return false };
        let description = self.descriptions.get(id);
        let Object::File(ino) = description.object else { return false };
        self.disk.inode(ino).errors.would_tell(description.seen)
    }

    /// What follows a write from `from` to `to`: under O_SYNC and O_DSYNC a sync of what it wrote
    /// (`generic_write_sync`, include/linux/fs.h).
    ///
    /// ```text
    /// open 0 a creat dsync; write 0 0 50
    /// ```
    ///
    /// Where other pages are dirty, those are left alone, and so the model counts on nothing:
    ///
    /// ```text
    /// open 0 a creat; write 0 0 4096; open 0 a sync; write 0 4096 1
    /// ```
    pub(super) fn write_through(
        &mut self,
        task: TaskId,
        fd: Fd,
        from: u64,
        to: u64,
    ) -> Result<(), Errno> {
        let id = self.description(task, fd)?;
        let description = self.descriptions.get(id);
        // O_SYNC has the bit of O_DSYNC in it.
        let kind = match description.flags {
            flags if flags.contains(OFlag::O_SYNC) => SyncKind::Fsync,
            flags if flags.contains(OFlag::O_DSYNC) => SyncKind::Fdatasync,
            _ => return Ok(()),
        };
        let Object::File(ino) = description.object else { return Ok(()) };
        let kind = Some(kind).filter(|_| self.disk.inode(ino).content.is_clean_outside(from, to));
        self.write_back(id, ino, self.disk.mark(ino), kind)
    }
}
