//! XGROUP and XSETID.
//!
//! Must not know: deliveries.

use super::dialect::{Dialect, dialect};
use super::ids::{id, strict_id};
use super::{found, no_such_group};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::{Answer, Failure};
use crate::keyspace::stream::UNKNOWN_ENTRIES_READ;
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::resp::Reply;

/// The options of CREATE and SETID.
struct Options {
    create_stream: bool,
    entries_read: i64,
}

/// The id for a group: `$` is the last one of the stream.
fn group_id(
    stream: Option<&Stream>,
    text: &[u8],
    parse: fn(&[u8], u64) -> Result<StreamId, Failure>,
) -> Result<StreamId, Failure> {
    match text {
        b"$" => Ok(stream.map_or(StreamId::MIN, |stream| stream.last_id)),
        text => parse(text, 0),
    }
}

fn options(argv: &[Bytes], dialect: &Dialect) -> Result<Options, Failure> {
    let mut options = Options { create_stream: false, entries_read: UNKNOWN_ENTRIES_READ };
    let (creates, sets) = (is(&argv[1], "create"), is(&argv[1], "setid"));
    let mut words = argv.get(5..).unwrap_or_default();
    // 6.0 looks at the option only where there is room for no more than one.
    if !dialect.counts_reads && (!creates || argv.len() != 6) {
        return Ok(options);
    }
    loop {
        words = match words {
            [] => return Ok(options),
            [word, rest @ ..] if creates && is(word, "mkstream") => {
                options.create_stream = true;
                rest
            }
            [word, count, rest @ ..]
                if dialect.counts_reads && (creates || sets) && is(word, "entriesread") =>
            {
                options.entries_read = integer(count)?;
                if options.entries_read < UNKNOWN_ENTRIES_READ {
                    return Err(Failure::new("value for ENTRIESREAD must be positive or -1"));
                }
                rest
            }
            _ => return Err((dialect.subcommand)(argv)),
        };
    }
}

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD count] | SETID key group id|$
/// [ENTRIESREAD count] | DESTROY key group | CREATECONSUMER key group consumer | DELCONSUMER key
/// group consumer | HELP`
pub fn xgroup(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let dialect = dialect(ctx);
    if argv.len() == 2 && is(&argv[1], "help") {
        return Ok(super::info::help(dialect, HELP_PLAIN, HELP_COUNTED, "XGROUP"));
    }
    let [_, sub, key, group, rest @ ..] = argv else { return Err((dialect.subcommand)(argv)) };
    let options = options(argv, dialect)?;
    let stream = ctx.write_stream(key)?;
    if !options.create_stream {
        check_existence(stream.as_deref(), sub, key, group, dialect)?;
    }
    match (sub.to_ascii_lowercase().as_slice(), rest) {
        (b"create", [id, ..]) if argv.len() <= if dialect.counts_reads { 8 } else { 6 } => {
            create(ctx, argv, id, &options)
        }
        (b"setid", [text]) => set_id(ctx, argv, text, options.entries_read),
        (b"setid", [text, _, _]) if dialect.counts_reads => {
            set_id(ctx, argv, text, options.entries_read)
        }
        (b"destroy", []) => destroy(ctx, argv),
        (b"createconsumer", [consumer]) if dialect.creates_consumers => {
            let now = ctx.now_ms();
            let group = found(ctx, key).groups.get_mut(group);
            let created = group.is_some_and(|group| group.create_consumer(consumer, now));
            ctx.changed(usize::from(created));
            Ok(Reply::Integer(i64::from(created)))
        }
        (b"delconsumer", [consumer]) => {
            let group = found(ctx, key).groups.get_mut(group);
            let deleted = group.and_then(|group| group.delete_consumer(consumer));
            ctx.changed(usize::from(deleted.is_some() || dialect.deletes_nobody));
            Ok(Reply::count(deleted.unwrap_or(0)))
        }
        _ => Err((dialect.subcommand)(argv)),
    }
}

/// Whether the key and, where that is needed, the group exist.
fn check_existence(
    stream: Option<&Stream>,
    sub: &[u8],
    key: &[u8],
    group: &[u8],
    dialect: &Dialect,
) -> Result<(), Failure> {
    let Some(stream) = stream else {
        return Err(Failure::new(
            "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want \
             to use the MKSTREAM option to create an empty stream automatically.",
        ));
    };
    let needs_group = is(sub, "setid")
        || is(sub, "delconsumer")
        || (dialect.creates_consumers && is(sub, "createconsumer"));
    if needs_group && !stream.groups.contains_key(group) {
        return Err(no_such_group(key, group));
    }
    Ok(())
}

