//! XACK, XCLAIM and XAUTOCLAIM: who takes over what is pending, and what no longer is.
//!
//! Must not know: how much a group has read.

use super::dialect::{Dialect, dialect};
use super::ids::{interval, strict_id};
use super::propagation::GroupName;
use super::ranges::entry_reply;
use super::{found, has_group, no_group, printed};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::{Group, Pending};
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

/// XACK key group id [id …]
pub fn xack(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    if !has_group(ctx, &argv[1], &argv[2])? {
        return Ok(Reply::Integer(0));
    }
    let ids: Result<Vec<StreamId>, Failure> =
        argv[3..].iter().map(|text| strict_id(text, 0)).collect();
    let (ids, group) = (ids?, found(ctx, &argv[1]).groups.get_mut(&argv[2]));
    let acknowledged =
        group.map_or(0, |group| ids.into_iter().filter(|&id| group.acknowledge(id)).count());
    ctx.changed(acknowledged);
    Ok(Reply::count(acknowledged))
}

fn no_such_group(key: &[u8], group: &[u8]) -> Failure {
    let (key, group) = (printed(key), printed(group));
    no_group(&[b"No such key '", key, b"' or consumer group '", group, b"'"])
}

/// An integer, or this error.
fn integer_or(argument: &[u8], words: &str) -> Result<i64, Failure> {
    integer(argument).map_err(|_| Failure::new(words))
}

/// The options after the ids of XCLAIM.
#[derive(Default)]
struct Options {
    force: bool,
    just_id: bool,
    /// When the entry counts as delivered, in milliseconds since the epoch.
    delivered_at: Option<i64>,
    retry_count: Option<u64>,
    last_id: StreamId,
}

impl Options {
    fn parse(mut words: &[Bytes], now_ms: i64) -> Result<Options, Failure> {
        let mut options = Options::default();
        let invalid = |option: &str| format!("Invalid {option} option argument for XCLAIM");
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if is(word, "force") => {
                    options.force = true;
                    rest
                }
                [word, rest @ ..] if is(word, "justid") => {
                    options.just_id = true;
                    rest
                }
                [word, idle, rest @ ..] if is(word, "idle") => {
                    let idle = integer_or(idle, &invalid("IDLE"))?;
                    options.delivered_at = Some(now_ms.wrapping_sub(idle));
                    rest
                }
                [word, time, rest @ ..] if is(word, "time") => {
                    options.delivered_at = Some(integer_or(time, &invalid("TIME"))?);
                    rest
                }
                [word, count, rest @ ..] if is(word, "retrycount") => {
                    let count = integer_or(count, &invalid("RETRYCOUNT"))?;
                    options.retry_count = u64::try_from(count).ok();
                    rest
                }
                [word, id, rest @ ..] if is(word, "lastid") => {
                    options.last_id = strict_id(id, 0)?;
                    rest
                }
                [word, ..] => {
                    let words = [b"Unrecognized XCLAIM option '", printed(word), b"'"].concat();
                    return Err(Failure::new(words));
                }
            };
        }
    }

    fn delivered_at(&self, now_ms: i64) -> i64 {
        self.delivered_at.filter(|time| (0..=now_ms).contains(time)).unwrap_or(now_ms)
    }
}

/// Who claims, from which group.
struct Claim<'a> {
    name: GroupName<'a>,
    consumer: &'a Bytes,
    min_idle: i64,
    now_ms: i64,
    delivered_at: i64,
    retry_count: Option<u64>,
    just_id: bool,
    dialect: &'static Dialect,
    /// What is propagated.
    commands: Vec<Vec<Bytes>>,
    changes: usize,
    seen: bool,
}

impl Claim<'_> {
    fn is_young(&self, pending: &Pending) -> bool {
        self.min_idle != 0 && self.now_ms.wrapping_sub(pending.delivered_at) < self.min_idle
    }

    /// Forgets what is pending of an entry that was deleted.
    fn forget(&mut self, group: &mut Group, id: StreamId, text: &[u8], pending: &Pending) {
        self.commands.push(self.name.xclaim(group, text, pending));
        self.changes += 1;
        group.acknowledge(id);
    }

    /// Gives a pending entry to the consumer, and returns its part of the reply.
    fn take(
        &mut self,
        stream: &Stream,
        group: &mut Group,
        id: StreamId,
        text: &[u8],
        before: &Pending,
    ) -> Reply {
        if !self.seen {
            let created = group.see_consumer(self.consumer, self.now_ms);
            self.changes += usize::from(created && self.dialect.creates_consumers);
            self.seen = true;
        }
        let one_more = u64::from(!self.just_id);
        let count = self.retry_count.unwrap_or(before.count.wrapping_add(one_more));
        let consumer = self.consumer.clone();
        let pending = Pending { consumer, delivered_at: self.delivered_at, count };
        self.commands.push(self.name.xclaim(group, text, &pending));
        self.changes += 1;
        group.deliver(id, pending);
        match stream.range(id, id).next() {
            _ if self.just_id => Reply::bulk(id),
            Some(entry) => entry_reply(entry),
            None => Reply::Null,
        }
    }

    /// Leaves the effects in the context.
    fn finish(self, ctx: &mut Context<'_>) {
        ctx.changed(self.changes);
        ctx.effects.rewritten = Some(self.commands);
        ctx.effects.apart = !self.dialect.counts_reads;
    }
}

