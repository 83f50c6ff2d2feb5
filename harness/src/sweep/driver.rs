//! One workload swept in one world: the dry run, all its runs in the pool, what they came to.
//!
//! Must not know: which faults there are, and how anything is printed.

use super::baseline::Baseline;
use super::dry_run::{Alone, DryRun, Objection};
use super::enumerate::{RunPlan, Scope};
use super::fault::Fault;
use super::pair::OneOrPair;
use super::planned::PlannedRun;
use super::signature::is_finding;
use super::state::State;
use super::{Ending, Record, Sweep, Token, Workload, cuts, pairs};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::{Batch, Cuts, Survey};
use crate::engine::worlds::World;
use crate::runner::{Collect, CutPoint, RunSummary};

/// Scripts of the world `sim` in one request: a run takes less time than handing it over.
const BATCH: usize = 32;

/// Calls at which the power is cut, in one request.
const CUTS: usize = 4;

/// States of each file system model at each power cut, besides those that are always taken.
const IMAGES: u64 = 4096;
/// The same where a start takes a process.
const FEW_IMAGES: u64 = 16;

/// Sweeps in a pool.
pub struct Sweeper<'a> {
    pub pool: &'a Pool,
    pub scope: Scope<'a>,
    pub pairs: bool,
    /// Is told how many more runs are planned, and how many are done.
    pub progress: &'a dyn Fn(RunCount),
}

/// What a sweep reports while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunCount {
    /// So many more parts, each with runs of its own.
    Parts(usize),
    /// The next part begins.
    PartBegins,
    Planned(usize),
    Done(usize),
}

