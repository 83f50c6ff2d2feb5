//! Findings: runs that somebody should hear of, those of one cause together.
//!
//! One cause is one [`Signature`] at calls on one kind of file. Which call it was and how much of
//! the history is left does not matter. A server that is stuck is stuck whatever the call was. A
//! power cut has no call to blame: it is put down to what did not reach the disk, as little of it
//! as comes to the same. Where all of it did, the cut was no worse than a kill, and has the cause
//! of that. Nor is one call to blame for a file system that has turned read-only. What only a disk
//! shows that keeps nothing but what was synced by name is one cause altogether, because no server
//! syncs the directory that holds its own. A pair has the cause of its second fault alone, if the
//! sweep has that, and else that of its first. Must not know: how anything is printed.

use std::collections::BTreeSet;

use super::axis::Axis;
use super::blamed::{Blamed, listed};
use super::fault::{Fault, Kind};
use super::pair::OneOrPair;
use super::record::{Record, Sweep};
use super::signature::Signature;
use crate::contract::Verdict;
use crate::kernel::plan::When;

/// Runs with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The worst of them.
    pub verdict: Verdict,
    /// The first one's site without numbers: `parent.aof.write`.
    pub axis: Axis,
    /// All of them, each once.
    pub axes: Vec<Axis>,
    /// The columns in which it shows.
    pub faults: Vec<OneOrPair<Fault>>,
    /// How many runs.
    pub count: usize,
    /// The first of them.
    pub example: Record,
    pub cause: Cause,
}

/// The findings of a sweep, the worst first.
pub fn findings(sweep: &Sweep) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let alone = causes_alone(sweep);
    for record in sweep.records.iter().chain(&sweep.other_states) {
        let Some((verdict, cause)) = verdict_and_cause(record) else { continue };
        let cause = of_a_pair(record, &cause, &alone).unwrap_or(cause);
        let (axis, fault) = (Axis::of(&record.site.first), record.fault.clone());
        match found.iter_mut().find(|finding| finding.cause == cause) {
            Some(finding) => {
                finding.count += 1;
                if !finding.faults.contains(&fault) {
                    finding.faults.push(fault);
                }
                if !finding.axes.contains(&axis) {
                    finding.axes.push(axis);
                }
                // The default order of tasks is the simpler story.
                let story = |record: &Record| (record.kind == Kind::Order, record.place);
                if (verdict, story(record)) < (finding.verdict, story(&finding.example)) {
                    (finding.verdict, finding.example) = (verdict, record.clone());
                }
            }
            None => {
                let (axes, faults) = (vec![axis.clone()], vec![fault]);
                let example = record.clone();
                found.push(Finding { verdict, axis, axes, faults, count: 1, example, cause });
            }
        }
    }
    found.sort_by_key(|finding| (finding.example.is_posix(), finding.verdict));
    found
}

/// What single faults come to.
fn causes_alone(sweep: &Sweep) -> BTreeSet<Cause> {
    let all = sweep.records.iter().chain(&sweep.other_states);
    all.filter(|record| !record.site.is_pair()).filter_map(cause).collect()
}

/// The cause that one of the faults of a pair has alone.
fn of_a_pair(record: &Record, its: &Cause, alone: &BTreeSet<Cause>) -> Option<Cause> {
    let second = record.site.second.as_ref()?;
    let signature = its.signature.clone();
    let of_second = Cause { signature, blamed: Blamed::of(record, second, its.signature.verdict) };
    Some(of_second).filter(|cause| alone.contains(cause))
}

/// A cause, wherever it shows.
#[derive(Clone, Debug)]
pub struct CauseAcrossSweeps<'a> {
    pub verdict: Verdict,
    pub count: usize,
    /// Workload and world, each once.
    pub places: Vec<String>,
    /// The one with the shortest token.
    pub example: (&'a Sweep, Record),
}

/// The causes that several sweeps found, the worst first.
pub fn causes(sweeps: &[Sweep]) -> Vec<CauseAcrossSweeps<'_>> {
    let mut found: Vec<(Cause, CauseAcrossSweeps<'_>)> = Vec::new();
    for sweep in sweeps {
        for finding in findings(sweep) {
            let cause = finding.cause;
            let place = format!("{} in {}", sweep.workload, sweep.world);
            let (verdict, count) = (finding.verdict, finding.count);
            match found.iter_mut().find(|(other, _)| *other == cause) {
                Some((_, known)) => {
                    known.count += count;
                    known.places.push(place);
                    let length = |record: &Record| record.token.len();
                    if length(&finding.example) < length(&known.example.1) {
                        known.example = (sweep, finding.example);
                    }
                }
                None => {
                    let (places, example) = (vec![place], (sweep, finding.example));
                    found.push((cause, CauseAcrossSweeps { verdict, count, places, example }));
                }
            }
        }
    }
    let mut causes: Vec<_> = found.into_iter().map(|(_, cause)| cause).collect();
    causes.sort_by_key(|cause| (cause.example.1.is_posix(), cause.verdict));
    causes
}

/// What runs of one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    pub signature: Signature,
    pub blamed: Blamed,
}

/// The cause of a record. None: it is not a finding.
pub fn cause(record: &Record) -> Option<Cause> {
    verdict_and_cause(record).map(|(_, cause)| cause)
}

