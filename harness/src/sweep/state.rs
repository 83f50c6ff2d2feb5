//! What a server is at when it makes a call: what it promised, which life it is in, whether a
//! child is at work, and what is not durable.
//!
//! Must not know: faults.

use std::collections::BTreeSet;

use crate::contract::Regime;
use crate::runner::ReachedCall;

/// What a server is at when it makes a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub regime: Regime,
    pub life: Life,
    /// A child of the server is at work.
    pub child: bool,
    /// Roles of which content or a name is not durable.
    pub pending: BTreeSet<String>,
}

/// Which of the server's lives it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    First,
    /// It has been started again.
    Later,
    /// A start was refused, and this is the second attempt.
    Again,
}

impl State {
    pub fn of(call: &ReachedCall) -> State {
        let life = match (call.start, call.again) {
            (_, Some(_)) => Life::Again,
            (1, None) => Life::First,
            _ => Life::Later,
        };
        State {
            regime: call.regime,
            life,
            child: call.children,
            pending: call.disk.pending.clone(),
        }
    }
}
