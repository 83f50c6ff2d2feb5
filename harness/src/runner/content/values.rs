//! Values as parts: what the answer to a question for one key's value says of it.
//!
//! Must not know: how questions are sent.

use super::{Kept, Part, streams};
use crate::observation::Argv;
use crate::runner::resp::Reply;

/// A command of these words.
pub fn command(words: &[&[u8]]) -> Argv {
    words.iter().map(|word| word.to_vec()).collect()
}

/// What is asked for the value of a key of this type; None: it cannot be read like that.
pub fn question(kind: &str, key: &[u8]) -> Option<Argv> {
    Some(match kind {
        "string" => command(&[b"GET", key]),
        "list" => command(&[b"LRANGE", key, b"0", b"-1"]),
        "set" => command(&[b"SMEMBERS", key]),
        "zset" => command(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]),
        "hash" => command(&[b"HGETALL", key]),
        // Of more elements than there can be it names each once.
        "vectorset" => command(&[b"VRANDMEMBER", key, b"1000000000"]),
        "stream" => command(&[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]),
        _ => return None,
    })
}

/// The value of a key of this type from the answer; None: the answer is none to that question.
pub fn kept(kind: &str, answer: &Reply) -> Option<Kept> {
    let mut parts = match (kind, answer) {
        ("string", Reply::Bulk(value)) => vec![part(value.clone())],
        ("stream", fields) => streams::parts(fields)?,
        ("hash" | "zset", Reply::Array(items) | Reply::Map(items)) => {
            items.chunks(2).map(pair).collect::<Option<_>>()?
        }
        ("list" | "set" | "vectorset", items) => {
            items.items()?.iter().map(|item| text(item).map(part)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    if matches!(kind, "set" | "hash" | "vectorset") {
        parts.sort();
    }
    Some(Kept { kind: kind.to_string(), parts, expires_at: None })
}

/// What is asked besides for the elements of this value.
pub fn more(key: &[u8], kept: &Kept) -> Vec<Argv> {
    match kept.kind.as_str() {
        "hash" if !kept.parts.is_empty() => {
            let fields: Vec<&[u8]> = kept.parts.iter().filter_map(field).collect();
            let count = fields.len().to_string();
            let head: [&[u8]; 4] = [b"HPEXPIRETIME", key, b"FIELDS", count.as_bytes()];
            vec![command(&[&head[..], &fields[..]].concat())]
        }
        "vectorset" => {
            let of = |part: &Part| {
                [command(&[b"VEMB", key, &part.text]), command(&[b"VGETATTR", key, &part.text])]
            };
            kept.parts.iter().flat_map(of).collect()
        }
        _ => Vec::new(),
    }
}

/// Takes in the answers to [`more`]; a server without expiries of fields answers with an error.
pub fn take_more(kept: &mut Kept, answers: &[Reply]) {
    if kept.kind == "vectorset" {
        for (part, pair) in kept.parts.iter_mut().zip(answers.chunks(2)) {
            for answer in pair {
                part.text.extend(format!(" {}", answer.lines().join(" ")).into_bytes());
            }
        }
        return;
    }
    let times = answers.first().and_then(Reply::items).unwrap_or_default();
    for (part, time) in kept.parts.iter_mut().zip(times) {
        if let Reply::Integer(at @ 0..) = time {
            part.expires_at = Some(at.unsigned_abs());
        }
    }
}

fn part(text: Vec<u8>) -> Part {
    Part { text, expires_at: None }
}

/// A field and its value, or a member and its score, so that no other two look like them.
fn pair(items: &[Reply]) -> Option<Part> {
    let [first, second] = items else { return None };
    let (first, second) = (text(first)?, text(second)?);
    let mut both = format!("{}:", first.len()).into_bytes();
    both.extend([&first[..], b"=", &second[..]].concat());
    Some(part(both))
}

/// The field in a part that [`pair`] made.
fn field(part: &Part) -> Option<&[u8]> {
    let colon = part.text.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&part.text[..colon]).ok()?.parse().ok()?;
    part.text.get(colon + 1..colon + 1 + length)
}

/// The bytes of an item that is one.
pub fn text(item: &Reply) -> Option<Vec<u8>> {
    match item {
        Reply::Bulk(bytes) => Some(bytes.clone()),
        Reply::Simple(text) | Reply::Double(text) => Some(text.clone().into_bytes()),
        Reply::Integer(number) => Some(number.to_string().into_bytes()),
        Reply::Nil => Some(b"(nil)".to_vec()),
        _ => None,
    }
}
