//! The kinds of a run, from coarse to fine: what a sample must have of each before it has two.
//!
//! What comes of a fault depends on what the server was at, and hardly on which errno it was or
//! which of the calls of one act failed. So every sort of call has every class of fault, once
//! wherever that comes from, and a power cut is made for everything that may not be durable; then
//! each act of each story fails as a whole; then come writes torn at each place, kills and power
//! cuts at each sort of change; and then the same, finer. The levels were chosen by what they find
//! of whole audits. Must not know: verdicts.

use std::hash::Hash;

use nix::errno::Errno;

use super::fault::{CallFault, Fault, Lasts, Then};
use super::planned::PlannedRun;
use super::sample::{Candidate, kind_of};
use super::state::{Life, State};
use crate::kernel::plan::{Victim, When};
use crate::kernel::{CallName, Site};

/// Faults that lead to much the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Class {
    Fails,
    FailsOn,
    /// The whole file system is read-only from here on.
    ReadOnly,
    Interrupted,
    Short,
    /// A part is written, and then the disk is full.
    Fills,
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
        _ if fault.is_read_only() => Class::ReadOnly,
        None => Class::Order,
        Some(CallFault::Error(Errno::EINTR, _)) => Class::Interrupted,
        Some(CallFault::Error(_, Lasts::FromHereOn)) => Class::FailsOn,
        Some(CallFault::Short(_, Then::Full)) => Class::Fills,
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

/// A power cut counts once for each kind of file system that an audit looks at.
const CUT: u64 = 2;

/// How many runs it is in a report.
pub fn cost(run: &PlannedRun) -> u64 {
    let alone = if run.cuts_power() { CUT } else { 1 };
    // An order is compared with the same fault in the default order, which is a run, too.
    let compared = matches!(run.fault.first, Fault::Order { with: Some(_), .. });
    if compared { 2 * alone } else { alone }
}

/// So many of equal calls of one start are told apart.
const SOME: u32 = 3;

/// A run as one of those to choose from; `group` is the number of its workload.
pub fn candidate(run: &PlannedRun, group: usize, cost: u64) -> Candidate {
    let kinds = Kinds::of(run, group);
    let kinds = vec![kinds.anywhere(), kinds.each_act(), kinds.moments(), kinds.finer_moments()];
    Candidate { kinds, group, cost }
}

struct Kinds<'a> {
    run: &'a PlannedRun,
    workload: usize,
    class: Class,
    ordered: bool,
    /// Task, role and call without numbers.
    call: (&'a str, Option<&'a str>, CallName),
}

impl<'a> Kinds<'a> {
    fn of(run: &'a PlannedRun, workload: usize) -> Kinds<'a> {
        let fault = &run.fault.first;
        let ordered = matches!(fault, Fault::Order { .. });
        Kinds { run, workload, class: class(fault), ordered, call: alike(&run.site.first) }
    }

    /// Every class of fault at every sort of call; a power cut has no call to blame.
    fn anywhere(&self) -> Option<u64> {
        let (task, role, call) = self.call;
        let State { regime, pending, .. } = &self.run.state;
        match self.class {
            _ if self.ordered => kind(0, &(self.class, true, role, call)),
            Class::Kill(_) => kind(0, &(self.class, false, role, call)),
            Class::Cut => kind(0, &(regime, pending)),
            _ => kind(0, &(self.class, task, role, call, self.run.ending)),
        }
    }

    /// Each act of each story fails. In a start, acts of all stories are alike.
    fn each_act(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let (State { regime, life, .. }, ending) = (&self.run.state, self.run.ending);
        // A call that is about no file may well succeed the next time.
        let no_file = role.is_none_or(|role| role.starts_with("pipe"));
        match self.class {
            _ if self.ordered => None,
            Class::Fails | Class::FailsOn if *life != Life::First => {
                let number = self.run.site.first.number.min(SOME);
                kind(1, &(life, regime, role, call, number, self.class, ending))
            }
            Class::Fails | Class::FailsOn if no_file => {
                kind(1, &(self.act(), Some(self.class), ending))
            }
            Class::FailsOn => kind(1, &(self.act(), None::<Class>, ending)),
            _ => None,
        }
    }

    /// What a torn write leaves depends on what was in it, a power cut on what is not durable of
    /// which story, and a kill on what has just been changed.
    fn moments(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let (State { regime, child, pending, .. }, ending) = (&self.run.state, self.run.ending);
        let changes = changes_the_disk(call) && self.run.state.life == Life::First;
        match self.class {
            _ if self.ordered => None,
            Class::Torn => {
                let at = (self.workload, self.call, self.run.site.first.number);
                kind(2, &(self.class, at, ending))
            }
            Class::TakesNothing => kind(2, &(self.class, self.act(), ending)),
            Class::Fills => kind(2, &(self.class, regime, role, child, ending)),
            Class::Cut => {
                let files = pending.iter().filter(|it| !it.starts_with("name of "));
                kind(2, &(self.workload, files.collect::<Vec<_>>()))
            }
            Class::Kill(_) if changes => kind(2, &(self.class, regime, role, call, self.when())),
            _ => None,
        }
    }

    /// Power cuts in each act of each story, and kills by what follows.
    fn finer_moments(&self) -> Option<u64> {
        let (_, role, call) = self.call;
        let changes = changes_the_disk(call) && self.run.state.life == Life::First;
        match self.class {
            _ if self.ordered || !changes => None,
            Class::Cut => kind(3, &(self.act(), self.when())),
            Class::Kill(_) => {
                let State { regime, .. } = self.run.state;
                kind(3, &(self.class, regime, role, call, self.when(), self.run.ending))
            }
            _ => None,
        }
    }

    /// The act that its call is in, and of which story.
    fn act(&self) -> impl Hash {
        let Site { incarnation, task, role, call, .. } = &self.run.site.first;
        let call = role.is_none().then_some(*call);
        (self.workload, *incarnation, task.clone(), role.clone(), call, self.run.act)
    }

    /// On which side of its call everything ends.
    fn when(&self) -> Option<When> {
        match self.run.fault.first.of_the_call()? {
            CallFault::Kill(_, when) | CallFault::PowerCut(_, when) => Some(when),
            _ => None,
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
