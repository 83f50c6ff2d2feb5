//! The command table as in 7.0: that of 6.0, with commands that take other arguments and those that
//! 6.2 and 7.0 brought (Redis: commands.c).
//!
//! Must not know: what the handlers do.

use std::sync::LazyLock;

use super::definition::Command;
use super::definition::Run::{Data, Server, Table};
use super::descriptions::{Description, described, subcommands};
use super::failure::Failure;
use super::flags::Flags;
use super::introspection_7_0;
use super::table_6_0::{self, *};
use super::{admin, auth, blocking, connection, copy, debug, expire, functions, getex};
use super::{keys, list_moves, lists};
use super::{random_members, set_algebra, sets, streams, strings};
use super::{zset_7_0, zset_algebra_7_0};
use super::{zset_removals, zsets};
use crate::generation::Generation;
use crate::keyspace::Bytes;

/// The keys of COPY, LMOVE and the like.
const TWO_KEYS: (i32, i32, i32) = (1, 2, 1);

/// All commands of 7.0.
pub static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| {
    let mut all: Vec<Command> = table_6_0::COMMANDS.to_vec();
    for command in CHANGED.iter().chain(NEW).cloned() {
        match all.iter_mut().find(|known| known.name == command.name) {
            Some(known) => *known = command,
            None => all.push(command),
        }
    }
    all
});

/// The subcommand of a command that is called; None: it is not known, or there are none.
pub fn subcommand(command: &Command, argv: &[Bytes]) -> Option<&'static Description> {
    described(&[command.name.as_bytes(), b"|", argv.get(1)?].concat())
}

/// Whether the words name a subcommand, where the command has any.
pub fn knows_subcommand(command: &Command, argv: &[Bytes]) -> bool {
    let has_none = || subcommands(command.name).next().is_none();
    argv.len() == 1 || has_none() || subcommand(command, argv).is_some()
}

/// Redis: `commandCheckExistence`, `commandCheckArity`.
pub fn check_arity(
    generation: &Generation,
    command: &Command,
    argv: &[Bytes],
) -> Result<(), Failure> {
    if argv.len() > 1 && subcommands(command.name).next().is_some() {
        let sub = subcommand(command, argv);
        let sub = sub.ok_or_else(|| Failure::subcommand(generation, argv))?;
        let accepts = sub.accepts(argv.len());
        return if accepts { Ok(()) } else { Err(Failure::wrong_arity(sub.name)) };
    }
    match command.accepts(argv.len()) {
        true => Ok(()),
        false => Err(Failure::wrong_arity(command.name)),
    }
}

/// Commands that take other arguments than in 6.0, or count changes in another way.
#[rustfmt::skip]
static CHANGED: &[Command] = &[
    command("config", -2, &[ADMIN, LOAD, STALE, NOSCRIPT], NO_KEYS, Server(admin::config_of_many)),
    command("command", -1, &[LOAD, STALE], NO_KEYS, Table(introspection_7_0::command)),
    command("debug", -2, &[ADMIN, NOSCRIPT, LOAD, STALE, Flags::PROTECTED],
        NO_KEYS, Server(debug::debug_with_cron)),
    command("echo", 2, &[F, LOAD, STALE, CONN], NO_KEYS, Data(connection::echo)),
    command("hello", -1, &[NOAUTH, NOSCRIPT, F, NOMON, LOAD, STALE, NOSLOW, CONN],
        NO_KEYS, Server(auth::hello_of_any_version)),
    command("time", 1, &[RND, F, LOAD, STALE], NO_KEYS, Data(connection::time)),
    command("lastsave", 1, &[RND, F, LOAD, STALE, ADM, DANGER],
        NO_KEYS, Server(admin::lastsave)),
    command("save", 1, &[ADMIN, NOSCRIPT, Flags::NO_MULTI], NO_KEYS, Server(admin::save)),
    command("shutdown", -1, &[ADMIN, NOSCRIPT, LOAD, STALE, Flags::NO_MULTI],
        NO_KEYS, Server(admin::abortable_shutdown)),
    command("flushdb", -1, &[W, KEYS, DANGER], NO_KEYS, Data(keys::flushdb_forced)),
    command("flushall", -1, &[W, KEYS, DANGER], NO_KEYS, Data(keys::flushall_forced)),
    command("set", -3, &[W, M, STRINGS], ONE_KEY, Data(strings::set_until)),
    command("setex", 4, &[W, M, STRINGS], ONE_KEY, Data(strings::setex_checked)),
    command("psetex", 4, &[W, M, STRINGS], ONE_KEY, Data(strings::psetex_checked)),
    command("expire", -3, &[W, F, KEYS], ONE_KEY, Data(expire::expire_when)),
    command("expireat", -3, &[W, F, KEYS], ONE_KEY, Data(expire::expireat_when)),
    command("pexpire", -3, &[W, F, KEYS], ONE_KEY, Data(expire::pexpire_when)),
    command("pexpireat", -3, &[W, F, KEYS], ONE_KEY, Data(expire::pexpireat_when)),
    command("rpop", -2, &[W, F, LISTS], ONE_KEY, Data(lists::rpop_some)),
    command("lpop", -2, &[W, F, LISTS], ONE_KEY, Data(lists::lpop_some)),
    command("spop", -2, &[W, F, SETS], ONE_KEY, Data(sets::spop_counted)),
    command("sinter", -2, &[R, SETS], ALL_KEYS, Data(set_algebra::sinter_checked)),
    command("sinterstore", -3, &[W, M, SETS], ALL_KEYS, Data(set_algebra::sinterstore_checked)),
    command("sunionstore", -3, &[W, M, SETS],
        ALL_KEYS, Data(set_algebra::sunionstore_if_changed)),
    command("sdiffstore", -3, &[W, M, SETS], ALL_KEYS, Data(set_algebra::sdiffstore_if_changed)),
    command("zadd", -4, &[W, M, F, ZSETS], ONE_KEY, Data(zsets::zadd_7_0)),
    command("zrange", -4, &[R, ZSETS], ONE_KEY, Data(zset_7_0::zrange)),
    command("zpopmin", -2, &[W, F, ZSETS], ONE_KEY, Data(zset_removals::zpopmin_checked)),
    command("zpopmax", -2, &[W, F, ZSETS], ONE_KEY, Data(zset_removals::zpopmax_checked)),
    command("zunionstore", -4, &[W, M, ZSETS], ONE_KEY, Data(zset_algebra_7_0::zunionstore)),
    command("zinterstore", -4, &[W, M, ZSETS], ONE_KEY, Data(zset_algebra_7_0::zinterstore)),
    command("xsetid", -3, &[W, M, F, STREAM], ONE_KEY, Data(streams::xsetid)),
    command("xtrim", -4, &[W, STREAM], ONE_KEY, Data(streams::xtrim)),
];

