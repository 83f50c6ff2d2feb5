//! What a start of a server depends on up to its entry point.
//!
//! Must not know: how a start is made.

use std::path::PathBuf;

use crate::kernel::Clock;

/// What a start is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartKey {
    pub program: PathBuf,
    pub environment: Vec<(String, String)>,
    pub clock: Clock,
    /// How many random numbers were drawn so far.
    pub drawn: u64,
}
