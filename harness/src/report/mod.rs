//! Words for people: transcripts, tables, differences. Reports read what was observed and judged.
//!
//! Must not know: how anything is run.

#[cfg(feature = "cli")]
pub mod audit_junit;
#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod bug_report;
pub mod cell;
#[cfg(feature = "cli")]
pub mod commands;
#[cfg(feature = "cli")]
pub mod conformance;
#[cfg(feature = "cli")]
pub mod diff;
#[cfg(feature = "cli")]
pub mod explanation;
#[cfg(feature = "cli")]
pub mod export;
#[cfg(feature = "cli")]
pub mod html;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
pub mod known_bugs;
pub mod matrix;
#[cfg(feature = "cli")]
pub mod operator;
#[cfg(feature = "cli")]
mod promises;
#[cfg(feature = "cli")]
pub mod repeats;
#[cfg(feature = "cli")]
pub mod sweep_junit;
pub mod sweep_text;
pub mod table;
#[cfg(feature = "cli")]
pub mod upgrade;
