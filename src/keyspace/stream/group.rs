//! Consumer groups: who has got which entries and not acknowledged them yet (Redis: `streamCG`,
//! t_stream.c).
//!
//! Must not know: entries, except their ids.

use std::collections::{BTreeMap, BTreeSet};

use super::StreamId;
use crate::keyspace::bytes::Bytes;

/// A delivery that was not acknowledged (Redis: `streamNACK`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub consumer: Bytes,
    /// When, in milliseconds since the epoch.
    pub delivered_at: i64,
    /// How often.
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// When it last asked for anything, in milliseconds since the epoch.
    pub seen_at: i64,
    pub pending: BTreeSet<StreamId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The last entry that was delivered.
    pub last_id: StreamId,
    /// How many entries were read up to there; -1 if that is not known.
    pub entries_read: i64,
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<Bytes, Consumer>,
}

impl Group {
    pub fn new(last_id: StreamId, entries_read: i64) -> Group {
        let (pending, consumers) = (BTreeMap::new(), BTreeMap::new());
        Group { last_id, entries_read, pending, consumers }
    }

    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    pub fn consumers(&self) -> &BTreeMap<Bytes, Consumer> {
        &self.consumers
    }

    /// Creates a consumer. Returns false if there is one of this name (Redis:
    /// `streamCreateConsumer`).
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> bool {
        if self.consumers.contains_key(name) {
            return false;
        }
        let consumer = Consumer { seen_at: now_ms, pending: BTreeSet::new() };
        self.consumers.insert(name.to_vec(), consumer);
        true
    }

    /// Notes that a consumer was there, and creates it if needed. Returns whether it is new.
    pub fn see_consumer(&mut self, name: &[u8], now_ms: i64) -> bool {
        match self.consumers.get_mut(name) {
            Some(consumer) => {
                consumer.seen_at = now_ms;
                false
            }
            None => self.create_consumer(name, now_ms),
        }
    }

    /// Deletes a consumer and forgets what it has not acknowledged. Returns how much that was; None
    /// if there is no such consumer (Redis: `streamDelConsumer`).
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Makes an entry pending for a consumer, which must exist, instead of whoever had it.
    pub fn deliver(&mut self, id: StreamId, pending: Pending) {
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.insert(id);
        }
        let to = pending.consumer.clone();
        if let Some(before) = self.pending.insert(id, pending)
            && before.consumer != to
            && let Some(consumer) = self.consumers.get_mut(&before.consumer)
        {
            consumer.pending.remove(&id);
        }
    }

    /// Counts one more delivery of an entry that is pending.
    pub fn deliver_again(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_at = now_ms;
            pending.count = pending.count.wrapping_add(1);
        }
    }

    /// Forgets that an entry is pending. Returns whether it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&pending.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }
}
