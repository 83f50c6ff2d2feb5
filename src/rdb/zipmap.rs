//! Zipmaps, which versions before 2.6 used for short hashes. Read only (Redis: zipmap.c).
//!
//! ```text
//! count:1  { length:1 or 5  field  length:1 or 5  unused:1  value  unused bytes } …  ff
//! ```
//!
//! Must not know: what is kept in one.

use crate::keyspace::Bytes;

const END: u8 = 255;
/// A length of four bytes follows.
const BIG_LEN: u8 = 254;

pub struct Zipmap {
    /// How many pairs there are as far as the header knows.
    count: u8,
    /// Fields and values alternating.
    pub strings: Vec<Bytes>,
}

impl Zipmap {
    /// Whether it is not empty, and its header is right (Redis: `zipmapValidateIntegrity`).
    pub fn is_counted_right(&self) -> bool {
        let pairs = self.strings.len() / 2;
        pairs > 0 && (self.count == BIG_LEN || usize::from(self.count) == pairs)
    }
}

/// None if it is damaged.
pub fn decode(block: &[u8]) -> Option<Zipmap> {
    let (&count, mut rest) = block.split_first()?;
    let mut strings = Vec::new();
    while rest != [END] {
        let (len, after) = split_len(rest)?;
        let (field, after) = after.split_at_checked(len)?;
        let (len, after) = split_len(after)?;
        let (&unused, after) = after.split_first()?;
        let (value, after) = after.split_at_checked(len)?;
        strings.extend([field.to_vec(), value.to_vec()]);
        rest = after.get(usize::from(unused)..)?;
    }
    Some(Zipmap { count, strings })
}

fn split_len(rest: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = rest.split_first()?;
    match first {
        END => None,
        BIG_LEN => {
            let (len, rest) = rest.split_at_checked(4)?;
            Some((u32::from_le_bytes(len.try_into().ok()?) as usize, rest))
        }
        len => Some((len.into(), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_redis_is_read() {
        let block = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world\0\0\xff";
        let zipmap = decode(block).expect("it is well-formed");
        assert!(zipmap.is_counted_right());
        assert_eq!(zipmap.strings, [&b"foo"[..], b"bar", b"hello", b"world"]);
        for len in 0..block.len() {
            assert!(decode(&block[..len]).is_none());
        }
    }
}
