//! Findings by cause over all workloads, and for each cause the smallest script that shows it.
//!
//! One cause is one verdict, at one kind of call, said in one sentence; numbers do not matter. What
//! is accepted is a cause of its own. Must not know: how a page looks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::accepted::Accepted;
use super::super::fleet::Fleet;
use super::super::library::CaseFile;
use super::super::run::job;
use super::super::tokens::smallest;
use super::super::worlds::World;
use super::record::{CaseRecord, Cause, Story};
use crate::contract::Verdict;
use crate::report::html::WORDS;
use crate::sweep::{Record, Sweep, Token, finding, shrink};

/// What runs of one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    accepted: Option<String>,
    verdict: Verdict,
    place: String,
    /// Without numbers.
    sentence: String,
}

impl Key {
    fn of_run(workload: &str, record: &Record, accepted: &Accepted) -> Option<Key> {
        let verdict = record.verdict().filter(|_| record.is_finding())?;
        Some(Key {
            accepted: accepted.run(workload, record),
            verdict,
            place: finding::axis(&record.site).to_string(),
            sentence: words(&record.sentence),
        })
    }

    /// What nobody accepted first; then the worst first; what was not found out comes last.
    fn rank(&self) -> (bool, usize) {
        let rank = WORDS.iter().position(|(verdict, _)| *verdict == self.verdict);
        (self.accepted.is_some(), rank.unwrap_or(WORDS.len()))
    }
}

/// A sentence without what differs from run to run.
fn words(sentence: &str) -> String {
    finding::without_numbers(sentence).replace("writes are there", "write is there")
}

/// All causes, the worst first.
#[derive(Debug, Default)]
pub struct Causes {
    found: Vec<(Key, Cause)>,
}

impl Causes {
    pub fn of(
        sweeps: &[Sweep],
        cases: &[CaseRecord],
        files: &[&CaseFile],
        world: &str,
        accepted: &Accepted,
    ) -> Causes {
        let mut causes = Causes::default();
        for sweep in sweeps {
            for record in &sweep.records {
                causes.add(&sweep.workload, record, accepted);
            }
        }
        for (case, file) in cases.iter().zip(files) {
            causes.add_case(case, file, world);
        }
        causes.found.sort_by_key(|(key, _)| key.rank());
        causes
    }

    fn add(&mut self, workload: &str, record: &Record, accepted: &Accepted) {
        let Some(key) = Key::of_run(workload, record, accepted) else { return };
        if !self.found.iter().any(|(other, _)| *other == key) {
            let cause = Cause {
                verdict: key.verdict,
                place: key.place.clone(),
                sentence: String::new(),
                workloads: Vec::new(),
                faults: Vec::new(),
                runs: 0,
                accepted: key.accepted.clone(),
                example: String::new(),
                token: String::new(),
                lines: None,
                transcript: String::new(),
                trace: String::new(),
            };
            self.found.push((key.clone(), cause));
        }
        let known = self.found.iter_mut().find(|(other, _)| *other == key);
        let (_, cause) = known.expect("it was just put there");
        cause.runs += 1;
        let put = |list: &mut Vec<String>, text: &str| {
            if !list.iter().any(|known| known == text) {
                list.push(text.to_string());
            }
        };
        put(&mut cause.workloads, workload);
        put(&mut cause.faults, &record.fault);
        if cause.runs == 1 || (cause.token.is_empty() && !record.token.is_empty()) {
            let (site, fault, ending) = (&record.site, &record.fault, record.ending.words());
            cause.example = format!("{workload}: {fault} at {site}, {ending}");
            cause.sentence.clone_from(&record.sentence);
            cause.token.clone_from(&record.token);
        }
    }

    fn add_case(&mut self, case: &CaseRecord, file: &CaseFile, world: &str) {
        if !matches!(case.story, Story::Broken | Story::NotMeasured) {
            return;
        }
        let sentence = match case.notes.first() {
            Some(note) if case.sentence.is_empty() => note.clone(),
            _ => case.sentence.clone(),
        };
        let token = Token {
            case: case.name.clone(),
            world: world.to_string(),
            site: String::new(),
            fault: "its own faults".to_string(),
            verdict: case.verdict,
            script: file.text.clone(),
        };
        let key = Key {
            accepted: case.accepted.clone(),
            verdict: case.verdict,
            place: case.name.clone(),
            sentence: words(&sentence),
        };
        let cause = Cause {
            verdict: case.verdict,
            place: case.name.clone(),
            sentence,
            workloads: vec![case.name.clone()],
            faults: Vec::new(),
            runs: 1,
            accepted: case.accepted.clone(),
            example: "the case as it stands".to_string(),
            token: token.encode(),
            lines: None,
            transcript: String::new(),
            trace: String::new(),
        };
        self.found.push((key, cause));
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The number of the cause that a run belongs to, from 1.
    pub fn number(&self, workload: &str, record: &Record, accepted: &Accepted) -> Option<usize> {
        let key = Key::of_run(workload, record, accepted)?;
        self.found.iter().position(|(other, _)| *other == key).map(|n| n + 1)
    }

    pub fn list(&self) -> Vec<Cause> {
        self.found.iter().map(|(_, cause)| cause.clone()).collect()
    }

    /// Finds the smallest script for each, several at a time; `done` hears of each.
    pub fn shrink(&mut self, fleet: &Fleet, world: &World, threads: usize, done: impl Fn() + Sync) {
        let next = AtomicUsize::new(0);
        let slots: Vec<Mutex<&mut Cause>> =
            self.found.iter_mut().map(|(_, cause)| Mutex::new(cause)).collect();
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
                        make_small(
                            &mut slot.lock().unwrap_or_else(PoisonError::into_inner),
                            fleet,
                            world,
                        );
                        done();
                    }
                });
            }
        });
    }
}

/// Replaces the token of a cause by a smaller one and lets it tell its story. What says nothing
/// about the server is left as it is: it may be no fault of a line.
fn make_small(cause: &mut Cause, fleet: &Fleet, world: &World) {
    let Ok(token) = Token::decode(&cause.token) else { return };
    let mut script = token.script.clone();
    if !cause.verdict.is_no_measurement() {
        let Some(lines) = smallest(fleet, world, &script) else { return };
        cause.lines = Some((lines.len(), script.lines().count()));
        script = shrink::text(&lines);
        let small = Token { script: script.clone(), ..token.clone() };
        cause.token = small.encode();
    }
    let source = "the smallest script".to_string();
    let file = CaseFile { name: token.case, source, text: script, own: true };
    if let Some(outcome) = fleet.run(job(&file, world)) {
        cause.transcript = outcome.transcript;
        cause.trace = outcome.trace;
    }
}
