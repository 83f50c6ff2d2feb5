//! Sorted sets: ZUNIONSTORE and ZINTERSTORE. They also accept sets, whose members have the score 1
//! (Redis: `zunionInterGenericCommand`).
//!
//! Must not know: types other than these two, except that a key may hold one.

use super::arguments::{float, integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, BytesMap, Limits, Value, ZSet};
use crate::resp::Reply;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Opposite infinities add up to 0.
    fn combine(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => not_nan(one + other),
            Aggregate::Min => one.min(other),
            Aggregate::Max => one.max(other),
        }
    }
}

/// Infinity times 0 is 0 too.
fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The options after the keys.
pub(super) struct Options {
    pub(super) weights: Vec<f64>,
    pub(super) aggregate: Aggregate,
    pub(super) with_scores: bool,
}

/// WITHSCORES is taken only where nothing is stored.
pub(super) fn parse_options(
    mut words: &[Bytes],
    keys: usize,
    stores: bool,
) -> Result<Options, Failure> {
    let mut options =
        Options { weights: vec![1.0; keys], aggregate: Aggregate::Sum, with_scores: false };
    loop {
        words = match words {
            [] => return Ok(options),
            [word, rest @ ..] if !stores && is(word, "withscores") => {
                options.with_scores = true;
                rest
            }
            [word, rest @ ..] if rest.len() >= keys && is(word, "weights") => {
                let (given, rest) = rest.split_at(keys);
                let weight = |text: &Bytes| {
                    float(text).map_err(|_| Failure::new("weight value is not a float"))
                };
                options.weights = given.iter().map(weight).collect::<Result<_, _>>()?;
                rest
            }
            [word, how, rest @ ..] if is(word, "aggregate") => {
                options.aggregate = match how.to_ascii_lowercase().as_slice() {
                    b"sum" => Aggregate::Sum,
                    b"min" => Aggregate::Min,
                    b"max" => Aggregate::Max,
                    _ => return Err(Failure::syntax()),
                };
                rest
            }
            _ => return Err(Failure::syntax()),
        };
    }
}

/// One input set and its weight.
pub(super) struct Source {
    members: BytesMap<f64>,
    weight: f64,
}

/// The members of a sorted set or a set.
pub(super) fn members(value: Option<&Value>) -> Result<BytesMap<f64>, Failure> {
    match value {
        None => Ok(BytesMap::default()),
        Some(Value::ZSet(zset)) => {
            Ok(zset.iter().map(|(member, score)| (member.clone(), score)).collect())
        }
        Some(Value::Set(set)) => Ok(set.iter().map(|member| (member.into_owned(), 1.0)).collect()),
        Some(_) => Err(Failure::wrong_type()),
    }
}

/// The smallest first.
pub(super) fn sources(members: Vec<BytesMap<f64>>, weights: &[f64]) -> Vec<Source> {
    let both = members.into_iter().zip(weights);
    let mut sources: Vec<Source> =
        both.map(|(members, &weight)| Source { members, weight }).collect();
    sources.sort_by_key(|source| source.members.len());
    sources
}

pub(super) fn union(sources: &[Source], aggregate: Aggregate) -> BytesMap<f64> {
    let mut total = BytesMap::default();
    for Source { members, weight } in sources {
        for (member, score) in members {
            let score = not_nan(weight * score);
            match total.get_mut(member) {
                Some(sum) => *sum = aggregate.combine(*sum, score),
                None => drop(total.insert(member.clone(), score)),
            }
        }
    }
    total
}

/// As in Redis, NaN from a weighted infinity becomes 0 only for the first source.
pub(super) fn intersection(sources: &[Source], aggregate: Aggregate) -> BytesMap<f64> {
    let (first, others) = sources.split_first().expect("there is at least one key");
    let mut total = BytesMap::default();
    'members: for (member, score) in &first.members {
        let mut sum = not_nan(first.weight * score);
        for other in others {
            let Some(score) = other.members.get(member) else { continue 'members };
            sum = aggregate.combine(sum, score * other.weight);
        }
        total.insert(member.clone(), sum);
    }
    total
}

/// Stores the result, or deletes the destination if there is none.
pub(super) fn store_scores(
    ctx: &mut Context<'_>,
    destination: &Bytes,
    scores: BytesMap<f64>,
) -> Reply {
    let zset = sorted_set(scores, &ctx.keyspace.limits);
    let length = zset.len();
    let deleted = ctx.store(destination, (length > 0).then_some(Value::ZSet(zset)));
    if deleted || length > 0 {
        ctx.modified(destination, 1);
    }
    Reply::count(length)
}

pub(super) fn sorted_set(scores: BytesMap<f64>, limits: &Limits) -> ZSet {
    let mut zset = ZSet::skiplist();
    for (member, score) in scores {
        zset.insert(member, score, limits);
    }
    zset.convert_to_ziplist_if_needed(limits);
    zset
}

pub(super) type Operation = fn(&[Source], Aggregate) -> BytesMap<f64>;

fn store(ctx: &mut Context<'_>, argv: &[Bytes], operation: Operation) -> Answer {
    let count = integer(&argv[2])?;
    if count < 1 {
        return Err(Failure::new("at least 1 input key is needed for ZUNIONSTORE/ZINTERSTORE"));
    }
    let count = count as usize;
    if count > argv.len() - 3 {
        return Err(Failure::syntax());
    }
    let (keys, options) = argv[3..].split_at(count);
    let found = keys.iter().map(|key| members(ctx.write(key).map(|value| &*value)));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let Options { weights, aggregate, .. } = parse_options(options, count, true)?;
    let scores = operation(&sources(found, &weights), aggregate);
    Ok(store_scores(ctx, &argv[1], scores))
}

/// ZUNIONSTORE destination count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]
pub fn zunionstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    store(ctx, argv, union)
}

/// ZINTERSTORE destination count key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]
pub fn zinterstore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    store(ctx, argv, intersection)
}
