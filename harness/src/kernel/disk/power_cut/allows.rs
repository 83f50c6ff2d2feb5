//! Whether an image may be found after a power cut.
//!
//! The answer needs no list of images. There must be a place in the log of names and sizes so that
//! the names are those of that place, and each file has a size that the log may have there, and
//! each sector one of the contents that its page had, or zeros where no block was written for
//! certain. Pages are independent of each other, because that is what a device promises.
//!
//! A truncation frees the blocks behind the new end; what is written there later goes to other
//! blocks, and neither is seen under the other's size. Writing in old blocks asks nobody: new bytes
//! may be there under an old size.
//!
//! Must not know: which images are tried, and in which order.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{FsModel, Image, PowerCut};
use crate::kernel::disk::Ino;
use crate::kernel::disk::directory::apply;
use crate::kernel::disk::page_cache::{Change, PAGE, PageCache, SMALL_BLOCK, blocks_end};

impl PowerCut<'_> {
    /// Whether this image may be found.
    pub fn allows(&self, image: &Image) -> bool {
        let histories: Vec<_> =
            self.unsynced.iter().map(|(_, content)| History::of(content)).collect();
        let allows = |names: &BTreeMap<String, Ino>, log: u64| {
            let entries = self.entries(names);
            let dirs = entries.iter().filter(|(_, _, is_dir)| *is_dir).map(|(name, ..)| *name);
            let files: Vec<_> = entries.iter().filter(|(_, _, is_dir)| !is_dir).collect();
            dirs.eq(image.dirs())
                && files.iter().map(|(name, ..)| *name).eq(image.files().map(|(name, _)| name))
                && files.iter().zip(image.files()).all(|((_, ino, _), (_, found))| {
                    self.allows_content(*ino, &histories, log, found)
                })
        };
        if self.fs == FsModel::Posix {
            return self.any_names().iter().any(|names| allows(names, self.now));
        }
        self.logs().into_iter().any(|log| allows(&self.names_at(log), log))
    }

    fn allows_content(&self, ino: Ino, histories: &[History<'_>], log: u64, found: &[u8]) -> bool {
        if let Some((_, content)) = self.durable.iter().find(|(its, _)| *its == ino) {
            return *content.bytes == *found;
        }
        let place = self.unsynced.iter().position(|(its, _)| *its == ino);
        let place = place.expect("every named file has an inode");
        let begun = self.begun(place, log);
        histories[place].allows(self.fs, log, begun, found)
    }

    /// The names where the log reached the disk up to `log`.
    fn names_at(&self, log: u64) -> BTreeMap<String, Ino> {
        let mut names = self.disk.names.durable().clone();
        let journal = self.disk.names.journal().iter();
        journal
            .filter(|entry| entry.sequence < log)
            .for_each(|entry| apply(&mut names, &entry.change));
        names
    }

    /// The names with any of the changes.
    fn any_names(&self) -> BTreeSet<BTreeMap<String, Ino>> {
        let mut tables = BTreeSet::from([self.disk.names.durable().clone()]);
        for entry in self.disk.names.journal() {
            let changed = tables.iter().cloned().map(|mut names| {
                apply(&mut names, &entry.change);
                names
            });
            let changed: Vec<_> = changed.collect();
            tables.extend(changed);
        }
        tables
    }
}

/// What one file has been since it was durable.
struct History<'a> {
    content: &'a PageCache,
    /// Each page with what it held, in order, and how often it had been freed by then.
    versions: BTreeMap<u64, Vec<(usize, Vec<u8>)>>,
}

