//! Sorted sets: ZUNION, ZINTER, ZDIFF, their STORE forms as in 7.0, and ZINTERCARD (Redis:
//! `zunionInterDiffGenericCommand`).
//!
//! Must not know: types other than sorted sets and sets, except that a key may hold one.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::set_algebra::card_limit;
use super::zset_algebra::{
    Operation, Options, intersection, members, parse_options, sorted_set, sources, store_scores,
    union,
};
use super::zset_ranges::{owned, reply};
use crate::keyspace::{Bytes, BytesMap};
use crate::resp::Reply;

/// The members at the keys of `count key [key …] …`, and the words after the keys.
fn inputs<'a>(
    ctx: &mut Context<'_>,
    name: &str,
    words: &'a [Bytes],
) -> Result<(Vec<BytesMap<f64>>, &'a [Bytes]), Failure> {
    let count = integer(&words[0])?;
    if count < 1 {
        let words = format!("at least 1 input key is needed for '{name}' command");
        return Err(Failure::new(words));
    }
    let (keys, options) =
        words[1..].split_at_checked(count as usize).ok_or_else(Failure::syntax)?;
    let found = keys.iter().map(|key| members(ctx.read(key)));
    Ok((found.collect::<Result<_, _>>()?, options))
}

fn combined(ctx: &mut Context<'_>, name: &str, words: &[Bytes], operation: Operation) -> Answer {
    let (found, options) = inputs(ctx, name, words)?;
    let Options { weights, aggregate, with_scores } = parse_options(options, found.len(), false)?;
    let scores = operation(&sources(found, &weights), aggregate);
    Ok(shown(ctx, scores, with_scores))
}

fn shown(ctx: &Context<'_>, scores: BytesMap<f64>, with_scores: bool) -> Reply {
    let zset = sorted_set(scores, &ctx.keyspace.limits);
    reply(owned(zset.iter()), with_scores)
}

fn stored(ctx: &mut Context<'_>, name: &str, argv: &[Bytes], operation: Operation) -> Answer {
    let (found, options) = inputs(ctx, name, &argv[2..])?;
    let Options { weights, aggregate, .. } = parse_options(options, found.len(), true)?;
    let scores = operation(&sources(found, &weights), aggregate);
    Ok(store_scores(ctx, &argv[1], scores))
}

/// The members of the first that are in no other.
fn difference(found: Vec<BytesMap<f64>>) -> BytesMap<f64> {
    let mut found = found.into_iter();
    let mut left = found.next().unwrap_or_default();
    for other in found {
        left.retain(|member, _| !other.contains_key(member));
    }
    left
}

/// `ZUNION count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub fn zunion(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    combined(ctx, "zunion", &argv[1..], union)
}

/// `ZINTER count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub fn zinter(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    combined(ctx, "zinter", &argv[1..], intersection)
}

/// ZUNIONSTORE destination count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]
pub fn zunionstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    stored(ctx, "zunionstore", argv, union)
}

/// ZINTERSTORE destination count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]
pub fn zinterstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    stored(ctx, "zinterstore", argv, intersection)
}

/// `ZDIFF count key [key …] [WITHSCORES]`
pub fn zdiff(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (found, options) = inputs(ctx, "zdiff", &argv[1..])?;
    if !options.iter().all(|word| is(word, "withscores")) {
        return Err(Failure::syntax());
    }
    Ok(shown(ctx, difference(found), !options.is_empty()))
}

/// ZDIFFSTORE destination count key [key …]
pub fn zdiffstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (found, options) = inputs(ctx, "zdiffstore", &argv[2..])?;
    if !options.is_empty() {
        return Err(Failure::syntax());
    }
    Ok(store_scores(ctx, &argv[1], difference(found)))
}

/// `ZINTERCARD count key [key …] [LIMIT limit]`
pub fn zintercard(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (found, options) = inputs(ctx, "zintercard", &argv[1..])?;
    let limit = card_limit(options)?;
    let weights = vec![1.0; found.len()];
    let Options { aggregate, .. } = parse_options(&[], found.len(), true)?;
    let count = intersection(&sources(found, &weights), aggregate).len();
    Ok(Reply::count(limit.map_or(count, |limit| count.min(limit))))
}
