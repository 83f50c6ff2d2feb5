//! Sets: SINTER, SUNION, SDIFF and their STORE forms (Redis: t_set.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{at_least, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Set, Value};
use crate::resp::Reply;

/// The sets at these keys; None for a missing one.
fn look_up(
    ctx: &mut Context<'_>,
    keys: &[Bytes],
    store: bool,
) -> Result<Vec<Option<Set>>, Failure> {
    let find = |key: &Bytes| {
        let set = match store {
            true => ctx.write_set(key)?.map(|set| set.clone()),
            false => ctx.read_set(key)?.cloned(),
        };
        Ok(set)
    };
    keys.iter().map(find).collect()
}

/// Stores the result at a key and replies with its size; an empty result deletes the key. This
/// counts as a change even if the key did not exist.
fn store(ctx: &mut Context<'_>, key: &[u8], result: Set) -> Answer {
    let count = result.len();
    ctx.store(key, (count > 0).then_some(Value::Set(result)));
    ctx.modified(key, 1);
    Ok(Reply::count(count))
}

/// The same; an empty result is a change only if the key existed.
fn store_if_changed(ctx: &mut Context<'_>, key: &[u8], result: Set) -> Answer {
    let count = result.len();
    let deleted = ctx.store(key, (count > 0).then_some(Value::Set(result)));
    if deleted || count > 0 {
        ctx.modified(key, 1);
    }
    Ok(Reply::count(count))
}

fn members(result: &Set) -> Answer {
    Ok(Reply::bulks(result.iter()))
}

/// The intersection; None if any set is missing.
fn intersection(
    ctx: &mut Context<'_>,
    keys: &[Bytes],
    to_store: bool,
) -> Result<Option<Set>, Failure> {
    let mut sets = Vec::new();
    for key in keys {
        // A missing set ends the loop before the types of later keys are checked.
        match look_up(ctx, std::slice::from_ref(key), to_store)?.pop().flatten() {
            Some(set) => sets.push(set),
            None => return Ok(None),
        }
    }
    Ok(Some(common(ctx, sets)))
}

/// The same; the types of all keys are checked first.
fn checked_intersection(ctx: &mut Context<'_>, keys: &[Bytes]) -> Result<Set, Failure> {
    let sets: Option<Vec<Set>> = look_up(ctx, keys, false)?.into_iter().collect();
    Ok(sets.map_or(Set::intset(), |sets| common(ctx, sets)))
}

/// What is in all of them, of which there is at least one.
fn common(ctx: &Context<'_>, mut sets: Vec<Set>) -> Set {
    sets.sort_by_key(Set::len);
    let mut result = Set::intset();
    for member in sets[0].iter() {
        if sets[1..].iter().all(|set| set.contains(&member)) {
            result.insert(member.into_owned(), &ctx.keyspace.limits);
        }
    }
    result
}

/// SINTER key [key …], and SMEMBERS
pub fn sinter(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    if let [_, key] = argv {
        return Ok(ctx.read_set(key)?.map_or(Reply::EMPTY_ARRAY, |set| Reply::bulks(set.iter())));
    }
    members(&intersection(ctx, &argv[1..], false)?.unwrap_or(Set::intset()))
}

/// SINTERSTORE destination key [key …]
pub fn sinterstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let destination = &argv[1];
    match intersection(ctx, &argv[2..], true)? {
        Some(result) => store(ctx, destination, result),
        None => {
            if ctx.db().delete(destination) {
                ctx.modified(destination, 1);
            }
            Ok(Reply::Integer(0))
        }
    }
}

/// The same; the types of all keys are checked first.
pub fn sinter_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    if let [_, _] = argv {
        return sinter(ctx, argv);
    }
    members(&checked_intersection(ctx, &argv[1..])?)
}

/// The same; the types of all keys are checked first.
pub fn sinterstore_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let result = checked_intersection(ctx, &argv[2..])?;
    store_if_changed(ctx, &argv[1], result)
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`
pub fn sintercard(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let number = at_least(&argv[1], 1, "numkeys should be greater than 0")?;
    let too_many = || Failure::new("Number of keys can't be greater than number of args");
    let (keys, options) = argv[2..].split_at_checked(number).ok_or_else(too_many)?;
    let limit = card_limit(options)?;
    let count = checked_intersection(ctx, keys)?.len();
    Ok(Reply::count(limit.map_or(count, |limit| count.min(limit))))
}

/// `[LIMIT limit]` of SINTERCARD and ZINTERCARD; 0 is none.
pub fn card_limit(mut words: &[Bytes]) -> Result<Option<usize>, Failure> {
    let mut limit = 0;
    while let Some((word, rest)) = words.split_first() {
        let (number, rest) = rest.split_first().ok_or_else(Failure::syntax)?;
        if !is(word, "limit") {
            return Err(Failure::syntax());
        }
        limit = at_least(number, 0, "LIMIT can't be negative")?;
        words = rest;
    }
    Ok((limit > 0).then_some(limit))
}

fn union(ctx: &mut Context<'_>, keys: &[Bytes], to_store: bool) -> Result<Set, Failure> {
    let mut result = Set::intset();
    for set in look_up(ctx, keys, to_store)?.iter().flatten() {
        for member in set.iter() {
            result.insert(member.into_owned(), &ctx.keyspace.limits);
        }
    }
    Ok(result)
}

fn difference(ctx: &mut Context<'_>, keys: &[Bytes], to_store: bool) -> Result<Set, Failure> {
    let sets = look_up(ctx, keys, to_store)?;
    let mut result = Set::intset();
    let (first, others) = sets.split_first().expect("the arity asks for a key");
    for member in first.iter().flat_map(Set::iter) {
        if !others.iter().flatten().any(|set| set.contains(&member)) {
            result.insert(member.into_owned(), &ctx.keyspace.limits);
        }
    }
    Ok(result)
}

/// SUNION key [key …]
pub fn sunion(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    members(&union(ctx, &argv[1..], false)?)
}

/// SUNIONSTORE destination key [key …]
pub fn sunionstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let result = union(ctx, &argv[2..], true)?;
    store(ctx, &argv[1], result)
}

/// SDIFF key [key …]: the members of the first set that are in no other
pub fn sdiff(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    members(&difference(ctx, &argv[1..], false)?)
}

/// SDIFFSTORE destination key [key …]
pub fn sdiffstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let result = difference(ctx, &argv[2..], true)?;
    store(ctx, &argv[1], result)
}

/// SUNIONSTORE destination key [key …]; an empty result is a change only if the key existed.
pub fn sunionstore_if_changed(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let result = union(ctx, &argv[2..], true)?;
    store_if_changed(ctx, &argv[1], result)
}

/// SDIFFSTORE destination key [key …]; the same.
pub fn sdiffstore_if_changed(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let result = difference(ctx, &argv[2..], true)?;
    store_if_changed(ctx, &argv[1], result)
}
