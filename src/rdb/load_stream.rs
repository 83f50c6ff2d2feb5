//! Decodes streams of all four forms (Redis: `rdbLoadObject`, rdb.c).
//!
//! Must not know: keys, and where the bytes come from.

use std::collections::BTreeMap;

use super::format::kind;
use super::load_value::ValueRules;
use super::source::{LoadError, Loaded, Reader};
use crate::generation::{RdbDefect, StreamDefect};
use crate::keyspace::stream::{Group, Node, Pending, UNKNOWN_ENTRIES_READ};
use crate::keyspace::{Bytes, Stream, StreamId, Value};

/// Something invalid in a stream, in the words that are common to all generations.
fn broken(defect: StreamDefect) -> LoadError {
    LoadError::corrupt(RdbDefect::Stream(defect), defect.reason())
}

/// Says of a read that ended early what was being read.
fn reading<T>(read: Loaded<T>, defect: StreamDefect) -> Loaded<T> {
    read.map_err(|error| match error {
        LoadError::ShortRead => broken(defect),
        other => other,
    })
}

/// What a type has besides the oldest one.
#[derive(Clone, Copy)]
struct Form<'r> {
    counted: bool,
    /// When a consumer last got anything.
    active_times: bool,
    rules: &'r ValueRules,
}

