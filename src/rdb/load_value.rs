//! Decodes values, of every type written by versions up to 7.2, and refuses the others by number
//! (Redis: `rdbLoadObject`, rdb.c).
//!
//! The encoding of a value follows the limits of *this* server: a block that exceeds them is
//! converted.
//! Must not know: keys, and where the bytes come from.

use std::collections::VecDeque;

use super::format::{NODE_PACKED, NODE_PLAIN, kind};
use super::modules::module_name;
use super::source::{LoadError, Loaded, Reader};
use super::{intset, ziplist, zipmap};
use crate::generation::{Generation, Libraries, RdbBlock, RdbDefect, ValueChecks, Words};
use crate::keyspace::{Bytes, Hash, Inserted, Limits, Set, Value, ZSet, listpack};
use crate::text::float::parse_double;

/// Decodes a block of strings.
type Decode = fn(&[u8]) -> Option<Vec<Bytes>>;

/// What a value becomes, and what is refused.
#[derive(Clone, Copy, Debug)]
pub struct ValueRules {
    pub limits: Limits,
    pub checks: ValueChecks,
    /// Higher types are not known.
    pub newest_kind: u8,
    pub libraries: Libraries,
    pub words: &'static dyn Words,
}

impl ValueRules {
    /// Those of a server.
    pub fn of(generation: &Generation, limits: &Limits) -> ValueRules {
        let format = &generation.rdb;
        ValueRules {
            limits: *limits,
            checks: format.checks,
            newest_kind: format.newest_kind,
            libraries: format.libraries,
            words: generation.words,
        }
    }

    /// The same for the files of all servers.
    pub fn of_any_server(self) -> ValueRules {
        ValueRules { newest_kind: u8::MAX, libraries: Libraries::Kept, ..self }
    }

    /// Whether the opcodes of libraries are known.
    pub(super) fn keeps_libraries(&self) -> bool {
        self.libraries == Libraries::Kept
    }

    pub(super) fn is_checking(&self) -> bool {
        self.checks == ValueChecks::Checking
    }

    fn check_empty(&self, is_empty: bool) -> Loaded<()> {
        if is_empty && self.is_checking() { Err(LoadError::EmptyKey) } else { Ok(()) }
    }
}

