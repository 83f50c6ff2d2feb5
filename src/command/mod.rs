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
mod counters;
mod debug;
mod definition;
mod dump;
mod expire;
mod failure;
mod flags;
mod functions;
mod hashes;
mod introspection;
mod keys;
mod latency;
mod list_edits;
mod lists;
mod multi;
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
mod transaction;
mod zset_algebra;
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
pub use table::{commands, lookup};
pub use transaction::{Queued, Transaction};
