//! What a truncation brings to the disk on ext4.
//!
//! The page of the new end gets zeros behind it, and is written before the log has the truncation
//! (`ext4_block_truncate_page`, `fs/ext4/inode.c`), if its block was allocated by then. So what was
//! written to that page before is there too:
//!
//! ```text
//! open 0 a creat; write 0 0 50; fsync 0; write 0 0 10; truncate 0 20; open 1 b creat; fsync 1
//! ```
//!
//! But the new length goes into the log first, and the page by a second transaction of the same
//! call. Where the log ends in between, the old page is found, and mounting cuts it off
//! (`ext4_orphan_cleanup`). `docs/disk.md` has how that was seen. Whatever else the log has of the
//! file came after both.
//!
//! Extending a file does the same to the page of the old end on Linux 6.18. It is not relied on: a
//! lost overwrite is tried there as before. Must not know: modes.

use super::fate::{Blocks, Choice, Fate, GivenUp, outcome};
use super::{FsModel, PowerCut};
use crate::kernel::disk::page_cache::{Change, PAGE, PageCache};

impl PowerCut<'_> {
    /// The same choice with all that truncations bring along.
    pub(super) fn with_truncations(&self, mut choice: Choice) -> Choice {
        if self.fs == FsModel::Ext4 {
            for (file, (_, content)) in self.unsynced.iter().enumerate() {
                let truncations =
                    Truncations { content, committed: self.committed, log: choice.log };
                truncations.bring_along(&mut choice.fates[file], &mut choice.given_up[file]);
            }
        }
        choice
    }
}

/// The truncations of one file.
struct Truncations<'a> {
    content: &'a PageCache,
    committed: u64,
    log: u64,
}

impl Truncations<'_> {
    fn bring_along(&self, fates: &mut [Fate], given_up: &mut GivenUp) {
        let mut blocks = Blocks::of(self.content);
        let mut size = self.content.durable().len() as u64;
        for (n, entry) in self.content.journal().iter().enumerate() {
            match &entry.change {
                Change::Resize { length } => {
                    let is_there = fates[n] == Fate::Kept && self.is_complete(n);
                    if is_there && *length < size && !length.is_multiple_of(PAGE) {
                        self.bring_page(n, length / PAGE, blocks, fates, given_up);
                    }
                    if fates[n] == Fate::Kept {
                        blocks.resized(*length);
                    }
                    size = *length;
                }
                Change::Write { offset, bytes } => {
                    let reach = blocks.reach(*offset, bytes);
                    if let Some((landed, _)) = outcome(reach, fates[n])
                        && landed > *offset
                    {
                        blocks.landed(landed);
                    }
                    size = size.max(reach.end);
                }
                Change::Extend { end, .. } => size = size.max(*end),
            }
        }
    }

    /// Whether all of a truncation that the log has is in there: it is certain, or the log has a
    /// later change of the file.
    fn is_complete(&self, n: usize) -> bool {
        let journal = self.content.journal();
        let is_last = journal.get(n + 1).is_none_or(|next| next.sequence >= self.log);
        journal[n].sequence < self.committed || !is_last
    }

    /// Truncation `n` brings this page as it was, if it had a block.
    fn bring_page(
        &self,
        n: usize,
        page: u64,
        blocks: Blocks,
        fates: &mut [Fate],
        given_up: &mut GivenUp,
    ) {
        let journal = self.content.journal();
        let freed = journal[..n].iter().rposition(
            |entry| matches!(entry.change, Change::Resize { length } if length <= page * PAGE),
        );
        let since = freed.map_or(0, |freed| journal[freed].sequence);
        let sync = self.content.given_up_at(page);
        let stranded = self.content.stranded().contains_key(&page)
            && since < sync
            && sync <= journal[n].sequence;
        if page * PAGE >= blocks.allocated && !(stranded && given_up.landed) {
            return;
        }
        given_up.landed |= stranded;
        for (entry, fate) in journal[..n].iter().zip(fates).skip(freed.map_or(0, |n| n + 1)) {
            if let Change::Write { offset, bytes } = &entry.change
                && (offset / PAGE..(offset + bytes.len() as u64).div_ceil(PAGE)).contains(&page)
            {
                *fate = Fate::Kept;
            }
        }
    }
}
