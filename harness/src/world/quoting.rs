//! Words as Redis splits them (`sdssplitargs`): `"…"` knows `\n \r \t \b \a \\ \" \xHH`, `'…'`
//! knows `\'` alone.
//!
//! Must not know: what any word means.

/// A byte inside double quotes and how many bytes of the source it takes.
///
/// # Panics
/// When `rest` is empty.
pub fn in_double_quotes(rest: &[u8]) -> (u8, usize) {
    let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match rest {
        [b'\\', b'x', high, low, ..] => match (hex(high), hex(low)) {
            (Some(high), Some(low)) => (high * 16 + low, 4),
            _ => (b'x', 2),
        },
        [b'\\', b'n', ..] => (b'\n', 2),
        [b'\\', b'r', ..] => (b'\r', 2),
        [b'\\', b't', ..] => (b'\t', 2),
        [b'\\', b'b', ..] => (8, 2),
        [b'\\', b'a', ..] => (7, 2),
        [b'\\', other, ..] => (*other, 2),
        _ => (rest[0], 1),
    }
}

/// A byte inside single quotes and how many bytes of the source it takes.
///
/// # Panics
/// When `rest` is empty.
pub fn in_single_quotes(rest: &[u8]) -> (u8, usize) {
    match rest {
        [b'\\', b'\'', ..] => (b'\'', 2),
        _ => (rest[0], 1),
    }
}

/// The words of a line; None: a quote is not closed, or something stands right behind it.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| is_blank(**byte)).count();
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = line.get(at).filter(|byte| !is_blank(**byte)) {
            match byte {
                b'"' => at = quoted(line, at, in_double_quotes, &mut word)?,
                b'\'' => at = quoted(line, at, in_single_quotes, &mut word)?,
                _ => {
                    word.push(byte);
                    at += 1;
                }
            }
        }
        words.push(word);
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Reads from the quote at `open` to its partner. Returns the place behind that.
fn quoted(
    line: &[u8],
    open: usize,
    byte: fn(&[u8]) -> (u8, usize),
    word: &mut Vec<u8>,
) -> Option<usize> {
    let mut at = open + 1;
    while *line.get(at)? != line[open] {
        let (value, length) = byte(&line[at..]);
        word.push(value);
        at += length;
    }
    let ends = line.get(at + 1).is_none_or(|next| is_blank(*next));
    ends.then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_redis_splits_them() {
        let words = split(br#" a "b c\n\x41\"" 'it\'s \n'  "" k"d e" "#).expect("balanced");
        let expected: [&[u8]; 5] = [b"a", b"b c\nA\"", b"it's \\n", b"", b"kd e"];
        assert_eq!(words, expected);
        for unbalanced in [r#""a"#, "'a", r#""a"b"#, r#""a\""#] {
            assert_eq!(split(unbalanced.as_bytes()), None, "{unbalanced}");
        }
    }
}
