//! What a client has chosen on its connection: database, name, replies, transaction.
//!
//! Must not know: sockets, and what the commands do.

use super::transaction::Transaction;
use crate::keyspace::Bytes;

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

/// Which replies a client wants (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// All but that of the command after this one.
    SkipNext,
    /// Not that of the command that runs.
    Skip,
}

impl ReplyMode {
    /// What holds for the next command.
    pub fn after_command(self) -> ReplyMode {
        match self {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            other => other,
        }
    }
}
