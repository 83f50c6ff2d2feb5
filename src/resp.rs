//! The protocol, RESP2: replies and their encoding. Requests are parsed in [`request`] (Redis:
//! networking.c).
//!
//! Must not know: commands, clients, sockets.

pub mod request;

use std::borrow::Cow;

use crate::text::float::format_17g;
pub use request::{ProtocolError, RequestParser};

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+text`
    Status(Cow<'static, str>),
    /// `-text`; the text starts with its code (`ERR`, `WRONGTYPE`, …).
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    /// `$-1`
    Null,
    Array(Vec<Reply>),
    /// `*-1`
    NullArray,
    /// No reply: the client is blocked or asked for none.
    Nothing,
}

impl Reply {
    pub const OK: Reply = Reply::Status(Cow::Borrowed("OK"));

    pub const EMPTY_ARRAY: Reply = Reply::Array(Vec::new());

    pub fn status(text: impl Into<Cow<'static, str>>) -> Reply {
        Reply::Status(text.into())
    }

    /// A bulk reply of anything that implements `Display`.
    pub fn bulk(value: impl ToString) -> Reply {
        Reply::Bulk(value.to_string().into_bytes())
    }

    /// A count as an integer reply.
    pub fn count(count: usize) -> Reply {
        Reply::Integer(count as i64)
    }

    /// A double as RESP2 has it, a bulk (Redis: `addReplyDouble`).
    pub fn double(value: f64) -> Reply {
        Reply::bulk(format_17g(value))
    }

    /// An array of bulks.
    pub fn bulks<T: Into<Vec<u8>>>(values: impl IntoIterator<Item = T>) -> Reply {
        Reply::Array(values.into_iter().map(|value| Reply::Bulk(value.into())).collect())
    }

    /// Appends the encoded reply.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Reply::Status(text) => line(out, b'+', text.as_bytes()),
            Reply::Error(text) => line(out, b'-', text),
            Reply::Integer(value) => line(out, b':', value.to_string().as_bytes()),
            Reply::Bulk(bytes) => encode_bulk(out, bytes),
            Reply::Null => out.extend_from_slice(b"$-1\r\n"),
            Reply::Array(replies) => {
                line(out, b'*', replies.len().to_string().as_bytes());
                replies.iter().for_each(|reply| reply.encode(out));
            }
            Reply::NullArray => out.extend_from_slice(b"*-1\r\n"),
            Reply::Nothing => {}
        }
    }
}

/// Appends `$length\r\nbytes\r\n`.
pub fn encode_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, b'$', bytes.len().to_string().as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a command as clients send it: an array of bulks.
pub fn encode_request(out: &mut Vec<u8>, argv: &[Vec<u8>]) {
    line(out, b'*', argv.len().to_string().as_bytes());
    argv.iter().for_each(|argument| encode_bulk(out, argument));
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(reply: Reply) -> String {
        let mut out = Vec::new();
        reply.encode(&mut out);
        String::from_utf8(out).expect("the examples are text")
    }

    #[test]
    fn replies_on_the_wire() {
        assert_eq!(encoded(Reply::OK), "+OK\r\n");
        assert_eq!(encoded(Reply::Error(b"ERR no".to_vec())), "-ERR no\r\n");
        assert_eq!(encoded(Reply::Integer(-2)), ":-2\r\n");
        assert_eq!(encoded(Reply::bulk("")), "$0\r\n\r\n");
        let nested = Reply::Array(vec![Reply::Null, Reply::bulks(["a", "bc"])]);
        assert_eq!(encoded(nested), "*2\r\n$-1\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n");
    }
}
