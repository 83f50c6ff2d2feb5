//! XINFO: what a stream and its groups are made of.
//!
//! Must not know: how it came to be.

use super::dialect::{Dialect, dialect};
use super::no_such_group;
use super::ranges::{count_of, entry_reply, first_entries};
use crate::command::arguments::is;
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::{Consumer, Group, UNKNOWN_ENTRIES_READ};
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

/// Names with their values, which RESP2 has as a list.
#[derive(Default)]
struct Map(Vec<Reply>);

impl Map {
    fn add(&mut self, name: &str, value: Reply) {
        self.0.extend([Reply::bulk(name), value]);
    }

    fn count(&mut self, name: &str, count: usize) {
        self.add(name, Reply::count(count));
    }

    fn reply(self) -> Reply {
        Reply::Array(self.0)
    }
}

/// HELP of a command with subcommands (Redis: `addReplyHelp`).
pub fn help(dialect: &Dialect, plain: &[&str], counted: &[&str], command: &str) -> Reply {
    let (arguments, lines, end): (_, _, &[&str]) = match dialect.counts_reads {
        false => ("arg arg ... arg", plain, &[]),
        true => ("[<arg> [value] [opt] ...]", counted, &["HELP", "    Prints this help."]),
    };
    let head = format!("{command} <subcommand> {arguments}. Subcommands are:");
    let lines = lines.iter().chain(end).map(|line| line.to_string());
    Reply::Array([head].into_iter().chain(lines).map(Reply::status).collect())
}

/// The first and the last entry.
fn edges(stream: &Stream) -> [Reply; 2] {
    let all = || stream.range(StreamId::MIN, StreamId::MAX);
    [all().next(), all().next_back()].map(|entry| entry.map_or(Reply::Null, entry_reply))
}

/// XINFO STREAM without FULL.
fn short(stream: &Stream, dialect: &Dialect) -> Reply {
    let mut fields = head(stream, dialect);
    fields.count("groups", stream.groups.len());
    let [first, last] = edges(stream);
    fields.add("first-entry", first);
    fields.add("last-entry", last);
    fields.reply()
}

/// What both forms of XINFO STREAM begin with.
fn head(stream: &Stream, dialect: &Dialect) -> Map {
    let mut fields = Map::default();
    fields.add("length", Reply::Integer(stream.length as i64));
    fields.count("radix-tree-keys", stream.nodes().len());
    fields.count("radix-tree-nodes", stream.radix_tree_nodes());
    fields.add("last-generated-id", Reply::bulk(stream.last_id));
    if dialect.counts_reads {
        fields.add("max-deleted-entry-id", Reply::bulk(stream.max_deleted_id));
        fields.add("entries-added", Reply::Integer(stream.entries_added as i64));
        fields.add("recorded-first-entry-id", Reply::bulk(stream.first_id));
    }
    fields
}

/// XINFO STREAM … FULL, with at most `count` items of each list; 0 for all.
fn full(stream: &Stream, count: usize, dialect: &Dialect) -> Reply {
    let mut fields = head(stream, dialect);
    let entries = first_entries(stream.range(StreamId::MIN, StreamId::MAX), count);
    fields.add("entries", Reply::Array(entries.map(entry_reply).collect()));
    let groups = stream.groups.iter();
    let groups = groups.map(|(name, group)| full_group(stream, name, group, count, dialect));
    fields.add("groups", Reply::Array(groups.collect()));
    fields.reply()
}

fn full_group(
    stream: &Stream,
    name: &Bytes,
    group: &Group,
    count: usize,
    dialect: &Dialect,
) -> Reply {
    let most = if count == 0 { usize::MAX } else { count };
    let mut fields = Map::default();
    fields.add("name", Reply::Bulk(name.clone()));
    fields.add("last-delivered-id", Reply::bulk(group.last_id));
    add_reads(&mut fields, stream, group, dialect);
    fields.count("pel-count", group.pending().len());
    let pending = group.pending().iter().take(most).map(|(id, pending)| {
        Reply::Array(vec![
            Reply::bulk(id),
            Reply::Bulk(pending.consumer.clone()),
            Reply::Integer(pending.delivered_at),
            Reply::Integer(pending.count as i64),
        ])
    });
    fields.add("pending", Reply::Array(pending.collect()));
    let consumers = group.consumers().iter();
    let consumers = consumers.map(|(name, consumer)| full_consumer(name, consumer, group, most));
    fields.add("consumers", Reply::Array(consumers.collect()));
    fields.reply()
}

fn full_consumer(name: &Bytes, consumer: &Consumer, group: &Group, most: usize) -> Reply {
    let mut fields = Map::default();
    fields.add("name", Reply::Bulk(name.clone()));
    fields.add("seen-time", Reply::Integer(consumer.seen_at));
    fields.count("pel-count", consumer.pending.len());
    let pending = consumer.pending.iter().take(most).filter_map(|id| {
        let pending = group.pending().get(id)?;
        Some(Reply::Array(vec![
            Reply::bulk(id),
            Reply::Integer(pending.delivered_at),
            Reply::Integer(pending.count as i64),
        ]))
    });
    fields.add("pending", Reply::Array(pending.collect()));
    fields.reply()
}

