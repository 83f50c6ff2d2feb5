//! XREAD and XREADGROUP (Redis: `xreadCommand`).
//!
//! Must not know: how a client is blocked.

use super::dialect::{Dialect, dialect};
use super::ids::strict_id;
use super::propagation::GroupName;
use super::ranges::{count_of, entry_reply, first_entries};
use super::waiting::{GroupRead, StreamRead};
use super::{found, no_group, printed};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::Failure;
use crate::command::request::{Blocked, BlockingOp, Outcome, Request};
use crate::keyspace::stream::{EntryRef, Group, Pending};
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

/// `>`: what the group has not delivered to anybody.
const NEW: StreamId = StreamId::MAX;

/// The options before STREAMS.
#[derive(Default)]
struct Options {
    /// Deadline in milliseconds since the epoch; 0 for none.
    block: Option<i64>,
    count: usize,
    group: Option<(Bytes, Bytes)>,
    no_ack: bool,
    /// Where the keys begin.
    keys: usize,
}

fn only_in_a_group(option: &str) -> Failure {
    Failure::new(format!(
        "The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

impl Options {
    fn parse(argv: &[Bytes], grouped: bool, now_ms: i64) -> Result<Options, Failure> {
        let mut options = Options::default();
        let mut place = 1;
        while let Some(word) = argv.get(place) {
            let more = argv.len() - place - 1;
            if is(word, "block") && more > 0 {
                place += 1;
                options.block = Some(deadline(&argv[place], now_ms)?);
            } else if is(word, "count") && more > 0 {
                place += 1;
                options.count = count_of(&argv[place])?;
            } else if is(word, "streams") && more > 0 {
                options.keys = place + 1;
                if !more.is_multiple_of(2) {
                    return Err(Failure::new(
                        "Unbalanced XREAD list of streams: for each stream key an ID or '$' must \
                         be specified.",
                    ));
                }
                break;
            } else if is(word, "group") && more >= 2 {
                if !grouped {
                    return Err(only_in_a_group("GROUP"));
                }
                options.group = Some((argv[place + 1].clone(), argv[place + 2].clone()));
                place += 2;
            } else if is(word, "noack") {
                if !grouped {
                    return Err(only_in_a_group("NOACK"));
                }
                options.no_ack = true;
            } else {
                return Err(Failure::syntax());
            }
            place += 1;
        }
        match (options.keys, &options.group) {
            (0, _) => Err(Failure::syntax()),
            (_, None) if grouped => Err(Failure::new("Missing GROUP option for XREADGROUP")),
            _ => Ok(options),
        }
    }
}

/// A timeout in milliseconds (Redis: `getTimeoutFromObjectOrReply`).
fn deadline(argument: &[u8], now_ms: i64) -> Result<i64, Failure> {
    let wrong = |_| Failure::new("timeout is not an integer or out of range");
    match integer(argument).map_err(wrong)? {
        ..0 => Err(Failure::new("timeout is negative")),
        0 => Ok(0),
        timeout => Ok(timeout.saturating_add(now_ms)),
    }
}

/// The places of the keys; None if the arguments are invalid (Redis: `xreadGetKeys`).
pub fn read_keys(argv: &[Bytes]) -> Option<Vec<usize>> {
    let mut place = 1;
    while let Some(word) = argv.get(place) {
        place += match word.to_ascii_lowercase().as_slice() {
            b"block" | b"count" => 2,
            b"group" => 3,
            b"noack" => 1,
            b"streams" => {
                let (first, rest) = (place + 1, argv.len() - place - 1);
                return (rest > 0 && rest % 2 == 0).then(|| (first..first + rest / 2).collect());
            }
            _ => return None,
        };
    }
    None
}

/// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key …] id [id …]
pub fn xread(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let options = Options::parse(argv, false, ctx.now_ms())?;
    read(ctx, argv, options)
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key …]
/// id [id …]`
pub fn xreadgroup(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let options = Options::parse(argv, true, ctx.now_ms())?;
    read(ctx, argv, options)
}

fn read(ctx: &mut Context<'_>, argv: &[Bytes], options: Options) -> Result<Outcome, Failure> {
    let (keys, texts) = argv[options.keys..].split_at((argv.len() - options.keys) / 2);
    let group = options.group.as_ref().map(|(group, consumer)| GroupRead {
        group: group.clone(),
        consumer: consumer.clone(),
        no_ack: options.no_ack,
    });
    let mut after = Vec::new();
    for (key, text) in keys.iter().zip(texts) {
        after.push(start(ctx, key, text, group.as_ref())?);
    }
    ctx.effects.rewritten = Some(Vec::new());
    let mut replies = Vec::new();
    for (key, &after) in keys.iter().zip(&after) {
        let Some(stream) = ctx.read_stream(key)? else { continue };
        let entries = match &group {
            None if stream.length > 0 && stream.last_valid_id() > after => {
                plain_entries(stream, after, options.count)
            }
            None => continue,
            Some(group) if is_served(stream, after, group) => {
                group_entries(ctx, key, after, group, options.count)
            }
            Some(_) => continue,
        };
        replies.push(Reply::Array(vec![Reply::Bulk(key.clone()), Reply::Array(entries)]));
    }
    if !replies.is_empty() {
        return Ok(Reply::Array(replies).into());
    }
    match options.block {
        Some(timeout) if !ctx.session.executing => {
            let op = BlockingOp::Read(StreamRead { after, count: options.count, group });
            Ok(Request::Block(Blocked { keys: keys.to_vec(), op, timeout }).into())
        }
        _ => Ok(Reply::NullArray.into()),
    }
}

/// The id after which to read.
fn start(
    ctx: &mut Context<'_>,
    key: &Bytes,
    text: &[u8],
    group: Option<&GroupRead>,
) -> Result<StreamId, Failure> {
    let stream = ctx.read_stream(key)?;
    if let Some(GroupRead { group, .. }) = group
        && !stream.is_some_and(|stream| stream.groups.contains_key(group))
    {
        let (key, group) = (printed(key), printed(group));
        let end = b"' in XREADGROUP with GROUP option";
        return Err(no_group(&[b"No such key '", key, b"' or consumer group '", group, end]));
    }
    match (text, group) {
        (b"$", Some(_)) => Err(Failure::new(
            "The $ ID is meaningless in the context of XREADGROUP: you want to read the history \
             of this consumer by specifying a proper ID, or use the > ID to get new messages. The \
             $ ID would just return an empty result set.",
        )),
        (b"$", None) => Ok(stream.map_or(StreamId::MIN, |stream| stream.last_id)),
        (b">", Some(_)) => Ok(NEW),
        (b">", None) => Err(Failure::new(
            "The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        _ => strict_id(text, 0),
    }
}

pub fn plain_entries(stream: &Stream, after: StreamId, count: usize) -> Vec<Reply> {
    let Some(start) = after.next() else { return Vec::new() };
    first_entries(stream.range(start, StreamId::MAX), count).map(entry_reply).collect()
}

/// A history is always served, new entries if there are any.
fn is_served(stream: &Stream, after: StreamId, read: &GroupRead) -> bool {
    let group = stream.groups.get(&read.group);
    after != NEW
        || (stream.length > 0 && group.is_some_and(|group| stream.last_valid_id() > group.last_id))
}

/// What a consumer gets: new entries, or its history.
fn group_entries(
    ctx: &mut Context<'_>,
    key: &Bytes,
    after: StreamId,
    read: &GroupRead,
    count: usize,
) -> Vec<Reply> {
    ctx.changed(1);
    let (dialect, now_ms) = (dialect(ctx), ctx.now_ms());
    let delivery = Delivery { key, read, count, now_ms, dialect };
    let stream = found(ctx, key);
    let (replies, commands, created) = match after {
        NEW => delivery.deliver(stream),
        after => delivery.history(stream, after),
    };
    ctx.changed(usize::from(created && dialect.creates_consumers));
    if let Some(rewritten) = &mut ctx.effects.rewritten {
        rewritten.extend(commands);
    }
    ctx.effects.apart = !dialect.counts_reads;
    replies
}

/// A delivery to one consumer of a group.
pub struct Delivery<'a> {
    pub key: &'a Bytes,
    pub read: &'a GroupRead,
    /// Most entries, 0 for all.
    pub count: usize,
    pub now_ms: i64,
    pub dialect: &'static Dialect,
}

/// Replies, what is propagated, and whether the consumer is new.
pub type Delivered = (Vec<Reply>, Vec<Vec<Bytes>>, bool);

impl Delivery<'_> {
    fn name(&self) -> GroupName<'_> {
        GroupName { key: self.key, group: &self.read.group }
    }

    /// Delivers what comes after the last entry that the group has delivered.
    pub fn deliver(&self, stream: &mut Stream) -> Delivered {
        // Aside meanwhile, because the entries are looked at.
        let Some(mut group) = stream.groups.remove(&self.read.group) else {
            return Delivered::default();
        };
        let created = group.see_consumer(&self.read.consumer, self.now_ms);
        let (mut replies, mut commands) = (Vec::new(), Vec::new());
        if created && self.read.no_ack && self.dialect.creates_consumers {
            commands.push(self.name().create_consumer(&self.read.consumer));
        }
        let start = group.last_id.next().unwrap_or(StreamId::MIN);
        for entry in first_entries(stream.range(start, StreamId::MAX), self.count) {
            replies.push(entry_reply(entry));
            commands.extend(self.deliver_entry(stream, &mut group, entry));
        }
        if self.read.no_ack && !replies.is_empty() {
            commands.push(self.name().set_id(&group, self.dialect));
        }
        stream.groups.insert(self.read.group.clone(), group);
        (replies, commands, created)
    }

    fn deliver_entry(
        &self,
        stream: &Stream,
        group: &mut Group,
        entry: EntryRef<'_>,
    ) -> Option<Vec<Bytes>> {
        let id = entry.id();
        if group.entries_read >= 0 && !stream.may_have_deleted_from(id) {
            group.entries_read = group.entries_read.wrapping_add(1);
        } else if stream.entries_added > 0 {
            group.entries_read = stream.entries_up_to(id).unwrap_or(-1);
        }
        group.last_id = id;
        if self.read.no_ack {
            return None;
        }
        let consumer = self.read.consumer.clone();
        let pending = Pending { consumer, delivered_at: self.now_ms, count: 1 };
        let command = self.name().xclaim(group, id.to_string().as_bytes(), &pending);
        group.deliver(id, pending);
        Some(command)
    }

    /// Delivers once more what is pending for the consumer.
    fn history(&self, stream: &mut Stream, after: StreamId) -> Delivered {
        let Some(mut group) = stream.groups.remove(&self.read.group) else {
            return Delivered::default();
        };
        let created = group.see_consumer(&self.read.consumer, self.now_ms);
        let create = created && self.read.no_ack && self.dialect.creates_consumers;
        let commands = create.then(|| self.name().create_consumer(&self.read.consumer));
        let pending = &group.consumers()[&self.read.consumer].pending;
        let start = after.next().unwrap_or(StreamId::MIN);
        let most = if self.count == 0 { usize::MAX } else { self.count };
        let ids: Vec<StreamId> = pending.range(start..).take(most).copied().collect();
        let replies = ids.into_iter().map(|id| match stream.range(id, id).next() {
            Some(entry) => {
                group.deliver_again(id, self.now_ms);
                entry_reply(entry)
            }
            None => Reply::Array(vec![Reply::bulk(id), Reply::NullArray]),
        });
        let replies = replies.collect();
        stream.groups.insert(self.read.group.clone(), group);
        (replies, commands.into_iter().collect(), created)
    }
}
