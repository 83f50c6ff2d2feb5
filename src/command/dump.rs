//! DUMP and RESTORE: a value in serialized form, for another server (Redis: cluster.c).
//!
//! Must not know: the bytes.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::request::{Outcome, Request};
use crate::keyspace::Bytes;
use crate::keyspace::access::Usage;
use crate::rdb::{BadPayload, ValueRules, load_dump_payload};
use crate::resp::Reply;

/// DUMP key
pub fn dump(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let value = ctx.read(&argv[1]).cloned();
    Ok(value.map_or(Reply::Null.into(), |value| Request::Dump(value).into()))
}

/// The options after the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The expiry time is absolute.
    absttl: bool,
    usage: Usage,
}

impl Options {
    fn parse(mut words: &[Bytes]) -> Result<Options, Failure> {
        let mut options = Options::default();
        let usage = &mut options.usage;
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if is(word, "replace") => {
                    options.replace = true;
                    rest
                }
                [word, rest @ ..] if is(word, "absttl") => {
                    options.absttl = true;
                    rest
                }
                [word, time, rest @ ..] if is(word, "idletime") && usage.frequency.is_none() => {
                    let invalid = || Failure::new("Invalid IDLETIME value, must be >= 0");
                    let seconds = Some(integer(time)?).filter(|&seconds| seconds >= 0);
                    usage.idle = Some(seconds.ok_or_else(invalid)?);
                    rest
                }
                [word, uses, rest @ ..] if is(word, "freq") && usage.idle.is_none() => {
                    let invalid = "Invalid FREQ value, must be >= 0 and <= 255";
                    let count = u8::try_from(integer(uses)?).map_err(|_| Failure::new(invalid))?;
                    usage.frequency = Some(count);
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
///
/// Propagated unchanged, in 6.0 even with a relative time, which then starts again each time the
/// AOF is loaded.
pub fn restore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = Options::parse(&argv[4..])?;
    let key = &argv[1];
    if ctx.write(key).is_some() && !options.replace {
        return Err(Failure::shared("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(&argv[2])?;
    if ttl < 0 {
        return Err(Failure::new("Invalid TTL value, must be >= 0"));
    }
    let newest = ctx.keyspace.generation.rdb.version;
    let rules = ValueRules::of(ctx.keyspace.generation, &ctx.keyspace.limits);
    let value = load_dump_payload(&argv[3], newest, &rules).map_err(|bad| match bad {
        BadPayload::VersionOrChecksum => Failure::new("DUMP payload version or checksum are wrong"),
        BadPayload::Format => Failure::new("Bad data format"),
    })?;
    let deleted = options.replace && ctx.db().delete(key);
    let base = if options.absttl { 0 } else { ctx.now_ms() };
    let when = (ttl != 0).then(|| ttl.wrapping_add(base));
    if when.is_some_and(|when| when <= ctx.now_ms() && !ctx.loading) {
        if deleted {
            ctx.effects.replace_with([&b"DEL"[..], key]);
            ctx.modified(key, 1);
        }
        return Ok(Reply::OK);
    }
    let mut object = ctx.keyspace.access.object(value);
    ctx.keyspace.access.set_lru_or_lfu(&mut object, options.usage);
    ctx.add_in(ctx.session.db, key, object);
    if let Some(when) = when {
        ctx.db().set_expire(key, when);
    }
    ctx.modified(key, 1);
    Ok(Reply::OK)
}
