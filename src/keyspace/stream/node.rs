//! A node of a stream: entries that follow each other, in one listpack (Redis: t_stream.c).
//!
//! ```text
//! live  deleted  fields  { field } …  0    { entry } …
//!
//! entry with the node's fields     flags  ms  seq               { value } …        items before
//! entry with fields of its own     flags  ms  seq  fields  { field value } …       items before
//! ```
//!
//! `ms` and `seq` are counted from the id of the node, which is that of its first entry. A deleted
//! entry stays in its node and is only marked.
//! Must not know: other nodes.

use super::StreamId;
use crate::keyspace::bytes::Bytes;
use crate::keyspace::listpack::{self, Listpack};
use crate::text::parse_integer;

/// The entry was deleted.
const DELETED: i64 = 1;
/// Its fields are those of the node.
const SAME_FIELDS: i64 = 1 << 1;

/// An entry. Without `fields` it has those of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: StreamId,
    pub deleted: bool,
    fields: Option<Vec<Bytes>>,
    values: Vec<Bytes>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    fields: Vec<Bytes>,
    /// Entries that are not deleted.
    pub live: u64,
    pub deleted: u64,
    entries: Vec<Entry>,
    /// What the entries take in the listpack.
    entries_len: usize,
}

impl Node {
    /// A node without entries for entries with the fields of `pairs`.
    pub fn new(pairs: &[Bytes]) -> Node {
        let fields = pairs.iter().step_by(2).cloned().collect();
        Node { fields, live: 0, deleted: 0, entries: Vec::new(), entries_len: 0 }
    }

    /// Appends an entry to the node whose id is `node`.
    pub fn push(&mut self, node: StreamId, id: StreamId, pairs: &[Bytes]) {
        let same = pairs.len() == 2 * self.fields.len()
            && pairs.iter().step_by(2).zip(&self.fields).all(|(field, known)| field == known);
        let fields = (!same).then(|| pairs.iter().step_by(2).cloned().collect());
        let values = pairs.iter().skip(1).step_by(2).cloned().collect();
        let entry = Entry { id, deleted: false, fields, values };
        self.live = self.live.wrapping_add(1);
        self.push_entry(node, entry);
    }

    fn push_entry(&mut self, node: StreamId, entry: Entry) {
        let mut items = Listpack::default();
        write_entry(&mut items, node, &entry);
        self.entries_len += items.entries_len();
        self.entries.push(entry);
    }

    /// All entries, the deleted ones too.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Marks an entry as deleted.
    pub fn delete(&mut self, place: usize) {
        self.entries[place].deleted = true;
        // The counts come from a file, which may be wrong about them.
        self.live = self.live.wrapping_sub(1);
        self.deleted = self.deleted.wrapping_add(1);
    }

    /// The fields of an entry with their values.
    pub fn pairs<'n>(&'n self, entry: &'n Entry) -> impl ExactSizeIterator<Item = [&'n Bytes; 2]> {
        let fields = entry.fields.as_ref().unwrap_or(&self.fields);
        fields.iter().zip(&entry.values).map(|(field, value)| [field, value])
    }

    /// Bytes in its strings.
    pub fn payload(&self) -> usize {
        self.entries.iter().flat_map(|entry| &entry.values).map(Vec::len).sum()
    }

    /// Bytes of the whole listpack.
    pub fn blob_len(&self) -> usize {
        self.head().blob_len() + self.entries_len
    }

    fn head(&self) -> Listpack {
        let mut items = Listpack::default();
        items.push_integer(self.live as i64);
        items.push_integer(self.deleted as i64);
        items.push_integer(self.fields.len() as i64);
        self.fields.iter().for_each(|field| items.push(field));
        items.push_integer(0);
        items
    }

    /// As a listpack; `node` is its id.
    pub fn encode(&self, node: StreamId) -> Vec<u8> {
        let mut items = self.head();
        self.entries.iter().for_each(|entry| write_entry(&mut items, node, entry));
        items.into_bytes()
    }

    /// From a listpack; None if it is none, or not one of a stream (Redis:
    /// `streamValidateListpackIntegrity`).
    pub fn decode(node: StreamId, block: &[u8]) -> Option<Node> {
        let mut items = listpack::decode(block)?.into_iter();
        let (live, deleted) = (count(&mut items)?, count(&mut items)?);
        let fields = strings(&mut items, 1)?;
        if integer(&mut items)? != 0 {
            return None;
        }
        let entries = Vec::new();
        let mut decoded = Node { fields, live, deleted, entries, entries_len: 0 };
        while items.len() > 0 {
            let entry = read_entry(&mut items, node, decoded.fields.len())?;
            decoded.push_entry(node, entry);
        }
        Some(decoded)
    }
}

