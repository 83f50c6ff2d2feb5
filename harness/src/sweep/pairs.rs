//! Pairs: a second fault on the recovery of the first.
//!
//! Only the calls that the first fault newly reached are tried, because what is left was tried
//! without it. A start that is refused is tried once more, and all of that is new. It also gives
//! the starts after it later numbers; their calls are told by the start of the script that they
//! belong to, and are as old as ever. Left out, because of their number, are cuts of the power
//! during the recovery, and other orders of tasks there together with a second fault. Must not
//! know: how runs are made.

use std::collections::BTreeSet;

use super::enumerate::{Run, Scope};
use super::fault::{Kind, fitting, parts_of_order};
use super::workload::{Ending, Workload};
use crate::kernel::Site;
use crate::runner::ReachedCall;

/// Whether a run may be the first of a pair: the server goes on after its fault, and the fault is
/// over at once, so that what comes is recovery.
pub fn may_be_first(run: &Run) -> bool {
    let over = !run.fault.ends_with('+');
    let goes_on = matches!(run.kind, Kind::Error | Kind::Short | Kind::Delay);
    !run.beyond && over && goes_on && run.ending == Ending::Cut
}

/// The pairs that begin with `first`, whose run went through `reached`; `known` are the sites of
/// the dry run.
pub fn seconds(
    workload: &Workload,
    first: &Run,
    reached: &[ReachedCall],
    known: &BTreeSet<String>,
    scope: Scope<'_>,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for reached in reached.iter().filter(|reached| !reached.idle && is_new(reached, known)) {
        // What the ending does is out of reach: it begins with `heal`.
        if reached.start > workload.starts() {
            continue;
        }
        for fault in fitting(reached).into_iter().filter(|fault| scope.takes(fault.kind)) {
            // An order is compared with the first fault alone, so nothing else may come with it.
            let alone = parts_of_order(&fault.name).0.is_empty();
            if fault.kind == Kind::Power || (fault.kind == Kind::Order && !alone) {
                continue;
            }
            let added: Vec<_> = first.added.iter().chain(&fault.lines).cloned().collect();
            runs.extend(fault.endings.iter().map(|ending| Run {
                site: format!("{} + {}", first.site, reached.site),
                place: first.place,
                fault: format!("{} + {}", first.fault, fault.name),
                kind: fault.kind,
                ending: *ending,
                added: added.clone(),
                beyond: false,
                cuts: false,
            }));
        }
    }
    runs
}

/// Whether the run without faults has not been there.
fn is_new(reached: &ReachedCall, known: &BTreeSet<String>) -> bool {
    let without = Site { incarnation: reached.start, ..reached.parts() };
    reached.again.is_some() || !known.contains(&without.to_string())
}
