//! A Redis-compatible server core for tests of persistence: AOF, RDB snapshots, rewrites and
//! loading follow Redis 6.0.16, down to the order of system calls and the text of the log.
//!
//! Every system call goes through the trait [`os::Os`]. With [`os::linux::LinuxOs`] the core is an
//! ordinary server, which is what the binary `sabot-server` is. With another implementation it runs
//! on whatever that stands for: a simulated kernel, for example, that decides what each call
//! returns.
//!
//! ```no_run
//! use sabot_server::event_loop;
//! use sabot_server::os::Os;
//! use sabot_server::os::linux::LinuxOs;
//!
//! let mut os = LinuxOs::new();
//! os.install_signal_handlers();
//! let arguments = ["sabot-server", "--appendonly", "yes"].map(str::to_string);
//! // Returns only if the server cannot start.
//! let code = event_loop::main(&mut os, arguments.to_vec());
//! os.exit(code)
//! ```
//!
//! # What is deterministic
//!
//! The core keeps no global state and has no clock, random source, thread or file of its own. The
//! same answers of the `Os` give the same calls in the same order: maps iterate in a fixed order,
//! and random choices come from a fixed seed.
//!
//! # Limits
//!
//! It is not a replacement for Redis. There is no replication, cluster, scripting, pub/sub,
//! modules, eviction, RESP3 or TLS, and no users besides `default`. Libraries of functions are kept
//! as text. Memory is estimated, not measured. RDB files are written and loaded in the version of
//! the generation; the library also reads the newer ones (`LoadOptions::of_any_server`).

pub mod aof;
pub mod bio;
pub mod child;
pub mod child_info;
pub mod clock;
pub mod command;
pub mod config;
pub mod env;
pub mod event_loop;
pub mod generation;
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
