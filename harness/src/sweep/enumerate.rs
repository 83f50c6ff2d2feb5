//! From the sites of a dry run to the runs of a sweep.
//!
//! Each chain of equal calls of a task (`parent.aof.write#1`, `#2`, …) is an axis. Behind its last
//! site stands one run more, which must inject nothing: that is how an axis ends, rather than by
//! what the dry run made one believe. Calls that only looked and found nothing (a wait4 while the
//! child works) are left out and counted. Must not know: verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Kind, fitting, parts_of_order};
use super::finding;
use super::shard::Shard;
use super::workload::{Ending, Place, Workload};
use crate::kernel::{Name, Site};
use crate::runner::ReachedCall;

/// One run: the workload, what is added to it, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub site: String,
    /// The site's place among those of the dry run.
    pub place: usize,
    /// The heading of its column.
    pub fault: String,
    pub kind: Kind,
    pub ending: Ending,
    pub added: Vec<(Place, String)>,
    /// It stands behind the end of its axis: nothing may be injected.
    pub beyond: bool,
    /// Its last line cuts the power: it stands for all states that this may leave.
    pub cuts: bool,
}

/// All runs of one workload in one world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub runs: Vec<Run>,
    /// What orders of tasks are compared with, where that is not among the runs: it does not count.
    pub usual: Vec<Run>,
    /// Sites that were left out because nothing happens there.
    pub idle: usize,
}

/// What to sweep.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Kinds of faults; empty: all.
    pub kinds: &'a [Kind],
    pub shard: Shard,
    /// About so many runs of all, one of each stratum as long as they suffice; None: all.
    pub sample: Option<usize>,
    /// States of each profile at each cut of the power, beside those that are always taken; None:
    /// as many as the world is quick enough for.
    pub images: Option<u64>,
}

impl Scope<'_> {
    /// Everything.
    pub const WHOLE: Scope<'static> =
        Scope { kinds: &[], shard: Shard::WHOLE, sample: None, images: None };
}

impl Scope<'_> {
    pub fn takes(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl Plan {
    /// Every fault that fits at every site that `reached` tells.
    pub fn of(workload: &Workload, reached: &[ReachedCall], scope: Scope<'_>) -> Plan {
        let last = workload.starts() + 1;
        let mut plan = Plan::default();
        let mut others = Vec::new();
        for (place, reached) in reached.iter().chain(&ends(reached)).enumerate() {
            if reached.start > last || !scope.shard.has(&workload.name, &reached.site) {
                continue;
            }
            if reached.idle {
                plan.idle += 1;
                continue;
            }
            let beyond = reached.bytes == BEYOND;
            let (faults, left): (Vec<_>, Vec<_>) =
                fitting(reached).into_iter().partition(|fault| scope.takes(fault.kind));
            let faults = faults.into_iter().take(if beyond { 1 } else { usize::MAX });
            let left = left.into_iter().filter(|_| !beyond && scope.takes(Kind::Order));
            for (fault, counts) in faults.map(|f| (f, true)).chain(left.map(|f| (f, false))) {
                let endings = if reached.start == last { &[Ending::Load] } else { fault.endings };
                let endings = if beyond { &endings[..1] } else { endings };
                let runs = if counts { &mut plan.runs } else { &mut others };
                runs.extend(endings.iter().map(|ending| Run {
                    site: reached.site.clone(),
                    place,
                    fault: fault.name.clone(),
                    kind: fault.kind,
                    ending: *ending,
                    added: fault.lines.clone(),
                    beyond,
                    cuts: fault.cuts,
                }));
            }
        }
        if let Some(count) = scope.sample {
            others.extend(plan.thin(count));
        }
        plan.compare_with(others);
        plan
    }

    /// Takes of `others` each fault in the usual order that an order has a run with.
    fn compare_with(&mut self, mut others: Vec<Run>) {
        let orders = self.runs.iter().filter(|run| run.kind == Kind::Order);
        let met: BTreeSet<(&str, &str, Ending)> = orders
            .map(|run| (run.site.as_str(), parts_of_order(&run.fault).0, run.ending))
            .collect();
        others.retain(|run| {
            let key = (run.site.as_str(), run.fault.as_str(), run.ending);
            run.kind != Kind::Order && met.contains(&key)
        });
        self.usual = others;
    }

    /// Leaves about `count` runs, evenly spread over the strata: kinds of sites with a fault.
    /// Returns the others.
    fn thin(&mut self, count: usize) -> Vec<Run> {
        let mut strata: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (n, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.beyond) {
            let stratum = (finding::axis(&run.site).to_string(), run.fault.clone());
            strata.entry(stratum).or_insert(n);
        }
        let mut chosen: Vec<usize> = strata.into_values().collect();
        chosen.sort_unstable();
        let step = chosen.len().div_ceil(count.max(1)).max(1);
        let chosen: BTreeSet<usize> = chosen.into_iter().step_by(step).collect();
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for (n, run) in std::mem::take(&mut self.runs).into_iter().enumerate() {
            if chosen.contains(&n) { kept.push(run) } else { others.push(run) }
        }
        self.runs = kept;
        others
    }
}

/// Marks a site that the dry run has not reached.
const BEYOND: u64 = u64::MAX;

/// What the numbers of sites count.
type Axis = (u32, Name, Option<Name>, &'static str);

/// The sites right behind the last of each axis.
fn ends(reached: &[ReachedCall]) -> Vec<ReachedCall> {
    let mut last: BTreeMap<Axis, (usize, &ReachedCall, Site)> = BTreeMap::new();
    for (place, reached) in reached.iter().enumerate() {
        let site = reached.parts();
        let axis = (site.incarnation, site.task.clone(), site.role.clone(), site.call.as_str());
        let latest = last.get(&axis).is_none_or(|(_, _, other)| other.number < site.number);
        if latest {
            last.insert(axis, (place, reached, site));
        }
    }
    let mut ends: Vec<(usize, &ReachedCall, Site)> = last.into_values().collect();
    ends.sort_by_key(|(place, ..)| *place);
    let end = |reached: &ReachedCall, site: Site| {
        let site = Site { number: site.number + 1, ..site };
        ReachedCall {
            site: site.to_string(),
            start: reached.start,
            again: reached.again,
            bytes: BEYOND,
            moved: 0,
            children: false,
            idle: false,
            others: Vec::new(),
        }
    };
    ends.into_iter().map(|(_, reached, site)| end(reached, site)).collect()
}
