//! LZF compression of long strings, making the same choices as liblzf in Redis' build, so that the
//! output is identical (Redis: lzf_c.c, lzf_d.c).
//!
//! ```text
//! 000nnnnn                     n + 1 literal bytes follow
//! nnnooooo oooooooo            n + 2 bytes again, from o + 1 back (n below 7)
//! 111ooooo nnnnnnnn oooooooo   n + 9 bytes again, from o + 1 back
//! ```
//!
//! Must not know: files.

/// Size of the table of positions, by a hash of three bytes.
const TABLE_LEN: usize = 1 << 16;
const LITERALS_MAX: usize = 1 << 5;
const OFFSET_MAX: usize = 1 << 13;
const REPEAT_MAX: usize = (1 << 8) + (1 << 3);
/// Bytes compared before the maximum length is checked.
const UNCHECKED: usize = 16;

/// A compressor, which reuses its table for the next string.
#[derive(Default)]
pub struct Lzf {
    /// Positions in the current string plus `base`; smaller ones are from earlier strings.
    table: Vec<u64>,
    base: u64,
}

/// The output, which may end with an open run of literals.
struct Output {
    bytes: Vec<u8>,
    literals: usize,
    max: usize,
}

impl Output {
    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.bytes.len() >= self.max {
            return None;
        }
        self.append(byte);
        Some(())
    }

    fn append(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.literals += 1;
        if self.literals == LITERALS_MAX {
            self.end_run();
            self.start_run();
        }
    }

    fn start_run(&mut self) {
        self.literals = 0;
        self.bytes.push(0);
    }

    fn end_run(&mut self) {
        if self.literals == 0 {
            self.bytes.pop();
            return;
        }
        let start = self.bytes.len() - self.literals - 1;
        self.bytes[start] = (self.literals - 1) as u8;
    }

    /// Appends a back reference: `len` bytes from `offset` + 1 back.
    fn repeat(&mut self, len: usize, offset: usize) -> Option<()> {
        let empty_run = usize::from(self.literals == 0);
        if self.bytes.len() - empty_run + 4 >= self.max {
            return None;
        }
        self.end_run();
        let (len, high) = (len - 2, (offset >> 8) as u8);
        if len < 7 {
            self.bytes.push(high + ((len as u8) << 5));
        } else {
            self.bytes.push(high + (7 << 5));
            self.bytes.push((len - 7) as u8);
        }
        self.bytes.push(offset as u8);
        self.start_run();
        Some(())
    }
}

impl Lzf {
    /// The compressed string if it fits into `max` bytes (Redis: `lzf_compress`).
    pub fn compress(&mut self, input: &[u8], max: usize) -> Option<Vec<u8>> {
        if input.is_empty() || max == 0 {
            return None;
        }
        if self.table.is_empty() {
            self.table = vec![0; TABLE_LEN];
            self.base = 1;
        }
        let mut out = Output { bytes: Vec::with_capacity(max), literals: 0, max };
        let compressed = self.compress_into(input, &mut out);
        self.base += input.len() as u64;
        compressed.map(|()| out.bytes)
    }

    fn compress_into(&mut self, input: &[u8], out: &mut Output) -> Option<()> {
        out.start_run();
        let end = input.len().saturating_sub(2);
        let mut at = 0;
        while at < end {
            let Some((earlier, offset)) = self.exchange(input, at) else {
                out.literal(input[at])?;
                at += 1;
                continue;
            };
            let len = repeated(input, earlier, at);
            out.repeat(len, offset)?;
            at += len;
            if at >= end {
                break;
            }
            self.remember(input, at - 2);
            self.remember(input, at - 1);
        }
        if out.bytes.len() + 3 > out.max {
            return None;
        }
        input[at..].iter().for_each(|&byte| out.append(byte));
        out.end_run();
        Some(())
    }

    fn remember(&mut self, input: &[u8], at: usize) -> u64 {
        let (first, second, third) = (input[at], input[at + 1], input[at + 2]);
        let triple = u32::from_be_bytes([0, first, second, third]);
        let slot = (triple >> 8).wrapping_sub(triple.wrapping_mul(5)) as usize % TABLE_LEN;
        std::mem::replace(&mut self.table[slot], self.base + at as u64)
    }

