//! Findings by cause over all workloads, and for each cause the smallest script that shows it.
//!
//! What one cause is, [`finding::cause`] decides; what is accepted is a cause of its own. A file
//! system that turns read-only makes calls fail that also fail alone, perhaps in another workload:
//! where both come to the same, the cause is that of the call. Must not know: how a page looks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::known::Shown;
use super::record::{CaseRecord, CaseResult, Cause};
use crate::contract::Reason;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::explain::{Explanation, Question, Repair, explain, repairs};
use crate::runner::{Ruling, decisive, own_line};
use crate::suite::library::{CaseFile, job, parse_all};
use crate::sweep::accepted::Accepted;
use crate::sweep::blamed::Blamed;
use crate::sweep::smallest::smallest;
use crate::sweep::{Axis, Record, Signature, Sweep, Token, finding, shrink};

/// What is known besides the runs.
#[derive(Debug, Default)]
pub struct Setting {
    /// Cases and workloads that set another policy than the configuration.
    pub other_policy: BTreeSet<String>,
}

/// What runs of one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    accepted: Option<String>,
    cause: finding::Cause,
    /// Only a disk shows it that keeps nothing but what was synced by name.
    posix: bool,
}

impl Key {
    fn of_run(workload: &str, record: &Record, accepted: &Accepted) -> Option<Key> {
        let cause = finding::cause(record)?;
        Some(Key { accepted: accepted.run(workload, record), cause, posix: record.is_posix() })
    }

    /// Whether the failure of a call comes to what this comes to.
    fn is_of_a_call(&self, other: &Key) -> bool {
        let Key { accepted, cause, posix } = self;
        matches!(cause.blamed, Blamed::Role(_) | Blamed::Call(_) | Blamed::NoCall)
            && (accepted, &cause.signature, posix)
                == (&other.accepted, &other.cause.signature, &other.posix)
    }

    fn is_read_only(&self) -> bool {
        self.cause.blamed == Blamed::ReadOnly
    }

