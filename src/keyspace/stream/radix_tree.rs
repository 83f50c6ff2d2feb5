//! How many nodes Redis' radix tree has for the nodes of a stream, as XINFO shows (Redis: rax.c).
//!
//! The keys are ids of 16 bytes. A run of bytes without a fork is one node, a fork is one, and the
//! end of a key is one.
//! Must not know: what is in the nodes.

use super::{Stream, StreamId};

impl Stream {
    pub fn radix_tree_nodes(&self) -> usize {
        let keys: Vec<[u8; 16]> = self.nodes.keys().copied().map(StreamId::to_bytes).collect();
        if keys.is_empty() { 1 } else { below(&keys, 0) }
    }
}

/// The nodes for keys in order that agree in their first `depth` bytes.
fn below(keys: &[[u8; 16]], depth: usize) -> usize {
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    let fork = (depth..first.len()).find(|&place| first[place] != last[place]);
    let Some(fork) = fork else {
        // The rest of the one key, and its end.
        return usize::from(depth < first.len()) + 1;
    };
    let run = usize::from(fork > depth);
    let children = keys.chunk_by(|one, other| one[fork] == other[fork]);
    run + 1 + children.map(|keys| below(keys, fork + 1)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> [u8; 16] {
        let mut key = [0; 16];
        key[16 - bytes.len()..].copy_from_slice(bytes);
        key
    }

    #[test]
    fn runs_forks_and_ends_are_counted() {
        assert_eq!(Stream::default().radix_tree_nodes(), 1);
        assert_eq!(below(&[key(b"a")], 0), 2);
        // A run, a fork in the last byte, two ends.
        assert_eq!(below(&[key(b"a"), key(b"b")], 0), 4);
        // A run, a fork, and below it two runs with their ends.
        assert_eq!(below(&[key(b"axx"), key(b"bxx")], 0), 6);
        assert_eq!(below(&[key(b"aa"), key(b"ab"), key(b"ba")], 0), 7);
    }
}