impl<'a> History<'a> {
    fn of(content: &'a PageCache) -> History<'a> {
        let mut history = History { content, versions: BTreeMap::new() };
        let mut live = content.durable().to_vec();
        let pages = content.journal().iter().map(|entry| match &entry.change {
            Change::Write { offset, bytes } => offset + bytes.len() as u64,
            Change::Extend { end, .. } => *end,
            Change::Resize { length } => *length,
        });
        let longest = pages.max().unwrap_or(0).max(live.len() as u64);
        (0..longest.div_ceil(PAGE)).for_each(|page| history.saw(page, 0, &live));
        let mut stranded: Vec<_> = content.stranded().keys().copied().collect();
        stranded.sort_by_key(|page| content.given_up_at(*page));
        let mut stranded = stranded.into_iter().peekable();
        for entry in content.journal() {
            while let Some(page) =
                stranded.next_if(|page| content.given_up_at(*page) <= entry.sequence)
            {
                history.gave_up(page, &mut live);
            }
            match &entry.change {
                Change::Write { offset, bytes } => {
                    put(&mut live, *offset, bytes);
                    let end = offset + bytes.len() as u64;
                    for page in offset / PAGE..end.div_ceil(PAGE) {
                        let freed = history.freed(page, entry.sequence);
                        history.saw(page, freed, &live);
                    }
                }
                Change::Resize { length } => {
                    live.resize(*length as usize, 0);
                    let page = length / PAGE;
                    let freed = history.freed(page, entry.sequence + 1);
                    history.saw(page, freed, &live);
                }
                Change::Extend { .. } => {}
            }
        }
        stranded.for_each(|page| history.gave_up(page, &mut live));
        history
    }

    /// A failed sync may have written this page all the same.
    fn gave_up(&mut self, page: u64, live: &mut Vec<u8>) {
        put(live, page * PAGE, &self.content.stranded()[&page]);
        let freed = self.freed(page, self.content.given_up_at(page));
        self.saw(page, freed, live);
    }

    fn saw(&mut self, page: u64, freed: usize, live: &[u8]) {
        let start = ((page * PAGE) as usize).min(live.len());
        let end = (start + PAGE as usize).min(live.len());
        let mut bytes = live[start..end].to_vec();
        bytes.resize(PAGE as usize, 0);
        self.versions.entry(page).or_default().push((freed, bytes));
    }

    /// How often a page was freed by changes before `sequence`.
    fn freed(&self, page: u64, sequence: u64) -> usize {
        let before = self.content.journal().iter().filter(|entry| entry.sequence < sequence);
        let frees = before.filter(
            |entry| matches!(entry.change, Change::Resize { length } if length <= page * PAGE),
        );
        frees.count()
    }

    fn allows(&self, fs: FsModel, log: u64, begun: u64, found: &[u8]) -> bool {
        self.sizes(fs, log, begun).contains(&(found.len() as u64))
            && found
                .chunks(PAGE as usize)
                .enumerate()
                .all(|(page, found)| self.allows_page(fs, log, page as u64, found))
    }

    fn allows_page(&self, fs: FsModel, log: u64, page: u64, found: &[u8]) -> bool {
        let freed = self.freed(page, log);
        let its = |version: &&(usize, Vec<u8>)| fs == FsModel::Posix || version.0 == freed;
        let versions = self.versions.get(&page).into_iter().flatten().filter(its);
        let mut versions: Vec<&[u8]> = versions.map(|(_, bytes)| &**bytes).collect();
        let zeros = [0; PAGE as usize];
        let is_new = page * PAGE >= self.content.allocated();
        let any_freed = fs == FsModel::Posix && self.freed(page, u64::MAX) > 0;
        if is_new || freed > 0 || any_freed || self.content.unwritten().contains_key(&page) {
            versions.push(&zeros);
        }
        let unit = if fs == FsModel::Ext4 { super::fate::SECTOR as usize } else { 1 };
        (0..found.len()).step_by(unit).all(|start| {
            let range = start..(start + unit).min(found.len());
            versions.iter().any(|version| version[range.clone()] == found[range.clone()])
        })
    }

    /// The sizes that the log may have.
    fn sizes(&self, fs: FsModel, log: u64, begun: u64) -> BTreeSet<u64> {
        let durable = self.content.durable().len() as u64;
        let mut sizes = BTreeSet::from([durable]);
        let mut live = durable;
        let mut allocated = self.content.allocated();
        for entry in self.content.journal().iter().filter(|entry| entry.sequence < log) {
            let (offset, end) = match &entry.change {
                Change::Write { offset, bytes } => (*offset, offset + bytes.len() as u64),
                Change::Extend { offset, end } => (*offset, *end),
                Change::Resize { length } => {
                    if fs != FsModel::Posix {
                        sizes.clear();
                    }
                    sizes.insert(*length);
                    live = *length;
                    allocated = allocated.min(blocks_end(*length));
                    continue;
                }
            };
            // The log hears of a size when the file grows, and not of writes before its end.
            let grows = end > live;
            live = live.max(end);
            let before = std::mem::take(&mut sizes);
            for size in before {
                if end <= size {
                    sizes.insert(size);
                } else if entry.sequence < begun {
                    sizes.insert(end);
                } else {
                    grown(fs, size, offset, end, allocated, &mut sizes);
                    sizes.extend((!grows).then_some(size));
                    // The page may be written without later ones.
                    sizes.insert(live.min(blocks_end(end)).max(size));
                }
            }
        }
        sizes
    }
}

/// The sizes that a write may make of one that it goes beyond.
fn grown(fs: FsModel, size: u64, offset: u64, end: u64, allocated: u64, sizes: &mut BTreeSet<u64>) {
    sizes.insert(end);
    let from = offset.max(size);
    let step = if fs == FsModel::Ext4 { PAGE } else { super::fate::SECTOR };
    sizes.extend((from / step + 1..end.div_ceil(step)).map(|n| n * step));
    if offset < allocated {
        sizes.insert(size.max(end.min(allocated)));
    }
    // A write that leaves its block changes the size only once the next block is allocated, and
    // blocks may be small. Each page is written by itself.
    let block = |end: u64| end.div_ceil(SMALL_BLOCK);
    let within = offset < allocated && block(size) == block(end.min(allocated));
    if fs != FsModel::Ext4 || !within {
        sizes.insert(size);
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + data.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
}
