//! One workload swept in two worlds, record for record.
//!
//! The dry runs say which runs both can make, and why one cannot make the others; both make the
//! same ones, all or a sample. A workload that breaks a promise by itself is one run. Verdicts are
//! compared, and not what is said about them.
//! Must not know: which servers these are, and how anything is printed.

use std::collections::{BTreeMap, BTreeSet};

use super::driver::{Sweeper, shown_alone, token};
use super::dry_run::{DryRun, Objection};
use super::enumerate::{RunPlan, Scope};
use super::fault::{Fault, First};
use super::{Axis, Ending, Kind, OneOrPair, PlannedRun, Record, RunResult, Workload};
use crate::contract::Verdict;
use crate::engine::pool::Interrupted;
use crate::engine::worlds::World;
use crate::kernel::Site;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct SideBySide {
    pub workload: String,
    /// How many records came to the same verdict.
    pub equal: usize,
    pub differing: Vec<Differing>,
    /// Runs that one of them cannot make.
    pub one_sided: Vec<OneSided>,
    /// Runs that both can make and a sample left out.
    pub left_out: usize,
    /// How many records say nothing about either server.
    pub unmeasured: usize,
    /// Why the workload was not swept, by side.
    pub refused: [Option<String>; 2],
    /// What a side lacks that the workload needs, where the other has it.
    pub lacks: [Option<String>; 2],
}

/// A run that came to two things.
#[derive(Clone, Debug)]
pub struct Differing {
    pub site: OneOrPair<Site>,
    pub fault: OneOrPair<Fault>,
    pub ending: Ending,
    pub sides: [Came; 2],
}

/// What a run came to in one of the worlds.
#[derive(Clone, Debug)]
pub struct Came {
    pub result: RunResult,
    pub sentence: String,
    /// Replays it; empty where the fault was never injected.
    pub token: String,
}

impl Differing {
    fn of(record: &Record, sides: [Came; 2]) -> Differing {
        let Record { site, fault, ending, .. } = record.clone();
        Differing { site, fault, ending, sides }
    }
}

impl Came {
    fn of(record: &Record, token: String) -> Came {
        Came { result: record.result, sentence: record.sentence.clone(), token }
    }

    /// A workload without any fault, which breaks no promise.
    fn fine(verdict: Verdict) -> Came {
        let (sentence, token) = Default::default();
        Came { result: RunResult::Judged(verdict), sentence, token }
    }
}

/// A run of one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneSided {
    /// Whose it is: 0 or 1.
    pub side: usize,
    pub lack: Lack,
    pub site: Site,
    pub kind: Kind,
    /// The task that runs before the call.
    pub first: Option<String>,
}

impl OneSided {
    /// The kind of call.
    pub fn axis(&self) -> Axis {
        Axis::of(&self.site)
    }
}

/// What the other side lacks for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// It makes no such call.
    Call,
    /// No other task could run before the call.
    Order,
    /// The fault does not fit its call: what it moves is too short, for example.
    Fault,
    /// The power cut at the end breaks a promise by itself.
    PowerCut,
}

/// What tells a run from the others of its workload.
type Key = (OneOrPair<Site>, String, Ending);

fn key(run: &PlannedRun) -> Key {
    (run.site.clone(), run.fault.to_string(), run.ending)
}

impl Sweeper<'_> {
    /// Sweeps a workload in both worlds. A sample is one of the runs that both can make.
    pub fn side_by_side(
        &self,
        workload: &Workload,
        worlds: [&World; 2],
    ) -> Result<SideBySide, Interrupted> {
        let mut found = SideBySide { workload: workload.name.clone(), ..SideBySide::default() };
        let [left, right] = worlds.map(|world| self.dry_run(workload, world));
        let Some(dry) = found.swept(workload, worlds, [left?, right?]) else { return Ok(found) };
        let whole = Scope { sample: None, ..self.scope };
        let plans = dry.each_ref().map(|dry| dry.plan(workload, whole).runs);
        let keys = plans.each_ref().map(|runs| runs.iter().map(key).collect::<BTreeSet<Key>>());
        found.one_sided = one_sided(&dry, &plans, &keys);
        let [left, right] = plans;
        let both = left.into_iter().filter(|run| keys[1].contains(&key(run))).collect();
        let mut both = RunPlan { runs: both, ..RunPlan::default() };
        if let Some(count) = self.scope.sample {
            both.thin(count);
            found.left_out = both.left_out;
        }
        let mut counterparts: BTreeMap<Key, PlannedRun> =
            right.into_iter().map(|run| (key(&run), run)).collect();
        let right = both.runs.iter().filter_map(|run| counterparts.remove(&key(run))).collect();
        self.run_both(&mut found, workload, worlds, [both.runs, right])?;
        Ok(found)
    }

    fn run_both(
        &self,
        found: &mut SideBySide,
        workload: &Workload,
        worlds: [&World; 2],
        runs: [Vec<PlannedRun>; 2],
    ) -> Result<(), Interrupted> {
        let [left, right] = [0, 1].map(|side| self.make(workload, worlds[side], &runs[side]));
        left.done?;
        right.done?;
        for (n, (left, right)) in left.records.iter().zip(&right.records).enumerate() {
            for both in left.iter().zip(right).map(|(left, right)| [left, right]) {
                found.compare(both, |side| {
                    let made = token(workload, worlds[side], &runs[side][n], both[side]);
                    made.map(|token| token.encode()).unwrap_or_default()
                });
            }
        }
        Ok(())
    }
}

