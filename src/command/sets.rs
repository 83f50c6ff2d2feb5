//! Sets: commands on a single set, and SMOVE (Redis: t_set.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{NOT_POSITIVE, at_least, integer};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Limits, Random, Set};
use crate::resp::Reply;

/// SPOP picks the members to keep instead of those to pop if `remaining` times this is at most
/// `count`.
const SPOP_MOVE_STRATEGY_MUL: usize = 5;
/// SRANDMEMBER picks the members to leave out instead of those to return if `count` times this
/// exceeds the size.
const SRANDMEMBER_SUB_STRATEGY_MUL: usize = 3;

/// SADD key member [member …]
pub fn sadd(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let limits = ctx.keyspace.limits;
    let set = ctx.set_or_add(&argv[1], || Set::new_for(&argv[2]))?;
    let added = argv[2..].iter().filter(|member| set.insert(member.to_vec(), &limits)).count();
    if added > 0 {
        ctx.modified(&argv[1], added);
    }
    Ok(Reply::count(added))
}

/// SREM key member [member …]
pub fn srem(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(set) = ctx.write_set(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let removed = argv[2..].iter().filter(|member| set.remove(member)).count();
    let empty = set.is_empty();
    ctx.delete_if(empty, &argv[1]);
    if removed > 0 {
        ctx.modified(&argv[1], removed);
    }
    Ok(Reply::count(removed))
}

/// SMOVE source destination member
pub fn smove(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (source, destination, member) = (&argv[1], &argv[2], &argv[3]);
    let Some(set) = ctx.write_set(source)? else { return Ok(Reply::Integer(0)) };
    let is_member = set.contains(member);
    ctx.write_set(destination)?;
    if source == destination || !is_member {
        return Ok(Reply::Integer(i64::from(is_member)));
    }
    let empty = ctx.write_set(source)?.is_some_and(|set| set.remove(member) && set.is_empty());
    ctx.delete_if(empty, source);
    let limits = ctx.keyspace.limits;
    let set = ctx.set_or_add(destination, || Set::new_for(member))?;
    let added = set.insert(member.clone(), &limits);
    ctx.modified(source, 1);
    ctx.modified(destination, usize::from(added));
    Ok(Reply::Integer(1))
}

/// SISMEMBER key member
pub fn sismember(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let is_member = ctx.read_set(&argv[1])?.is_some_and(|set| set.contains(&argv[2]));
    Ok(Reply::Integer(i64::from(is_member)))
}

/// SMISMEMBER key member [member …]
pub fn smismember(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let set = ctx.read_set(&argv[1])?;
    let is_member = |member: &Bytes| set.is_some_and(|set| set.contains(member));
    let found = argv[2..].iter().map(|member| Reply::Integer(i64::from(is_member(member))));
    Ok(Reply::Array(found.collect()))
}

/// SCARD key
pub fn scard(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::count(ctx.read_set(&argv[1])?.map_or(0, Set::len)))
}

fn random_member(set: &Set, random: &mut Random) -> Bytes {
    let member = set.get_index(random.below(set.len()));
    member.expect("no set is empty").into_owned()
}

/// `SPOP key [count]`. Propagated as SREM of what was popped, or DEL if that was everything.
pub fn spop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    match &argv[2..] {
        [] => spop_one(ctx, &argv[1]),
        [count] => {
            let count = usize::try_from(integer(count)?).map_err(|_| Failure::out_of_range())?;
            let counts = |_| count + 1;
            spop_many(ctx, &argv[1], count, counts)
        }
        _ => Err(Failure::syntax()),
    }
}

/// The same; only members that were there count as changes.
pub fn spop_counted(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    match &argv[2..] {
        [count] => {
            let count = at_least(count, 0, NOT_POSITIVE)?;
            spop_many(ctx, &argv[1], count, |popped| popped)
        }
        _ => spop(ctx, argv),
    }
}

