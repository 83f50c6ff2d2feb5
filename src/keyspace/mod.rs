//! The dataset: databases, keys, values and expiry times (Redis: db.c).
//!
//! Iteration over the keys (a rewrite, KEYS, DEBUG DIGEST) has the same order in every run:
//! insertion order, except that the last key takes the place of a removed one.
//! Must not know: how anything gets to disk.

pub mod access;
mod bytes;
pub mod digest;
pub mod expire;
mod functions;
mod hash;
pub mod interest;
mod limits;
pub mod listpack;
mod random;
mod set;
pub mod stream;
mod string;
mod value;
mod zset;

use crate::generation::{Generation, REDIS_6_0};
use access::{Access, Object};
pub use bytes::{Bytes, BytesMap, BytesSet};
pub use functions::{Functions, RestorePolicy};
pub use hash::Hash;
use interest::KeyInterest;
pub use limits::{Limits, StreamLimits};
pub use random::Random;
pub use set::Set;
pub use stream::{Stream, StreamId};
pub use string::StringValue;
pub use value::Value;
pub use zset::{Inserted, ZSet};

/// Approximate memory of a Redis 6.0 without keys, in bytes.
const EMPTY_SERVER_MEMORY: u64 = 860_000;

/// One database (Redis: `redisDb`).
#[derive(Clone, Debug, Default)]
pub struct Db {
    /// Every key with its value.
    pub dict: BytesMap<Object>,
    /// Expiry times, in milliseconds since the epoch.
    pub expires: BytesMap<i64>,
}

impl Db {
    /// Removes a key with its expiry time. Returns whether it existed (Redis: `dbSyncDelete`).
    pub fn delete(&mut self, key: &[u8]) -> bool {
        self.expires.swap_remove(key);
        self.dict.swap_remove(key).is_some()
    }

    /// Whether a key has expired (Redis: `keyIsExpired`). While loading no key counts as expired;
    /// callers check that.
    pub fn is_expired(&self, key: &[u8], now_ms: i64) -> bool {
        self.expires.get(key).is_some_and(|&when| now_ms > when)
    }

    /// Sets a key, and removes its expiry time unless `keep_ttl` (Redis: `genericSetKey`).
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

    /// Sets the expiry time of an existing key.
    pub fn set_expire(&mut self, key: &[u8], when_ms: i64) {
        self.expires.insert(key.to_vec(), when_ms);
    }

    /// Removes all keys. Returns how many.
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
    /// Which Redis the commands are those of.
    pub generation: &'static Generation,
    pub dbs: Vec<Db>,
    pub functions: Functions,
    /// The limits of the compact encodings.
    pub limits: Limits,
    /// The source of random choices.
    pub random: Random,
    /// Watched keys and blocked clients.
    pub interest: KeyInterest,
    /// Access data.
    pub access: Access,
}

impl Keyspace {
    /// `count` empty databases.
    pub fn new(count: usize) -> Self {
        Keyspace {
            generation: &REDIS_6_0,
            dbs: vec![Db::default(); count],
            functions: Functions::default(),
            limits: Limits::default(),
            random: Random::default(),
            interest: KeyInterest::default(),
            access: Access::default(),
        }
    }

    /// An estimate of Redis' memory for this dataset, in bytes: an empty server plus keys and
    /// values.
    pub fn used_memory(&self) -> u64 {
        let pairs = self.dbs.iter().flat_map(|db| &db.dict);
        let payload: usize = pairs.map(|(key, value)| key.len() + value.payload()).sum();
        EMPTY_SERVER_MEMORY + payload as u64
    }

    /// Swaps the content of two databases. Who watches a key or waits for one stays where it is
    /// (Redis: `dbSwapDatabases`).
    pub fn swap_databases(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        self.dbs.swap(one, other);
        let dbs = &self.dbs;
        let held = |db: usize, key: &[u8]| {
            [one, other].contains(&db)
                && [one, other].iter().any(|&place| dbs[place].dict.contains_key(key))
        };
        self.interest.touch_watched_keys_on_flush(held);
        self.interest.signal_keys_as_ready(|db, key| {
            [one, other].contains(&db) && dbs[db].dict.contains_key(key)
        });
    }

    /// Empties every database. Returns the number of keys removed (Redis: `emptyDb(-1)`).
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
    fn databases_are_swapped_under_those_who_watch_and_wait() {
        let mut keyspace = Keyspace::new(3);
        keyspace.dbs[0].set(b"a", Value::string(*b"1"), false);
        for (client, db, key) in [(1, 0, b"a"), (2, 1, b"a"), (3, 1, b"b"), (4, 2, b"a")] {
            keyspace.interest.watch_for_key(client, db, key);
            keyspace.interest.block_for_key(client, db, key);
        }
        keyspace.swap_databases(0, 0);
        assert!(keyspace.dbs[0].dict.contains_key(&b"a"[..]));
        keyspace.swap_databases(0, 1);
        assert!(keyspace.dbs[1].dict.contains_key(&b"a"[..]));
        let interest = &mut keyspace.interest;
        assert_eq!(
            [1, 2, 3, 4].map(|client| interest.is_dirty_cas(client)),
            [true, true, false, false]
        );
        assert_eq!(interest.take_ready_keys(), [(1, b"a".to_vec())]);
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
