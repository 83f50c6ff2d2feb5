//! The clients that watch a key (WATCH) or are blocked on it (BLPOP and others) (Redis:
//! `db->watched_keys`, `db->blocking_keys`, `server.ready_keys`).
//!
//! Clients are referred to by id. Must not know: what a transaction is, or how a client is
//! unblocked.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::Bytes;

/// A key with its database.
pub type DbKey = (usize, Bytes);

/// All watched keys and all keys that clients are blocked on.
#[derive(Clone, Debug, Default)]
pub struct KeyInterest {
    watchers: BTreeMap<DbKey, Vec<u64>>,
    watched: BTreeMap<u64, Vec<DbKey>>,
    /// Clients with a watched key that has changed (Redis: `CLIENT_DIRTY_CAS`).
    touched: BTreeSet<u64>,
    /// In the order in which they came.
    waiting: BTreeMap<DbKey, Vec<u64>>,
    /// Keys that got a value while a client is blocked on them, each once.
    ready: Vec<DbKey>,
}

impl KeyInterest {
    /// Watches a key; repeating it has no effect (Redis: `watchForKey`).
    pub fn watch_for_key(&mut self, client: u64, db: usize, key: &[u8]) {
        let db_key = (db, key.to_vec());
        let watched = self.watched.entry(client).or_default();
        if !watched.contains(&db_key) {
            watched.push(db_key.clone());
            self.watchers.entry(db_key).or_default().push(client);
        }
    }

    /// Drops a client's watched keys and whether they changed (Redis: `unwatchAllKeys`).
    pub fn unwatch_all_keys(&mut self, client: u64) {
        for db_key in self.watched.remove(&client).unwrap_or_default() {
            remove(&mut self.watchers, &db_key, client);
        }
        self.touched.remove(&client);
    }

    /// Marks the clients that watch a changed key (Redis: `touchWatchedKey`).
    pub fn touch_watched_key(&mut self, db: usize, key: &[u8]) {
        if !self.watchers.is_empty()
            && let Some(clients) = self.watchers.get(&(db, key.to_vec()))
        {
            self.touched.extend(clients);
        }
    }

    /// Marks the clients that watch one of the keys about to be removed, by `removed` (Redis:
    /// `touchWatchedKeysOnFlush`).
    pub fn touch_watched_keys_on_flush(&mut self, removed: impl Fn(usize, &[u8]) -> bool) {
        for ((db, key), clients) in &self.watchers {
            if removed(*db, key) {
                self.touched.extend(clients);
            }
        }
    }

    /// Whether a key that the client watches has changed.
    pub fn is_dirty_cas(&self, client: u64) -> bool {
        self.touched.contains(&client)
    }

    /// Blocks a client on a key (Redis: `blockForKeys`).
    pub fn block_for_key(&mut self, client: u64, db: usize, key: &[u8]) {
        let queue = self.waiting.entry((db, key.to_vec())).or_default();
        if !queue.contains(&client) {
            queue.push(client);
        }
    }

    /// Unblocks a client from all keys (Redis: `unblockClientWaitingData`).
    pub fn unblock(&mut self, client: u64) {
        self.waiting.retain(|_, clients| {
            clients.retain(|&waiting| waiting != client);
            !clients.is_empty()
        });
    }

    /// Whether any client is blocked on a key.
    pub fn is_anyone_blocked(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The clients blocked on a key, the longest-waiting first.
    pub fn blocked_on(&self, db_key: &DbKey) -> &[u64] {
        self.waiting.get(db_key).map_or(&[], Vec::as_slice)
    }

    /// A key got a value (Redis: `signalKeyAsReady`).
    pub fn signal_key_as_ready(&mut self, db: usize, key: &[u8]) {
        if self.waiting.is_empty() {
            return;
        }
        let db_key = (db, key.to_vec());
        if self.waiting.contains_key(&db_key) && !self.ready.contains(&db_key) {
            self.ready.push(db_key);
        }
    }

    /// The same for each key that a client is blocked on, by `has_value` (Redis:
    /// `scanDatabaseForReadyKeys`).
    pub fn signal_keys_as_ready(&mut self, has_value: impl Fn(usize, &[u8]) -> bool) {
        let keys = self.waiting.keys().filter(|(db, key)| has_value(*db, key));
        for (db, key) in keys.cloned().collect::<Vec<_>>() {
            self.signal_key_as_ready(db, &key);
        }
    }

    /// The keys that became ready since the last call, in order.
    pub fn take_ready_keys(&mut self) -> Vec<DbKey> {
        std::mem::take(&mut self.ready)
    }
}

fn remove(map: &mut BTreeMap<DbKey, Vec<u64>>, db_key: &DbKey, client: u64) {
    if let Some(clients) = map.get_mut(db_key) {
        clients.retain(|&other| other != client);
        if clients.is_empty() {
            map.remove(db_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_learns_of_its_keys_only_and_until_it_looks_away() {
        let mut interest = KeyInterest::default();
        interest.watch_for_key(1, 0, b"a");
        interest.watch_for_key(1, 0, b"a");
        interest.watch_for_key(2, 1, b"a");
        interest.touch_watched_key(0, b"b");
        assert!(!interest.is_dirty_cas(1));
        interest.touch_watched_key(0, b"a");
        assert!(interest.is_dirty_cas(1) && !interest.is_dirty_cas(2));
        interest.unwatch_all_keys(1);
        interest.touch_watched_key(0, b"a");
        assert!(!interest.is_dirty_cas(1));
        interest.touch_watched_keys_on_flush(|db, _| db == 1);
        assert!(interest.is_dirty_cas(2));
    }

    #[test]
    fn keys_are_ready_once_and_only_for_those_who_wait() {
        let mut interest = KeyInterest::default();
        interest.block_for_key(2, 0, b"a");
        interest.block_for_key(1, 0, b"a");
        interest.signal_key_as_ready(0, b"b");
        interest.signal_key_as_ready(0, b"a");
        interest.signal_key_as_ready(0, b"a");
        let key = (0, b"a".to_vec());
        assert_eq!(interest.take_ready_keys(), std::slice::from_ref(&key));
        assert_eq!(interest.blocked_on(&key), [2, 1]);
        interest.unblock(2);
        interest.unblock(1);
        interest.signal_key_as_ready(0, b"a");
        assert!(interest.take_ready_keys().is_empty());
    }
}
