//! Decodes values, of every type written by versions up to 7.2 (Redis: `rdbLoadObject`, rdb.c).
//!
//! The encoding of a value follows the limits of *this* server: a block that exceeds them is
//! converted. Must not know: keys, and where the bytes come from.

use std::collections::VecDeque;

use super::format::{NODE_PACKED, NODE_PLAIN, kind};
use super::source::{LoadError, Loaded, Reader};
use super::{intset, ziplist, zipmap};
use crate::generation::RdbDefect;
use crate::keyspace::{Bytes, Hash, Inserted, Limits, Set, Value, ZSet, listpack};
use crate::text::float::parse_double;

/// Decodes a block of strings.
type Decode = fn(&[u8]) -> Option<Vec<Bytes>>;

impl Reader<'_> {
    /// A value of this type.
    pub fn value(&mut self, kind: u8, limits: &Limits) -> Loaded<Value> {
        match kind {
            kind::STRING => self.string().map(Value::string),
            kind::LIST => self.strings(1).map(|items| Value::List(items.into())),
            kind::SET => self.set(limits),
            kind::ZSET => self.zset(limits, Reader::double),
            kind::ZSET_2 => self.zset(limits, Reader::binary_double),
            kind::HASH => self.hash(limits),
            kind::LIST_QUICKLIST => self.quicklist(),
            kind::LIST_QUICKLIST_2 => self.quicklist_2(),
            kind::LIST_ZIPLIST => {
                let items = self.block(ziplist::decode, "List ziplist")?;
                Ok(Value::List(items.into()))
            }
            kind::SET_INTSET => self.intset(limits),
            kind::SET_LISTPACK => {
                let members = self.block(listpack::decode, "Set listpack")?;
                set_of(members, limits)
            }
            kind::ZSET_ZIPLIST => zset_of(self.block(ziplist::decode, "Zset ziplist")?, limits),
            kind::ZSET_LISTPACK => zset_of(self.block(listpack::decode, "Zset listpack")?, limits),
            kind::HASH_ZIPLIST => hash_of(self.block(ziplist::decode, "Hash ziplist")?, limits),
            kind::HASH_LISTPACK => hash_of(self.block(listpack::decode, "Hash listpack")?, limits),
            kind::HASH_ZIPMAP => self.zipmap(limits),
            kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => {
                self.stream(kind)
            }
            kind::MODULE | kind::MODULE_2 => {
                let line = "The RDB file contains module data I can't load: no matching module";
                Err(LoadError::Fatal(line.to_string()))
            }
            other => Err(LoadError::corrupt(
                RdbDefect::ValueType,
                format!("Unknown RDB encoding type {other}"),
            )),
        }
    }

    /// A count, then `parts` strings for each.
    fn strings(&mut self, parts: u64) -> Loaded<Vec<Bytes>> {
        let count = self.len()?;
        let mut strings = Vec::new();
        for _ in 0..count.saturating_mul(parts) {
            strings.push(self.string()?);
        }
        Ok(strings)
    }

    /// A block, which is stored as a string.
    fn block(&mut self, decode: Decode, what: &str) -> Loaded<Vec<Bytes>> {
        decode(&self.string()?).ok_or_else(|| broken(what))
    }

    /// A set with too many members for an intset starts as a hash table.
    fn set(&mut self, limits: &Limits) -> Loaded<Value> {
        let count = self.len()?;
        let compact = count <= limits.set_max_intset_entries as u64;
        let mut set = if compact { Set::intset() } else { Set::hashtable() };
        for _ in 0..count {
            set.insert(self.string()?, limits);
        }
        Ok(Value::Set(set))
    }

    fn intset(&mut self, limits: &Limits) -> Loaded<Value> {
        let integers = intset::decode(&self.string()?).ok_or_else(|| broken("Intset"))?;
        let convert = integers.len() > limits.set_max_intset_entries;
        let mut set = Set::from_sorted(integers);
        if convert {
            set.convert_to_hashtable();
        }
        Ok(Value::Set(set))
    }

    fn zset(&mut self, limits: &Limits, score: fn(&mut Self) -> Loaded<f64>) -> Loaded<Value> {
        let count = self.len()?;
        let mut zset = ZSet::skiplist();
        for _ in 0..count {
            let member = self.string()?;
            let score = score(self)?;
            add_to_zset(&mut zset, member, score, limits)?;
        }
        zset.convert_to_ziplist_if_needed(limits);
        Ok(Value::ZSet(zset))
    }

    fn hash(&mut self, limits: &Limits) -> Loaded<Value> {
        let count = self.len()?;
        let mut hash = Hash::new();
        if count > limits.hash_max_ziplist_entries as u64 {
            hash.convert_to_hashtable();
        }
        for _ in 0..count {
            let pair = [self.string()?, self.string()?];
            hash.try_conversion(&pair, limits);
            add_to_hash(&mut hash, pair, limits)?;
        }
        Ok(Value::Hash(hash))
    }

    fn zipmap(&mut self, limits: &Limits) -> Loaded<Value> {
        let strings = self.block(zipmap::decode, "Zipmap")?;
        let mut hash = Hash::new();
        hash.try_conversion(&strings, limits);
        fill_hash(hash, strings, limits)
    }

    fn quicklist(&mut self) -> Loaded<Value> {
        let count = self.len()?;
        let mut list = VecDeque::new();
        for _ in 0..count {
            list.extend(self.block(ziplist::decode, "List ziplist")?);
        }
        Ok(Value::List(list))
    }

    fn quicklist_2(&mut self) -> Loaded<Value> {
        let count = self.len()?;
        let mut list = VecDeque::new();
        for _ in 0..count {
            match self.len()? {
                NODE_PLAIN => list.push_back(self.string()?),
                NODE_PACKED => list.extend(self.block(listpack::decode, "List listpack")?),
                _ => return Err(broken("Quicklist")),
            }
        }
        Ok(Value::List(list))
    }
}

