//! The append only file: every command that changed the dataset, in execution order (Redis: aof.c).
//!
//! In reading order: `state` is what the server remembers about it; `feed` turns a command into
//! bytes in the buffer, with expiry times as one of the two `expiry` modules writes them; `flush`
//! writes the buffer before any reply is sent, and syncs by policy, where `failed_sync` says what
//! an error means; `read_commands` replays a file.
//!
//! How the AOF is kept on disk is a [`storage::Storage`]: [`single_file`] up to 6.2, [`multi_part`]
//! since 7.0. It opens and loads the files and replaces them by shorter ones that a child writes
//! (`rewrite_dataset`). [`Aof`] is what the server sees.
//!
//! A rewritten file may be or start with an RDB file (`aof-use-rdb-preamble`), which is shorter and
//! loads faster; commands follow it.
//!
//! Must not know: clients, and what commands do.

mod append_only_file;
mod expiry;
mod failed_sync;
mod feed;
mod flush;
mod multi_part;
mod read_commands;
mod rewrite_dataset;
mod rewrite_stream;
mod single_file;
mod state;
mod storage;
#[cfg(test)]
mod test_env;

pub use crate::env::{Env, Status};
pub use append_only_file::Aof;
pub use read_commands::{CannotLoad, Executor, UnknownCommand};
pub use state::{Core, State};
pub use storage::{LoadResult, RewriteFailed};
