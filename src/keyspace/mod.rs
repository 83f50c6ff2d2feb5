//! The dataset: databases, keys, values and expiry times.
//!
//! Everything that walks the keys (a rewrite, KEYS, DEBUG DIGEST) does so in one order in every
//! run: that in which they came, except that the youngest takes the place of a key that was
//! removed.
//! Must not know: how anything gets to disk.

pub mod access;
pub mod digest;
pub mod expire;
mod hash;
pub mod interest;
mod random;
mod set;
mod string;
mod zset;

use std::collections::VecDeque;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use access::{Access, Object};
pub use hash::Hash;
use interest::Interest;
pub use random::Random;
pub use set::Set;
pub use string::StringValue;
pub use zset::{Inserted, ZSet};

/// A key, a member or a value: bytes without any encoding.
pub type Bytes = Vec<u8>;
pub type BytesMap<V> = IndexMap<Bytes, V, FxBuildHasher>;
pub type BytesSet = IndexSet<Bytes, FxBuildHasher>;

/// Up to where Redis keeps a value in its compact encoding: the directives of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
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
            hash_max_ziplist_entries: 512,
            hash_max_ziplist_value: 64,
            set_max_intset_entries: 512,
            zset_max_ziplist_entries: 128,
            zset_max_ziplist_value: 64,
            list_max_ziplist_size: -2,
        }
    }
}

/// What a key holds. Values remember which encoding Redis would have given them, because what
/// OBJECT says and what is written to an RDB file depends on it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    String(StringValue),
    List(VecDeque<Bytes>),
    Set(Set),
    Hash(Hash),
    ZSet(ZSet),
}

/// What Redis 6.0 has allocated when it has no keys, roughly.
const EMPTY_SERVER_MEMORY: u64 = 860_000;

impl Value {
    /// A string in its smallest encoding.
    pub fn string(bytes: impl Into<Bytes>) -> Value {
        Value::String(StringValue::encoded(bytes.into()))
    }

    /// The name that TYPE answers with.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Hash(_) => "hash",
            Value::ZSet(_) => "zset",
        }
    }

    /// How many bytes its strings have, with eight for an integer or a score.
    fn payload(&self) -> usize {
        match self {
            Value::String(bytes) => bytes.len(),
            Value::List(list) => list.iter().map(Vec::len).sum(),
            Value::Set(set) => match set.integers() {
                Some(integers) => integers.len() * 8,
                None => set.iter().map(|member| member.len()).sum(),
            },
            Value::Hash(hash) => hash.iter().map(|(field, value)| field.len() + value.len()).sum(),
            Value::ZSet(zset) => zset.iter().map(|(member, _)| member.len() + 8).sum(),
        }
    }

    /// How many keys share it, as Redis counts: small integers are shared by all who ask, other
    /// values by nobody.
    pub fn refcount(&self) -> i64 {
        match self {
            Value::String(string) if string.is_shared() => i64::from(i32::MAX),
            _ => 1,
        }
    }

    /// The name that OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::String(string) => string.encoding(),
            Value::List(_) => "quicklist",
            Value::Set(set) if set.is_intset() => "intset",
            Value::Set(_) => "hashtable",
            Value::Hash(hash) if hash.is_ziplist() => "ziplist",
            Value::Hash(_) => "hashtable",
            Value::ZSet(zset) if zset.is_ziplist() => "ziplist",
            Value::ZSet(_) => "skiplist",
        }
    }
}

/// One database: what `SELECT n` selects.
#[derive(Clone, Debug, Default)]
pub struct Db {
    /// Every key with its value.
    pub dict: BytesMap<Object>,
    /// When keys end, in milliseconds since the epoch, for those that do.
    pub expires: BytesMap<i64>,
}

impl Db {
    /// Removes a key with its expiry time; whether it was there (Redis: `dbSyncDelete`).
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.expires.swap_remove(key);
        self.dict.swap_remove(key).is_some()
    }

    /// Whether a key is past its time (Redis: `keyIsExpired`; nothing is while loading, and the
    /// callers know about that).
    pub fn is_expired(&self, key: &[u8], now_ms: i64) -> bool {
        self.expires.get(key).is_some_and(|&when| now_ms > when)
    }

    /// Sets a key, and forgets its expiry time unless that is to be kept (Redis: `genericSetKey`).
    pub fn set(&mut self, key: &[u8], object: impl Into<Object>, keep_ttl: bool) {
        match self.dict.get_mut(key) {
            Some(slot) => *slot = object.into(),
            None => {
                self.dict.insert(key.to_vec(), object.into());
            }
        }
        if !keep_ttl {
            self.expires.swap_remove(key);
        }
    }

    /// Sets when an existing key ends.
    pub fn set_expire(&mut self, key: &[u8], when_ms: i64) {
        self.expires.insert(key.to_vec(), when_ms);
    }

    /// Removes everything; how many keys that were.
    pub fn clear(&mut self) -> usize {
        let removed = self.dict.len();
        self.dict.clear();
        self.expires.clear();
        removed
    }
}

/// All databases.
#[derive(Clone, Debug)]
pub struct Keyspace {
    pub dbs: Vec<Db>,
    /// Which values are kept compact.
    pub limits: Limits,
    /// Where choices at random come from.
    pub random: Random,
    /// Who wants to hear of which keys.
    pub interest: Interest,
    /// How values were used.
    pub access: Access,
}

impl Keyspace {
    /// `count` empty databases.
    pub fn new(count: usize) -> Self {
        Keyspace {
            dbs: vec![Db::default(); count],
            limits: Limits::default(),
            random: Random::default(),
            interest: Interest::default(),
            access: Access::default(),
        }
    }

    /// About how many bytes Redis would have allocated for this dataset: what an empty server has,
    /// and the bytes of keys and values.
    pub fn used_memory(&self) -> u64 {
        let pairs = self.dbs.iter().flat_map(|db| &db.dict);
        let payload: usize = pairs.map(|(key, value)| key.len() + value.payload()).sum();
        EMPTY_SERVER_MEMORY + payload as u64
    }

    /// Empties every database; how many keys that were (Redis: `emptyDb(-1)`).
    pub fn clear(&mut self) -> usize {
        self.dbs.iter_mut().map(Db::clear).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_after_its_millisecond() {
        let mut db = Db::default();
        db.set(b"a", Value::string(*b"1"), false);
        db.set_expire(b"a", 1000);
        assert!(!db.is_expired(b"a", 1000));
        assert!(db.is_expired(b"a", 1001));
    }

    #[test]
    fn setting_and_deleting_forget_the_expiry_time() {
        let mut db = Db::default();
        let value = || Value::string(*b"1");
        db.set(b"a", value(), false);
        db.set_expire(b"a", 1000);
        db.set(b"a", value(), true);
        assert_eq!(db.expires.len(), 1);
        db.set(b"a", value(), false);
        assert_eq!(db.expires.len(), 0);
        db.set_expire(b"a", 1000);
        assert!(db.delete(b"a"));
        assert!(!db.delete(b"a"));
        assert_eq!(db.expires.len(), 0);
    }
}