impl Reader<'_> {
    /// A value of this type.
    pub fn value(&mut self, kind: u8, rules: &ValueRules) -> Loaded<Value> {
        match kind {
            kind if kind > rules.newest_kind => Err(unknown(kind)),
            kind::STRING => self.string().map(Value::string),
            kind::LIST => self.list(rules),
            kind::SET => self.set(rules),
            kind::ZSET => self.zset(rules, Reader::double),
            kind::ZSET_2 => self.zset(rules, Reader::binary_double),
            kind::HASH => self.hash(rules),
            kind::LIST_QUICKLIST => {
                self.quicklist(rules, |reader| reader.block(ziplist::decode, RdbBlock::Ziplist))
            }
            kind::LIST_QUICKLIST_2 => self.quicklist(rules, Reader::quicklist_node),
            kind::LIST_ZIPLIST => {
                let items = self.block(ziplist::decode, RdbBlock::ListZiplist)?;
                rules.check_empty(items.is_empty())?;
                Ok(Value::List(items.into()))
            }
            kind::SET_INTSET => self.intset(rules),
            kind::SET_LISTPACK => self.set_listpack(rules),
            kind::ZSET_ZIPLIST => self.zset_block(ziplist::decode, RdbBlock::ZSetZiplist, rules),
            kind::ZSET_LISTPACK => self.zset_block(listpack::decode, RdbBlock::ZSetListpack, rules),
            kind::HASH_ZIPLIST => self.hash_block(ziplist::decode, RdbBlock::HashZiplist, rules),
            kind::HASH_LISTPACK => self.hash_block(listpack::decode, RdbBlock::HashListpack, rules),
            kind::HASH_ZIPMAP => self.zipmap(rules),
            kind::STREAM_LISTPACKS
            | kind::STREAM_LISTPACKS_2
            | kind::STREAM_LISTPACKS_3
            | kind::STREAM_LISTPACKS_4 => self.stream(kind, rules),
            kind::MODULE | kind::MODULE_2 => Err(self.module(rules)),
            other => Err(unknown(other)),
        }
    }

    /// A value of a module, which is never there.
    fn module(&mut self, rules: &ValueRules) -> LoadError {
        let name = match self.len() {
            Ok(id) => module_name(id),
            Err(error) => return error,
        };
        let line = "The RDB file contains module data I can't load: no matching module";
        match rules.checks {
            ValueChecks::Trusting => LoadError::Fatal(format!("{line} '{name}'")),
            ValueChecks::Checking => {
                LoadError::corrupt(RdbDefect::ModuleType, format!("{line} type '{name}'"))
            }
        }
    }

    /// A block, which is stored as a string.
    fn block(&mut self, decode: Decode, block: RdbBlock) -> Loaded<Vec<Bytes>> {
        decode(&self.string()?).ok_or_else(|| broken(block))
    }

    fn list(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let count = self.len()?;
        rules.check_empty(count == 0)?;
        let mut list = VecDeque::new();
        for _ in 0..count {
            list.push_back(self.string()?);
        }
        Ok(Value::List(list))
    }

    /// A set with too many members for an intset starts as a hash table.
    fn set(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let count = self.len()?;
        rules.check_empty(count == 0)?;
        let compact = count <= rules.limits.set_max_intset_entries as u64;
        let mut set = if compact { Set::intset() } else { Set::hashtable() };
        for _ in 0..count {
            if !set.insert(self.string()?, &rules.limits) && rules.is_checking() {
                let defect = match set.is_intset() {
                    true => RdbDefect::DuplicateInteger,
                    false => RdbDefect::DuplicateMember,
                };
                return Err(LoadError::corrupt(defect, "Duplicate set members detected"));
            }
        }
        Ok(Value::Set(set))
    }

    fn intset(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let integers = intset::decode(&self.string()?);
        let integers = integers.filter(|some| !some.is_empty() || !rules.is_checking());
        let integers = integers.ok_or_else(|| broken(RdbBlock::Intset))?;
        let convert = integers.len() > rules.limits.set_max_intset_entries;
        let mut set = Set::from_sorted(integers);
        if convert {
            set.convert_to_hashtable();
        }
        Ok(Value::Set(set))
    }

    fn set_listpack(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let members = self.block(listpack::decode, RdbBlock::SetListpack)?;
        rules.check_empty(members.is_empty())?;
        let mut set = Set::intset();
        for member in members {
            if !set.insert(member, &rules.limits) {
                return Err(broken(RdbBlock::SetListpack));
            }
        }
        Ok(Value::Set(set))
    }

    fn zset(&mut self, rules: &ValueRules, score: fn(&mut Self) -> Loaded<f64>) -> Loaded<Value> {
        let count = self.len()?;
        rules.check_empty(count == 0)?;
        let mut zset = ZSet::skiplist();
        for _ in 0..count {
            let member = self.string()?;
            let score = score(self)?;
            add_to_zset(&mut zset, member, score, &rules.limits)?;
        }
        zset.convert_to_ziplist_if_needed(&rules.limits);
        Ok(Value::ZSet(zset))
    }

    fn zset_block(&mut self, decode: Decode, block: RdbBlock, rules: &ValueRules) -> Loaded<Value> {
        let strings = self.block(decode, block)?;
        rules.check_empty(strings.is_empty())?;
        let by_number = Limits { zset_max_ziplist_value: usize::MAX, ..rules.limits };
        let mut zset = ZSet::skiplist();
        let mut strings = strings.into_iter();
        while let Some(member) = strings.next() {
            let score = strings.next().and_then(|score| parse_double(&score));
            let score = score.ok_or_else(|| broken(block))?;
            add_to_zset(&mut zset, member, score, &rules.limits)?;
        }
        zset.take_as_ziplist_if_short(&by_number);
        Ok(Value::ZSet(zset))
    }

    fn hash(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let limits = &rules.limits;
        let count = self.len()?;
        rules.check_empty(count == 0)?;
        let mut hash = Hash::new();
        if count > limits.hash_max_ziplist_entries as u64 {
            hash.convert_to_hashtable();
        }
        for _ in 0..count {
            let pair = [self.string()?, self.string()?];
            let was_table = !hash.is_ziplist();
            hash.try_conversion(&pair, limits);
            let becomes_table = !was_table && !hash.is_ziplist();
            let [field, value] = pair;
            if hash.set(field, value, limits) {
                return Err(match becomes_table {
                    true => {
                        let reason = "Duplicate hash fields detected";
                        LoadError::corrupt(RdbDefect::DuplicateField, reason)
                    }
                    false => {
                        let reason = rules.words.duplicate_field_in_table();
                        LoadError::corrupt(RdbDefect::DuplicateFieldInTable, reason)
                    }
                });
            }
        }
        Ok(Value::Hash(hash))
    }

    /// Only the number of fields is checked against the limits, not their length, as in Redis.
    fn hash_block(&mut self, decode: Decode, block: RdbBlock, rules: &ValueRules) -> Loaded<Value> {
        let strings = self.block(decode, block)?;
        rules.check_empty(strings.is_empty())?;
        hash_of(Hash::new(), strings, &rules.limits, || broken(block))
    }

    fn zipmap(&mut self, rules: &ValueRules) -> Loaded<Value> {
        let zipmap = zipmap::decode(&self.string()?);
        let zipmap = zipmap.filter(|zipmap| !rules.is_checking() || zipmap.is_counted_right());
        let strings = zipmap.ok_or_else(|| broken(RdbBlock::Zipmap))?.strings;
        let mut hash = Hash::new();
        hash.try_conversion(&strings, &rules.limits);
        let twice = |field: usize| {
            let (block, reason) = (RdbBlock::ZipmapDuplicate, RdbBlock::ZipmapDuplicate.reason());
            LoadError::corrupt(RdbDefect::Block(block), format!("{reason} ({field})"))
        };
        let len = strings.iter().step_by(2).map(Vec::len).max().unwrap_or(0);
        hash_of(hash, strings, &rules.limits, || twice(len))
    }

    fn quicklist(
        &mut self,
        rules: &ValueRules,
        node: fn(&mut Self) -> Loaded<Vec<Bytes>>,
    ) -> Loaded<Value> {
        let mut list = VecDeque::new();
        for _ in 0..self.len()? {
            list.extend(node(self)?);
        }
        rules.check_empty(list.is_empty())?;
        Ok(Value::List(list))
    }

    fn quicklist_node(&mut self) -> Loaded<Vec<Bytes>> {
        match self.len()? {
            // An element without a byte is packed, so this is damage, which Redis does not name.
            NODE_PLAIN => match self.string()? {
                element if element.is_empty() => Err(LoadError::ShortRead),
                element => Ok(vec![element]),
            },
            NODE_PACKED => self.block(listpack::decode, RdbBlock::Listpack),
            _ => Err(broken(RdbBlock::Quicklist)),
        }
    }
}

