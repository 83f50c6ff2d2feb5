//! Commands: their arguments, what each does to the dataset, its reply, and what is propagated to
//! the AOF.
//!
//! A handler changes the dataset and nothing else. Everything else is in its reply and its
//! [`Effects`]; what needs the server (a rewrite, the configuration, a shutdown) is returned as a
//! [`Request`].
//! Must not know: system calls, the AOF, other clients.

mod admin;
mod arguments;
mod auth;
mod bits;
pub mod blocking;
mod connection;
mod context;
mod copy;
mod counters;
mod debug;
mod definition;
mod descriptions;
mod dump;
mod expire;
mod failure;
mod flags;
mod functions;
mod getex;
mod hashes;
mod introspection;
mod introspection_7_0;
mod keys;
mod latency;
mod lifetime;
mod list_edits;
mod list_moves;
mod lists;
mod multi;
mod random_members;
mod renames;
mod request;
mod scan;
mod served;
mod session;
mod set_algebra;
mod sets;
mod sort;
mod streams;
mod strings;
mod table;
mod table_6_0;
mod table_7_0;
mod transaction;
mod zset_7_0;
mod zset_algebra;
mod zset_algebra_7_0;
mod zset_ranges;
mod zset_removals;
mod zsets;

pub use auth::greeting;
pub use context::{Context, Effects};
pub use definition::{Command, Run};
pub use failure::{Answer, Failure};
pub use flags::Flags;
pub use request::{Blocked, BlockingOp, Credentials, KillFilter, LatencyRequest, Outcome, Reload};
pub use request::{FinalSnapshot, Request, Shutdown};
pub use session::{ReplyMode, Session};
pub use table::{check_arity, commands, full_name, lookup, lookup_with_subcommand};
pub use transaction::{Queued, Transaction};
