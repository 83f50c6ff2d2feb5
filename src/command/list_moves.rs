//! Lists: LMOVE and LMPOP (Redis: t_list.c).
//!
//! Must not know: other types, except that a key may hold one.

use std::collections::VecDeque;

use super::arguments::Many;
use super::context::Context;
use super::failure::{Answer, Failure};
use super::lists::{End, take};
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// Moves an element; None if there is no source (Redis: `lmoveGenericCommand`).
pub fn move_one(
    ctx: &mut Context<'_>,
    keys: [&Bytes; 2],
    ends: [End; 2],
) -> Result<Option<Bytes>, Failure> {
    let ([source, destination], [from, to]) = (keys, ends);
    if ctx.write_list(source)?.is_none() {
        return Ok(None);
    }
    ctx.write_list(destination)?;
    let Some(element) = ctx.write_list(source)?.and_then(|list| from.pop(list)) else {
        return Ok(None);
    };
    to.push(ctx.list_or_add(destination, VecDeque::new)?, element.clone());
    ctx.touched(destination);
    let empty = ctx.write_list(source)?.is_some_and(|list| list.is_empty());
    ctx.delete_if(empty, source);
    ctx.modified(source, 1);
    Ok(Some(element))
}

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
pub fn lmove(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let ends = [End::named(&argv[3])?, End::named(&argv[4])?];
    Ok(move_one(ctx, [&argv[1], &argv[2]], ends)?.map_or(Reply::Null, Reply::Bulk))
}

/// Pops several elements of a list that exists; returns what is propagated, too.
pub fn pop_many(
    ctx: &mut Context<'_>,
    key: &Bytes,
    end: End,
    count: usize,
) -> Result<(Vec<Bytes>, Vec<Bytes>), Failure> {
    let popped = take(ctx, key, end, count)?.unwrap_or_default();
    let name = if end == End::Head { b"LPOP" } else { b"RPOP" };
    let propagated = vec![name.to_vec(), key.clone(), popped.len().to_string().into_bytes()];
    Ok((popped, propagated))
}

/// `LMPOP numkeys key [key …] LEFT|RIGHT [COUNT count]`. Propagated as LPOP or RPOP of so many.
pub fn lmpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Many { keys, place, count } = Many::parse(&argv[1..], |word| End::named(word))?;
    for key in keys {
        if ctx.write_list(key)?.is_some() {
            let (popped, propagated) = pop_many(ctx, key, place, count)?;
            ctx.effects.rewritten = Some(vec![propagated]);
            return Ok(Reply::Array(vec![Reply::Bulk(key.clone()), Reply::bulks(popped)]));
        }
    }
    Ok(Reply::NullArray)
}
