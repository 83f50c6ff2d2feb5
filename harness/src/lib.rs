//! sabot: finds out what a Redis-style server does with your data when the operating system lets it
//! down.
//!
//! This is the library, for tests of other projects; the command `sabot` does the same and more. A
//! [`World`] is a server under a kernel that sabot controls, a [`Case`] is a script, and a [`Plan`]
//! holds faults to put into one. [`Case::run`] gives an [`Outcome`] with a transcript and a
//! [`Verdict`]; [`sweep()`] tries every fault at every call.
//!
//! ```
//! use sabot::{Case, Plan, Verdict, World};
//!
//! // `World::find("redis-server")?` is the one on PATH.
//! let world = World::sim()?;
//! let case = Case::parse("full", "
//!     config appendonly yes
//!     config appendfsync everysec
//!     > SET a 1
//!     > SET b 2
//!     heal
//!     advance 1s
//!     kill all
//!     restart
//! ")?;
//! let full = Plan::parse("inject write on=aof error=ENOSPC when=2..3")?;
//! let outcome = case.with(&full)?.run(&world)?;
//! assert_eq!(outcome.verdict, Verdict::Kept, "{}", outcome.transcript);
//! # Ok::<(), sabot::Error>(())
//! ```
//!
//! A whole project that does this, with rstest and insta, is in `examples/redis-server`.
//! `cases/README.md` describes the language of cases, and [`Verdict`] says what the verdicts mean.
//!
//! # Limits
//!
//! - It runs on Linux alone. World `sim` needs nothing else; the others need x86-64, Linux 5.19 or
//!   newer, and root or user namespaces. Where these are missing, [`World::find`] returns
//!   [`Error::Missing`]; `sabot doctor` says what to change.
//! - Supervised servers are run by worker processes, and a worker is *the program that uses this
//!   library, executed again*: before its `main`, which is the test harness, this crate checks
//!   whether the first argument is `sabot-again`. That needs no setup, not even for several tests
//!   at once in one process, but the program must be linked dynamically against glibc, and its file
//!   must stay in place while it runs. Workers die with the threads that started them.
//! - No run waits for real time, and each has its own network and files, so tests may run in
//!   parallel. Two runs of one case give the same [`Outcome::trace`], byte for byte.
//! - The feature `cli`, on by default, is the command `sabot` with its reports. A test needs none
//!   of it: `default-features = false` builds half as many crates.
//! - In a debug build the simulation is several times slower; `[profile.dev.package.sabot]
//!   opt-level = 1` helps.

pub use api::{Accepted, Case, CaseBuilder, Error, Plan, Report, Rule, SweepOptions, World, sweep};
pub use contract::reason::{Attempts, Promise, Told, UnaskedEnd};
pub use contract::{Reason, Regime, Verdict};
pub use observation::Descriptor;
pub use runner::resp::Reply;
pub use runner::{Exchange, Failure, Outcome, Ruling, Standing, SymptomCheck};
pub use sweep::finding::Finding;
pub use sweep::{Axis, Ending, Fault, Kind as FaultKind, OneOrPair, Record, RunResult};

mod api;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod audit;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bench;
#[doc(hidden)]
pub mod case;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod commands;
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod exit;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod explain;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod observation;
#[doc(hidden)]
pub mod profile;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod runner;
#[doc(hidden)]
pub mod suite;
#[doc(hidden)]
pub mod sweep;
#[doc(hidden)]
pub mod world;