impl Sweeper<'_> {
    /// The sweep, or the part of it that was done before an interrupt.
    pub fn sweep(&self, workload: &Workload, world: &World) -> (Sweep, Result<(), Interrupted>) {
        self.carry_out(self.prepare(workload, world), workload, world)
    }

    /// Runs the workload dry and plans what to make of it.
    pub fn prepare(&self, workload: &Workload, world: &World) -> Prepared {
        let mut sweep = Sweep {
            workload: workload.name.clone(),
            world: world.label.clone(),
            remark: world.remark(),
            ..Sweep::default()
        };
        let ready = self.dry_run(workload, world).map(|dry| match dry {
            Ok(dry) => {
                let plan = dry.plan(workload, self.scope);
                sweep.idle = plan.idle;
                Some(Ready { dry, plan })
            }
            Err(Objection { alone: Some(alone), .. }) => {
                let here = self.scope.shard.has(&workload.name, &alone.last.site.to_string());
                sweep.records.extend(here.then(|| shown_alone(workload, world, alone)));
                sweep.planned = sweep.records.len();
                None
            }
            Err(Objection { why, bad_case, .. }) => {
                (sweep.refused, sweep.bad_case) = (Some(why), bad_case);
                None
            }
        });
        Prepared { sweep, ready }
    }

    /// Makes what was planned, or the part of it that is done before an interrupt.
    pub fn carry_out(
        &self,
        prepared: Prepared,
        workload: &Workload,
        world: &World,
    ) -> (Sweep, Result<(), Interrupted>) {
        let Prepared { mut sweep, ready } = prepared;
        let swept = ready.and_then(|ready| match ready {
            Some(ready) => self.fill(&mut sweep, workload, world, &ready),
            None => Ok(()),
        });
        sweep.interrupted = swept.is_err();
        (sweep, swept)
    }

    /// The dry run of a workload, or why it is not swept.
    pub fn dry_run(
        &self,
        workload: &Workload,
        world: &World,
    ) -> Result<Result<DryRun, Objection>, Interrupted> {
        let scripts = DryRun::scripts(workload);
        (self.progress)(RunCount::PartBegins);
        (self.progress)(RunCount::Planned(scripts.len()));
        let mut summaries = vec![None; scripts.len()];
        let scripts = scripts.into_iter();
        self.run(world, scripts, Collect::Sites, |(n, summary)| summaries[n] = Some(summary))?;
        DryRun::of(summaries).ok_or(Interrupted)
    }

    fn fill(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
        ready: &Ready,
    ) -> Result<(), Interrupted> {
        let plan = &ready.plan;
        sweep.left_out = plan.left_out;
        // What orders are compared with where that does not count by itself.
        let made = self.make(workload, world, &plan.baseline);
        made.done?;
        let mut baseline = Baseline::default();
        baseline.learn(made.records.iter().chain(&made.other_states).flatten());
        self.all(sweep, workload, world, &plan.runs, &mut baseline)?;
        if self.pairs {
            let (runs, left_out) = self.pairs(workload, world, ready)?;
            sweep.pairs_left_out = left_out;
            self.all(sweep, workload, world, &runs, &mut baseline)?;
        }
        Ok(())
    }

    /// Makes these runs and writes down what they came to, compared with the baseline, which grows;
    /// each finding gets its token.
    fn all(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
        runs: &[PlannedRun],
        baseline: &mut Baseline,
    ) -> Result<(), Interrupted> {
        sweep.planned += runs.iter().map(cuts::records_of).sum::<usize>();
        let Made { records, other_states, done } = self.make(workload, world, runs);
        let (owners, mut records) = owned(records);
        let (other_owners, mut others) = owned(other_states);
        baseline.learn(records.iter().chain(&others));
        baseline.mark(records.iter_mut().chain(&mut others));
        let owned = records.iter_mut().zip(&owners).chain(others.iter_mut().zip(&other_owners));
        let is_worth = |record: &Record| record.verdict().is_some_and(is_finding);
        for (record, owner) in owned.filter(|(record, _)| is_worth(record)) {
            let token = token(workload, world, &runs[*owner], record);
            record.token = token.map(|token| token.encode()).unwrap_or_default();
        }
        sweep.records.extend(records);
        sweep.other_states.extend(others);
        done
    }

    /// Makes these runs, as far as it comes.
    pub(super) fn make(&self, workload: &Workload, world: &World, runs: &[PlannedRun]) -> Made {
        (self.progress)(RunCount::Planned(runs.len()));
        let mut records: Vec<Vec<Record>> = vec![Vec::new(); runs.len()];
        let mut other_states = records.clone();
        let (cutting, whole): (Vec<usize>, Vec<usize>) =
            (0..runs.len()).partition(|n| runs[*n].cuts_power());
        let script = |n: &usize| workload.script(&runs[*n].added, runs[*n].ending);
        let scripts = whole.iter().map(script);
        let done = self.run(world, scripts, Collect::Verdicts, |(n, summary)| {
            records[whole[n]] = vec![Record::of(&runs[whole[n]], &summary)];
        });
        let points = cutting.iter().filter_map(|n| cuts::point(workload, &runs[*n]));
        let done = done.and_then(|_| {
            self.cut(world, points, |n, survey| {
                let n = cutting[n];
                records[n] = cuts::records(&runs[n], &survey);
                other_states[n] = cuts::other_states(&runs[n], &survey);
            })
        });
        Made { records, other_states, done }
    }

    /// Cuts the power at these calls; `take` hears of each as it comes.
    fn cut(
        &self,
        world: &World,
        points: impl Iterator<Item = CutPoint>,
        mut take: impl FnMut(usize, Survey),
    ) -> Result<(), Interrupted> {
        let supervised = world.place.is_supervised();
        let budget = self.scope.images.unwrap_or(if supervised { FEW_IMAGES } else { IMAGES });
        let cuts = |points| Cuts {
            place: world.place.clone(),
            points,
            budget,
            computes: self.scope.computes,
        };
        for surveyed in self.pool.survey(in_groups(points, CUTS).map(cuts)) {
            let (number, surveys) = surveyed?;
            (self.progress)(RunCount::Done(surveys.len()));
            (number * CUTS..).zip(surveys).for_each(|(n, survey)| take(n, survey));
        }
        Ok(())
    }

    /// The pairs whose first fault is one of these runs', and how many are left out.
    fn pairs(
        &self,
        workload: &Workload,
        world: &World,
        ready: &Ready,
    ) -> Result<(Vec<PlannedRun>, usize), Interrupted> {
        let Ready { dry, plan } = ready;
        let known = pairs::Known::of(&dry.reached);
        let firsts: Vec<&PlannedRun> =
            plan.runs.iter().filter(|run| pairs::may_be_first(run)).collect();
        (self.progress)(RunCount::Planned(firsts.len()));
        // They end as the dry run does, with which they are compared.
        let scripts = firsts.iter().map(|run| workload.script(&run.added, Ending::Load));
        let mut led: Vec<Option<pairs::Led>> = firsts.iter().map(|_| None).collect();
        self.run(world, scripts, Collect::Sites, |(n, summary)| {
            led[n] = Some(pairs::Led::by(&summary, &known));
        })?;
        let most = (pairs::MOST * plan.runs.len()).saturating_sub(firsts.len());
        let firsts = firsts.into_iter().zip(led);
        let firsts: Vec<_> = firsts.filter_map(|(first, led)| Some((first, led?))).collect();
        let endings = dry.telling_endings();
        Ok(pairs::Choice { workload, scope: self.scope, endings: &endings }.of(&firsts, most))
    }

    /// Runs scripts and returns what each came to.
    pub fn summaries(
        &self,
        world: &World,
        scripts: Vec<String>,
        collect: Collect,
    ) -> Result<Vec<RunSummary>, Interrupted> {
        let mut summaries: Vec<Option<RunSummary>> = vec![None; scripts.len()];
        let scripts = scripts.into_iter();
        self.run(world, scripts, collect, |(n, summary)| summaries[n] = Some(summary))?;
        Ok(summaries.into_iter().flatten().collect())
    }

    /// Runs scripts; `take` gets what each came to as it comes.
    fn run(
        &self,
        world: &World,
        scripts: impl Iterator<Item = String>,
        collect: Collect,
        mut take: impl FnMut((usize, RunSummary)),
    ) -> Result<(), Interrupted> {
        let size = if world.place.is_supervised() { 1 } else { BATCH };
        let batch = |scripts| Batch {
            place: world.place.clone(),
            scripts,
            collect,
            computes: self.scope.computes,
        };
        for done in self.pool.summarize(in_groups(scripts, size).map(batch)) {
            let (number, done) = done?;
            (self.progress)(RunCount::Done(done.len()));
            (number * size..).zip(done).for_each(&mut take);
        }
        Ok(())
    }
}

