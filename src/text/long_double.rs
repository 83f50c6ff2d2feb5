//! The x86-64 `long double`, as far as INCRBYFLOAT and HINCRBYFLOAT need it: parse, add, print.
//!
//! Its 64 bits of precision show in results that are stored in the dataset: 0.1 + 0.2 is 0.3, other
//! than with doubles.
//! Must not know: what the numbers mean.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

const PRECISION: i64 = 64;
/// Bits of the largest finite value, and exponent of the smallest.
const MAX_BITS: i64 = 16384;
const MIN_EXPONENT: i64 = -16445;
/// Digits printed after the point (`%.17Lf`).
const DECIMALS: u32 = 17;
/// Longer texts are refused (Redis: `MAX_LONG_DOUBLE_CHARS`).
const MAX_CHARS: usize = 5 * 1024;
/// Decimal exponents beyond this always overflow or underflow.
const MAX_DECIMAL_EXPONENT: i64 = 11_000;

/// `mantissa` × 2^`exponent`, with at most 64 bits of mantissa.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongDouble {
    mantissa: BigInt,
    exponent: i64,
    /// An infinity; the other fields do not count.
    infinite: bool,
}

impl LongDouble {
    pub fn zero() -> LongDouble {
        LongDouble::new(BigInt::ZERO, 0)
    }

    fn new(mantissa: BigInt, exponent: i64) -> LongDouble {
        LongDouble { mantissa, exponent, infinite: false }
    }

    /// `strtold` on a whole text that is a decimal number or infinity. None for anything else,
    /// including overflow and underflow (Redis: `string2ld`).
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        let name = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        if name.eq_ignore_ascii_case(b"inf") || name.eq_ignore_ascii_case(b"infinity") {
            return Some(LongDouble { infinite: true, ..LongDouble::zero() });
        }
        let (negative, digits, exponent) = decimal(text)?;
        let magnitude = BigUint::parse_bytes(&digits, 10)?;
        if magnitude == BigUint::ZERO {
            return Some(LongDouble::zero());
        }
        let power = BigUint::from(10u32).pow(u32::try_from(exponent.unsigned_abs()).ok()?);
        let (over, under) =
            if exponent < 0 { (magnitude, power) } else { (magnitude * power, 1u32.into()) };
        let parsed = round_quotient(&over, &under)?;
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Some(LongDouble::new(BigInt::from_biguint(sign, parsed.0), parsed.1))
    }

    /// The rounded sum; None if it is infinite or NaN.
    pub fn add(&self, other: &LongDouble) -> Option<LongDouble> {
        if self.infinite || other.infinite {
            return None;
        }
        let exponent = self.exponent.min(other.exponent);
        let aligned = |value: &LongDouble| &value.mantissa << (value.exponent - exponent) as u64;
        let (sign, magnitude) = (aligned(self) + aligned(other)).into_parts();
        if sign == Sign::NoSign {
            return Some(LongDouble::zero());
        }
        let scale = BigUint::from(1u32) << exponent.unsigned_abs();
        let (over, under) =
            if exponent < 0 { (magnitude, scale) } else { (magnitude * scale, 1u32.into()) };
        let (mantissa, exponent) = round_quotient(&over, &under)?;
        Some(LongDouble::new(BigInt::from_biguint(sign, mantissa), exponent))
    }

    /// `%.17Lf` without trailing zeros (Redis: `ld2string` with `LD_STR_HUMAN`).
    pub fn to_human_string(&self) -> String {
        let scaled = self.mantissa.magnitude() * BigUint::from(10u32).pow(DECIMALS);
        let rounded = if self.exponent < 0 {
            round_half_even(&scaled, &(BigUint::from(1u32) << self.exponent.unsigned_abs()))
        } else {
            scaled << self.exponent as u64
        };
        let digits = format!("{:0>width$}", rounded.to_string(), width = DECIMALS as usize + 1);
        let (whole, decimals) = digits.split_at(digits.len() - DECIMALS as usize);
        let decimals = decimals.trim_end_matches('0');
        let sign = if self.mantissa.sign() == Sign::Minus { "-" } else { "" };
        match (whole, decimals) {
            ("0", "") => "0".to_string(),
            (_, "") => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{decimals}"),
        }
    }
}

