//! The dataset as the shortest sequence of commands that rebuilds it (Redis:
//! `rewriteAppendOnlyFileRio`).
//!
//! Must not know: that it runs in a child, and where the bytes go.

use crate::keyspace::{Bytes, Keyspace, Value};
use crate::os::{Errno, Os};
use crate::rio::Rio;

/// Most items in one RPUSH, SADD or HMSET, so that no single command stalls the server that loads
/// it.
const AOF_REWRITE_ITEMS_PER_CMD: usize = 64;
/// How many bytes may be written before the parent is listened to again.
const AOF_READ_DIFF_INTERVAL_BYTES: u64 = 10 * 1024;

/// Writes all databases to `aof`. `read_diff` is called now and then, so that the pipe from the
/// parent does not fill up. When this returns without an error, all was *given* to the stream.
pub(super) fn rewrite_append_only_file_rio(
    os: &mut dyn Os,
    aof: &mut Rio,
    keyspace: &Keyspace,
    read_diff: &mut dyn FnMut(&mut dyn Os),
) -> Result<(), Errno> {
    let mut processed = 0;
    for (index, db) in keyspace.dbs.iter().enumerate().filter(|(_, db)| !db.dict.is_empty()) {
        aof.write(os, b"*2\r\n$6\r\nSELECT\r\n")?;
        aof.write_bulk_long_long(os, index as i64)?;
        for (key, value) in &db.dict {
            rewrite_value(os, aof, key, value)?;
            if let Some(&when) = db.expires.get(key) {
                aof.write(os, b"*3\r\n$9\r\nPEXPIREAT\r\n")?;
                aof.write_bulk_string(os, key)?;
                aof.write_bulk_long_long(os, when)?;
            }
            if aof.processed_bytes() > processed + AOF_READ_DIFF_INTERVAL_BYTES {
                processed = aof.processed_bytes();
                read_diff(os);
            }
        }
    }
    Ok(())
}

fn rewrite_value(os: &mut dyn Os, aof: &mut Rio, key: &Bytes, value: &Value) -> Result<(), Errno> {
    match value {
        Value::String(bytes) => {
            aof.write(os, b"*3\r\n$3\r\nSET\r\n")?;
            aof.write_bulk_string(os, key)?;
            aof.write_bulk_string(os, bytes)
        }
        Value::List(list) => rewrite_items(os, aof, "RPUSH", key, list.iter().map(|item| [item])),
        Value::Set(set) => rewrite_items(os, aof, "SADD", key, set.iter().map(|item| [item])),
        Value::Hash(hash) => {
            rewrite_items(os, aof, "HMSET", key, hash.iter().map(|(field, value)| [field, value]))
        }
    }
}

/// Writes `items`, each of `N` arguments, as commands of at most [`AOF_REWRITE_ITEMS_PER_CMD`]
/// items.
fn rewrite_items<'v, const N: usize>(
    os: &mut dyn Os,
    aof: &mut Rio,
    command: &str,
    key: &Bytes,
    items: impl ExactSizeIterator<Item = [&'v Bytes; N]>,
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
            aof.write_bulk_string(os, argument)?;
        }
    }
    Ok(())
}
