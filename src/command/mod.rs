//! Commands: what each of them needs, does to the dataset, answers, and wants written to the AOF.
//!
//! A handler changes the dataset and nothing else. All that follows from it is said in its answer
//! and its [`Effects`]; what needs the server (a rewrite, the configuration, the end) is returned
//! as a [`Request`].
//! Must not know: system calls, the AOF, other clients.

mod admin;
mod arguments;
mod auth;
mod bits;
pub mod blocking;
mod connection;
mod context;
mod counters;
mod debug;
mod dump;
mod expire;
mod flags;
mod hashes;
mod introspection;
mod keys;
mod latency;
mod list_edits;
mod lists;
mod multi;
mod renames;
mod scan;
mod set_algebra;
mod sets;
mod sort;
mod strings;
pub mod table;
mod zset_algebra;
mod zset_ranges;
mod zset_removals;
mod zsets;

pub use admin::{Reload, Request, Shutdown};
pub use auth::{Credentials, greeting};
pub use connection::{KillFilter, ReplyMode};
pub use context::Context;
pub use flags::Flags;
pub use latency::LatencyRequest;
pub use multi::Transaction;
pub use table::{Command, Run, lookup};

use crate::keyspace::Bytes;
use crate::resp::Reply;

/// What a client has chosen so far.
#[derive(Debug, Default)]
pub struct Session {
    pub id: u64,
    /// The database that SELECT chose.
    pub db: usize,
    /// CLIENT SETNAME; empty for none.
    pub name: Bytes,
    /// It knows the password, or there was none when it came.
    pub authenticated: bool,
    /// Which replies it wants.
    pub replies: ReplyMode,
    /// What follows a MULTI.
    pub transaction: Option<Transaction>,
    /// EXEC is running the transaction.
    pub executing: bool,
}

/// What a command did, beside its answer.
#[derive(Debug, Default)]
pub struct Effects {
    /// How many changes it made; a command with none is not propagated (Redis: `server.dirty`).
    pub dirty: u64,
    /// Keys that were found to be past their time and were removed, with their database. Each of
    /// them is propagated as a DEL, before the command itself.
    pub expired: Vec<(usize, Bytes)>,
    /// What to propagate in place of the command, as one transaction if it is more than one command
    /// (Redis: `rewriteClientCommandVector`, `alsoPropagate`).
    pub rewritten: Option<Vec<Vec<Bytes>>>,
    /// Every database was emptied, so a snapshot with what was in them would bring it back.
    pub flushed_all: bool,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
}

impl Effects {
    /// One command to propagate in place of this one.
    pub fn replace_with<const N: usize>(&mut self, words: [&[u8]; N]) {
        self.rewritten = Some(vec![words.map(<[u8]>::to_vec).to_vec()]);
    }
}

/// An error reply: its code and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub Vec<u8>);

impl Failure {
    /// `-ERR words`. Line ends within the words would end the reply, so they become blanks.
    pub fn new(words: impl AsRef<[u8]>) -> Self {
        Failure::coded([b"ERR ", words.as_ref()].concat())
    }

    /// An error whose words start with a code of their own.
    pub fn coded(words: impl AsRef<[u8]>) -> Self {
        let blank = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        Failure(words.as_ref().iter().map(blank).collect())
    }

    pub fn syntax() -> Self {
        Failure::new("syntax error")
    }

    pub fn wrong_type() -> Self {
        Failure::coded("WRONGTYPE Operation against a key holding the wrong kind of value")
    }

    pub fn not_an_integer() -> Self {
        Failure::new("value is not an integer or out of range")
    }

    pub fn out_of_range() -> Self {
        Failure::new("index out of range")
    }

    pub fn no_such_key() -> Self {
        Failure::new("no such key")
    }

    pub fn wrong_arity(name: &str) -> Self {
        Failure::new(format!("wrong number of arguments for '{name}' command"))
    }

    /// Redis: `addReplySubcommandSyntaxError`.
    pub fn subcommand(argv: &[Bytes]) -> Self {
        let (command, sub) = (argv[0].to_ascii_uppercase(), &argv[1]);
        let command = String::from_utf8_lossy(&command);
        let sub = String::from_utf8_lossy(sub);
        Failure::new(format!(
            "Unknown subcommand or wrong number of arguments for '{sub}'. Try {command} HELP."
        ))
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Reply {
        Reply::Error(failure.0)
    }
}

pub type Answer = Result<Reply, Failure>;

/// The answer of a command that may need the server.
pub enum Outcome {
    Reply(Reply),
    Request(Request),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Outcome {
        Outcome::Reply(reply)
    }
}

impl From<Request> for Outcome {
    fn from(request: Request) -> Outcome {
        Outcome::Request(request)
    }
}
