//! What stands in the AOF for commands that deliver entries to consumers (Redis:
//! `streamPropagateXCLAIM`, `streamPropagateGroupID`, `streamPropagateConsumerCreation`).
//!
//! Must not know: the commands.

use super::dialect::Dialect;
use crate::keyspace::stream::{Group, Pending};
use crate::keyspace::{Bytes, StreamId};

/// A group by its names.
pub struct GroupName<'a> {
    pub key: &'a [u8],
    pub group: &'a [u8],
}

fn command<const N: usize>(words: [&[u8]; N]) -> Vec<Bytes> {
    words.map(<[u8]>::to_vec).to_vec()
}

impl GroupName<'_> {
    /// Makes an entry pending; `id` is as the client wrote it.
    pub fn xclaim(&self, group: &Group, id: &[u8], pending: &Pending) -> Vec<Bytes> {
        let (time, count) = (pending.delivered_at.to_string(), (pending.count as i64).to_string());
        let last = group.last_id.to_string();
        command([
            b"XCLAIM",
            self.key,
            self.group,
            &pending.consumer,
            b"0",
            id,
            b"TIME",
            time.as_bytes(),
            b"RETRYCOUNT",
            count.as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            last.as_bytes(),
        ])
    }

    /// Sets how far the group has read.
    pub fn set_id(&self, group: &Group, dialect: &Dialect) -> Vec<Bytes> {
        let last: StreamId = group.last_id;
        let last = last.to_string();
        let mut words = command([b"XGROUP", b"SETID", self.key, self.group, last.as_bytes()]);
        if dialect.counts_reads {
            words.push(b"ENTRIESREAD".to_vec());
            words.push(group.entries_read.to_string().into_bytes());
        }
        words
    }

    pub fn create_consumer(&self, consumer: &[u8]) -> Vec<Bytes> {
        command([b"XGROUP", b"CREATECONSUMER", self.key, self.group, consumer])
    }
}
