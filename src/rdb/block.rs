//! A block of strings in the compact encoding of the generation.
//!
//! Must not know: what is kept in one.

use super::ziplist::Ziplist;
use crate::generation::Compact;
use crate::keyspace::listpack::Listpack;

/// A ziplist or a listpack that is being filled.
pub enum Block {
    Ziplist(Ziplist),
    Listpack(Listpack),
}

impl Block {
    pub fn new(compact: Compact) -> Block {
        match compact {
            Compact::Ziplist => Block::Ziplist(Ziplist::default()),
            Compact::Listpack => Block::Listpack(Listpack::default()),
        }
    }

    pub fn push(&mut self, string: &[u8]) {
        match self {
            Block::Ziplist(block) => block.push(string),
            Block::Listpack(block) => block.push(string),
        }
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        match self {
            Block::Ziplist(block) => block.len(),
            Block::Listpack(block) => block.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the whole block.
    pub fn blob_len(&self) -> usize {
        match self {
            Block::Ziplist(block) => block.blob_len(),
            Block::Listpack(block) => block.blob_len(),
        }
    }

    /// How many bytes more than its own a string of this length is expected to take in a node of a
    /// list (Redis: `_quicklistNodeAllowInsert`).
    pub fn expected_overhead(&self, len: usize) -> usize {
        match self {
            Block::Ziplist(_) => Ziplist::overhead(len),
            Block::Listpack(_) => Listpack::EXPECTED_OVERHEAD,
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Block::Ziplist(block) => block.into_bytes(),
            Block::Listpack(block) => block.into_bytes(),
        }
    }
}
