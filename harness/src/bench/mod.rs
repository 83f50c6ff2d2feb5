//! What runs cost, in real time on one core. It measures and asserts nothing.
//!
//! Must not know: how a run is made, and how numbers are printed.

pub mod runs;
pub mod sweeps;
pub mod workers;
