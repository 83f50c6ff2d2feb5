//! The two proofs of the oracle over every command of a server: no write is lost unseen, and no
//! script without faults is blamed.
//!
//! ```text
//! COMMAND ──▶ listing ─┐
//! commands.toml ───────┴─▶ blind_spots: each write lost, one by one ──▶ never `kept`
//!                      └─▶ false_alarms: scripts drawn from all ──▶ `kept`, or not measured
//! ```
//!
//! Must not know: output, and how a script is run.

pub mod blind_spots;
pub mod catalogue;
pub mod false_alarms;
pub mod listing;
mod replies;
pub mod stories;
