//! What a start of a server depends on up to its entry point.
//!
//! Must not know: how a start is made.

use std::path::PathBuf;

use crate::kernel::Clock;

/// Two starts with equal keys are the same up to the entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartKey {
    pub program: PathBuf,
    pub environment: Vec<(String, String)>,
    pub clock: Clock,
}
