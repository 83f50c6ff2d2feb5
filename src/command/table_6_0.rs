//! The command table as in 6.0: name, arity, flags and keys, and the handler (Redis:
//! `redisCommandTable`, server.c).
//!
//! Must not know: what the handlers do.

use super::definition::Command;
use super::definition::Run::{self, Data, Server, Table};
use super::flags::Flags;
use super::{admin, auth, bits, blocking, connection, counters, debug, dump, expire, hashes};
use super::{introspection, keys, latency, list_edits, lists, multi, renames, scan, set_algebra};
use super::{sets, sort, streams, strings};
use super::{zset_algebra, zset_ranges, zset_removals, zsets};

/// Short names, so that the table reads like Redis'.
pub(super) const W: Flags = Flags::WRITE;
pub(super) const R: Flags = Flags::READONLY;
pub(super) const M: Flags = Flags::DENYOOM;
pub(super) const F: Flags = Flags::FAST;
pub(super) const RND: Flags = Flags::RANDOM;
pub(super) const SORT: Flags = Flags::SORT;
pub(super) const ADMIN: Flags = Flags::ADMIN;
pub(super) const LOAD: Flags = Flags::LOADING;
pub(super) const STALE: Flags = Flags::STALE;
pub(super) const NOAUTH: Flags = Flags::NO_AUTH;
pub(super) const NOMON: Flags = Flags::SKIP_MONITOR;
pub(super) const NOSCRIPT: Flags = Flags::NOSCRIPT;
pub(super) const NOSLOW: Flags = Flags::SKIP_SLOWLOG;

/// The ACL categories.
pub(super) const KEYS: Flags = Flags::KEYSPACE;
pub(super) const SETS: Flags = Flags::SET;
pub(super) const ZSETS: Flags = Flags::SORTEDSET;
pub(super) const LISTS: Flags = Flags::LIST;
pub(super) const HASHES: Flags = Flags::HASH;
pub(super) const STRINGS: Flags = Flags::STRING;
pub(super) const BITS: Flags = Flags::BITMAP;
pub(super) const BLOCK: Flags = Flags::BLOCKING;
pub(super) const DANGER: Flags = Flags::DANGEROUS;
pub(super) const CONN: Flags = Flags::CONNECTION;
pub(super) const STREAM: Flags = Flags::STREAM;
pub(super) const TX: Flags = Flags::TRANSACTION;
pub(super) const ADM: Flags = Flags::ADMIN_CATEGORY;

pub(super) const NO_KEYS: (i32, i32, i32) = (0, 0, 0);
pub(super) const ONE_KEY: (i32, i32, i32) = (1, 1, 1);
pub(super) const ALL_KEYS: (i32, i32, i32) = (1, -1, 1);

pub(super) const fn command(
    name: &'static str,
    arity: i32,
    flags: &[Flags],
    keys: (i32, i32, i32),
    run: Run,
) -> Command {
    Command { name, arity, flags: Flags::all(flags), keys, run }
}

