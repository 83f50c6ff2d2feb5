//! Hashes (Redis: t_hash.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::integer;
use super::context::Context;
use super::counters::{float_sum, long_double, sum};
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Hash};
use crate::resp::Reply;
use crate::text::long_double::LongDouble;
use crate::text::parse_integer;

/// Sets fields. Returns how many are new.
fn set_fields(ctx: &mut Context<'_>, name: &str, argv: &[Bytes]) -> Result<usize, Failure> {
    if !argv.len().is_multiple_of(2) {
        return Err(Failure::wrong_arity(name));
    }
    let limits = ctx.keyspace.limits;
    let hash = ctx.hash_or_add(&argv[1], Hash::new)?;
    hash.try_conversion(&argv[2..], &limits);
    let created = argv[2..]
        .chunks_exact(2)
        .filter(|pair| !hash.set(pair[0].clone(), pair[1].clone(), &limits))
        .count();
    ctx.modified(&argv[1], 1);
    Ok(created)
}

/// HSET key field value [field value …]
pub fn hset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    set_fields(ctx, "hset", argv).map(Reply::count)
}

/// HMSET key field value [field value …]
pub fn hmset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    set_fields(ctx, "hmset", argv).map(|_| Reply::OK)
}

/// HSETNX key field value
pub fn hsetnx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let limits = ctx.keyspace.limits;
    let hash = ctx.hash_or_add(&argv[1], Hash::new)?;
    hash.try_conversion(&argv[2..], &limits);
    if hash.contains(&argv[2]) {
        return Ok(Reply::Integer(0));
    }
    hash.set(argv[2].clone(), argv[3].clone(), &limits);
    ctx.modified(&argv[1], 1);
    Ok(Reply::Integer(1))
}

/// HINCRBY key field increment
pub fn hincrby(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let increment = integer(&argv[3])?;
    let limits = ctx.keyspace.limits;
    let hash = ctx.hash_or_add(&argv[1], Hash::new)?;
    let old = match hash.get(&argv[2]) {
        None => 0,
        Some(value) => {
            parse_integer(value).ok_or_else(|| Failure::new("hash value is not an integer"))?
        }
    };
    let new = sum(old, increment)?;
    hash.set(argv[2].clone(), new.to_string().into_bytes(), &limits);
    ctx.modified(&argv[1], 1);
    Ok(Reply::Integer(new))
}

/// HINCRBYFLOAT key field increment. Propagated as an HSET of the result, so that loading does not
/// depend on rounding.
pub fn hincrbyfloat(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let increment = long_double(&argv[3])?;
    let limits = ctx.keyspace.limits;
    let old = match ctx.write_hash(&argv[1])?.and_then(|hash| hash.get(&argv[2])) {
        None => LongDouble::zero(),
        Some(value) => {
            LongDouble::parse(value).ok_or_else(|| Failure::new("hash value is not a float"))?
        }
    };
    let new = float_sum(&old, &increment)?;
    let hash = ctx.hash_or_add(&argv[1], Hash::new)?;
    hash.set(argv[2].clone(), new.clone(), &limits);
    ctx.modified(&argv[1], 1);
    ctx.effects.replace_with([&b"HSET"[..], &argv[1], &argv[2], &new]);
    Ok(Reply::Bulk(new))
}

fn bulk_or_null(value: Option<&Bytes>) -> Reply {
    value.map_or(Reply::Null, |value| Reply::Bulk(value.clone()))
}

/// HGET key field
pub fn hget(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let hash = ctx.read_hash(&argv[1])?;
    Ok(bulk_or_null(hash.and_then(|hash| hash.get(&argv[2]))))
}

/// HMGET key field [field …]
pub fn hmget(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let hash = ctx.read_hash(&argv[1])?;
    let value = |field: &Bytes| bulk_or_null(hash.and_then(|hash| hash.get(field)));
    Ok(Reply::Array(argv[2..].iter().map(value).collect()))
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let exists = ctx.read_hash(&argv[1])?.is_some_and(|hash| hash.contains(&argv[2]));
    Ok(Reply::Integer(i64::from(exists)))
}

/// HSTRLEN key field
pub fn hstrlen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let hash = ctx.read_hash(&argv[1])?;
    Ok(Reply::count(hash.and_then(|hash| hash.get(&argv[2])).map_or(0, Vec::len)))
}

/// HDEL key field [field …]
pub fn hdel(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(hash) = ctx.write_hash(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let removed = argv[2..].iter().filter(|field| hash.remove(field).is_some()).count();
    let empty = hash.is_empty();
    ctx.delete_if(empty, &argv[1]);
    if removed > 0 {
        ctx.modified(&argv[1], removed);
    }
    Ok(Reply::count(removed))
}

/// HLEN key
pub fn hlen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::count(ctx.read_hash(&argv[1])?.map_or(0, Hash::len)))
}

/// HKEYS, HVALS and HGETALL: `take` says what to return of each pair.
fn all(ctx: &mut Context<'_>, key: &[u8], take: impl Fn((&Bytes, &Bytes)) -> Vec<Bytes>) -> Answer {
    let Some(hash) = ctx.read_hash(key)? else { return Ok(Reply::EMPTY_ARRAY) };
    Ok(Reply::bulks(hash.iter().flat_map(take)))
}

/// HKEYS key
pub fn hkeys(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    all(ctx, &argv[1], |(field, _)| vec![field.clone()])
}

/// HVALS key
pub fn hvals(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    all(ctx, &argv[1], |(_, value)| vec![value.clone()])
}

/// HGETALL key
pub fn hgetall(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    all(ctx, &argv[1], |(field, value)| vec![field.clone(), value.clone()])
}
