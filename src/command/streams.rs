//! Streams with consumer groups (Redis: t_stream.c).
//!
//! In reading order: `ids` parses ids and intervals; `append` adds and trims, `ranges` reads and
//! deletes; `groups` creates them, `read` delivers to their consumers, `pending` and `claims` look
//! after what was not acknowledged; `info` shows it all. What 7.0 words otherwise than 6.0, or does
//! otherwise, is in `dialect`.
//!
//! What a consumer gets is propagated as the XCLAIM that makes it pending.
//! Must not know: nodes.

mod append;
mod blocked;
mod claims;
mod dialect;
mod groups;
mod ids;
mod info;
mod options;
mod pending;
mod propagation;
mod ranges;
mod read;
mod subcommands;
mod waiting;

pub use append::{xadd, xtrim};
pub use blocked::{abandoned, serve};
pub use claims::{xack, xautoclaim, xclaim};
pub use groups::{xgroup, xsetid};
pub use info::xinfo;
pub use pending::xpending;
pub use ranges::{xdel, xlen, xrange, xrevrange};
pub use read::{read_keys, xread, xreadgroup};
pub use waiting::StreamRead;

use super::context::Context;
use super::failure::Failure;
use crate::keyspace::{Bytes, Stream, Value};

/// An argument up to its first NUL, as Redis prints it.
fn printed(argument: &[u8]) -> &[u8] {
    argument.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// `-NOGROUP` with these parts.
fn no_group(parts: &[&[u8]]) -> Failure {
    Failure::coded([&b"NOGROUP "[..], &parts.concat()].concat())
}

/// For XGROUP and XINFO.
fn no_such_group(key: &[u8], group: &[u8]) -> Failure {
    let (key, group) = (printed(key), printed(group));
    no_group(&[b"No such consumer group '", group, b"' for key name '", key, b"'"])
}

/// The stream at a key that was looked up before, to be changed.
fn found<'c>(ctx: &'c mut Context<'_>, key: &Bytes) -> &'c mut Stream {
    match ctx.db().dict.get_mut(key).map(|object| &mut object.value) {
        Some(Value::Stream(stream)) => stream,
        _ => unreachable!("it was looked up as a stream"),
    }
}

/// Whether a key, which counts as read, holds a stream with this group.
fn has_group(ctx: &mut Context<'_>, key: &Bytes, group: &Bytes) -> Result<bool, Failure> {
    Ok(ctx.read_stream(key)?.is_some_and(|stream| stream.groups.contains_key(group)))
}