    /// What nobody accepted first; then what touches the user's own policy; then the worst first;
    /// what was not found out comes last.
    fn rank(&self, other_policy: bool) -> (bool, bool, bool, usize) {
        let verdict = self.cause.signature.verdict.rank();
        (self.accepted.is_some(), self.posix, other_policy, verdict)
    }
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
        setting: &Setting,
    ) -> Causes {
        let mut causes = Causes::default();
        for sweep in sweeps {
            for record in &sweep.records {
                causes.add(&sweep.workload, record, accepted, setting, |cause| &mut cause.runs);
            }
            for record in &sweep.other_states {
                causes.add(&sweep.workload, record, accepted, setting, |cause| &mut cause.states);
            }
        }
        for (case, file) in cases.iter().zip(files) {
            causes.add_case(case, file, world, setting);
        }
        causes.put_read_only_to_calls();
        causes.found.sort_by_key(|(key, cause)| key.rank(cause.other_policy));
        causes
    }

    /// Puts a record to its cause, where `count` is what it adds to.
    fn add(
        &mut self,
        workload: &str,
        record: &Record,
        accepted: &Accepted,
        setting: &Setting,
        count: impl Fn(&mut Cause) -> &mut usize,
    ) {
        let Some(key) = Key::of_run(workload, record, accepted) else { return };
        let axis = Axis::of(&record.site.first);
        if !self.found.iter().any(|(other, _)| *other == key) {
            let cause = Cause {
                verdict: record.verdict().unwrap_or(key.cause.signature.verdict),
                posix: key.posix,
                accepted: key.accepted.clone(),
                reason: key.cause.signature.reason.clone(),
                other_policy: true,
                ..Cause::default()
            };
            self.found.push((key.clone(), cause));
        }
        let known = self.found.iter_mut().find(|(other, _)| *other == key);
        let (_, cause) = known.expect("it was just put there");
        *count(cause) += 1;
        put(&mut cause.workloads, workload);
        let place = match key.cause.blamed.is_calls() {
            true => axis.to_string(),
            false => key.cause.blamed.to_string(),
        };
        put(&mut cause.places, &place);
        put(&mut cause.faults, &record.fault.to_string());
        let other_policy = setting.other_policy.contains(workload);
        let better = match (cause.token.len(), record.token.len()) {
            // The user's own policy makes the better example.
            _ if other_policy != cause.other_policy => !other_policy,
            (_, 0) => cause.example.is_empty(),
            (known, new) => known == 0 || new < known,
        };
        if better || cause.example.is_empty() {
            cause.other_policy = other_policy;
            cause.example = format!("{workload}: {}", finding::example_of(record));
            cause.sentence.clone_from(&record.sentence);
            cause.token.clone_from(&record.token);
        }
    }

    fn put_read_only_to_calls(&mut self) {
        let found = std::mem::take(&mut self.found);
        let (read_only, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(key, _)| key.is_read_only());
        self.found = others;
        for (key, cause) in read_only {
            match self.found.iter_mut().find(|(other, _)| other.is_of_a_call(&key)) {
                Some((_, known)) => take_in(known, cause),
                None => self.found.push((key, cause)),
            }
        }
    }

    fn add_case(&mut self, case: &CaseRecord, file: &CaseFile, world: &str, setting: &Setting) {
        if !matches!(case.result, CaseResult::Broken | CaseResult::NotMeasured) {
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
        let reason = Some(Reason::other(&sentence));
        let signature = Signature { verdict: case.verdict, reason };
        let cause = finding::Cause { signature, blamed: Blamed::Case(case.name.clone()) };
        let key = Key { accepted: case.accepted.clone(), cause, posix: false };
        let cause = Cause {
            verdict: case.verdict,
            places: vec![case.name.clone()],
            sentence,
            other_policy: setting.other_policy.contains(&case.name),
            workloads: vec![case.name.clone()],
            runs: 1,
            accepted: case.accepted.clone(),
            example: "the case as it stands".to_string(),
            token: token.encode(),
            ..Cause::default()
        };
        self.found.push((key, cause));
    }

    /// What replays a case that is a cause of its own; empty: it is none.
    pub fn token_of_case(&self, name: &str) -> String {
        let is_it = |key: &Key| matches!(&key.cause.blamed, Blamed::Case(case) if case == name);
        let cause = self.found.iter().find(|(key, _)| is_it(key));
        cause.map(|(_, cause)| cause.token.clone()).unwrap_or_default()
    }

    /// Writes down which known bugs each looks like; its transcript helps.
    pub fn compare_with_known(&mut self, known: &[Shown]) {
        for (key, cause) in &mut self.found {
            let events = cause.events();
            let line = own_line::of(cause.verdict, &cause.transcript);
            let like = |shown: &Shown| shown.like(&key.cause.signature, &events, line);
            cause.known = known.iter().filter_map(like).collect();
            // Cases end in any order.
            cause.known.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// The number of the cause that a run belongs to, from 1.
    pub fn number(&self, workload: &str, record: &Record, accepted: &Accepted) -> Option<usize> {
        let key = Key::of_run(workload, record, accepted)?;
        let position = |is_it: &dyn Fn(&Key) -> bool| {
            self.found.iter().position(|(other, _)| is_it(other)).map(|n| n + 1)
        };
        let of_a_call = || position(&|other| key.is_read_only() && other.is_of_a_call(&key));
        position(&|other| *other == key).or_else(of_a_call)
    }

    pub fn list(&self) -> Vec<Cause> {
        self.found.iter().map(|(_, cause)| cause.clone()).collect()
    }

    /// Explains each; `done` hears of it. One comes after the other, because each takes many runs.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn explain(
        &mut self,
        pool: &Pool,
        world: &World,
        done: impl Fn(),
    ) -> Result<(), Interrupted> {
        for (_, cause) in &mut self.found {
            cause.explanation = explanation(cause, pool, world)?;
            done();
        }
        Ok(())
    }

    /// Finds the smallest script for each, several at a time; `done` hears of each.
    pub fn shrink(&mut self, pool: &Pool, world: &World, threads: usize, done: impl Fn() + Sync) {
        let next = AtomicUsize::new(0);
        let slots: Vec<Mutex<&mut Cause>> =
            self.found.iter_mut().map(|(_, cause)| Mutex::new(cause)).collect();
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
                        make_small(
                            &mut slot.lock().unwrap_or_else(PoisonError::into_inner),
                            pool,
                            world,
                        );
                        done();
                    }
                });
            }
        });
    }
}

fn put(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_string());
    }
}

/// Counts the runs of one cause as those of another, whose example stays unless this one alone
/// touches the user's own policy.
fn take_in(known: &mut Cause, other: Cause) {
    known.runs += other.runs;
    known.states += other.states;
    other.workloads.iter().for_each(|workload| put(&mut known.workloads, workload));
    other.places.iter().for_each(|place| put(&mut known.places, place));
    other.faults.iter().for_each(|fault| put(&mut known.faults, fault));
    if known.other_policy && !other.other_policy {
        let Cause { example, sentence, token, .. } = other;
        *known = Cause { other_policy: false, example, sentence, token, ..known.clone() };
    }
}

