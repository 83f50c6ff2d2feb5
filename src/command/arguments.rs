//! Parsing of arguments: integers, floats, indexes into a sequence (Redis: object.c).
//!
//! Must not know: the commands.

use std::ops::Range;

use super::failure::Failure;
use crate::keyspace::Bytes;
use crate::text::float::parse_double;
use crate::text::parse_integer;

/// Parses an integer (Redis: `getLongLongFromObjectOrReply`).
pub fn integer(argument: &[u8]) -> Result<i64, Failure> {
    parse_integer(argument).ok_or_else(Failure::not_an_integer)
}

/// Says of a number that it is negative.
pub const NOT_POSITIVE: &str = "value is out of range, must be positive";

/// Parses an integer of at least `least`; anything else is an error of these words (Redis:
/// `getRangeLongFromObjectOrReply`).
pub fn at_least(argument: &[u8], least: usize, words: &str) -> Result<usize, Failure> {
    let number = parse_integer(argument).and_then(|number| usize::try_from(number).ok());
    number.filter(|&number| number >= least).ok_or_else(|| Failure::new(words))
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

/// The arguments of LMPOP, ZMPOP and their blocking forms.
pub struct Many<'a, T> {
    pub keys: &'a [Bytes],
    /// Which end.
    pub place: T,
    pub count: usize,
}

impl<'a, T> Many<'a, T> {
    /// `numkeys key [key …] place [COUNT count]`
    pub fn parse(
        words: &'a [Bytes],
        place: impl FnOnce(&Bytes) -> Result<T, Failure>,
    ) -> Result<Many<'a, T>, Failure> {
        let number = at_least(&words[0], 1, "numkeys should be greater than 0")?;
        let (keys, rest) = words[1..].split_at_checked(number).ok_or_else(Failure::syntax)?;
        let (word, options) = rest.split_first().ok_or_else(Failure::syntax)?;
        let place = place(word)?;
        let count = match options {
            [] => 1,
            [word, count] if is(word, "count") => {
                at_least(count, 1, "count should be greater than 0")?
            }
            _ => return Err(Failure::syntax()),
        };
        Ok(Many { keys, place, count })
    }
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
