//! What a handler works on: the dataset, its client's session, and the time of the command (Redis:
//! the lookups of db.c).
//!
//! Must not know: what the commands are.

use std::collections::VecDeque;

use super::failure::Failure;
use super::session::Session;
use crate::keyspace::access::Object;
use crate::keyspace::{Bytes, Db, Hash, Keyspace, Set, Stream, StringValue, Value, ZSet};

/// What a command did besides its reply.
#[derive(Debug, Default)]
pub struct Effects {
    /// Number of changes; a command without any is not propagated (Redis: `server.dirty`).
    pub dirty: u64,
    /// Expired keys that were deleted on lookup, with their database. Each is propagated as a DEL
    /// before the command itself.
    pub expired: Vec<(usize, Bytes)>,
    /// What to propagate instead of the command; several commands become one transaction (Redis:
    /// `rewriteClientCommandVector`, `alsoPropagate`).
    pub rewritten: Option<Vec<Vec<Bytes>>>,
    /// The commands instead are no transaction, although there may be several.
    pub apart: bool,
    /// All databases were emptied, so the snapshot has to be replaced too.
    pub flushed_all: bool,
    /// Propagated even if nothing was changed (Redis: `forceCommandPropagation`).
    pub forced: bool,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
}

impl Effects {
    /// Propagates this one command instead.
    pub fn replace_with<const N: usize>(&mut self, words: [&[u8]; N]) {
        self.rewritten = Some(vec![words.map(<[u8]>::to_vec).to_vec()]);
    }
}

/// What a handler works on.
pub struct Context<'a> {
    pub keyspace: &'a mut Keyspace,
    pub session: &'a mut Session,
    /// When the command started, in microseconds since the epoch; constant while it runs.
    pub now_us: i64,
    /// The AOF is being loaded. Nothing expires meanwhile: the file contains its own DELs.
    pub loading: bool,
    pub effects: Effects,
}

impl<'a> Context<'a> {
    pub fn new(
        keyspace: &'a mut Keyspace,
        session: &'a mut Session,
        now_us: i64,
        loading: bool,
    ) -> Self {
        let effects = Effects::default();
        Context { keyspace, session, now_us, loading, effects }
    }

    pub fn now_ms(&self) -> i64 {
        self.now_us / 1000
    }

    /// The selected database.
    pub fn db(&mut self) -> &mut Db {
        &mut self.keyspace.dbs[self.session.db]
    }

    /// Counts changes.
    pub fn changed(&mut self, count: usize) {
        self.effects.dirty += count as u64;
    }

    /// Counts changes of a key and marks clients that watch it (Redis: `signalModifiedKey`).
    pub fn modified(&mut self, key: &[u8], count: usize) {
        self.changed(count);
        self.touched(key);
    }

    /// Marks the clients that watch a key.
    pub fn touched(&mut self, key: &[u8]) {
        self.keyspace.interest.touch_watched_key(self.session.db, key);
    }

    /// Deletes a key that has expired (Redis: `expireIfNeeded`).
    pub fn expire_if_needed(&mut self, key: &[u8]) {
        self.expire_in(self.session.db, key);
    }

    /// The same in any database. Returns whether it was deleted.
    pub fn expire_in(&mut self, db: usize, key: &[u8]) -> bool {
        if self.loading || !self.keyspace.dbs[db].is_expired(key, self.now_us / 1000) {
            return false;
        }
        self.keyspace.dbs[db].delete(key);
        self.keyspace.interest.touch_watched_key(db, key);
        self.effects.expired.push((db, key.to_vec()));
        true
    }

    /// The value of a key for a command that only reads (Redis: `lookupKeyRead`).
    pub fn read(&mut self, key: &[u8]) -> Option<&Value> {
        self.look_up(key, true)
    }

    /// The same without touching the value's LRU or LFU data (Redis: `LOOKUP_NOTOUCH`).
    pub fn peek(&mut self, key: &[u8]) -> Option<&Value> {
        self.look_up(key, false)
    }

    fn look_up(&mut self, key: &[u8], use_it: bool) -> Option<&Value> {
        self.expire_if_needed(key);
        let Keyspace { dbs, access, random, .. } = &mut *self.keyspace;
        let Some(object) = dbs[self.session.db].dict.get_mut(key) else {
            self.effects.keyspace_misses += 1;
            return None;
        };
        self.effects.keyspace_hits += 1;
        if use_it {
            access.record_use(object, random);
        }
        Some(&object.value)
    }

    /// The value of a key for a command that may change it (Redis: `lookupKeyWrite`).
    pub fn write(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.expire_if_needed(key);
        let Keyspace { dbs, access, random, .. } = &mut *self.keyspace;
        let object = dbs[self.session.db].dict.get_mut(key)?;
        access.record_use(object, random);
        Some(&mut object.value)
    }

