//! Pairs: a second fault on the recovery of the first.
//!
//! Only calls that the first fault newly reached are tried, because the others were tried without
//! it. A start that is refused is tried once more, and all of that is new. It also gives the starts
//! after it later numbers; their calls are recognised by the start of the script that they belong
//! to, and are not new. Left out, because of their number, are power cuts during the recovery, and
//! other orders of tasks there together with a second fault. Must not know: how runs are made.

use std::collections::BTreeSet;

use super::enumerate::{PlannedRun, Scope};
use super::fault::{CallFault, Fault, Kind, Then};
use super::fitting::fitting;
use super::pair::OneOrPair;
use super::workload::{Ending, Workload};
use crate::kernel::Site;
use crate::runner::ReachedCall;

/// Whether a run may be the first of a pair: the server goes on after its fault, and the fault is
/// over at once, so that what comes is recovery.
pub fn may_be_first(run: &PlannedRun) -> bool {
    let over = run.fault.first.of_the_call().is_some_and(|fault| !fault.lasts());
    let killed = matches!(run.fault.first.of_the_call(), Some(CallFault::Short(_, Then::Killed)));
    let goes_on = matches!(run.kind(), Kind::Error | Kind::Short | Kind::Delay) && !killed;
    !run.past_last_call && over && goes_on && run.ending == Ending::Killed
}

/// The pairs that begin with `first`, whose run went through `reached`; `known` are the sites of
/// the dry run.
pub fn seconds(
    workload: &Workload,
    first: &PlannedRun,
    reached: &[ReachedCall],
    known: &BTreeSet<Site>,
    scope: Scope<'_>,
) -> Vec<PlannedRun> {
    let mut runs = Vec::new();
    for reached in reached.iter().filter(|reached| !reached.idle && is_new(reached, known)) {
        // What the ending does is out of reach: it begins with `heal`.
        if reached.start > workload.starts() {
            continue;
        }
        for its in fitting(reached).into_iter().filter(|its| scope.takes(its.fault.kind())) {
            // An order is compared with the first fault alone, so nothing else may come with it.
            let too_many = matches!(its.fault, Fault::Order { with: Some(_), .. });
            if its.fault.kind() == Kind::Power || too_many {
                continue;
            }
            let added: Vec<_> = first.added.iter().chain(&its.added).cloned().collect();
            runs.extend(its.endings.iter().map(|ending| PlannedRun {
                site: OneOrPair::pair(first.site.first.clone(), reached.site.clone()),
                place: first.place,
                fault: OneOrPair::pair(first.fault.first.clone(), its.fault.clone()),
                ending: *ending,
                added: added.clone(),
                past_last_call: false,
            }));
        }
    }
    runs
}

/// Whether the run without faults has not been there.
fn is_new(reached: &ReachedCall, known: &BTreeSet<Site>) -> bool {
    let without = Site { incarnation: reached.start, ..reached.site.clone() };
    reached.again.is_some() || !known.contains(&without)
}
