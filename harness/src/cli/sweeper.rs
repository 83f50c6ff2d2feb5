//! One workload swept in one world: the dry run, all its runs on the fleet, what they came to.
//!
//! Must not know: which faults there are, and how anything is printed.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender};

use super::fleet::Fleet;
use super::run::Event;
use super::wire::Batch;
use super::worlds::World;
use crate::case::Brief;
use crate::report::difference::Difference;
use crate::sweep::enumerate::{Plan, Run, Scope};
use crate::sweep::{Ending, Record, Sweep, Token, Workload, finding, pairs};

/// Scripts of the world `sim` in one order: a run is shorter than handing it over.
const BATCH: usize = 32;

/// Sweeps on a fleet.
pub struct Sweeper<'a> {
    pub fleet: &'a Fleet,
    pub events: &'a Receiver<Event>,
    pub sender: &'a Sender<Event>,
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

/// Somebody pressed Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl Sweeper<'_> {
    /// The sweep, as far as it came.
    pub fn sweep(&self, workload: &Workload, world: &World) -> (Sweep, Result<(), Interrupted>) {
        let mut sweep = Sweep {
            workload: workload.name.clone(),
            world: world.label.clone(),
            ..Sweep::default()
        };
        let swept = self.fill(&mut sweep, workload, world);
        (sweep, swept)
    }

    fn fill(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
    ) -> Result<(), Interrupted> {
        let dry = workload.dry();
        let mut briefs = self.run(world, vec![dry.clone(), dry], true, |_| {})?;
        let (again, dry) = (briefs.pop().flatten(), briefs.pop().flatten());
        let (Some(dry), Some(again)) = (dry, again) else { return Err(Interrupted) };
        if let Some(why) = objection(&dry, &again) {
            sweep.refused = Some(why);
            return Ok(());
        }
        let plan = Plan::of(workload, &dry.learned, self.scope);
        sweep.idle = plan.idle;
        let done = self.all(sweep, workload, world, &plan.runs);
        if done.is_ok() && self.pairs {
            let known = dry.learned.iter().map(|learned| learned.site.clone()).collect();
            let runs = self.pairs(workload, world, &plan.runs, &known)?;
            return self.all(sweep, workload, world, &runs);
        }
        done
    }

    /// Makes these runs and writes down what they came to.
    fn all(
        &self,
        sweep: &mut Sweep,
        workload: &Workload,
        world: &World,
        runs: &[Run],
    ) -> Result<(), Interrupted> {
        sweep.planned += runs.len();
        (self.progress)(Step::Planned(runs.len()));
        let scripts = runs.iter().map(|run| workload.script(&run.added, run.ending)).collect();
        let mut records: Vec<Option<Record>> = vec![None; runs.len()];
        let done = self.run(world, scripts, false, |(n, brief)| {
            records[n] = Some(Record::of(&runs[n], brief));
        });
        let first = sweep.records.len();
        sweep.records.extend(records.into_iter().flatten());
        for finding in finding::findings(sweep) {
            let example = &finding.example;
            let same = |run: &&Run| {
                (&run.site, &run.fault, run.ending)
                    == (&example.site, &example.fault, example.ending)
            };
            let its_run = runs.iter().find(same);
            let record = sweep.records[first..].iter_mut().find(|record| *record == example);
            if let (Some(run), Some(record)) = (its_run, record) {
                record.token = token(workload, world, run, finding.verdict).encode();
            }
        }
        done.map(drop)
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
        let briefs = self.run(world, scripts, true, |_| {})?;
        let both = firsts.into_iter().zip(briefs);
        let both = both.filter_map(|(first, brief)| Some((first, brief?)));
        let seconds = both.flat_map(|(first, brief)| {
            pairs::seconds(workload, first, &brief.learned, known, self.scope)
        });
        Ok(seconds.collect())
    }

    /// Runs scripts; `take` hears of each verdict as it comes.
    fn run(
        &self,
        world: &World,
        scripts: Vec<String>,
        learn: bool,
        mut take: impl FnMut((usize, &Brief)),
    ) -> Result<Vec<Option<Brief>>, Interrupted> {
        let size = if world.place.is_supervised() { 1 } else { BATCH };
        let mut briefs: Vec<Option<Brief>> = vec![None; scripts.len()];
        let mut missing = scripts.len();
        let mut first = 0;
        for scripts in scripts.chunks(size) {
            let (place, scripts) = (world.place.clone(), scripts.to_vec());
            let (sender, batch) = (self.sender.clone(), Batch { place, scripts, learn });
            let number = first;
            first += batch.scripts.len();
            self.fleet.brief(batch, move |briefs| {
                let _ = sender.send(Event::Briefed { first: number, briefs });
            });
        }
        while missing > 0 {
            match self.events.recv() {
                Ok(Event::Briefed { first, briefs: done }) => {
                    (self.progress)(Step::Done(done.len()));
                    missing -= done.len();
                    for (n, brief) in (first..).zip(done) {
                        take((n, &brief));
                        if learn {
                            briefs[n] = Some(brief);
                        }
                    }
                }
                Ok(Event::Done { .. }) => unreachable!("a sweep asks for verdicts alone"),
                Ok(Event::Interrupted) | Err(_) => return Err(Interrupted),
            }
        }
        Ok(briefs)
    }
}

/// Why there is nothing to sweep.
fn objection(dry: &Brief, again: &Brief) -> Option<String> {
    if let Some(difference) = Difference::between(&dry.trace, &again.trace) {
        let shown = difference.shown("run 1", "run 2");
        return Some(format!("it is not deterministic: two dry runs differ in {shown}"));
    }
    if let Some(failure) = dry.wrong() {
        let (line, message) = (failure.line, &failure.message);
        return Some(format!("its dry run went wrong in line {line}: {message}"));
    }
    let fine = !dry.verdict.is_broken_promise() && !dry.verdict.is_no_measurement();
    let sentence = dry.verdicts.iter().find(|(_, verdict, _)| *verdict == dry.verdict);
    let sentence = sentence.map(|(_, _, sentence)| sentence.as_str()).unwrap_or_default();
    (!fine).then(|| format!("its dry run, without any fault, is {}: {sentence}", dry.verdict))
}

fn token(
    workload: &Workload,
    world: &World,
    run: &Run,
    verdict: crate::contract::Verdict,
) -> Token {
    Token {
        case: workload.name.clone(),
        world: world.label.clone(),
        site: run.site.clone(),
        fault: run.fault.clone(),
        verdict,
        script: workload.script(&run.added, run.ending),
    }
}
