//! Commands executed since the fork of the rewrite child and not yet sent to it (Redis:
//! `aof_rewrite_buf_blocks`, aof.c).
//!
//! It grows at the end, shrinks at the start, and may become large, so it is a list of blocks: one
//! allocation would have to be moved. Must not know: pipes, files, and what the bytes mean.

use std::collections::VecDeque;

use crate::log::Level;

/// Length of a block in bytes.
pub(super) const AOF_RW_BUF_BLOCK_SIZE: usize = 10 * 1024 * 1024;

/// The buffer. No block stays empty after a call.
pub(super) struct RewriteBuffer {
    blocks: VecDeque<Vec<u8>>,
    block_size: usize,
}

impl Default for RewriteBuffer {
    fn default() -> Self {
        RewriteBuffer { blocks: VecDeque::new(), block_size: AOF_RW_BUF_BLOCK_SIZE }
    }
}

impl RewriteBuffer {
    /// Drops everything (Redis: `aofRewriteBufferReset`).
    pub(super) fn reset(&mut self) {
        self.blocks.clear();
    }

    /// Bytes in all blocks (Redis: `aofRewriteBufferSize`).
    pub(super) fn size(&self) -> u64 {
        self.blocks.iter().map(|block| block.len() as u64).sum()
    }

    /// Appends `data`. Every tenth new block announces the size before it, every hundredth as a
    /// warning (Redis: `aofRewriteBufferAppend`).
    pub(super) fn append(&mut self, mut data: &[u8], announce: &mut dyn FnMut(Level, u64)) {
        while !data.is_empty() {
            let room = self.blocks.back().map_or(0, |block| self.block_size - block.len());
            if room == 0 {
                self.add_block(announce);
                continue;
            }
            let (fits, rest) = data.split_at(room.min(data.len()));
            if let Some(block) = self.blocks.back_mut() {
                block.extend_from_slice(fits);
            }
            data = rest;
        }
    }

    fn add_block(&mut self, announce: &mut dyn FnMut(Level, u64)) {
        self.blocks.push_back(Vec::new());
        let count = self.blocks.len() + 1;
        if count.is_multiple_of(10) {
            let level = if count.is_multiple_of(100) { Level::Warning } else { Level::Notice };
            announce(level, self.size());
        }
    }

    /// The first block: what to send next.
    pub(super) fn first(&self) -> Option<&[u8]> {
        self.blocks.front().map(Vec::as_slice)
    }

    /// Drops `count` sent bytes from the first block.
    pub(super) fn consume(&mut self, count: usize) {
        if let Some(block) = self.blocks.front_mut() {
            block.drain(..count.min(block.len()));
            if block.is_empty() {
                self.blocks.pop_front();
            }
        }
    }

    /// All blocks, first to last.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, RewriteBuffer};

    fn buffer(block_size: usize) -> RewriteBuffer {
        RewriteBuffer { block_size, ..RewriteBuffer::default() }
    }

    #[test]
    fn data_fills_blocks_and_leaves_in_order() {
        let mut buffer = buffer(4);
        buffer.append(b"abc", &mut |_, _| {});
        buffer.append(b"defghi", &mut |_, _| {});
        assert_eq!(buffer.blocks().collect::<Vec<_>>(), [b"abcd" as &[u8], b"efgh", b"i"]);
        assert_eq!(buffer.size(), 9);
        buffer.consume(3);
        assert_eq!(buffer.first(), Some(b"d" as &[u8]));
        buffer.consume(1);
        assert_eq!(buffer.first(), Some(b"efgh" as &[u8]));
        buffer.reset();
        assert_eq!((buffer.size(), buffer.first()), (0, None));
    }

    #[test]
    fn room_in_a_half_sent_last_block_is_used_again() {
        let mut buffer = buffer(4);
        buffer.append(b"abcd", &mut |_, _| {});
        buffer.consume(2);
        buffer.append(b"ef", &mut |_, _| {});
        assert_eq!(buffer.blocks().collect::<Vec<_>>(), [b"cdef"]);
    }

    #[test]
    fn every_tenth_block_is_announced_with_the_size_before_it() {
        let mut buffer = buffer(1);
        let mut announced = Vec::new();
        buffer.append(&[0; 100], &mut |level, size| announced.push((level, size)));
        let sizes: Vec<u64> = announced.iter().map(|&(_, size)| size).collect();
        assert_eq!(sizes, [8, 18, 28, 38, 48, 58, 68, 78, 88, 98]);
        assert!(announced[..9].iter().all(|&(level, _)| level == Level::Notice));
        assert_eq!(announced[9].0, Level::Warning);
    }
}
