//! The disk: inodes with their content, their names, and a limited number of blocks.
//!
//! Files are keyed by inode, so that a rename over an open file, an unlink of an open file and a
//! sync through a descriptor opened under another name behave as on Linux. A directory is an inode
//! without content. An unlinked file keeps its blocks until its last descriptor is closed.
//!
//! Not modelled: permissions, times, hard links, symbolic links, that a hole takes up no blocks,
//! renames of directories with files in them (EXDEV).
//! Must not know: descriptors, tasks, faults.

mod certain;
mod commits;
pub mod directory;
pub mod errors;
pub mod extents;
pub mod page_cache;
pub mod power_cut;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use nix::errno::Errno;

use commits::Changed;
pub use commits::SyncKind;
use directory::Names;
use errors::{Seen, WritebackErrors};
use extents::Extents;
use page_cache::{Mark, PAGE, PageCache, SyncErrors};
pub use power_cut::{Cut, Image, PowerCut};

use super::part::Part;

/// The number of an inode.
pub type Ino = u64;

/// The run directory itself.
pub const ROOT: Ino = 1;

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    pub content: PageCache,
    pub data: Extents,
    pub is_dir: bool,
    /// The name it has, or had last.
    pub name: String,
    /// Errors of writeback, as descriptors hear of them.
    pub errors: WritebackErrors,
    changed: Changed,
    linked: bool,
    opens: u32,
}

impl Inode {
    fn new(name: &str, is_dir: bool) -> Inode {
        Inode {
            content: PageCache::default(),
            data: Extents::default(),
            is_dir,
            name: name.to_string(),
            errors: WritebackErrors::default(),
            changed: Changed::default(),
            linked: true,
            opens: 0,
        }
    }
}

/// The disk of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    inodes: BTreeMap<Ino, Part<Inode>>,
    /// Inodes without name and descriptor, to which a power cut may bring an old name back.
    recoverable: BTreeMap<Ino, Part<Inode>>,
    pub names: Names,
    next_ino: Ino,
    sequence: u64,
    /// How many blocks are free; None: there is no limit.
    free: Option<u64>,
    pub sync_errors: SyncErrors,
    /// Whatever would change something fails with EROFS, also through descriptors that are open, as
    /// on an ext4 that has aborted its log.
    pub read_only: bool,
}

impl Default for Disk {
    fn default() -> Self {
        Disk::new()
    }
}

impl Disk {
    /// An empty run directory.
    pub fn new() -> Self {
        let root = Inode::new("", true);
        Disk {
            inodes: BTreeMap::from([(ROOT, root.into())]),
            recoverable: BTreeMap::new(),
            names: Names::default(),
            next_ino: ROOT + 1,
            sequence: 1,
            free: None,
            sync_errors: SyncErrors::default(),
            read_only: false,
        }
    }

    /// The inode of an open or named file.
    ///
    /// # Panics
    /// When it is gone. That of a descriptor never is.
    pub fn inode(&self, ino: Ino) -> &Inode {
        self.inodes.get(&ino).expect("an inode in use exists")
    }

    fn inode_mut(&mut self, ino: Ino) -> &mut Inode {
        self.inodes.get_mut(&ino).expect("an inode in use exists")
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// The inode called `name`; `""` is the run directory.
    pub fn find(&self, name: &str) -> Option<Ino> {
        if name.is_empty() { Some(ROOT) } else { self.names.get(name) }
    }

    /// What a read of the file called `name` sees.
    pub fn read_file(&self, name: &str) -> Option<&[u8]> {
        let inode = self.inode(self.names.get(name)?);
        (!inode.is_dir).then(|| inode.content.live())
    }

    /// Every file (not directory) by name, with what a read of it sees.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.names
            .iter()
            .map(|(name, ino)| (name, self.inode(ino)))
            .filter(|(_, inode)| !inode.is_dir)
            .map(|(name, inode)| (name, inode.content.live()))
    }

    /// A descriptor was opened on the inode.
    pub fn opened(&mut self, ino: Ino) {
        self.inode_mut(ino).opens += 1;
    }

    /// A descriptor was closed. The last one of an unlinked file frees its blocks.
    pub fn closed(&mut self, ino: Ino) {
        self.inode_mut(ino).opens -= 1;
        self.reclaim(ino);
    }

    fn reclaim(&mut self, ino: Ino) {
        let inode = self.inode(ino);
        if inode.linked || inode.opens > 0 {
            return;
        }
        let blocks = inode.content.blocks();
        self.give_back(blocks);
        let gone = self.inodes.remove(&ino);
        if let Some(gone) = gone.filter(|_| self.names.may_return(ino)) {
            self.recoverable.insert(ino, gone);
        }
    }

    /// The inode, even if only a power cut can bring it back.
    pub(in crate::kernel) fn any_inode(&self, ino: Ino) -> Option<&Inode> {
        self.inodes.get(&ino).or_else(|| self.recoverable.get(&ino)).map(|inode| &**inode)
    }

    /// Every inode that has a name or descriptor, or may get a name back.
    pub(in crate::kernel) fn any_inodes(&self) -> impl Iterator<Item = (Ino, &Inode)> {
        self.inodes.iter().chain(&self.recoverable).map(|(ino, inode)| (*ino, &**inode))
    }

