//! Parses requests: takes bytes as they arrive, returns complete commands (Redis:
//! `processInputBuffer`, networking.c).
//!
//! A request that starts with `*` is an array of bulks; anything else is an inline request. The
//! parser holds only what it was fed: an announced length is not allocated in advance.
//! Must not know: clients and commands.

use crate::text;

/// Longest incomplete line: an inline request or a length (`PROTO_INLINE_MAX_SIZE`).
const INLINE_MAX_SIZE: usize = 64 * 1024;
/// Most arguments of a request.
const ARGUMENTS_MAX: i64 = 1024 * 1024;
/// Most bytes of an argument (`proto-max-bulk-len`).
pub const BULK_MAX_LEN: i64 = 512 * 1024 * 1024;

/// A malformed request. The client gets an error and is disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// What follows `-ERR Protocol error: `.
    pub reply: String,
    /// The message for the log, which may differ.
    pub log: &'static str,
}

impl ProtocolError {
    fn new(reply: &str, log: &'static str) -> Self {
        ProtocolError { reply: reply.to_string(), log }
    }
}

/// A request whose `*count` line has been read.
#[derive(Debug)]
struct Multibulk {
    /// How many arguments are still to come.
    missing: usize,
    /// The length of the next one, if its `$length` line has been read.
    bulk_len: Option<usize>,
    argv: Vec<Vec<u8>>,
}

/// The unparsed input of one client (Redis: `querybuf` and what `processMultibulkBuffer` keeps
/// between two calls).
#[derive(Debug, Default)]
pub struct RequestParser {
    buffer: Vec<u8>,
    /// Index of the next unparsed byte in the buffer.
    position: usize,
    multibulk: Option<Multibulk>,
}

