//! Hashes, and the encoding that Redis would have chosen (Redis: t_hash.c).
//!
//! A hash starts as a ziplist, which keeps its fields in order. It becomes a hash table,
//! permanently, when it or one of its strings is too long.
//! Must not know: commands, and the bytes of either encoding.

use super::bytes::{Bytes, BytesMap};
use super::limits::Limits;

/// Fields with their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash {
    fields: BytesMap<Bytes>,
    ziplist: bool,
}

impl Default for Hash {
    fn default() -> Self {
        Hash::new()
    }
}

impl Hash {
    /// An empty ziplist.
    pub fn new() -> Hash {
        Hash { fields: BytesMap::default(), ziplist: true }
    }

    /// Whether it is still a ziplist.
    pub fn is_ziplist(&self) -> bool {
        self.ziplist
    }

    /// Converts it to a hash table, permanently.
    pub fn convert_to_hashtable(&mut self) {
        self.ziplist = false;
    }

    /// Converts it to a hash table if one of the strings about to be set is too long for a ziplist
    /// (Redis: `hashTypeTryConversion`).
    pub fn try_conversion(&mut self, items: &[Bytes], limits: &Limits) {
        if items.iter().any(|item| item.len() > limits.hash_max_ziplist_value) {
            self.ziplist = false;
        }
    }

    /// Sets a field. Returns whether it existed (Redis: `hashTypeSet`). Checks only the number of
    /// fields, not their length.
    pub fn set(&mut self, field: Bytes, value: Bytes, limits: &Limits) -> bool {
        let updated = self.fields.insert(field, value).is_some();
        self.ziplist &= self.fields.len() <= limits.hash_max_ziplist_entries;
        updated
    }

    pub fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.fields.get(field)
    }

    /// The pair at an index of the iteration.
    pub fn get_index(&self, place: usize) -> Option<(&Bytes, &Bytes)> {
        self.fields.get_index(place)
    }

    pub fn contains(&self, field: &[u8]) -> bool {
        self.fields.contains_key(field)
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Removes a field and returns its value. The rest of a ziplist stays in order.
    pub fn remove(&mut self, field: &[u8]) -> Option<Bytes> {
        if self.ziplist { self.fields.shift_remove(field) } else { self.fields.swap_remove(field) }
    }

    /// All pairs, in insertion order while it is a ziplist.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Bytes, &Bytes)> {
        self.fields.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ziplist_ends_with_one_field_too_many_or_a_string_too_long() {
        let limits =
            Limits { hash_max_ziplist_entries: 2, hash_max_ziplist_value: 3, ..Limits::default() };
        let mut hash = Hash::new();
        for field in [b"b", b"a"] {
            assert!(!hash.set(field.to_vec(), b"1".to_vec(), &limits));
        }
        assert!(hash.set(b"b".to_vec(), b"2".to_vec(), &limits) && hash.is_ziplist());
        assert_eq!(hash.get_index(0), Some((&b"b".to_vec(), &b"2".to_vec())));
        let mut long = hash.clone();
        long.try_conversion(&[b"123".to_vec()], &limits);
        assert!(long.is_ziplist());
        long.try_conversion(&[b"1".to_vec(), b"1234".to_vec()], &limits);
        assert!(!long.is_ziplist());
        hash.set(b"c".to_vec(), b"1".to_vec(), &limits);
        assert_eq!(hash.remove(b"c"), Some(b"1".to_vec()));
        assert!(!hash.is_ziplist(), "it does not become one again");
    }
}
