//! Trying variants: each comes to the worst verdict of all states that its power cut may leave.
//!
//! Where a rule cuts the power at one call, the kernel lists the states, and each is judged. Where
//! a step of the script cuts it, the variant is run once for each of some modes. Must not know:
//! what a variant changes.

use super::record::Trial;
use super::subject::{Cutting, Subject, Variant};
use crate::case;
use crate::contract::Verdict;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::{Batch, Cuts, Survey};
use crate::engine::worlds::World;
use crate::kernel::disk::power_cut::{FsModel, Mode};
use crate::kernel::{Cut, Site};
use crate::runner::{Collect, RunSummary};
use crate::sweep::signature::Judgement;

/// Scripts in one request, where they need no process.
const BATCH: usize = 32;

/// States of each file system model at a power cut, besides those that are always taken.
const STATES: u64 = 1024;
/// The same where a start takes a process.
const FEW_STATES: u64 = 16;

/// Modes that mean the same whatever was synced.
const MODES: [Mode; 5] = [Mode::None, Mode::Log, Mode::Data, Mode::InPlace, Mode::All];

/// Tries variants of one script in one world.
pub struct Bench<'a> {
    pub pool: &'a Pool,
    pub world: &'a World,
    pub cutting: Cutting,
    /// What each power cut of a step leaves: a variant is run once for each of these.
    pub cuts: Vec<Cut>,
}

impl<'a> Bench<'a> {
    pub fn new(pool: &'a Pool, world: &'a World, cutting: Cutting) -> Bench<'a> {
        let cuts = match cutting {
            Cutting::Elsewhere(cut) => vec![cut],
            _ => Vec::new(),
        };
        Bench { pool, world, cutting, cuts }
    }

    /// Judges variants under other modes of the cut as well, as long as the control holds there:
    /// else the fault would be blamed for what the cut does by itself.
    pub fn widen(&mut self, control: &Variant) -> Result<(), Interrupted> {
        let Cutting::Elsewhere(own) = self.cutting else { return Ok(()) };
        for mode in MODES.into_iter().filter(|mode| *mode != own.mode) {
            let cut = Cut { mode, ..own };
            let alone = self.with(vec![cut]);
            if alone.all(std::slice::from_ref(control))?.iter().all(Trial::holds) {
                self.cuts.push(cut);
            }
        }
        Ok(())
    }

    /// Judges variants under the mode of the finding alone.
    pub fn as_it_was_cut(&self) -> Bench<'a> {
        self.with(self.cuts.iter().take(1).copied().collect())
    }

    fn with(&self, cuts: Vec<Cut>) -> Bench<'a> {
        Bench { cuts, cutting: self.cutting.clone(), ..*self }
    }

    /// What each variant comes to, in their order.
    pub fn all(&self, variants: &[Variant]) -> Result<Vec<Trial>, Interrupted> {
        match &self.cutting {
            Cutting::Elsewhere(_) => self.in_modes(variants),
            Cutting::Never => {
                let scripts = variants.iter().map(|variant| variant.script.clone()).collect();
                let done = self.run(scripts, Collect::Verdicts)?;
                Ok(done.iter().map(alone).collect())
            }
            Cutting::AtCall { cut, .. } => self.at_the_call(variants, cut.fs),
        }
    }

    /// Runs scripts in the pool.
    pub fn run(
        &self,
        scripts: Vec<String>,
        collect: Collect,
    ) -> Result<Vec<RunSummary>, Interrupted> {
        let size = if self.world.place.is_supervised() { 1 } else { BATCH };
        let batches = scripts.chunks(size).map(|scripts| Batch {
            place: self.world.place.clone(),
            scripts: scripts.to_vec(),
            collect,
            computes: true,
        });
        Ok(self.pool.summarize(batches).in_order(|_, _| ())?.concat())
    }

    fn in_modes(&self, variants: &[Variant]) -> Result<Vec<Trial>, Interrupted> {
        let mut scripts = Vec::new();
        for variant in variants {
            // A script that is none says so itself when it is run.
            let parsed = case::parse("variant", &variant.script);
            scripts.extend(self.cuts.iter().map(|cut| match &parsed {
                Ok(script) => Subject::leaving(script, *cut),
                Err(_) => variant.script.clone(),
            }));
        }
        let done = self.run(scripts, Collect::Verdicts)?;
        let cuts = || self.cuts.iter().map(|cut| Some(*cut));
        let each = done.chunks(self.cuts.len().max(1));
        Ok(each.map(|its| worst(cuts().zip(its), its.len() as u64)).collect())
    }

    fn at_the_call(&self, variants: &[Variant], fs: FsModel) -> Result<Vec<Trial>, Interrupted> {
        let points: Vec<_> = variants.iter().map(|it| it.point(&self.cutting)).collect();
        let supervised = self.world.place.is_supervised();
        let budget = if supervised { FEW_STATES } else { STATES };
        let place = &self.world.place;
        let surveys = points.iter().flatten().map(|point| Cuts {
            place: place.clone(),
            points: vec![point.clone()],
            budget,
            computes: true,
        });
        let mut surveys = self.pool.survey(surveys).in_order(|_, _| ())?.into_iter().flatten();
        let whole = variants.iter().zip(&points).filter(|(_, point)| point.is_none());
        let scripts = whole.map(|(variant, _)| variant.script.clone()).collect();
        let mut whole = self.run(scripts, Collect::Verdicts)?.into_iter();
        let next = |point: &Option<_>| match point {
            Some(_) => surveys.next().map(|survey| surveyed(&survey, fs)),
            None => whole.next().map(|run| alone(&run)),
        };
        Ok(points.iter().filter_map(next).collect())
    }
}

/// The calls that a run went through, by what decides where a rule for each stands.
pub fn starts(summary: &RunSummary) -> impl Iterator<Item = (Site, u32)> + '_ {
    summary.reached.iter().map(|call| (call.site.clone(), call.start))
}

fn verdict_of(summary: &RunSummary) -> Option<Verdict> {
    Judgement::of(summary).result.verdict()
}

/// The worst of some runs, each with the cut that it stands for.
fn worst<'a>(runs: impl Iterator<Item = (Option<Cut>, &'a RunSummary)>, states: u64) -> Trial {
    let verdicts = runs.map(|(cut, run)| Some((verdict_of(run)?, cut)));
    // A run in which the fault was never injected says nothing, and so nothing can be said of all.
    let all: Option<Vec<_>> = verdicts.collect();
    let worst = all.and_then(|all| all.into_iter().min_by_key(|(verdict, _)| *verdict));
    let (verdict, cut) = worst.unzip();
    Trial { verdict, states, complete: true, cut: cut.flatten() }
}

fn alone(run: &RunSummary) -> Trial {
    worst([(None, run)].into_iter(), 0)
}

fn surveyed(survey: &Survey, fs: FsModel) -> Trial {
    match survey {
        Err(summary) => alone(summary),
        Ok(None) => Trial { verdict: None, states: 0, complete: true, cut: None },
        Ok(Some(all)) => {
            let its = all.judged.iter().filter(|class| class.cut.fs <= fs);
            let states = all.images.iter().take(fs as usize + 1).sum();
            let trial = worst(its.map(|class| (Some(class.cut), &class.brief)), states);
            Trial { complete: all.complete, ..trial }
        }
    }
}
