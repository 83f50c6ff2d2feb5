//! RESP on the client's side: commands out, replies of RESP2 and RESP3 in, printed as redis-cli
//! prints them.
//!
//! Must not know: what any reply means.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

use crate::case::lex::escaped;

/// A reply, by its type in RESP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// `OK`, without the plus.
    Simple(String),
    /// `ERR …`, without the minus.
    Error(String),
    /// A number.
    Integer(i64),
    /// A string of any bytes.
    Bulk(Vec<u8>),
    /// Nothing: a null of RESP2 or RESP3.
    Nil,
    /// A list.
    Array(Vec<Reply>),
    /// From here on RESP3. Keys and values in turn.
    Map(Vec<Reply>),
    /// A list without an order.
    Set(Vec<Reply>),
    /// As it was written.
    Double(String),
    /// True or false.
    Boolean(bool),
    /// As it was written.
    BigNumber(String),
    /// What comes without a request, and what SUBSCRIBE is answered with.
    Push(Vec<Reply>),
}

/// The bytes are not RESP.
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
    if !b"+-:$*%~,#_(=>|!".contains(&kind) {
        return Err(NoReply::Garbage);
    }
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").ok_or(NoReply::Incomplete)?;
    let line = String::from_utf8_lossy(&bytes[1..end]);
    let after = end + 2;
    match kind {
        b'+' => Ok((Reply::Simple(line.into()), after)),
        b'-' => Ok((Reply::Error(line.into()), after)),
        b':' => Ok((Reply::Integer(line.parse().map_err(|_| NoReply::Garbage)?), after)),
        b',' => Ok((Reply::Double(line.into()), after)),
        b'(' => Ok((Reply::BigNumber(line.into()), after)),
        b'#' => Ok((Reply::Boolean(line == "t"), after)),
        b'_' => Ok((Reply::Nil, after)),
        _ if line == "-1" => Ok((Reply::Nil, after)),
        _ => {
            let count: usize = line.parse().map_err(|_| NoReply::Garbage)?;
            aggregate(kind, bytes, after, count, depth)
        }
    }
}

fn aggregate(
    kind: u8,
    bytes: &[u8],
    after: usize,
    count: usize,
    depth: usize,
) -> Result<(Reply, usize), NoReply> {
    let items = |count| items(bytes, after, count, depth);
    match kind {
        b'$' => bulk(bytes, after, count).map(|(text, end)| (Reply::Bulk(text), end)),
        b'!' => bulk(bytes, after, count)
            .map(|(text, end)| (Reply::Error(String::from_utf8_lossy(&text).into_owned()), end)),
        // `txt:` stands before the text.
        b'=' => bulk(bytes, after, count)
            .map(|(text, end)| (Reply::Bulk(text.get(4..).unwrap_or_default().to_vec()), end)),
        b'%' => items(count.saturating_mul(2)).map(|(items, end)| (Reply::Map(items), end)),
        b'~' => items(count).map(|(items, end)| (Reply::Set(items), end)),
        b'>' => items(count).map(|(items, end)| (Reply::Push(items), end)),
        // Attributes come before the reply that they are about.
        b'|' => {
            let (_, end) = items(count.saturating_mul(2))?;
            let (reply, length) = parse(&bytes[end..], depth + 1)?;
            Ok((reply, end + length))
        }
        _ => items(count).map(|(items, end)| (Reply::Array(items), end)),
    }
}

fn bulk(bytes: &[u8], start: usize, length: usize) -> Result<(Vec<u8>, usize), NoReply> {
    let end = start.checked_add(length).ok_or(NoReply::Garbage)?;
    match bytes.get(end..end.saturating_add(2)) {
        None => Err(NoReply::Incomplete),
        Some(b"\r\n") => Ok((bytes[start..end].to_vec(), end + 2)),
        Some(_) => Err(NoReply::Garbage),
    }
}

fn items(
    bytes: &[u8],
    start: usize,
    count: usize,
    depth: usize,
) -> Result<(Vec<Reply>, usize), NoReply> {
    let mut at = start;
    let mut items = Vec::new();
    for _ in 0..count {
        let (item, length) = parse(&bytes[at..], depth + 1)?;
        items.push(item);
        at += length;
    }
    Ok((items, at))
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
            Reply::Array(items) | Reply::Push(items) => numbered(items, ")"),
            Reply::Set(items) if items.is_empty() => vec!["(empty set)".to_string()],
            Reply::Set(items) => numbered(items, "~"),
            Reply::Map(items) if items.is_empty() => vec!["(empty hash)".to_string()],
            Reply::Map(items) => pairs(items),
            Reply::Double(text) => vec![format!("(double) {text}")],
            Reply::Boolean(true) => vec!["(true)".to_string()],
            Reply::Boolean(false) => vec!["(false)".to_string()],
            Reply::BigNumber(text) => vec![format!("(big number) {text}")],
        }
    }

    /// The items of an array, set, map or push message.
    pub fn items(&self) -> Option<&[Reply]> {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Map(items) | Reply::Push(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    /// The number of an integer.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Reply::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// Whether the command was refused.
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_))
    }

    /// The text of a bulk or simple string; what is not UTF-8 in it is replaced.
    pub fn text(&self) -> Option<String> {
        match self {
            Reply::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Reply::Simple(text) => Some(text.clone()),
            _ => None,
        }
    }
}

fn numbered(items: &[Reply], mark: &str) -> Vec<String> {
    let width = items.len().to_string().len();
    let heads = (1..).map(|n: usize| format!("{n:>width$}{mark} "));
    heads.zip(items).flat_map(|(head, item)| indented(&head, item)).collect()
}

fn pairs(items: &[Reply]) -> Vec<String> {
    let width = (items.len() / 2).to_string().len();
    let mut lines = Vec::new();
    for (n, pair) in (1..).zip(items.chunks(2)) {
        let key = pair[0].lines().join(" ");
        lines.extend(indented(&format!("{n:>width$}# {key} => "), &pair[1]));
    }
    lines
}

fn indented(head: &str, item: &Reply) -> Vec<String> {
    let blank = " ".repeat(head.chars().count());
    let lines = item.lines().into_iter().enumerate();
    lines.map(|(n, line)| format!("{}{line}", if n == 0 { head } else { &blank })).collect()
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
    fn replies_of_resp3_are_read_and_printed() {
        let map = b"%2\r\n+a\r\n:1\r\n$1\r\nb\r\n*2\r\n#t\r\n_\r\n";
        assert_eq!(shown(map), "1# +a => :1\n2# \"b\" => 1) (true)\n          2) (nil)");
        assert_eq!(shown(b"~2\r\n,1.5\r\n(12345\r\n"), "1~ (double) 1.5\n2~ (big number) 12345");
        assert_eq!(shown(b"=6\r\ntxt:ok\r\n"), "\"ok\"");
        assert_eq!(shown(b"|1\r\n+ttl\r\n:1\r\n!5\r\nERR a\r\n"), "-ERR a");
        assert_eq!(shown(b"%0\r\n"), "(empty hash)");
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
