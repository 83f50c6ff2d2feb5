//! Runs one command: checks whether it may run, runs it, propagates its changes (Redis:
//! `processCommand`, `call`, server.c; `execCommand`, multi.c).
//!
//! Must not know: what a command does, or how its reply is sent.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use super::{CommandStats, Server};
use crate::aof::{State, Status};
use crate::clock::ustime;
use crate::command::{
    Command, Context, Effects, Failure, Flags, Outcome, Queued, Run, Transaction, check_arity,
    commands, full_name, lookup, lookup_with_subcommand,
};
use crate::generation::Generation;
use crate::keyspace::{Bytes, Value};
use crate::networking::Transport;
use crate::os::{Fd, Os, strerror};
use crate::resp::Reply;

const DEBUG_PROTECTED: &str = "DEBUG command not allowed. If the enable-debug-command option is \
    set to \"local\", you can run it from a local connection, otherwise you need to set this \
    option in the configuration file, and then restart the server.";

/// A command that was refused before it ran.
struct Refusal {
    is_exec: bool,
    failure: Failure,
}

impl Server {
    /// Runs, queues or refuses a client's command, and replies.
    pub fn process_command(&mut self, os: &mut dyn Os, fd: Fd, argv: Vec<Bytes>) {
        if argv[0].eq_ignore_ascii_case(b"quit") {
            self.clients.add_reply(fd, &Reply::OK);
            self.clients.close_after_reply(fd);
            return;
        }
        self.queue_or_call(os, fd, argv);
        let replies = &mut self.clients.expect_mut(fd).session.replies;
        *replies = replies.after_command();
    }

    fn queue_or_call(&mut self, os: &mut dyn Os, fd: Fd, argv: Vec<Bytes>) {
        let reply = match self.check_allowed(fd, &argv) {
            Err(refusal) => {
                if let Some(command) = lookup_with_subcommand(self.config.generation, &argv) {
                    self.stats_of(command, &argv).rejected += 1;
                }
                self.reject(fd, refusal)
            }
            Ok(command) => {
                let client = self.clients.expect_mut(fd);
                client.last_command = command.name;
                let at_once = ["exec", "discard", "multi", "watch", "reset"];
                let ends_queue = at_once.contains(&command.name);
                match &mut client.session.transaction {
                    Some(transaction) if !ends_queue => {
                        transaction.queue(command.queued(argv));
                        Reply::status("QUEUED")
                    }
                    _ => self.call(os, fd, command, &argv),
                }
            }
        };
        self.clients.add_reply(fd, &reply);
        self.handle_clients_blocked_on_keys(os);
    }

