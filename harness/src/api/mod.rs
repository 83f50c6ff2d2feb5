//! The library: a server in a world, a case, a plan of faults, and what came of it.
//!
//! A thin front before the command's rooms, for tests of other projects; see the crate's own
//! documentation for how they fit together. Must not know: how a case runs, and what a promise is.

mod case;
mod error;
mod outcome;
mod plan;
mod sweep;
mod world;

pub use case::Case;
pub use error::Error;
pub use plan::Plan;
pub use sweep::{Report, SweepOptions, sweep};
pub use world::World;
