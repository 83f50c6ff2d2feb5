//! What runs cost, in real time on one core. It measures and asserts nothing.
//!
//! Must not know: how a run is made, and how a number is told.

pub mod runs;
pub mod sweeps;
