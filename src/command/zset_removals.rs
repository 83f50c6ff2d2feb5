//! Sorted sets: removal of ranges, ZPOPMIN and ZPOPMAX (Redis: t_zset.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{NOT_POSITIVE, at_least, index_range, integer};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::zset_ranges::{LexRange, Pair, ScoreRange, reply};
use crate::keyspace::{Bytes, ZSet};
use crate::resp::Reply;

fn names<'z>(pairs: impl Iterator<Item = (&'z Bytes, f64)>) -> Vec<Bytes> {
    pairs.map(|(member, _)| member.clone()).collect()
}

fn remove(ctx: &mut Context<'_>, key: &Bytes, range: impl FnOnce(&ZSet) -> Vec<Bytes>) -> Answer {
    let Some(zset) = ctx.write_zset(key)? else { return Ok(Reply::Integer(0)) };
    let members = range(zset);
    for member in &members {
        zset.remove(member);
    }
    let empty = zset.is_empty();
    ctx.delete_if(empty, key);
    if !members.is_empty() {
        ctx.modified(key, members.len());
    }
    Ok(Reply::count(members.len()))
}

/// ZREMRANGEBYRANK key start stop
pub fn zremrangebyrank(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (start, stop) = (integer(&argv[2])?, integer(&argv[3])?);
    remove(ctx, &argv[1], |zset| {
        let range = index_range(start, stop, zset.len());
        names(zset.iter().skip(range.start).take(range.len()))
    })
}

/// ZREMRANGEBYSCORE key min max
pub fn zremrangebyscore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let range = ScoreRange::parse(&argv[2], &argv[3])?;
    remove(ctx, &argv[1], |zset| names(range.of(zset)))
}

/// ZREMRANGEBYLEX key min max
pub fn zremrangebylex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let range = LexRange::parse(&argv[2], &argv[3])?;
    remove(ctx, &argv[1], |zset| names(range.of(zset)))
}

/// Pops members with the highest or the lowest scores.
pub fn pop_some(
    ctx: &mut Context<'_>,
    key: &[u8],
    highest: bool,
    count: usize,
) -> Result<Vec<Pair>, Failure> {
    let Some(zset) = ctx.write_zset(key)? else { return Ok(Vec::new()) };
    let owned = |(member, score): (&Bytes, f64)| (member.clone(), score);
    let popped: Vec<Pair> = match highest {
        true => zset.iter().rev().take(count).map(owned).collect(),
        false => zset.iter().take(count).map(owned).collect(),
    };
    for (member, _) in &popped {
        zset.remove(member);
    }
    let empty = zset.is_empty();
    ctx.delete_if(empty, key);
    ctx.modified(key, popped.len());
    Ok(popped)
}

fn pop(ctx: &mut Context<'_>, argv: &[Bytes], highest: bool) -> Answer {
    let count = match &argv[2..] {
        [] => 1,
        [count] => integer(count)?,
        _ => return Err(Failure::syntax()),
    };
    if count <= 0 {
        return Ok(Reply::EMPTY_ARRAY);
    }
    Ok(reply(pop_some(ctx, &argv[1], highest, count as usize)?, true))
}

/// The same; a negative count is an error.
fn pop_checked(ctx: &mut Context<'_>, argv: &[Bytes], highest: bool) -> Answer {
    match &argv[2..] {
        [] => {}
        [count] => drop(at_least(count, 0, NOT_POSITIVE)?),
        _ => return Err(Failure::syntax()),
    }
    ctx.write_zset(&argv[1])?;
    pop(ctx, argv, highest)
}

/// `ZPOPMIN key [count]`; a negative count is an error.
pub fn zpopmin_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop_checked(ctx, argv, false)
}

/// `ZPOPMAX key [count]`; a negative count is an error.
pub fn zpopmax_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop_checked(ctx, argv, true)
}

/// `ZPOPMIN key [count]`
pub fn zpopmin(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, argv, false)
}

/// `ZPOPMAX key [count]`
pub fn zpopmax(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, argv, true)
}
