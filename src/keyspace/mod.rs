//! The dataset: databases, keys, values and expiry times.
//!
//! Everything that walks the keys (a rewrite, KEYS, DEBUG DIGEST) does so in one order in every
//! run: that in which they came, except that the youngest takes the place of a key that was
//! removed.
//! Must not know: how anything gets to disk.

pub mod access;
mod bytes;
pub mod digest;
pub mod expire;
mod hash;
pub mod interest;
mod limits;
mod random;
mod set;
mod string;
mod value;
mod zset;

use access::{Access, Object};
pub use bytes::{Bytes, BytesMap, BytesSet};
pub use hash::Hash;
use interest::Interest;
pub use limits::Limits;
pub use random::Random;
pub use set::Set;
pub use string::StringValue;
pub use value::Value;
pub use zset::{Inserted, ZSet};

/// What Redis 6.0 has allocated when it has no keys, roughly.
const EMPTY_SERVER_MEMORY: u64 = 860_000;

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
