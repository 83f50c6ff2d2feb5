//! Sorted sets: what 6.2 and 7.0 brought, ZRANGE with its options, ZRANGESTORE, ZMSCORE and ZMPOP
//! (Redis: t_zset.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{Many, index_range, integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::zset_ranges::{LexRange, Pair, ScoreRange, owned, reply};
use super::zset_removals::pop_some;
use crate::keyspace::{Bytes, Value, ZSet};
use crate::resp::Reply;

/// What the bounds of ZRANGE are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// The options after the bounds (Redis: `zrangeGenericCommand`).
struct Options {
    by: By,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative for no limit.
    limit: i64,
}

impl Options {
    fn parse(mut words: &[Bytes], to_store: bool) -> Result<Options, Failure> {
        let mut options =
            Options { by: By::Rank, reverse: false, with_scores: false, offset: 0, limit: -1 };
        while let [word, rest @ ..] = words {
            words = rest;
            match (word.to_ascii_lowercase().as_slice(), rest) {
                (b"withscores", _) if !to_store => options.with_scores = true,
                (b"limit", [offset, limit, rest @ ..]) => {
                    (options.offset, options.limit) = (integer(offset)?, integer(limit)?);
                    words = rest;
                }
                (b"rev", _) if !options.reverse => options.reverse = true,
                (b"bylex", _) if options.by == By::Rank => options.by = By::Lex,
                (b"byscore", _) if options.by == By::Rank => options.by = By::Score,
                _ => return Err(Failure::syntax()),
            }
        }
        if options.limit != -1 && options.by == By::Rank {
            return Err(Failure::new(
                "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if options.with_scores && options.by == By::Lex {
            let words = "syntax error, WITHSCORES not supported in combination with BYLEX";
            return Err(Failure::new(words));
        }
        Ok(options)
    }

    /// The members between the bounds. These are parsed before the key is looked up.
    fn select(
        &self,
        ctx: &mut Context<'_>,
        key: &Bytes,
        bounds: [&Bytes; 2],
    ) -> Result<Vec<Pair>, Failure> {
        let [min, max] = if self.reverse { [bounds[1], bounds[0]] } else { bounds };
        let pairs = match self.by {
            By::Rank => {
                let (start, stop) = (integer(bounds[0])?, integer(bounds[1])?);
                let Some(zset) = ctx.read_zset(key)? else { return Ok(Vec::new()) };
                let range = index_range(start, stop, zset.len());
                let (skipped, taken) = (range.start, range.len());
                return Ok(match self.reverse {
                    true => owned(zset.iter().rev().skip(skipped).take(taken)),
                    false => owned(zset.iter().skip(skipped).take(taken)),
                });
            }
            By::Score => {
                let range = ScoreRange::parse(min, max)?;
                ctx.read_zset(key)?.map(|zset| owned(range.of(zset)))
            }
            By::Lex => {
                let range = LexRange::parse(min, max)?;
                ctx.read_zset(key)?.map(|zset| owned(range.of(zset)))
            }
        };
        let mut pairs = pairs.unwrap_or_default();
        if self.reverse {
            pairs.reverse();
        }
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        Ok(pairs.into_iter().skip(offset).take(limit).collect())
    }
}

/// `ZRANGE key min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub fn zrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = Options::parse(&argv[4..], false)?;
    let pairs = options.select(ctx, &argv[1], [&argv[2], &argv[3]])?;
    Ok(reply(pairs, options.with_scores))
}

/// `ZRANGESTORE destination source min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`
pub fn zrangestore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = Options::parse(&argv[5..], true)?;
    let pairs = options.select(ctx, &argv[2], [&argv[3], &argv[4]])?;
    let limits = ctx.keyspace.limits;
    let mut zset = ZSet::skiplist();
    for (member, score) in pairs {
        zset.insert(member, score, &limits);
    }
    zset.convert_to_ziplist_if_needed(&limits);
    let (destination, length) = (&argv[1], zset.len());
    let deleted = ctx.store(destination, (length > 0).then_some(Value::ZSet(zset)));
    if deleted || length > 0 {
        ctx.modified(destination, 1);
    }
    Ok(Reply::count(length))
}

/// ZMSCORE key member [member …]
pub fn zmscore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let zset = ctx.read_zset(&argv[1])?;
    let score = |member: &Bytes| zset.and_then(|zset| zset.score(member));
    let scores = argv[2..].iter().map(|member| score(member).map_or(Reply::Null, Reply::double));
    Ok(Reply::Array(scores.collect()))
}

/// MIN or MAX: whether the highest is meant.
pub fn highest(word: &Bytes) -> Result<bool, Failure> {
    match () {
        () if is(word, "min") => Ok(false),
        () if is(word, "max") => Ok(true),
        () => Err(Failure::syntax()),
    }
}

/// Pops several members of a sorted set that exists. Returns the reply, and what is propagated.
pub fn pop_many(
    ctx: &mut Context<'_>,
    key: &Bytes,
    highest: bool,
    count: usize,
) -> Result<(Reply, Vec<Bytes>), Failure> {
    let popped = pop_some(ctx, key, highest, count)?;
    let name: &[u8] = if highest { b"ZPOPMAX" } else { b"ZPOPMIN" };
    let propagated = vec![name.to_vec(), key.clone(), popped.len().to_string().into_bytes()];
    let pair = |(member, score)| Reply::Array(vec![Reply::Bulk(member), Reply::double(score)]);
    let pairs = Reply::Array(popped.into_iter().map(pair).collect());
    Ok((Reply::Array(vec![Reply::Bulk(key.clone()), pairs]), propagated))
}

/// `ZMPOP numkeys key [key …] MIN|MAX [COUNT count]`. Propagated as ZPOPMIN or ZPOPMAX of so
/// many.
pub fn zmpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Many { keys, place, count } = Many::parse(&argv[1..], highest)?;
    for key in keys {
        if ctx.write_zset(key)?.is_some() {
            let (reply, propagated) = pop_many(ctx, key, place, count)?;
            ctx.effects.rewritten = Some(vec![propagated]);
            return Ok(reply);
        }
    }
    Ok(Reply::NullArray)
}
