//! One workload swept in one world: the dry run, all its runs in the pool, what they came to.
//!
//! Must not know: which faults there are, and how anything is printed.

use std::collections::BTreeSet;

use super::enumerate::{Plan, Run, Scope};
use super::result::{Came, Usual, judged};
use super::{Ending, Record, Sweep, Token, Workload, cuts, finding, pairs};
use crate::contract::Verdict;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::{Batch, Cuts, Survey};
use crate::engine::worlds::World;
use crate::runner::difference::Difference;
use crate::runner::{Collect, CutPoint, RunSummary};

/// Scripts of the world `sim` in one order: a run is shorter than handing it over.
const BATCH: usize = 32;

/// Calls at which the power is cut, in one order.
const CUTS: usize = 4;

/// States of each profile at each cut of the power, beside those that are always taken.
const IMAGES: u64 = 4096;
/// The same where a start takes a process.
const FEW_IMAGES: u64 = 16;

/// Sweeps in a pool.
pub struct Sweeper<'a> {
    pub pool: &'a Pool,
    pub scope: Scope<'a>,
    pub pairs: bool,
    /// Hears how many runs there are more to do, and how many are done.
    pub progress: &'a dyn Fn(Step),
}

/// What a sweep tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Planned(usize),
    Done(usize),
}

impl Sweeper<'_> {
    /// The sweep, as far as it came.
    pub fn sweep(&self, workload: &Workload, world: &World) -> (Sweep, Result<(), Interrupted>) {
        let mut sweep = Sweep {
            workload: workload.name.clone(),
            world: world.label.clone(),
            ..Sweep::default()
        };
        let swept = self.fill(&mut sweep, workload, world);
        sweep.interrupted = swept.is_err();
        (sweep, swept)
    }

    fn fill(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
    ) -> Result<(), Interrupted> {
        let dry = workload.dry();
        let dark = workload.script(&[], Ending::Dark);
        (self.progress)(Step::Planned(3));
        let mut briefs = self.run(world, vec![dry.clone(), dry, dark], Collect::Sites, |_| {})?;
        let mut next = || briefs.pop().flatten().ok_or(Interrupted);
        let (dark, again, dry) = (next()?, next()?, next()?);
        if let Some(why) = objection(&dry, &again) {
            sweep.refused = Some(why);
            return Ok(());
        }
        let mut plan = Plan::of(workload, &dry.reached, self.scope);
        // Where the cut alone breaks a promise, a fault before it would be blamed for that.
        if judged(&dark).came != Came::Judged(Verdict::Kept)
            && judged(&dark).came != Came::Judged(Verdict::LostAllowed)
        {
            plan.runs.retain(|run| run.ending != Ending::Dark);
        }
        sweep.idle = plan.idle;
        // What orders are compared with where that does not count by itself.
        let usual = self.make(workload, world, &plan.usual);
        usual.done?;
        let mut known = Usual::default();
        known.learn(usual.records.iter().chain(&usual.beside).flatten());
        self.all(sweep, workload, world, &plan.runs, &mut known)?;
        if self.pairs {
            let sites = dry.reached.iter().map(|reached| reached.site.clone()).collect();
            let runs = self.pairs(workload, world, &plan.runs, &sites)?;
            self.all(sweep, workload, world, &runs, &mut known)?;
        }
        Ok(())
    }

    /// Makes these runs and writes down what they came to, beside what is known of the usual order.
    fn all(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
        runs: &[Run],
        usual: &mut Usual,
    ) -> Result<(), Interrupted> {
        sweep.planned += runs.iter().map(cuts::records_of).sum::<usize>();
        let Made { records, beside, done } = self.make(workload, world, runs);
        let (owners, mut records) = owned(records);
        let (owners_beside, mut beside) = owned(beside);
        usual.learn(records.iter().chain(&beside));
        usual.mark(records.iter_mut().chain(&mut beside));
        let (first, first_beside) = (sweep.records.len(), sweep.beside.len());
        sweep.records.extend(records);
        sweep.beside.extend(beside);
        for finding in finding::findings(sweep) {
            let new = sweep.records[first..].iter_mut().zip(&owners);
            let beside = sweep.beside[first_beside..].iter_mut().zip(&owners_beside);
            let its = new.chain(beside).find(|(record, _)| **record == finding.example);
            if let Some((record, owner)) = its {
                let run = &runs[*owner];
                record.token = token(workload, world, run, record, finding.verdict).encode();
            }
        }
        done
    }

    /// Makes these runs, as far as it comes.
    fn make(&self, workload: &Workload, world: &World, runs: &[Run]) -> Made {
        (self.progress)(Step::Planned(runs.len()));
        let mut records: Vec<Vec<Record>> = vec![Vec::new(); runs.len()];
        let mut beside = records.clone();
        let (cutting, whole): (Vec<usize>, Vec<usize>) =
            (0..runs.len()).partition(|n| runs[*n].cuts);
        let script = |n: &usize| workload.script(&runs[*n].added, runs[*n].ending);
        let scripts = whole.iter().map(script).collect();
        let done = self.run(world, scripts, Collect::Verdicts, |(n, brief)| {
            records[whole[n]] = vec![Record::of(&runs[whole[n]], brief)];
        });
        let points = cutting.iter().map(|n| cuts::point(workload, &runs[*n])).collect();
        let done = done.and_then(|_| {
            self.cut(world, points, |n, survey| {
                let n = cutting[n];
                records[n] = cuts::records(&runs[n], &survey);
                beside[n] = cuts::beside(&runs[n], &survey);
            })
        });
        Made { records, beside, done }
    }

    /// Cuts the power at these calls; `take` hears of each as it comes.
    fn cut(
        &self,
        world: &World,
        points: Vec<CutPoint>,
        mut take: impl FnMut(usize, Survey),
    ) -> Result<(), Interrupted> {
        let supervised = world.place.is_supervised();
        let budget = self.scope.images.unwrap_or(if supervised { FEW_IMAGES } else { IMAGES });
        let cuts = |points: &[CutPoint]| Cuts {
            place: world.place.clone(),
            points: points.to_vec(),
            budget,
        };
        for surveyed in self.pool.survey(points.chunks(CUTS).map(cuts)) {
            let (number, surveys) = surveyed?;
            (self.progress)(Step::Done(surveys.len()));
            (number * CUTS..).zip(surveys).for_each(|(n, survey)| take(n, survey));
        }
        Ok(())
    }

    /// The pairs whose first fault is one of these runs'.
    fn pairs(
        &self,
        workload: &Workload,
        world: &World,
        runs: &[Run],
        known: &BTreeSet<String>,
    ) -> Result<Vec<Run>, Interrupted> {
        let firsts: Vec<&Run> = runs.iter().filter(|run| pairs::may_be_first(run)).collect();
        (self.progress)(Step::Planned(firsts.len()));
        let scripts = firsts.iter().map(|run| workload.script(&run.added, Ending::Cut)).collect();
        let briefs = self.run(world, scripts, Collect::Sites, |_| {})?;
        let both = firsts.into_iter().zip(briefs);
        let both = both.filter_map(|(first, brief)| Some((first, brief?)));
        let seconds = both.flat_map(|(first, brief)| {
            pairs::seconds(workload, first, &brief.reached, known, self.scope)
        });
        Ok(seconds.collect())
    }

    /// Runs scripts and returns what each came to.
    pub fn summaries(
        &self,
        world: &World,
        scripts: Vec<String>,
        collect: Collect,
    ) -> Result<Vec<RunSummary>, Interrupted> {
        let mut summaries: Vec<Option<RunSummary>> = vec![None; scripts.len()];
        self.run(world, scripts, collect, |(n, summary)| summaries[n] = Some(summary.clone()))?;
        Ok(summaries.into_iter().flatten().collect())
    }

    /// Runs scripts; `take` hears of each verdict as it comes.
    fn run(
        &self,
        world: &World,
        scripts: Vec<String>,
        collect: Collect,
        mut take: impl FnMut((usize, &RunSummary)),
    ) -> Result<Vec<Option<RunSummary>>, Interrupted> {
        let size = if world.place.is_supervised() { 1 } else { BATCH };
        let mut summaries: Vec<Option<RunSummary>> = vec![None; scripts.len()];
        let batch = |scripts: &[String]| Batch {
            place: world.place.clone(),
            scripts: scripts.to_vec(),
            collect,
        };
        for done in self.pool.summarize(scripts.chunks(size).map(batch)) {
            let (number, done) = done?;
            (self.progress)(Step::Done(done.len()));
            for (n, summary) in (number * size..).zip(done) {
                take((n, &summary));
                if collect == Collect::Sites {
                    summaries[n] = Some(summary);
                }
            }
        }
        Ok(summaries)
    }
}