/// `XCLAIM key group consumer min-idle id [id …] [IDLE milliseconds] [TIME milliseconds]
/// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
pub fn xclaim(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (key, group_name) = (&argv[1], &argv[2]);
    if !has_group(ctx, key, group_name)? {
        return Err(no_such_group(key, group_name));
    }
    let min_idle = integer_or(&argv[4], "Invalid min-idle-time argument for XCLAIM")?.max(0);
    let ids: Vec<StreamId> = argv[5..].iter().map_while(|text| strict_id(text, 0).ok()).collect();
    let now_ms = ctx.now_ms();
    let options = Options::parse(&argv[5 + ids.len()..], now_ms)?;
    let mut claim = Claim {
        name: GroupName { key, group: group_name },
        consumer: &argv[3],
        min_idle,
        now_ms,
        delivered_at: options.delivered_at(now_ms),
        retry_count: options.retry_count,
        just_id: options.just_id,
        dialect: dialect(ctx),
        commands: Vec::new(),
        changes: 0,
        seen: false,
    };
    let stream = found(ctx, key);
    let Some(mut group) = stream.groups.remove(group_name) else {
        return Err(no_such_group(key, group_name));
    };
    let advanced = options.last_id > group.last_id;
    group.last_id = group.last_id.max(options.last_id);
    let claimed = ids.iter().zip(&argv[5..]);
    let replies = claimed
        .filter_map(|(&id, text)| claim_one(&mut claim, stream, &mut group, (id, text), &options))
        .collect();
    // Any other command that is propagated says how far the group has read.
    if advanced && claim.commands.is_empty() {
        claim.commands.push(claim.name.set_id(&group, claim.dialect));
        claim.changes += 1;
    }
    stream.groups.insert(group_name.clone(), group);
    claim.finish(ctx);
    Ok(Reply::Array(replies))
}

fn claim_one(
    claim: &mut Claim<'_>,
    stream: &Stream,
    group: &mut Group,
    (id, text): (StreamId, &Bytes),
    options: &Options,
) -> Option<Reply> {
    let before = group.pending().get(&id).cloned();
    let exists = stream.contains(id);
    if !exists && claim.dialect.forgets_deleted {
        if let Some(before) = before {
            claim.forget(group, id, text, &before);
        }
        return None;
    }
    let before = match before {
        Some(before) if claim.is_young(&before) => return None,
        Some(before) => before,
        // As if it had been delivered once, to nobody.
        None if options.force && exists => {
            Pending { consumer: Bytes::new(), delivered_at: claim.now_ms, count: 1 }
        }
        None => return None,
    };
    Some(claim.take(stream, group, id, text, &before))
}

/// Most entries that XAUTOCLAIM looks at for each that it may claim.
const ATTEMPTS_FACTOR: usize = 10;
/// Redis: `LONG_MAX / max(sizeof(streamID), attempts_factor)`.
const COUNT_MAX: i64 = i64::MAX / 16;

/// `XAUTOCLAIM key group consumer min-idle start [COUNT count] [JUSTID]`
pub fn xautoclaim(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (key, group_name) = (&argv[1], &argv[2]);
    let exists = ctx.read(key).is_some();
    let min_idle = integer_or(&argv[4], "Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let (start, _) = interval(&argv[5], b"+", true)?;
    let (mut count, mut just_id) = (100, false);
    let mut words = &argv[6..];
    loop {
        words = match words {
            [] => break,
            [word, number, rest @ ..] if is(word, "count") => {
                let wrong = || Failure::new("COUNT must be > 0");
                let number = integer(number).ok().filter(|n| (1..=COUNT_MAX).contains(n));
                count = number.ok_or_else(wrong)? as usize;
                rest
            }
            [word, rest @ ..] if is(word, "justid") => {
                just_id = true;
                rest
            }
            _ => return Err(Failure::syntax()),
        };
    }
    let now_ms = ctx.now_ms();
    let claim = Claim {
        name: GroupName { key, group: group_name },
        consumer: &argv[3],
        min_idle,
        now_ms,
        delivered_at: now_ms,
        retry_count: None,
        just_id,
        dialect: dialect(ctx),
        commands: Vec::new(),
        changes: 0,
        seen: false,
    };
    if !exists || ctx.write_stream(key)?.is_none_or(|it| !it.groups.contains_key(group_name)) {
        return Err(no_such_group(key, group_name));
    }
    claim_from(ctx, claim, start, count)
}

fn claim_from(
    ctx: &mut Context<'_>,
    mut claim: Claim<'_>,
    start: StreamId,
    mut count: usize,
) -> Answer {
    let (key, group_name) = (claim.name.key.to_vec(), claim.name.group.to_vec());
    let stream = found(ctx, &key);
    let Some(mut group) = stream.groups.remove(&group_name) else {
        return Err(no_such_group(&key, &group_name));
    };
    let waiting: Vec<StreamId> = group.pending().range(start..).map(|(&id, _)| id).collect();
    let mut waiting = waiting.into_iter();
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    let mut attempts = count.saturating_mul(ATTEMPTS_FACTOR);
    while attempts > 0 && count > 0 {
        attempts -= 1;
        let Some(id) = waiting.next() else { break };
        let Some(before) = group.pending().get(&id).cloned() else { continue };
        let text = id.to_string().into_bytes();
        if !stream.contains(id) {
            claim.forget(&mut group, id, &text, &before);
            deleted.push(Reply::bulk(id));
            count -= 1;
        } else if !claim.is_young(&before) {
            claimed.push(claim.take(stream, &mut group, id, &text, &before));
            count -= 1;
        }
    }
    let next = waiting.next().unwrap_or(StreamId::MIN);
    stream.groups.insert(group_name, group);
    claim.finish(ctx);
    Ok(Reply::Array(vec![Reply::bulk(next), Reply::Array(claimed), Reply::Array(deleted)]))
}
