//! Pairs: a second fault on the recovery of the first.
//!
//! Only the calls that the first fault newly reached are tried, because what is left was tried
//! without it. Must not know: how runs are made.

use std::collections::BTreeSet;

use super::enumerate::{Run, Scope};
use super::fault::{Kind, fitting};
use super::workload::{Ending, Workload};
use crate::case::Learned;

/// Whether a run may be the first of a pair: the server goes on after its fault, and the fault is
/// over at once, so that what comes is recovery.
pub fn may_be_first(run: &Run) -> bool {
    let over = !run.fault.ends_with('+');
    let goes_on = matches!(run.kind, Kind::Error | Kind::Short | Kind::Delay);
    !run.beyond && over && goes_on && run.ending == Ending::Cut
}

/// The pairs that begin with `first`, whose run went through `learned`; `known` are the sites of
/// the dry run.
pub fn seconds(
    workload: &Workload,
    first: &Run,
    learned: &[Learned],
    known: &BTreeSet<String>,
    scope: Scope<'_>,
) -> Vec<Run> {
    let mut runs = Vec::new();
    let new = learned.iter().filter(|learned| !learned.idle && !known.contains(&learned.site));
    for learned in new {
        // What the ending does is out of reach: it begins with `heal`.
        if learned.parts().incarnation > workload.starts() {
            continue;
        }
        for fault in fitting(learned).into_iter().filter(|fault| scope.takes(fault.kind)) {
            if matches!(fault.kind, Kind::Power | Kind::Order) {
                // States are those of the first fault's own cuts; an order is no fault.
                continue;
            }
            let added: Vec<_> = first.added.iter().chain(&fault.lines).cloned().collect();
            runs.extend(fault.endings.iter().map(|ending| Run {
                site: format!("{} + {}", first.site, learned.site),
                place: first.place,
                fault: format!("{} + {}", first.fault, fault.name),
                kind: fault.kind,
                ending: *ending,
                added: added.clone(),
                beyond: false,
            }));
        }
    }
    runs
}
