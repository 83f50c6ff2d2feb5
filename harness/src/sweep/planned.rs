//! One run of a sweep before it is made.
//!
//! Must not know: which runs there are, and what becomes of them.

use super::fault::{Fault, Kind};
use super::pair::OneOrPair;
use super::state::State;
use super::workload::{Added, Ending};
use crate::kernel::Site;

/// One run: the workload, what is added to it, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRun {
    pub site: OneOrPair<Site>,
    /// The site's place among those of the dry run.
    pub place: usize,
    /// The heading of its column.
    pub fault: OneOrPair<Fault>,
    pub ending: Ending,
    /// Where the power is cut, the last step does that.
    pub added: Vec<Added>,
    /// It is past the last call of its axis: nothing may be injected.
    pub past_last_call: bool,
    /// The act of its story, see [`super::acts`].
    pub act: u32,
    /// What the server is at there.
    pub state: State,
}

impl PlannedRun {
    pub fn kind(&self) -> Kind {
        self.fault.last().kind()
    }

    /// Whether the power is cut at its call: it stands for all states that this may leave.
    pub fn cuts_power(&self) -> bool {
        self.fault.last().power_cut().is_some()
    }
}