    /// Adds a key that does not exist (Redis: `dbAdd`).
    pub fn add(&mut self, key: &[u8], value: Value) {
        let object = self.keyspace.access.object(value);
        self.add_in(self.session.db, key, object);
    }

    /// The same in any database. Clients block on lists, sorted sets and streams only.
    pub fn add_in(&mut self, db: usize, key: &[u8], object: Object) {
        if matches!(object.value, Value::List(_) | Value::ZSet(_) | Value::Stream(_)) {
            self.keyspace.interest.signal_key_as_ready(db, key);
        }
        self.keyspace.dbs[db].dict.insert(key.to_vec(), object);
    }

    /// Sets a key whether it exists or not (Redis: `genericSetKey`).
    pub fn set(&mut self, key: &[u8], value: Value, keep_ttl: bool) {
        self.write(key);
        self.put(key, value, keep_ttl);
    }

    /// The same for a key that was looked up already.
    pub fn put(&mut self, key: &[u8], value: Value, keep_ttl: bool) {
        let Keyspace { dbs, access, .. } = &mut *self.keyspace;
        let db = &mut dbs[self.session.db];
        let Some(object) = db.dict.get_mut(key) else {
            return self.add(key, value);
        };
        access.overwrite(object, value);
        if !keep_ttl {
            db.expires.swap_remove(key);
        }
    }

    /// The value of a key, which is created if needed.
    fn write_or_add(&mut self, key: &[u8], make: impl FnOnce() -> Value) -> &mut Value {
        if self.write(key).is_none() {
            self.add(key, make());
        }
        &mut self.db().dict.get_mut(key).expect("it was there or was added").value
    }

    /// Replaces a key by a computed value, or deletes it if there is none. Returns whether the key
    /// existed.
    pub fn store(&mut self, key: &[u8], value: Option<Value>) -> bool {
        self.expire_if_needed(key);
        let deleted = self.db().delete(key);
        if let Some(value) = value {
            self.add(key, value);
        }
        deleted
    }

    /// The string at a key, to be changed in place; a new one if the key does not exist. The caller
    /// has checked the type. A shared or encoded string is replaced by a raw copy (Redis:
    /// `dbUnshareStringValue`).
    pub fn string_in_place(&mut self, key: &[u8]) -> &mut Bytes {
        if !self.db().dict.contains_key(key) {
            self.add(key, Value::String(StringValue::empty()));
        }
        let Keyspace { dbs, access, limits, .. } = &mut *self.keyspace;
        let object = dbs[self.session.db].dict.get_mut(key).expect("it was there or was added");
        if object.encoding(limits.compact) != "raw" {
            let copy = object.value.clone();
            access.overwrite(object, copy);
        }
        match &mut object.value {
            Value::String(string) => string.unshare(),
            _ => unreachable!("the caller looked it up as a string"),
        }
    }

    /// Deletes a key whose value has become empty.
    pub fn delete_if(&mut self, empty: bool, key: &[u8]) {
        if empty {
            self.db().delete(key);
        }
    }
}

/// Declares three functions that look a key up as one type: None if the key does not exist, an
/// error if it has another type. The third creates the key.
macro_rules! typed {
    ($read:ident, $write:ident, $write_or_add:ident, $variant:ident, $type:ty) => {
        impl Context<'_> {
            pub fn $read(&mut self, key: &[u8]) -> Result<Option<&$type>, Failure> {
                match self.read(key) {
                    None => Ok(None),
                    Some(Value::$variant(value)) => Ok(Some(value)),
                    Some(_) => Err(Failure::wrong_type()),
                }
            }

            pub fn $write(&mut self, key: &[u8]) -> Result<Option<&mut $type>, Failure> {
                match self.write(key) {
                    None => Ok(None),
                    Some(Value::$variant(value)) => Ok(Some(value)),
                    Some(_) => Err(Failure::wrong_type()),
                }
            }

            pub fn $write_or_add(
                &mut self,
                key: &[u8],
                make: impl FnOnce() -> $type,
            ) -> Result<&mut $type, Failure> {
                match self.write_or_add(key, || Value::$variant(make())) {
                    Value::$variant(value) => Ok(value),
                    _ => Err(Failure::wrong_type()),
                }
            }
        }
    };
}

typed!(read_string, write_string, string_or_add, String, StringValue);
typed!(read_list, write_list, list_or_add, List, VecDeque<Bytes>);
typed!(read_set, write_set, set_or_add, Set, Set);
typed!(read_hash, write_hash, hash_or_add, Hash, Hash);
typed!(read_zset, write_zset, zset_or_add, ZSet, ZSet);
typed!(read_stream, write_stream, stream_or_add, Stream, Stream);
