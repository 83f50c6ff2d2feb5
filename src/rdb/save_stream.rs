//! Encodes streams (Redis: `rdbSaveObject`, `rdbSaveStreamPEL`, `rdbSaveStreamConsumers`, rdb.c).
//!
//! ```text
//! nodes { id listpack } …  length  last id
//! [first id  highest id deleted  entries added]                       in the counted form
//! groups { name  last id  [entries read]
//!          pending { id time deliveries } …
//!          consumers { name time  pending { id } … } … } …
//! ```
//!
//! Must not know: where the bytes go.

use super::format::Writer;
use crate::keyspace::stream::{Consumer, Group};
use crate::keyspace::{Stream, StreamId};
use crate::os::Errno;

type Written = Result<(), Errno>;

impl Writer<'_> {
    /// `counted`: in the form that says how many entries there were.
    pub(super) fn stream(&mut self, stream: &Stream, counted: bool) -> Written {
        self.len(stream.nodes().len() as u64)?;
        for (id, node) in stream.nodes() {
            self.string(&id.to_bytes())?;
            self.string(&node.encode(id))?;
        }
        self.len(stream.length)?;
        self.id_as_lengths(stream.last_id)?;
        if counted {
            self.id_as_lengths(stream.first_id)?;
            self.id_as_lengths(stream.max_deleted_id)?;
            self.len(stream.entries_added)?;
        }
        self.len(stream.groups.len() as u64)?;
        stream.groups.iter().try_for_each(|(name, group)| {
            self.string(name)?;
            self.group(group, counted)
        })
    }

    fn id_as_lengths(&mut self, id: StreamId) -> Written {
        self.len(id.ms)?;
        self.len(id.seq)
    }

    fn group(&mut self, group: &Group, counted: bool) -> Written {
        self.id_as_lengths(group.last_id)?;
        if counted {
            self.len(group.entries_read as u64)?;
        }
        self.len(group.pending().len() as u64)?;
        for (id, pending) in group.pending() {
            self.raw(&id.to_bytes())?;
            self.raw(&pending.delivered_at.to_le_bytes())?;
            self.len(pending.count)?;
        }
        self.len(group.consumers().len() as u64)?;
        group.consumers().iter().try_for_each(|(name, consumer)| {
            self.string(name)?;
            self.consumer(consumer)
        })
    }

    fn consumer(&mut self, consumer: &Consumer) -> Written {
        self.raw(&consumer.seen_at.to_le_bytes())?;
        self.len(consumer.pending.len() as u64)?;
        consumer.pending.iter().try_for_each(|id| self.raw(&id.to_bytes()))
    }
}
