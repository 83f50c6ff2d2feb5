//! A run without a transcript: verdicts alone, and, when asked, the sites that it went through.
//!
//! A sweep makes thousands of runs that nobody reads, so what only a reader wants is not kept for
//! them. Must not know: why a run is made.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;

use super::changes;
use super::oracle::Oracle;
use super::outcome::{Collect, ReachedCall, RunSummary, decisive};
use super::record::Keep;
use super::state::{EarlyEnd, Runner};
use crate::case::script::Script;
use crate::contract::regime::{self, Position};
use crate::contract::{Regime, Verdict};
use crate::kernel::plan::Selector;
use crate::kernel::schedule::Choice;
use crate::kernel::trace::Record;
use crate::kernel::{Look, Site};
use crate::observation::{
    CallName, CallRecord, Detail, MachineEvent, Observations, Returned, Start,
};
use crate::profile::Profile;
use crate::world::World;

/// Runs a case for its verdicts, and for what else is to be collected.
pub fn run_for_summary(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    oracle: &mut dyn Oracle,
    collect: Collect,
) -> RunSummary {
    let mut runner = Runner::new(script, world, profile, Some(oracle), Keep::Facts);
    if collect == Collect::Sites {
        let mut kernel = runner.session.world.kernel();
        kernel.schedule.survey();
        kernel.look_at_the_disk();
    }
    let end = runner.run();
    summarize(runner, end, collect)
}

/// What a run came to that ended like this.
pub(super) fn summarize(
    mut runner: Runner<'_>,
    end: Result<(), EarlyEnd>,
    collect: Collect,
) -> RunSummary {
    runner.ended(end);
    let mut course = Box::default();
    let (reached, trace) = match collect {
        Collect::Sites => {
            let kernel = runner.session.world.kernel();
            let through = runner.record.script_ended_at.unwrap_or(kernel.trace.len());
            let records = &kernel.trace.records()[..through];
            let seen = &runner.record.seen;
            course = Box::new(changes::course(records));
            let reached = sites(records, kernel.schedule.choices(), kernel.looks(), seen);
            (reached, kernel.trace.to_string())
        }
        Collect::Verdicts => (Vec::new(), String::new()),
    };
    if let Err(broken) = runner.session.world.finish() {
        runner.ended(Err(broken.into()));
    }
    let judgements = runner.judgements;
    let worst = decisive(&judgements.rulings);
    RunSummary {
        verdict: worst.map_or(Verdict::NotMeasured, |worst| worst.verdict),
        unfired: judgements.never_fired,
        rulings: judgements.rulings,
        failures: judgements.failures,
        reached,
        trace,
        course,
    }
}

fn opens_to_write(call: &CallRecord) -> bool {
    matches!(call.detail, Detail::Flags(flags) if !flags.only_reads())
}

/// Whether the call found nothing to do.
fn is_idle(call: &CallRecord) -> bool {
    match &call.returned {
        Some(Returned::Error(Errno::EAGAIN)) => true,
        Some(Returned::Reaped(..)) => false,
        _ => call.site.call == CallName::Wait4,
    }
}

/// By incarnation: the start of the script, and whether that had been refused.
fn attempts(starts: &[Start]) -> BTreeMap<u32, (u32, bool)> {
    let mut attempts = BTreeMap::new();
    let mut number = 0;
    for (incarnation, start) in (1..).zip(starts) {
        number += u32::from(!start.again);
        attempts.insert(incarnation, (number, start.again));
    }
    attempts
}

/// Calls that a rule for all calls like this one counts before the start is tried again.
fn made_by_the_refused(reached: &[ReachedCall], site: &Site) -> u32 {
    let Site { incarnation, task, role, call, .. } = site.clone();
    let (role, task) = (role.map(|role| role.to_string()), Some(task.to_string()));
    let like = Selector::Calls { calls: vec![call], role, task };
    let made = reached.iter().map(|call| &call.site);
    let made = made.filter(|other| other.incarnation + 1 == incarnation && like.matches(other));
    u32::try_from(made.count()).unwrap_or(u32::MAX)
}

/// The name of every site of a part of a trace, once.
pub(super) fn names_of_sites(trace: &[Record]) -> Vec<String> {
    let mut known = BTreeSet::new();
    let calls = trace.iter().filter_map(|record| match &record.event {
        MachineEvent::Call(call) => Some(call.site.to_string()),
        _ => None,
    });
    calls.filter(|site| known.insert(site.clone())).collect()
}

/// The regime at each call of a trace, in order.
struct Regimes<'a> {
    seen: &'a Observations,
    calls: usize,
    /// That of a start, after so many commands.
    known: Option<(u32, usize, Regime)>,
}

impl Regimes<'_> {
    fn next(&mut self, incarnation: u32) -> Regime {
        let calls = self.calls;
        self.calls += 1;
        let order = self.seen.history.partition_point(|sent| sent.calls <= calls);
        match self.known {
            // Only a rewrite ends it, and that shows in the calls alone.
            Some((start, since, regime))
                if (start, since) == (incarnation, order) && regime != Regime::Switching =>
            {
                regime
            }
            _ => {
                let regime = regime::at(self.seen, Position { incarnation, order, calls });
                self.known = Some((incarnation, order, regime));
                regime
            }
        }
    }
}

/// Every site of a part of a trace, once, with what decides which faults fit it.
fn sites(
    trace: &[Record],
    choices: &[Choice],
    looks: &[(Site, Look)],
    seen: &Observations,
) -> Vec<ReachedCall> {
    let attempts = attempts(&seen.starts);
    let mut regimes = Regimes { seen, calls: 0, known: None };
    let others: BTreeMap<&Site, &Vec<String>> =
        choices.iter().map(|choice| (&choice.site, &choice.tasks)).collect();
    let looks: BTreeMap<&Site, &Look> = looks.iter().map(|(site, look)| (site, look)).collect();
    let mut known = BTreeSet::new();
    let mut living = 0_usize;
    let mut reached: Vec<ReachedCall> = Vec::new();
    for record in trace {
        match &record.event {
            MachineEvent::Call(call) => {
                let before = living;
                let regime = regimes.next(call.site.incarnation);
                living += usize::from(matches!(call.returned, Some(Returned::Child(_))));
                let site = call.site.clone();
                if !known.insert(&call.site) {
                    continue;
                }
                let bytes = match call.detail {
                    Detail::Bytes(bytes) => bytes,
                    _ => 0,
                };
                let moved = match call.returned {
                    Some(Returned::Value(moved)) if bytes > 0 => moved.cast_unsigned(),
                    _ => 0,
                };
                let children = before.max(living) > 0;
                let idle = is_idle(call);
                let others = others.get(&site).map(|tasks| tasks.to_vec()).unwrap_or_default();
                let (start, again) = match attempts.get(&call.site.incarnation) {
                    Some((start, false)) => (*start, None),
                    Some((start, true)) => {
                        (*start, Some(made_by_the_refused(&reached, &call.site)))
                    }
                    None => (call.site.incarnation, None),
                };
                let disk = looks.get(&site).map(|look| (*look).clone()).unwrap_or_default();
                let returned = call.returned.as_ref().map_or_else(String::new, Returned::to_string);
                reached.push(ReachedCall {
                    site,
                    start,
                    again,
                    bytes,
                    moved,
                    children,
                    idle,
                    others,
                    opens_to_write: opens_to_write(call),
                    returned,
                    disk,
                    regime,
                });
            }
            MachineEvent::Ended { task, .. } if task.starts_with("child") => {
                living = living.saturating_sub(1);
            }
            _ => {}
        }
    }
    reached
}
