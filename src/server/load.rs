//! Loading: keys of an RDB file are added to the dataset, and the commands of an AOF run on a fake
//! client (Redis: rdb.c, aof.c).
//!
//! These commands are not propagated, nothing expires, and replies are dropped. Error replies are
//! logged, because they mean that the file does not match the dataset. Real clients are served
//! regularly, mostly with -LOADING.
//! Must not know: the file formats.

use super::call::run;
use super::{Loading, Server};
use crate::aof::{Aof, CannotLoad, Env, Executor, LoadResult, State, UnknownCommand};
use crate::clock::{time, ustime};
use crate::command::{
    Command, Context, Failure, Outcome, Queued, Request, Session, Transaction, check_arity,
    full_name, lookup, lookup_with_subcommand,
};
use crate::env::Children;
use crate::generation::Generation;
use crate::keyspace::Bytes;
use crate::latency::Latency;
use crate::os::{Errno, Os};
use crate::rdb::{self, KeysLoaded, LoadOptions, LoadedKey, Receiver};

/// The fake client that runs the commands of the file (Redis: `createAOFClient`).
struct AofClient<'a> {
    server: &'a mut Server,
    session: Session,
    now_us: i64,
    /// The last one that was read.
    last_command: &'static str,
}

impl AofClient<'_> {
    fn generation(&self) -> &'static Generation {
        self.server.config.generation
    }

    fn run(&mut self, os: &mut dyn Os, command: &'static Command, argv: &[Bytes]) {
        let generation = self.generation();
        let outcome = check_arity(generation, command, argv).and_then(|()| {
            let keyspace = &mut self.server.keyspace;
            let mut ctx = Context::new(keyspace, &mut self.session, self.now_us, true);
            let outcome = run(generation, command, &mut ctx, argv);
            let effects = ctx.effects;
            self.server.rdb.dirty += effects.dirty as i64;
            if effects.flushed_all {
                self.server.reset_rdb_after_flushall(os, effects.forced);
            }
            outcome
        });
        match outcome {
            Ok(Outcome::Request(Request::Exec(transaction))) => self.exec(os, transaction),
            Ok(Outcome::Request(_) | Outcome::Reply(_)) => {}
            Err(failure) => self.log_error(os, &failure),
        }
    }

    fn exec(&mut self, os: &mut dyn Os, transaction: Transaction) {
        self.session.executing = true;
        for Queued { name, argv, .. } in &transaction.queued {
            let command = lookup(self.generation(), name.as_bytes())
                .expect("it was found when it was queued");
            self.run(os, command, argv);
        }
        self.session.executing = false;
    }

    /// Redis: `afterErrorReply`. The command is the one that was read, EXEC for all of its
    /// transaction.
    fn log_error(&mut self, os: &mut dyn Os, failure: &Failure) {
        let Some(error) = failure.in_log(self.generation()) else { return };
        let line = format!(
            "== CRITICAL == This server is sending an error to its AOF-loading-client: '{error}' \
             after processing the command '{}'",
            self.last_command
        );
        self.server.warning(os, &line);
    }
}

impl Receiver for Server {
    fn start(&mut self, os: &mut dyn Os, total_bytes: u64) {
        let start_time = time(os);
        self.loading = Some(Loading { start_time, total_bytes, loaded_bytes: 0 });
    }

    fn add(&mut self, entry: LoadedKey, replace: bool) -> bool {
        self.keyspace.add(entry, replace)
    }

    fn add_functions(&mut self, code: Bytes, replace: bool) -> Result<(), String> {
        self.keyspace.add_functions(code, replace)
    }

    fn rdb_loaded(&mut self, keys: KeysLoaded) {
        self.rdb.last_load = keys;
    }

    fn after_key(&mut self, os: &mut dyn Os) {
        self.take_signals(os);
    }

    fn progress(&mut self, os: &mut dyn Os, loaded_bytes: u64) {
        if let Some(loading) = &mut self.loading {
            loading.loaded_bytes = loaded_bytes;
        }
        self.update_cached_time(os);
        self.process_events_while_blocked(os);
    }
}

impl Receiver for AofClient<'_> {
    fn add_functions(&mut self, code: Bytes, replace: bool) -> Result<(), String> {
        self.server.add_functions(code, replace)
    }

    fn rdb_loaded(&mut self, keys: KeysLoaded) {
        self.server.rdb_loaded(keys);
    }

    fn start(&mut self, os: &mut dyn Os, total_bytes: u64) {
        self.server.start(os, total_bytes);
    }

    fn add(&mut self, entry: LoadedKey, replace: bool) -> bool {
        self.server.add(entry, replace)
    }

    fn after_key(&mut self, os: &mut dyn Os) {
        self.server.take_signals(os);
    }

    fn progress(&mut self, os: &mut dyn Os, loaded_bytes: u64) {
        self.server.progress(os, loaded_bytes);
    }
}

impl Executor for AofClient<'_> {
    fn preamble_options(&self) -> LoadOptions {
        let config = &self.server.config;
        LoadOptions {
            filename: config.appendfilename.clone(),
            aof_preamble: true,
            ..LoadOptions::new(config, &self.server.keyspace)
        }
    }

    fn execute(&mut self, os: &mut dyn Os, argv: Vec<Bytes>) -> Result<(), UnknownCommand> {
        let command = lookup_with_subcommand(self.generation(), &argv).ok_or(UnknownCommand)?;
        self.last_command = full_name(self.generation(), command, &argv);
        match &mut self.session.transaction {
            Some(transaction) if command.name != "exec" => {
                transaction.queue(command.queued(argv));
            }
            _ => self.run(os, command, &argv),
        }
        self.server.take_signals(os);
        Ok(())
    }

    fn begin_file(&mut self) {
        self.session = Session::default();
    }

    fn in_multi(&self) -> bool {
        self.session.transaction.is_some()
    }

    fn discard(&mut self) {
        self.session.transaction = None;
    }
}

impl Server {
    /// Loads the AOF.
    ///
    /// The server's AOF is replaced by one that is off meanwhile, because serving clients needs the
    /// whole server.
    pub(super) fn load_append_only_file(
        &mut self,
        os: &mut dyn Os,
    ) -> Result<LoadResult, CannotLoad> {
        let now_us = ustime(os);
        let (config, log, bio) = (self.config.clone(), self.log.clone(), self.bio.clone());
        let mut off = Aof::new(&config);
        off.state = State::Off;
        let mut aof = std::mem::replace(&mut self.aof, off);
        let (epoll, unixtime, mstime) = (self.epoll, self.time.unixtime(), self.time.mstime());
        let session = Session::default();
        let mut client = AofClient { server: self, session, now_us, last_command: "" };
        let mut env = Env {
            os,
            config: &config,
            log: &log,
            bio: &bio,
            children: &mut Children::default(),
            latency: &mut Latency::default(),
            epoll,
            in_exec: false,
            unixtime,
            mstime,
        };
        let result = aof.load(&mut env, &mut client)?;
        self.aof = aof;
        self.loading = None;
        Ok(result)
    }

    /// Loads the snapshot into the dataset; with `merge` its keys replace existing ones. A damaged
    /// file ends the process (Redis: `rdbLoad`).
    pub(super) fn rdb_load(&mut self, os: &mut dyn Os, merge: bool) -> Result<(), Errno> {
        let options = LoadOptions {
            allow_duplicates: merge,
            ..LoadOptions::new(&self.config, &self.keyspace)
        };
        let log = self.log.clone();
        let loaded = rdb::rdb_load(os, &log, &options, self);
        self.loading = None;
        loaded
    }
}
