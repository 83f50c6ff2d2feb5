//! Findings: runs that somebody should hear of, those of one cause together.
//!
//! One cause is one verdict, at one kind of site, said in one sentence; numbers do not matter. A cut
//! of the power has no site to blame, and what only a disk shows that keeps nothing but what was
//! synced by name is one cause altogether: no server syncs the directory that holds its own.
//! Must not know: how anything is printed.

use super::fault::Kind;
use super::result::{Record, Sweep};
use crate::contract::Verdict;

/// Runs with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    /// The site without numbers: `parent.aof.write`.
    pub axis: String,
    /// The columns in which it shows.
    pub faults: Vec<String>,
    pub count: usize,
    /// The first of them.
    pub example: Record,
}

/// The findings of a sweep, the worst first.
pub fn findings(sweep: &Sweep) -> Vec<Finding> {
    let mut found: Vec<(String, Finding)> = Vec::new();
    let records = sweep.records.iter().chain(&sweep.beside);
    for record in records.filter(|record| record.is_finding()) {
        let Some(verdict) = record.verdict() else { continue };
        let (verdict, axis, words) = cause(record, verdict);
        let posix = record.is_posix();
        let same = |(said, finding): &&mut (String, Finding)| {
            (posix || finding.verdict == verdict) && finding.axis == axis && *said == words
        };
        match found.iter_mut().find(same) {
            Some((_, finding)) => {
                finding.count += 1;
                if verdict < finding.verdict {
                    (finding.verdict, finding.example) = (verdict, record.clone());
                }
                if !finding.faults.contains(&record.fault) {
                    finding.faults.push(record.fault.clone());
                }
            }
            None => {
                let faults = vec![record.fault.clone()];
                let example = record.clone();
                found.push((words, Finding { verdict, axis, faults, count: 1, example }));
            }
        }
    }
    let mut findings: Vec<Finding> = found.into_iter().map(|(_, finding)| finding).collect();
    findings.sort_by_key(|finding| finding.verdict);
    findings
}

fn cause(record: &Record, verdict: Verdict) -> (Verdict, String, String) {
    let words = without_numbers(&record.sentence);
    match record.kind {
        _ if record.is_posix() => (verdict, "power cut, posix alone".to_string(), String::new()),
        Kind::Power => (verdict, "power cut".to_string(), words),
        _ => (verdict, axis(&record.site).to_string(), words),
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

pub fn without_numbers(sentence: &str) -> String {
    let mut out = String::new();
    for c in sentence.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{Came, Ending, Kind};

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
            token: String::new(),
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
