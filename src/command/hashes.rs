//! Hashes (Redis: t_hash.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::{Answer, Context, Failure};
use crate::keyspace::{Bytes, BytesMap, Value};
use crate::resp::Reply;

/// Sets fields; how many of them are new.
fn set_fields(ctx: &mut Context<'_>, name: &str, argv: &[Bytes]) -> Result<usize, Failure> {
    if !argv.len().is_multiple_of(2) {
        return Err(Failure::wrong_arity(name));
    }
    ctx.expire_if_needed(&argv[1]);
    let entry = ctx.db().dict.entry(argv[1].clone());
    let Value::Hash(hash) = entry.or_insert_with(|| Value::Hash(BytesMap::default())) else {
        return Err(Failure::wrong_type());
    };
    let created = argv[2..]
        .chunks_exact(2)
        .filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none())
        .count();
    ctx.changed(1);
    Ok(created)
}

/// HSET key field value [field value …]
pub fn hset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    set_fields(ctx, "hset", argv).map(|created| Reply::Integer(created as i64))
}

/// HMSET key field value [field value …]
pub fn hmset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    set_fields(ctx, "hmset", argv).map(|_| Reply::OK)
}

/// HGET key field
pub fn hget(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let value = ctx.read_hash(&argv[1])?.and_then(|hash| hash.get(&argv[2]));
    Ok(value.map_or(Reply::Null, |value| Reply::Bulk(value.clone())))
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let exists = ctx.read_hash(&argv[1])?.is_some_and(|hash| hash.contains_key(&argv[2]));
    Ok(Reply::Integer(i64::from(exists)))
}

/// HDEL key field [field …]
pub fn hdel(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(hash) = ctx.write_hash(&argv[1])? else { return Ok(Reply::Integer(0)) };
    // A hash is short as a rule, and Redis keeps the fields of a short one in order.
    let removed =
        argv[2..].iter().filter(|field| hash.shift_remove(field.as_slice()).is_some()).count();
    if hash.is_empty() {
        ctx.db().delete(&argv[1]);
    }
    ctx.changed(removed);
    Ok(Reply::Integer(removed as i64))
}

/// HLEN key
pub fn hlen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = ctx.read_hash(&argv[1])?.map_or(0, BytesMap::len);
    Ok(Reply::Integer(count as i64))
}

/// HGETALL key
pub fn hgetall(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(hash) = ctx.read_hash(&argv[1])? else { return Ok(Reply::Array(Vec::new())) };
    let fields = hash.iter().flat_map(|(field, value)| [field.clone(), value.clone()]);
    Ok(Reply::bulks(fields))
}
