//! Pairs: a second event in a run that the first has changed.
//!
//! The first is over at once or lasts until `heal`, and the server goes on or is started again: an
//! error, a short call, a delay, a kill, another order of tasks. The second may be anything that
//! fits a call, a power cut too, and comes only at calls that the first has made *different from
//! the dry run*. A call is different if, by the start of the script that it belongs to and its
//! name within that,
//!
//! - the dry run makes no such call, or that start had been refused before (`Different::New`);
//! - or it asks for other bytes, moves others, or returns something else (`Different::Call`);
//! - or, when it is made, other files are there or they have other lengths, so that a kill would
//!   leave something else (`Different::Files`);
//! - or nothing but what a power cut may leave is different (`Different::Unsynced`); then only
//!   power cuts are tried, and faults of syncs, because nothing else can tell.
//!
//! A start that is refused gives the starts after it later numbers; their calls are recognised by
//! the start of the script that they belong to. Calls to which the first fault did something are
//! left alone: its rule comes before any other.
//!
//! There are many more pairs than single faults, so a sweep makes at most [`MOST`] times as many
//! runs of pairs as it made of single faults, chosen by kinds ([`super::sample`]), and says how
//! many it left out. Left out altogether are other orders of tasks together with a third fault.
//! Must not know: how runs are made.

use std::collections::{BTreeMap, BTreeSet};

use super::axis::Axis;
use super::enumerate::Scope;
use super::fault::{CallFault, Fault, Kind};
use super::fitting::{Fitting, fitting};
use super::pair::OneOrPair;
use super::planned::PlannedRun;
use super::sample::{self, Candidate, kind_of};
use super::workload::{Ending, Workload};
use crate::kernel::Site;
use crate::runner::{ReachedCall, RunSummary};

/// Runs of pairs for each run with a single fault, those included that only look where a first
/// fault leads.
pub const MOST: usize = 5;

/// How a call differs from that of the dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Different {
    New,
    Call,
    Files,
    Unsynced,
}

/// The calls of a dry run.
pub struct Known<'a>(BTreeMap<Site, &'a ReachedCall>);

impl<'a> Known<'a> {
    pub fn of(reached: &'a [ReachedCall]) -> Known<'a> {
        Known(reached.iter().map(|call| (call.site.clone(), call)).collect())
    }

    /// How a call of another run differs; None: not at all.
    fn difference(&self, call: &ReachedCall) -> Option<Different> {
        let site = Site { incarnation: call.start, ..call.site.clone() };
        let known = match self.0.get(&site) {
            Some(known) if call.again.is_none() => *known,
            _ => return Some(Different::New),
        };
        let did = |call: &ReachedCall| (call.bytes, call.moved, call.returned.clone());
        match () {
            () if did(known) != did(call) => Some(Different::Call),
            () if known.disk.visible != call.disk.visible => Some(Different::Files),
            () if known.disk.unsynced != call.disk.unsynced => Some(Different::Unsynced),
            () => None,
        }
    }
}

/// Whether a run may be the first of a pair: something goes on after its fault.
pub fn may_be_first(run: &PlannedRun) -> bool {
    let goes_on = match &run.fault.first {
        Fault::Order { with, .. } => with.is_none(),
        Fault::Call(CallFault::PowerCut(..) | CallFault::Lie) | Fault::None => false,
        Fault::Call(_) => true,
    };
    goes_on && !run.past_last_call && run.ending == Ending::Killed
}

/// Where a first fault leads that the dry run has not been.
pub struct Led {
    calls: Vec<(ReachedCall, Different)>,
}

impl Led {
    /// What its run, which ends as the dry run does, went through.
    pub fn by(run: &RunSummary, known: &Known<'_>) -> Led {
        let untouched = |call: &&ReachedCall| {
            !call.idle && !call.site.is_launchers() && !run.course.disturbed.contains(&call.site)
        };
        let calls = run.reached.iter().filter(untouched);
        let different = |call: &ReachedCall| Some((call.clone(), known.difference(call)?));
        Led { calls: calls.filter_map(different).collect() }
    }
}

/// A pair before its run is written down: a first, a call after it, what happens there, the end.
#[derive(Clone, Copy, Debug)]
struct Place {
    first: usize,
    call: usize,
    fitting: usize,
    ending: Ending,
}

/// What is to be chosen from.
pub struct Choice<'a> {
    pub workload: &'a Workload,
    pub scope: Scope<'a>,
    /// Ends that show something about a fault in this workload.
    pub endings: &'a BTreeSet<Ending>,
}