fn spop_one(ctx: &mut Context<'_>, key: &Bytes) -> Answer {
    let mut random = ctx.keyspace.random.clone();
    let Some(set) = ctx.write_set(key)? else { return Ok(Reply::Null) };
    let member = random_member(set, &mut random);
    set.remove(&member);
    let empty = set.is_empty();
    ctx.keyspace.random = random;
    ctx.delete_if(empty, key);
    ctx.modified(key, 1);
    ctx.effects.replace_with([&b"SREM"[..], key, &member]);
    Ok(Reply::Bulk(member))
}

/// `counts` says how many changes it is when so many members are popped.
fn spop_many(
    ctx: &mut Context<'_>,
    key: &Bytes,
    count: usize,
    counts: impl Fn(usize) -> usize,
) -> Answer {
    let (limits, mut random) = (ctx.keyspace.limits, ctx.keyspace.random.clone());
    let Some(set) = ctx.write_set(key)? else { return Ok(Reply::EMPTY_ARRAY) };
    if count == 0 {
        return Ok(Reply::EMPTY_ARRAY);
    }
    if count >= set.len() {
        let all: Vec<Bytes> = set.iter().map(|member| member.into_owned()).collect();
        ctx.db().delete(key);
        ctx.modified(key, counts(all.len()));
        ctx.effects.replace_with([&b"DEL"[..], key]);
        return Ok(Reply::bulks(all));
    }
    let remaining = set.len() - count;
    let popped: Vec<Bytes> = if remaining * SPOP_MOVE_STRATEGY_MUL > count {
        let mut take = || {
            let member = random_member(set, &mut random);
            set.remove(&member);
            member
        };
        (0..count).map(|_| take()).collect()
    } else {
        // The members to keep move to a new set, which may be an intset again.
        let mut stays: Option<Set> = None;
        for _ in 0..remaining {
            let member = random_member(set, &mut random);
            set.remove(&member);
            stays.get_or_insert_with(|| Set::new_for(&member)).insert(member, &limits);
        }
        let popped = set.iter().map(|member| member.into_owned()).collect();
        *set = stays.expect("something stays");
        popped
    };
    ctx.keyspace.random = random;
    ctx.modified(key, counts(count));
    let srem = |member: &Bytes| vec![b"SREM".to_vec(), key.clone(), member.clone()];
    ctx.effects.rewritten = Some(popped.iter().map(srem).collect());
    Ok(Reply::bulks(popped))
}

/// `SRANDMEMBER key [count]`. With a negative count members may repeat.
pub fn srandmember(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = match &argv[2..] {
        [] => None,
        [count] => Some(integer(count)?),
        _ => return Err(Failure::syntax()),
    };
    let mut random = ctx.keyspace.random.clone();
    let set = ctx.read_set(&argv[1])?;
    let reply = match (set, count) {
        (None, None) => Reply::Null,
        (None, Some(_)) => Reply::EMPTY_ARRAY,
        (Some(set), None) => Reply::Bulk(random_member(set, &mut random)),
        (Some(set), Some(count)) if count < 0 => {
            let members = (0..count.unsigned_abs()).map(|_| random_member(set, &mut random));
            Reply::bulks(members)
        }
        (Some(set), Some(count)) => Reply::bulks(distinct(set, count as usize, &mut random)),
    };
    ctx.keyspace.random = random;
    Ok(reply)
}

/// Up to `count` distinct members.
fn distinct(set: &Set, count: usize, random: &mut Random) -> Vec<Bytes> {
    if count >= set.len() {
        return set.iter().map(|member| member.into_owned()).collect();
    }
    let mut chosen = Set::hashtable();
    let limits = Limits::default();
    if count * SRANDMEMBER_SUB_STRATEGY_MUL > set.len() {
        for member in set.iter() {
            chosen.insert(member.into_owned(), &limits);
        }
        while chosen.len() > count {
            let member = random_member(&chosen, random);
            chosen.remove(&member);
        }
    }
    while chosen.len() < count {
        chosen.insert(random_member(set, random), &limits);
    }
    chosen.iter().map(|member| member.into_owned()).collect()
}
