//! The oracle: what a dataset should be when nothing goes wrong.
//!
//! Must not know: what was promised.

mod prefix_tree;
pub mod replay;
mod server;

use crate::case::script::Script;
use crate::contract::Unit;
use crate::kernel::Time;
use crate::profile::Profile;
use crate::world::{Broken, Directive};

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The step under way.
    pub line: u32,
    pub at: Time,
}

/// Finds out what INFO would have shown at some point of a run.
pub trait Announcer {
    /// Whether it would have reported trouble.
    fn would_have_shown(
        &mut self,
        script: &Script,
        profile: &Profile,
        point: Point,
    ) -> Result<bool, Broken>;
}

/// Knows the state after each prefix of a history.
pub trait Oracle: Announcer {
    /// The most of these units after which the dataset is `found`, as asked at `asked_at`, on a
    /// server with these directives, of which none is about persistence; None: no prefix leads
    /// there.
    fn survivors(
        &mut self,
        units: &[&Unit],
        asked_at: Time,
        directives: &[Directive],
        found: &str,
    ) -> Result<Option<usize>, Broken>;
}
