//! Text as a terminal may be shown it: what would steer the terminal is written as an escape.
//!
//! Cases, logs, tokens and reports come from others, and a terminal obeys what it is shown. Must
//! not know: where the text comes from.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with `\x1b`, `\u{9b}` and the like for control characters, except for newline and tab,
/// and for characters that reverse the order of others.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let written = match c {
            c if !steers(c) => shown.write_char(c),
            c if c.is_ascii() => write!(shown, "\\x{:02x}", c as u32),
            c => write!(shown, "\\u{{{:x}}}", c as u32),
        };
        written.expect("a string takes everything");
    }
    Cow::Owned(shown)
}

/// JSON in which every such character of a string is a JSON escape, which is a part of the text.
pub fn json(text: &str) -> Cow<'_, str> {
    // The writer has escaped those below the space; what is left of them is layout.
    let left = |c: char| steers(c) && c >= ' ';
    if !text.contains(left) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match left(c) {
            true => write!(escaped, "\\u{:04x}", c as u32).expect("a string takes everything"),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Control characters (C0, DEL, C1), and those of the Unicode bidirectional algorithm.
fn steers(c: char) -> bool {
    let reverses = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\n' && c != '\t') || reverses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let text = "a\tb\n\x1b[31mred\x07\r\x7f\u{9b}2J \u{202e}x é ✓";
        let shown = "a\tb\n\\x1b[31mred\\x07\\x0d\\x7f\\u{9b}2J \\u{202e}x é ✓";
        assert_eq!(printable(text), shown);
        assert!(matches!(printable("as it is ✓\n"), Cow::Borrowed(_)));
        let hostile: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert!(!printable(&hostile).chars().any(steers), "once more changes nothing");
    }

    #[test]
    fn json_reads_back_as_it_was() {
        let text = "\x1b[31m\x7f\u{9b}\u{202e}é";
        let written = serde_json::to_string_pretty(&[text]).expect("plain data");
        let escaped = json(&written);
        assert!(escaped.contains("\\u001b[31m\\u007f\\u009b\\u202eé"), "{escaped}");
        let back: Vec<String> = serde_json::from_str(&escaped).expect("it is JSON");
        assert_eq!(back, [text]);
    }
}
