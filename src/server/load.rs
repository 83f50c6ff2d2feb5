//! Loading the AOF: the commands of the file run as those of a client that nobody sees.
//!
//! They are not propagated, nothing expires meanwhile, and their replies are dropped; a reply that
//! is an error is logged, because it means that the file and the dataset have drifted apart.
//! Must not know: the file.

use super::Server;
use super::call::run;
use crate::aof::{Executor, LoadResult, UnknownCommand};
use crate::command::{Command, Context, Failure, Outcome, Request, Session, lookup};
use crate::keyspace::{Bytes, Keyspace};
use crate::os::Os;

/// The client that runs what the file says (Redis: `createAOFClient`).
struct FileClient<'a> {
    keyspace: &'a mut Keyspace,
    session: Session,
    now_us: i64,
    /// Changes so far.
    dirty: u64,
    /// What went wrong, to be logged when the file has been read.
    errors: Vec<String>,
}

impl FileClient<'_> {
    fn run(&mut self, command: &'static Command, argv: &[Bytes]) {
        let outcome = if command.accepts(argv.len()) {
            let mut ctx = Context::new(self.keyspace, &mut self.session, self.now_us, true);
            let outcome = run(command, &mut ctx, argv);
            self.dirty += ctx.effects.dirty;
            outcome
        } else {
            Err(Failure::wrong_arity(command.name))
        };
        match outcome {
            Ok(Outcome::Request(Request::Exec(transaction))) => {
                for (command, argv) in &transaction.queued {
                    self.run(command, argv);
                }
            }
            // No other request changes the dataset, so none is ever written to a file.
            Ok(Outcome::Request(_) | Outcome::Reply(_)) => {}
            Err(failure) => self.errors.push(critical(&failure, command.name)),
        }
    }
}

/// Redis: `afterErrorReply`.
fn critical(failure: &Failure, command: &str) -> String {
    let words = String::from_utf8_lossy(&failure.0);
    let words = words.strip_prefix("ERR ").unwrap_or(&words);
    format!(
        "== CRITICAL == This AOF-loading-client is sending an error to its server: '{words}' after \
         processing the command '{command}'"
    )
}

impl Executor for FileClient<'_> {
    fn execute(&mut self, argv: Vec<Bytes>) -> Result<(), UnknownCommand> {
        let command = lookup(&argv[0]).ok_or(UnknownCommand)?;
        match &mut self.session.transaction {
            Some(transaction) if command.name != "exec" => transaction.queue(command, argv),
            _ => self.run(command, &argv),
        }
        Ok(())
    }

    fn in_multi(&self) -> bool {
        self.session.transaction.is_some()
    }

    fn discard(&mut self) {
        self.session.transaction = None;
    }
}

impl Server {
    /// Runs the file on the dataset; false when the file is empty. A file that cannot be loaded
    /// ends the process.
    pub(super) fn load_append_only_file(&mut self, os: &mut dyn Os) -> bool {
        let now_us = super::ustime(os);
        let (aof, keyspace, mut env) = self.persistence(os);
        let session = Session::default();
        let mut client = FileClient { keyspace, session, now_us, dirty: 0, errors: Vec::new() };
        let result = aof.load(&mut env, &mut client);
        let FileClient { dirty, errors, .. } = client;
        self.dirty += dirty;
        for error in errors {
            self.warning(os, &error);
        }
        matches!(result, LoadResult::Loaded)
    }
}
