//! RESP2 on the client's side: commands out, replies in, printed as redis-cli prints them.
//!
//! Must not know: what any reply means.

use std::io::Write as _;

use crate::case::lex::escaped;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Reply>),
}

/// The bytes are not RESP2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage;

/// A command as an array of bulk strings.
pub fn encode(argv: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + argv.iter().map(|word| word.len() + 16).sum::<usize>());
    counted(&mut out, b'*', argv.len());
    for word in argv {
        counted(&mut out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn counted(out: &mut Vec<u8>, kind: u8, count: usize) {
    write!(out, "{}{count}\r\n", char::from(kind)).expect("memory takes any bytes");
}

/// The first reply in `bytes` and how many bytes it takes; None while it is not complete.
pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Garbage> {
    match parse(bytes, 0) {
        Ok((reply, end)) => Ok(Some((reply, end))),
        Err(NoReply::Incomplete) => Ok(None),
        Err(NoReply::Garbage) => Err(Garbage),
    }
}

/// An array of bulk strings, as a file of commands holds it.
pub fn decode_command(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let (reply, end) = decode(bytes).ok()??;
    let Reply::Array(items) = reply else { return None };
    let words = items.into_iter().map(|item| match item {
        Reply::Bulk(word) => Some(word),
        _ => None,
    });
    Some((words.collect::<Option<_>>()?, end))
}

/// Why bytes hold no reply.
enum NoReply {
    Incomplete,
    Garbage,
}

/// Arrays nest no deeper than this in any reply.
const DEEPEST: usize = 32;

fn parse(bytes: &[u8], depth: usize) -> Result<(Reply, usize), NoReply> {
    if depth > DEEPEST {
        return Err(NoReply::Garbage);
    }
    let kind = *bytes.first().ok_or(NoReply::Incomplete)?;
    if !b"+-:$*".contains(&kind) {
        return Err(NoReply::Garbage);
    }
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").ok_or(NoReply::Incomplete)?;
    let line = String::from_utf8_lossy(&bytes[1..end]);
    let after = end + 2;
    match kind {
        b'+' => Ok((Reply::Simple(line.into()), after)),
        b'-' => Ok((Reply::Error(line.into()), after)),
        b':' => Ok((Reply::Integer(line.parse().map_err(|_| NoReply::Garbage)?), after)),
        _ if line == "-1" => Ok((Reply::Nil, after)),
        _ => {
            let count: usize = line.parse().map_err(|_| NoReply::Garbage)?;
            if kind == b'$' { bulk(bytes, after, count) } else { array(bytes, after, count, depth) }
        }
    }
}

fn bulk(bytes: &[u8], start: usize, length: usize) -> Result<(Reply, usize), NoReply> {
    let end = start.checked_add(length).ok_or(NoReply::Garbage)?;
    match bytes.get(end..end.saturating_add(2)) {
        None => Err(NoReply::Incomplete),
        Some(b"\r\n") => Ok((Reply::Bulk(bytes[start..end].to_vec()), end + 2)),
        Some(_) => Err(NoReply::Garbage),
    }
}

fn array(
    bytes: &[u8],
    start: usize,
    count: usize,
    depth: usize,
) -> Result<(Reply, usize), NoReply> {
    let mut at = start;
    let mut items = Vec::new();
    for _ in 0..count {
        let (item, length) = parse(&bytes[at..], depth + 1)?;
        items.push(item);
        at += length;
    }
    Ok((Reply::Array(items), at))
}

impl Reply {
    /// As printed: `+OK`, `-ERR …`, `:1`, `"bulk"`, `(nil)`, arrays numbered, one line per item.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Reply::Simple(text) => vec![format!("+{text}")],
            Reply::Error(text) => vec![format!("-{text}")],
            Reply::Integer(n) => vec![format!(":{n}")],
            Reply::Bulk(bytes) => vec![escaped(bytes)],
            Reply::Nil => vec!["(nil)".to_string()],
            Reply::Array(items) if items.is_empty() => vec!["(empty array)".to_string()],
            Reply::Array(items) => numbered(items),
        }
    }

    /// The text of a bulk or simple string.
    pub fn text(&self) -> Option<String> {
        match self {
            Reply::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Reply::Simple(text) => Some(text.clone()),
            _ => None,
        }
    }
}

fn numbered(items: &[Reply]) -> Vec<String> {
    let width = items.len().to_string().len();
    let mut lines = Vec::new();
    for (n, item) in (1..).zip(items) {
        for (m, line) in item.lines().into_iter().enumerate() {
            let head = if m == 0 { format!("{n:>width$}) ") } else { " ".repeat(width + 2) };
            lines.push(format!("{head}{line}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let (reply, end) = decode(bytes).unwrap().expect("complete");
        assert_eq!(end, bytes.len());
        reply.lines().join("\n")
    }

    #[test]
    fn replies_are_printed_as_redis_cli_does() {
        assert_eq!(shown(b"+OK\r\n"), "+OK");
        assert_eq!(shown(b":-3\r\n"), ":-3");
        assert_eq!(shown(b"$4\r\na\"\r\n\r\n"), "\"a\\\"\\r\\n\"");
        assert_eq!(shown(b"*-1\r\n"), "(nil)");
        assert_eq!(shown(b"*0\r\n"), "(empty array)");
        assert_eq!(shown(b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n"), "1) \"a\"\n2) 1) :1\n   2) :2");
    }

    #[test]
    fn every_prefix_of_a_reply_is_incomplete_and_never_garbage() {
        let whole = b"*3\r\n$3\r\nabc\r\n$-1\r\n*1\r\n:17\r\n";
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), Ok(None), "{end} bytes");
        }
        assert!(decode(whole).unwrap().is_some());
        assert_eq!(decode(b"hello\r\n"), Err(Garbage));
        assert_eq!(decode(b"$x\r\n"), Err(Garbage));
    }

    #[test]
    fn a_command_reads_back_as_it_was_sent() {
        let argv = vec![b"SET".to_vec(), b"a b".to_vec(), Vec::new()];
        let bytes = encode(&argv);
        assert_eq!(decode_command(&bytes), Some((argv, bytes.len())));
    }
}
