//! `expect`: how it is written, and whether a reply is the expected one.
//!
//! A reply is written as it is printed, an array on one line: `expect 1) "a" 2) "b"`. One that
//! ends in `…` stands for every reply that begins so. Must not know: where replies come from.

use super::error::{Wrong, nearest, one_of};
use super::lex::{self, Word};
use super::script::Expect;
use crate::contract::Verdict;

/// How a reply may begin.
const OPENINGS: [&str; 6] = ["+", "-", ":", "\"", "(", "1)"];

/// Everything behind the word `expect`, which begins at byte `base`.
pub fn parse(raw: &str, base: usize, usage: &str) -> Result<Expect, Wrong> {
    let end = base + raw.len();
    let usage = format!("expected `{usage}`");
    if raw.is_empty() {
        return Err(Wrong::new(end..end, "expect what?", usage));
    }
    if OPENINGS.iter().any(|opening| raw.starts_with(opening)) {
        return Ok(Expect::Reply(raw.to_string()));
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
                let message = format!("`{name}` is no verdict");
                let help = one_of(name, Verdict::ALL.iter().map(|verdict| verdict.as_str()));
                Err(Wrong::new(words[1].span.clone(), message, help))
            }
        },
        ["info" | "refuses-start" | "verdict", ..] => {
            Err(Wrong::new(base..end, "the wrong number of words", usage))
        }
        _ => {
            let message = format!("`{}` is no reply as it is printed", texts[0]);
            let help = match nearest(texts[0], &["info", "refuses-start", "verdict"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a reply begins with one of + - : \" ( or 1), for example +OK".to_string(),
            };
            Err(Wrong::new(words[0].span.clone(), message, help))
        }
    }
}

/// Whether `reply`, its lines joined by blanks, is what was expected.
pub fn matches(expected: &str, reply: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(prefix) => reply.starts_with(prefix),
        None => reply == expected,
    }
}
