//! The content of one file: what processes see, what is durable, and the changes in between.
//!
//! A write goes to the page cache: it is visible at once, and durable only after a sync that was
//! *called* after it. What becomes of an unsynced write at a power cut (kept, dropped, torn)
//! follows from the journal, which holds every write and size change since the last sync, in order.
//!
//! A failed sync follows Linux (`fs/fs-writeback.c`, "fsyncgate"). By default the pages are marked
//! clean although nothing was written: they stay readable until the power cut, and no later sync
//! writes them unless a later write touches the same page. Such pages are *stranded*. The other
//! model keeps them dirty.
//!
//! Not modelled: the order in which pages are written back without a sync; a power cut may keep any
//! of them. Must not know: names, descriptors.

use std::collections::BTreeMap;

/// Bytes per page, and per block of the disk.
pub const PAGE: u64 = 4096;

/// Where the last block of a file of this length ends.
pub fn blocks_end(length: u64) -> u64 {
    length.div_ceil(PAGE) * PAGE
}

/// A change to the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These bytes were written at this offset.
    Write { offset: u64, bytes: Vec<u8> },
    /// The file was truncated or extended to this length.
    Resize { length: u64 },
}

/// A change that is not durable yet, with its place in the order of all changes to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentEntry {
    pub sequence: u64,
    pub change: Change,
}

/// A dirty page: when it was first and last written since it was clean.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Debug, Default)]
pub struct PageCache {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeMap<u64, Dirty>,
    journal: Vec<ContentEntry>,
    /// Pages that a failed sync marked clean, with what they held then.
    stranded: BTreeMap<u64, Vec<u8>>,
    /// When the file system wrote this content back because of a rename over another file.
    written_back: Vec<u64>,
}

impl PageCache {
    /// A file with this content, all of it durable.
    pub fn settled(content: &[u8]) -> PageCache {
        PageCache { live: content.to_vec(), durable: content.to_vec(), ..PageCache::default() }
    }

    /// What a read sees.
    pub fn live(&self) -> &[u8] {
        &self.live
    }

    /// What was durable after the last sync.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// The changes since the durable state, in order.
    pub fn journal(&self) -> &[ContentEntry] {
        &self.journal
    }

    /// Pages that reach the disk only together with a later write to them.
    pub fn stranded(&self) -> &BTreeMap<u64, Vec<u8>> {
        &self.stranded
    }

    /// When the content was written back because of a rename over another file.
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
        self.live.resize(length as usize, 0);
        let whole_pages = length.div_ceil(PAGE);
        self.dirty.retain(|page, _| *page < whole_pages);
        self.stranded.retain(|page, bytes| {
            bytes.truncate(length.saturating_sub(page * PAGE) as usize);
            !bytes.is_empty()
        });
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
        // What was truncated does not come back when the file grows again: it reads as zeros.
        self.durable.truncate(self.shortest_before(mark) as usize);
        self.durable.resize(mark.length as usize, 0);
        for page in covered {
            self.stranded.remove(&page);
            let start = (page * PAGE) as usize;
            let end = (start + PAGE as usize).min(self.durable.len()).min(self.live.len());
            if start < end {
                self.durable[start..end].copy_from_slice(&self.live[start..end]);
            }
        }
        self.journal.retain(|entry| entry.sequence >= mark.sequence);
        self.written_back.retain(|sequence| *sequence >= mark.sequence);
    }

    /// The file was renamed over another one. ext4 then writes it back (`auto_da_alloc`) if it has
    /// unallocated blocks; a change within the allocated tail block does not count.
    pub fn renamed_over(&mut self, sequence: u64) {
        let mut allocated = blocks_end(self.durable.len() as u64);
        let unallocated = self.journal.iter().any(|entry| match &entry.change {
            Change::Write { offset, bytes } => offset + bytes.len() as u64 > allocated,
            Change::Resize { length } => {
                allocated = allocated.min(blocks_end(*length));
                false
            }
        });
        if unallocated {
            self.written_back.push(sequence);
        }
    }

    /// The shortest that the file has been since the last sync.
    fn shortest_before(&self, mark: Mark) -> u64 {
        let covered = self.journal.iter().take_while(|entry| entry.sequence < mark.sequence);
        let lengths = covered.filter_map(|entry| match entry.change {
            Change::Resize { length } => Some(length),
            Change::Write { .. } => None,
        });
        lengths.min().unwrap_or(u64::MAX)
    }

    /// A sync that was called at `mark` fails.
    pub fn sync_failed(&mut self, mark: Mark, model: SyncErrors) {
        if model == SyncErrors::Clean {
            for page in self.take_dirty(mark) {
                let start = ((page * PAGE) as usize).min(self.live.len());
                let end = (start + PAGE as usize).min(self.live.len());
                self.stranded.insert(page, self.live[start..end].to_vec());
            }
            // The size is metadata: a failure to write data does not affect it.
            self.journal.retain(|entry| {
                entry.sequence >= mark.sequence || matches!(entry.change, Change::Resize { .. })
            });
        }
    }

    /// Everything so far is durable.
    pub fn settle(&mut self) {
        self.durable.clone_from(&self.live);
        self.dirty.clear();
        self.journal.clear();
        self.stranded.clear();
        self.written_back.clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[&str]) -> PageCache {
        let mut file = PageCache::default();
        for (n, part) in parts.iter().enumerate() {
            file.write(n as u64, file.len(), part.as_bytes());
        }
        file
    }

    #[test]
    fn a_sync_covers_what_was_written_when_it_was_called() {
        let mut file = written(&["one"]);
        let mark = file.mark(1);
        file.write(1, 3, b"two");
        file.synced(mark);
        assert_eq!(file.durable(), b"one");
        assert_eq!(file.live(), b"onetwo");
        file.synced(file.mark(2));
        assert_eq!(file.durable(), b"onetwo");
    }

    #[test]
    fn a_failed_sync_loses_the_page_until_it_is_written_again() {
        let mut file = written(&["one"]);
        file.sync_failed(file.mark(1), SyncErrors::Clean);
        file.synced(file.mark(1));
        assert_eq!(file.durable(), b"\0\0\0", "the second sync finds nothing to write");
        file.write(1, 3, b"two");
        file.synced(file.mark(2));
        assert_eq!(file.durable(), b"onetwo", "an append to the same page rescues it");
    }

    #[test]
    fn a_failed_sync_may_keep_the_page_dirty() {
        let mut file = written(&["one"]);
        file.sync_failed(file.mark(1), SyncErrors::Dirty);
        file.synced(file.mark(1));
        assert_eq!(file.durable(), b"one");
    }

    #[test]
    fn a_truncation_is_durable_only_after_a_sync() {
        let mut file = written(&["onetwo"]);
        file.synced(file.mark(1));
        file.resize(1, 3);
        assert_eq!((file.live(), file.durable()), (&b"one"[..], &b"onetwo"[..]));
        file.synced(file.mark(2));
        assert_eq!(file.durable(), b"one");
    }
}