impl Choice<'_> {
    /// The pairs that begin with these, at most `most` of them, and how many are left out.
    pub fn of(&self, firsts: &[(&PlannedRun, Led)], most: usize) -> (Vec<PlannedRun>, usize) {
        let (mut places, mut candidates) = (Vec::new(), Vec::new());
        for (n, (first, led)) in firsts.iter().enumerate() {
            for (call, (reached, different)) in led.calls.iter().enumerate() {
                for (fitting, its) in fitting(reached).iter().enumerate() {
                    for ending in self.endings_of(first, reached, *different, its) {
                        places.push(Place { first: n, call, fitting, ending });
                        candidates.push(candidate(first, reached, *different, its, ending));
                    }
                }
            }
        }
        let chosen = sample::choose(&candidates, most as u64);
        let left_out = places.len() - chosen.len();
        let runs = chosen.into_iter().map(|n| planned(firsts, places[n])).collect();
        (runs, left_out)
    }

    /// How runs with this second event end; none: it does not come second.
    fn endings_of(
        &self,
        first: &PlannedRun,
        reached: &ReachedCall,
        different: Different,
        its: &Fitting,
    ) -> Vec<Ending> {
        let orders = matches!(its.fault, Fault::Order { .. }) && first.kind() == Kind::Order;
        // An order is compared with the first fault alone, so nothing else may come with it.
        let third = matches!(its.fault, Fault::Order { with: Some(_), .. });
        let invisible = different == Different::Unsynced
            && its.fault.power_cut().is_none()
            && !reached.site.call.is_sync();
        let unwanted = !self.scope.takes(its.fault.kind());
        if orders || third || invisible || unwanted {
            return Vec::new();
        }
        let last = self.workload.starts() + 1;
        let lasts = first.fault.first.of_the_call().is_some_and(CallFault::lasts);
        match () {
            () if reached.start < last => {
                its.endings.iter().copied().filter(|end| self.endings.contains(end)).collect()
            }
            // The end itself: there a fault that lasts is over.
            () if reached.start == last && !lasts => vec![Ending::Load],
            () => Vec::new(),
        }
    }
}

fn planned(firsts: &[(&PlannedRun, Led)], place: Place) -> PlannedRun {
    let Place { first, call, fitting: number, ending } = place;
    let (first, led) = &firsts[first];
    let reached = &led.calls[call].0;
    let its = fitting(reached).swap_remove(number);
    PlannedRun {
        site: OneOrPair::pair(first.site.first.clone(), reached.site.clone()),
        place: first.place,
        fault: OneOrPair::pair(first.fault.first.clone(), its.fault),
        ending,
        added: first.added.iter().chain(&its.added).cloned().collect(),
        past_last_call: false,
        act: first.act,
        state: first.state.clone(),
    }
}