/// The commands of 6.0, in Redis' order.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    command("get", 2, &[R, F, STRINGS], ONE_KEY, Data(strings::get)),
    command("set", -3, &[W, M, STRINGS], ONE_KEY, Data(strings::set)),
    command("setnx", 3, &[W, M, F, STRINGS], ONE_KEY, Data(strings::setnx)),
    command("setex", 4, &[W, M, STRINGS], ONE_KEY, Data(strings::setex)),
    command("psetex", 4, &[W, M, STRINGS], ONE_KEY, Data(strings::psetex)),
    command("append", 3, &[W, M, F, STRINGS], ONE_KEY, Data(strings::append)),
    command("strlen", 2, &[R, F, STRINGS], ONE_KEY, Data(strings::strlen)),
    command("del", -2, &[W, KEYS], ALL_KEYS, Data(keys::del)),
    command("unlink", -2, &[W, F, KEYS], ALL_KEYS, Data(keys::del)),
    command("exists", -2, &[R, F, KEYS], ALL_KEYS, Data(keys::exists)),
    command("setbit", 4, &[W, M, BITS], ONE_KEY, Data(bits::setbit)),
    command("getbit", 3, &[R, F, BITS], ONE_KEY, Data(bits::getbit)),
    command("setrange", 4, &[W, M, STRINGS], ONE_KEY, Data(strings::setrange)),
    command("getrange", 4, &[R, STRINGS], ONE_KEY, Data(strings::getrange)),
    command("substr", 4, &[R, STRINGS], ONE_KEY, Data(strings::getrange)),
    command("incr", 2, &[W, M, F, STRINGS], ONE_KEY, Data(counters::incr)),
    command("decr", 2, &[W, M, F, STRINGS], ONE_KEY, Data(counters::decr)),
    command("mget", -2, &[R, F, STRINGS], ALL_KEYS, Data(strings::mget)),
    command("rpush", -3, &[W, M, F, LISTS], ONE_KEY, Data(lists::rpush)),
    command("lpush", -3, &[W, M, F, LISTS], ONE_KEY, Data(lists::lpush)),
    command("rpushx", -3, &[W, M, F, LISTS], ONE_KEY, Data(lists::rpushx)),
    command("lpushx", -3, &[W, M, F, LISTS], ONE_KEY, Data(lists::lpushx)),
    command("linsert", 5, &[W, M, LISTS], ONE_KEY, Data(list_edits::linsert)),
    command("rpop", 2, &[W, F, LISTS], ONE_KEY, Data(lists::rpop)),
    command("lpop", 2, &[W, F, LISTS], ONE_KEY, Data(lists::lpop)),
    command("brpop", -3, &[W, NOSCRIPT, LISTS, BLOCK], (1, -2, 1), Server(blocking::brpop)),
    command("brpoplpush", 4, &[W, M, NOSCRIPT, LISTS, BLOCK],
        (1, 2, 1), Server(blocking::brpoplpush)),
    command("blpop", -3, &[W, NOSCRIPT, LISTS, BLOCK], (1, -2, 1), Server(blocking::blpop)),
    command("llen", 2, &[R, F, LISTS], ONE_KEY, Data(lists::llen)),
    command("lindex", 3, &[R, LISTS], ONE_KEY, Data(lists::lindex)),
    command("lset", 4, &[W, M, LISTS], ONE_KEY, Data(list_edits::lset)),
    command("lrange", 4, &[R, LISTS], ONE_KEY, Data(lists::lrange)),
    command("ltrim", 4, &[W, LISTS], ONE_KEY, Data(list_edits::ltrim)),
    command("lpos", -3, &[R, LISTS], ONE_KEY, Data(lists::lpos)),
    command("lrem", 4, &[W, LISTS], ONE_KEY, Data(list_edits::lrem)),
    command("rpoplpush", 3, &[W, M, LISTS], (1, 2, 1), Data(list_edits::rpoplpush)),
    command("sadd", -3, &[W, M, F, SETS], ONE_KEY, Data(sets::sadd)),
    command("srem", -3, &[W, F, SETS], ONE_KEY, Data(sets::srem)),
    command("smove", 4, &[W, F, SETS], (1, 2, 1), Data(sets::smove)),
    command("sismember", 3, &[R, F, SETS], ONE_KEY, Data(sets::sismember)),
    command("scard", 2, &[R, F, SETS], ONE_KEY, Data(sets::scard)),
    command("spop", -2, &[W, RND, F, SETS], ONE_KEY, Data(sets::spop)),
    command("srandmember", -2, &[R, RND, SETS], ONE_KEY, Data(sets::srandmember)),
    command("sinter", -2, &[R, SORT, SETS], ALL_KEYS, Data(set_algebra::sinter)),
    command("sinterstore", -3, &[W, M, SETS], ALL_KEYS, Data(set_algebra::sinterstore)),
    command("sunion", -2, &[R, SORT, SETS], ALL_KEYS, Data(set_algebra::sunion)),
    command("sunionstore", -3, &[W, M, SETS], ALL_KEYS, Data(set_algebra::sunionstore)),
    command("sdiff", -2, &[R, SORT, SETS], ALL_KEYS, Data(set_algebra::sdiff)),
    command("sdiffstore", -3, &[W, M, SETS], ALL_KEYS, Data(set_algebra::sdiffstore)),
    command("smembers", 2, &[R, SORT, SETS], ONE_KEY, Data(set_algebra::sinter)),
    command("sscan", -3, &[R, RND, SETS], ONE_KEY, Data(scan::sscan)),
    command("zadd", -4, &[W, M, F, ZSETS], ONE_KEY, Data(zsets::zadd)),
    command("zincrby", 4, &[W, M, F, ZSETS], ONE_KEY, Data(zsets::zincrby)),
    command("zrem", -3, &[W, F, ZSETS], ONE_KEY, Data(zsets::zrem)),
    command("zremrangebyscore", 4, &[W, ZSETS], ONE_KEY, Data(zset_removals::zremrangebyscore)),
    command("zremrangebyrank", 4, &[W, ZSETS], ONE_KEY, Data(zset_removals::zremrangebyrank)),
    command("zremrangebylex", 4, &[W, ZSETS], ONE_KEY, Data(zset_removals::zremrangebylex)),
    command("zunionstore", -4, &[W, M, ZSETS], ONE_KEY, Data(zset_algebra::zunionstore)),
    command("zinterstore", -4, &[W, M, ZSETS], ONE_KEY, Data(zset_algebra::zinterstore)),
    command("zrange", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrange)),
    command("zrangebyscore", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrangebyscore)),
    command("zrevrangebyscore", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrevrangebyscore)),
    command("zrangebylex", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrangebylex)),
    command("zrevrangebylex", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrevrangebylex)),
    command("zcount", 4, &[R, F, ZSETS], ONE_KEY, Data(zset_ranges::zcount)),
    command("zlexcount", 4, &[R, F, ZSETS], ONE_KEY, Data(zset_ranges::zlexcount)),
    command("zrevrange", -4, &[R, ZSETS], ONE_KEY, Data(zset_ranges::zrevrange)),
    command("zcard", 2, &[R, F, ZSETS], ONE_KEY, Data(zsets::zcard)),
    command("zscore", 3, &[R, F, ZSETS], ONE_KEY, Data(zsets::zscore)),
    command("zrank", 3, &[R, F, ZSETS], ONE_KEY, Data(zsets::zrank)),
    command("zrevrank", 3, &[R, F, ZSETS], ONE_KEY, Data(zsets::zrevrank)),
    command("zscan", -3, &[R, RND, ZSETS], ONE_KEY, Data(scan::zscan)),
    command("zpopmin", -2, &[W, F, ZSETS], ONE_KEY, Data(zset_removals::zpopmin)),
    command("zpopmax", -2, &[W, F, ZSETS], ONE_KEY, Data(zset_removals::zpopmax)),
    command("bzpopmin", -3, &[W, NOSCRIPT, F, ZSETS, BLOCK],
        (1, -2, 1), Server(blocking::bzpopmin)),
    command("bzpopmax", -3, &[W, NOSCRIPT, F, ZSETS, BLOCK],
        (1, -2, 1), Server(blocking::bzpopmax)),
    command("hset", -4, &[W, M, F, HASHES], ONE_KEY, Data(hashes::hset)),
    command("hsetnx", 4, &[W, M, F, HASHES], ONE_KEY, Data(hashes::hsetnx)),
    command("hget", 3, &[R, F, HASHES], ONE_KEY, Data(hashes::hget)),
    command("hmset", -4, &[W, M, F, HASHES], ONE_KEY, Data(hashes::hmset)),
    command("hmget", -3, &[R, F, HASHES], ONE_KEY, Data(hashes::hmget)),
    command("hincrby", 4, &[W, M, F, HASHES], ONE_KEY, Data(hashes::hincrby)),
    command("hincrbyfloat", 4, &[W, M, F, HASHES], ONE_KEY, Data(hashes::hincrbyfloat)),
    command("hdel", -3, &[W, F, HASHES], ONE_KEY, Data(hashes::hdel)),
    command("hlen", 2, &[R, F, HASHES], ONE_KEY, Data(hashes::hlen)),
    command("hstrlen", 3, &[R, F, HASHES], ONE_KEY, Data(hashes::hstrlen)),
    command("hkeys", 2, &[R, SORT, HASHES], ONE_KEY, Data(hashes::hkeys)),
    command("hvals", 2, &[R, SORT, HASHES], ONE_KEY, Data(hashes::hvals)),
    command("hgetall", 2, &[R, RND, HASHES], ONE_KEY, Data(hashes::hgetall)),
    command("hexists", 3, &[R, F, HASHES], ONE_KEY, Data(hashes::hexists)),
    command("hscan", -3, &[R, RND, HASHES], ONE_KEY, Data(scan::hscan)),
    command("incrby", 3, &[W, M, F, STRINGS], ONE_KEY, Data(counters::incrby)),
    command("decrby", 3, &[W, M, F, STRINGS], ONE_KEY, Data(counters::decrby)),
    command("incrbyfloat", 3, &[W, M, F, STRINGS], ONE_KEY, Data(counters::incrbyfloat)),
    command("getset", 3, &[W, M, F, STRINGS], ONE_KEY, Data(strings::getset)),
    command("mset", -3, &[W, M, STRINGS], (1, -1, 2), Data(strings::mset)),
    command("msetnx", -3, &[W, M, STRINGS], (1, -1, 2), Data(strings::msetnx)),
    command("randomkey", 1, &[R, RND, KEYS], NO_KEYS, Data(keys::randomkey)),
    command("select", 2, &[LOAD, F, STALE, KEYS], NO_KEYS, Data(connection::select)),
    command("move", 3, &[W, F, KEYS], ONE_KEY, Data(renames::move_)),
    command("swapdb", 3, &[W, F, KEYS, DANGER], NO_KEYS, Data(renames::swapdb)),
    command("rename", 3, &[W, KEYS], (1, 2, 1), Data(renames::rename)),
    command("renamenx", 3, &[W, F, KEYS], (1, 2, 1), Data(renames::renamenx)),
    command("expire", 3, &[W, F, KEYS], ONE_KEY, Data(expire::expire)),
    command("expireat", 3, &[W, F, KEYS], ONE_KEY, Data(expire::expireat)),
    command("pexpire", 3, &[W, F, KEYS], ONE_KEY, Data(expire::pexpire)),
    command("pexpireat", 3, &[W, F, KEYS], ONE_KEY, Data(expire::pexpireat)),
    command("keys", 2, &[R, SORT, KEYS, DANGER], NO_KEYS, Data(keys::keys)),
    command("scan", -2, &[R, RND, KEYS], NO_KEYS, Data(scan::scan)),
    command("dbsize", 1, &[R, F, KEYS], NO_KEYS, Data(keys::dbsize)),
    command("auth", -2, &[NOAUTH, NOSCRIPT, LOAD, STALE, F, NOMON, NOSLOW, CONN],
        NO_KEYS, Server(auth::auth)),
    command("ping", -1, &[STALE, F, CONN], NO_KEYS, Data(connection::ping)),
    command("echo", 2, &[R, F, CONN], NO_KEYS, Data(connection::echo)),
    command("save", 1, &[ADMIN, NOSCRIPT], NO_KEYS, Server(admin::save)),
    command("bgsave", -1, &[ADMIN, NOSCRIPT], NO_KEYS, Server(admin::bgsave)),
    command("bgrewriteaof", 1, &[ADMIN, NOSCRIPT], NO_KEYS, Server(admin::bgrewriteaof)),
    command("shutdown", -1, &[ADMIN, NOSCRIPT, LOAD, STALE], NO_KEYS, Server(admin::shutdown)),
    command("lastsave", 1, &[R, RND, F, LOAD, STALE, ADM, DANGER],
        NO_KEYS, Server(admin::lastsave)),
    command("type", 2, &[R, F, KEYS], ONE_KEY, Data(keys::type_)),
    command("multi", 1, &[NOSCRIPT, F, LOAD, STALE, TX], NO_KEYS, Data(multi::multi)),
    command("exec", 1, &[NOSCRIPT, NOMON, NOSLOW, LOAD, STALE, TX], NO_KEYS, Server(multi::exec)),
    command("discard", 1, &[NOSCRIPT, F, LOAD, STALE, TX], NO_KEYS, Data(multi::discard)),
    command("flushdb", -1, &[W, KEYS, DANGER], NO_KEYS, Data(keys::flushdb)),
    command("flushall", -1, &[W, KEYS, DANGER], NO_KEYS, Data(keys::flushall)),
    command("sort", -2, &[W, M, LISTS, SETS, ZSETS, DANGER], ONE_KEY, Data(sort::sort)),
    command("info", -1, &[LOAD, STALE, RND, DANGER], NO_KEYS, Server(admin::info)),
    command("ttl", 2, &[R, F, RND, KEYS], ONE_KEY, Data(expire::ttl)),
    command("touch", -2, &[R, F, KEYS], ALL_KEYS, Data(keys::exists)),
    command("pttl", 2, &[R, F, RND, KEYS], ONE_KEY, Data(expire::pttl)),
    command("persist", 2, &[W, F, KEYS], ONE_KEY, Data(expire::persist)),
    command("debug", -2, &[ADMIN, NOSCRIPT, LOAD, STALE], NO_KEYS, Server(debug::debug)),
    command("config", -2, &[ADMIN, LOAD, STALE, NOSCRIPT], NO_KEYS, Server(admin::config)),
    command("watch", -2, &[NOSCRIPT, F, LOAD, STALE, TX], ALL_KEYS, Data(multi::watch)),
    command("unwatch", 1, &[NOSCRIPT, F, LOAD, STALE, TX], NO_KEYS, Data(multi::unwatch)),
    command("restore", -4, &[W, M, KEYS, DANGER], ONE_KEY, Data(dump::restore)),
    command("dump", 2, &[R, RND, KEYS], ONE_KEY, Server(dump::dump)),
    command("object", -2, &[R, RND, KEYS], (2, 2, 1), Data(keys::object)),
    command("client", -2, &[ADMIN, NOSCRIPT, RND, LOAD, STALE, CONN],
        NO_KEYS, Server(connection::client)),
    command("hello", -2, &[NOAUTH, NOSCRIPT, F, NOMON, LOAD, STALE, NOSLOW, CONN],
        NO_KEYS, Server(auth::hello)),
    command("time", 1, &[R, RND, F, LOAD, STALE], NO_KEYS, Data(connection::time)),
    command("bitcount", -2, &[R, BITS], ONE_KEY, Data(bits::bitcount)),
    command("xadd", -5, &[W, M, F, RND, STREAM], ONE_KEY, Data(streams::xadd)),
    command("xrange", -4, &[R, STREAM], ONE_KEY, Data(streams::xrange)),
    command("xrevrange", -4, &[R, STREAM], ONE_KEY, Data(streams::xrevrange)),
    command("xlen", 2, &[R, F, STREAM], ONE_KEY, Data(streams::xlen)),
    command("xread", -4, &[R, STREAM, BLOCK], NO_KEYS, Server(streams::xread)),
    command("xreadgroup", -7, &[W, STREAM, BLOCK], NO_KEYS, Server(streams::xreadgroup)),
    command("xgroup", -2, &[W, M, STREAM], (2, 2, 1), Data(streams::xgroup)),
    command("xsetid", 3, &[W, M, F, STREAM], ONE_KEY, Data(streams::xsetid)),
    command("xack", -4, &[W, F, RND, STREAM], ONE_KEY, Data(streams::xack)),
    command("xpending", -3, &[R, RND, STREAM], ONE_KEY, Data(streams::xpending)),
    command("xclaim", -6, &[W, RND, F, STREAM], ONE_KEY, Data(streams::xclaim)),
    command("xinfo", -2, &[R, RND, STREAM], (2, 2, 1), Data(streams::xinfo)),
    command("xdel", -3, &[W, F, STREAM], ONE_KEY, Data(streams::xdel)),
    command("xtrim", -2, &[W, RND, STREAM], ONE_KEY, Data(streams::xtrim)),
    command("command", -1, &[LOAD, STALE, RND, CONN], NO_KEYS, Table(introspection::command)),
    command("latency", -2, &[ADMIN, NOSCRIPT, LOAD, STALE], NO_KEYS, Server(latency::latency)),
];
