//! Ids as clients write them (Redis: `streamGenericParseIDOrReply` and those that call it).
//!
//! Must not know: streams.

use crate::command::failure::Failure;
use crate::keyspace::StreamId;

/// Longest text of an id.
const MAX_LEN: usize = 127;

fn invalid() -> Failure {
    Failure::new("Invalid stream ID specified as stream command argument")
}

/// A number as C's `strtoull` reads it, which takes blanks and a sign before the digits; but a
/// negative number in canonical form is none (Redis: `string2ull`).
fn number(text: &[u8]) -> Option<u64> {
    if let Some(integer) = crate::text::parse_integer(text) {
        return u64::try_from(integer).ok();
    }
    let start = text.iter().position(|byte| !matches!(byte, b' ' | 9..=13))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

fn parts(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let text = super::printed(text);
    let dash = text.iter().position(|&byte| byte == b'-');
    Some(dash.map_or((text, None), |dash| (&text[..dash], Some(&text[dash + 1..]))))
}

/// `ms-seq` or `ms`; for the latter, the number within the millisecond is `missing_seq`.
pub fn strict_id(text: &[u8], missing_seq: u64) -> Result<StreamId, Failure> {
    let parsed = || {
        let (ms, seq) = parts(text).filter(|_| text.len() <= MAX_LEN)?;
        let seq = seq.map_or(Some(missing_seq), number)?;
        Some(StreamId { ms: number(ms)?, seq })
    };
    parsed().ok_or_else(invalid)
}

/// The same, or `-` for the lowest and `+` for the highest id.
pub fn id(text: &[u8], missing_seq: u64) -> Result<StreamId, Failure> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict_id(text, missing_seq),
    }
}

/// The id for a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`
    Any,
    /// `ms-*`: the next one within this millisecond.
    Within(u64),
    Given(StreamId),
}

/// An id for a new entry; `ms-*` is allowed.
pub fn new_id(text: &[u8]) -> Result<NewId, Failure> {
    if let Some((ms, Some(b"*"))) = parts(text).filter(|_| text.len() <= MAX_LEN) {
        return number(ms).map(NewId::Within).ok_or_else(invalid);
    }
    strict_id(text, 0).map(NewId::Given)
}

/// Both ends of an interval, included; `excludes_ends` allows `(` before either.
pub fn interval(
    start: &[u8],
    end: &[u8],
    excludes_ends: bool,
) -> Result<(StreamId, StreamId), Failure> {
    let start = match excluded(start, excludes_ends) {
        Some(text) => {
            let invalid = || Failure::new("invalid start ID for the interval");
            strict_id(text, 0)?.next().ok_or_else(invalid)?
        }
        None => id(start, 0)?,
    };
    let end = match excluded(end, excludes_ends) {
        Some(text) => {
            let invalid = || Failure::new("invalid end ID for the interval");
            strict_id(text, u64::MAX)?.previous().ok_or_else(invalid)?
        }
        None => id(end, u64::MAX)?,
    };
    Ok((start, end))
}

/// The id after `(`, which is one only with something after it.
fn excluded(text: &[u8], allowed: bool) -> Option<&[u8]> {
    text.strip_prefix(b"(").filter(|rest| allowed && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let both = |ms, seq| Ok(StreamId { ms, seq });
        assert_eq!(strict_id(b"5", 7), both(5, 7));
        assert_eq!(strict_id(b"5-3", 7), both(5, 3));
        assert_eq!(strict_id(b"007-+3", 7), both(7, 3));
        assert_eq!(strict_id(b"18446744073709551615-0", 0), both(u64::MAX, 0));
        for wrong in ["", "-", "+", "a", "5-", "-5", "5--3", "5-3-1", "18446744073709551616"] {
            assert!(strict_id(wrong.as_bytes(), 0).is_err(), "{wrong}");
        }
        assert!(strict_id(&[b'1'; 128], 0).is_err());
        assert_eq!((id(b"-", 1), id(b"+", 1)), (Ok(StreamId::MIN), Ok(StreamId::MAX)));
        assert_eq!(new_id(b"5-*"), Ok(NewId::Within(5)));
        assert!(new_id(b"5-*1").is_err() && new_id(b"-*").is_err());
    }

    #[test]
    fn an_end_may_be_left_out() {
        let both = |ms, seq| StreamId { ms, seq };
        assert_eq!(interval(b"(5", b"(6", true), Ok((both(5, 1), both(6, u64::MAX - 1))));
        assert!(interval(b"(5", b"+", false).is_err());
        assert!(interval(b"(-", b"+", true).is_err() && interval(b"(", b"+", true).is_err());
        assert!(interval(b"-", b"(0-0", true).is_err());
    }
}
