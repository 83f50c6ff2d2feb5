//! Blocking pops: BLPOP, BRPOP, BRPOPLPUSH, BZPOPMIN, BZPOPMAX, BLMOVE, BLMPOP, BZMPOP (Redis:
//! t_list.c, t_zset.c).
//!
//! They are propagated as their non-blocking counterparts. In a transaction they do not block.
//! Must not know: how a client is blocked.

use super::arguments::Many;
use super::context::Context;
use super::failure::Failure;
use super::list_moves;
use super::lists::{End, pop_one};
use super::request::{Blocked, BlockingOp, MoveBy, Outcome, Request};
pub use super::served::Served;
use super::streams;
pub use super::streams::abandoned;
use super::zset_7_0;
use super::zset_ranges::Pair;
use super::zset_removals::pop_some;
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;
use crate::text::float::parse_double;

impl BlockingOp {
    /// Whether it can pop from a value of this type.
    fn fits(&self, value: &Value) -> bool {
        match self {
            BlockingOp::Pop(_) | BlockingOp::PopMany { .. } | BlockingOp::Move { .. } => {
                matches!(value, Value::List(_))
            }
            BlockingOp::ZPop { .. } | BlockingOp::ZPopMany { .. } => {
                matches!(value, Value::ZSet(_))
            }
            BlockingOp::Read(_) => matches!(value, Value::Stream(_)),
        }
    }

    /// Serves from a key whose value has the right type; None if there is nothing for this client.
    fn serve_now(
        &self,
        ctx: &mut Context<'_>,
        keys: &[Bytes],
        key: &Bytes,
    ) -> Option<Result<Served, Failure>> {
        Some(match self {
            BlockingOp::Pop(end) => pop(ctx, key, *end),
            BlockingOp::PopMany { end, count } => pop_many(ctx, key, *end, *count),
            BlockingOp::Move { destination, ends, by } => {
                list_moves::move_one(ctx, [key, destination], *ends).map(|moved| Served {
                    reply: moved.map_or(Reply::Null, Reply::Bulk),
                    propagated: vec![by.command(key, destination)],
                    counts: false,
                })
            }
            BlockingOp::ZPop { highest } => zpop(ctx, key, *highest),
            BlockingOp::ZPopMany { highest, count } => {
                zset_7_0::pop_many(ctx, key, *highest, *count).map(|(reply, command)| Served {
                    reply,
                    propagated: vec![command],
                    counts: true,
                })
            }
            BlockingOp::Read(read) => return streams::serve(ctx, read, keys, key),
        })
    }

    /// The reply where it may not block (in a transaction).
    fn nothing(&self) -> Reply {
        match self {
            BlockingOp::Move { .. } => Reply::Null,
            _ => Reply::NullArray,
        }
    }
}

fn pop(ctx: &mut Context<'_>, key: &Bytes, end: End) -> Result<Served, Failure> {
    let element = pop_one(ctx, key, end)?.unwrap_or_default();
    let name = if end == End::Head { b"LPOP" } else { b"RPOP" };
    let reply = Reply::bulks([key.clone(), element]);
    Ok(Served { reply, propagated: vec![vec![name.to_vec(), key.clone()]], counts: false })
}

fn pop_many(ctx: &mut Context<'_>, key: &Bytes, end: End, count: usize) -> Result<Served, Failure> {
    let (popped, command) = list_moves::pop_many(ctx, key, end, count)?;
    let reply = Reply::Array(vec![Reply::Bulk(key.clone()), Reply::bulks(popped)]);
    Ok(Served { reply, propagated: vec![command], counts: true })
}

fn zpop(ctx: &mut Context<'_>, key: &Bytes, highest: bool) -> Result<Served, Failure> {
    let popped = pop_some(ctx, key, highest, 1)?;
    let mut parts = vec![Reply::Bulk(key.clone())];
    parts.extend(
        popped
            .into_iter()
            .flat_map(|(member, score): Pair| [Reply::Bulk(member), Reply::double(score)]),
    );
    let name = if highest { b"ZPOPMAX" } else { b"ZPOPMIN" };
    let propagated = vec![vec![name.to_vec(), key.clone()]];
    Ok(Served { reply: Reply::Array(parts), propagated, counts: true })
}

impl MoveBy {
    fn command(&self, source: &Bytes, destination: &Bytes) -> Vec<Bytes> {
        let name: &[u8] = match self {
            MoveBy::Rpoplpush => b"RPOPLPUSH",
            MoveBy::Lmove(_) => b"LMOVE",
        };
        let mut words = vec![name.to_vec(), source.clone(), destination.clone()];
        if let MoveBy::Lmove(ends) = self {
            words.extend(ends.iter().cloned());
        }
        words
    }
}

