//! Commands: what each of them needs, does to the dataset, answers, and wants written to the AOF.
//!
//! A handler changes the dataset and nothing else. All that follows from it is said in its answer
//! and its [`Effects`]; what needs the server (a rewrite, the configuration, the end) is returned
//! as a [`Request`].
//! Must not know: system calls, the AOF, other clients.

mod admin;
mod connection;
mod debug;
mod expire;
mod hashes;
mod keys;
mod lists;
mod multi;
mod sets;
mod strings;
pub mod table;

pub use admin::{Request, Shutdown};
pub use multi::Transaction;
pub use table::{Command, Flags, Run, lookup};

use crate::keyspace::{Bytes, Db, Keyspace, Value};
use crate::resp::Reply;
use crate::text::parse_integer;

/// What a client has chosen so far.
#[derive(Debug, Default)]
pub struct Session {
    pub id: u64,
    /// The database that SELECT chose.
    pub db: usize,
    /// CLIENT SETNAME; empty for none.
    pub name: Bytes,
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
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
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

/// What a handler works on.
pub struct Context<'a> {
    pub keyspace: &'a mut Keyspace,
    pub session: &'a mut Session,
    /// The moment at which the command began, in microseconds; time stands still for its length.
    pub now_us: i64,
    /// While the AOF is loaded nothing expires: the file says itself what was removed.
    pub loading: bool,
    pub effects: Effects,
}

impl<'a> Context<'a> {
    pub fn new(
        keyspace: &'a mut Keyspace,
        session: &'a mut Session,
        now_us: i64,
        loading: bool,
    ) -> Self {
        Context { keyspace, session, now_us, loading, effects: Effects::default() }
    }

    pub fn now_ms(&self) -> i64 {
        self.now_us / 1000
    }

    /// The selected database.
    pub fn db(&mut self) -> &mut Db {
        &mut self.keyspace.dbs[self.session.db]
    }

    /// Counts changes.
    pub fn changed(&mut self, count: usize) {
        self.effects.dirty += count as u64;
    }

    /// Removes a key that is past its time (Redis: `expireIfNeeded`).
    pub fn expire_if_needed(&mut self, key: &[u8]) {
        let now = self.now_ms();
        if !self.loading && self.db().is_expired(key, now) {
            self.db().delete(key);
            self.effects.expired.push((self.session.db, key.to_vec()));
        }
    }

    /// The value of a key for a command that only reads (Redis: `lookupKeyRead`).
    pub fn read(&mut self, key: &[u8]) -> Option<&Value> {
        self.expire_if_needed(key);
        let value = self.keyspace.dbs[self.session.db].dict.get(key);
        match value {
            Some(_) => self.effects.keyspace_hits += 1,
            None => self.effects.keyspace_misses += 1,
        }
        value
    }

    /// The value of a key for a command that may change it (Redis: `lookupKeyWrite`).
    pub fn write(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.expire_if_needed(key);
        self.db().dict.get_mut(key)
    }
}

/// An argument that has to be an integer.
fn integer(argument: &[u8]) -> Result<i64, Failure> {
    parse_integer(argument).ok_or_else(Failure::not_an_integer)
}

/// Declares two functions that look a key up as one type: None when there is no such key, an error
/// when it holds something else.
macro_rules! typed {
    ($read:ident, $write:ident, $variant:ident, $type:ty) => {
        impl Context<'_> {
            fn $read(&mut self, key: &[u8]) -> Result<Option<&$type>, Failure> {
                match self.read(key) {
                    None => Ok(None),
                    Some(Value::$variant(value)) => Ok(Some(value)),
                    Some(_) => Err(Failure::wrong_type()),
                }
            }

            fn $write(&mut self, key: &[u8]) -> Result<Option<&mut $type>, Failure> {
                match self.write(key) {
                    None => Ok(None),
                    Some(Value::$variant(value)) => Ok(Some(value)),
                    Some(_) => Err(Failure::wrong_type()),
                }
            }
        }
    };
}

typed!(read_string, write_string, String, Bytes);
typed!(read_list, write_list, List, std::collections::VecDeque<Bytes>);
typed!(read_set, write_set, Set, crate::keyspace::BytesSet);
typed!(read_hash, write_hash, Hash, crate::keyspace::BytesMap<Bytes>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::table::COMMANDS;
    use super::*;

    fn word() -> impl Strategy<Value = Bytes> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..4),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            prop_oneof![Just("k"), Just("0"), Just("-1"), Just("ex"), Just("nx"), Just("9")]
                .prop_map(|word| word.as_bytes().to_vec()),
            Just(i64::MIN.to_string().into_bytes()),
        ]
    }

    proptest! {
        /// DEBUG is left out: it does what it is told, for as long as it takes.
        #[test]
        fn no_arguments_make_a_handler_panic(
            calls in proptest::collection::vec(
                (0..COMMANDS.len() - 1, proptest::collection::vec(word(), 0..6)),
                1..30,
            ),
            loading: bool,
        ) {
            let mut keyspace = Keyspace::new(2);
            let mut session = Session::default();
            for (index, arguments) in calls {
                let command = &COMMANDS[index];
                let argv: Vec<Bytes> =
                    [command.name.as_bytes().to_vec()].into_iter().chain(arguments).collect();
                if !command.accepts(argv.len()) {
                    continue;
                }
                let mut ctx = Context::new(&mut keyspace, &mut session, 1_000_000, loading);
                let failed = match command.run {
                    Run::Data(handler) => handler(&mut ctx, &argv).is_err(),
                    Run::Server(handler) => handler(&mut ctx, &argv).is_err(),
                };
                prop_assert!(!failed || ctx.effects.dirty == 0, "refused, yet it changed data");
            }
            let empty = |value: &Value| match value {
                Value::String(_) => false,
                Value::List(list) => list.is_empty(),
                Value::Set(set) => set.is_empty(),
                Value::Hash(hash) => hash.is_empty(),
            };
            prop_assert!(!keyspace.dbs.iter().any(|db| db.dict.values().any(empty)));
        }
    }

    #[test]
    fn debug_is_the_last_command_of_the_table() {
        assert_eq!(COMMANDS.last().map(|command| command.name), Some("debug"));
    }
}
