//! GETEX and GETDEL: reads of a string that change what becomes of the key (Redis: t_string.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::is;
use super::context::Context;
use super::failure::{Answer, Failure};
use super::lifetime::Lifetime;
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// What becomes of the expiry time.
enum Then {
    Nothing,
    Persist,
    Expire(Lifetime),
}

impl Then {
    /// Redis: `parseExtendedStringArgumentsOrReply`.
    fn parse(mut words: &[Bytes]) -> Result<Then, Failure> {
        let mut then = Then::Nothing;
        loop {
            words = match (words, &then) {
                ([], _) => return Ok(then),
                ([word, rest @ ..], Then::Nothing | Then::Persist) if is(word, "persist") => {
                    then = Then::Persist;
                    rest
                }
                ([word, time, rest @ ..], Then::Nothing | Then::Expire(_)) => {
                    let lifetime = Lifetime::option(word, time).ok_or_else(Failure::syntax)?;
                    if matches!(&then, Then::Expire(other) if !other.is_stated_as(&lifetime)) {
                        return Err(Failure::syntax());
                    }
                    then = Then::Expire(lifetime);
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT seconds-since-the-epoch | PXAT
/// milliseconds-since-the-epoch | PERSIST]`. Propagated as what it did: PEXPIREAT, PERSIST or DEL.
pub fn getex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[1];
    let then = Then::parse(&argv[2..])?;
    let Some(value) = ctx.read_string(key)?.map(|value| value.to_vec()) else {
        return Ok(Reply::Null);
    };
    match then {
        Then::Nothing => {}
        Then::Persist => {
            if ctx.db().expires.swap_remove(key).is_some() {
                ctx.effects.replace_with([&b"PERSIST"[..], key]);
                ctx.modified(key, 1);
            }
        }
        Then::Expire(lifetime) => {
            let when = lifetime.checked(ctx, "getex")?;
            if lifetime.is_absolute() && when <= ctx.now_ms() && !ctx.loading {
                ctx.db().delete(key);
                ctx.effects.replace_with([&b"DEL"[..], key]);
            } else {
                ctx.db().set_expire(key, when);
                let when = when.to_string();
                ctx.effects.replace_with([&b"PEXPIREAT"[..], key, when.as_bytes()]);
            }
            ctx.modified(key, 1);
        }
    }
    Ok(Reply::Bulk(value))
}

/// GETDEL key. Propagated as DEL.
pub fn getdel(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[1];
    let Some(value) = ctx.read_string(key)?.map(|value| value.to_vec()) else {
        return Ok(Reply::Null);
    };
    ctx.db().delete(key);
    ctx.effects.replace_with([&b"DEL"[..], key]);
    ctx.modified(key, 1);
    Ok(Reply::Bulk(value))
}
