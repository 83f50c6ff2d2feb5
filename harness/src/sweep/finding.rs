//! Findings: runs that somebody should hear of, those of one cause together.
//!
//! One cause is one verdict, given for one reason, of calls on one kind of file: which call it was
//! and how much of the history is left does not matter, and neither do numbers. A server that is
//! stuck is so whatever the call was. A cut of the power has no call to blame, and what only a disk
//! shows that keeps nothing but what was synced by name is one cause altogether, because no server
//! syncs the directory that holds its own. Must not know: how anything is printed.

use super::fault::{Kind, parts_of_order};
use super::result::{Record, Sweep};
use crate::contract::{Reason, Verdict};

/// Runs with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The worst of them.
    pub verdict: Verdict,
    /// The first one's site without numbers: `parent.aof.write`.
    pub axis: String,
    /// All of them, each once.
    pub axes: Vec<String>,
    /// The columns in which it shows.
    pub faults: Vec<String>,
    /// How many runs.
    pub count: usize,
    /// The first of them.
    pub example: Record,
}

/// The findings of a sweep, the worst first.
pub fn findings(sweep: &Sweep) -> Vec<Finding> {
    let mut found: Vec<(Cause, Finding)> = Vec::new();
    let records = sweep.records.iter().chain(&sweep.beside);
    for record in records.filter(|record| record.is_finding()) {
        let Some(verdict) = record.verdict() else { continue };
        let cause = cause(record, verdict);
        let (axis, fault) = (axis(&record.site).to_string(), record.fault.clone());
        match found.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, finding)) => {
                finding.count += 1;
                if !finding.faults.contains(&fault) {
                    finding.faults.push(fault);
                }
                if !finding.axes.contains(&axis) {
                    finding.axes.push(axis);
                }
                // The usual order of tasks is the simpler story.
                let story = |record: &Record| (record.kind == Kind::Order, record.place);
                if (verdict, story(record)) < (finding.verdict, story(&finding.example)) {
                    (finding.verdict, finding.example) = (verdict, record.clone());
                }
            }
            None => {
                let (axes, faults) = (vec![axis.clone()], vec![fault]);
                let example = record.clone();
                let finding = Finding { verdict, axis, axes, faults, count: 1, example };
                found.push((cause, finding));
            }
        }
    }
    let mut findings: Vec<Finding> = found.into_iter().map(|(_, finding)| finding).collect();
    findings.sort_by_key(|finding| (finding.example.is_posix(), finding.verdict));
    findings
}

/// A cause, wherever it shows.
#[derive(Clone, Debug)]
pub struct Everywhere<'a> {
    pub verdict: Verdict,
    pub count: usize,
    /// Workload and world, each once.
    pub places: Vec<String>,
    /// The one with the shortest token.
    pub example: (&'a Sweep, Record),
}

/// The causes that several sweeps found, the worst first.
pub fn causes(sweeps: &[Sweep]) -> Vec<Everywhere<'_>> {
    let mut found: Vec<(Cause, Everywhere<'_>)> = Vec::new();
    for sweep in sweeps {
        for finding in findings(sweep) {
            let cause = cause(&finding.example, finding.verdict);
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
                    found.push((cause, Everywhere { verdict, count, places, example }));
                }
            }
        }
    }
    let mut causes: Vec<Everywhere<'_>> = found.into_iter().map(|(_, cause)| cause).collect();
    causes.sort_by_key(|cause| (cause.example.1.is_posix(), cause.verdict));
    causes
}

/// What runs of one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    pub verdict: Verdict,
    /// The role of the file, a call that has none, or a word for all.
    pub place: String,
    /// None: however it shows.
    pub reason: Option<Reason>,
}

/// The cause of a finding.
pub fn cause(record: &Record, verdict: Verdict) -> Cause {
    let (place, reason) = match verdict {
        _ if record.is_posix() => {
            // However bad: what it shows differs from call to call.
            let (place, reason) = ("power cut, posix alone".to_string(), None);
            return Cause { verdict: Verdict::Lost, place, reason };
        }
        _ if record.is_cut() => ("power cut".to_string(), record.reason.clone()),
        Verdict::Stuck => (String::new(), record.reason.clone()),
        _ => (place(&record.site), record.reason.clone()),
    };
    Cause { verdict, place, reason }
}

/// The role of the file at a site, or the call where there is none.
fn place(site: &str) -> String {
    let axis = axis(site);
    let parts: Vec<&str> = axis.split('.').collect();
    match parts[..] {
        [_, role, _] if role.starts_with("rewrite") => "rewrite".to_string(),
        [_, role, _] => role.to_string(),
        _ => parts.last().copied().unwrap_or_default().to_string(),
    }
}

/// A site without incarnation and number; of a pair, its first.
pub fn axis(site: &str) -> &str {
    let site = site.split_once(" + ").map_or(site, |(first, _)| first);
    let site = site.rsplit_once('#').map_or(site, |(axis, _)| axis);
    match site.split_once(':') {
        Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => site,
    }
}

/// One run in words.
pub fn example_of(record: &Record) -> String {
    let Record { site, fault, ending, cut, .. } = record;
    if cut.is_empty() {
        return format!("{site}: {fault}, {}", ending.words());
    }
    let side = if fault.contains('<') { "before" } else { "after" };
    let order = match record.kind {
        Kind::Order => format!("{}, ", parts_of_order(fault).1),
        _ => String::new(),
    };
    format!("{site}: {order}the power cut {side} it, leaving {cut}")
}

#[cfg(test)]
mod tests {
    use super::super::{Came, Ending, Kind};
    use super::*;

    #[test]
    fn one_cause_is_told_once_and_the_worst_comes_first() {
        let record = |site: &str, verdict, sentence: &str| Record {
            site: site.to_string(),
            place: 0,
            fault: "EIO".to_string(),
            kind: Kind::Error,
            ending: Ending::Cut,
            came: Came::Judged(verdict),
            cut: String::new(),
            images: 0,
            sampled: false,
            sentence: sentence.to_string(),
            reason: Some(Reason::other(sentence)),
            token: String::new(),
            usual: false,
            beyond: false,
        };
        let records = vec![
            record("parent.aof.write#1", Verdict::LostReported, "3 of 4"),
            record("parent.aof.write#2", Verdict::LostReported, "13 of 14"),
            record("2:parent.aof.read#1", Verdict::RefusedStart, "exit 1"),
            record("parent.aof.write#3", Verdict::Kept, ""),
        ];
        let found = findings(&Sweep { records, ..Sweep::default() });
        let seen: Vec<_> = found.iter().map(|f| (f.verdict, f.axis.as_str(), f.count)).collect();
        let expected = [
            (Verdict::RefusedStart, "parent.aof.read", 1),
            (Verdict::LostReported, "parent.aof.write", 2),
        ];
        assert_eq!(seen, expected);
        assert_eq!(axis("parent.pipe:diff.write#3"), "parent.pipe:diff.write");
    }
}
