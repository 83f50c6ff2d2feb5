//! What about a file has to go into the log of the file system when it is synced.
//!
//! Must not know: what is in the log already.

#[cfg(test)]
mod tests;

use super::{Change, Mark, PageCache, blocks_end};

/// What a sync needs the log of the file system for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: the file is clean, or was overwritten in place.
    Nothing,
    /// A change of size that was made under this sequence number, if it is not in the log yet.
    Change(u64),
    /// Blocks that the sync allocates itself.
    NewBlocks,
}

impl PageCache {
    /// What a sync that is called at `mark` needs the log of the file system for.
    pub fn needs_log(&self, mark: Mark) -> Needs {
        let mut durable = self.durable.len() as u64;
        let mut blocks = self.allocated;
        let (mut new_blocks, mut last) = (false, None);
        for entry in self.journal.iter().take_while(|entry| entry.sequence < mark.sequence) {
            match &entry.change {
                Change::Write { offset, bytes } => {
                    let end = offset + bytes.len() as u64;
                    new_blocks |= end > blocks && entry.sequence >= self.begun;
                    if end > durable {
                        last = Some(entry.sequence);
                    }
                }
                Change::Extend { end, .. } => {
                    blocks = blocks.max(blocks_end(*end));
                    if *end > durable {
                        // Its size may be in the log.
                        (durable, last) = (*end, Some(entry.sequence));
                    }
                }
                Change::Resize { length } => {
                    // What was never allocated and is gone needs no block.
                    new_blocks &= *length > blocks;
                    blocks = blocks.min(blocks_end(*length));
                    if *length == durable {
                        last = None;
                    } else {
                        last = Some(entry.sequence);
                    }
                }
            }
        }
        if new_blocks {
            return Needs::NewBlocks;
        }
        last.map_or(Needs::Nothing, Needs::Change)
    }
}
