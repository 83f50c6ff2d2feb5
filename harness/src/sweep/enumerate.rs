//! From the sites of a dry run to the runs of a sweep.
//!
//! Each chain of equal calls of a task (`parent.aof.write#1`, `#2`, …) is an axis. An axis ends
//! with one extra run past its last call; it must inject nothing, which proves the end. Calls that
//! only looked and found nothing (a wait4 while the child works) are left out and counted. Must not
//! know: verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::axis::Axis;
use super::fault::{CallFault, Fault, Kind};
use super::fitting::{Fitting, fitting};
use super::pair::OneOrPair;
use super::shard::Shard;
use super::workload::{Added, Ending, Workload};
use crate::kernel::Site;
use crate::runner::ReachedCall;

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

/// All runs of one workload in one world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPlan {
    pub runs: Vec<PlannedRun>,
    /// What orders of tasks are compared with, where that is not among the runs: it does not count.
    pub baseline: Vec<PlannedRun>,
    /// Sites that were left out because nothing happens there.
    pub idle: usize,
    /// Runs that a sample leaves out.
    pub left_out: usize,
}

/// What to sweep.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Kinds of faults; empty: all.
    pub kinds: &'a [Kind],
    pub shard: Shard,
    /// So many runs: one of each kind of call with each fault, then more of them; None: all.
    pub sample: Option<usize>,
    /// States of each file system model at each power cut, besides those that are always taken;
    /// None: as many as the world is fast enough for.
    pub images: Option<u64>,
    /// Every recovery is computed, and none remembered.
    pub computes: bool,
}

impl Scope<'_> {
    /// Everything.
    pub const WHOLE: Scope<'static> =
        Scope { kinds: &[], shard: Shard::WHOLE, sample: None, images: None, computes: false };

    pub fn takes(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// A call for which faults are looked for.
struct Candidate {
    call: ReachedCall,
    /// The dry run has not made it: it would be the next of its axis.
    past_last_call: bool,
}

impl RunPlan {
    /// Every fault that fits at every call of a dry run.
    pub fn of(workload: &Workload, reached: &[ReachedCall], scope: Scope<'_>) -> RunPlan {
        let last = workload.starts() + 1;
        let mut plan = RunPlan::default();
        let mut others = Vec::new();
        for (place, candidate) in candidates(reached).into_iter().enumerate() {
            let call = &candidate.call;
            if call.start > last || !scope.shard.has(&workload.name, &call.site.to_string()) {
                continue;
            }
            if call.idle {
                plan.idle += 1;
                continue;
            }
            let (faults, left): (Vec<_>, Vec<_>) =
                fitting(call).into_iter().partition(|its| scope.takes(its.fault.kind()));
            let reload = call.start == last;
            let runs = |fault| runs_of(&candidate, place, reload, fault);
            if candidate.past_last_call {
                // One is enough to see that nothing is there.
                plan.runs.extend(faults.into_iter().take(1).flat_map(runs).take(1));
                continue;
            }
            plan.runs.extend(faults.into_iter().flat_map(runs));
            if scope.takes(Kind::Order) {
                others.extend(left.into_iter().flat_map(runs));
            }
        }
        if let Some(count) = scope.sample {
            others.extend(plan.thin(count));
        }
        plan.compare_with(others);
        plan
    }

    /// Takes of `others` each fault in the default order that an order has a run with.
    fn compare_with(&mut self, mut others: Vec<PlannedRun>) {
        let mut met: BTreeMap<(Site, Ending), Vec<CallFault>> = BTreeMap::new();
        for run in &self.runs {
            if let Fault::Order { with: Some(fault), .. } = &run.fault.first {
                met.entry((run.site.first.clone(), run.ending)).or_default().push(*fault);
            }
        }
        others.retain(|run| match &run.fault.first {
            Fault::Call(fault) => met
                .get(&(run.site.first.clone(), run.ending))
                .is_some_and(|faults| faults.contains(fault)),
            Fault::Order { .. } | Fault::None => false,
        });
        self.baseline = others;
    }

    /// Leaves `count` runs, evenly spread: first over the strata, which are kinds of calls with a
    /// fault, and when each has one, over the rest. Returns the others.
    pub fn thin(&mut self, count: usize) -> Vec<PlannedRun> {
        let mut strata: BTreeMap<Axis, Vec<&Fault>> = BTreeMap::new();
        let (mut first, mut more): (Vec<usize>, Vec<usize>) = Default::default();
        for (n, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.past_last_call) {
            let known = strata.entry(Axis::of(&run.site.first)).or_default();
            if known.contains(&&run.fault.first) {
                more.push(n);
            } else {
                known.push(&run.fault.first);
                first.push(n);
            }
        }
        self.left_out = (first.len() + more.len()).saturating_sub(count);
        let rest = spread(&more, count.saturating_sub(first.len()));
        let chosen: BTreeSet<usize> = spread(&first, count).chain(rest).collect();
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for (n, run) in std::mem::take(&mut self.runs).into_iter().enumerate() {
            if chosen.contains(&n) { kept.push(run) } else { others.push(run) }
        }
        self.runs = kept;
        others
    }
}

/// So many of them, or all, evenly spread.
fn spread(all: &[usize], count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(all.len());
    (0..count).map(move |n| all[n * all.len() / count])
}

/// The runs with one fault at one call, one for each ending.
fn runs_of(
    candidate: &Candidate,
    place: usize,
    reload: bool,
    fitting: Fitting,
) -> impl Iterator<Item = PlannedRun> {
    let Fitting { fault, added, endings } = fitting;
    let endings = if reload { &[Ending::Load] } else { endings };
    let (site, past_last_call) = (candidate.call.site.clone(), candidate.past_last_call);
    endings.iter().map(move |ending| PlannedRun {
        site: OneOrPair::one(site.clone()),
        place,
        fault: OneOrPair::one(fault.clone()),
        ending: *ending,
        added: added.clone(),
        past_last_call,
    })
}

/// What the numbers of sites count.
type Counted = (u32, Axis);

/// The calls that a server makes in a dry run, and then the one past the last of each axis.
fn candidates(reached: &[ReachedCall]) -> Vec<Candidate> {
    let reached = || reached.iter().filter(|call| !call.site.is_launchers());
    let mut last: BTreeMap<Counted, (usize, &ReachedCall)> = BTreeMap::new();
    for (place, reached) in reached().enumerate() {
        let counted = (reached.site.incarnation, Axis::of(&reached.site));
        let latest = last.get(&counted).is_none_or(|(_, it)| it.site.number < reached.site.number);
        if latest {
            last.insert(counted, (place, reached));
        }
    }
    let mut last: Vec<(usize, &ReachedCall)> = last.into_values().collect();
    last.sort_by_key(|(place, _)| *place);
    let made = reached().map(|call| Candidate { call: call.clone(), past_last_call: false });
    let past =
        last.into_iter().map(|(_, call)| Candidate { call: next(call), past_last_call: true });
    made.chain(past).collect()
}

/// The call that would come next, if there were one.
fn next(last: &ReachedCall) -> ReachedCall {
    let site = Site { number: last.site.number + 1, ..last.site.clone() };
    ReachedCall {
        site,
        start: last.start,
        again: last.again,
        // Enough to be short.
        bytes: last.bytes.max(2),
        moved: 0,
        children: false,
        idle: false,
        others: Vec::new(),
    }
}
