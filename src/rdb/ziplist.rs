//! Ziplists: small strings in one block of memory. 6.0 uses them for short lists, hashes and sorted
//! sets and writes them to files unchanged (Redis: ziplist.c).
//!
//! ```text
//! bytes:4  tail:4  count:2  { length of the one before:1 or 5  encoding  [data] } …  ff
//!
//! 00nnnnnn, 01nnnnnn n, 10000000 n×4 (big-endian)      a string of n bytes
//! c0 d0 e0 f0 fe                                       an integer of 2, 4, 8, 3, 1 bytes
//! f1 … fd                                              the integer 0 … 12
//! ```
//!
//! Must not know: what is kept in one.

use crate::keyspace::Bytes;
use crate::keyspace::listpack::little_endian;
use crate::text::parse_integer;

const HEADER_LEN: usize = 10;
const END: u8 = 0xff;
/// From this length on, the next entry stores it in five bytes.
const BIG_LEN: usize = 254;
/// Strings of this length or more are not tried as integers.
const INTEGER_MAX_LEN: usize = 32;

/// A ziplist under construction.
pub struct Ziplist {
    bytes: Vec<u8>,
    /// Length of the last entry.
    last: usize,
    count: usize,
}

impl Default for Ziplist {
    fn default() -> Self {
        Ziplist { bytes: vec![0; HEADER_LEN], last: 0, count: 0 }
    }
}

impl Ziplist {
    /// What a string of this length takes besides its bytes, as far as that is known beforehand.
    pub fn overhead(len: usize) -> usize {
        let previous_len = if len < 254 { 1 } else { 5 };
        let own_len = match len {
            0..=63 => 1,
            64..=16383 => 2,
            _ => 5,
        };
        previous_len + own_len
    }

    /// How many bytes it takes.
    pub fn blob_len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// How many strings are in it.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Redis: `ziplistPush` at the tail.
    pub fn push(&mut self, string: &[u8]) {
        let start = self.bytes.len();
        if self.last < BIG_LEN {
            self.bytes.push(self.last as u8);
        } else {
            self.bytes.push(BIG_LEN as u8);
            self.bytes.extend_from_slice(&(self.last as u32).to_le_bytes());
        }
        let integer = Some(string).filter(|string| string.len() < INTEGER_MAX_LEN);
        match integer.and_then(parse_integer) {
            Some(integer) => self.push_integer(integer),
            None => self.push_string(string),
        }
        self.last = self.bytes.len() - start;
        self.count += 1;
    }

    fn push_string(&mut self, string: &[u8]) {
        let len = string.len();
        if len < 1 << 6 {
            self.bytes.push(len as u8);
        } else if len < 1 << 14 {
            self.bytes.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]);
        } else {
            self.bytes.push(0x80);
            self.bytes.extend_from_slice(&(len as u32).to_be_bytes());
        }
        self.bytes.extend_from_slice(string);
    }

    fn push_integer(&mut self, integer: i64) {
        let (encoding, width) = match integer {
            0..=12 => (0xf1 + integer as u8, 0),
            -0x80..=0x7f => (0xfe, 1),
            -0x8000..=0x7fff => (0xc0, 2),
            -0x80_0000..=0x7f_ffff => (0xf0, 3),
            -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
            _ => (0xe0, 8),
        };
        self.bytes.push(encoding);
        self.bytes.extend_from_slice(&integer.to_le_bytes()[..width]);
    }

    /// The whole block.
    pub fn into_bytes(mut self) -> Vec<u8> {
        let tail = (self.bytes.len() - self.last) as u32;
        self.bytes.push(END);
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&tail.to_le_bytes());
        let count = self.count.min(usize::from(u16::MAX)) as u16;
        self.bytes[8..HEADER_LEN].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}

