//! Encodes values (Redis: `rdbSaveObjectType`, `rdbSaveObject`, rdb.c).
//!
//! Compact encodings are written as one block, the others item by item.
//! Must not know: where the bytes go.

use std::collections::VecDeque;

use super::block::Block;
use super::format::{NODE_PACKED, Writer, kind};
use super::lzf::Lzf;
use super::{intset, quicklist};
use crate::generation::{Compact, StreamForm};
use crate::keyspace::{Bytes, Hash, Limits, Set, Value, ZSet};
use crate::os::Errno;
use crate::text::float::double_to_string;

type Written = Result<(), Errno>;

/// The type with which a value is written.
pub(super) fn kind_of(value: &Value, limits: &Limits) -> u8 {
    let [list, hash, zset] = match limits.compact {
        Compact::Ziplist => [kind::LIST_QUICKLIST, kind::HASH_ZIPLIST, kind::ZSET_ZIPLIST],
        Compact::Listpack => [kind::LIST_QUICKLIST_2, kind::HASH_LISTPACK, kind::ZSET_LISTPACK],
    };
    match value {
        Value::String(_) => kind::STRING,
        Value::List(_) => list,
        Value::Set(set) if set.is_intset() => kind::SET_INTSET,
        Value::Set(_) => kind::SET,
        Value::Hash(value) if value.is_ziplist() => hash,
        Value::Hash(_) => kind::HASH,
        Value::ZSet(value) if value.is_ziplist() => zset,
        Value::ZSet(_) => kind::ZSET_2,
        Value::Stream(_) => match limits.stream.form {
            StreamForm::Plain => kind::STREAM_LISTPACKS,
            StreamForm::Counted => kind::STREAM_LISTPACKS_2,
        },
    }
}

impl Writer<'_> {
    /// Type, key and value.
    pub(super) fn key_value_pair(&mut self, key: &[u8], value: &Value, limits: &Limits) -> Written {
        self.byte(kind_of(value, limits))?;
        self.string(key)?;
        self.value(value, limits)
    }

    /// The value alone.
    pub(super) fn value(&mut self, value: &Value, limits: &Limits) -> Written {
        match value {
            Value::String(string) => self.string(string),
            Value::List(list) => self.list(list, limits),
            Value::Set(set) => self.set(set),
            Value::Hash(hash) => self.hash(hash, limits),
            Value::ZSet(zset) => self.zset(zset, limits),
            Value::Stream(stream) => {
                self.stream(stream, kind_of(value, limits) == kind::STREAM_LISTPACKS_2)
            }
        }
    }

    fn list(&mut self, list: &VecDeque<Bytes>, limits: &Limits) -> Written {
        let nodes = quicklist::nodes(list.iter(), limits);
        self.len(nodes.len() as u64)?;
        nodes.into_iter().try_for_each(|node| {
            match limits.compact {
                Compact::Ziplist => {}
                Compact::Listpack => self.len(NODE_PACKED)?,
            }
            self.string(&node.into_bytes())
        })
    }

    fn set(&mut self, set: &Set) -> Written {
        if let Some(integers) = set.integers() {
            return self.string(&intset::encode(integers));
        }
        self.len(set.len() as u64)?;
        set.iter().try_for_each(|member| self.string(&member))
    }

    fn hash(&mut self, hash: &Hash, limits: &Limits) -> Written {
        if hash.is_ziplist() {
            let mut block = Block::new(limits.compact);
            for (field, value) in hash.iter() {
                block.push(field);
                block.push(value);
            }
            return self.string(&block.into_bytes());
        }
        self.len(hash.len() as u64)?;
        hash.iter().try_for_each(|(field, value)| {
            self.string(field)?;
            self.string(value)
        })
    }

    /// A skip list is written in descending order, so that loading it always inserts at the head.
    fn zset(&mut self, zset: &ZSet, limits: &Limits) -> Written {
        if zset.is_ziplist() {
            let mut block = Block::new(limits.compact);
            for (member, score) in zset.iter() {
                block.push(member);
                block.push(double_to_string(score).as_bytes());
            }
            return self.string(&block.into_bytes());
        }
        self.len(zset.len() as u64)?;
        zset.iter().rev().try_for_each(|(member, score)| {
            self.string(member)?;
            self.binary_double(score)
        })
    }
}

/// How many bytes a value takes in a file (Redis: `rdbSavedObjectLen`).
pub fn saved_object_len(value: &Value, limits: &Limits, compression: bool) -> usize {
    let mut bytes = Vec::new();
    let mut lzf = Lzf::default();
    let lzf = compression.then_some(&mut lzf);
    let written = Writer::new(&mut bytes, lzf).value(value, limits);
    written.map_or(0, |()| bytes.len())
}