fn create(ctx: &mut Context<'_>, argv: &[Bytes], text: &[u8], options: &Options) -> Answer {
    let (key, group) = (&argv[2], &argv[3]);
    let stream = ctx.write_stream(key)?;
    let exists = stream.is_some();
    let id = group_id(stream.as_deref(), text, strict_id)?;
    if !exists {
        ctx.touched(key);
    }
    let stream = ctx.stream_or_add(key, Stream::default)?;
    if !stream.create_group(group, id, options.entries_read) {
        // Not shared, but in 6.0 it goes the way of those that are.
        return Err(Failure::shared("BUSYGROUP Consumer Group name already exists"));
    }
    ctx.changed(1);
    Ok(Reply::OK)
}

fn set_id(ctx: &mut Context<'_>, argv: &[Bytes], text: &[u8], entries_read: i64) -> Answer {
    let stream = found(ctx, &argv[2]);
    let last_id = group_id(Some(stream), text, id)?;
    if let Some(group) = stream.groups.get_mut(&argv[3]) {
        (group.last_id, group.entries_read) = (last_id, entries_read);
    }
    ctx.changed(1);
    Ok(Reply::OK)
}

/// Clients that are blocked in the group get an error, so the key is signalled.
fn destroy(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[2];
    let destroyed = found(ctx, key).groups.remove(&argv[3]).is_some();
    if destroyed {
        ctx.changed(1);
        ctx.keyspace.interest.signal_key_as_ready(ctx.session.db, key);
    }
    Ok(Reply::Integer(i64::from(destroyed)))
}

const HELP_PLAIN: &[&str] = &[
    "CREATE      <key> <groupname> <id or $> [opt] -- Create a new consumer group.",
    "            option MKSTREAM: create the empty stream if it does not exist.",
    "SETID       <key> <groupname> <id or $>  -- Set the current group ID.",
    "DESTROY     <key> <groupname>            -- Remove the specified group.",
    "DELCONSUMER <key> <groupname> <consumer> -- Remove the specified consumer.",
    "HELP                                     -- Prints this help.",
];

const HELP_COUNTED: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
];

/// The options of XSETID.
#[derive(Default)]
struct Counters {
    entries_added: Option<u64>,
    max_deleted_id: StreamId,
}

fn counters(argv: &[Bytes], id: StreamId) -> Result<Counters, Failure> {
    let mut counters = Counters::default();
    for option in argv[3..].chunks(2) {
        match option {
            [word, count] if is(word, "entriesadded") => {
                let count = u64::try_from(integer(count)?);
                let count = count.map_err(|_| Failure::new("entries_added must be positive"))?;
                counters.entries_added = Some(count);
            }
            [word, text] if is(word, "maxdeletedid") => {
                counters.max_deleted_id = strict_id(text, 0)?;
                if id < counters.max_deleted_id {
                    return Err(Failure::new(
                        "The ID specified in XSETID is smaller than the provided \
                         max_deleted_entry_id",
                    ));
                }
            }
            _ => return Err(Failure::syntax()),
        }
    }
    Ok(counters)
}

/// XSETID key id, in 7.0 also [ENTRIESADDED count] [MAXDELETEDID id]
pub fn xsetid(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let key = &argv[1];
    if dialect(ctx).key_before_options && ctx.write_stream(key)?.is_none() {
        return Err(Failure::no_such_key());
    }
    let id = strict_id(&argv[2], 0)?;
    let Counters { entries_added, max_deleted_id } = counters(argv, id)?;
    if !dialect(ctx).key_before_options && ctx.write_stream(key)?.is_none() {
        return Err(Failure::no_such_key());
    }
    let stream = found(ctx, key);
    if stream.length > 0 && id < stream.last_valid_id() {
        return Err(Failure::new(
            "The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if stream.length > 0 && entries_added.is_some_and(|added| stream.length > added) {
        return Err(Failure::new(
            "The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.last_id = id;
    stream.entries_added = entries_added.unwrap_or(stream.entries_added);
    if max_deleted_id != StreamId::MIN {
        stream.max_deleted_id = max_deleted_id;
    }
    ctx.changed(1);
    Ok(Reply::OK)
}