/// From coarse to fine: which sorts of events come together at which calls, then which faults of
/// which files, then where exactly.
fn candidate(
    first: &PlannedRun,
    reached: &ReachedCall,
    different: Different,
    its: &Fitting,
    ending: Ending,
) -> Candidate {
    let sorts = (first.kind(), its.fault.kind());
    let calls = (first.site.first.call, reached.site.call);
    let axes = (Axis::of(&first.site.first), Axis::of(&reached.site));
    let faults = (first.fault.first.to_string(), its.fault.to_string());
    let again = (reached.start != first.site.first.incarnation, reached.again.is_some());
    let kinds = [
        kind_of(&(sorts, calls.1)),
        kind_of(&(sorts, calls, again)),
        kind_of(&(sorts, &axes.1, &faults.1, ending)),
        kind_of(&(&axes.0, &faults.0, sorts.1, calls.1, different)),
        kind_of(&(&axes, sorts, different, again)),
        kind_of(&(&axes, &faults.1, different, again)),
        kind_of(&(&axes, &faults, ending, different, again)),
    ];
    Candidate { kinds: kinds.map(Some).to_vec(), group: 0, cost: 1 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::contract::Regime;
    use crate::kernel::Look;

    /// A write of 10 bytes, all of which it moves.
    pub fn call(site: &str, start: u32) -> ReachedCall {
        ReachedCall {
            site: site.parse().expect(site),
            start,
            again: None,
            bytes: 10,
            moved: 10,
            children: false,
            idle: false,
            others: Vec::new(),
            opens_to_write: false,
            returned: "10".to_string(),
            disk: Look::default(),
            regime: Regime::Everysec,
        }
    }

    #[test]
    fn a_call_differs_by_what_it_does_by_what_is_there_and_by_what_is_not_durable() {
        let dry = [call("parent.aof.write#1", 1), call("2:parent.aof.read#1", 2)];
        let known = Known::of(&dry);
        let same = call("parent.aof.write#1", 1);
        assert_eq!(known.difference(&same), None);
        // A start that was refused makes later numbers, and its second attempt is new.
        assert_eq!(known.difference(&call("3:parent.aof.read#1", 2)), None);
        let again = ReachedCall { again: Some(0), ..call("3:parent.aof.read#1", 2) };
        assert_eq!(known.difference(&again), Some(Different::New));
        let more = call("parent.aof.write#2", 1);
        assert_eq!(known.difference(&more), Some(Different::New));
        let failed = ReachedCall { returned: "EIO".to_string(), ..same.clone() };
        assert_eq!(known.difference(&failed), Some(Different::Call));
        let look = |visible, unsynced| Look { visible, unsynced, ..Look::default() };
        let shorter = ReachedCall { disk: look(1, 1), ..same.clone() };
        assert_eq!(known.difference(&shorter), Some(Different::Files));
        let unsynced = ReachedCall { disk: look(0, 1), ..same };
        assert_eq!(known.difference(&unsynced), Some(Different::Unsynced));
    }

    #[test]
    fn what_only_a_cut_can_tell_is_tried_with_cuts_alone_and_the_budget_holds() {
        let script = crate::case::parse("test", "> SET a 1\n").expect("a case");
        let workload = Workload::of("test", &script);
        let dry = [call("parent.aof.write#1", 1), call("parent.aof.write#2", 1)];
        let scope = Scope::WHOLE;
        let plan = super::super::RunPlan::of(&workload, &dry, scope);
        let first = plan.runs.iter().find(|run| may_be_first(run)).expect("one may");
        let endings: BTreeSet<Ending> = Ending::ALL.into_iter().collect();
        let choice = Choice { workload: &workload, scope, endings: &endings };
        let pairs = |different, most| {
            let led = Led { calls: vec![(dry[1].clone(), different)] };
            choice.of(&[(first, led)], most)
        };
        let (cuts, _) = pairs(Different::Unsynced, 100);
        assert!(!cuts.is_empty() && cuts.iter().all(PlannedRun::cuts_power));
        let (all, _) = pairs(Different::Files, 1000);
        assert!(all.len() > cuts.len() && all.iter().all(|run| run.site.is_pair()));
        let (few, left_out) = pairs(Different::Files, 7);
        assert_eq!((few.len(), few.len() + left_out), (7, all.len()));
        // As many kinds of events as runs: no kind is left out because of its number.
        let kinds: BTreeSet<Kind> = few.iter().map(PlannedRun::kind).collect();
        let every: BTreeSet<Kind> = all.iter().map(PlannedRun::kind).collect();
        assert_eq!(kinds, every);
    }
}
