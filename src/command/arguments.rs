//! Parsing of arguments: integers, floats, indexes into a sequence (Redis: object.c).
//!
//! Must not know: the commands.

use std::ops::Range;

use super::failure::Failure;
use crate::text::float::parse_double;
use crate::text::parse_integer;

/// Parses an integer (Redis: `getLongLongFromObjectOrReply`).
pub fn integer(argument: &[u8]) -> Result<i64, Failure> {
    parse_integer(argument).ok_or_else(Failure::not_an_integer)
}

/// Parses a double. Infinity must be spelled out, an overflow is an error (Redis: `string2d`,
/// `getDoubleFromObjectOrReply`).
pub fn float(argument: &[u8]) -> Result<f64, Failure> {
    parse_double(argument)
        .filter(|value| value.is_finite() || names_infinity(argument))
        .filter(|&value| value != 0.0 || says_zero(argument))
        .ok_or_else(|| Failure::new("value is not a valid float"))
}

fn names_infinity(argument: &[u8]) -> bool {
    matches!(argument, [b'i' | b'I', ..] | [b'+' | b'-', b'i' | b'I', ..])
}

/// Whether the text is a zero and not an underflow: all digits before an exponent are 0.
fn says_zero(argument: &[u8]) -> bool {
    let mut number = argument.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    !number.any(|byte| matches!(byte, b'1'..=b'9'))
}

/// The indexes from `start` to `stop` that exist in a sequence of this length. Negative ones count
/// from the end.
pub fn index_range(start: i64, stop: i64, length: usize) -> Range<usize> {
    let length = length as i64;
    let from_end = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
    let start = from_end(start).max(0);
    let stop = from_end(stop).min(length - 1);
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

/// The index of one element. A negative one counts from the end.
pub fn index_of(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(length as i64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < length)
}

/// Whether an argument equals this word, ignoring case.
pub fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_that_overflow_or_vanish_are_none() {
        assert_eq!(float(b"1.5e3"), Ok(1500.0));
        assert_eq!(float(b"-inf"), Ok(f64::NEG_INFINITY));
        assert_eq!(float(b"0.0e5"), Ok(0.0));
        for wrong in ["", " 1", "1 ", "1e400", "1e-400", "nan", "abc", "1x"] {
            assert!(float(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn places_count_from_both_ends() {
        assert_eq!(index_range(0, -1, 3), 0..3);
        assert_eq!(index_range(-2, 100, 3), 1..3);
        assert_eq!(index_range(-100, 0, 3), 0..1);
        assert_eq!(index_range(2, 1, 3), 0..0);
        assert_eq!(index_range(3, 5, 3), 0..0);
        assert_eq!(index_range(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!((index_of(-1, 3), index_of(3, 3), index_of(-4, 3)), (Some(2), None, None));
    }
}
