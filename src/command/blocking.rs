//! Blocking pops: BLPOP, BRPOP, BRPOPLPUSH, BZPOPMIN, BZPOPMAX (Redis: t_list.c, t_zset.c).
//!
//! They are propagated as their non-blocking counterparts. In a transaction they do not block.
//! Must not know: how a client is blocked.

use super::context::Context;
use super::failure::Failure;
use super::list_edits::rpoplpush;
use super::lists::{End, pop_one};
use super::request::{Blocked, BlockingOp, Outcome, Request};
pub use super::served::Served;
use super::streams;
pub use super::streams::abandoned;
use super::zset_ranges::Pair;
use super::zset_removals::pop_some;
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;
use crate::text::float::parse_double;

impl BlockingOp {
    /// Whether it can pop from a value of this type.
    fn fits(&self, value: &Value) -> bool {
        match self {
            BlockingOp::Pop(_) | BlockingOp::Move(_) => matches!(value, Value::List(_)),
            BlockingOp::ZPop { .. } => matches!(value, Value::ZSet(_)),
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
            BlockingOp::Move(destination) => move_element(ctx, key, destination),
            BlockingOp::ZPop { highest } => zpop(ctx, key, *highest),
            BlockingOp::Read(read) => return streams::serve(ctx, read, keys, key),
        })
    }
}

fn pop(ctx: &mut Context<'_>, key: &Bytes, end: End) -> Result<Served, Failure> {
    let element = pop_one(ctx, key, end)?.unwrap_or_default();
    let name = if end == End::Head { b"LPOP" } else { b"RPOP" };
    let reply = Reply::bulks([key.clone(), element]);
    Ok(Served { reply, propagated: vec![vec![name.to_vec(), key.clone()]], counts: false })
}

fn move_element(
    ctx: &mut Context<'_>,
    key: &Bytes,
    destination: &Bytes,
) -> Result<Served, Failure> {
    let command = vec![b"RPOPLPUSH".to_vec(), key.clone(), destination.clone()];
    let reply = rpoplpush(ctx, &command)?;
    Ok(Served { reply, propagated: vec![command], counts: false })
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
    if let (BlockingOp::ZPop { .. }, Ok(served)) = (op, &mut served) {
        // Redis takes this name from its command table, in lower case, and the others from shared
        // objects.
        served.propagated[0][0].make_ascii_lowercase();
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
    argv: &[Bytes],
    keys: &[Bytes],
    op: BlockingOp,
) -> Result<Outcome, Failure> {
    let timeout = timeout(ctx, &argv[argv.len() - 1])?;
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
        let moves = matches!(op, BlockingOp::Move(_));
        return Ok(if moves { Reply::Null } else { Reply::NullArray }.into());
    }
    Ok(Request::Block(Blocked { keys: keys.to_vec(), op, timeout }).into())
}

fn keys(argv: &[Bytes]) -> &[Bytes] {
    &argv[1..argv.len() - 1]
}

/// BLPOP key [key …] timeout
pub fn blpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    take_or_block(ctx, argv, keys(argv), BlockingOp::Pop(End::Head))
}

/// BRPOP key [key …] timeout
pub fn brpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    take_or_block(ctx, argv, keys(argv), BlockingOp::Pop(End::Tail))
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    take_or_block(ctx, argv, &argv[1..2], BlockingOp::Move(argv[2].clone()))
}

/// BZPOPMIN key [key …] timeout
pub fn bzpopmin(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    take_or_block(ctx, argv, keys(argv), BlockingOp::ZPop { highest: false })
}

/// BZPOPMAX key [key …] timeout
pub fn bzpopmax(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    take_or_block(ctx, argv, keys(argv), BlockingOp::ZPop { highest: true })
}
