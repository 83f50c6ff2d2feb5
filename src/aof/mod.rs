//! The append only file: every command that changed the dataset, in execution order (Redis: aof.c).
//!
//! In reading order: `state` is what the server remembers about it; `feed` turns a command into
//! bytes in the buffer; `flush` writes the buffer before any reply is sent, and syncs by policy;
//! `load` replays the file after a restart; `rewrite` replaces the file by a shorter one, which
//! a child writes (`rewrite_child`, `rewrite_dataset`) while the parent sends it the changes
//! made meanwhile (`rewrite_buffer`, `pipes`).
//!
//! A rewritten file may start with an RDB preamble (`aof-use-rdb-preamble`), which is shorter and
//! loads faster; commands follow it.
//!
//! Must not know: clients, and what commands do.

mod feed;
mod flush;
mod load;
mod pipes;
mod rewrite;
mod rewrite_buffer;
mod rewrite_child;
mod rewrite_dataset;
mod state;
#[cfg(test)]
mod test_env;

pub use crate::env::{Env, Status};
pub use load::{Executor, LoadResult, UnknownCommand};
pub use rewrite::RewriteFailed;
pub use state::{Aof, State};
