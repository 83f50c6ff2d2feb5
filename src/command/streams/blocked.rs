//! Clients that wait for entries (Redis: `serveClientsBlockedOnStreamKey`, blocked.c).
//!
//! Must not know: how a client is blocked.

use super::dialect::{dialect, dialect_of};
use super::read::{Delivery, plain_entries};
use super::waiting::StreamRead;
use super::{found, no_group};
use crate::command::context::Context;
use crate::command::failure::Failure;
use crate::command::request::{Blocked, BlockingOp};
use crate::command::served::Served;
use crate::keyspace::{Bytes, Keyspace, Value};
use crate::resp::Reply;

/// Most entries that a client gets which has waited and not said how many it wants.
const XREAD_BLOCKED_DEFAULT_COUNT: usize = 1000;

/// Serves a waiting client of `keys` from the stream at `key`, if there is anything for it.
pub fn serve(
    ctx: &mut Context<'_>,
    read: &StreamRead,
    keys: &[Bytes],
    key: &Bytes,
) -> Option<Result<Served, Failure>> {
    let count = if read.count == 0 { XREAD_BLOCKED_DEFAULT_COUNT } else { read.count };
    let (dialect, now_ms) = (dialect(ctx), ctx.now_ms());
    let stream = found(ctx, key);
    let (entries, propagated, created) = match &read.group {
        None => {
            // A key that was given twice counts with its first id.
            let after = read.after[keys.iter().position(|other| other == key)?];
            if stream.last_id <= after {
                return None;
            }
            (plain_entries(stream, after, count), Vec::new(), false)
        }
        Some(group_read) => {
            let Some(group) = stream.groups.get(&group_read.group) else {
                let words = b"the consumer group this client was blocked on no longer exists";
                return Some(Err(no_group(&[words])));
            };
            if stream.last_id <= group.last_id {
                return None;
            }
            Delivery { key, read: group_read, count, now_ms, dialect }.deliver(stream)
        }
    };
    let counts = created && dialect.creates_consumers;
    ctx.changed(usize::from(counts));
    let of_key = Reply::Array(vec![Reply::Bulk(key.clone()), Reply::Array(entries)]);
    Some(Ok(Served { reply: Reply::Array(vec![of_key]), propagated, counts }))
}

/// The error for a client that waits in a group of a stream that is gone (Redis:
/// `unblockDeletedStreamReadgroupClients`).
pub fn abandoned(keyspace: &Keyspace, db: usize, blocked: &Blocked) -> Option<Failure> {
    let BlockingOp::Read(StreamRead { group: Some(_), .. }) = &blocked.op else { return None };
    let dict = &keyspace.dbs[db].dict;
    let is_stream =
        |key: &Bytes| dict.get(key).is_some_and(|object| matches!(object.value, Value::Stream(_)));
    let gone = dialect_of(keyspace).tells_of_deletion && !blocked.keys.iter().all(is_stream);
    gone.then(|| Failure::coded("UNBLOCKED the stream key no longer exists"))
}
