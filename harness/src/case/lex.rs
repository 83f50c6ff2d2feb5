//! Lines and words of a case, each with its place in the text.
//!
//! A `#` opens a comment only at the start of a line, because commands may contain it. Words are
//! separated by blanks; a word may be quoted as in redis-cli (`sdssplitargs`): `"…"` knows `\n \r
//! \t \b \a \\ \" \xHH`, `'…'` knows `\'` alone. Must not know: any verb.

use super::error::{Span, Wrong};
use super::pattern;
use crate::world::quoting::{in_double_quotes, in_single_quotes};

/// A line that is neither empty nor a comment.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// From 1.
    pub number: u32,
    /// Without the blanks around it.
    pub text: &'a str,
    pub span: Span,
}

/// The lines of a text that are neither empty nor comments.
pub fn lines(source: &str) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0;
    (1..).zip(source.split_inclusive('\n')).filter_map(move |(number, raw)| {
        let start = offset + (raw.len() - raw.trim_start().len());
        offset += raw.len();
        let text = raw.trim();
        (!text.is_empty() && !text.starts_with('#')).then(|| Line {
            number,
            text,
            span: start..start + text.len(),
        })
    })
}

/// A word: its value without quotes, and where it stands with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub bytes: Vec<u8>,
    pub span: Span,
    pub quoted: bool,
}

impl Word {
    /// The value as text; bytes that are not UTF-8 are replaced, and then match nothing known.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The words of `text`, which begins at byte `base` of the source.
pub fn words(text: &str, base: usize) -> Result<Vec<Word>, Wrong> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        if at == text.len() {
            return Ok(words);
        }
        let word = word(text, at, base)?;
        at = word.span.end - base;
        words.push(word);
    }
}

fn word(text: &str, start: usize, base: usize) -> Result<Word, Wrong> {
    let mut bytes = Vec::new();
    let mut quoted = false;
    let mut at = start;
    loop {
        let rest = &text[at..];
        let plain = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let plain = plain.unwrap_or(rest.len());
        bytes.extend_from_slice(&rest.as_bytes()[..plain]);
        at += plain;
        if !rest[plain..].starts_with(['"', '\'']) {
            break;
        }
        quoted = true;
        at = quotation(text, at, base, &mut bytes)?;
    }
    Ok(Word { bytes, span: base + start..base + at, quoted })
}

/// Reads what stands between the quote at `open` and its partner. Returns the place behind that.
fn quotation(text: &str, open: usize, base: usize, out: &mut Vec<u8>) -> Result<usize, Wrong> {
    let bytes = text.as_bytes();
    let quote = bytes[open];
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        if byte == quote {
            let next = text[at + 1..].chars().next();
            if next.is_some_and(|c| !c.is_whitespace()) {
                let span = base + at + 1..base + at + 2;
                let help = "a blank must follow a closing quote";
                return Err(Wrong::new(
                    on_characters(text, base, span),
                    "text after a quote",
                    help,
                ));
            }
            return Ok(at + 1);
        }
        let (value, length) = match quote {
            b'"' => in_double_quotes(&bytes[at..]),
            _ => in_single_quotes(&bytes[at..]),
        };
        out.push(value);
        at += length;
    }
    let message = format!("no closing {}", char::from(quote));
    Err(Wrong::new(base + open..base + text.len(), message, "close the quotation on this line"))
}

/// Widens a span so that it ends on a whole character.
fn on_characters(text: &str, base: usize, span: Span) -> Span {
    let end = (span.end - base..=text.len()).find(|end| text.is_char_boundary(*end));
    span.start..base + end.unwrap_or(text.len())
}

/// The command as redis-cli would read it back: words with blanks or control bytes are quoted.
pub fn quote(argv: &[Vec<u8>]) -> String {
    argv.iter().map(|word| quote_word(word)).collect::<Vec<_>>().join(" ")
}

pub fn quote_word(word: &[u8]) -> String {
    let plain = |c: char| match c.is_ascii() {
        true => c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'),
        false => !c.is_whitespace(),
    };
    match std::str::from_utf8(word) {
        Ok(text) if !text.is_empty() && text.chars().all(plain) && !pattern::is_word(text) => {
            text.into()
        }
        _ => escaped(word),
    }
}

/// `"…"` as redis-cli prints a string (`sdscatrepr`), or the word that stands for so many bytes.
pub fn escaped(bytes: &[u8]) -> String {
    if let Some(word) = pattern::word(bytes) {
        return word;
    }
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}
