//! `bytes:N`: a word that stands for N bytes, so that a large value can be written in one line and
//! shown in one.
//!
//! The bytes begin with their own description and go on with characters that do not compress.
//! `bytes:N#K` are others for each K. Must not know: what the bytes are for.

use super::values;

const OPENING: &str = "bytes:";
/// The characters of which they consist, as many as six bits can tell apart.
const CHARACTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
/// The most that one word stands for.
const MOST: u64 = 64 << 20;
/// Fewer are shown as they are.
const SHORTEST_SHOWN: usize = 64;

/// What the word stands for; None: for itself.
pub fn read(word: &str) -> Option<Result<Vec<u8>, String>> {
    let rest = word.strip_prefix(OPENING)?;
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(parse(rest).map(|(length, kind)| bytes(length, kind)))
}

fn parse(rest: &str) -> Result<(u64, u64), String> {
    let (size, kind) = rest.split_once('#').unwrap_or((rest, "0"));
    const EXPECTED: &str = "expected bytes:4mb or bytes:4mb#2; quote it to mean the text itself";
    let expected = || EXPECTED.to_string();
    let length = values::size(size).map_err(|_| expected())?;
    let kind = values::number(kind).ok_or_else(expected)?;
    if length > MOST {
        return Err("a word stands for 64mb at most".to_string());
    }
    Ok((length, kind))
}

/// The word that stands for these bytes, if one does and they are too many to show.
pub fn word(bytes_: &[u8]) -> Option<String> {
    if bytes_.len() < SHORTEST_SHOWN || !bytes_.starts_with(OPENING.as_bytes()) {
        return None;
    }
    let end = bytes_.iter().take(SHORTEST_SHOWN).position(|byte| *byte == b';')?;
    let described = std::str::from_utf8(&bytes_[OPENING.len()..end]).ok()?;
    let (length, kind) = parse(described).ok()?;
    let same = length == bytes_.len() as u64 && bytes(length, kind) == bytes_;
    same.then(|| named(length, kind))
}

/// Whether a text would be read as such a word where it is not quoted.
pub fn is_word(text: &str) -> bool {
    read(text).is_some()
}

fn named(length: u64, kind: u64) -> String {
    let kind = if kind == 0 { String::new() } else { format!("#{kind}") };
    format!("{OPENING}{length}{kind}")
}

fn bytes(length: u64, kind: u64) -> Vec<u8> {
    let length = usize::try_from(length).expect("few enough to be there");
    let mut bytes = format!("{};", named(length as u64, kind)).into_bytes();
    bytes.truncate(length);
    bytes.reserve_exact(length - bytes.len());
    // xorshift64*: any state but 0 will do.
    let mut state = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let drawn = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        bytes.push(CHARACTERS[(drawn >> 58) as usize]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_bytes_that_are_shown_as_the_word() {
        let bytes = read("bytes:4mb#2").expect("a word").expect("a good one");
        assert_eq!(bytes.len(), 4 << 20);
        assert_eq!(word(&bytes).as_deref(), Some("bytes:4194304#2"));
        assert_eq!(word(&bytes[..bytes.len() - 1]), None);
        assert_ne!(read("bytes:100"), read("bytes:100#1"));
        assert_eq!(read("bytes:3").expect("a word").expect("a good one"), b"byt");
    }

    #[test]
    fn a_text_that_is_no_word_stands_for_itself_and_a_slip_is_pointed_at() {
        for text in ["bytes", "bytes:", "bytes:a", "xbytes:3"] {
            assert_eq!(read(text), None, "{text}");
        }
        for slip in ["bytes:4xb", "bytes:4#", "bytes:4#x", "bytes:65mb"] {
            assert!(read(slip).expect(slip).is_err(), "{slip}");
        }
    }

    #[test]
    fn the_bytes_do_not_compress() {
        let bytes = read("bytes:64kb").expect("a word").expect("a good one");
        let squeezed = miniz_oxide::deflate::compress_to_vec(&bytes, 9);
        // Six bits of eight say something.
        assert!(squeezed.len() > bytes.len() * 3 / 4, "{}", squeezed.len());
    }
}
