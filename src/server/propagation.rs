//! How executed commands get to the AOF (Redis: `propagate`, later `alsoPropagate` and
//! `propagatePendingCommands`, server.c).
//!
//! One by one: each is fed as it is executed, and MULTI is fed in a transaction just before the
//! first command that might write. In units: what belongs to one command of a client, including the
//! deletion of expired keys, is collected and fed at its end, framed by MULTI and EXEC if there is
//! more than one.
//!
//! Must not know: what the commands do.

use super::Server;
use crate::aof::State;
use crate::command::{Command, Flags};
use crate::generation::Propagation;
use crate::keyspace::Bytes;
use crate::os::{Fd, Os};

/// A command to be fed, with its database.
pub(super) type Pending = (usize, Vec<Bytes>);

impl Server {
    /// Propagates a command, now or at the end of its unit.
    pub(super) fn propagate(&mut self, os: &mut dyn Os, db: usize, argv: &[Bytes]) {
        if self.aof.state == State::Off {
            return;
        }
        match self.config.generation.propagation {
            Propagation::OneByOne => self.feed(os, db, argv),
            Propagation::InUnits => self.pending.push((db, argv.to_vec())),
        }
    }

    fn feed(&mut self, os: &mut dyn Os, db: usize, argv: &[Bytes]) {
        let (aof, _, mut env) = self.persistence(os);
        aof.feed_append_only_file(&mut env, db, argv);
    }

    /// Propagates the deletion of an expired key, because nothing expires while the AOF is loaded
    /// (Redis: `propagateExpire`).
    pub(super) fn propagate_expire(&mut self, os: &mut dyn Os, db: usize, key: Bytes) {
        self.stats.expiredkeys += 1;
        self.propagate(os, db, &[b"DEL".to_vec(), key]);
    }

    /// Propagates other commands instead of the one that was executed. One by one, they are framed
    /// if there are several, unless each stands `apart`.
    pub(super) fn propagate_rewritten(
        &mut self,
        os: &mut dyn Os,
        fd: Fd,
        commands: &[Vec<Bytes>],
        apart: bool,
    ) {
        let session = &self.clients.expect(fd).session;
        let frames = self.config.generation.propagation == Propagation::OneByOne && !apart;
        let (db, wrap) = (session.db, frames && commands.len() > 1 && !session.executing);
        if wrap {
            self.propagate(os, db, &[b"MULTI".to_vec()]);
        }
        for command in commands {
            self.propagate(os, db, command);
        }
        if wrap {
            self.propagate(os, db, &[b"EXEC".to_vec()]);
        }
    }

    /// Called before each command of a transaction; `opened` says whether MULTI was propagated.
    /// Returns whether it is now. MULTI comes before the first command that is neither read-only
    /// nor administrative, even if that one changes nothing.
    pub(super) fn open_transaction(
        &mut self,
        os: &mut dyn Os,
        fd: Fd,
        command: &Command,
        opened: bool,
    ) -> bool {
        let reads = command.flags.has(Flags::READONLY | Flags::ADMIN);
        match self.config.generation.propagation {
            Propagation::OneByOne if !opened && !reads => {
                let db = self.clients.expect(fd).session.db;
                self.propagate(os, db, &[b"MULTI".to_vec()]);
                true
            }
            Propagation::OneByOne => opened,
            Propagation::InUnits => false,
        }
    }

    /// Whether a command that has changed something is propagated itself. Units are framed at their
    /// end, so EXEC is not.
    pub(super) fn propagates(&self, command: &Command) -> bool {
        match self.config.generation.propagation {
            Propagation::OneByOne => true,
            Propagation::InUnits => command.name != "exec",
        }
    }

    /// The end of a unit, unless a transaction goes on. A command that may touch any key is not
    /// framed: what it deletes is not its own change.
    pub(super) fn end_unit(&mut self, os: &mut dyn Os, frames: bool) {
        if self.in_exec || self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let frames = frames && pending.len() > 1;
        let (first, last) = (pending[0].0, pending[pending.len() - 1].0);
        if frames {
            self.feed(os, first, &[b"MULTI".to_vec()]);
        }
        for (db, argv) in &pending {
            self.feed(os, *db, argv);
        }
        if frames {
            self.feed(os, last, &[b"EXEC".to_vec()]);
        }
    }
}
