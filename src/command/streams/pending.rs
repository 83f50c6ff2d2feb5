//! XPENDING: what was delivered and not acknowledged.
//!
//! Must not know: entries.

use super::dialect::dialect;
use super::ids::interval;
use super::ranges::count_of;
use super::{no_group, printed};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::{Group, Pending};
use crate::keyspace::{Bytes, StreamId};
use crate::resp::Reply;

/// What to list.
struct Query<'a> {
    min_idle: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a Bytes>,
}

/// `[IDLE milliseconds] start end count [consumer]`
fn query(argv: &[Bytes], filters_idle: bool, excludes: bool) -> Result<Query<'_>, Failure> {
    let mut min_idle = 0;
    let mut words = &argv[3..];
    if filters_idle && is(&argv[3], "idle") {
        min_idle = integer(&argv[4])?;
        words = &argv[5..];
    }
    let [start, end, count, rest @ ..] = words else { return Err(Failure::syntax()) };
    let count = count_of(count)?;
    let (from, to) = interval(start, end, excludes)?;
    Ok(Query { min_idle, from, to, count, consumer: rest.first() })
}

/// `XPENDING key group [[IDLE milliseconds] start end count [consumer]]`
pub fn xpending(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (dialect, now_ms) = (dialect(ctx), ctx.now_ms());
    let most = if dialect.filters_idle { 9 } else { 7 };
    let query = match argv.len() {
        3 => None,
        6.. if argv.len() <= most => {
            Some(query(argv, dialect.filters_idle, dialect.excludes_ends)?)
        }
        _ => return Err(Failure::syntax()),
    };
    let (key, name) = (&argv[1], &argv[2]);
    let Some(group) = ctx.read_stream(key)?.and_then(|stream| stream.groups.get(name)) else {
        let (key, name) = (printed(key), printed(name));
        return Err(no_group(&[b"No such key '", key, b"' or consumer group '", name, b"'"]));
    };
    Ok(match query {
        None => summary(group),
        Some(query) => Reply::Array(list(group, &query, now_ms)),
    })
}

/// How many entries are pending, the first and the last, and how many for whom.
fn summary(group: &Group) -> Reply {
    let pending = group.pending();
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value())
    else {
        return Reply::Array(vec![Reply::Integer(0), Reply::Null, Reply::Null, Reply::NullArray]);
    };
    let waiting = group.consumers().iter().filter(|(_, consumer)| !consumer.pending.is_empty());
    let per_consumer = waiting.map(|(name, consumer)| {
        Reply::Array(vec![Reply::Bulk(name.clone()), Reply::bulk(consumer.pending.len())])
    });
    Reply::Array(vec![
        Reply::count(pending.len()),
        Reply::bulk(first),
        Reply::bulk(last),
        Reply::Array(per_consumer.collect()),
    ])
}

fn list(group: &Group, query: &Query<'_>, now_ms: i64) -> Vec<Reply> {
    let idle = |pending: &Pending| now_ms.wrapping_sub(pending.delivered_at);
    if query.from > query.to {
        return Vec::new();
    }
    let matching = group.pending().range(query.from..=query.to).filter(|(_, pending)| {
        query.consumer.is_none_or(|consumer| pending.consumer == *consumer)
            && (query.min_idle == 0 || idle(pending) >= query.min_idle)
    });
    let describe = |(id, pending): (&StreamId, &Pending)| {
        Reply::Array(vec![
            Reply::bulk(id),
            Reply::Bulk(pending.consumer.clone()),
            Reply::Integer(idle(pending).max(0)),
            Reply::Integer(pending.count as i64),
        ])
    };
    matching.take(query.count).map(describe).collect()
}
