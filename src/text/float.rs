//! Doubles as C prints and parses them (Redis: util.c).
//!
//! Must not know: what the numbers mean.

/// `printf("%.17g")`: enough digits for an exact round trip.
pub fn format_17g(value: f64) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan" } else { "nan" }.to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_string();
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("that is what :e prints");
    let exponent: i32 = exponent.parse().expect("that is what :e prints");
    if (-4..17).contains(&exponent) {
        let decimals = usize::try_from(16 - exponent).unwrap_or(0);
        return without_trailing_zeros(&format!("{value:.decimals$}")).to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs())
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A score as Redis stores it in a ziplist: integers up to 2^52 without a point or exponent (Redis:
/// `d2string`).
pub fn double_to_string(value: f64) -> String {
    const SAFE: f64 = 4_503_599_627_370_496.0;
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_string();
    }
    if value.is_nan() {
        return "nan".to_string();
    }
    if value > -SAFE + 1.0 && value < SAFE && value.fract() == 0.0 {
        return (value as i64).to_string();
    }
    format_17g(value)
}

/// `strtod` on a whole text that is a number or an infinity; None for anything else, including NaN.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventeen_digits_as_printf_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.10000000000000001"),
            (-1.5, "-1.5"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (123456.789, "123456.789"),
            (1e-5, "1.0000000000000001e-05"),
            (1e-4, "0.0001"),
            (1e300, "1.0000000000000001e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_17g(value), text);
        }
    }

    #[test]
    fn scores_are_whole_when_they_can_be() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "-0"),
            (4_503_599_627_370_495.0, "4503599627370495"),
            (4_503_599_627_370_496.0, "4503599627370496"),
            (1e20, "1e+20"),
            (0.5, "0.5"),
        ] {
            assert_eq!(double_to_string(value), text);
            assert_eq!(parse_double(text.as_bytes()), Some(value));
        }
        assert_eq!(parse_double(b"inf"), Some(f64::INFINITY));
        assert_eq!((parse_double(b"nan"), parse_double(b"1x")), (None, None));
    }
}
