//! The table of commands: name, arity, flags and keys as in Redis 6.0.8, and the handler.
//!
//! Must not know: what the handlers do.

use std::ops::BitOr;

use super::{Answer, Context, Failure, Outcome};
use super::{admin, connection, debug, expire, hashes, keys, lists, multi, sets, strings};
use crate::keyspace::Bytes;

/// What kind of command it is; the names are those that COMMAND shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    pub const WRITE: Flags = Flags(1);
    pub const READONLY: Flags = Flags(1 << 1);
    pub const DENYOOM: Flags = Flags(1 << 2);
    pub const ADMIN: Flags = Flags(1 << 3);
    pub const NOSCRIPT: Flags = Flags(1 << 4);
    pub const RANDOM: Flags = Flags(1 << 5);
    pub const SORT: Flags = Flags(1 << 6);
    pub const LOADING: Flags = Flags(1 << 7);
    pub const STALE: Flags = Flags(1 << 8);
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    pub const FAST: Flags = Flags(1 << 11);

    const NAMES: [(Flags, &'static str); 12] = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::RANDOM, "random"),
        (Flags::SORT, "sort_for_script"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::FAST, "fast"),
    ];

    /// Whether any of these flags is set.
    pub fn has(self, any: Flags) -> bool {
        self.0 & any.0 != 0
    }

    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |&(flag, _)| self.has(flag)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// How a command is carried out.
pub enum Run {
    /// On the dataset alone.
    Data(fn(&mut Context<'_>, &[Bytes]) -> Answer),
    /// Perhaps with the help of the server.
    Server(fn(&mut Context<'_>, &[Bytes]) -> Result<Outcome, Failure>),
}

/// One command.
pub struct Command {
    /// Lower case.
    pub name: &'static str,
    /// How many words it has, itself included; -N for N or more.
    pub arity: i32,
    pub flags: Flags,
    /// The first and the last argument that is a key (0: none, -1: the last), and the step between.
    pub keys: (i32, i32, i32),
    pub run: Run,
}

impl Command {
    /// Whether this many words can be this command.
    pub fn accepts(&self, argc: usize) -> bool {
        let argc = argc as i32;
        if self.arity > 0 { argc == self.arity } else { argc >= -self.arity }
    }
}

/// The command of this name, whatever its case.
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
}

const W: Flags = Flags::WRITE;
/// Writes and takes memory ("write use-memory").
const WM: Flags = Flags(Flags::WRITE.0 | Flags::DENYOOM.0);
const R: Flags = Flags::READONLY;
const F: Flags = Flags::FAST;
const A: Flags = Flags(Flags::ADMIN.0 | Flags::NOSCRIPT.0);
/// "ok-loading ok-stale".
const L: Flags = Flags(Flags::LOADING.0 | Flags::STALE.0);
const RND: Flags = Flags::RANDOM;
const SORT: Flags = Flags::SORT;
const NOSCRIPT: Flags = Flags::NOSCRIPT;
/// "no-monitor no-slowlog".
const QUIET: Flags = Flags(Flags::SKIP_MONITOR.0 | Flags::SKIP_SLOWLOG.0);

const fn or(a: Flags, b: Flags) -> Flags {
    Flags(a.0 | b.0)
}

const NO_KEYS: (i32, i32, i32) = (0, 0, 0);
const ONE_KEY: (i32, i32, i32) = (1, 1, 1);
const ALL_KEYS: (i32, i32, i32) = (1, -1, 1);

macro_rules! data {
    ($name:literal, $arity:literal, $flags:expr, $keys:expr, $handler:path) => {
        Command { name: $name, arity: $arity, flags: $flags, keys: $keys, run: Run::Data($handler) }
    };
}

macro_rules! server {
    ($name:literal, $arity:literal, $flags:expr, $handler:path) => {
        Command {
            name: $name,
            arity: $arity,
            flags: $flags,
            keys: NO_KEYS,
            run: Run::Server($handler),
        }
    };
}

#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    data!("get", 2, or(R, F), ONE_KEY, strings::get),
    data!("set", -3, WM, ONE_KEY, strings::set),
    data!("setnx", 3, or(WM, F), ONE_KEY, strings::setnx),
    data!("setex", 4, WM, ONE_KEY, strings::setex),
    data!("psetex", 4, WM, ONE_KEY, strings::psetex),
    data!("append", 3, or(WM, F), ONE_KEY, strings::append),
    data!("strlen", 2, or(R, F), ONE_KEY, strings::strlen),
    data!("setrange", 4, WM, ONE_KEY, strings::setrange),
    data!("incr", 2, or(WM, F), ONE_KEY, strings::incr),
    data!("decr", 2, or(WM, F), ONE_KEY, strings::decr),
    data!("incrby", 3, or(WM, F), ONE_KEY, strings::incrby),
    data!("decrby", 3, or(WM, F), ONE_KEY, strings::decrby),
    data!("getset", 3, or(WM, F), ONE_KEY, strings::getset),
    data!("mget", -2, or(R, F), ALL_KEYS, strings::mget),
    data!("mset", -3, WM, (1, -1, 2), strings::mset),
    data!("rpush", -3, or(WM, F), ONE_KEY, lists::rpush),
    data!("lpush", -3, or(WM, F), ONE_KEY, lists::lpush),
    data!("rpop", 2, or(W, F), ONE_KEY, lists::rpop),
    data!("lpop", 2, or(W, F), ONE_KEY, lists::lpop),
    data!("llen", 2, or(R, F), ONE_KEY, lists::llen),
    data!("lrange", 4, R, ONE_KEY, lists::lrange),
    data!("sadd", -3, or(WM, F), ONE_KEY, sets::sadd),
    data!("srem", -3, or(W, F), ONE_KEY, sets::srem),
    data!("spop", -2, or(W, or(F, RND)), ONE_KEY, sets::spop),
    data!("sismember", 3, or(R, F), ONE_KEY, sets::sismember),
    data!("scard", 2, or(R, F), ONE_KEY, sets::scard),
    data!("smembers", 2, or(R, SORT), ONE_KEY, sets::smembers),
    data!("hset", -4, or(WM, F), ONE_KEY, hashes::hset),
    data!("hmset", -4, or(WM, F), ONE_KEY, hashes::hmset),
    data!("hget", 3, or(R, F), ONE_KEY, hashes::hget),
    data!("hdel", -3, or(W, F), ONE_KEY, hashes::hdel),
    data!("hlen", 2, or(R, F), ONE_KEY, hashes::hlen),
    data!("hgetall", 2, or(R, RND), ONE_KEY, hashes::hgetall),
    data!("hexists", 3, or(R, F), ONE_KEY, hashes::hexists),
    data!("del", -2, W, ALL_KEYS, keys::del),
    data!("unlink", -2, or(W, F), ALL_KEYS, keys::del),
    data!("exists", -2, or(R, F), ALL_KEYS, keys::exists),
    data!("type", 2, or(R, F), ONE_KEY, keys::type_),
    data!("keys", 2, or(R, SORT), NO_KEYS, keys::keys),
    data!("dbsize", 1, or(R, F), NO_KEYS, keys::dbsize),
    data!("flushdb", -1, W, NO_KEYS, keys::flushdb),
    data!("flushall", -1, W, NO_KEYS, keys::flushall),
    data!("expire", 3, or(W, F), ONE_KEY, expire::expire),
    data!("expireat", 3, or(W, F), ONE_KEY, expire::expireat),
    data!("pexpire", 3, or(W, F), ONE_KEY, expire::pexpire),
    data!("pexpireat", 3, or(W, F), ONE_KEY, expire::pexpireat),
    data!("ttl", 2, or(or(R, F), RND), ONE_KEY, expire::ttl),
    data!("pttl", 2, or(or(R, F), RND), ONE_KEY, expire::pttl),
    data!("persist", 2, or(W, F), ONE_KEY, expire::persist),
    data!("select", 2, or(L, F), NO_KEYS, connection::select),
    data!("ping", -1, or(Flags::STALE, F), NO_KEYS, connection::ping),
    data!("echo", 2, or(R, F), NO_KEYS, connection::echo),
    data!("time", 1, or(or(R, F), or(L, RND)), NO_KEYS, connection::time),
    data!("command", -1, or(L, RND), NO_KEYS, connection::command),
    server!("client", -2, or(A, or(L, RND)), connection::client),
    data!("multi", 1, or(L, or(F, NOSCRIPT)), NO_KEYS, multi::multi),
    data!("discard", 1, or(L, or(F, NOSCRIPT)), NO_KEYS, multi::discard),
    server!("exec", 1, or(or(L, NOSCRIPT), QUIET), multi::exec),
    server!("info", -1, or(L, RND), admin::info),
    server!("config", -2, or(A, L), admin::config),
    server!("bgrewriteaof", 1, A, admin::bgrewriteaof),
    server!("shutdown", -1, or(A, L), admin::shutdown),
    server!("debug", -2, or(A, L), debug::debug),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_arity_counts_the_name() {
        let set = lookup(b"SeT").expect("known");
        assert!(set.accepts(3) && set.accepts(5) && !set.accepts(2));
        assert!(lookup(b"get").is_some_and(|get| get.accepts(2) && !get.accepts(3)));
        assert!(lookup(b"blah").is_none());
        assert_eq!(set.flags.names().collect::<Vec<_>>(), ["write", "denyoom"]);
    }

    #[test]
    fn no_name_is_there_twice() {
        for (index, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..index].iter().all(|other| other.name != command.name));
        }
    }
}
