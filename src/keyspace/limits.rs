//! Up to which size a value keeps its compact encoding.
//!
//! Must not know: the values.

use crate::generation::Compact;

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
        }
    }
}