impl Reader<'_> {
    /// A stream of this type.
    pub(super) fn stream(&mut self, kind: u8, rules: &ValueRules) -> Loaded<Value> {
        let counted = kind != kind::STREAM_LISTPACKS;
        let active_times = [kind::STREAM_LISTPACKS_3, kind::STREAM_LISTPACKS_4].contains(&kind);
        let form = Form { counted, active_times, rules };
        let mut stream = Stream::default();
        for _ in 0..reading(self.len(), StreamDefect::NodesLen)? {
            self.stream_node(&mut stream)?;
        }
        reading(self.stream_metadata(&mut stream, form), StreamDefect::Metadata)?;
        if stream.length > 0 && stream.nodes().len() == 0 && counted {
            return Err(broken(StreamDefect::LengthWithoutNodes));
        }
        for _ in 0..reading(self.len(), StreamDefect::GroupsLen)? {
            let name = reading(self.string(), StreamDefect::GroupName)?;
            let group = self.stream_group(&stream, form, &name)?;
            stream.groups.insert(name, group);
        }
        if kind == kind::STREAM_LISTPACKS_4 {
            self.no_idempotent_producers()?;
        }
        Ok(Value::Stream(stream))
    }

    /// How long and how many ids of idempotent producers are kept, the ids themselves, and how many
    /// there have been. Nothing of that can be held here, so there must be none.
    fn no_idempotent_producers(&mut self) -> Loaded<()> {
        let [_duration, _entries] = [self.len()?, self.len()?];
        if self.len()? > 0 {
            let line = "The RDB file contains a stream with idempotent producers I can't load";
            return Err(LoadError::Fatal(line.to_string()));
        }
        let [_added, _duplicates] = [self.len()?, self.len()?];
        Ok(())
    }

    fn stream_node(&mut self, stream: &mut Stream) -> Loaded<()> {
        let id = reading(self.string(), StreamDefect::NodeId)?;
        let id: [u8; 16] = id.try_into().map_err(|_| broken(StreamDefect::NodeIdSize))?;
        let id = StreamId::from_bytes(id);
        let block = reading(self.string(), StreamDefect::Listpack)?;
        if is_empty_listpack(&block) {
            return Err(broken(StreamDefect::EmptyListpack));
        }
        let node = Node::decode(id, &block).ok_or_else(|| broken(StreamDefect::BadListpack))?;
        match stream.insert_node(id, node) {
            true => Ok(()),
            false => Err(broken(StreamDefect::RepeatedNode)),
        }
    }

    fn stream_metadata(&mut self, stream: &mut Stream, form: Form<'_>) -> Loaded<()> {
        stream.length = self.len()?;
        stream.last_id = self.id_as_lengths()?;
        if form.counted {
            stream.first_id = self.id_as_lengths()?;
            stream.max_deleted_id = self.id_as_lengths()?;
            stream.entries_added = self.len()?;
        } else {
            stream.entries_added = stream.length;
            stream.first_id = stream.edge_id();
        }
        Ok(())
    }

    fn id_as_lengths(&mut self) -> Loaded<StreamId> {
        Ok(StreamId { ms: self.len()?, seq: self.len()? })
    }

    fn raw_id(&mut self) -> Loaded<StreamId> {
        self.array().map(StreamId::from_bytes)
    }

    fn stream_group(&mut self, stream: &Stream, form: Form<'_>, name: &[u8]) -> Loaded<Group> {
        let last_id = reading(self.id_as_lengths(), StreamDefect::GroupId)?;
        let entries_read = match form.counted {
            true => reading(self.len(), StreamDefect::GroupOffset)? as i64,
            false => stream.entries_up_to(last_id).unwrap_or(UNKNOWN_ENTRIES_READ),
        };
        if stream.groups.contains_key(name) {
            let reason = StreamDefect::RepeatedGroup.reason();
            let name = super::source::c_string(name);
            let defect = RdbDefect::Stream(StreamDefect::RepeatedGroup);
            return Err(LoadError::corrupt(defect, format!("{reason} {name}")));
        }
        let mut delivered = BTreeMap::new();
        for _ in 0..reading(self.len(), StreamDefect::PendingLen)? {
            let id = reading(self.raw_id(), StreamDefect::PendingId)?;
            let delivery = reading(self.delivery(), StreamDefect::PendingDelivery)?;
            if delivered.insert(id, delivery).is_some() {
                let defect = StreamDefect::RepeatedPending;
                let reason = form.rules.words.stream_defect(defect);
                return Err(LoadError::corrupt(RdbDefect::Stream(defect), reason));
            }
        }
        let mut group = Group::new(last_id, entries_read);
        for _ in 0..reading(self.len(), StreamDefect::ConsumersLen)? {
            self.consumer(&mut group, &mut delivered, form)?;
        }
        match delivered.is_empty() {
            true => Ok(group),
            false => Err(broken(StreamDefect::PendingWithoutConsumer)),
        }
    }

    /// When, and how often.
    fn delivery(&mut self) -> Loaded<(i64, u64)> {
        Ok((i64::from_le_bytes(self.array()?), self.len()?))
    }

    fn consumer(
        &mut self,
        group: &mut Group,
        delivered: &mut BTreeMap<StreamId, (i64, u64)>,
        form: Form<'_>,
    ) -> Loaded<()> {
        let name: Bytes = reading(self.string(), StreamDefect::ConsumerName)?;
        let seen_at = i64::from_le_bytes(reading(self.array(), StreamDefect::SeenTime)?);
        if !group.see_consumer(&name, seen_at) && form.rules.is_checking() {
            return Err(broken(StreamDefect::RepeatedConsumer));
        }
        if form.active_times {
            reading(self.array::<8>(), StreamDefect::SeenTime)?;
        }
        for _ in 0..reading(self.len(), StreamDefect::ConsumerPendingLen)? {
            let id = reading(self.raw_id(), StreamDefect::ConsumerPendingId)?;
            let (delivered_at, count) = match delivered.remove(&id) {
                Some(delivery) => delivery,
                None if group.pending().contains_key(&id) => {
                    return Err(broken(StreamDefect::RepeatedConsumerPending));
                }
                None => return Err(broken(StreamDefect::NotInGroup)),
            };
            group.deliver(id, Pending { consumer: name.clone(), delivered_at, count });
        }
        Ok(())
    }
}

/// A listpack that has nothing but its end after its header.
fn is_empty_listpack(block: &[u8]) -> bool {
    matches!(block, [7, 0, 0, 0, _, _, 0xff])
}
