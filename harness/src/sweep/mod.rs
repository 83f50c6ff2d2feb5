//! The sweep: every fault that fits at every call that a workload makes, each a run of its own.
//!
//! ```text
//! case ──▶ workload ──dry run──▶ sites ──▶ runs ──▶ verdicts ──▶ matrix, findings, tokens
//! ```
//!
//! A dry run without faults learns the sites. For each site, [`fitting`] lists what can go wrong
//! with such a call. A [`PlannedRun`] is the workload with a few steps added (a rule of the plan, a
//! kill, a heal, restarts): an ordinary script, so that replaying, shrinking and exporting are one
//! mechanism, and a [`token`] is such a script in one string. Sites and faults are data on the way;
//! only scripts, JSON files and reports spell them out. A run whose fault was never injected is
//! counted as that and never as a pass. Must not know: output, and how a call is carried out.

pub mod accepted;
mod acts;
pub mod axis;
mod baseline;
pub mod blamed;
pub mod class;
pub mod cuts;
pub mod driver;
pub mod dry_run;
pub mod enumerate;
#[cfg(feature = "cli")]
pub mod explore;
pub mod fault;
pub mod file;
pub mod finding;
pub mod fitting;
pub mod kinds;
pub mod pair;
pub mod pairs;
pub mod planned;
pub mod record;
pub mod sample;
pub mod shard;
pub mod short;
pub mod shrink;
pub mod side_by_side;
pub mod signature;
pub mod smallest;
pub mod state;
pub mod tally;
pub mod token;
pub mod workload;

pub use axis::Axis;
pub use class::Class;
pub use enumerate::RunPlan;
pub use fault::{Fault, Kind};
pub use file::File;
pub use pair::OneOrPair;
pub use planned::PlannedRun;
pub use record::{Record, Sweep};
pub use sample::Sample;
pub use shard::Shard;
pub use signature::{RunResult, Signature};
pub use tally::Tally;
pub use token::Token;
pub use workload::{Added, Ending, Workload};
