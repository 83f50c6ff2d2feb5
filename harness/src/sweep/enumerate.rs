//! From the sites of a dry run to the runs of a sweep.
//!
//! Each chain of equal calls of a task (`parent.aof.write#1`, `#2`, …) is an axis. An axis ends
//! with one extra run past its last call; it must inject nothing, which proves the end. Calls that
//! only looked and found nothing (a wait4 while the child works) are left out and counted. Must not
//! know: verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::Acts;
use super::axis::Axis;
use super::fault::{CallFault, Fault, Kind};
use super::fitting::{Fitting, fitting};
use super::kinds;
use super::pair::OneOrPair;
use super::planned::PlannedRun;
use super::sample::{self, Candidate};
use super::shard::Shard;
use super::state::State;
use super::workload::{Ending, Workload};
use crate::kernel::Site;
use crate::runner::ReachedCall;

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
    /// So many runs of as many kinds as possible; None: all.
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
struct Place {
    call: ReachedCall,
    /// The dry run has not made it: it would be the next of its axis.
    past_last_call: bool,
    act: u32,
}

impl RunPlan {
    /// Every fault that fits at every call of a dry run.
    pub fn of(workload: &Workload, reached: &[ReachedCall], scope: Scope<'_>) -> RunPlan {
        let last = workload.starts() + 1;
        let mut plan = RunPlan::default();
        let mut others = Vec::new();
        for (place, candidate) in places(reached).into_iter().enumerate() {
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

    /// Leaves `count` runs, as many kinds as possible. Returns the others.
    pub fn thin(&mut self, count: usize) -> Vec<PlannedRun> {
        let candidates = self.candidates(0, |_| 1);
        let chosen = sample::choose(&candidates, count as u64);
        self.keep(|n| chosen.contains(&n))
    }

    /// Its runs as those to choose from, by number. That an axis is over is none.
    fn candidates(&self, group: usize, cost: impl Fn(&PlannedRun) -> u64) -> Vec<Candidate> {
        let within = self.within();
        within.map(|(_, run)| kinds::candidate(run, group, cost(run))).collect()
    }

    fn within(&self) -> impl Iterator<Item = (usize, &PlannedRun)> {
        self.runs.iter().enumerate().filter(|(_, run)| !run.past_last_call)
    }

    /// Keeps those of its candidates; returns the others.
    fn keep(&mut self, keeps: impl Fn(usize) -> bool) -> Vec<PlannedRun> {
        let numbers: BTreeSet<usize> = self
            .within()
            .map(|(n, _)| n)
            .enumerate()
            .filter(|(candidate, _)| keeps(*candidate))
            .map(|(_, n)| n)
            .collect();
        self.left_out = self.within().count() - numbers.len();
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for (n, run) in std::mem::take(&mut self.runs).into_iter().enumerate() {
            if numbers.contains(&n) { kept.push(run) } else { others.push(run) }
        }
        self.runs = kept;
        others
    }
}

/// Which part of all runs a quick look makes: with the cases, which are all run, it comes to a
/// tenth of an audit.
const QUICK: u64 = 13;
/// It makes at least so many, where there are.
const LEAST: u64 = 60;

/// Leaves a thirteenth of all runs of these plans, of as many kinds as possible.
pub fn quick(plans: &mut [&mut RunPlan]) {
    let each: Vec<Vec<Candidate>> =
        plans.iter().enumerate().map(|(n, plan)| plan.candidates(n, kinds::cost)).collect();
    let starts: Vec<usize> = each
        .iter()
        .scan(0, |start, its| Some(std::mem::replace(start, *start + its.len())))
        .collect();
    let all = each.concat();
    let whole: u64 = all.iter().map(|its| its.cost).sum();
    let chosen = sample::choose(&all, (whole / QUICK).max(LEAST));
    for (plan, start) in plans.iter_mut().zip(starts) {
        let others = plan.keep(|n| chosen.contains(&(start + n)));
        plan.compare_with(others);
    }
}

/// The runs with one fault at one call, one for each ending.
fn runs_of(
    candidate: &Place,
    place: usize,
    reload: bool,
    fitting: Fitting,
) -> impl Iterator<Item = PlannedRun> {
    let Fitting { fault, added, endings } = fitting;
    let endings = if reload { &[Ending::Load] } else { endings };
    let Place { past_last_call, act, .. } = *candidate;
    let site = candidate.call.site.clone();
    let state = State::of(&candidate.call);
    endings.iter().map(move |ending| PlannedRun {
        site: OneOrPair::one(site.clone()),
        place,
        fault: OneOrPair::one(fault.clone()),
        ending: *ending,
        added: added.clone(),
        past_last_call,
        act,
        state: state.clone(),
    })
}

/// What the numbers of sites count.
type Counted = (u32, Axis);

/// The calls that a server makes in a dry run, and then the one past the last of each axis.
fn places(reached: &[ReachedCall]) -> Vec<Place> {
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
    let mut acts = Acts::default();
    let made = reached().map(|call| {
        let act = acts.next(&call.site);
        Place { call: call.clone(), past_last_call: false, act }
    });
    let past = last.into_iter().map(|(_, call)| {
        // It is in no act.
        Place { call: next(call), past_last_call: true, act: 0 }
    });
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
        opens_to_write: false,
        returned: String::new(),
        disk: last.disk.clone(),
        regime: last.regime,
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::call;
    use super::*;

    fn plan(name: &str) -> RunPlan {
        let script = crate::case::parse(name, "> SET a 1\n").expect("a case");
        let call = |site: String| call(&site, 1);
        let writes = (1..=40).map(|n| call(format!("parent.aof.write#{n}")));
        let syncs = (1..=10).map(|n| call(format!("bio-fsync.aof.fdatasync#{n}")));
        let reached: Vec<ReachedCall> = writes.chain(syncs).collect();
        RunPlan::of(&Workload::of(name, &script), &reached, Scope::WHOLE)
    }

    #[test]
    fn a_quick_look_costs_its_part_and_has_every_kind_wherever_that_comes_from() {
        let (mut one, mut other) = (plan("one"), plan("other"));
        let kinds = |plans: [&RunPlan; 2]| -> BTreeSet<Option<u64>> {
            let all = plans.into_iter().flat_map(|plan| plan.candidates(0, |_| 1));
            all.map(|candidate| candidate.kinds[0]).collect()
        };
        let cost = |plans: [&RunPlan; 2]| -> u64 {
            let runs = plans.into_iter().flat_map(|plan| plan.within().map(|(_, run)| run));
            runs.map(kinds::cost).sum()
        };
        let (whole, all) = (cost([&one, &other]), kinds([&one, &other]));
        quick(&mut [&mut one, &mut other]);
        assert!(cost([&one, &other]) <= whole / QUICK);
        assert_eq!(kinds([&one, &other]), all);
        for plan in [&one, &other] {
            assert!(plan.within().count() > 0 && plan.left_out > plan.within().count());
        }
    }
}
