//! XLEN, XRANGE, XREVRANGE and XDEL.
//!
//! Must not know: groups.

use super::dialect::dialect;
use super::found;
use super::ids::{interval, strict_id};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::EntryRef;
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

/// An entry as clients get it.
pub fn entry_reply(entry: EntryRef<'_>) -> Reply {
    let pairs = Reply::bulks(entry.pairs().flatten().cloned());
    Reply::Array(vec![Reply::bulk(entry.id()), pairs])
}

/// The first `count` entries, all if it is 0.
pub fn first_entries<'s>(
    entries: impl Iterator<Item = EntryRef<'s>>,
    count: usize,
) -> impl Iterator<Item = EntryRef<'s>> {
    entries.take(if count == 0 { usize::MAX } else { count })
}

/// A count of which negative ones stand for 0.
pub fn count_of(argument: &[u8]) -> Result<usize, Failure> {
    integer(argument).map(|count| usize::try_from(count).unwrap_or(0))
}

fn range(ctx: &mut Context<'_>, argv: &[Bytes], reverse: bool) -> Answer {
    let (start, end) = if reverse { (&argv[3], &argv[2]) } else { (&argv[2], &argv[3]) };
    let (start, end) = interval(start, end, dialect(ctx).excludes_ends)?;
    let mut count = None;
    for option in argv[4..].chunks(2) {
        match option {
            [word, argument] if is(word, "count") => count = Some(count_of(argument)?),
            _ => return Err(Failure::syntax()),
        }
    }
    let Some(stream) = ctx.read_stream(&argv[1])? else { return Ok(Reply::EMPTY_ARRAY) };
    if count == Some(0) {
        return Ok(Reply::NullArray);
    }
    let (entries, count) = (stream.range(start, end), count.unwrap_or(0));
    let replies = match reverse {
        true => first_entries(entries.rev(), count).map(entry_reply).collect(),
        false => first_entries(entries, count).map(entry_reply).collect(),
    };
    Ok(Reply::Array(replies))
}

/// XRANGE key start end [COUNT count]
pub fn xrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    range(ctx, argv, false)
}

/// XREVRANGE key end start [COUNT count]
pub fn xrevrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    range(ctx, argv, true)
}

/// XLEN key
pub fn xlen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let length = ctx.read_stream(&argv[1])?.map_or(0, |stream| stream.length);
    Ok(Reply::Integer(length as i64))
}

/// XDEL key id [id …]
pub fn xdel(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[1];
    if ctx.write_stream(key)?.is_none() {
        return Ok(Reply::Integer(0));
    }
    let ids: Result<Vec<StreamId>, Failure> =
        argv[2..].iter().map(|text| strict_id(text, 0)).collect();
    let deleted = delete(found(ctx, key), &ids?);
    if deleted > 0 {
        ctx.modified(key, deleted);
    }
    Ok(Reply::count(deleted))
}

fn delete(stream: &mut Stream, ids: &[StreamId]) -> usize {
    let (mut deleted, mut first) = (0, false);
    for &id in ids.iter() {
        if stream.delete(id) {
            first |= id == stream.first_id;
            stream.max_deleted_id = stream.max_deleted_id.max(id);
            deleted += 1;
        }
    }
    if deleted > 0 && (first || stream.length == 0) {
        stream.update_first_id();
    }
    deleted
}
