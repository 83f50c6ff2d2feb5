//! The content of one file: what processes see, what is durable, and the changes in between.
//!
//! A write goes to the page cache: it is visible at once, and durable only after a sync that was
//! *called* after it. What becomes of an unsynced write at a power cut (kept, dropped, torn)
//! follows from the journal, which holds every write and size change since the last sync, in order.
//!
//! A failed sync follows Linux (`fs/fs-writeback.c`, "fsyncgate"). By default the pages are marked
//! clean although perhaps nothing was written: they stay readable until the power cut, and no later
//! sync writes them unless a later write touches the same page. Such pages are *stranded*; each may
//! have landed or not. The size may be there without them. The other model keeps them dirty.
//!
//! ```text
//! open 0 a creat; write 0 0 100; fsync 0; write 0 100 9000; full; fsync 0; free; fsync 0
//! ```
//!
//! Pages that had no block before stay *unwritten*: on ext4 (`fs/ext4/page-io.c`) the extent is not
//! converted when writing fails, and a later write to such a page goes into the block and leaves
//! the extent as it is, so the page may read as zeros although that write was synced. On XFS it is
//! rescued.
//!
//! ```text
//! open 0 a creat; write 0 0 60; full; fdatasync 0; free; write 0 60 40; fdatasync 0
//! ```
//!
//! Not modelled: the order in which pages are written back without a sync; a power cut may keep any
//! of them. Must not know: names, descriptors.

mod needs;

use std::collections::BTreeMap;

pub use needs::Needs;

/// Bytes per page, and per block of the disk.
pub const PAGE: u64 = 4096;
/// The smallest block of ext4, which mkfs.ext4 takes below 512 MB.
pub const SMALL_BLOCK: u64 = 1024;

/// Where the last block of a file of this length ends.
pub fn blocks_end(length: u64) -> u64 {
    length.div_ceil(PAGE) * PAGE
}

/// The same for blocks of 1 KiB.
pub fn small_blocks_end(length: u64) -> u64 {
    length.div_ceil(SMALL_BLOCK) * SMALL_BLOCK
}

/// A change to the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These bytes were written at this offset.
    Write { offset: u64, bytes: Vec<u8> },
    /// A failed sync has given up a write from `offset` to `end`: what is left of it is its size.
    Extend { offset: u64, end: u64 },
    /// The file was truncated or extended to this length.
    Resize { length: u64 },
}

impl Change {
    /// From where to where a write goes, also one that was given up.
    pub fn range(&self) -> Option<(u64, u64)> {
        match self {
            Change::Write { offset, bytes } => Some((*offset, offset + bytes.len() as u64)),
            Change::Extend { offset, end } => Some((*offset, *end)),
            Change::Resize { .. } => None,
        }
    }
}

/// A change that is not durable yet, with its place in the order of all changes to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentEntry {
    pub sequence: u64,
    pub change: Change,
}

/// A dirty page: when it was first and last written since it was clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dirty {
    first: u64,
    last: u64,
}

/// What one sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    sequence: u64,
    length: u64,
}

/// What a failed sync does to the pages that it should have written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncErrors {
    /// Marked clean: lost at the next power cut (Linux).
    #[default]
    Clean,
    /// Left dirty: the next sync tries again.
    Dirty,
}

/// The content of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageCache {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Where the durable blocks end. Behind it the durable content is a hole.
    allocated: u64,
    dirty: BTreeMap<u64, Dirty>,
    journal: Vec<ContentEntry>,
    /// Pages that a failed sync marked clean, with what they held then.
    stranded: BTreeMap<u64, Vec<u8>>,
    /// Pages in blocks that a failed sync has allocated, and how many bytes of them there were;
    /// these may read as zeros for ever.
    unwritten: BTreeMap<u64, u64>,
    /// For both, up to which change the failed sync went.
    given_up: BTreeMap<u64, u64>,
    /// Writes with a smaller sequence number may have been written back already.
    begun: u64,
    /// When the file system began to write this back because of a rename over another file.
    written_back: Vec<u64>,
}

impl PageCache {
    /// A file with this content, all of it durable.
    pub fn settled(content: &[u8]) -> PageCache {
        let allocated = blocks_end(content.len() as u64);
        let (live, durable) = (content.to_vec(), content.to_vec());
        PageCache { live, durable, allocated, ..PageCache::default() }
    }

    /// What a read sees.
    pub fn live(&self) -> &[u8] {
        &self.live
    }

    /// What was durable after the last sync.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// Where the durable blocks end: not where the file does if it was extended by a truncation.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// The changes since the durable state, in order.
    pub fn journal(&self) -> &[ContentEntry] {
        &self.journal
    }

