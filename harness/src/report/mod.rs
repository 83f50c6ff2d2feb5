//! Words for people: transcripts, tables, differences. Reports read what was observed and judged.
//!
//! Must not know: how anything is run.

pub mod conformance;
pub mod difference;
pub mod html;
pub mod junit;
pub mod known;
pub mod matrix;
pub mod table;
pub mod transcript;
