//! Sorted sets: commands on single members (Redis: t_zset.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::{float, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Inserted, Limits, ZSet};
use crate::resp::Reply;

/// The options of ZADD.
#[derive(Clone, Copy, Default)]
struct AddOptions {
    nx: bool,
    xx: bool,
    /// Also count updated members.
    ch: bool,
    incr: bool,
    /// Only to a higher score, or to a lower one.
    gt: bool,
    lt: bool,
    /// GT and LT are known.
    later: bool,
}

/// What ZADD did with one pair.
enum Added {
    /// NX or XX did not allow it.
    Nothing,
    Set(Inserted, f64),
}

/// Redis: `zsetAdd`. Fails if the sum is NaN.
fn add_one(
    zset: &mut ZSet,
    member: &Bytes,
    score: f64,
    options: AddOptions,
    limits: &Limits,
) -> Result<Added, Failure> {
    let old = zset.score(member);
    if (options.nx && old.is_some()) || (options.xx && old.is_none()) {
        return Ok(Added::Nothing);
    }
    let score = match old {
        Some(old) if options.incr => old + score,
        _ => score,
    };
    if score.is_nan() {
        return Err(Failure::new("resulting score is not a number (NaN)"));
    }
    let held = |old: f64| (options.lt && score >= old) || (options.gt && score <= old);
    if old.is_some_and(held) {
        return Ok(Added::Nothing);
    }
    Ok(Added::Set(zset.insert(member.clone(), score, limits), score))
}

/// Redis: `zaddGenericCommand`. All scores are parsed before anything is changed. Only an increment
/// can fail later, and there is at most one.
fn zadd_generic(ctx: &mut Context<'_>, argv: &[Bytes], mut options: AddOptions) -> Answer {
    let mut pairs = &argv[2..];
    while let Some((word, rest)) = pairs.split_first() {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => options.nx = true,
            b"xx" => options.xx = true,
            b"ch" => options.ch = true,
            b"incr" => options.incr = true,
            b"gt" if options.later => options.gt = true,
            b"lt" if options.later => options.lt = true,
            _ => break,
        }
        pairs = rest;
    }
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Failure::syntax());
    }
    if options.nx && options.xx {
        return Err(Failure::new("XX and NX options at the same time are not compatible"));
    }
    if [options.gt, options.lt, options.nx].into_iter().filter(|&given| given).count() > 1 {
        let words = "GT, LT, and/or NX options at the same time are not compatible";
        return Err(Failure::new(words));
    }
    if options.incr && pairs.len() > 2 {
        return Err(Failure::new("INCR option supports a single increment-element pair"));
    }
    let scores = pairs.iter().step_by(2).map(|score| float(score));
    let scores: Vec<f64> = scores.collect::<Result<_, _>>()?;
    add_pairs(ctx, &argv[1], pairs, &scores, options)
}

fn add_pairs(
    ctx: &mut Context<'_>,
    key: &Bytes,
    pairs: &[Bytes],
    scores: &[f64],
    options: AddOptions,
) -> Answer {
    let nothing = if options.incr { Reply::Null } else { Reply::Integer(0) };
    let limits = ctx.keyspace.limits;
    if options.xx && ctx.write_zset(key)?.is_none() {
        return Ok(nothing);
    }
    let zset = ctx.zset_or_add(key, || ZSet::new_for(&pairs[1], &limits))?;
    let (mut added, mut updated) = (0, 0);
    let mut last = None;
    for (member, &score) in pairs.iter().skip(1).step_by(2).zip(scores) {
        if let Added::Set(inserted, score) = add_one(zset, member, score, options, &limits)? {
            added += usize::from(inserted == Inserted::Added);
            updated += usize::from(inserted == Inserted::Updated);
            last = Some(score);
        }
    }
    if added + updated > 0 {
        ctx.modified(key, added + updated);
    }
    Ok(match (options.incr, last) {
        (true, None) => Reply::Null,
        (true, Some(score)) => Reply::double(score),
        (false, _) => Reply::count(if options.ch { added + updated } else { added }),
    })
}

/// `ZADD key [NX|XX] [CH] [INCR] score member [score member …]`
pub fn zadd(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    zadd_generic(ctx, argv, AddOptions::default())
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member …]`
pub fn zadd_7_0(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    zadd_generic(ctx, argv, AddOptions { later: true, ..AddOptions::default() })
}

/// ZINCRBY key increment member
pub fn zincrby(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    zadd_generic(ctx, argv, AddOptions { incr: true, ..AddOptions::default() })
}

/// ZREM key member [member …]
pub fn zrem(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(zset) = ctx.write_zset(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let removed = argv[2..].iter().filter(|member| zset.remove(member).is_some()).count();
    let empty = zset.is_empty();
    ctx.delete_if(empty, &argv[1]);
    if removed > 0 {
        ctx.modified(&argv[1], removed);
    }
    Ok(Reply::count(removed))
}

/// ZCARD key
pub fn zcard(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::count(ctx.read_zset(&argv[1])?.map_or(0, ZSet::len)))
}

/// ZSCORE key member
pub fn zscore(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let score = ctx.read_zset(&argv[1])?.and_then(|zset| zset.score(&argv[2]));
    Ok(score.map_or(Reply::Null, Reply::double))
}

/// ZRANK key member
pub fn zrank(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let rank = ctx.read_zset(&argv[1])?.and_then(|zset| zset.rank(&argv[2]));
    Ok(rank.map_or(Reply::Null, Reply::count))
}

/// ZREVRANK key member
pub fn zrevrank(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let zset = ctx.read_zset(&argv[1])?;
    let rank = zset.and_then(|zset| zset.rank(&argv[2]).map(|rank| zset.len() - 1 - rank));
    Ok(rank.map_or(Reply::Null, Reply::count))
}

/// Parses an optional WITHSCORES at the end.
pub fn with_scores(words: &[Bytes]) -> Result<bool, Failure> {
    match words {
        [] => Ok(false),
        [word] if is(word, "withscores") => Ok(true),
        _ => Err(Failure::syntax()),
    }
}