    /// Pages that reach the disk only together with a later write to them.
    pub fn stranded(&self) -> &BTreeMap<u64, Vec<u8>> {
        &self.stranded
    }

    /// Up to which change the sync went that gave this stranded page up.
    pub fn given_up_at(&self, page: u64) -> u64 {
        self.given_up.get(&page).copied().unwrap_or(0)
    }

    /// Pages that may read as zeros, whatever was synced later, and how many of their bytes.
    pub fn unwritten(&self) -> &BTreeMap<u64, u64> {
        &self.unwritten
    }

    /// Whether a power cut can leave nothing but the durable content.
    pub fn is_certain(&self) -> bool {
        self.journal.is_empty() && self.stranded.is_empty() && self.unwritten.is_empty()
    }

    /// When the content began to be written back because of a rename over another file.
    pub fn written_back(&self) -> &[u64] {
        &self.written_back
    }

    pub fn len(&self) -> u64 {
        self.live.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// How many blocks are in use.
    pub fn blocks(&self) -> u64 {
        self.len().div_ceil(PAGE)
    }

    /// Writes `bytes` at `offset`; a gap before it reads as zeros.
    pub fn write(&mut self, sequence: u64, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if self.live.len() < end {
            self.live.resize(end, 0);
        }
        self.live[start..end].copy_from_slice(bytes);
        self.touch(sequence, offset, end as u64);
        self.journal.push(ContentEntry {
            sequence,
            change: Change::Write { offset, bytes: bytes.to_vec() },
        });
    }

    /// Truncates or extends to `length`.
    pub fn resize(&mut self, sequence: u64, length: u64) {
        let old = self.len();
        if length == old {
            // It changes the times at most.
            return;
        }
        self.live.resize(length as usize, 0);
        let whole_pages = length.div_ceil(PAGE);
        self.dirty.retain(|page, _| *page < whole_pages);
        // The page with the new end is written again, with zeros behind the end.
        let boundary = old.min(length);
        self.touch(sequence, boundary.saturating_sub(1), boundary.max(length).min(boundary + PAGE));
        self.journal.push(ContentEntry { sequence, change: Change::Resize { length } });
    }

    fn touch(&mut self, sequence: u64, from: u64, to: u64) {
        if to <= from {
            return;
        }
        for page in from / PAGE..to.div_ceil(PAGE) {
            self.dirty
                .entry(page)
                .and_modify(|dirty| dirty.last = sequence)
                .or_insert(Dirty { first: sequence, last: sequence });
        }
    }

    /// What a sync called now covers: everything before `sequence`.
    pub fn mark(&self, sequence: u64) -> Mark {
        Mark { sequence, length: self.len() }
    }

    /// A sync that was called at `mark` succeeds: what it covers is durable.
    pub fn synced(&mut self, mark: Mark) {
        let covered = self.take_dirty(mark);
        self.free_given_up(mark);
        let (length, resized) = self.certain_length(mark, &covered);
        self.allocated = self.allocated_after(mark);
        // What was truncated does not come back when the file grows again: it reads as zeros.
        self.durable.truncate(self.shortest_before(mark) as usize);
        self.durable.resize(length as usize, 0);
        for page in covered {
            self.stranded.remove(&page);
            let start = (page * PAGE) as usize;
            let end = (start + PAGE as usize).min(self.durable.len()).min(self.live.len());
            if start < end {
                self.durable[start..end].copy_from_slice(&self.live[start..end]);
            }
        }
        self.journal.retain(|entry| {
            let size_is_open = matches!(entry.change, Change::Extend { end, .. } if end > length)
                && entry.sequence >= resized;
            entry.sequence >= mark.sequence || size_is_open
        });
        self.written_back.retain(|sequence| *sequence >= mark.sequence);
    }

    /// Pages that were given up and then truncated away are free once that is durable.
    fn free_given_up(&mut self, mark: Mark) {
        let journal = &self.journal;
        let is_free = |page: u64, since: u64| {
            let later =
                journal.iter().filter(|entry| (since..mark.sequence).contains(&entry.sequence));
            let mut changes = later.map(|entry| &entry.change);
            changes
                .any(|change| matches!(change, Change::Resize { length } if *length <= page * PAGE))
        };
        self.given_up.retain(|page, since| !is_free(*page, *since));
        let known = &self.given_up;
        self.stranded.retain(|page, _| known.contains_key(page));
        self.unwritten.retain(|page, _| known.contains_key(page));
    }

    /// How long the file is at least after a sync of these pages, and when it was last resized
    /// before. XFS takes a size only from data that was written (`xfs_setfilesize`), so what a
    /// failed sync gave up may stay out of it.
    fn certain_length(&self, mark: Mark, covered: &[u64]) -> (u64, u64) {
        let (mut length, mut resized) = (self.durable.len() as u64, 0);
        for entry in self.journal.iter().take_while(|entry| entry.sequence < mark.sequence) {
            match &entry.change {
                Change::Resize { length: to } => (length, resized) = (*to, entry.sequence),
                Change::Write { offset, bytes } => length = length.max(offset + bytes.len() as u64),
                Change::Extend { .. } => {}
            }
        }
        let last = covered.iter().max().map_or(0, |page| (page + 1) * PAGE);
        (length.max(last.min(mark.length)), resized)
    }

    fn allocated_after(&self, mark: Mark) -> u64 {
        let before = self.journal.iter().filter(|entry| entry.sequence < mark.sequence);
        before.fold(self.allocated, |allocated, entry| match &entry.change {
            Change::Write { offset, bytes } => {
                allocated.max(blocks_end(offset + bytes.len() as u64))
            }
            Change::Resize { length } => allocated.min(blocks_end(*length)),
            Change::Extend { .. } => allocated,
        })
    }

    /// Whether nothing is dirty but pages between these offsets.
    pub fn is_clean_outside(&self, from: u64, to: u64) -> bool {
        let pages = from / PAGE..to.div_ceil(PAGE);
        self.dirty.keys().all(|page| pages.contains(page))
    }

    /// Writeback of what was written before `sequence` begins; it may never end.
    pub fn writeback_begins(&mut self, sequence: u64) {
        self.begun = self.begun.max(sequence);
    }

    /// The file was renamed over another one. ext4 then begins to write it back (`auto_da_alloc`)
    /// if it has unallocated blocks; a change within the allocated tail block does not count.
    pub fn renamed_over(&mut self, sequence: u64) {
        let mut allocated = self.allocated;
        let unallocated = self.journal.iter().any(|entry| match &entry.change {
            Change::Write { offset, bytes } => offset + bytes.len() as u64 > allocated,
            Change::Extend { .. } => false,
            Change::Resize { length } => {
                allocated = allocated.min(blocks_end(*length));
                false
            }
        });
        if unallocated {
            self.written_back.push(sequence);
            self.writeback_begins(sequence);
        }
    }

    /// The shortest that the file has been since the last sync.
    fn shortest_before(&self, mark: Mark) -> u64 {
        let covered = self.journal.iter().take_while(|entry| entry.sequence < mark.sequence);
        let lengths = covered.filter_map(|entry| match entry.change {
            Change::Resize { length } => Some(length),
            Change::Write { .. } | Change::Extend { .. } => None,
        });
        lengths.min().unwrap_or(u64::MAX)
    }

    /// A sync that was called at `mark` fails.
    pub fn sync_failed(&mut self, mark: Mark, model: SyncErrors) {
        if model == SyncErrors::Dirty {
            return;
        }
        let allocated = match self.shortest_before(mark) {
            u64::MAX => self.allocated,
            shortest => self.allocated.min(blocks_end(shortest)),
        };
        for page in self.take_dirty(mark) {
            let start = ((page * PAGE) as usize).min(self.live.len());
            let end = (start + PAGE as usize).min(self.live.len());
            self.stranded.insert(page, self.live[start..end].to_vec());
            self.given_up.insert(page, mark.sequence);
            if page * PAGE >= allocated {
                self.unwritten.insert(page, (end - start) as u64);
            }
        }
        for entry in self.journal.iter_mut().filter(|entry| entry.sequence < mark.sequence) {
            if let Change::Write { offset, bytes } = &entry.change {
                let (offset, end) = (*offset, offset + bytes.len() as u64);
                entry.change = Change::Extend { offset, end };
            }
        }
    }

    /// Everything that is dirty is durable, as after a long time. What a failed sync has given up
    /// stays as it is: nobody writes it.
    pub fn settle(&mut self) {
        self.synced(Mark { sequence: u64::MAX, length: self.len() });
    }

    /// Takes the pages that `mark` covers; those written again since stay dirty.
    fn take_dirty(&mut self, mark: Mark) -> Vec<u64> {
        let covered: Vec<u64> = self
            .dirty
            .iter()
            .filter(|(_, dirty)| dirty.first < mark.sequence)
            .map(|(page, _)| *page)
            .collect();
        self.dirty.retain(|_, dirty| {
            dirty.first = dirty.first.max(mark.sequence);
            dirty.last >= mark.sequence
        });
        covered
    }
}
