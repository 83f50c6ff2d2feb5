//! What a client has chosen on its connection: database, name, replies, transaction.
//!
//! Must not know: sockets, and what the commands do.

use super::transaction::Transaction;
use crate::keyspace::Bytes;

/// The state of a client's connection.
#[derive(Debug, Default)]
pub struct Session {
    pub id: u64,
    /// The database that SELECT chose.
    pub db: usize,
    /// CLIENT SETNAME; empty for none.
    pub name: Bytes,
    /// It has authenticated, or no password was set when it connected.
    pub authenticated: bool,
    /// CLIENT REPLY.
    pub replies: ReplyMode,
    /// The queue since MULTI.
    pub transaction: Option<Transaction>,
    /// EXEC is running its transaction.
    pub executing: bool,
}

/// The reply mode of a client (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply to the next command will be skipped.
    SkipNext,
    /// The reply to the current command is skipped.
    Skip,
}

impl ReplyMode {
    /// The mode for the next command.
    pub fn after_command(self) -> ReplyMode {
        match self {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            other => other,
        }
    }
}
