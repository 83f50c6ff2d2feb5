//! Error replies, in Redis' words where several commands give them.
//!
//! Must not know: which command fails.

use crate::generation::{Generation, SharedErrors};
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// An error reply: code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    text: Vec<u8>,
    /// Redis replies with an object that it has ready (server.c: `createSharedObjects`).
    shared: bool,
}

impl Failure {
    /// `-ERR message`. Line ends in the message would end the reply, so they become blanks.
    pub fn new(words: impl AsRef<[u8]>) -> Self {
        Failure::coded([b"ERR ", words.as_ref()].concat())
    }

    /// An error with a code of its own.
    pub fn coded(words: impl AsRef<[u8]>) -> Self {
        let blank = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        Failure { text: words.as_ref().iter().map(blank).collect(), shared: false }
    }

    /// One that Redis has ready, code and message.
    pub fn shared(words: &str) -> Self {
        Failure { shared: true, ..Failure::coded(words) }
    }

    /// Code and message.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// As the log has it where a client does not see it: without the code that is added last. None:
    /// nothing is logged (Redis: `afterErrorReply`).
    pub fn in_log(&self, generation: &Generation) -> Option<String> {
        let text = String::from_utf8_lossy(&self.text);
        match (self.shared, generation.shared_errors) {
            (true, SharedErrors::NotLogged) => None,
            (false, _) if text.starts_with("ERR ") => Some(text["ERR ".len()..].to_string()),
            _ => Some(format!("-{text}")),
        }
    }

    pub fn syntax() -> Self {
        Failure::shared("ERR syntax error")
    }

    pub fn wrong_type() -> Self {
        Failure::shared("WRONGTYPE Operation against a key holding the wrong kind of value")
    }

    pub fn not_an_integer() -> Self {
        Failure::new("value is not an integer or out of range")
    }

    pub fn out_of_range() -> Self {
        Failure::shared("ERR index out of range")
    }

    pub fn no_such_key() -> Self {
        Failure::shared("ERR no such key")
    }

    pub fn wrong_arity(name: &str) -> Self {
        Failure::new(format!("wrong number of arguments for '{name}' command"))
    }

    /// Redis: `addReplySubcommandSyntaxError`.
    pub fn subcommand(generation: &Generation, argv: &[Bytes]) -> Self {
        let (command, sub) = (argv[0].to_ascii_uppercase(), &argv[1]);
        let command = String::from_utf8_lossy(&command);
        let sub = String::from_utf8_lossy(sub);
        Failure::new(generation.words.unknown_subcommand(&command, &sub))
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Reply {
        Reply::Error(failure.text)
    }
}

pub type Answer = Result<Reply, Failure>;