/// Decodes a ziplist; None if it is damaged.
pub fn decode(block: &[u8]) -> Option<Vec<Bytes>> {
    let (header, mut rest) = block.split_at_checked(HEADER_LEN)?;
    if little_endian(&header[..4]) != block.len() as i64 {
        return None;
    }
    let mut strings = Vec::new();
    loop {
        match *rest {
            [END] => return Some(strings),
            [previous, ref after @ ..] if usize::from(previous) < BIG_LEN => rest = after,
            [previous, ref after @ ..] if usize::from(previous) == BIG_LEN => {
                rest = after.get(4..)?;
            }
            _ => return None,
        }
        let (string, after) = decode_entry(rest)?;
        strings.push(string);
        rest = after;
    }
}

/// Decodes an entry from its encoding on. Returns the rest too.
fn decode_entry(entry: &[u8]) -> Option<(Bytes, &[u8])> {
    let (&encoding, rest) = entry.split_first()?;
    match encoding {
        0x00..=0x3f => split_string(rest, usize::from(encoding)),
        0x40..=0x7f => {
            let (&low, rest) = rest.split_first()?;
            split_string(rest, usize::from(encoding & 0x3f) << 8 | usize::from(low))
        }
        0x80..=0xbf => {
            let (len, rest) = rest.split_at_checked(4)?;
            let len = len.iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
            split_string(rest, len)
        }
        0xc0 => split_integer(rest, 2),
        0xd0 => split_integer(rest, 4),
        0xe0 => split_integer(rest, 8),
        0xf0 => split_integer(rest, 3),
        0xfe => split_integer(rest, 1),
        0xf1..=0xfd => Some(((encoding - 0xf1).to_string().into_bytes(), rest)),
        _ => None,
    }
}

fn split_string(rest: &[u8], len: usize) -> Option<(Bytes, &[u8])> {
    let (string, rest) = rest.split_at_checked(len)?;
    Some((string.to_vec(), rest))
}

fn split_integer(rest: &[u8], width: usize) -> Option<(Bytes, &[u8])> {
    let (integer, rest) = rest.split_at_checked(width)?;
    Some((little_endian(integer).to_string().into_bytes(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ziplist(strings: &[&[u8]]) -> Vec<u8> {
        let mut list = Ziplist::default();
        strings.iter().for_each(|string| list.push(string));
        assert_eq!((list.blob_len(), list.is_empty()), (list.bytes.len() + 1, strings.is_empty()));
        list.into_bytes()
    }

    /// As in the comment at the head of ziplist.c: the strings 2 and 5.
    #[test]
    fn a_block_is_that_of_redis() {
        let block = ziplist(&[b"2", b"5"]);
        assert_eq!(block, b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff");
        assert_eq!(ziplist(&[]), b"\x0b\0\0\0\x0a\0\0\0\0\0\xff");
    }

    #[test]
    fn damaged_blocks_are_refused() {
        let block = ziplist(&[b"2", b"hello"]);
        assert!(decode(&block).is_some());
        for len in 0..block.len() {
            let mut cut = block[..len].to_vec();
            assert_eq!(decode(&cut), None);
            if len >= 4 {
                cut[..4].copy_from_slice(&(len as u32).to_le_bytes());
                assert_eq!(decode(&cut), None, "the length is right, but the end is not");
            }
        }
    }

    fn strings() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let number = any::<i64>().prop_flat_map(|number| {
            (0u32..64).prop_map(move |shift| (number >> shift).to_string().into_bytes())
        });
        let text = (0usize..3, any::<u8>()).prop_flat_map(|(size, byte)| {
            let max = [10usize, 300, 20_000][size];
            (0..max).prop_map(move |len| vec![byte; len])
        });
        prop::collection::vec(prop_oneof![number, text], 0..20)
    }

    proptest! {
        #[test]
        fn strings_come_back(strings in strings()) {
            let slices: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(decode(&ziplist(&slices)), Some(strings));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 4..200)) {
            let len = bytes.len() as u32;
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            let _ = decode(&bytes);
        }
    }
}