impl RequestParser {
    /// Appends input.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.position > 0 {
            self.buffer.drain(..self.position);
            self.position = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Number of unparsed bytes.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.position
    }

    /// The unparsed bytes.
    pub fn pending_bytes(&self) -> &[u8] {
        &self.buffer[self.position..]
    }

    /// How many bytes of the current argument are missing, if it is a long one (Redis:
    /// `readQueryFromClient`).
    pub fn missing_of_big_argument(&self) -> Option<usize> {
        const MBULK_BIG_ARG: usize = 32 * 1024;
        let bulk_len = self.multibulk.as_ref()?.bulk_len?;
        let missing = (bulk_len + 2).saturating_sub(self.pending());
        (bulk_len >= MBULK_BIG_ARG && missing > 0).then_some(missing)
    }

    /// The next complete command, or None if more bytes are needed. Empty requests are skipped.
    pub fn next_request(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        while self.pending() > 0 {
            let request = if self.multibulk.is_some() || self.buffer[self.position] == b'*' {
                self.next_multibulk()?
            } else {
                self.next_inline()?
            };
            match request {
                Some(argv) if argv.is_empty() => {}
                other => return Ok(other),
            }
        }
        Ok(None)
    }

    fn next_inline(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        let pending = self.pending_bytes();
        let Some(newline) = pending.iter().position(|&byte| byte == b'\n') else {
            if pending.len() > INLINE_MAX_SIZE {
                return Err(ProtocolError::new("too big inline request", "too big inline request"));
            }
            return Ok(None);
        };
        let line = &pending[..newline];
        let argv = text::split_args(line.strip_suffix(b"\r").unwrap_or(line)).ok_or_else(|| {
            ProtocolError::new(
                "unbalanced quotes in request",
                "unbalanced quotes in inline request",
            )
        })?;
        self.position += newline + 1;
        Ok(Some(argv))
    }

    fn next_multibulk(&mut self) -> Result<Option<Vec<Vec<u8>>>, ProtocolError> {
        let mut multibulk = match self.multibulk.take() {
            Some(begun) => begun,
            None => match self.read_count()? {
                None => return Ok(None),
                Some(missing) => Multibulk { missing, bulk_len: None, argv: Vec::new() },
            },
        };
        while multibulk.missing > 0 {
            let Some(argument) = self.next_argument(&mut multibulk.bulk_len)? else {
                self.multibulk = Some(multibulk);
                return Ok(None);
            };
            multibulk.argv.push(argument);
            multibulk.missing -= 1;
        }
        Ok(Some(multibulk.argv))
    }

    /// The `*count` line; negative counts are empty requests.
    fn read_count(&mut self) -> Result<Option<usize>, ProtocolError> {
        let Some(line) = self.read_line("too big mbulk count string")? else { return Ok(None) };
        match text::parse_integer(&line[1..]) {
            Some(count) if count <= ARGUMENTS_MAX => Ok(Some(count.max(0) as usize)),
            _ => Err(ProtocolError::new("invalid multibulk length", "invalid mbulk count")),
        }
    }

    fn next_argument(
        &mut self,
        bulk_len: &mut Option<usize>,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        let length = match *bulk_len {
            Some(length) => length,
            None => match self.read_bulk_len()? {
                None => return Ok(None),
                Some(length) => *bulk_len.insert(length),
            },
        };
        // As in Redis, the two bytes after the argument are skipped unchecked.
        if self.pending() < length + 2 {
            return Ok(None);
        }
        let argument = self.buffer[self.position..self.position + length].to_vec();
        self.position += length + 2;
        *bulk_len = None;
        Ok(Some(argument))
    }

    fn read_bulk_len(&mut self) -> Result<Option<usize>, ProtocolError> {
        let first = self.pending_bytes().first().copied();
        let Some(line) = self.read_line("too big bulk count string")? else { return Ok(None) };
        if first != Some(b'$') {
            let got = first.map_or(' ', char::from);
            return Err(ProtocolError::new(
                &format!("expected '$', got '{got}'"),
                "expected $ but got something else",
            ));
        }
        match text::parse_integer(&line[1..]) {
            Some(length @ 0..=BULK_MAX_LEN) => Ok(Some(length as usize)),
            _ => Err(ProtocolError::new("invalid bulk length", "invalid bulk length")),
        }
    }

    /// A line up to `\r`; the byte after it is skipped unchecked, as in Redis.
    fn read_line(&mut self, too_big: &'static str) -> Result<Option<Vec<u8>>, ProtocolError> {
        let pending = self.pending_bytes();
        let Some(end) = pending.iter().position(|&byte| byte == b'\r') else {
            if pending.len() > INLINE_MAX_SIZE {
                return Err(ProtocolError::new(too_big, too_big));
            }
            return Ok(None);
        };
        if end + 2 > pending.len() {
            return Ok(None);
        }
        // The caller looks at the first byte; in C an empty string has its NUL there.
        let line = if end == 0 { vec![0] } else { pending[..end].to_vec() };
        self.position += end + 2;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resp::encode_request;

    fn parse_all(chunks: &[&[u8]]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut parser = RequestParser::default();
        let mut requests = Vec::new();
        for chunk in chunks {
            parser.feed(chunk);
            while let Some(request) = parser.next_request()? {
                requests.push(request);
            }
        }
        Ok(requests)
    }

    fn error_of(input: &[u8]) -> String {
        parse_all(&[input]).expect_err("a protocol error").reply
    }

    #[test]
    fn pipelines_inline_and_empty_requests() {
        let requests =
            parse_all(&[b"PING\r\n\n*0\r\n*-1\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\nget \"a b\"\n"]);
        let expected: Vec<Vec<Vec<u8>>> = vec![
            vec![b"PING".to_vec()],
            vec![b"ECHO".to_vec(), b"".to_vec()],
            vec![b"get".to_vec(), b"a b".to_vec()],
        ];
        assert_eq!(requests, Ok(expected));
    }

    #[test]
    fn protocol_errors_have_the_words_of_redis() {
        assert_eq!(error_of(b"*1\r\n$-1\r\n"), "invalid bulk length");
        assert_eq!(error_of(b"*1\r\n$536870913\r\n"), "invalid bulk length");
        assert_eq!(error_of(b"*1048577\r\n"), "invalid multibulk length");
        assert_eq!(error_of(b"*x\r\n"), "invalid multibulk length");
        assert_eq!(error_of(b"*1\r\nfoo\r\n"), "expected '$', got 'f'");
        assert_eq!(error_of(b"set \"a\r\n"), "unbalanced quotes in request");
        assert_eq!(error_of(&[b'a'; 65537]), "too big inline request");
        assert_eq!(error_of(&[b'*'; 65537]), "too big mbulk count string");
        assert_eq!(
            error_of(&[&b"*1\r\n"[..], &[b'$'; 65537]].concat()),
            "too big bulk count string"
        );
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut parser = RequestParser::default();
        parser.feed(b"*1048576\r\n$536870912\r\n");
        assert_eq!(parser.next_request(), Ok(None));
        assert!(parser.buffer.capacity() < 4096);
        assert_eq!(parser.missing_of_big_argument(), Some(536870914));
    }

    proptest! {
        #[test]
        fn requests_come_out_as_they_went_in(
            argv in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
            cut in 0usize..200,
        ) {
            let mut wire = Vec::new();
            encode_request(&mut wire, &argv);
            encode_request(&mut wire, &argv);
            let cut = cut.min(wire.len());
            let requests = parse_all(&[&wire[..cut], &wire[cut..]]);
            prop_assert_eq!(requests, Ok(vec![argv.clone(), argv]));
        }

        #[test]
        fn no_bytes_make_it_panic(chunks in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'),
                Just(b'"'), b'0'..=b'9', any::<u8>()], 0..60), 0..6))
        {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let _ = parse_all(&chunks);
        }
    }
}
