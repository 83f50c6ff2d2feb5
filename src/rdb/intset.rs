//! Intsets: sorted integers of one width (Redis: intset.c).
//!
//! ```text
//! width:4 (2, 4 or 8 bytes)  count:4  integers
//! ```
//!
//! Must not know: what is kept in one.

use crate::keyspace::listpack::little_endian;

/// Encodes ascending integers with the smallest width that fits. (Redis keeps a larger width after
/// wide integers were removed.)
pub fn encode(integers: &[i64]) -> Vec<u8> {
    let fits = |low: i64, high: i64| integers.iter().all(|value| (low..=high).contains(value));
    let width = if fits(i16::MIN.into(), i16::MAX.into()) {
        2
    } else if fits(i32::MIN.into(), i32::MAX.into()) {
        4
    } else {
        8
    };
    let mut block = Vec::with_capacity(8 + integers.len() * width);
    block.extend_from_slice(&(width as u32).to_le_bytes());
    block.extend_from_slice(&(integers.len() as u32).to_le_bytes());
    for integer in integers {
        block.extend_from_slice(&integer.to_le_bytes()[..width]);
    }
    block
}

/// Decodes a block; None if it is damaged.
pub fn decode(block: &[u8]) -> Option<Vec<i64>> {
    let (header, rest) = block.split_at_checked(8)?;
    let width = usize::try_from(little_endian(&header[..4])).ok()?;
    let count = u32::from_le_bytes(header[4..].try_into().ok()?) as usize;
    if !matches!(width, 2 | 4 | 8) || rest.len() != width.checked_mul(count)? {
        return None;
    }
    let integers: Vec<i64> = rest.chunks_exact(width).map(little_endian).collect();
    integers.windows(2).all(|pair| pair[0] < pair[1]).then_some(integers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_in_the_least_width() {
        for (integers, len) in [
            (vec![], 8),
            (vec![-32768, 0, 32767], 14),
            (vec![-32769, 5], 16),
            (vec![5, 1 << 31], 24),
            (vec![i64::MIN, i64::MAX], 24),
        ] {
            let block = encode(&integers);
            assert_eq!(block.len(), len);
            assert_eq!(decode(&block), Some(integers));
        }
    }

    #[test]
    fn damaged_blocks_are_refused() {
        for block in [
            &b"\x02\0\0\0\x02\0\0\0\x01\0"[..],
            b"\x03\0\0\0\0\0\0\0",
            b"\x02\0\0\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        ] {
            assert_eq!(decode(block), None);
        }
    }
}
