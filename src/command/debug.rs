//! DEBUG: lets tests look inside the server and slow it down (Redis: debug.c).
//!
//! Must not know: how the server carries a request out.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::Failure;
use super::request::{Outcome, Reload, Request};
use crate::keyspace::digest::dataset_digest;
use crate::keyspace::{Bytes, StringValue, Value};
use crate::resp::Reply;
use crate::resp::request::BULK_MAX_LEN;
use crate::text::atoi;

/// `DEBUG DIGEST | SLEEP seconds | LOADAOF | RELOAD [MERGE] [NOFLUSH] [NOSAVE] | OBJECT key |
/// AOF-FLUSH-SLEEP microseconds | SET-ACTIVE-EXPIRE 0|1 | POPULATE count [prefix [size]] |
/// LOG message`
pub fn debug(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"digest", []) => {
            return Ok(Reply::status(dataset_digest(ctx.keyspace)).into());
        }
        (b"populate", [count, rest @ ..]) if rest.len() <= 2 => {
            return populate(ctx, count, rest).map(Outcome::from);
        }
        (b"sleep", [seconds]) => Request::Sleep(microseconds(seconds)),
        (b"loadaof", _) => Request::LoadAof,
        (b"reload", options) => Request::Reload(reload_options(options)?),
        (b"object", [key]) => Request::DebugObject(key.clone()),
        (b"aof-flush-sleep", [time]) => Request::AofFlushSleep(atoi(time).max(0) as u64),
        (b"set-active-expire", [flag]) => Request::SetActiveExpire(atoi(flag) != 0),
        (b"log", [message]) => Request::Log(String::from_utf8_lossy(message).into_owned()),
        _ => return Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    };
    Ok(request.into())
}

/// The same, and `PAUSE-CRON 0|1`.
pub fn debug_with_cron(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    match argv {
        [_, word, flag] if is(word, "pause-cron") => Ok(Request::PauseCron(atoi(flag) != 0).into()),
        _ => debug(ctx, argv),
    }
}

fn reload_options(words: &[Bytes]) -> Result<Reload, Failure> {
    let mut reload = Reload { save: true, flush: true, merge: false };
    for word in words {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => reload.merge = true,
            b"noflush" => reload.flush = false,
            b"nosave" => reload.save = false,
            _ => {
                return Err(Failure::new(
                    "DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    Ok(reload)
}

/// Seconds as microseconds; 0 if it is not a number.
fn microseconds(seconds: &[u8]) -> u64 {
    let seconds: f64 = String::from_utf8_lossy(seconds).trim().parse().unwrap_or(0.0);
    (seconds * 1e6) as u64
}

/// Creates keys `prefix:0`, `prefix:1`, …, and skips existing ones. Nothing is propagated: the
/// caller has to rewrite the AOF afterwards.
fn populate(ctx: &mut Context<'_>, count: &[u8], rest: &[Bytes]) -> Result<Reply, Failure> {
    let count = integer(count)?;
    let prefix = rest.first().map_or(&b"key"[..], Vec::as_slice);
    let size = rest.get(1).map_or(Ok(0), |size| integer(size))?;
    if !(0..=BULK_MAX_LEN).contains(&size) {
        return Err(Failure::new("value is out of range"));
    }
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if ctx.write(&key).is_none() {
            let mut value = format!("value:{number}").into_bytes();
            if size > 0 {
                value.resize(size as usize, 0);
            }
            ctx.add(&key, Value::String(StringValue::unencoded(value)));
        }
    }
    Ok(Reply::OK)
}
