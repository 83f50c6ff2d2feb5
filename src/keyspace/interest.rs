//! Who wants to hear of a key: those that watch it (WATCH) and those that wait for it (BLPOP and
//! its relatives) (Redis: `db->watched_keys`, `db->blocking_keys`, `server.ready_keys`).
//!
//! Clients are numbers here. Must not know: what a transaction is, or how a client is woken.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::Bytes;

/// A key with its database.
pub type DbKey = (usize, Bytes);

/// All that is watched and waited for.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    watchers: BTreeMap<DbKey, Vec<u64>>,
    watched: BTreeMap<u64, Vec<DbKey>>,
    /// Clients with a watched key that was changed since (Redis: `CLIENT_DIRTY_CAS`).
    touched: BTreeSet<u64>,
    /// In the order in which they came.
    waiting: BTreeMap<DbKey, Vec<u64>>,
    /// Keys that came to be while somebody waits for them, each once.
    ready: Vec<DbKey>,
}

impl Interest {
    /// Watches a key; once more makes no difference (Redis: `watchForKey`).
    pub fn watch(&mut self, client: u64, db: usize, key: &[u8]) {
        let db_key = (db, key.to_vec());
        let watched = self.watched.entry(client).or_default();
        if !watched.contains(&db_key) {
            watched.push(db_key.clone());
            self.watchers.entry(db_key).or_default().push(client);
        }
    }

    /// Forgets what a client watched, and whether that was changed (Redis: `unwatchAllKeys`).
    pub fn unwatch_all(&mut self, client: u64) {
        for db_key in self.watched.remove(&client).unwrap_or_default() {
            remove(&mut self.watchers, &db_key, client);
        }
        self.touched.remove(&client);
    }

    /// A key was changed (Redis: `touchWatchedKey`).
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if !self.watchers.is_empty()
            && let Some(clients) = self.watchers.get(&(db, key.to_vec()))
        {
            self.touched.extend(clients);
        }
    }

    /// Keys are about to be removed at once: those for which `removed` says so (Redis:
    /// `touchWatchedKeysOnFlush`).
    pub fn touch_all(&mut self, removed: impl Fn(usize, &[u8]) -> bool) {
        for ((db, key), clients) in &self.watchers {
            if removed(*db, key) {
                self.touched.extend(clients);
            }
        }
    }

    /// Whether a key that the client watches was changed.
    pub fn is_touched(&self, client: u64) -> bool {
        self.touched.contains(&client)
    }

    /// Puts a client in the queue for a key.
    pub fn wait_for(&mut self, client: u64, db: usize, key: &[u8]) {
        let queue = self.waiting.entry((db, key.to_vec())).or_default();
        if !queue.contains(&client) {
            queue.push(client);
        }
    }

    /// Takes a client out of all queues.
    pub fn stop_waiting(&mut self, client: u64) {
        self.waiting.retain(|_, clients| {
            clients.retain(|&waiting| waiting != client);
            !clients.is_empty()
        });
    }

    /// Who waits for a key, the first first.
    pub fn waiting_for(&self, db_key: &DbKey) -> &[u64] {
        self.waiting.get(db_key).map_or(&[], Vec::as_slice)
    }

    /// A key came to be (Redis: `signalKeyAsReady`).
    pub fn key_ready(&mut self, db: usize, key: &[u8]) {
        if self.waiting.is_empty() {
            return;
        }
        let db_key = (db, key.to_vec());
        if self.waiting.contains_key(&db_key) && !self.ready.contains(&db_key) {
            self.ready.push(db_key);
        }
    }

    /// The keys that came to be since this was asked last, in their order.
    pub fn take_ready(&mut self) -> Vec<DbKey> {
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
        let mut interest = Interest::default();
        interest.watch(1, 0, b"a");
        interest.watch(1, 0, b"a");
        interest.watch(2, 1, b"a");
        interest.touch(0, b"b");
        assert!(!interest.is_touched(1));
        interest.touch(0, b"a");
        assert!(interest.is_touched(1) && !interest.is_touched(2));
        interest.unwatch_all(1);
        interest.touch(0, b"a");
        assert!(!interest.is_touched(1));
        interest.touch_all(|db, _| db == 1);
        assert!(interest.is_touched(2));
    }

    #[test]
    fn keys_are_ready_once_and_only_for_those_who_wait() {
        let mut interest = Interest::default();
        interest.wait_for(2, 0, b"a");
        interest.wait_for(1, 0, b"a");
        interest.key_ready(0, b"b");
        interest.key_ready(0, b"a");
        interest.key_ready(0, b"a");
        let key = (0, b"a".to_vec());
        assert_eq!(interest.take_ready(), std::slice::from_ref(&key));
        assert_eq!(interest.waiting_for(&key), [2, 1]);
        interest.stop_waiting(2);
        interest.stop_waiting(1);
        interest.key_ready(0, b"a");
        assert!(interest.take_ready().is_empty());
    }
}
