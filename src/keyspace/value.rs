//! What a key holds: one of six types, each with the encoding that Redis would have given it.
//!
//! Must not know: keys, and how often a value is used.

use std::collections::VecDeque;

use super::bytes::Bytes;
use super::hash::Hash;
use super::set::Set;
use super::stream::Stream;
use super::string::StringValue;
use super::zset::ZSet;
use crate::generation::Compact;

/// A value. It remembers the encoding that Redis would have chosen, because OBJECT and the RDB file
/// depend on it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    String(StringValue),
    List(VecDeque<Bytes>),
    Set(Set),
    Hash(Hash),
    ZSet(ZSet),
    Stream(Stream),
}

impl Value {
    /// A string in its smallest encoding.
    pub fn string(bytes: impl Into<Bytes>) -> Value {
        Value::String(StringValue::encoded(bytes.into()))
    }

    /// The name that TYPE answers with.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Hash(_) => "hash",
            Value::ZSet(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }

    /// Bytes in its strings, plus eight for each integer or score.
    pub(super) fn payload(&self) -> usize {
        match self {
            Value::String(bytes) => bytes.len(),
            Value::List(list) => list.iter().map(Vec::len).sum(),
            Value::Set(set) => match set.integers() {
                Some(integers) => integers.len() * 8,
                None => set.iter().map(|member| member.len()).sum(),
            },
            Value::Hash(hash) => hash.iter().map(|(field, value)| field.len() + value.len()).sum(),
            Value::ZSet(zset) => zset.iter().map(|(member, _)| member.len() + 8).sum(),
            Value::Stream(stream) => stream.payload(),
        }
    }

    /// The reference count as Redis reports it: small integers are shared, other values are not.
    pub fn refcount(&self) -> i64 {
        match self {
            Value::String(string) if string.is_shared() => i64::from(i32::MAX),
            _ => 1,
        }
    }

    /// The name that OBJECT ENCODING answers with.
    pub fn encoding(&self, compact: Compact) -> &'static str {
        let compact = match compact {
            Compact::Ziplist => "ziplist",
            Compact::Listpack => "listpack",
        };
        match self {
            Value::String(string) => string.encoding(),
            Value::List(_) => "quicklist",
            Value::Set(set) if set.is_intset() => "intset",
            Value::Set(_) => "hashtable",
            Value::Hash(hash) if hash.is_ziplist() => compact,
            Value::Hash(_) => "hashtable",
            Value::ZSet(zset) if zset.is_ziplist() => compact,
            Value::ZSet(_) => "skiplist",
            Value::Stream(_) => "stream",
        }
    }
}