/// In the words of 7.0. 6.0 does not check blocks when loading.
fn broken(what: &str) -> LoadError {
    LoadError::corrupt(RdbDefect::Block, format!("{what} integrity check failed."))
}

fn set_of(members: Vec<Bytes>, limits: &Limits) -> Loaded<Value> {
    let mut set = Set::intset();
    for member in members {
        if !set.insert(member, limits) {
            return Err(broken("Set listpack"));
        }
    }
    Ok(Value::Set(set))
}

/// Only the number of fields is checked against the limits, not their length, as in Redis.
fn hash_of(strings: Vec<Bytes>, limits: &Limits) -> Loaded<Value> {
    fill_hash(Hash::new(), strings, limits)
}

fn fill_hash(mut hash: Hash, strings: Vec<Bytes>, limits: &Limits) -> Loaded<Value> {
    let mut strings = strings.into_iter();
    while let Some(field) = strings.next() {
        let value = strings.next().ok_or_else(|| broken("Hash ziplist"))?;
        add_to_hash(&mut hash, [field, value], limits)?;
    }
    Ok(Value::Hash(hash))
}

fn add_to_hash(hash: &mut Hash, [field, value]: [Bytes; 2], limits: &Limits) -> Loaded<()> {
    match hash.set(field, value, limits) {
        true => Err(LoadError::corrupt(RdbDefect::DuplicateField, "Duplicate keys detected")),
        false => Ok(()),
    }
}

fn zset_of(strings: Vec<Bytes>, limits: &Limits) -> Loaded<Value> {
    let by_number = Limits { zset_max_ziplist_value: usize::MAX, ..*limits };
    let mut zset = ZSet::skiplist();
    let mut strings = strings.into_iter();
    while let Some(member) = strings.next() {
        let score = strings.next().and_then(|score| parse_double(&score));
        let score = score.ok_or_else(|| broken("Zset ziplist"))?;
        add_to_zset(&mut zset, member, score, limits)?;
    }
    zset.convert_to_ziplist_if_needed(&by_number);
    Ok(Value::ZSet(zset))
}

fn add_to_zset(zset: &mut ZSet, member: Bytes, score: f64, limits: &Limits) -> Loaded<()> {
    if score.is_nan() {
        return Err(LoadError::corrupt(RdbDefect::ZSet, "Zset with NAN score detected"));
    }
    match zset.insert(member, score, limits) {
        Inserted::Added => Ok(()),
        _ => Err(LoadError::corrupt(RdbDefect::ZSet, "Duplicate zset fields detected")),
    }
}