/// A workload that was run dry.
pub struct Prepared {
    sweep: Sweep,
    /// None: there is nothing to make.
    ready: Result<Option<Ready>, Interrupted>,
}

struct Ready {
    dry: DryRun,
    plan: RunPlan,
}

impl Prepared {
    /// What is to be made, if anything.
    pub fn plan(&mut self) -> Option<&mut RunPlan> {
        self.ready.as_mut().ok()?.as_mut().map(|ready| &mut ready.plan)
    }

    /// Whether an interrupt came first.
    pub fn is_interrupted(&self) -> bool {
        self.ready.is_err()
    }
}

/// What runs came to, by run: none where an interrupt was first.
pub(super) struct Made {
    pub(super) records: Vec<Vec<Record>>,
    other_states: Vec<Vec<Record>>,
    pub(super) done: Result<(), Interrupted>,
}

/// So many at once, each made when it is needed.
fn in_groups<T>(mut all: impl Iterator<Item = T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || Some(all.by_ref().take(size).collect()))
        .take_while(|group: &Vec<T>| !group.is_empty())
}

/// Records with the number of the run that each is of.
fn owned(records: Vec<Vec<Record>>) -> (Vec<usize>, Vec<Record>) {
    let both = records.into_iter().enumerate();
    both.flat_map(|(n, records)| records.into_iter().map(move |record| (n, record))).unzip()
}

/// The finding that a workload is by itself.
pub(super) fn shown_alone(workload: &Workload, world: &World, alone: Alone) -> Record {
    let state = State::of(&alone.last);
    let run = PlannedRun {
        site: OneOrPair::one(alone.last.site),
        place: 0,
        fault: OneOrPair::one(Fault::None),
        ending: Ending::Load,
        added: Vec::new(),
        past_last_call: false,
        act: 1,
        state,
    };
    let mut record = Record::not_injected(&run);
    record.put(alone.judgement);
    let token = token(workload, world, &run, &record).map(|token| token.encode());
    Record { token: token.unwrap_or_default(), ..record }
}

/// What replays the run of a record. None: its fault was never injected.
pub(super) fn token(
    workload: &Workload,
    world: &World,
    run: &PlannedRun,
    record: &Record,
) -> Option<Token> {
    let verdict = record.verdict()?;
    let script = match record.cut {
        Some(cut) => cuts::script_leaving(workload, run, cut),
        None => workload.script(&run.added, run.ending),
    };
    Some(Token {
        case: workload.name.clone(),
        world: world.label.clone(),
        site: run.site.to_string(),
        fault: record.fault.to_string(),
        verdict,
        script,
    })
}
