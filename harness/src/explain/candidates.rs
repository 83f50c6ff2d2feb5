//! Which changes could help, the nearest to the fault first.
//!
//! Only what a power cut takes can be helped by a sync: behind the fault, or before the cut where
//! that is the fault. Must not know: how a change is made, and whether it helps.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::change::Change;
use super::subject::{Cutting, Subject, lasts};
use crate::case::script::Verb;
use crate::contract::Verdict;
use crate::kernel::plan::{Effect, Rule, When};
use crate::kernel::{CallName, Site};
use crate::runner::{ReachedCall, RunSummary};

/// So many changes of one kind at most.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    pub syncs: usize,
    pub orders: usize,
}

/// What is tried alone, in order, and what was left out.
#[derive(Debug, Default)]
pub struct Candidates {
    pub changes: Vec<Change>,
    pub left_out: usize,
}

/// How far a change is from the fault: behind it, or before a power cut, comes first.
type Distance = (bool, usize);

/// Every change that fits a run, at most so many of each kind.
pub fn fitting(subject: &Subject, run: &RunSummary, most: Most) -> Candidates {
    let places = Places::of(subject, run);
    let mut all = Candidates::default();
    let syncs = if subject.cutting() == Cutting::Never { Vec::new() } else { places.syncs(run) };
    all.take(syncs, most.syncs);
    all.take(places.orders(run), most.orders);
    all.changes.extend(of_the_error(subject, run));
    all
}

/// Changes that are no help against such a finding: whoever ends is not stuck.
pub fn is_no_help(change: &Change, finding: Verdict) -> bool {
    matches!(change, Change::Ends { .. }) && matches!(finding, Verdict::Stuck | Verdict::Leaked)
}

impl Candidates {
    fn take(&mut self, mut found: Vec<(Distance, Change)>, most: usize) {
        // Stable: what one call offers stays in its order.
        found.sort_by_key(|(distance, _)| *distance);
        self.left_out += found.len().saturating_sub(most);
        self.changes.extend(found.into_iter().take(most).map(|(_, change)| change));
    }
}

/// Where things are in a run.
struct Places<'a> {
    of: BTreeMap<&'a Site, usize>,
    /// The first call with which the plan, or the schedule, has meddled.
    fault: usize,
    /// The call at which the power is cut, and whether it is cut before that; nothing behind that
    /// counts.
    cut: Option<(usize, When)>,
    only_cut: bool,
    /// What the sync that fails is about: a sync right before it would be the one that was left
    /// out.
    failed_sync: Option<&'a str>,
}

impl<'a> Places<'a> {
    fn of(subject: &Subject, run: &'a RunSummary) -> Places<'a> {
        let reached = run.reached.iter().enumerate();
        let of: BTreeMap<&Site, usize> = reached.map(|(n, call)| (&call.site, n)).collect();
        let first = run.course.disturbed.iter().filter_map(|site| of.get(site)).min();
        let cut = match subject.cutting() {
            Cutting::AtCall { site, when, .. } => of.get(&site).map(|place| (*place, when)),
            _ => None,
        };
        let failed = run.course.disturbed.first().filter(|site| site.call.is_sync());
        let failed_sync = failed.and_then(|site| site.role.as_deref());
        let (fault, only_cut) = (first.copied().unwrap_or(0), subject.only_cuts_power());
        Places { of, fault, cut, only_cut, failed_sync }
    }

    /// None: a change at this call comes too late.
    fn distance(&self, site: &Site) -> Option<Distance> {
        let place = *self.of.get(site)?;
        match self.cut {
            Some((cut, _)) if place > cut => None,
            Some((cut, _)) if self.only_cut => Some((false, cut - place)),
            _ => Some((place < self.fault, place.abs_diff(self.fault))),
        }
    }

    /// Whether anything after this call would come too late.
    fn is_cut_at(&self, site: &Site) -> bool {
        self.cut.is_some_and(|(cut, _)| self.of.get(site) == Some(&cut))
    }

    fn syncs(&self, run: &RunSummary) -> Vec<(Distance, Change)> {
        let mut found = Vec::new();
        for change in &run.course.changes {
            let Some(distance) = self.distance(&change.site) else { continue };
            let sync = |when, role: &String| {
                let (role, at) = (role.clone(), change.site.clone());
                (distance, Change::Sync { when, role, at })
            };
            if !self.is_cut_at(&change.site) {
                found.extend(change.changes.iter().map(|role| sync(When::After, role)));
            }
            found.extend(change.builds_on.iter().map(|role| sync(When::Before, role)));
        }
        let in_its_stead = |(early, _): &Distance, change: &Change| {
            let Change::Sync { role, .. } = change else { return false };
            *early && self.failed_sync == Some(role.as_str())
        };
        found.retain(|(distance, change)| !in_its_stead(distance, change));
        found
    }

    fn orders(&self, run: &RunSummary) -> Vec<(Distance, Change)> {
        let mut found = Vec::new();
        for call in run.reached.iter().filter(|call| !call.idle && !call.site.is_launchers()) {
            let Some(distance) = self.distance(&call.site) else { continue };
            let at = || call.site.clone();
            let first =
                call.others.iter().map(|task| Change::First { task: task.clone(), at: at() });
            found.extend(first.map(|change| (distance, change)));
            // A power cut at some other call would come earlier, and nothing else.
            if self.cut.is_none() && may_be_late(call) && !run.course.disturbed.contains(&call.site)
            {
                found.push((distance, Change::Late { at: at() }));
            }
        }
        found
    }
}

/// Whether it makes a difference to others when this call is made.
fn may_be_late(call: &ReachedCall) -> bool {
    let changes = [CallName::Rename, CallName::Unlink, CallName::Close, CallName::Write];
    let pipe = call.site.role.as_deref().is_some_and(|role| role.starts_with("pipe"));
    call.site.task != "parent" && changes.contains(&call.site.call) && !pipe
}

/// What could become of an error.
fn of_the_error(subject: &Subject, run: &RunSummary) -> Vec<Change> {
    let Some(rule) = subject.failing() else { return Vec::new() };
    let Some(at) = run.course.disturbed.first().cloned() else { return Vec::new() };
    let mut changes = Vec::new();
    if subject.faults().iter().filter_map(|(_, verb)| rule_of(verb)).any(lasts) {
        changes.push(Change::Once { at: at.clone() });
    }
    let writeback = [Errno::EIO, Errno::ENOSPC, Errno::EDQUOT];
    let of_writeback = matches!(rule.effect, Effect::Error(errno) if writeback.contains(&errno));
    if at.call.is_sync() && of_writeback && !subject.decides_on_pages() {
        changes.push(Change::PagesKept);
    }
    changes.push(Change::Ends { at });
    changes
}

fn rule_of(verb: &Verb) -> Option<&Rule> {
    match verb {
        Verb::Inject { rule, .. } => Some(rule),
        _ => None,
    }
}
