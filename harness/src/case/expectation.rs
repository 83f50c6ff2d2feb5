//! `expect`: how it is written, and whether a reply is the expected one.
//!
//! A reply is written as it is printed, an array on one line: `expect 1) "a" 2) "b"`. One that
//! ends in `…` stands for every reply that begins so. Must not know: where replies come from.

use super::args::named;
use super::error::{Wrong, nearest, one_of};
use super::lex::{self, Word};
use super::script::{Count, Expect};
use super::{pattern, values};
use crate::contract::Verdict;

/// How a reply may begin.
const OPENINGS: [&str; 6] = ["+", "-", ":", "\"", "(", "1)"];

/// What else can be asserted.
const WORDS: [&str; 7] = ["info", "refuses-start", "verdict", "log", "exit", "file", "files"];

/// Everything behind the word `expect`, which begins at byte `base`.
pub fn parse(raw: &str, base: usize, usage: &str) -> Result<Expect, Wrong> {
    let end = base + raw.len();
    let usage = format!("expected `{usage}`");
    if raw.is_empty() {
        return Err(Wrong::new(end..end, "expect what?", usage));
    }
    if let Some(Ok(bytes)) = pattern::read(raw) {
        return Ok(Expect::Reply(lex::escaped(&bytes)));
    }
    if OPENINGS.iter().any(|opening| raw.starts_with(opening)) {
        return Ok(Expect::Reply(raw.to_string()));
    }
    if let Some(text) = raw.strip_prefix("log ").map(str::trim_start).filter(|s| !s.is_empty()) {
        return Ok(log(text));
    }
    let words = lex::words(raw, base)?;
    let texts: Vec<String> = words.iter().map(Word::text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["info", field, value] => {
            Ok(Expect::Info { field: (*field).to_string(), value: (*value).to_string() })
        }
        ["refuses-start"] => Ok(Expect::RefusesStart),
        ["verdict", name] => match name.parse() {
            Ok(verdict) => Ok(Expect::Verdict(verdict)),
            Err(_) => {
                let message = format!("`{name}` is not a verdict");
                let help = one_of(name, Verdict::ALL.iter().map(|verdict| verdict.as_str()));
                Err(Wrong::new(words[1].span.clone(), message, help))
            }
        },
        ["exit", code] => match code.parse() {
            Ok(code) => Ok(Expect::Exit(code)),
            Err(_) => number(&words[1], "an exit code", "a number such as 0"),
        },
        ["file", _, size] => match values::size(size) {
            Ok(size) => Ok(Expect::File { role: named(&words[1]), size }),
            Err(help) => number(&words[2], "a size", &help),
        },
        ["files", _, count] => match count_of(count) {
            Some(count) => Ok(Expect::Files { role: named(&words[1]), count }),
            None => number(&words[2], "a count", "a number such as 2, or 2+"),
        },
        [name, ..] if WORDS.contains(name) => {
            Err(Wrong::new(base..end, "the wrong number of words", usage))
        }
        _ => {
            let message = format!("`{}` is not a reply as it is printed", texts[0]);
            let help = match nearest(texts[0], &WORDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a reply begins with one of + - : \" ( or 1), for example +OK".to_string(),
            };
            Err(Wrong::new(words[0].span.clone(), message, help))
        }
    }
}

/// A text as it stands, quotes and all, perhaps with a count before it.
fn log(text: &str) -> Expect {
    let counted = text.split_once(' ').and_then(|(count, rest)| Some((count_of(count)?, rest)));
    let (count, text) = counted.unwrap_or((Count { least: 1, or_more: true }, text));
    Expect::Log { count, text: text.to_string() }
}

/// `3` or `3+`.
fn count_of(text: &str) -> Option<Count> {
    let least = text.strip_suffix('+').unwrap_or(text).parse().ok()?;
    Some(Count { least, or_more: text.ends_with('+') })
}

fn number(word: &Word, what: &str, help: &str) -> Result<Expect, Wrong> {
    Err(Wrong::new(word.span.clone(), format!("`{}` is not {what}", word.text()), help))
}

/// Whether `reply`, its lines joined by blanks, is what was expected.
pub fn matches(expected: &str, reply: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(prefix) => reply.starts_with(prefix),
        None => reply == expected,
    }
}
