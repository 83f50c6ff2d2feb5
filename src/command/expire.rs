//! EXPIRE, TTL, PERSIST and their variants (Redis: expire.c).
//!
//! Must not know: how a relative time is written to the AOF.

use super::arguments::integer;
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// The options of the EXPIRE commands since 7.0.
#[derive(Default)]
struct Condition {
    without_expiry: bool,
    with_expiry: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    /// NX | XX | GT | LT (Redis: `parseExtendedExpireArgumentsOrReply`).
    fn parse(words: &[Bytes]) -> Result<Condition, Failure> {
        let mut condition = Condition::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => condition.without_expiry = true,
                b"xx" => condition.with_expiry = true,
                b"gt" => condition.later = true,
                b"lt" => condition.earlier = true,
                _ => return Err(Failure::new([b"Unsupported option ", word.as_slice()].concat())),
            }
        }
        let Condition { without_expiry, with_expiry, later, earlier } = condition;
        if without_expiry && (with_expiry || later || earlier) {
            let words = "NX and XX, GT or LT options at the same time are not compatible";
            return Err(Failure::new(words));
        }
        if later && earlier {
            let words = "GT and LT options at the same time are not compatible";
            return Err(Failure::new(words));
        }
        Ok(condition)
    }

    /// Whether a key with this expiry time may get another; none is later than any.
    fn holds(&self, current: Option<i64>, when: i64) -> bool {
        (!self.without_expiry || current.is_none())
            && (!self.with_expiry || current.is_some())
            && (!self.later || current.is_some_and(|current| when > current))
            && (!self.earlier || current.is_none_or(|current| when < current))
    }
}

/// `base_ms` is 0 for absolute times and now for relative ones. A time that is too large wraps
/// around.
fn expire_generic(ctx: &mut Context<'_>, argv: &[Bytes], base_ms: i64, unit_ms: i64) -> Answer {
    let when = integer(&argv[2])?.wrapping_mul(unit_ms).wrapping_add(base_ms);
    expire_if(ctx, &argv[1], when, &Condition::default())
}

/// The same with conditions. A time that is too large is an error.
fn expire_checked(
    ctx: &mut Context<'_>,
    name: &str,
    argv: &[Bytes],
    base_ms: i64,
    unit_ms: i64,
) -> Answer {
    let condition = Condition::parse(&argv[3..])?;
    let given = integer(&argv[2])?.checked_mul(unit_ms);
    let when = given
        .and_then(|given| given.checked_add(base_ms))
        .ok_or_else(|| Failure::new(ctx.keyspace.generation.words.invalid_expire_time(name)))?;
    expire_if(ctx, &argv[1], when, &condition)
}

fn expire_if(ctx: &mut Context<'_>, key: &Bytes, when: i64, condition: &Condition) -> Answer {
    if ctx.write(key).is_none() || !condition.holds(ctx.db().expires.get(key).copied(), when) {
        return Ok(Reply::Integer(0));
    }
    // A time in the past deletes the key, except while loading: the file contains its own DELs.
    if when <= ctx.now_ms() && !ctx.loading {
        ctx.db().delete(key);
        ctx.effects.replace_with([&b"DEL"[..], key]);
    } else {
        ctx.db().set_expire(key, when);
    }
    ctx.modified(key, 1);
    Ok(Reply::Integer(1))
}

/// EXPIRE key seconds
pub fn expire(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_generic(ctx, argv, ctx.now_ms(), 1000)
}

/// PEXPIRE key milliseconds
pub fn pexpire(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_generic(ctx, argv, ctx.now_ms(), 1)
}

/// EXPIREAT key seconds-since-the-epoch
pub fn expireat(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_generic(ctx, argv, 0, 1000)
}

/// PEXPIREAT key milliseconds-since-the-epoch
pub fn pexpireat(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_generic(ctx, argv, 0, 1)
}

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub fn expire_when(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_checked(ctx, "expire", argv, ctx.now_ms(), 1000)
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub fn pexpire_when(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_checked(ctx, "pexpire", argv, ctx.now_ms(), 1)
}

/// `EXPIREAT key seconds-since-the-epoch [NX | XX | GT | LT]`
pub fn expireat_when(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_checked(ctx, "expireat", argv, 0, 1000)
}

/// `PEXPIREAT key milliseconds-since-the-epoch [NX | XX | GT | LT]`
pub fn pexpireat_when(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    expire_checked(ctx, "pexpireat", argv, 0, 1)
}

/// When the key expires, in milliseconds since the epoch; -2 if it does not exist, -1 if it never
/// does.
fn expiry_of(ctx: &mut Context<'_>, key: &[u8]) -> i64 {
    match ctx.peek(key) {
        None => -2,
        Some(_) => ctx.db().expires.get(key).map_or(-1, |&when| when.max(0)),
    }
}

/// EXPIRETIME key, rounded to the nearest second
pub fn expiretime(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let when = expiry_of(ctx, &argv[1]);
    Ok(Reply::Integer(if when < 0 { when } else { when.saturating_add(500) / 1000 }))
}

/// PEXPIRETIME key
pub fn pexpiretime(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::Integer(expiry_of(ctx, &argv[1])))
}

/// Time to live in milliseconds; -2 if the key does not exist, -1 if it does not expire.
fn time_left(ctx: &mut Context<'_>, key: &[u8]) -> i64 {
    if ctx.peek(key).is_none() {
        return -2;
    }
    let now = ctx.now_ms();
    ctx.db().expires.get(key).map_or(-1, |when| when.saturating_sub(now).max(0))
}

/// TTL key, rounded to the nearest second
pub fn ttl(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let left = time_left(ctx, &argv[1]);
    Ok(Reply::Integer(if left < 0 { left } else { left.saturating_add(500) / 1000 }))
}

/// PTTL key
pub fn pttl(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::Integer(time_left(ctx, &argv[1])))
}

/// PERSIST key
pub fn persist(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    ctx.write(&argv[1]);
    let removed = ctx.db().expires.swap_remove(&argv[1]).is_some();
    if removed {
        ctx.modified(&argv[1], 1);
    }
    Ok(Reply::Integer(i64::from(removed)))
}
