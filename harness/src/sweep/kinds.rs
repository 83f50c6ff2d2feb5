//! The kinds of a run, from coarse to fine: what a sample must have of each before it has two.
//!
//! What comes of a fault depends on its class and on what the server was at (what it promised,
//! whether it recovered, what was not synced), and hardly on which errno it was or which of many
//! equal calls. The levels were chosen by what they find of a whole sweep: a fault that lasts, a
//! write that is torn by a kill and a power cut depend on the story, so each workload has its own;
//! other orders of tasks and kills are many and alike. Must not know: verdicts.

use std::hash::Hash;

use nix::errno::Errno;

use super::fault::{CallFault, Fault, Lasts, Then};
use super::planned::PlannedRun;
use super::sample::{Candidate, kind_of};
use super::state::{Life, State};
use super::workload::Ending;
use crate::kernel::plan::Victim;
use crate::kernel::{CallName, Site};

/// Faults that lead to much the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Class {
    Fails,
    FailsOn,
    Interrupted,
    Short,
    /// The rest is never written: everything is killed.
    Torn,
    TakesNothing,
    Lie,
    Late,
    Kill(&'static str),
    Cut,
    /// Nothing but another order of tasks.
    Order,
}

fn class(fault: &Fault) -> Class {
    match fault.of_the_call() {
        None => Class::Order,
        Some(CallFault::Error(Errno::EINTR, _)) => Class::Interrupted,
        Some(CallFault::Error(_, Lasts::FromHereOn) | CallFault::Short(_, Then::Full)) => {
            Class::FailsOn
        }
        Some(CallFault::Error(..) | CallFault::ErrorPagesKept(_)) => Class::Fails,
        Some(CallFault::Short(_, Then::GoesOn)) => Class::Short,
        Some(CallFault::Short(_, Then::Killed)) => Class::Torn,
        Some(CallFault::Short(_, Then::Again)) => Class::TakesNothing,
        Some(CallFault::Lie) => Class::Lie,
        Some(CallFault::Delay(_)) => Class::Late,
        Some(CallFault::Kill(victim, _)) => Class::Kill(Victim::as_str(victim)),
        Some(CallFault::PowerCut(..)) => Class::Cut,
    }
}

/// What a power cut costs compared with another run where each state takes a start.
const CUT: u64 = 4;

/// How long a run takes, compared with the shortest.
pub fn cost(run: &PlannedRun) -> u64 {
    let alone = if run.cuts_power() { CUT } else { 1 };
    // An order is compared with the same fault in the default order, which is a run, too.
    let compared = matches!(run.fault.first, Fault::Order { with: Some(_), .. });
    if compared { 2 * alone } else { alone }
}

/// A run as one of those to choose from; `group` is the number of its workload.
pub fn candidate(run: &PlannedRun, group: usize, cost: u64) -> Candidate {
    let kinds = Kinds::of(run, group);
    let kinds = vec![
        kinds.by_promise(),
        kinds.torn(),
        kinds.of_the_story(),
        kinds.anywhere(),
        kinds.found(),
        kinds.of_the_state(),
    ];
    Candidate { kinds, group, cost }
}

struct Kinds<'a> {
    run: &'a PlannedRun,
    workload: usize,
    class: Class,
    ordered: bool,
    kill: bool,
    /// Task, role and call without numbers.
    call: (&'a str, Option<&'a str>, CallName),
}

impl<'a> Kinds<'a> {
    fn of(run: &'a PlannedRun, workload: usize) -> Kinds<'a> {
        let fault = &run.fault.first;
        let class = class(fault);
        let ordered = matches!(fault, Fault::Order { .. });
        let kill = matches!(class, Class::Kill(_));
        Kinds { run, workload, class, ordered, kill, call: alike(&run.site.first) }
    }

    /// What a failure or a power cut comes to depends on the promise first.
    fn by_promise(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let State { regime, pending, .. } = &self.run.state;
        match self.class {
            _ if self.ordered => None,
            Class::Cut => kind(9, &(regime, pending)),
            Class::Fails | Class::FailsOn | Class::Torn | Class::TakesNothing => {
                kind(10, &(self.class, role, call, regime, self.run.ending))
            }
            _ => None,
        }
    }

    /// Every class of fault at every sort of call.
    fn anywhere(&self) -> Option<u64> {
        let (task, role, call) = self.call;
        match () {
            () if self.ordered || self.kill => kind(0, &(self.class, self.ordered, role, call)),
            () => kind(1, &(self.class, task, role, call, self.run.ending)),
        }
    }

    /// What a torn write leaves depends on what was in it.
    fn torn(&self) -> Option<u64> {
        let torn = matches!(self.class, Class::Torn | Class::TakesNothing) && !self.ordered;
        let at = (self.workload, self.call, self.run.site.first.number, self.run.ending);
        torn.then(|| kind(2, &(self.class, at))).flatten()
    }

    /// What depends on the whole story.
    fn of_the_story(&self) -> Option<u64> {
        let lasting = matches!(self.class, Class::FailsOn | Class::Torn | Class::TakesNothing);
        let shows_late = self.class == Class::Fails && self.run.ending == Ending::PowerCut;
        match () {
            () if self.ordered => None,
            () if self.class == Class::Cut => kind(3, &(self.workload, &self.run.state.pending)),
            () if lasting || shows_late => {
                kind(4, &(self.workload, self.class, self.call, self.run.ending))
            }
            () => None,
        }
    }

    /// Power cuts at each sort of change, and what a start meets when it reads.
    fn found(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let State { life, pending, .. } = &self.run.state;
        match self.class {
            _ if self.ordered => None,
            Class::Cut if changes_the_disk(call) => {
                let files = pending.iter().filter(|it| !it.starts_with("name of "));
                kind(5, &(self.workload, role, call, files.collect::<Vec<_>>()))
            }
            Class::Fails | Class::FailsOn if *life != Life::First => {
                let number = self.run.site.first.number;
                kind(6, &(self.workload, *life, role, call, number, self.run.ending))
            }
            _ => None,
        }
    }

    /// Every class of fault in every state of the server.
    fn of_the_state(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let State { regime, life, pending } = &self.run.state;
        match () {
            () if self.ordered => None,
            () if self.kill || self.class == Class::Cut => {
                kind(7, &(self.class, regime, life, pending))
            }
            () => kind(8, &(self.class, role, call, regime, life, self.run.ending)),
        }
    }
}

/// The same text in two levels is two kinds.
fn kind(level: u8, of: &impl Hash) -> Option<u64> {
    Some(kind_of(&(level, of)))
}

/// Children do the same whatever their numbers, and so do the files of one rewrite.
fn alike(site: &Site) -> (&str, Option<&str>, CallName) {
    let task = if site.task.starts_with("child") { "child" } else { &*site.task };
    let role = site.role.as_deref();
    let role = role.map(|role| if role.starts_with("rewrite") { "rewrite" } else { role });
    (task, role, site.call)
}

fn changes_the_disk(call: CallName) -> bool {
    let changes = matches!(
        call,
        CallName::Write
            | CallName::Open
            | CallName::Rename
            | CallName::Unlink
            | CallName::Ftruncate
            | CallName::Truncate
    );
    changes || call.is_sync()
}