/// How much a group has read, and how much is left.
fn add_reads(fields: &mut Map, stream: &Stream, group: &Group, dialect: &Dialect) {
    if !dialect.counts_reads {
        return;
    }
    let read = Some(group.entries_read).filter(|&read| read != UNKNOWN_ENTRIES_READ);
    fields.add("entries-read", read.map_or(Reply::Null, Reply::Integer));
    fields.add("lag", stream.lag(group).map_or(Reply::Null, Reply::Integer));
}

fn groups(stream: &Stream, dialect: &Dialect) -> Reply {
    let groups = stream.groups.iter().map(|(name, group)| {
        let mut fields = Map::default();
        fields.add("name", Reply::Bulk(name.clone()));
        fields.count("consumers", group.consumers().len());
        fields.count("pending", group.pending().len());
        fields.add("last-delivered-id", Reply::bulk(group.last_id));
        add_reads(&mut fields, stream, group, dialect);
        fields.reply()
    });
    Reply::Array(groups.collect())
}

fn consumers(group: &Group, now_ms: i64) -> Reply {
    let consumers = group.consumers().iter().map(|(name, consumer)| {
        let mut fields = Map::default();
        fields.add("name", Reply::Bulk(name.clone()));
        fields.count("pending", consumer.pending.len());
        let idle = now_ms.wrapping_sub(consumer.seen_at).max(0);
        fields.add("idle", Reply::Integer(idle));
        fields.reply()
    });
    Reply::Array(consumers.collect())
}

/// Entries that FULL shows if it is not told how many.
const FULL_DEFAULT_COUNT: usize = 10;

/// `[FULL [COUNT count]]`; None for the short form.
fn full_count(argv: &[Bytes], dialect: &Dialect) -> Result<Option<usize>, Failure> {
    let unknown = || (dialect.subcommand)(argv);
    match &argv[3..] {
        [] => Ok(None),
        [full] if is(full, "full") => Ok(Some(FULL_DEFAULT_COUNT)),
        [full, word, count] if is(full, "full") && is(word, "count") => {
            let negative = count.starts_with(b"-");
            let count = count_of(count)?;
            Ok(Some(if negative { FULL_DEFAULT_COUNT } else { count }))
        }
        _ => Err(unknown()),
    }
}

/// XINFO STREAM key [FULL [COUNT count]] | GROUPS key | CONSUMERS key group | HELP
pub fn xinfo(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (dialect, now_ms) = (dialect(ctx), ctx.now_ms());
    let sub = argv[1].to_ascii_lowercase();
    if sub == b"help" && (argv.len() == 2 || !dialect.counts_reads) {
        return Ok(help(dialect, HELP_PLAIN, HELP_COUNTED, "XINFO"));
    }
    let known = [&b"stream"[..], b"groups", b"consumers"].contains(&sub.as_slice());
    if argv.len() < 3 || (dialect.counts_reads && !known) {
        return Err(match dialect.counts_reads {
            true => (dialect.subcommand)(argv),
            false => Failure::new("syntax error, try 'XINFO HELP'"),
        });
    }
    if dialect.counts_reads && argv.len() != 3 && sub == b"groups" {
        return Err((dialect.subcommand)(argv));
    }
    if dialect.counts_reads && argv.len() != 4 && sub == b"consumers" {
        return Err((dialect.subcommand)(argv));
    }
    let stream = ctx.read_stream(&argv[2])?.ok_or_else(Failure::no_such_key)?;
    match (sub.as_slice(), &argv[3..]) {
        (b"consumers", [name]) => {
            let group = stream.groups.get(name);
            let group = group.ok_or_else(|| no_such_group(&argv[2], name))?;
            Ok(consumers(group, now_ms))
        }
        (b"groups", []) => Ok(groups(stream, dialect)),
        (b"stream", _) => Ok(match full_count(argv, dialect)? {
            None => short(stream, dialect),
            Some(count) => full(stream, count, dialect),
        }),
        _ => Err((dialect.subcommand)(argv)),
    }
}

const HELP_PLAIN: &[&str] = &[
    "CONSUMERS <key> <groupname>         -- Show consumer groups of group <groupname>.",
    "GROUPS <key>                        -- Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]] -- Show information about the stream.",
    "                                       FULL will return the full state of the stream,",
    concat!(
        "                                            ",
        "including all entries, groups, consumers and PELs."
    ),
    concat!(
        "                                            ",
        "It's possible to show only the first stream/PEL entries"
    ),
    "                                            by using the COUNT modifier (Default is 10)",
    "HELP                                -- Print this help.",
];

const HELP_COUNTED: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
];