    /// The next change to the disk gets this number.
    pub(in crate::kernel) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// EROFS where nothing can be changed; Linux finds every other error first.
    pub fn check_writable(&self) -> Result<(), Errno> {
        if self.read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Changes the disk as if it had been taken out.
    fn taken_out<T>(&mut self, change: impl FnOnce(&mut Disk) -> T) -> T {
        let read_only = std::mem::take(&mut self.read_only);
        let changed = change(self);
        self.read_only = read_only;
        changed
    }

    /// How many of `wanted` bytes at `offset` there is room for, up to a block boundary.
    pub fn room(&self, ino: Ino, offset: u64, wanted: u64) -> u64 {
        let Some(free) = self.free else { return wanted };
        let limit = (self.inode(ino).content.blocks() + free) * PAGE;
        wanted.min(limit.saturating_sub(offset))
    }

    /// Writes bytes for which there is [`Disk::room`].
    pub fn write(&mut self, ino: Ino, offset: u64, bytes: &[u8]) {
        let sequence = self.next_sequence();
        self.change(ino, |content| content.write(sequence, offset, bytes));
        self.inode_mut(ino).data.write(offset, offset + bytes.len() as u64);
    }

    /// Truncates or extends a file. ENOSPC without room to extend it.
    pub fn resize(&mut self, ino: Ino, length: u64) -> Result<(), Errno> {
        self.check_writable()?;
        if self.room(ino, 0, length) < length {
            return Err(Errno::ENOSPC);
        }
        let sequence = self.next_sequence();
        self.change(ino, |content| content.resize(sequence, length));
        self.inode_mut(ino).data.resize(length);
        Ok(())
    }

    /// Changes content, and counts the free blocks.
    fn change(&mut self, ino: Ino, change: impl FnOnce(&mut PageCache)) {
        let content = &mut self.inode_mut(ino).content;
        let before = content.blocks();
        change(content);
        let after = content.blocks();
        if after > before {
            self.free = self.free.map(|free| free.saturating_sub(after - before));
        } else {
            self.give_back(before - after);
        }
    }

    fn give_back(&mut self, blocks: u64) {
        self.free = self.free.map(|free| free + blocks);
    }

    /// What a sync of the inode covers when it is called now.
    pub fn mark(&self, ino: Ino) -> SyncMark {
        SyncMark { sequence: self.sequence, content: self.inode(ino).content.mark(self.sequence) }
    }

    fn drop_unrecoverable(&mut self) {
        let names = &self.names;
        self.recoverable.retain(|ino, _| names.may_return(*ino));
    }

    /// A sync that was called at `mark` fails to write.
    pub fn sync_failed(&mut self, ino: Ino, mark: SyncMark, errno: Errno) {
        self.gave_up(ino, mark);
        self.inode_mut(ino).errors.happened(errno);
    }

    /// What a sync that was called at `mark` should have written may be there or not.
    pub fn gave_up(&mut self, ino: Ino, mark: SyncMark) {
        let model = self.sync_errors;
        self.names.may_have_committed(mark.sequence);
        self.inode_mut(ino).content.sync_failed(mark.content, model);
    }

    /// The error of an earlier writeback that an open file description is told of now.
    pub fn take_error(&mut self, ino: Ino, seen: &mut Seen) -> Option<Errno> {
        self.inode_mut(ino).errors.take(seen)
    }

    /// A sync that was called at `mark` has written, and stops there, to report an older error.
    pub fn written_only(&mut self, ino: Ino, mark: SyncMark) {
        self.names.may_have_committed(mark.sequence);
        self.inode_mut(ino).content.writeback_begins(mark.sequence);
    }

    /// Makes everything durable, as after a long time without faults; but what a failed sync gave
    /// up, nobody writes.
    pub fn settle(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.content.settle();
        }
        self.names.settle(self.sequence);
        self.recoverable.clear();
    }

    /// The power was cut and is back: the disk holds this image and nothing else. No file may be
    /// open any more.
    pub fn power_cut(&mut self, image: &Image) {
        self.taken_out(|disk| disk.hold(image));
    }

    fn hold(&mut self, image: &Image) {
        let used: u64 = self.inodes.values().map(|inode| inode.content.blocks()).sum();
        self.give_back(used);
        self.inodes.retain(|ino, _| *ino == ROOT);
        self.names = Names::default();
        for dir in image.dirs() {
            self.create(dir, true).expect("an image names a directory before what is in it");
        }
        for (name, content) in image.files() {
            let ino = self.create(name, false).expect("an image names a file once");
            self.change(ino, |old| *old = PageCache::settled(content));
            self.inode_mut(ino).data = Extents::without_holes(content.len() as u64);
        }
        self.settle();
    }

    /// A disk with the same settings and numbering that holds this image and nothing else.
    pub fn with_image(&self, image: &Image) -> Disk {
        let Disk { next_ino, sequence, free, sync_errors, read_only, .. } = *self;
        let mut disk = Disk { next_ino, sequence, free, sync_errors, read_only, ..Disk::new() };
        disk.power_cut(image);
        disk
    }

    /// Whether disk space is unlimited.
    pub fn is_large(&self) -> bool {
        self.free.is_none()
    }

    /// Leaves room for `bytes` more, rounded down to blocks; None: space is unlimited.
    pub fn set_space(&mut self, bytes: Option<u64>) {
        self.free = bytes.map(|bytes| bytes / PAGE);
    }

    /// Sets the content of a file, making it if need be, or removes it. Everything on the disk is
    /// durable afterwards, as if the disk had been taken out and changed elsewhere.
    pub fn set_file(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Errno> {
        self.taken_out(|disk| {
            if disk.find(name).is_some() {
                disk.unlink(name)?;
            }
            if let Some(bytes) = content {
                let ino = disk.create(name, false)?;
                disk.write(ino, 0, bytes);
            }
            disk.settle();
            Ok(())
        })
    }
}

/// What one sync covers: taken when it is called, used when it completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncMark {
    sequence: u64,
    content: Mark,
}
