//! The disk as everybody sees it who does not cut the power: contents, holes and names, but not
//! what of it is durable.
//!
//! Must not know: who asks, and why.

use super::directory::SMALL_TREE;
use super::extents::Extents;
use super::page_cache::{Change, ContentEntry, PageCache};
use super::{Disk, Ino, Inode, ROOT};

impl Disk {
    /// This disk with every change durable, and numbered anew. As long as the power stays on, both
    /// are the same to everybody; so two disks that are the same in this form are the same. No file
    /// may be open.
    pub fn certain(&self) -> Disk {
        let (free, sync_errors) = (self.free, self.sync_errors);
        let mut disk = Disk { free, sync_errors, ..Disk::new() };
        disk.inode_mut(ROOT).errors = self.inode(ROOT).errors.of_a_closed_file();
        for (name, ino) in self.names.iter() {
            let inode = self.inode(ino);
            let new = disk.create(name, inode.is_dir).expect("a directory comes before its files");
            let made = disk.inode_mut(new);
            made.content = PageCache::settled(inode.content.live());
            made.data.clone_from(&inode.data);
            made.errors = inode.errors.of_a_closed_file();
        }
        disk.settle();
        disk
    }

    /// By name: whether it is a directory, its content, and where it has holes.
    pub fn listing(&self) -> impl Iterator<Item = (&str, bool, &[u8], &Extents)> {
        let listed = |(name, ino): (_, Ino)| {
            let Inode { is_dir, content, data, .. } = self.inode(ino);
            (name, *is_dir, content.live(), data)
        };
        self.names.iter().map(listed)
    }

    /// About how many bytes it takes to remember this disk.
    pub fn weight(&self) -> usize {
        let own = |inode: &Inode| size_of::<Inode>() + inode.name.len() + weight_of(&inode.content);
        let inodes: usize = self.any_inodes().map(|(_, inode)| own(inode)).sum();
        size_of::<Disk>() + SMALL_TREE + inodes + self.names.weight()
    }
}

fn weight_of(content: &PageCache) -> usize {
    let change = |entry: &ContentEntry| match &entry.change {
        Change::Write { bytes, .. } => size_of::<ContentEntry>() + bytes.len(),
        Change::Extend { .. } | Change::Resize { .. } => size_of::<ContentEntry>(),
    };
    let changes: usize = content.journal().iter().map(change).sum();
    content.live().len() + content.durable().len() + changes
}
