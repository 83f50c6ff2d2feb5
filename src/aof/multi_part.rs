//! The append only file as a directory, since 7.0 (Redis: aof.c).
//!
//! A [`manifest`] lists the parts: a base, which holds the dataset as of the last rewrite, the
//! increments with the commands since then, and history, which can be deleted. `manifest_file`
//! keeps it on disk; `load` reads the parts; `start` opens or creates what is missing and takes
//! over an older single file; [`rewrite`] has a child write a new base (`base`) while the parent
//! goes on in a new increment, and `limiter` keeps it from trying too often; `switch` turns it on
//! and off.
//!
//! The manifest changes by a rename, and its directory is synced. So whatever is interrupted, the
//! parts of one manifest are a complete file; what it does not list is litter.
//!
//! Must not know: clients, and what commands do.

mod base;
mod limiter;
mod load;
mod manifest;
mod manifest_file;
mod rewrite;
mod start;
mod state;
mod storage;
mod switch;

pub(super) use state::MultiPart;
