//! The commands that a client has queued since MULTI (Redis: `multiState`).
//!
//! Must not know: how they are carried out.

use super::flags::Flags;
use crate::keyspace::Bytes;

/// A queued command.
#[derive(Debug)]
pub struct Queued {
    /// Its name in the table of commands.
    pub name: &'static str,
    pub flags: Flags,
    pub argv: Vec<Bytes>,
}

/// What a client has queued since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    pub queued: Vec<Queued>,
    /// A command was refused, so EXEC will fail (Redis: `CLIENT_DIRTY_EXEC`).
    pub refused: bool,
}

impl Transaction {
    /// Queues a command, unless it would never run (Redis: `queueMultiCommand`).
    pub fn queue(&mut self, command: Queued) {
        if !self.refused {
            self.queued.push(command);
        }
    }

    /// Whether any queued command has none of these flags.
    pub fn lacks(&self, any: Flags) -> bool {
        self.queued.iter().any(|command| !command.flags.has(any))
    }

    /// Whether any queued command has one of these flags.
    pub fn has(&self, any: Flags) -> bool {
        self.queued.iter().any(|command| command.flags.has(any))
    }
}
