//! Sorted sets: ranges by rank, score and member (Redis: t_zset.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{index_range, integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::zsets::with_scores;
use crate::keyspace::{Bytes, ZSet};
use crate::resp::Reply;
use crate::text::float::parse_double;

/// A member with its score.
pub type Pair = (Bytes, f64);

/// Members as a reply.
pub fn reply(pairs: Vec<Pair>, with_scores: bool) -> Reply {
    let parts = pairs.into_iter().flat_map(|(member, score)| {
        [Some(Reply::Bulk(member)), with_scores.then(|| Reply::double(score))]
    });
    Reply::Array(parts.flatten().collect())
}

/// An interval of scores (Redis: `zrangespec`).
#[derive(Clone, Copy, Debug)]
pub struct ScoreRange {
    min: f64,
    min_excluded: bool,
    max: f64,
    max_excluded: bool,
}

impl ScoreRange {
    /// `(` makes a bound exclusive (Redis: `zslParseRange`).
    pub fn parse(min: &[u8], max: &[u8]) -> Result<ScoreRange, Failure> {
        let bound = |text: &[u8]| {
            let (excluded, number) = match text {
                [b'(', number @ ..] => (true, number),
                number => (false, number),
            };
            // As in strtod, leading blanks are skipped and an empty text is 0.
            let number = number.trim_ascii_start();
            let value = if number.is_empty() { Some(0.0) } else { parse_double(number) };
            let value = value.ok_or_else(|| Failure::new("min or max is not a float"))?;
            Ok((value, excluded))
        };
        let ((min, min_excluded), (max, max_excluded)) = (bound(min)?, bound(max)?);
        Ok(ScoreRange { min, min_excluded, max, max_excluded })
    }

    fn is_after_min(&self, score: f64) -> bool {
        if self.min_excluded { score > self.min } else { score >= self.min }
    }

    fn is_before_max(&self, score: f64) -> bool {
        if self.max_excluded { score < self.max } else { score <= self.max }
    }

    /// The members in the range, ascending.
    pub fn of<'z>(&'z self, zset: &'z ZSet) -> impl Iterator<Item = (&'z Bytes, f64)> {
        zset.range_from(self.min)
            .skip_while(|&(_, score)| !self.is_after_min(score))
            .take_while(|&(_, score)| self.is_before_max(score))
    }
}

/// A bound of a lexicographic range.
#[derive(Clone, Debug)]
enum LexBound {
    Lowest,
    Highest,
    At { name: Bytes, excluded: bool },
}

/// A lexicographic range, for members of equal score (Redis: `zlexrangespec`).
#[derive(Clone, Debug)]
pub struct LexRange {
    min: LexBound,
    max: LexBound,
}

impl LexRange {
    /// `-`, `+`, `[name` and `(name` (Redis: `zslParseLexRange`).
    pub fn parse(min: &[u8], max: &[u8]) -> Result<LexRange, Failure> {
        let bound = |text: &[u8]| match text {
            b"-" => Ok(LexBound::Lowest),
            b"+" => Ok(LexBound::Highest),
            [b'(', name @ ..] => Ok(LexBound::At { name: name.to_vec(), excluded: true }),
            [b'[', name @ ..] => Ok(LexBound::At { name: name.to_vec(), excluded: false }),
            _ => Err(Failure::new("min or max not valid string range item")),
        };
        Ok(LexRange { min: bound(min)?, max: bound(max)? })
    }

    fn is_after_min(&self, member: &Bytes) -> bool {
        match &self.min {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::At { name, excluded: true } => member > name,
            LexBound::At { name, excluded: false } => member >= name,
        }
    }

    fn is_before_max(&self, member: &Bytes) -> bool {
        match &self.max {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::At { name, excluded: true } => member < name,
            LexBound::At { name, excluded: false } => member <= name,
        }
    }

    /// The members in the range, ascending.
    pub fn of<'z>(&'z self, zset: &'z ZSet) -> impl Iterator<Item = (&'z Bytes, f64)> {
        zset.iter()
            .skip_while(|(member, _)| !self.is_after_min(member))
            .take_while(|(member, _)| self.is_before_max(member))
    }
}