/// The record's own verdict, and its cause.
fn verdict_and_cause(record: &Record) -> Option<(Verdict, Cause)> {
    let signature = record.signature().filter(|_| record.is_finding())?;
    let verdict = signature.verdict;
    if record.is_posix() {
        // However bad: what it shows differs from call to call.
        let signature = Signature { verdict: Verdict::Lost, reason: None };
        return Some((verdict, Cause { signature, blamed: Blamed::PosixCut }));
    }
    let blamed = Blamed::of(record, &record.site.first, verdict);
    Some((verdict, Cause { signature, blamed }))
}

/// One run in words.
pub fn example_of(record: &Record) -> String {
    let Record { site, fault, ending, .. } = record;
    if fault.first == Fault::None {
        return "without any fault".to_string();
    }
    let (Some(cut), Some(when)) = (record.cut, fault.last().power_cut()) else {
        return format!("{site}: {fault}, {}", ending.words());
    };
    let side = match when {
        When::Before => "before",
        When::After => "after",
    };
    let order = match fault.last() {
        Fault::Order { first, .. } => format!("{first}, "),
        Fault::Call(_) | Fault::None => String::new(),
    };
    let before = match fault.is_pair() {
        true => format!("{}: {}, then {}", site.first, fault.first, site.last()),
        false => site.to_string(),
    };
    let lacks = match record.lacks.is_empty() {
        true => String::new(),
        false => format!(": {}", listed(&record.lacks)),
    };
    format!("{before}: {order}the power cut {side} it, leaving {cut}{lacks}")
}

#[cfg(test)]
mod tests {
    use super::super::{Ending, RunResult};
    use super::*;
    use crate::contract::Reason;

    /// A record to be filled.
    fn told() -> Record {
        Record {
            site: "parent.aof.write#1".parse().expect("a site"),
            place: 0,
            fault: "EIO".parse().expect("a fault"),
            kind: Kind::Error,
            ending: Ending::Killed,
            result: RunResult::NothingInjected,
            cut: None,
            lacks: BTreeSet::new(),
            images: 0,
            sampled: false,
            sentence: String::new(),
            reason: None,
            token: String::new(),
            same_as_default_order: false,
            past_last_call: false,
            counts_as: None,
        }
    }

    #[test]
    fn one_cause_is_told_once_and_the_worst_comes_first() {
        let record = |site: &str, verdict, sentence: &str| Record {
            site: site.parse().expect(site),
            result: RunResult::Judged(verdict),
            sentence: sentence.to_string(),
            reason: Some(Reason::other(sentence)),
            ..told()
        };
        let records = vec![
            record("parent.aof.write#1", Verdict::LostReported, "3 of 4"),
            record("parent.aof.write#2", Verdict::LostReported, "13 of 14"),
            record("2:parent.aof.read#1", Verdict::RefusedStart, "exit 1"),
            record("parent.aof.write#3", Verdict::Kept, ""),
        ];
        let found = findings(&Sweep { records, ..Sweep::default() });
        let seen: Vec<_> = found.iter().map(|f| (f.verdict, f.axis.to_string(), f.count)).collect();
        let expected = [
            (Verdict::RefusedStart, "parent.aof.read".to_string(), 1),
            (Verdict::LostReported, "parent.aof.write".to_string(), 2),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_not_the_fault_of_a_call_is_put_down_to_the_disk() {
        let record = |site: &str, fault: &str, lacks: &[&str]| Record {
            site: site.parse().expect(site),
            fault: fault.parse().expect(fault),
            result: RunResult::Judged(Verdict::Diverged),
            cut: fault.starts_with("ext4").then(|| "log".parse().expect("a cut")),
            lacks: lacks.iter().map(|lack| lack.parse().expect("a lack")).collect(),
            reason: Some(Reason::NoPrefix),
            ..told()
        };
        let records = vec![
            record("parent.aof.write#1", "ext4>", &["zeros in aof"]),
            record("parent.fork#1", "ext4<", &["zeros in aof"]),
            record("parent.aof.write#2", "ext4>", &["lost name of base"]),
            record("parent.aof.write#3", "ext4>", &[]),
            // The cut before this has left everything, so it was no worse than this.
            record("parent.aof.write#4", "all<", &[]),
            record("parent.aof.write#1", "EROFS+", &[]),
            record("child.rewrite-temp.rename#1", "EROFS+", &[]),
        ];
        let found = findings(&Sweep { records, ..Sweep::default() });
        let mut seen: Vec<_> =
            found.iter().map(|found| (found.cause.blamed.to_string(), found.count)).collect();
        seen.sort();
        let expected = [
            ("aof", 2),
            ("power cut: lost name of base", 1),
            ("power cut: zeros in aof", 2),
            ("read-only file system", 2),
        ];
        assert_eq!(seen, expected.map(|(blamed, count)| (blamed.to_string(), count)));
    }

    #[test]
    fn a_pair_has_the_cause_that_its_second_fault_has_alone() {
        let record = |site: &str, fault: &str| Record {
            site: site.parse().expect(site),
            fault: fault.parse().expect(fault),
            result: RunResult::Judged(Verdict::Lost),
            reason: Some(Reason::NoPrefix),
            ..told()
        };
        let pair = record("parent.fork#1 + parent.aof.write#2", "EAGAIN + ENOSPC");
        let alone = record("parent.aof.write#1", "ENOSPC");
        let counts = |records| {
            let sweep = Sweep { records, ..Sweep::default() };
            findings(&sweep).iter().map(|found| found.count).collect::<Vec<_>>()
        };
        assert_eq!(counts(vec![alone, pair.clone()]), [2]);
        let elsewhere = record("parent.rdb.write#1", "ENOSPC");
        assert_eq!(counts(vec![elsewhere, pair]), [1, 1]);
    }
}