/// In the words of 7.0. 6.0 does not check blocks when loading.
fn broken(block: RdbBlock) -> LoadError {
    LoadError::corrupt(RdbDefect::Block(block), block.reason())
}

fn unknown(kind: u8) -> LoadError {
    LoadError::corrupt(RdbDefect::ValueType, format!("Unknown RDB encoding type {kind}"))
}

fn hash_of(
    mut hash: Hash,
    strings: Vec<Bytes>,
    limits: &Limits,
    broken: impl Fn() -> LoadError,
) -> Loaded<Value> {
    let mut strings = strings.into_iter();
    while let Some(field) = strings.next() {
        let value = strings.next().ok_or_else(&broken)?;
        if hash.set(field, value, limits) {
            return Err(broken());
        }
    }
    Ok(Value::Hash(hash))
}

fn add_to_zset(zset: &mut ZSet, member: Bytes, score: f64, limits: &Limits) -> Loaded<()> {
    if score.is_nan() {
        return Err(LoadError::corrupt(RdbDefect::ZSetNan, "Zset with NAN score detected"));
    }
    match zset.insert(member, score, limits) {
        Inserted::Added => Ok(()),
        _ => Err(LoadError::corrupt(RdbDefect::ZSetDuplicate, "Duplicate zset fields detected")),
    }
}
