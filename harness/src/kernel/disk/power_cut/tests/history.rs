//! Random histories of three files, and what is certain at the end of one.
//!
//! Must not know: models.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;
use proptest::prelude::*;

use crate::kernel::disk::{Disk, Image, Ino, ROOT, SyncKind};

pub fn sync(disk: &mut Disk, name: &str) {
    let ino = disk.find(name).unwrap();
    let mark = disk.mark(ino);
    disk.synced(ino, mark, SyncKind::Fsync);
}

pub fn append(disk: &mut Disk, name: &str, letter: u8, count: usize) {
    let ino = disk.find(name).unwrap_or_else(|| disk.create(name, false).unwrap());
    let offset = disk.inode(ino).content.len();
    disk.write(ino, offset, &vec![letter; count]);
}

/// A disk with a file of so many appends of one byte that no sync has covered.
pub fn appended(count: u8) -> Disk {
    let mut disk = Disk::new();
    append(&mut disk, "f", b'a', 50);
    disk.settle();
    (0..count).for_each(|n| append(&mut disk, "f", b'b' + n, 1));
    disk
}

#[derive(Clone, Debug)]
pub enum Step {
    Append(usize, usize),
    Write(usize, u64, usize),
    Resize(usize, u64),
    Sync(usize),
    Fail(usize),
    SyncDir,
    Rename(usize, usize),
    Unlink(usize),
    Settle,
}

pub const NAMES: [&str; 3] = ["a", "b", "c"];

pub fn step() -> impl Strategy<Value = Step> {
    let file = 0..NAMES.len();
    prop_oneof![
        5 => (file.clone(), 1..1500usize).prop_map(|(f, n)| Step::Append(f, n)),
        1 => (file.clone(), 1..9000usize).prop_map(|(f, n)| Step::Append(f, n)),
        1 => (file.clone(), 0..6000u64, 1..1500usize).prop_map(|(f, o, n)| Step::Write(f, o, n)),
        1 => (file.clone(), 0..1500u64).prop_map(|(f, n)| Step::Resize(f, n)),
        2 => file.clone().prop_map(Step::Sync),
        1 => file.clone().prop_map(Step::Fail),
        1 => Just(Step::SyncDir),
        2 => (file.clone(), file.clone()).prop_map(|(f, t)| Step::Rename(f, t)),
        1 => file.prop_map(Step::Unlink),
        1 => Just(Step::Settle),
    ]
}

/// A disk, and what is certainly durable on it under every model.
#[derive(Default)]
pub struct History {
    pub disk: Disk,
    /// Files that were synced and not changed since.
    pub quiet: BTreeMap<Ino, Vec<u8>>,
    /// Names that were synced with their directory and not changed since.
    pub named: BTreeMap<String, Ino>,
    /// Sizes that a file had after some change.
    pub sizes: BTreeSet<u64>,
    /// What was written: a letter, and from where to where.
    pub writes: Vec<(u8, u64, u64)>,
    letter: u8,
}

impl History {
    pub fn take(&mut self, step: &Step) {
        let ino = |disk: &Disk, file: usize| disk.find(NAMES[file]);
        match step {
            Step::Append(file, count) => {
                let letter = self.next_letter();
                append(&mut self.disk, NAMES[*file], letter, *count);
                let ino = ino(&self.disk, *file).unwrap();
                let end = self.disk.inode(ino).content.len();
                self.wrote(ino, letter, end - *count as u64, end);
            }
            Step::Write(file, offset, count) => {
                if let Some(ino) = ino(&self.disk, *file) {
                    let letter = self.next_letter();
                    self.disk.write(ino, *offset, &vec![letter; *count]);
                    self.wrote(ino, letter, *offset, offset + *count as u64);
                }
            }
            Step::Resize(file, length) => {
                if let Some(ino) = ino(&self.disk, *file) {
                    self.disk.resize(ino, *length).unwrap();
                    self.quiet.remove(&ino);
                    self.sizes.insert(*length);
                }
            }
            Step::Sync(file) => {
                if let Some(ino) = ino(&self.disk, *file) {
                    let content = self.disk.inode(ino).content.live().to_vec();
                    sync(&mut self.disk, NAMES[*file]);
                    if self.disk.inode(ino).content.is_certain() {
                        self.quiet.insert(ino, content);
                    }
                }
            }
            Step::Fail(file) => {
                if let Some(ino) = ino(&self.disk, *file) {
                    let mark = self.disk.mark(ino);
                    self.disk.sync_failed(ino, mark, Errno::EIO);
                }
            }
            Step::SyncDir => {
                let mark = self.disk.mark(ROOT);
                self.disk.synced(ROOT, mark, SyncKind::Fsync);
                let names = self.disk.names.iter().map(|(name, ino)| (name.to_string(), ino));
                self.named = names.collect();
            }
            Step::Rename(from, to) => {
                if self.disk.rename(NAMES[*from], NAMES[*to]).is_ok() && from != to {
                    self.named.remove(NAMES[*from]);
                    self.named.remove(NAMES[*to]);
                }
            }
            Step::Unlink(file) => {
                if self.disk.unlink(NAMES[*file]).is_ok() {
                    self.named.remove(NAMES[*file]);
                }
            }
            Step::Settle => {
                self.disk.settle();
                let names = self.disk.names.iter().map(|(name, ino)| (name.to_string(), ino));
                self.named = names.collect();
                let contents = self.disk.any_inodes().filter(|(_, inode)| !inode.is_dir);
                let contents = contents.filter(|(_, inode)| inode.content.is_certain());
                self.quiet =
                    contents.map(|(ino, inode)| (ino, inode.content.live().to_vec())).collect();
            }
        }
    }

    fn next_letter(&mut self) -> u8 {
        self.letter = self.letter % 26 + 1;
        b'@' + self.letter
    }

    fn wrote(&mut self, ino: Ino, letter: u8, from: u64, to: u64) {
        self.quiet.remove(&ino);
        self.sizes.insert(to);
        self.writes.push((letter, from, to));
    }

    pub fn holds_what_is_durable(&self, image: &Image) -> bool {
        self.named.iter().all(|(name, ino)| {
            let content = self.quiet.get(ino);
            image.file(name).is_some_and(|found| content.is_none_or(|content| content == found))
        })
    }
}