/// What runs came to, by run: none where an interrupt was first.
struct Made {
    records: Vec<Vec<Record>>,
    beside: Vec<Vec<Record>>,
    done: Result<(), Interrupted>,
}

/// Records with the number of the run that each is of.
fn owned(records: Vec<Vec<Record>>) -> (Vec<usize>, Vec<Record>) {
    let both = records.into_iter().enumerate();
    both.flat_map(|(n, records)| records.into_iter().map(move |record| (n, record))).unzip()
}

/// Why there is nothing to sweep.
fn objection(dry: &RunSummary, again: &RunSummary) -> Option<String> {
    if let Some(difference) = Difference::between(&dry.trace, &again.trace) {
        let shown = difference.shown("run 1", "run 2");
        return Some(format!("it is not deterministic: two dry runs differ in {shown}"));
    }
    if let Some(failure) = dry.wrong() {
        let (line, message) = (failure.line, &failure.message);
        return Some(format!("its dry run went wrong in line {line}: {message}"));
    }
    let fine = !dry.verdict.is_broken_promise() && !dry.verdict.is_no_measurement();
    let sentence = dry.rulings.iter().find(|ruling| ruling.verdict == dry.verdict);
    let sentence = sentence.map(|ruling| ruling.sentence.as_str()).unwrap_or_default();
    (!fine).then(|| format!("its dry run, without any fault, is {}: {sentence}", dry.verdict))
}

fn token(
    workload: &Workload,
    world: &World,
    run: &Run,
    record: &Record,
    verdict: Verdict,
) -> Token {
    let script = match run.cuts {
        true if !record.cut.is_empty() => cuts::point(workload, run).with(&record.cut),
        _ => workload.script(&run.added, run.ending),
    };
    Token {
        case: workload.name.clone(),
        world: world.label.clone(),
        site: run.site.clone(),
        fault: record.fault.clone(),
        verdict,
        script,
    }
}
