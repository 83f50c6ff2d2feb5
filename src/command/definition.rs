//! One command as the table defines it (Redis: `struct redisCommand`).
//!
//! Must not know: which commands there are.

use super::context::Context;
use super::failure::{Answer, Failure};
use super::flags::Flags;
use super::request::Outcome;
use super::transaction::Queued;
use crate::generation::Generation;
use crate::keyspace::Bytes;

/// The handler of a command.
#[derive(Clone, Copy)]
pub enum Run {
    /// On the dataset alone.
    Data(fn(&mut Context<'_>, &[Bytes]) -> Answer),
    /// Possibly with a request to the server.
    Server(fn(&mut Context<'_>, &[Bytes]) -> Result<Outcome, Failure>),
    /// On the table of commands itself.
    Table(fn(&Generation, &[Command], &[Bytes]) -> Answer),
}

/// One command.
#[derive(Clone)]
pub struct Command {
    /// Lower case.
    pub name: &'static str,
    /// Number of arguments including the name; -N for N or more.
    pub arity: i32,
    pub flags: Flags,
    /// Index of the first and the last key (0: none, -1: the last argument), and the step.
    pub keys: (i32, i32, i32),
    pub run: Run,
}

impl Command {
    /// Whether this is its name, in any case.
    pub fn is_called(&self, name: &[u8]) -> bool {
        self.name.as_bytes().eq_ignore_ascii_case(name)
    }

    /// Whether it accepts this many arguments, the name included.
    pub fn accepts(&self, argc: usize) -> bool {
        let argc = argc as i32;
        if self.arity > 0 { argc == self.arity } else { argc >= -self.arity }
    }

    /// Whether it looks at keys that nobody named, so that it may delete any expired one.
    pub fn touches_arbitrary_keys(&self) -> bool {
        ["scan", "keys", "randomkey"].contains(&self.name)
    }

    /// The arguments that are keys.
    pub fn keys<'a>(&self, argv: &'a [Bytes]) -> impl Iterator<Item = &'a Bytes> {
        let (first, last, step) = self.keys;
        let end = if last < 0 { argv.len() as i32 + last } else { last };
        let count = if first == 0 { 0 } else { end - first + 1 };
        argv.iter().skip(first as usize).take(count.max(0) as usize).step_by(step.max(1) as usize)
    }

    /// The command with its words, for the queue of a transaction.
    pub fn queued(&self, argv: Vec<Bytes>) -> Queued {
        Queued { name: self.name, flags: self.flags, argv }
    }
}
