//! The case language: from text to a script, and from a script to what a server did with it.
//!
//! `parse` reads a case and reports every mistake with its place; [`run()`] carries it out on a
//! world and returns an [`Outcome`]. The grammar is described in `cases/README.md`, the plan's
//! part in [`plan`]. Must not know: how a world carries a call out.

mod args;
pub mod error;
mod expectation;
pub mod known;
mod lex;
mod log;
mod needs;
pub mod oracle;
mod parse;
mod parser;
pub mod plan;
mod possible;
mod power;
mod resp;
mod run;
pub mod script;
mod values;

pub use error::{BadCase, CaseError};
pub use oracle::{Announcer, Oracle, WorldOracle};
pub use parse::{DEFAULT_CLIENT, verbs};
pub use parser::{Parser, parse};
pub use run::{Brief, CutPoint, Failure, Judged, Learned, Loads, Outcome, Point, Sight, Surveyed};
pub use run::{beside_own_faults, brief, run, survey};
pub use script::Script;

#[cfg(test)]
mod tests;
