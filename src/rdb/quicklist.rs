//! Splits a list into ziplists (Redis: quicklist.c).
//!
//! Redis stores a list as such nodes and writes them unchanged. Here they are recreated each time
//! as if all elements had been pushed at the tail; for a list that was pushed at the head, Redis'
//! nodes differ.
//! Must not know: files.

use super::ziplist::Ziplist;
use crate::keyspace::Bytes;

/// Node sizes in bytes for -1, -2, …
const LEVELS: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// Most bytes of a node whose limit is a number of elements.
const SIZE_SAFETY_LIMIT: usize = 8192;

/// The nodes of a list under `list-max-ziplist-size` `fill`.
pub fn nodes<'l>(list: impl Iterator<Item = &'l Bytes>, fill: i32) -> Vec<Ziplist> {
    let mut nodes: Vec<Ziplist> = Vec::new();
    for element in list {
        match nodes.last_mut() {
            Some(node) if allows_insert(node, element.len(), fill) => node.push(element),
            _ => {
                let mut node = Ziplist::default();
                node.push(element);
                nodes.push(node);
            }
        }
    }
    nodes
}

/// Redis: `_quicklistNodeAllowInsert`.
fn allows_insert(node: &Ziplist, len: usize, fill: i32) -> bool {
    let previous_len = if len < 254 { 1 } else { 5 };
    let own_len = match len {
        0..=63 => 1,
        64..=16383 => 2,
        _ => 5,
    };
    let size = node.blob_len() + len + previous_len + own_len;
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
        nodes(list.iter(), fill).iter().map(Ziplist::len).collect()
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