    /// Checks whether a command is known, has the right arity, and is allowed now.
    fn check_allowed(&mut self, fd: Fd, argv: &[Bytes]) -> Result<&'static Command, Refusal> {
        let Some(command) = lookup(self.config.generation, &argv[0]) else {
            return Err(Refusal { is_exec: false, failure: self.unknown_command(argv) });
        };
        let is_exec = command.name == "exec";
        check_arity(self.config.generation, command, argv)
            .map_err(|failure| Refusal { is_exec, failure })?;
        let local = self.clients.expect(fd).transport == Transport::Unix;
        // DEBUG is all that is protected.
        if command.flags.has(Flags::PROTECTED) && !self.config.enable_debug_command.allows(local) {
            return Err(Refusal { is_exec, failure: Failure::new(DEBUG_PROTECTED) });
        }
        let session = &self.clients.expect(fd).session;
        let locked_out = !self.config.requirepass.is_empty() && !session.authenticated;
        if locked_out && !command.flags.has(Flags::NO_AUTH) {
            let failure = Failure::coded("NOAUTH Authentication required.");
            return Err(Refusal { is_exec, failure });
        }
        let queued = session.transaction.as_ref();
        if queued.is_some() && command.flags.has(Flags::NO_MULTI) {
            let failure = Failure::new("Command not allowed inside a transaction");
            return Err(Refusal { is_exec, failure });
        }
        let queued_has = |flag| is_exec && queued.is_some_and(|queue| queue.has(flag));
        // The queue takes memory too.
        let queues = queued.is_some() && !is_exec && command.name != "discard";
        let takes_memory =
            command.flags.has(Flags::DENYOOM) || queued_has(Flags::DENYOOM) || queues;
        if takes_memory && self.out_of_memory() {
            let words = "OOM command not allowed when used memory > 'maxmemory'.";
            return Err(Refusal { is_exec, failure: Failure::coded(words) });
        }
        let writes = command.flags.has(Flags::WRITE) || queued_has(Flags::WRITE);
        // PING is refused too, so that monitoring notices the disk error.
        if (writes || command.name == "ping")
            && let Some(failure) = self.disk_error()
        {
            return Err(Refusal { is_exec, failure });
        }
        let queued_lacks = |flag| is_exec && queued.is_some_and(|queue| queue.lacks(flag));
        let needs_dataset = !command.flags.has(Flags::LOADING) || queued_lacks(Flags::LOADING);
        if self.loading.is_some() && needs_dataset {
            let failure = Failure::coded("LOADING Redis is loading the dataset in memory");
            return Err(Refusal { is_exec, failure });
        }
        Ok(command)
    }

    fn unknown_command(&self, argv: &[Bytes]) -> Failure {
        Failure::new(self.config.generation.words.unknown_command(argv))
    }

    /// Whether `maxmemory` is exceeded. Nothing is evicted.
    fn out_of_memory(&self) -> bool {
        self.config.maxmemory != 0 && self.keyspace.used_memory() > self.config.maxmemory
    }

    /// The error for write commands after a disk error (Redis: `writeCommandsDeniedByDiskError`).
    fn disk_error(&self) -> Option<Failure> {
        if self.rdb.denies_writes(&self.config) {
            return Some(Failure::coded(self.config.generation.words.snapshots_failing()));
        }
        let aof = &self.aof;
        let failing = (aof.last_write_status == Status::Err).then_some(aof.last_write_errno);
        let failing = failing.or_else(|| self.bio.fsync_error());
        failing.filter(|_| aof.state != State::Off).map(|errno| {
            let reason = strerror(errno);
            Failure::coded(format!("MISCONF Errors writing to the AOF file: {reason}"))
        })
    }

    /// A refused command makes its transaction fail; a refused EXEC discards it (Redis:
    /// `rejectCommand`).
    fn reject(&mut self, fd: Fd, refusal: Refusal) -> Reply {
        let session = &mut self.clients.expect_mut(fd).session;
        if !refusal.is_exec {
            if let Some(transaction) = &mut session.transaction {
                transaction.refused = true;
            }
            return refusal.failure.into();
        }
        session.transaction = None;
        self.keyspace.interest.unwatch_all_keys(session.id);
        let reason = refusal.failure.text();
        let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
        Failure::coded([b"EXECABORT Transaction discarded because of: ", reason].concat()).into()
    }

    /// Runs one command. On return its changes are in the AOF buffer, but not yet written (Redis:
    /// `call`).
    pub(super) fn call(
        &mut self,
        os: &mut dyn Os,
        fd: Fd,
        command: &'static Command,
        argv: &[Bytes],
    ) -> Reply {
        self.update_cached_time(os);
        let start = self.time.ustime;
        self.keyspace.access.frozen = self.children.any();
        let session = &mut self.clients.expect_mut(fd).session;
        let mut ctx = Context::new(&mut self.keyspace, session, self.time.ustime, false);
        let outcome = run(self.config.generation, command, &mut ctx, argv);
        let mut effects = ctx.effects;
        // A save sets the count back, so that a transaction with one may seem to change nothing.
        let before = self.rdb.dirty;
        self.rdb.dirty += effects.dirty as i64;
        self.apply_effects(os, &mut effects);
        let reply = match outcome {
            Ok(Outcome::Reply(reply)) => reply,
            Ok(Outcome::Request(request)) => self.handle_request(os, fd, request),
            Err(failure) => failure.into(),
        };
        let duration = ustime(os) - start;
        self.record_call(os, command, duration);
        let stats = self.stats_of(command, argv);
        stats.calls += 1;
        stats.microseconds += duration.max(0) as u64;
        stats.failed += u64::from(matches!(reply, Reply::Error(_)));
        if (self.rdb.dirty > before && self.propagates(command)) || effects.forced {
            self.report_dirtied_memory(os, fd, command, argv);
            match &effects.rewritten {
                None => self.propagate(os, self.clients.expect(fd).session.db, argv),
                Some(commands) => self.propagate_rewritten(os, fd, commands, effects.apart),
            }
        }
        self.end_unit(os, !command.touches_arbitrary_keys());
        reply
    }

    /// While a child is running, reports an estimate of the memory that copy-on-write duplicates:
    /// the whole of a string, and for other values the size of the arguments.
    fn report_dirtied_memory(
        &self,
        os: &mut dyn Os,
        fd: Fd,
        command: &'static Command,
        argv: &[Bytes],
    ) {
        if !self.children.any() {
            return;
        }
        let db = self.clients.expect(fd).session.db;
        for key in command.keys(argv) {
            let bytes = match self.keyspace.dbs[db].dict.get(key).map(|object| &object.value) {
                Some(Value::String(value)) => value.len(),
                _ => argv.iter().map(Vec::len).sum(),
            };
            os.dirtied(FxBuildHasher.hash_one((db, key)), bytes as u64);
        }
    }

    /// Records the duration of a command for INFO and the latency monitor.
    fn record_call(&mut self, os: &mut dyn Os, command: &'static Command, duration: i64) {
        if !command.flags.has(Flags::SKIP_SLOWLOG) {
            let fast = command.flags.has(Flags::FAST);
            let event = if fast { "fast-command" } else { "command" };
            self.latency.add_sample_if_needed(os, event, duration / 1000);
        }
        self.stats.numcommands += 1;
    }

    /// The statistics of a command, or of its subcommand.
    fn stats_of(&mut self, command: &Command, argv: &[Bytes]) -> &mut CommandStats {
        let name = full_name(self.config.generation, command, argv);
        self.stats.commands.entry(name).or_default()
    }

    pub(super) fn apply_effects(&mut self, os: &mut dyn Os, effects: &mut Effects) {
        self.stats.keyspace_hits += effects.keyspace_hits;
        self.stats.keyspace_misses += effects.keyspace_misses;
        for (db, key) in effects.expired.drain(..) {
            self.propagate_expire(os, db, key);
        }
        if std::mem::take(&mut effects.flushed_all) {
            self.reset_rdb_after_flushall(os, effects.forced);
        }
    }

    /// After FLUSHALL: kills a running background save and, with save points, saves the empty
    /// dataset. Unless its propagation is `forced`, `dirty` is restored, or FLUSHALL itself would
    /// not be propagated (Redis: `flushAllDataAndResetRDB`).
    pub(super) fn reset_rdb_after_flushall(&mut self, os: &mut dyn Os, forced: bool) {
        let (rdb, _, mut env) = self.snapshots(os);
        rdb.kill_rdb_child(&mut env);
        if !self.config.save.is_empty() {
            let dirty = self.rdb.dirty;
            self.rdb_save(os);
            if !forced {
                self.rdb.dirty = dirty;
            }
        }
    }

    /// Runs the queue of a transaction. If MULTI was propagated before one of its commands, EXEC
    /// counts as one change, so that it is propagated too.
    pub(super) fn exec(&mut self, os: &mut dyn Os, fd: Fd, transaction: Transaction) -> Reply {
        let mut propagated = false;
        self.clients.expect_mut(fd).session.executing = true;
        self.in_exec = true;
        let mut replies = Vec::with_capacity(transaction.queued.len());
        for Queued { name, argv, .. } in transaction.queued {
            let command = lookup(self.config.generation, name.as_bytes())
                .expect("it was found when it was queued");
            propagated = self.open_transaction(os, fd, command, propagated);
            replies.push(self.call(os, fd, command, &argv));
        }
        self.clients.expect_mut(fd).session.executing = false;
        self.in_exec = false;
        self.rdb.dirty += i64::from(propagated);
        Reply::Array(replies)
    }
}

/// Calls a command's handler.
pub(super) fn run(
    generation: &Generation,
    command: &Command,
    ctx: &mut Context<'_>,
    argv: &[Bytes],
) -> Result<Outcome, Failure> {
    match command.run {
        Run::Data(handler) => handler(ctx, argv).map(Outcome::from),
        Run::Server(handler) => handler(ctx, argv),
        Run::Table(handler) => handler(generation, commands(generation), argv).map(Outcome::from),
    }
}
