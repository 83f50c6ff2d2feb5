//! One command: may it run, run it, propagate what it changed (Redis: `processCommand`, `call`,
//! `execCommand`).
//!
//! Must not know: what a command does, or how its reply leaves.

use super::Server;
use crate::aof::{State, Status};
use crate::command::{
    Command, Context, Effects, Failure, Flags, Outcome, Run, Transaction, lookup,
};
use crate::keyspace::Bytes;
use crate::os::{Fd, Os, strerror};
use crate::resp::Reply;

/// A command that was refused before it ran, and why.
struct Refusal {
    is_exec: bool,
    failure: Failure,
}

impl Server {
    /// Runs or queues the command that a client sent, or refuses it, and answers.
    pub fn process_command(&mut self, os: &mut dyn Os, fd: Fd, argv: Vec<Bytes>) {
        if argv[0].eq_ignore_ascii_case(b"quit") {
            self.clients.add_reply(fd, &Reply::OK);
            self.clients.close_after_reply(fd);
            return;
        }
        let reply = match self.admit(fd, &argv) {
            Err(refusal) => self.reject(fd, refusal),
            Ok(command) => {
                let client = self.clients.expect_mut(fd);
                client.last_command = command.name;
                let ends_queue = ["exec", "discard", "multi"].contains(&command.name);
                match &mut client.session.transaction {
                    Some(transaction) if !ends_queue => {
                        transaction.queue(command, argv);
                        Reply::status("QUEUED")
                    }
                    _ => self.call(os, fd, command, &argv),
                }
            }
        };
        self.clients.add_reply(fd, &reply);
    }

    /// Whether a command is known, well-formed and allowed now.
    fn admit(&mut self, fd: Fd, argv: &[Bytes]) -> Result<&'static Command, Refusal> {
        let Some(command) = lookup(&argv[0]) else {
            return Err(Refusal { is_exec: false, failure: unknown_command(argv) });
        };
        let is_exec = command.name == "exec";
        if !command.accepts(argv.len()) {
            return Err(Refusal { is_exec, failure: Failure::wrong_arity(command.name) });
        }
        let queued_writes = || {
            let transaction = self.clients.get(fd)?.session.transaction.as_ref()?;
            Some(transaction.has(Flags::WRITE))
        };
        let writes =
            command.flags.has(Flags::WRITE) || (is_exec && queued_writes().unwrap_or(false));
        // PING is refused too, so that a watcher learns that the disk is in trouble.
        if self.aof_denies_writes() && (writes || command.name == "ping") {
            let failure = Failure::coded(format!(
                "MISCONF Errors writing to the AOF file: {}",
                strerror(self.aof.last_write_errno)
            ));
            return Err(Refusal { is_exec, failure });
        }
        Ok(command)
    }

    /// Redis: `writeCommandsDeniedByDiskError`.
    fn aof_denies_writes(&self) -> bool {
        self.aof.state != State::Off && self.aof.last_write_status == Status::Err
    }

    /// A refused command spoils the transaction that it belongs to; a refused EXEC ends it.
    fn reject(&mut self, fd: Fd, refusal: Refusal) -> Reply {
        let session = &mut self.clients.expect_mut(fd).session;
        if !refusal.is_exec {
            if let Some(transaction) = &mut session.transaction {
                transaction.refused = true;
            }
            return refusal.failure.into();
        }
        session.transaction = None;
        let reason = refusal.failure.0;
        let reason = reason.strip_prefix(b"ERR ").unwrap_or(&reason);
        Failure::coded([b"EXECABORT Transaction discarded because of: ", reason].concat()).into()
    }

    /// Runs one command now. When this returns, what it changed has been fed to the AOF's buffer,
    /// though nothing has been written (Redis: `call`).
    pub(super) fn call(
        &mut self,
        os: &mut dyn Os,
        fd: Fd,
        command: &'static Command,
        argv: &[Bytes],
    ) -> Reply {
        self.update_cached_time(os);
        let session = &mut self.clients.expect_mut(fd).session;
        let mut ctx = Context::new(&mut self.keyspace, session, self.time.ustime, false);
        let outcome = run(command, &mut ctx, argv);
        let mut effects = ctx.effects;
        self.take_over(os, &mut effects);
        let reply = match outcome {
            Ok(Outcome::Reply(reply)) => reply,
            Ok(Outcome::Request(request)) => {
                let (reply, dirty) = self.carry_out(os, fd, request);
                effects.dirty += dirty;
                reply
            }
            Err(failure) => failure.into(),
        };
        self.dirty += effects.dirty;
        if effects.dirty > 0 {
            match &effects.rewritten {
                None => self.propagate(os, self.clients.expect(fd).session.db, argv),
                Some(commands) => self.propagate_instead(os, fd, commands),
            }
        }
        self.stats.numcommands += 1;
        reply
    }

    /// Several commands that stand for one are wrapped in MULTI and EXEC, unless they are part of a
    /// transaction already.
    fn propagate_instead(&mut self, os: &mut dyn Os, fd: Fd, commands: &[Vec<Bytes>]) {
        let session = &self.clients.expect(fd).session;
        let (db, wrap) = (session.db, commands.len() > 1 && !session.executing);
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

    fn take_over(&mut self, os: &mut dyn Os, effects: &mut Effects) {
        self.stats.keyspace_hits += effects.keyspace_hits;
        self.stats.keyspace_misses += effects.keyspace_misses;
        for (db, key) in effects.expired.drain(..) {
            self.propagate_expire(os, db, key);
        }
    }

    /// Runs a queue of commands. MULTI is propagated just before the first command that is neither
    /// read-only nor administrative, whether or not that one changes anything; if it was, one
    /// change is counted for EXEC itself, so that it is propagated like any command.
    pub(super) fn exec(
        &mut self,
        os: &mut dyn Os,
        fd: Fd,
        transaction: Transaction,
    ) -> (Reply, u64) {
        let mut propagated = false;
        self.clients.expect_mut(fd).session.executing = true;
        let mut replies = Vec::with_capacity(transaction.queued.len());
        for (command, argv) in transaction.queued {
            if !propagated && !command.flags.has(Flags::READONLY | Flags::ADMIN) {
                let db = self.clients.expect(fd).session.db;
                self.propagate(os, db, &[b"MULTI".to_vec()]);
                propagated = true;
            }
            replies.push(self.call(os, fd, command, &argv));
        }
        self.clients.expect_mut(fd).session.executing = false;
        (Reply::Array(replies), u64::from(propagated))
    }
}

/// Hands a command to its handler.
pub(super) fn run(
    command: &Command,
    ctx: &mut Context<'_>,
    argv: &[Bytes],
) -> Result<Outcome, Failure> {
    match command.run {
        Run::Data(handler) => handler(ctx, argv).map(Outcome::from),
        Run::Server(handler) => handler(ctx, argv),
    }
}

/// The words of Redis, which quotes about 128 bytes of arguments.
fn unknown_command(argv: &[Bytes]) -> Failure {
    let mut args = Vec::new();
    for argument in &argv[1..] {
        if args.len() >= 128 {
            break;
        }
        let shown = &argument[..argument.len().min(128 - args.len())];
        args.extend([b"`", shown, b"`, "].concat());
    }
    let name = argv[0].as_slice();
    Failure::new([b"unknown command `", name, b"`, with args beginning with: ", &args].concat())
}
