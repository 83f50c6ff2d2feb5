//! XADD and XTRIM.
//!
//! They are propagated with what they came to: the id, and the length or the first entry that
//! trimming whole nodes has left.
//! Must not know: how their options are spelled.

use super::dialect::dialect;
use super::found;
use super::ids::NewId;
use super::options::{Asked, Trimming};
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::{NotAdded, TrimTo};
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

const TOP_ITEM: &str =
    "The ID specified in XADD is equal or smaller than the target stream top item";

/// `XADD key [options] id field value [field value …]`
pub fn xadd(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let dialect = dialect(ctx);
    let options = (dialect.options)(argv, Asked::Add, ctx)?;
    let pairs = argv.get(options.id_place + 1..).unwrap_or_default();
    if pairs.is_empty() || pairs.len() % 2 == 1 {
        return Err(match dialect.completes_ids {
            true => Failure::new("wrong number of arguments for XADD"),
            false => Failure::wrong_arity("xadd"),
        });
    }
    if options.id == NewId::Given(StreamId::MIN) {
        return Err(Failure::new("The ID specified in XADD must be greater than 0-0"));
    }
    let key = &argv[1];
    if options.must_exist && ctx.write_stream(key)?.is_none() {
        return Ok(Reply::Null);
    }
    let (now, limits) = (ctx.now_ms(), ctx.keyspace.limits.stream);
    let stream = ctx.stream_or_add(key, Stream::default)?;
    if stream.last_id == StreamId::MAX {
        return Err(Failure::new(
            "The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = id_for(stream, options.id, now).ok_or_else(|| Failure::new(TOP_ITEM))?;
    stream.append(id, pairs, &limits).map_err(|why| match why {
        NotAdded::IdTooSmall => Failure::new(TOP_ITEM),
        NotAdded::TooLarge => Failure::new("Elements are too large to be stored"),
    })?;
    let mut rewritten = argv.to_vec();
    if let Some(trimming) = &options.trimming {
        stream.trim(&trimming.trim);
        name_outcome(&mut rewritten, trimming, stream);
    }
    if dialect.completes_ids || !matches!(options.id, NewId::Given(_)) {
        rewritten[options.id_place] = id.to_string().into_bytes();
    }
    ctx.modified(key, 1);
    ctx.effects.rewritten = Some(vec![rewritten]);
    ctx.keyspace.interest.signal_key_as_ready(ctx.session.db, key);
    Ok(Reply::bulk(id))
}

/// None if the millisecond has no id left.
fn id_for(stream: &Stream, id: NewId, now_ms: i64) -> Option<StreamId> {
    match id {
        NewId::Any => Some(stream.next_id(now_ms)),
        NewId::Given(id) => Some(id),
        NewId::Within(ms) if ms == stream.last_id.ms => {
            Some(StreamId { ms, seq: stream.last_id.seq.checked_add(1)? })
        }
        NewId::Within(ms) => Some(StreamId { ms, seq: 0 }),
    }
}

/// Replaces an approximate threshold by what is left (Redis: `streamRewriteTrimArgument`).
fn name_outcome(argv: &mut [Bytes], trimming: &Trimming, stream: &Stream) {
    if !trimming.trim.whole_nodes {
        return;
    }
    argv[trimming.place - 1] = b"=".to_vec();
    let threshold = match trimming.trim.to {
        TrimTo::Length(_) => (stream.length as i64).to_string(),
        TrimTo::Id(_) => stream.edge_id_with_deleted().to_string(),
    };
    argv[trimming.place] = threshold.into_bytes();
}

/// XTRIM key MAXLEN [~|=] count, and in 7.0 XTRIM key MINID [~|=] id, with LIMIT
pub fn xtrim(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let dialect = dialect(ctx);
    let key = &argv[1];
    if dialect.key_before_options && ctx.write_stream(key)?.is_none() {
        return Ok(Reply::Integer(0));
    }
    let options = (dialect.options)(argv, Asked::Trim, ctx)?;
    if !dialect.key_before_options && ctx.write_stream(key)?.is_none() {
        return Ok(Reply::Integer(0));
    }
    let Some(trimming) = options.trimming else { return Err(Failure::syntax()) };
    let stream = found(ctx, key);
    let deleted = stream.trim(&trimming.trim) as usize;
    if deleted > 0 {
        let mut rewritten = argv.to_vec();
        name_outcome(&mut rewritten, &trimming, stream);
        ctx.effects.rewritten = Some(vec![rewritten]);
        ctx.modified(key, deleted);
    }
    Ok(Reply::count(deleted))
}