/// Serves a blocked client, if the key has a value of the right type with something for it (Redis:
/// `serveClientBlockedOnList` and the like). An element that cannot be moved stays where it is, and
/// the client gets the error.
pub fn serve(
    ctx: &mut Context<'_>,
    Blocked { op, keys, .. }: &Blocked,
    key: &Bytes,
) -> Option<Result<Served, Failure>> {
    let fits = ctx.write(key).is_some_and(|value| op.fits(value));
    let mut served = if fits { op.serve_now(ctx, keys, key)? } else { return None };
    let Ok(Served { propagated, .. }) = &mut served else { return Some(served) };
    match op {
        BlockingOp::ZPop { highest } => {
            let name = ctx.keyspace.generation.words.zpop_of_served(*highest);
            propagated[0][0] = name.as_bytes().to_vec();
        }
        // What was typed is gone by now.
        BlockingOp::Move { destination, ends, by: MoveBy::Lmove(_) } => {
            let words = ends.map(|end| end.word().as_bytes().to_vec());
            propagated[0] = MoveBy::Lmove(words).command(key, destination);
        }
        _ => {}
    }
    Some(served)
}

/// A timeout in seconds, as a deadline in milliseconds since the epoch; 0 for none (Redis:
/// `getTimeoutFromObjectOrReply`).
fn timeout(ctx: &Context<'_>, argument: &[u8]) -> Result<i64, Failure> {
    let seconds = parse_double(argument).filter(|seconds| seconds.is_finite());
    let wrong = || Failure::new("timeout is not a float or out of range");
    let milliseconds = (seconds.ok_or_else(wrong)? * 1000.0) as i64;
    match milliseconds {
        ..0 => Err(Failure::new("timeout is negative")),
        0 => Ok(0),
        _ => Ok(milliseconds.saturating_add(ctx.now_ms())),
    }
}

fn take_or_block(
    ctx: &mut Context<'_>,
    until: &Bytes,
    keys: &[Bytes],
    op: BlockingOp,
) -> Result<Outcome, Failure> {
    let timeout = timeout(ctx, until)?;
    for key in keys {
        match ctx.write(key) {
            None => continue,
            Some(value) if !op.fits(value) => return Err(Failure::wrong_type()),
            Some(_) => {}
        }
        let Some(served) = op.serve_now(ctx, keys, key) else { continue };
        let Served { reply, propagated, .. } = served?;
        ctx.effects.rewritten = Some(propagated);
        return Ok(reply.into());
    }
    if ctx.session.executing {
        return Ok(op.nothing().into());
    }
    Ok(Request::Block(Blocked { keys: keys.to_vec(), op, timeout }).into())
}

/// The keys and the timeout of `command key [key …] timeout`.
fn keys(argv: &[Bytes]) -> (&Bytes, &[Bytes]) {
    (&argv[argv.len() - 1], &argv[1..argv.len() - 1])
}

/// BLPOP key [key …] timeout
pub fn blpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (until, keys) = keys(argv);
    take_or_block(ctx, until, keys, BlockingOp::Pop(End::Head))
}

/// BRPOP key [key …] timeout
pub fn brpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (until, keys) = keys(argv);
    take_or_block(ctx, until, keys, BlockingOp::Pop(End::Tail))
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (destination, ends) = (argv[2].clone(), [End::Tail, End::Head]);
    let op = BlockingOp::Move { destination, ends, by: MoveBy::Rpoplpush };
    take_or_block(ctx, &argv[3], &argv[1..2], op)
}

/// BZPOPMIN key [key …] timeout
pub fn bzpopmin(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (until, keys) = keys(argv);
    take_or_block(ctx, until, keys, BlockingOp::ZPop { highest: false })
}

/// BZPOPMAX key [key …] timeout
pub fn bzpopmax(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (until, keys) = keys(argv);
    take_or_block(ctx, until, keys, BlockingOp::ZPop { highest: true })
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
pub fn blmove(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let ends = [End::named(&argv[3])?, End::named(&argv[4])?];
    let by = MoveBy::Lmove([argv[3].clone(), argv[4].clone()]);
    let op = BlockingOp::Move { destination: argv[2].clone(), ends, by };
    take_or_block(ctx, &argv[5], &argv[1..2], op)
}

/// `BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT count]`
pub fn blmpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let Many { keys, place: end, count } = Many::parse(&argv[2..], |word| End::named(word))?;
    take_or_block(ctx, &argv[1], keys, BlockingOp::PopMany { end, count })
}

/// `BZMPOP timeout numkeys key [key …] MIN|MAX [COUNT count]`
pub fn bzmpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let Many { keys, place: highest, count } = Many::parse(&argv[2..], zset_7_0::highest)?;
    take_or_block(ctx, &argv[1], keys, BlockingOp::ZPopMany { highest, count })
}