pub fn owned<'z>(pairs: impl Iterator<Item = (&'z Bytes, f64)>) -> Vec<Pair> {
    pairs.map(|(member, score)| (member.clone(), score)).collect()
}

fn by_rank(ctx: &mut Context<'_>, argv: &[Bytes], reverse: bool) -> Answer {
    let (start, stop) = (integer(&argv[2])?, integer(&argv[3])?);
    let with_scores = with_scores(&argv[4..])?;
    let Some(zset) = ctx.read_zset(&argv[1])? else { return Ok(Reply::EMPTY_ARRAY) };
    let range = index_range(start, stop, zset.len());
    let (skipped, taken) = (range.start, range.len());
    let pairs = match reverse {
        true => owned(zset.iter().rev().skip(skipped).take(taken)),
        false => owned(zset.iter().skip(skipped).take(taken)),
    };
    Ok(reply(pairs, with_scores))
}

/// `ZRANGE key start stop [WITHSCORES]`
pub fn zrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_rank(ctx, argv, false)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub fn zrevrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_rank(ctx, argv, true)
}

/// The options after the bounds.
struct RangeOptions {
    with_scores: bool,
    offset: i64,
    /// Negative for no limit.
    limit: i64,
}

impl RangeOptions {
    fn parse(mut words: &[Bytes], scores_allowed: bool) -> Result<RangeOptions, Failure> {
        let mut options = RangeOptions { with_scores: false, offset: 0, limit: -1 };
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if scores_allowed && is(word, "withscores") => {
                    options.with_scores = true;
                    rest
                }
                [word, offset, limit, rest @ ..] if is(word, "limit") => {
                    options.offset = integer(offset)?;
                    options.limit = integer(limit)?;
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }

    /// Applies LIMIT. A negative offset selects nothing.
    fn reply(&self, mut pairs: Vec<Pair>, reverse: bool) -> Reply {
        if reverse {
            pairs.reverse();
        }
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let part = pairs.into_iter().skip(offset).take(limit).collect();
        reply(part, self.with_scores)
    }
}

/// The bounds as (min, max); the reverse commands take max first.
fn bounds(argv: &[Bytes], reverse: bool) -> (&Bytes, &Bytes) {
    if reverse { (&argv[3], &argv[2]) } else { (&argv[2], &argv[3]) }
}

fn by_score(ctx: &mut Context<'_>, argv: &[Bytes], reverse: bool) -> Answer {
    let (min, max) = bounds(argv, reverse);
    let range = ScoreRange::parse(min, max)?;
    let options = RangeOptions::parse(&argv[4..], true)?;
    let pairs = ctx.read_zset(&argv[1])?.map(|zset| owned(range.of(zset)));
    Ok(options.reply(pairs.unwrap_or_default(), reverse))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub fn zrangebyscore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_score(ctx, argv, false)
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub fn zrevrangebyscore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_score(ctx, argv, true)
}

/// ZCOUNT key min max
pub fn zcount(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let range = ScoreRange::parse(&argv[2], &argv[3])?;
    Ok(Reply::count(ctx.read_zset(&argv[1])?.map_or(0, |zset| range.of(zset).count())))
}

fn by_lex(ctx: &mut Context<'_>, argv: &[Bytes], reverse: bool) -> Answer {
    let (min, max) = bounds(argv, reverse);
    let range = LexRange::parse(min, max)?;
    let options = RangeOptions::parse(&argv[4..], false)?;
    let pairs = ctx.read_zset(&argv[1])?.map(|zset| owned(range.of(zset)));
    Ok(options.reply(pairs.unwrap_or_default(), reverse))
}

/// ZRANGEBYLEX key min max [LIMIT offset count]
pub fn zrangebylex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_lex(ctx, argv, false)
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count]
pub fn zrevrangebylex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    by_lex(ctx, argv, true)
}

/// ZLEXCOUNT key min max
pub fn zlexcount(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let range = LexRange::parse(&argv[2], &argv[3])?;
    Ok(Reply::count(ctx.read_zset(&argv[1])?.map_or(0, |zset| range.of(zset).count())))
}
