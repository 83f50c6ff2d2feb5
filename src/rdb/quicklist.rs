//! Splits a list into blocks (Redis: quicklist.c).
//!
//! Redis stores a list as such nodes and writes them unchanged. Here they are recreated each time
//! as if all elements had been pushed at the tail; for a list that was pushed at the head, Redis'
//! nodes differ.
//! Must not know: files.

use super::block::Block;
use crate::keyspace::{Bytes, Limits};

/// Node sizes in bytes for -1, -2, …
const LEVELS: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// Most bytes of a node whose limit is a number of elements.
const SIZE_SAFETY_LIMIT: usize = 8192;

/// The nodes of a list.
pub fn nodes<'l>(list: impl Iterator<Item = &'l Bytes>, limits: &Limits) -> Vec<Block> {
    let fill = limits.list_max_ziplist_size;
    let mut nodes: Vec<Block> = Vec::new();
    for element in list {
        match nodes.last_mut() {
            Some(node) if allows_insert(node, element.len(), fill) => node.push(element),
            _ => {
                let mut node = Block::new(limits.compact);
                node.push(element);
                nodes.push(node);
            }
        }
    }
    nodes
}

/// Redis: `_quicklistNodeAllowInsert`.
fn allows_insert(node: &Block, len: usize, fill: i32) -> bool {
    let size = node.blob_len() + len + node.expected_overhead(len);
    match usize::try_from(fill) {
        Ok(most) => size <= SIZE_SAFETY_LIMIT && node.len() < most,
        Err(_) => {
            let level = fill.unsigned_abs() as usize - 1;
            size <= LEVELS[level.min(LEVELS.len() - 1)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(count: usize, len: usize, fill: i32) -> Vec<usize> {
        let list = vec![vec![b'x'; len]; count];
        let limits = Limits { list_max_ziplist_size: fill, ..Limits::default() };
        nodes(list.iter(), &limits).iter().map(Block::len).collect()
    }

    #[test]
    fn nodes_are_limited_by_size_or_by_number() {
        assert_eq!(lens(3, 5000, -2), [1, 1, 1]);
        assert_eq!(lens(3, 2000, -2), [3]);
        assert_eq!(lens(5, 2000, -2), [4, 1]);
        assert_eq!(lens(5, 2000, -1), [2, 2, 1]);
        assert_eq!(lens(5, 2000, -9), [5]);
        assert_eq!(lens(5, 1, 2), [2, 2, 1]);
        assert_eq!(lens(3, 5000, 100), [1, 1, 1]);
        assert_eq!(lens(0, 1, -2), [0usize; 0]);
    }
}
