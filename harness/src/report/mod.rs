//! Words for people: transcripts, tables, differences. Reports read what was observed and judged.
//!
//! Must not know: how anything is run.

pub mod audit_junit;
pub mod bench;
pub mod bug_report;
pub mod commands;
pub mod conformance;
pub mod diff;
pub mod export;
pub mod html;
pub mod junit;
pub mod known_bugs;
pub mod matrix;
pub mod operator;
mod promises;
pub mod sweep_text;
pub mod table;
pub mod upgrade;
