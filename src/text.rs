//! Text as Redis parses it: quoted lines, integers, memory units, glob patterns (Redis: sds.c,
//! util.c).
//!
//! Must not know: where the text comes from.

pub mod float;
pub mod long_double;

/// Splits a line of redis.conf or an inline request into words: blanks separate, `"…"` takes `\n`,
/// `\r`, `\t`, `\b`, `\a`, `\xNN` and `\` before any other byte, `'…'` takes `\'`. None if a quote
/// is not closed or is followed by anything but a blank (Redis: `sdssplitargs`).
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    // A C string ends at its first NUL.
    let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = next_word(rest)?;
        words.push(word);
        rest = after;
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_blank(byte)).unwrap_or(text.len());
    &text[start..]
}

/// One word and the rest. A quote may open within a word, but its end is the end of the word.
fn next_word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    // Long enough for most, so that it does not grow byte by byte.
    let mut word = Vec::with_capacity(32);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => return double_quoted(word, &text[at..]),
            b'\'' => return single_quoted(word, &text[at..]),
            b' ' | b'\n' | b'\r' | b'\t' => return Some((word, &text[at..])),
            _ => word.push(byte),
        }
    }
    Some((word, &[]))
}

fn double_quoted(mut word: Vec<u8>, text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some((word, closed(&text[at + 1..])?)),
            b'\\' if at + 1 < text.len() => {
                let (byte, length) = escape(&text[at + 1..]);
                word.push(byte);
                at += 1 + length;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(mut word: Vec<u8>, text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'\'' => return Some((word, closed(&text[at + 1..])?)),
            b'\\' if text.get(at + 1) == Some(&b'\'') => {
                word.push(b'\'');
                at += 2;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// The rest after a closing quote, if it is empty or starts with a blank.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|&byte| is_blank(byte)).then_some(rest)
}

/// The byte of an escape sequence, and its length without the backslash.
fn escape(text: &[u8]) -> (u8, usize) {
    let hex = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    match (text[0], hex(1), hex(2)) {
        (b'x', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
        (b'n', ..) => (b'\n', 1),
        (b'r', ..) => (b'\r', 1),
        (b't', ..) => (b'\t', 1),
        (b'b', ..) => (0x08, 1),
        (b'a', ..) => (0x07, 1),
        (other, ..) => (other, 1),
    }
}

/// Two hex digits per byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// Quotes a word so that [`split_args`] restores it (Redis: `sdscatrepr`).
pub fn quote(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => quoted.extend(['\\', char::from(byte)]),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            0x07 => quoted.push_str("\\a"),
            0x08 => quoted.push_str("\\b"),
            0x20..=0x7e => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// A decimal integer in canonical form: no blanks, no `+`, no leading zeros, no `-0` (Redis:
/// `string2ll`).
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number of bytes with an optional unit: `b`, `k` = 1000, `kb` = 1024, and so on up to `gb`
/// (Redis: `memtoll`).
pub fn parse_memory(text: &str) -> Option<i64> {
    let digits_end =
        text.char_indices().find(|&(at, c)| !(c.is_ascii_digit() || (at == 0 && c == '-')));
    let (number, unit) = text.split_at(digits_end.map_or(text.len(), |(at, _)| at));
    let factor: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// C's `atoi`: optional blanks and sign, then digits; 0 for anything else.
pub fn atoi(text: &[u8]) -> i64 {
    let text = skip_blanks(text);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |value, byte| value.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

/// Whether `text` matches a glob: `*`, `?`, `[a-c]`, `[^a]` and `\` (Redis: `stringmatchlen`).
///
/// Backtracks only to the last `*`, so that no pattern takes more than `pattern.len() * text.len()`
/// steps.
pub fn glob_match(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        match single_match(&pattern[p..], text[t], ignore_case) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
}

/// Length of the pattern that matches one byte of text; None if it does not match.
fn single_match(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |byte: u8| if ignore_case { byte.to_ascii_lowercase() } else { byte };
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ref class @ ..] => class_match(class, fold(byte), fold).map(|length| length + 1),
        [b'\\', escaped, ..] => (fold(escaped) == fold(byte)).then_some(2),
        [literal, ..] => (fold(literal) == fold(byte)).then_some(1),
    }
}

/// Matches what follows `[`. As in Redis, an unclosed class ends with the pattern.
fn class_match(class: &[u8], byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matched = false;
    loop {
        match class[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                matched |= fold(escaped) == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [first, b'-', last, ..] => {
                let (low, high) = (fold(first.min(last)), fold(first.max(last)));
                matched |= (low..=high).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                matched |= fold(literal) == byte;
                at += 1;
            }
        }
    }
    (matched != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_args(line.as_bytes())?;
        Some(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    #[test]
    fn lines_are_split_as_redis_splits_them() {
        assert_eq!(words("  set a  b "), Some(vec!["set".into(), "a".into(), "b".into()]));
        assert_eq!(words(r#"logfile "" '' "#).map(|words| words.len()), Some(3));
        assert_eq!(words(r#"a "x\x41\n\q" 'it\'s'"#).unwrap()[1..], ["xA\nq", "it's"]);
        assert_eq!(words("pre\"quoted rest\" b").unwrap(), ["prequoted rest", "b"]);
        assert_eq!(words("").unwrap(), Vec::<String>::new());
        for unbalanced in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\"] {
            assert_eq!(words(unbalanced), None, "{unbalanced}");
        }
    }

    #[test]
    fn quoted_words_are_read_back() {
        let all: Vec<u8> = (1..=255).collect();
        assert_eq!(split_args(quote(&all).as_bytes()), Some(vec![all]));
    }

    #[test]
    fn integers_have_one_spelling() {
        assert_eq!(parse_integer(b"-9223372036854775808"), Some(i64::MIN));
        for wrong in ["", "-", "+1", "01", "-0", " 1", "1 ", "9223372036854775808", "1e3"] {
            assert_eq!(parse_integer(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn memory_units_are_decimal_without_b_and_binary_with_it() {
        assert_eq!(parse_memory("64mb"), Some(64 << 20));
        assert_eq!(parse_memory("1Gb"), Some(1 << 30));
        assert_eq!(parse_memory("2k"), Some(2000));
        assert_eq!(parse_memory("-1"), Some(-1));
        for wrong in ["", "mb", "1tb", "1 mb", "9999999999gb"] {
            assert_eq!(parse_memory(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn globs() {
        let matches =
            |pattern: &str, text: &str| glob_match(pattern.as_bytes(), text.as_bytes(), false);
        for (pattern, text) in [
            ("*", ""),
            ("a*c*", "abcd"),
            ("h[^e]llo", "hallo"),
            ("[a-c]?", "bz"),
            ("\\*", "*"),
            ("[z-a]", "m"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a", ""), ("h[^e]llo", "hello"), ("a*d", "abc"), ("", "a"), ("\\*", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(glob_match(b"APPEND*", b"appendonly", true));
        assert!(!glob_match(&b"a*".repeat(40), &b"a".repeat(30), false));
    }
}