/// Replaces the token of a cause by a smaller one and runs that for a transcript and a trace. What
/// says nothing about the server is left as it is: no line of the script may be to blame.
fn make_small(cause: &mut Cause, pool: &Pool, world: &World) {
    let Ok(token) = Token::decode(&cause.token) else { return };
    let mut script = token.script.clone();
    if !cause.verdict.is_no_measurement() {
        let Ok(lines) = smallest(pool, world, &script) else { return };
        cause.lines = Some((lines.len(), script.lines().count()));
        script = shrink::text(&lines);
        let small = Token { script: script.clone(), ..token.clone() };
        cause.token = small.encode();
    }
    let file = file_of(&token, script);
    if let Ok(outcome) = pool.run(job(&file, world)) {
        // The numbers in it are those of the script that is shown.
        let same = outcome.rulings.iter().find(|ruling| ruling.verdict == cause.verdict);
        if let Some(ruling) = same {
            cause.sentence.clone_from(&ruling.sentence);
        }
        if let Some(ruling) = decisive(&outcome.rulings) {
            cause.repairs = repaired(&file, ruling, pool, world);
        }
        cause.transcript = outcome.transcript;
        cause.trace = outcome.trace;
    }
}

/// What an operator can do where this is a start that is refused.
fn repaired(file: &CaseFile, ruling: &Ruling, pool: &Pool, world: &World) -> Vec<Repair> {
    let Ok(cases) = parse_all(vec![file.clone()]) else { return Vec::new() };
    let all = cases.first().map(|case| repairs(pool, world, case, ruling));
    all.and_then(Result::ok).unwrap_or_default()
}

fn file_of(token: &Token, script: String) -> CaseFile {
    let source = "the smallest script".to_string();
    CaseFile { name: token.case.clone(), source, text: script, ..CaseFile::own() }
}

/// What would have helped; None: nothing is found out about a script that is no finding any more.
fn explanation(
    cause: &Cause,
    pool: &Pool,
    world: &World,
) -> Result<Option<Explanation>, Interrupted> {
    let Ok(token) = Token::decode(&cause.token) else { return Ok(None) };
    let Ok(cases) = parse_all(vec![file_of(&token, token.script.clone())]) else { return Ok(None) };
    let Some(case) = cases.first() else { return Ok(None) };
    Ok(explain(&Question { pool, world, case }, |_| ())?.ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Verdict;
    use crate::sweep::{Kind, RunResult};

    fn record(site: &str, fault: &str, sentence: &str) -> Record {
        Record {
            site: site.parse().expect(site),
            place: 0,
            fault: fault.parse().expect(fault),
            kind: Kind::Error,
            ending: crate::sweep::Ending::Killed,
            result: RunResult::Judged(Verdict::LostReported),
            cut: None,
            lacks: BTreeSet::new(),
            images: 0,
            sampled: false,
            sentence: sentence.to_string(),
            reason: Some(Reason::other(sentence)),
            token: String::new(),
            same_as_default_order: false,
            past_last_call: false,
            counts_as: None,
        }
    }

    #[test]
    fn what_a_read_only_file_system_comes_to_is_put_to_a_call_that_fails_alone() {
        let of = |workload: &str, records: &[Record]| Sweep {
            workload: workload.to_string(),
            records: records.to_vec(),
            ..Sweep::default()
        };
        let first = record("child.rdb-temp.write#1", "EROFS+", "a write is gone");
        let last = record("parent.aof.write#1", "EROFS+", "a key is back");
        let sweeps = [
            of("a", &[first.clone(), last.clone()]),
            of("b", &[record("parent.aof.write#1", "EIO", "a write is gone")]),
        ];
        let accepted = Accepted::default();
        let causes = Causes::of(&sweeps, &[], &[], "sim", &accepted, &Setting::default());
        let mut seen: Vec<_> =
            causes.list().iter().map(|it| (it.runs, it.places.join(", "))).collect();
        seen.sort();
        let expected =
            [(1, "read-only file system"), (2, "parent.aof.write, read-only file system")];
        assert_eq!(seen, expected.map(|(runs, places)| (runs, places.to_string())));
        let number = |record| causes.number("a", record, &accepted);
        assert!(number(&first).is_some() && number(&last).is_some());
        assert_ne!(number(&first), number(&last));
    }
}
