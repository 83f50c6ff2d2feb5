//! Up to which size a value keeps its compact encoding.
//!
//! Must not know: the values.

use super::stream::Node;
use crate::generation::{Compact, StreamForm};

/// The limits of Redis' compact encodings: the directives of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Which encoding that is.
    pub compact: Compact,
    pub hash_max_ziplist_entries: usize,
    /// In bytes, of a field or a value.
    pub hash_max_ziplist_value: usize,
    pub set_max_intset_entries: usize,
    pub zset_max_ziplist_entries: usize,
    /// In bytes, of a member.
    pub zset_max_ziplist_value: usize,
    /// Elements of one node of a list, or -1 to -5 for 4 KiB to 64 KiB.
    pub list_max_ziplist_size: i32,
    pub stream: StreamLimits,
}

impl Limits {
    /// A score as the compact encoding keeps it. A listpack has whole numbers as integers, which
    /// have no -0.
    pub(super) fn compact_score(&self, score: f64) -> f64 {
        match self.compact {
            Compact::Listpack if score == 0.0 => 0.0,
            _ => score,
        }
    }
}

/// How much goes into one node of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    pub form: StreamForm,
    /// 0 for no limit, as below.
    pub node_max_bytes: u64,
    pub node_max_entries: u64,
}

impl StreamLimits {
    /// Whether a node has no room for an entry with this many bytes.
    pub(super) fn is_full(&self, node: &Node, bytes: usize) -> bool {
        let in_the_node = node.blob_len() as u64;
        let (entries, full) = match self.form {
            // Without a limit each entry gets a node of its own.
            StreamForm::Plain => (node.live, in_the_node >= self.node_max_bytes),
            StreamForm::Counted => (node.live.saturating_add(node.deleted), false),
        };
        let most = match self.node_max_bytes {
            0 => NODE_MOST_BYTES,
            bytes => bytes.min(NODE_MOST_BYTES),
        };
        full || in_the_node + bytes as u64 >= most
            || (self.node_max_entries != 0 && entries >= self.node_max_entries)
    }
}

/// Redis: `STREAM_LISTPACK_MAX_SIZE`.
const NODE_MOST_BYTES: u64 = 1 << 30;

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits { form: StreamForm::Plain, node_max_bytes: 4096, node_max_entries: 100 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            compact: Compact::Ziplist,
            hash_max_ziplist_entries: 512,
            hash_max_ziplist_value: 64,
            set_max_intset_entries: 512,
            zset_max_ziplist_entries: 128,
            zset_max_ziplist_value: 64,
            list_max_ziplist_size: -2,
            stream: StreamLimits::default(),
        }
    }
}