/// Commands that 6.0 has not.
#[rustfmt::skip]
static NEW: &[Command] = &[
    command("reset", 1, &[NOAUTH, NOSCRIPT, F, LOAD, STALE, CONN],
        NO_KEYS, Server(connection::reset)),
    command("getex", -2, &[W, F, STRINGS], ONE_KEY, Data(getex::getex)),
    command("getdel", 2, &[W, F, STRINGS], ONE_KEY, Data(getex::getdel)),
    command("copy", -3, &[W, M, KEYS], TWO_KEYS, Data(copy::copy)),
    command("expiretime", 2, &[R, F, KEYS], ONE_KEY, Data(expire::expiretime)),
    command("pexpiretime", 2, &[R, F, KEYS], ONE_KEY, Data(expire::pexpiretime)),
    command("lmove", 5, &[W, M, LISTS], TWO_KEYS, Data(list_moves::lmove)),
    command("blmove", 6, &[W, M, NOSCRIPT, LISTS, BLOCK], TWO_KEYS, Server(blocking::blmove)),
    command("lmpop", -4, &[W, LISTS], NO_KEYS, Data(list_moves::lmpop)),
    command("blmpop", -5, &[W, LISTS, BLOCK], NO_KEYS, Server(blocking::blmpop)),
    command("smismember", -3, &[R, F, SETS], ONE_KEY, Data(sets::smismember)),
    command("sintercard", -3, &[R, SETS], NO_KEYS, Data(set_algebra::sintercard)),
    command("hrandfield", -2, &[R, HASHES], ONE_KEY, Data(random_members::hrandfield)),
    command("zrandmember", -2, &[R, ZSETS], ONE_KEY, Data(random_members::zrandmember)),
    command("zmscore", -3, &[R, F, ZSETS], ONE_KEY, Data(zset_7_0::zmscore)),
    command("zrangestore", -5, &[W, M, ZSETS], TWO_KEYS, Data(zset_7_0::zrangestore)),
    command("zmpop", -4, &[W, ZSETS], NO_KEYS, Data(zset_7_0::zmpop)),
    command("bzmpop", -5, &[W, ZSETS, BLOCK], NO_KEYS, Server(blocking::bzmpop)),
    command("zunion", -3, &[R, ZSETS], NO_KEYS, Data(zset_algebra_7_0::zunion)),
    command("zinter", -3, &[R, ZSETS], NO_KEYS, Data(zset_algebra_7_0::zinter)),
    command("zdiff", -3, &[R, ZSETS], NO_KEYS, Data(zset_algebra_7_0::zdiff)),
    command("zdiffstore", -4, &[W, M, ZSETS], ONE_KEY, Data(zset_algebra_7_0::zdiffstore)),
    command("zintercard", -3, &[R, ZSETS], NO_KEYS, Data(zset_algebra_7_0::zintercard)),
    command("xautoclaim", -6, &[W, F, STREAM], ONE_KEY, Data(streams::xautoclaim)),
    command("function", -2, &[W, M, NOSCRIPT], NO_KEYS, Server(functions::function)),
];