impl SideBySide {
    /// The dry runs, if both can be swept; else what they come to by themselves.
    fn swept(
        &mut self,
        workload: &Workload,
        worlds: [&World; 2],
        dry: [Result<DryRun, Objection>; 2],
    ) -> Option<[DryRun; 2]> {
        let lacks = dry.each_ref().map(|dry| dry.as_ref().ok().and_then(|dry| dry.lacks.clone()));
        match (lacks, dry) {
            ([Some(_), Some(_)], _) => None,
            ([None, None], [Ok(left), Ok(right)]) => Some([left, right]),
            ([None, None], dry) => {
                self.compare_alone(workload, worlds, dry);
                None
            }
            (lacks, _) => {
                self.lacks = lacks;
                None
            }
        }
    }

    /// Compares what a workload comes to without any fault: a side, or both, breaks a promise.
    fn compare_alone(
        &mut self,
        workload: &Workload,
        worlds: [&World; 2],
        dry: [Result<DryRun, Objection>; 2],
    ) {
        let alone = [0, 1].map(|side| match &dry[side] {
            Ok(dry) => Some((None, Came::fine(dry.verdict))),
            Err(Objection { alone, .. }) => alone.clone().map(|alone| {
                let record = shown_alone(workload, worlds[side], alone);
                (Some(record.clone()), Came::of(&record, record.token.clone()))
            }),
        });
        let [Some((left, came)), Some((right, other))] = alone else {
            self.refused = dry.map(|dry| dry.err().map(|Objection { why, .. }| why));
            return;
        };
        let Some(shown) = left.or(right) else { return };
        match came.result == other.result {
            true => self.equal += 1,
            false => self.differing.push(Differing::of(&shown, [came, other])),
        }
    }

    fn compare(&mut self, both: [&Record; 2], token: impl Fn(usize) -> String) {
        let [left, right] = both.map(|record| record.result);
        let says_nothing =
            |result: RunResult| result.verdict().is_some_and(|verdict| verdict.is_no_measurement());
        match left == right {
            true if says_nothing(left) => self.unmeasured += 1,
            true => self.equal += 1,
            false => {
                let sides = [0, 1].map(|side| Came::of(both[side], token(side)));
                self.differing.push(Differing::of(both[0], sides));
            }
        }
    }
}

/// The runs of each side that the other has not.
fn one_sided(
    dry: &[DryRun; 2],
    plans: &[Vec<PlannedRun>; 2],
    keys: &[BTreeSet<Key>; 2],
) -> Vec<OneSided> {
    let mut found = Vec::new();
    for (side, other) in [(0, 1), (1, 0)] {
        let known: BTreeSet<&Site> = dry[other].reached.iter().map(|call| &call.site).collect();
        let ends: BTreeSet<Ending> = plans[other].iter().map(|run| run.ending).collect();
        let alone = plans[side].iter().filter(|run| !keys[other].contains(&key(run)));
        // That an axis is over is no run of its own.
        found.extend(alone.filter(|run| !run.past_last_call).map(|run| OneSided {
            side,
            lack: match () {
                () if !known.contains(&run.site.first) => Lack::Call,
                () if !ends.contains(&run.ending) => Lack::PowerCut,
                () if run.kind() == Kind::Order => Lack::Order,
                () => Lack::Fault,
            },
            site: run.site.first.clone(),
            kind: run.kind(),
            first: match run.fault.first.first() {
                Some(First::Task(task)) => Some(task.clone()),
                Some(First::Others) | None => None,
            },
        }));
    }
    found
}
