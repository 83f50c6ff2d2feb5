//! Listpacks, which replace ziplists in 7.0 (Redis 7.0: listpack.c).
//!
//! ```text
//! bytes:4  count:2  { encoding  [data]  own length, read backwards:1 to 5 } …  ff
//!
//! 0nnnnnnn              the integer n                 10nnnnnn         a string of n bytes
//! 110nnnnn n            an integer of 13 bits         1110nnnn n       a string of n bytes
//! f1 f2 f3 f4           of 2, 3, 4, 8 bytes           f0 n×4 (little)  a string of n bytes
//! ```
//!
//! Must not know: what is kept in one.

use super::bytes::Bytes;
use crate::text::parse_integer;

const HEADER_LEN: usize = 6;
const END: u8 = 0xff;
/// Stands for a number of entries that does not fit.
const UNKNOWN_COUNT: u16 = u16::MAX;

/// A listpack that is being filled.
#[derive(Default)]
pub struct Listpack {
    entries: Vec<u8>,
    count: usize,
}

impl Listpack {
    /// What a string is expected to take besides its bytes (Redis: `SIZE_ESTIMATE_OVERHEAD`).
    pub const EXPECTED_OVERHEAD: usize = 8;

    /// Bytes of the whole block.
    pub fn blob_len(&self) -> usize {
        HEADER_LEN + self.entries.len() + 1
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the entries alone.
    pub fn entries_len(&self) -> usize {
        self.entries.len()
    }

    /// Appends a string; an integer in canonical form is encoded as one.
    pub fn push(&mut self, string: &[u8]) {
        match parse_integer(string) {
            Some(integer) => self.push_integer(integer),
            None => self.push_with(|entries| push_string(entries, string)),
        }
    }

    pub fn push_integer(&mut self, integer: i64) {
        self.push_with(|entries| push_integer(entries, integer));
    }

    fn push_with(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        let start = self.entries.len();
        push(&mut self.entries);
        push_own_len(&mut self.entries, start);
        self.count += 1;
    }

    pub fn into_bytes(self) -> Vec<u8> {
        let count = u16::try_from(self.count).unwrap_or(UNKNOWN_COUNT);
        let len = (self.blob_len() as u32).to_le_bytes();
        [&len[..], &count.to_le_bytes(), &self.entries, &[END]].concat()
    }
}

/// Redis: `lpEncodeIntegerGetType`.
fn push_integer(entries: &mut Vec<u8>, value: i64) {
    let le = value.to_le_bytes();
    let mut fixed = |mark: u8, width: usize| {
        entries.push(mark);
        entries.extend_from_slice(&le[..width]);
    };
    match value {
        0..=127 => entries.push(value as u8),
        -4096..=4095 => entries.extend([0xc0 | (value >> 8) as u8 & 0x1f, value as u8]),
        -0x8000..=0x7fff => fixed(0xf1, 2),
        -0x80_0000..=0x7f_ffff => fixed(0xf2, 3),
        -0x8000_0000..=0x7fff_ffff => fixed(0xf3, 4),
        _ => fixed(0xf4, 8),
    }
}

/// Redis: `lpEncodeString`.
fn push_string(entries: &mut Vec<u8>, string: &[u8]) {
    let len = string.len();
    match len {
        0..=63 => entries.push(0x80 | len as u8),
        64..=4095 => entries.extend([0xe0 | (len >> 8) as u8, len as u8]),
        _ => {
            entries.push(0xf0);
            entries.extend_from_slice(&(len as u32).to_le_bytes());
        }
    }
    entries.extend_from_slice(string);
}

/// The length of the entry that begins at `start`, to be read from its end: seven bits a byte, the
/// highest first; all but the first byte are marked (Redis: `lpEncodeBacklen`).
fn push_own_len(entries: &mut Vec<u8>, start: usize) {
    let len = entries.len() - start;
    let bytes = own_len_bytes(len);
    for place in (0..bytes).rev() {
        let mark = if place + 1 == bytes { 0 } else { 0x80 };
        entries.push((len >> (7 * place)) as u8 & 0x7f | mark);
    }
}

/// Decodes a listpack; None if it is damaged.
pub fn decode(block: &[u8]) -> Option<Vec<Bytes>> {
    let (header, mut rest) = block.split_at_checked(HEADER_LEN)?;
    if u32::from_le_bytes(header[..4].try_into().ok()?) as usize != block.len() {
        return None;
    }
    let mut strings = Vec::new();
    while rest != [END] {
        let (string, len) = decode_entry(rest)?;
        strings.push(string);
        rest = rest.get(len + own_len_bytes(len)..)?;
    }
    Some(strings)
}

/// One entry, and the length of its encoding and data.
fn decode_entry(entry: &[u8]) -> Option<(Bytes, usize)> {
    let integer = |value: i64, len: usize| Some((value.to_string().into_bytes(), len));
    let fixed = |width: usize| integer(little_endian(entry.get(1..1 + width)?), 1 + width);
    let string = |start: usize, len: usize| {
        let string = entry.get(start..start.checked_add(len)?)?;
        Some((string.to_vec(), start + len))
    };
    let second = || entry.get(1).map(|&byte| usize::from(byte));
    let first = *entry.first()?;
    match first {
        0x00..=0x7f => integer(first.into(), 1),
        0x80..=0xbf => string(1, usize::from(first & 0x3f)),
        0xc0..=0xdf => {
            let value = (i64::from(first & 0x1f) << 8) | second()? as i64;
            integer(if value < 1 << 12 { value } else { value - (1 << 13) }, 2)
        }
        0xe0..=0xef => string(2, usize::from(first & 0x0f) << 8 | second()?),
        0xf0 => {
            let len = u32::from_le_bytes(entry.get(1..5)?.try_into().ok()?);
            string(5, len as usize)
        }
        0xf1 => fixed(2),
        0xf2 => fixed(3),
        0xf3 => fixed(4),
        0xf4 => fixed(8),
        _ => None,
    }
}

/// A signed integer of one to eight bytes.
pub fn little_endian(bytes: &[u8]) -> i64 {
    let unsigned = bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    ((unsigned << unused) as i64) >> unused
}

/// How many bytes an entry's own length takes.
fn own_len_bytes(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(entries: &[u8]) -> Vec<u8> {
        let len = (HEADER_LEN + entries.len() + 1) as u32;
        [&len.to_le_bytes()[..], &[0xff, 0xff], entries, &[END]].concat()
    }

    #[test]
    fn each_encoding_is_read() {
        let entries = b"\x05\x01\x82hi\x03\xdf\xff\x02\xcf\xff\x02\xe0\x01x\x03\xf0\x01\0\0\0y\x06\
                        \xf1\0\x80\x03\xf2\xff\xff\xff\x04\xf3\x01\0\0\0\x05\
                        \xf4\x01\0\0\0\0\0\0\0\x09";
        let strings: Vec<String> = decode(&block(entries))
            .expect("it is well-formed")
            .iter()
            .map(|string| String::from_utf8_lossy(string).into_owned())
            .collect();
        assert_eq!(strings, ["5", "hi", "-1", "4095", "x", "y", "-32768", "-1", "1", "1"]);
        assert_eq!(decode(&block(b"")), Some(Vec::new()));
        assert_eq!(decode(&block(b"\x85hi\x03")), None);
        assert_eq!(decode(b"\x07\0\0\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(strings: Vec<Vec<u8>>, integers: Vec<i64>) {
            let integers = integers.iter().map(|integer| integer.to_string().into_bytes());
            let long = [63, 64, 127, 128, 4095, 4096, 16_400].map(|len| vec![b'x'; len]);
            let strings: Vec<Bytes> = strings.into_iter().chain(integers).chain(long).collect();
            let mut listpack = Listpack::default();
            strings.iter().for_each(|string| listpack.push(string));
            let blob_len = listpack.blob_len();
            let bytes = listpack.into_bytes();
            prop_assert_eq!(bytes.len(), blob_len);
            prop_assert_eq!(decode(&bytes), Some(strings));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(entries: Vec<u8>) {
            let _ = decode(&block(&entries));
        }
    }
}
