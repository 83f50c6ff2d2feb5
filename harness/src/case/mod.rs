//! The case language: from text to a script, and back.
//!
//! [`parse`] reads a case and reports every mistake with its place. The grammar is described in
//! `cases/README.md`, the plan's part in [`plan`]. Must not know: worlds, and how a script is run.

mod args;
pub mod attached;
mod display;
mod edit;
pub mod error;
pub mod expectation;
pub mod known_bug;
pub mod lex;
mod order;
mod parser;
mod pattern;
pub mod plan;
mod possible;
mod power;
pub mod script;
pub mod values;
pub mod verbs;
mod watched;

pub use error::{BadCase, CaseError};
pub use parser::{Parser, parse};
pub use script::Script;
pub use verbs::{DEFAULT_CLIENT, verbs};

#[cfg(test)]
mod tests;