    /// Stores this position. Returns an earlier one with the same three bytes, and its distance
    /// minus 1. Like liblzf, never refers to position 0.
    fn exchange(&mut self, input: &[u8], at: usize) -> Option<(usize, usize)> {
        let earlier = self.remember(input, at).checked_sub(self.base)? as usize;
        let offset = at.checked_sub(earlier + 1)?;
        let usable = earlier > 0 && offset < OFFSET_MAX;
        (usable && input[earlier..earlier + 3] == input[at..at + 3]).then_some((earlier, offset))
    }
}

/// Length of the match at two positions, as far as liblzf compares; at least 3.
fn repeated(input: &[u8], earlier: usize, at: usize) -> usize {
    let max = (input.len() - at - 2).min(REPEAT_MAX);
    let same = |len: usize| input[earlier + len] == input[at + len];
    let mut len = 2;
    if max > UNCHECKED {
        for _ in 0..UNCHECKED {
            len += 1;
            if !same(len) {
                return len;
            }
        }
    }
    loop {
        len += 1;
        if len >= max || !same(len) {
            return len;
        }
    }
}

/// Decompresses a string of exactly `len` bytes (Redis: `lzf_decompress`).
///
/// Does not allocate for a `len` that `input` cannot expand to.
pub fn decompress(input: &[u8], len: u64) -> Option<Vec<u8>> {
    let possible = (input.len() as u64).saturating_mul(REPEAT_MAX as u64);
    let len = usize::try_from(len).ok().filter(|_| len <= possible)?;
    let mut out = Vec::with_capacity(len);
    let mut input = input.iter();
    while let Some(&control) = input.next() {
        if usize::from(control) < LITERALS_MAX {
            let count = usize::from(control) + 1;
            let literals = input.as_slice().get(..count)?;
            out.extend_from_slice(literals);
            input = input.as_slice()[count..].iter();
        } else {
            let mut count = usize::from(control >> 5) + 2;
            if count == 9 {
                count += usize::from(*input.next()?);
            }
            let offset = usize::from(control & 0x1f) << 8 | usize::from(*input.next()?);
            let start = out.len().checked_sub(offset + 1)?;
            // The source may overlap with what is being appended.
            for place in start..start + count {
                out.push(out[place]);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeats_are_found_and_noise_is_left_alone() {
        let mut lzf = Lzf::default();
        let text = b"abcabcabcabcabcabcabcabcabcabc";
        let small = lzf.compress(text, text.len() - 4).expect("it repeats");
        assert_eq!(small, b"\x03abca\xe0\x0f\x02\x01bc");
        assert_eq!(decompress(&small, text.len() as u64).as_deref(), Some(&text[..]));
        let noise: Vec<u8> = (0..=255).collect();
        assert_eq!(lzf.compress(&noise, noise.len() - 4), None);
    }

    /// The number is that of Redis' lzf_c.c, its table cleared before each string.
    #[test]
    fn the_bytes_are_those_of_liblzf() {
        let (mut lzf, mut seed, mut hash) = (Lzf::default(), 1u32, 1_469_598_103_934_665_603u64);
        let mut add = |number: u64| hash = (hash ^ number).wrapping_mul(1_099_511_628_211);
        for round in 0..2000u32 {
            let string: Vec<u8> = (0..21 + round * 7 % 3000)
                .map(|_| {
                    seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                    ((seed >> 16) % (1 + round % 9)) as u8
                })
                .collect();
            let small = lzf.compress(&string, string.len() - 4).unwrap_or_default();
            add(small.len() as u64);
            small.iter().for_each(|&byte| add(byte.into()));
        }
        assert_eq!(hash, 10_689_520_807_602_866_929);
    }

    #[test]
    fn a_wrong_length_or_a_reference_before_the_start_is_refused() {
        assert_eq!(decompress(b"\x00a", 1).as_deref(), Some(&b"a"[..]));
        assert_eq!(decompress(b"\x00a", 2), None);
        assert_eq!(decompress(b"\x00a", u64::MAX), None);
        assert_eq!(decompress(b"\x01a", 2), None);
        assert_eq!(decompress(b"\x00a\x20\x01", 4), None);
        assert_eq!(decompress(b"\x00a\xe0", 4), None);
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            strings in prop::collection::vec(prop::collection::vec(0u8..4, 0..2000), 1..4)
        ) {
            let mut lzf = Lzf::default();
            for string in strings {
                let max = string.len().saturating_sub(4);
                if let Some(small) = lzf.compress(&string, max) {
                    prop_assert!(small.len() <= max);
                    prop_assert_eq!(decompress(&small, string.len() as u64), Some(string));
                }
            }
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>, len in 0u64..10_000) {
            let _ = decompress(&bytes, len);
        }
    }
}
