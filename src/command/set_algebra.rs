//! Sets: SINTER, SUNION, SDIFF and their STORE forms (Redis: t_set.c).
//!
//! Must not know: other types, except that a key may hold one.

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
    sets.sort_by_key(Set::len);
    let mut result = Set::intset();
    for member in sets[0].iter() {
        if sets[1..].iter().all(|set| set.contains(&member)) {
            result.insert(member.into_owned(), &ctx.keyspace.limits);
        }
    }
    Ok(Some(result))
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
