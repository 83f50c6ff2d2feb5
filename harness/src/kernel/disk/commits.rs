//! When a sync commits the log of the file system, and when it does not.
//!
//! ext4 and XFS have one log of changes of names and sizes. A sync commits the whole of it, but
//! only if something about its own file is not in there yet (`ext4_fsync_journal`,
//! `fs/ext4/fsync.c`: the transaction of the inode; `xfs_fsync_flush_log`, `fs/xfs/xfs_file.c`:
//! whether the inode is pinned). So these leave the rename out:
//!
//! ```text
//! open 0 a creat; fsync 0; rename a b; fdatasync 0
//! open 0 a creat; write 0 0 10; fsync 0; rename a b; write 0 0 10; fdatasync 0
//! ```
//!
//! and these commit it: fsync of the renamed file, whose ctime has changed; a sync that allocates
//! blocks or changes the size; fsync or fdatasync of a directory with another entry.
//!
//! An overwrite changes the times of a file at most, and not twice within one tick of the clock, so
//! nobody can rely on what a sync commits then, nor on its not having done so. Must not know: what
//! is in a file.

#[cfg(test)]
mod tests;

use super::page_cache::Needs;
use super::{Disk, Ino, SyncMark};

/// Which of the two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncKind {
    Fsync,
    /// fdatasync(2): without times, if nothing else needs them.
    Fdatasync,
}

/// The latest changes to an inode by their sequence numbers; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    essential: u64,
    any: u64,
}

impl Changed {
    /// A change that both calls commit.
    pub fn essentially(&mut self, sequence: u64) {
        (self.essential, self.any) = (sequence, sequence);
    }

    /// A change of the times, which only fsync commits.
    pub fn in_its_times(&mut self, sequence: u64) {
        self.any = sequence;
    }

    fn for_kind(self, kind: SyncKind) -> u64 {
        match kind {
            SyncKind::Fsync => self.any,
            SyncKind::Fdatasync => self.essential,
        }
    }
}

impl Disk {
    /// A sync that was called at `mark` succeeds.
    pub fn synced(&mut self, ino: Ino, mark: SyncMark, kind: SyncKind) {
        let perhaps = self.names.perhaps_committed();
        let inode = self.inode_mut(ino);
        let changed = Some(inode.changed.for_kind(kind)).filter(|change| *change < mark.sequence);
        let own = changed.unwrap_or(0);
        let certain = match inode.content.needs_log(mark.content) {
            Needs::NewBlocks => mark.sequence,
            needs => {
                let size = if let Needs::Change(sequence) = needs { sequence } else { 0 };
                match own.max(size) {
                    0 => 0,
                    // It is not in the log yet, and takes everything along.
                    last if last >= perhaps => mark.sequence,
                    last => last + 1,
                }
            }
        };
        if inode.is_dir {
            let name = inode.name.clone();
            self.names.synced(&name, mark.sequence);
        } else {
            inode.content.synced(mark.content);
        }
        self.names.commit_log(certain);
        self.names.may_have_committed(mark.sequence);
        self.drop_unrecoverable();
    }
}
