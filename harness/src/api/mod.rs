//! The library, for tests of other projects: a server in a world, a case, a plan of faults, and
//! their outcome.
//!
//! A thin layer over the rooms that the command uses, too; the crate's own documentation says how
//! they fit together. Must not know: how a case runs, and what a promise is.

mod accepted;
mod builder;
mod case;
mod error;
mod outcome;
mod plan;
mod rule;
mod sweep;
mod world;

pub use accepted::Accepted;
pub use builder::CaseBuilder;
pub use case::Case;
pub use error::Error;
pub use plan::Plan;
pub use rule::Rule;
pub use sweep::{Report, SweepOptions, sweep};
pub use world::World;
