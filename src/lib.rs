//! The server core: a Redis-compatible server whose persistence is Redis 6.0's, built to be
//! broken.
//!
//! Every system call goes through [`os::Os`], so that whoever embeds the core decides what each of
//! them answers. It is not a replacement for Redis: it keeps what persistence needs and leaves out
//! the rest.

pub mod aof;
pub mod bio;
pub mod child;
pub mod child_info;
pub mod clock;
pub mod command;
pub mod config;
pub mod env;
pub mod event_loop;
pub mod keyspace;
pub mod latency;
pub mod log;
pub mod networking;
pub mod os;
pub mod rdb;
pub mod resp;
pub mod rio;
pub mod server;
pub mod text;