fn write_entry(items: &mut Listpack, node: StreamId, entry: &Entry) {
    let mut flags = if entry.deleted { DELETED } else { 0 };
    flags |= if entry.fields.is_none() { SAME_FIELDS } else { 0 };
    items.push_integer(flags);
    items.push_integer(entry.id.ms.wrapping_sub(node.ms) as i64);
    items.push_integer(entry.id.seq.wrapping_sub(node.seq) as i64);
    let mut before = 3 + entry.values.len();
    match &entry.fields {
        None => entry.values.iter().for_each(|value| items.push(value)),
        Some(fields) => {
            items.push_integer(fields.len() as i64);
            before += fields.len() + 1;
            for (field, value) in fields.iter().zip(&entry.values) {
                items.push(field);
                items.push(value);
            }
        }
    }
    items.push_integer(before as i64);
}

type Items = std::vec::IntoIter<Bytes>;

fn read_entry(items: &mut Items, node: StreamId, node_fields: usize) -> Option<Entry> {
    let flags = integer(items)?;
    let (ms, seq) = (integer(items)? as u64, integer(items)? as u64);
    let id = StreamId { ms: node.ms.wrapping_add(ms), seq: node.seq.wrapping_add(seq) };
    let (fields, values, before) = if flags & SAME_FIELDS != 0 {
        let values = take(items, node_fields)?;
        (None, values, 3 + node_fields)
    } else {
        let pairs = strings(items, 2)?;
        let count = pairs.len() / 2;
        let (mut fields, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (place, item) in pairs.into_iter().enumerate() {
            if place % 2 == 0 { fields.push(item) } else { values.push(item) }
        }
        (Some(fields), values, 4 + 2 * count)
    };
    let deleted = flags & DELETED != 0;
    (integer(items)? == before as i64).then_some(Entry { id, deleted, fields, values })
}

fn integer(items: &mut Items) -> Option<i64> {
    parse_integer(&items.next()?)
}

fn count(items: &mut Items) -> Option<u64> {
    integer(items)?.try_into().ok()
}

/// A count, and `parts` strings for each.
fn strings(items: &mut Items, parts: usize) -> Option<Vec<Bytes>> {
    let wanted = usize::try_from(count(items)?).ok()?.checked_mul(parts)?;
    take(items, wanted)
}

fn take(items: &mut Items, wanted: usize) -> Option<Vec<Bytes>> {
    (items.len() >= wanted).then(|| items.take(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(words: &str) -> Vec<Bytes> {
        words.split(' ').map(|word| word.as_bytes().to_vec()).collect()
    }

    fn node() -> (StreamId, Node) {
        let id = |seq| StreamId { ms: 5, seq };
        let mut node = Node::new(&pairs("a 1 b 2"));
        node.push(id(7), id(7), &pairs("a 1 b 2"));
        node.push(id(7), id(9), &pairs("a 3 c 4"));
        node.push(id(7), StreamId { ms: 6, seq: 0 }, &pairs("a 5 b 66"));
        node.delete(1);
        (id(7), node)
    }

    #[test]
    fn a_listpack_comes_back_and_has_the_length_foretold() {
        let (id, node) = node();
        let block = node.encode(id);
        assert_eq!(block.len(), node.blob_len());
        assert_eq!(Node::decode(id, &block).as_ref(), Some(&node));
        let words = |place: usize| {
            let pairs = node.pairs(&node.entries()[place]).flatten().cloned();
            String::from_utf8(pairs.collect::<Vec<_>>().join(&b' ')).expect("ASCII")
        };
        assert_eq!([words(0), words(1), words(2)], ["a 1 b 2", "a 3 c 4", "a 5 b 66"]);
    }

    /// What redis-server 7.0.15 keeps for XADD 5-7, 5-9 and 6-0 as above, and XDEL 5-9.
    #[test]
    fn a_listpack_is_that_of_redis() {
        let (id, node) = node();
        let expected = b"\x42\0\0\0\x1b\0\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\0\x01\
                         \x02\x01\0\x01\0\x01\x01\x01\x02\x01\x05\x01\
                         \x01\x01\0\x01\x02\x01\x02\x01\x81a\x02\x03\x01\x81c\x02\x04\x01\x08\x01\
                         \x02\x01\x01\x01\xdf\xf9\x02\x05\x01\x42\x01\x05\x01\xff";
        assert_eq!(node.encode(id), expected);
    }

    #[test]
    fn damaged_nodes_are_refused() {
        let (id, node) = node();
        let items = listpack::decode(&node.encode(id)).expect("it is intact");
        for left_out in 0..items.len() {
            let mut damaged = Listpack::default();
            let kept = items.iter().enumerate().filter(|&(place, _)| place != left_out);
            kept.for_each(|(_, item)| damaged.push(item));
            assert_eq!(Node::decode(id, &damaged.into_bytes()), None, "without item {left_out}");
        }
    }
}
