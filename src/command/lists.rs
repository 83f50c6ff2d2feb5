//! Lists (Redis: t_list.c).
//!
//! Must not know: other types, except that a key may hold one.

use std::collections::VecDeque;

use super::{Answer, Context, Failure, integer};
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;

type Push = fn(&mut VecDeque<Bytes>, Bytes);
type Pop = fn(&mut VecDeque<Bytes>) -> Option<Bytes>;

fn push(ctx: &mut Context<'_>, argv: &[Bytes], push_one: Push) -> Answer {
    ctx.expire_if_needed(&argv[1]);
    let entry = ctx.db().dict.entry(argv[1].clone());
    let Value::List(list) = entry.or_insert_with(|| Value::List(VecDeque::new())) else {
        return Err(Failure::wrong_type());
    };
    argv[2..].iter().for_each(|element| push_one(list, element.clone()));
    let length = list.len();
    ctx.changed(argv.len() - 2);
    Ok(Reply::Integer(length as i64))
}

/// RPUSH key element [element …]
pub fn rpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push(ctx, argv, VecDeque::push_back)
}

/// LPUSH key element [element …]
pub fn lpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push(ctx, argv, VecDeque::push_front)
}

fn pop(ctx: &mut Context<'_>, key: &[u8], pop_one: Pop) -> Answer {
    let Some(list) = ctx.write_list(key)? else { return Ok(Reply::Null) };
    let popped = pop_one(list);
    if list.is_empty() {
        ctx.db().delete(key);
    }
    ctx.changed(1);
    Ok(popped.map_or(Reply::Null, Reply::Bulk))
}

/// RPOP key
pub fn rpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, &argv[1], VecDeque::pop_back)
}

/// LPOP key
pub fn lpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, &argv[1], VecDeque::pop_front)
}

/// LLEN key
pub fn llen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let length = ctx.read_list(&argv[1])?.map_or(0, VecDeque::len);
    Ok(Reply::Integer(length as i64))
}

/// LRANGE key start stop; negative positions count from the end.
pub fn lrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (start, stop) = (integer(&argv[2])?, integer(&argv[3])?);
    let Some(list) = ctx.read_list(&argv[1])? else { return Ok(Reply::Array(Vec::new())) };
    let length = list.len() as i64;
    let from_end = |position: i64| if position < 0 { position + length } else { position };
    let start = from_end(start).max(0);
    let stop = from_end(stop).min(length - 1);
    if start > stop {
        return Ok(Reply::Array(Vec::new()));
    }
    Ok(Reply::bulks(list.range(start as usize..=stop as usize).cloned()))
}
