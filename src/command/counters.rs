//! Strings that are numbers: INCR and its variants (Redis: t_string.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::integer;
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, StringValue, Value};
use crate::resp::Reply;
use crate::text::long_double::LongDouble;

fn add(ctx: &mut Context<'_>, key: &[u8], increment: i64) -> Answer {
    let old = match ctx.write_string(key)? {
        None => 0,
        Some(string) => integer(string)?,
    };
    let new = sum(old, increment)?;
    ctx.put(key, Value::string(new.to_string()), true);
    ctx.modified(key, 1);
    Ok(Reply::Integer(new))
}

/// Also used for HINCRBY and HINCRBYFLOAT.
pub fn sum(old: i64, increment: i64) -> Result<i64, Failure> {
    let overflow = || Failure::new("increment or decrement would overflow");
    old.checked_add(increment).ok_or_else(overflow)
}

/// INCR key
pub fn incr(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    add(ctx, &argv[1], 1)
}

/// DECR key
pub fn decr(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    add(ctx, &argv[1], -1)
}

/// INCRBY key increment
pub fn incrby(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let increment = integer(&argv[2])?;
    add(ctx, &argv[1], increment)
}

/// DECRBY key decrement
pub fn decrby(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let decrement = integer(&argv[2])?;
    add(ctx, &argv[1], decrement.wrapping_neg())
}

/// Parses a long double (Redis: `getLongDoubleFromObjectOrReply`).
pub fn long_double(argument: &[u8]) -> Result<LongDouble, Failure> {
    let parsed = LongDouble::parse(argument);
    parsed.ok_or_else(|| Failure::new("value is not a valid float"))
}

/// Also used for HINCRBY and HINCRBYFLOAT.
pub fn float_sum(old: &LongDouble, increment: &LongDouble) -> Result<Bytes, Failure> {
    let sum = old.add(increment);
    let sum = sum.ok_or_else(|| Failure::new("increment would produce NaN or Infinity"))?;
    Ok(sum.to_human_string().into_bytes())
}

/// INCRBYFLOAT key increment. Propagated as a SET of the result, so that loading does not depend on
/// rounding.
pub fn incrbyfloat(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[1];
    let old = match ctx.write_string(key)? {
        None => LongDouble::zero(),
        Some(string) => long_double(string)?,
    };
    let new = float_sum(&old, &long_double(&argv[2])?)?;
    ctx.put(key, Value::String(StringValue::unencoded(new.clone())), true);
    ctx.modified(key, 1);
    ctx.effects.replace_with([&b"SET"[..], key, &new, b"KEEPTTL"]);
    Ok(Reply::Bulk(new))
}
