//! Streams: entries in the order of their ids, in nodes as Redis would have made them, and consumer
//! groups (Redis: t_stream.c).
//!
//! A deleted entry stays in its node, marked, until the node goes as a whole; a file shows that.
//! Must not know: commands, and the bytes of a file.

mod group;
mod id;
mod node;
mod radix_tree;
mod trim;

use std::collections::BTreeMap;

use super::bytes::Bytes;
use super::limits::StreamLimits;
pub use group::{Consumer, Group, Pending};
pub use id::StreamId;
pub use node::Node;
pub use trim::{Trim, TrimTo};

/// Nothing larger than this is kept in one node (Redis: `STREAM_LISTPACK_MAX_SIZE`).
const STREAM_LISTPACK_MAX_SIZE: usize = 1 << 30;

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// Its id does not come after the last one.
    IdTooSmall,
    TooLarge,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// By the id of their first entry.
    nodes: BTreeMap<StreamId, Node>,
    /// Entries that are not deleted.
    pub length: u64,
    /// The highest id that was ever there.
    pub last_id: StreamId,
    /// The first entry; 0-0 if there is none.
    pub first_id: StreamId,
    /// The highest id of an entry deleted by its id.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    pub groups: BTreeMap<Bytes, Group>,
}

/// An entry with its node.
#[derive(Clone, Copy)]
pub struct EntryRef<'s> {
    node: &'s Node,
    place: usize,
}

impl<'s> EntryRef<'s> {
    pub fn id(self) -> StreamId {
        self.node.entries()[self.place].id
    }

    /// Fields and values.
    pub fn pairs(self) -> impl ExactSizeIterator<Item = [&'s Bytes; 2]> {
        self.node.pairs(&self.node.entries()[self.place])
    }
}

impl Stream {
    /// The id for a new entry (Redis: `streamNextID`).
    pub fn next_id(&self, now_ms: i64) -> StreamId {
        let ms = now_ms as u64;
        if ms > self.last_id.ms {
            return StreamId { ms, seq: 0 };
        }
        self.last_id.next().unwrap_or(StreamId::MIN)
    }

    /// Adds an entry of fields and values (Redis: `streamAppendItem`).
    pub fn append(
        &mut self,
        id: StreamId,
        pairs: &[Bytes],
        limits: &StreamLimits,
    ) -> Result<(), NotAdded> {
        if id <= self.last_id {
            return Err(NotAdded::IdTooSmall);
        }
        let payload: usize = pairs.iter().map(Vec::len).sum();
        if payload > STREAM_LISTPACK_MAX_SIZE {
            return Err(NotAdded::TooLarge);
        }
        match self.nodes.last_entry() {
            Some(mut last) if !limits.is_full(last.get(), payload) => {
                let node_id = *last.key();
                last.get_mut().push(node_id, id, pairs);
            }
            _ => {
                let mut node = Node::new(pairs);
                node.push(id, id, pairs);
                self.nodes.insert(id, node);
            }
        }
        self.length = self.length.wrapping_add(1);
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
        Ok(())
    }

    /// Deletes an entry. Returns whether it existed (Redis: `streamDeleteItem`).
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((&node_id, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let found = node.entries().iter().position(|entry| entry.id == id && !entry.deleted);
        let Some(place) = found else { return false };
        if node.live == 1 {
            self.nodes.remove(&node_id);
        } else {
            node.delete(place);
        }
        self.length = self.length.wrapping_sub(1);
        true
    }

    /// Sets `first_id` after entries were deleted.
    pub fn update_first_id(&mut self) {
        self.first_id = match self.length {
            0 => StreamId::MIN,
            _ => self.edge_id(),
        };
    }

    /// The first entry's id, or the highest id if there is no entry (Redis: `streamGetEdgeID`).
    pub fn edge_id(&self) -> StreamId {
        self.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MAX, EntryRef::id)
    }

    /// The same, but deleted entries that are still in a node count too.
    pub fn edge_id_with_deleted(&self) -> StreamId {
        let mut entries = self.nodes.values().flat_map(Node::entries);
        entries.next().map_or(StreamId::MAX, |entry| entry.id)
    }

    /// The last entry's id, or 0-0 (Redis: `streamLastValidID`).
    pub fn last_valid_id(&self) -> StreamId {
        self.range(StreamId::MIN, StreamId::MAX).next_back().map_or(StreamId::MIN, EntryRef::id)
    }

    pub fn contains(&self, id: StreamId) -> bool {
        self.range(id, id).next().is_some()
    }

    /// The entries from `start` to `end`, both included.
    pub fn range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl DoubleEndedIterator<Item = EntryRef<'_>> {
        let first = self.nodes.range(..=start).next_back().map_or(start, |(&id, _)| id);
        // An interval that ends before it starts is empty.
        let nodes = (start <= end).then(|| self.nodes.range(first..=end).map(|(_, node)| node));
        let entries = nodes
            .into_iter()
            .flatten()
            .flat_map(|node| (0..node.entries().len()).map(move |place| EntryRef { node, place }));
        entries.filter(move |entry| {
            let this = &entry.node.entries()[entry.place];
            !this.deleted && start <= this.id && this.id <= end
        })
    }

    /// All nodes with their ids.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, &Node)> {
        self.nodes.iter().map(|(&id, node)| (id, node))
    }

    /// Adds a node from a file. Returns whether it is new.
    pub fn insert_node(&mut self, id: StreamId, node: Node) -> bool {
        self.nodes.insert(id, node).is_none()
    }

    /// Creates a group. Returns false if there is one of this name (Redis: `streamCreateCG`).
    pub fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: i64) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.groups.insert(name.to_vec(), Group::new(last_id, entries_read));
        true
    }

    /// Bytes in its strings.
    pub(super) fn payload(&self) -> usize {
        self.nodes.values().map(Node::payload).sum()
    }
}

/// What a group has read is not known (Redis: `SCG_INVALID_ENTRIES_READ`).
pub const UNKNOWN_ENTRIES_READ: i64 = -1;

/// How many entries were added up to some id.
impl Stream {
    /// Whether an entry from `start` on may have been deleted (Redis: `streamRangeHasTombstones`).
    pub fn may_have_deleted_from(&self, start: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were added up to this id; None if that cannot be told (Redis:
    /// `streamEstimateDistanceFromFirstEverEntry`).
    pub fn entries_up_to(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        if id == self.last_id || (self.length == 0 && id < self.last_id) {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        let none_deleted =
            self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before_first = added.wrapping_sub(self.length as i64);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if none_deleted => Some(before_first),
            std::cmp::Ordering::Equal if none_deleted => Some(before_first + 1),
            _ => None,
        }
    }

    /// How many entries a group has not read; None if that cannot be told (Redis:
    /// `streamReplyWithCGLag`).
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        if group.entries_read != UNKNOWN_ENTRIES_READ && !self.may_have_deleted_from(group.last_id)
        {
            return Some(added.wrapping_sub(group.entries_read));
        }
        self.entries_up_to(group.last_id).map(|read| added - read)
    }
}

#[cfg(test)]
mod tests;
