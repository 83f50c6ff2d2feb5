//! DUMP and RESTORE: a value as bytes that another server can take (Redis: cluster.c).
//!
//! Must not know: the bytes.

use super::arguments::{integer, is};
use super::{Answer, Context, Failure, Outcome, Request};
use crate::keyspace::Bytes;
use crate::rdb::{BadPayload, load_dump_payload};
use crate::resp::Reply;

/// DUMP key
pub fn dump(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let value = ctx.read(&argv[1]).cloned();
    Ok(value.map_or(Reply::Null.into(), |value| Request::Dump(value).into()))
}

/// What follows the payload. How long ago or how often a key was used is checked and forgotten:
/// nothing here is evicted.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The time is a moment, not a lifetime.
    absttl: bool,
}

impl Options {
    fn parse(mut words: &[Bytes]) -> Result<Options, Failure> {
        let mut options = Options::default();
        let (mut idle, mut freq) = (false, false);
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
                [word, time, rest @ ..] if is(word, "idletime") && !freq => {
                    idle = true;
                    if integer(time)? < 0 {
                        return Err(Failure::new("Invalid IDLETIME value, must be >= 0"));
                    }
                    rest
                }
                [word, uses, rest @ ..] if is(word, "freq") && !idle => {
                    freq = true;
                    if !(0..=255).contains(&integer(uses)?) {
                        return Err(Failure::new("Invalid FREQ value, must be >= 0 and <= 255"));
                    }
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }
}

/// RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
///
/// Propagated as it came, in 6.0 even with a lifetime, which then counts anew from each loading
/// of the AOF.
pub fn restore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = Options::parse(&argv[4..])?;
    let key = &argv[1];
    if ctx.write(key).is_some() && !options.replace {
        return Err(Failure::coded("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(&argv[2])?;
    if ttl < 0 {
        return Err(Failure::new("Invalid TTL value, must be >= 0"));
    }
    let value = load_dump_payload(&argv[3], &ctx.keyspace.limits).map_err(|bad| match bad {
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
    ctx.add(key, value);
    if let Some(when) = when {
        ctx.db().set_expire(key, when);
    }
    ctx.modified(key, 1);
    Ok(Reply::OK)
}
