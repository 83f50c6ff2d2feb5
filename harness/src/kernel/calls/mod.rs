//! Completing a call that was entered: one method per system call.
//!
//! Must not know: whether anything real stands behind the model.

mod descriptors;
mod files;
mod processes;
mod questions;
mod syncs;

pub use descriptors::{LONGEST, Number};
pub use files::{Applied, Read, Wrote};
pub use processes::{Transfer, Waited};
