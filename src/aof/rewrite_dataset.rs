//! The dataset as the shortest sequence of commands that rebuilds it (Redis:
//! `rewriteAppendOnlyFileRio`).
//!
//! Must not know: that it runs in a child, and where the bytes go.

use std::borrow::Cow;

use super::rewrite_stream::rewrite_stream;
use crate::generation::StreamForm;
use crate::keyspace::{Bytes, Keyspace, Value};
use crate::os::{Errno, Os};
use crate::rdb::{AfterKey, Reached};
use crate::rio::Rio;
use crate::text::float::format_17g;

/// Most items in one command, so that no single command stalls the server that loads it.
const AOF_REWRITE_ITEMS_PER_CMD: usize = 64;

/// Writes all databases to `aof`. `after_key` is called after each key with the bytes written so
/// far, so that the child can do what it does between keys. Success means that everything was
/// *passed* to the stream, not that it is on disk.
pub(super) fn rewrite_append_only_file_rio(
    os: &mut dyn Os,
    aof: &mut Rio,
    keyspace: &Keyspace,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    for code in keyspace.functions.code() {
        aof.write(os, b"*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n")?;
        aof.write_bulk_string(os, code)?;
    }
    for (index, db) in keyspace.dbs.iter().enumerate().filter(|(_, db)| !db.dict.is_empty()) {
        aof.write(os, b"*2\r\n$6\r\nSELECT\r\n")?;
        aof.write_bulk_long_long(os, index as i64)?;
        for (key, value) in &db.dict {
            rewrite_value(os, aof, key, value, keyspace.limits.stream.form)?;
            if let Some(&when) = db.expires.get(key) {
                aof.write(os, b"*3\r\n$9\r\nPEXPIREAT\r\n")?;
                aof.write_bulk_string(os, key)?;
                aof.write_bulk_long_long(os, when)?;
            }
            after_key(os, Reached::Key(aof.processed_bytes()));
        }
    }
    Ok(())
}

fn rewrite_value(
    os: &mut dyn Os,
    aof: &mut Rio,
    key: &Bytes,
    value: &Value,
    streams: StreamForm,
) -> Result<(), Errno> {
    match value {
        Value::String(bytes) => {
            aof.write(os, b"*3\r\n$3\r\nSET\r\n")?;
            aof.write_bulk_string(os, key)?;
            aof.write_bulk_string(os, bytes)
        }
        Value::List(list) => rewrite_items(os, aof, "RPUSH", key, list.iter().map(|item| [item])),
        Value::Set(set) => rewrite_items(os, aof, "SADD", key, set.iter().map(|item| [item])),
        Value::ZSet(zset) => {
            let items = zset.iter().map(|(member, score)| {
                [Cow::Owned(format_17g(score).into_bytes()), Cow::Borrowed(member.as_slice())]
            });
            rewrite_items(os, aof, "ZADD", key, items)
        }
        Value::Hash(hash) => {
            rewrite_items(os, aof, "HMSET", key, hash.iter().map(|(field, value)| [field, value]))
        }
        Value::Stream(stream) => rewrite_stream(os, aof, key, stream, streams),
    }
}

/// Writes `items`, each of `N` arguments, as commands of at most [`AOF_REWRITE_ITEMS_PER_CMD`]
/// items.
fn rewrite_items<A: AsRef<[u8]>, const N: usize>(
    os: &mut dyn Os,
    aof: &mut Rio,
    command: &str,
    key: &Bytes,
    items: impl ExactSizeIterator<Item = [A; N]>,
) -> Result<(), Errno> {
    let total = items.len();
    for (index, item) in items.enumerate() {
        if index.is_multiple_of(AOF_REWRITE_ITEMS_PER_CMD) {
            let count = (total - index).min(AOF_REWRITE_ITEMS_PER_CMD);
            aof.write_bulk_count(os, '*', 2 + count * N)?;
            aof.write_bulk_string(os, command.as_bytes())?;
            aof.write_bulk_string(os, key)?;
        }
        for argument in item {
            aof.write_bulk_string(os, argument.as_ref())?;
        }
    }
    Ok(())
}
