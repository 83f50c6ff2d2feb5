//! What ext4 leaves on blocks of 1 KiB, where blocks of 4 KiB would leave something else.
//!
//! ext4 changes the size in the log together with a write if the block that the write ends in is
//! allocated (`ext4_da_should_update_i_disksize`, `fs/ext4/inode.c`). With smaller blocks it is
//! allocated less often, and the old size is found:
//!
//! ```text
//! open 0 a creat; write 0 0 900; fsync 0; write 0 900 300; open 1 b creat; write 1 0 1; fsync 1
//! ```
//!
//! Must not know: how much of the log is there.

use super::fate::{Blocks, Fate, Reach, Rest, outcome};
use crate::kernel::disk::page_cache::{Change, PageCache, small_blocks_end};

/// Whether a write begins in a block of 4 KiB that is allocated, and ends in one of 1 KiB that is
/// not, if the file has this size. A write beyond the page counts for what it has of the page.
fn leaves_its_block(reach: Reach, size: u64) -> bool {
    let end = reach.end.min(reach.allocated);
    reach.offset < reach.allocated && small_blocks_end(end) > small_blocks_end(size)
}

/// After how many writes before `log` none leaves its block any more.
pub(super) fn writes_until_all_stay(content: &PageCache, log: u64) -> usize {
    let mut size = content.durable().len() as u64;
    let mut blocks = Blocks::of(content);
    let (mut writes, mut until) = (0, 0);
    for entry in content.journal().iter().take_while(|entry| entry.sequence < log) {
        if let Some((offset, end)) = entry.change.range() {
            let reach = Reach { offset, end, allocated: blocks.allocated };
            if leaves_its_block(reach, size) {
                until = writes + 1;
            }
            size = size.max(end);
        }
        match &entry.change {
            Change::Write { .. } => writes += 1,
            Change::Resize { length } => size = *length,
            Change::Extend { .. } => {}
        }
        blocks.follow(&entry.change);
    }
    until
}

/// Takes back the sizes that such writes have in the log.
pub(super) fn on_small_blocks(content: &PageCache, fates: &mut [Fate]) {
    let mut size = content.durable().len() as u64;
    let mut blocks = Blocks::of(content);
    for (fate, entry) in fates.iter_mut().zip(content.journal()) {
        let Some((offset, end)) = entry.change.range() else {
            if let (Change::Resize { length }, Fate::Kept) = (&entry.change, &fate) {
                size = *length;
                blocks.resized(*length);
            }
            continue;
        };
        let reach = Reach { offset, end, allocated: blocks.allocated };
        if *fate == Fate::Sized(Rest::InBlock) && leaves_its_block(reach, size) {
            *fate = Fate::Dropped;
        }
        if let Some((landed, its)) = outcome(reach, *fate) {
            size = size.max(its);
            if landed > offset {
                blocks.landed(landed);
            }
        }
    }
}