/// Sign, digits without the point, and the power of ten to multiply by.
fn decimal(text: &[u8]) -> Option<(bool, Vec<u8>, i64)> {
    if text.len() >= MAX_CHARS {
        return None;
    }
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let end = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = match end {
        Some(end) => {
            let exponent = std::str::from_utf8(&unsigned[end + 1..]).ok()?.parse::<i64>().ok()?;
            (&unsigned[..end], exponent)
        }
        None => (unsigned, 0),
    };
    let point = number.iter().position(|&byte| byte == b'.').unwrap_or(number.len());
    let decimals = number.get(point + 1..).unwrap_or_default();
    let digits = [&number[..point], decimals].concat();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = exponent.checked_sub(decimals.len() as i64)?;
    let zero = digits.iter().all(|&digit| digit == b'0');
    let exponent = if zero { 0 } else { exponent };
    (exponent.abs() <= MAX_DECIMAL_EXPONENT).then_some((negative, digits, exponent))
}

/// A quotient as a mantissa of at most 64 bits and an exponent, rounded to nearest, ties to even;
/// None on overflow or underflow.
fn round_quotient(over: &BigUint, under: &BigUint) -> Option<(BigUint, i64)> {
    let bits = over.bits() as i64 - under.bits() as i64;
    // The quotient has `bits` or `bits` + 1 bits before the point.
    let mut exponent = (bits - PRECISION).max(MIN_EXPONENT);
    loop {
        let rounded = if exponent < 0 {
            round_half_even(&(over << exponent.unsigned_abs()), under)
        } else {
            round_half_even(over, &(under << exponent as u64))
        };
        if rounded.bits() as i64 > PRECISION {
            exponent += 1;
            continue;
        }
        let finite = rounded.bits() as i64 + exponent <= MAX_BITS;
        return (finite && rounded != BigUint::ZERO).then_some((rounded, exponent));
    }
}

fn round_half_even(over: &BigUint, under: &BigUint) -> BigUint {
    let quotient = over / under;
    let twice_rest = (over - &quotient * under) << 1u32;
    match twice_rest.cmp(under) {
        Ordering::Less => quotient,
        Ordering::Equal if !quotient.bit(0) => quotient,
        Ordering::Equal | Ordering::Greater => quotient + 1u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let parse = |text: &str| LongDouble::parse(text.as_bytes()).expect("a number");
        parse(a).add(&parse(b)).expect("finite").to_human_string()
    }

    /// The sums were taken from redis-server 7.0.15 with INCRBYFLOAT.
    #[test]
    fn sums_are_those_of_redis() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("1", "0.25", "1.25"),
            ("3.0", "1.1", "4.1"),
            ("-3", "3", "0"),
            ("1", "-1.00000000000000000001", "0"),
            ("17179869184", "1.5", "17179869185.5"),
            ("17179869184.1", "0.2", "17179869184.29999999888241291"),
            ("5e3", "200", "5200"),
            ("1e20", "1", "100000000000000000000"),
            ("1e-17", "1e-17", "0.00000000000000002"),
            ("-1.5", "0.25", "-1.25"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", " 1", "1 ", "abc", "1e", "nan", "1e5000", "1e-5000", ".", "1.2.3"] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        let huge = LongDouble::parse(b"1.1e4932").expect("just fits");
        assert_eq!(huge.add(&huge), None);
        let infinite = LongDouble::parse(b"-INF").expect("a number in its way");
        assert_eq!(infinite.add(&LongDouble::zero()), None);
        assert_eq!(LongDouble::parse(b"0e99999999"), Some(LongDouble::zero()));
    }
}
