//! A run without a transcript: verdicts alone, and, when asked, the sites that it went through.
//!
//! Thousands of runs of a sweep are looked at by nobody, so nothing is written down for them that
//! only a reader wants. Must not know: why a run is made.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;

use super::oracle::Oracle;
use super::outcome::{Brief, Learned, beside_own_faults};
use super::state::Stop;
use super::steps::Runner;
use crate::case::script::Script;
use crate::contract::Verdict;
use crate::kernel::Site;
use crate::kernel::plan::Selector;
use crate::kernel::schedule::Choice;
use crate::kernel::trace::Record;
use crate::observation::{CallName, CallRecord, Detail, MachineEvent, Returned, Start};
use crate::profile::Profile;
use crate::world::World;

/// Runs a case; `learn`: also tells the sites and the trace.
pub fn brief(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    oracle: &mut dyn Oracle,
    learn: bool,
) -> Brief {
    let mut runner = Runner::new(script, world, profile, oracle);
    runner.quiet = true;
    if learn {
        runner.world.kernel().schedule.survey();
    }
    let end = runner.run();
    told(runner, end, learn)
}

/// What a run came to that ended like this.
pub(super) fn told(mut runner: Runner<'_>, end: Result<(), Stop>, learn: bool) -> Brief {
    runner.stopped(end);
    let (learned, trace) = match learn {
        true => {
            let kernel = runner.world.kernel();
            let through = runner.through.unwrap_or(kernel.trace.len());
            let records = &kernel.trace.records()[..through];
            let learned = sites(records, kernel.schedule.choices(), &runner.seen.starts);
            (learned, kernel.trace.to_string())
        }
        false => (Vec::new(), String::new()),
    };
    if let Err(broken) = runner.world.finish() {
        runner.stopped(Err(broken.into()));
    }
    let worst = beside_own_faults(&runner.verdicts, &runner.own_fault);
    Brief {
        verdict: worst.map_or(Verdict::NotMeasured, |(_, verdict, _)| *verdict),
        verdicts: runner.state.verdicts,
        own_fault: runner.state.own_fault,
        unfired: runner.state.never_fired,
        failures: runner.state.failures,
        learned,
        trace,
    }
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
fn made_by_the_refused(learned: &[Learned], site: &Site) -> u32 {
    let Site { incarnation, task, role, call, .. } = site.clone();
    let (role, task) = (role.map(|role| role.to_string()), Some(task.to_string()));
    let like = Selector::Calls { calls: vec![call], role, task };
    let made = learned.iter().map(Learned::parts);
    let made = made.filter(|other| other.incarnation + 1 == incarnation && like.matches(other));
    u32::try_from(made.count()).unwrap_or(u32::MAX)
}

/// Every site of a part of a trace, once.
fn sites(trace: &[Record], choices: &[Choice], starts: &[Start]) -> Vec<Learned> {
    let attempts = attempts(starts);
    let others: BTreeMap<String, &Vec<String>> =
        choices.iter().map(|choice| (choice.site.to_string(), &choice.tasks)).collect();
    let mut known = BTreeSet::new();
    let mut living = 0_usize;
    let mut learned: Vec<Learned> = Vec::new();
    for record in trace {
        match &record.event {
            MachineEvent::Call(call) => {
                let before = living;
                living += usize::from(matches!(call.returned, Some(Returned::Child(_))));
                let site = call.site.to_string();
                if !known.insert(site.clone()) {
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
                        (*start, Some(made_by_the_refused(&learned, &call.site)))
                    }
                    None => (call.site.incarnation, None),
                };
                let faults = Learned { site, start, again, bytes, moved, children, idle, others };
                learned.push(faults);
            }
            MachineEvent::Ended { task, .. } if task.starts_with("child") => {
                living = living.saturating_sub(1);
            }
            _ => {}
        }
    }
    learned
}
