//! An audit under way: every case, every sweep, and the smallest script for each cause.
//!
//! Must not know: how a case runs, what a promise is, and how an audit is told.

use std::time::Instant;

use super::causes::{Causes, Setting};
use super::known::Shown;
use super::part::{Joined, Subject};
use super::record::{self, Audit, CaseRecord, Config, Times};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::suite::check::judge;
use crate::suite::library::{CaseFile, Library, LibraryError, ParsedCase, SWEEPS, job};
use crate::suite::redis_conf::{Conf, NotUnder, Under};
use crate::suite::snapshots::Reviewed;
use crate::sweep::accepted::Accepted;
use crate::sweep::driver::{Prepared, RunCount, Sweeper};
use crate::sweep::enumerate::{self, RunPlan, Scope};
use crate::sweep::{Sample, Shard, Sweep, Tally, Workload};

/// What stands for the site of a case where it is decided which part it belongs to.
const CASE: &str = "case";

/// What is needed before anything runs.
pub struct AuditInputs {
    pub world: World,
    under: Under,
    cases: Vec<ParsedCase>,
    /// Cases that are swept.
    swept: Vec<ParsedCase>,
    sample: Option<Sample>,
    /// The part that this machine makes.
    pub shard: Shard,
    /// What only a disk shows that keeps nothing but what was synced by name is in it, too.
    pub posix: bool,
    /// Each finding is explained, which takes runs of its own.
    pub explain: bool,
}

impl AuditInputs {
    /// Reads the library; `sample` says which runs to make, None: all.
    ///
    /// # Errors
    /// When a case cannot be read, or is wrong under this configuration.
    pub fn read(
        world: World,
        under: Under,
        sample: Option<Sample>,
    ) -> Result<AuditInputs, LibraryError> {
        let library = Library::open()?;
        let cases = under.cases(library.select(&[])?)?;
        let swept = under.cases(library.select(&[SWEEPS.to_string()])?)?;
        let (shard, posix, explain) = (Shard::WHOLE, false, false);
        Ok(AuditInputs { world, under, cases, swept, sample, shard, posix, explain })
    }

    /// What all parts of this audit have alike.
    pub fn subject(&self) -> Subject {
        Subject {
            sabot: env!("CARGO_PKG_VERSION").to_string(),
            server: self.world.server_name(),
            config: self.under.conf.as_ref().map(config),
            posix: self.posix,
        }
    }

    /// The names of all cases, in order.
    pub fn cases(&self) -> Vec<&str> {
        self.cases.iter().map(|case| case.file.name.as_str()).collect()
    }
}

/// What an audit comes to.
pub struct Audited {
    pub audit: Audit,
    pub causes: Causes,
    pub times: Times,
}

/// What was seen, before anything is made of it.
#[derive(Default)]
pub struct Seen {
    pub cases: Vec<CaseRecord>,
    pub known: Vec<Shown>,
    pub sweeps: Vec<Sweep>,
    pub times: Times,
    /// Not everything was tried.
    pub is_partial: bool,
}

/// One audit under way.
pub struct AuditRun<'a> {
    pub inputs: &'a AuditInputs,
    pub pool: &'a Pool,
    /// Hears how much there is more to do, and how much of what is done.
    pub progress: &'a (dyn Fn(RunCount, &str) + Sync),
}

impl AuditRun<'_> {
    /// Everything, or as much as was done before an interrupt. Causes are made small by so many
    /// threads.
    ///
    /// # Errors
    /// When the server does not start under the user's configuration, or an interrupt came before
    /// anything else.
    pub fn all(&self, accepted: &Accepted, threads: usize) -> Result<Audited, NotUnder> {
        // The cases, each sweep, and the smallest scripts.
        (self.progress)(RunCount::Parts(self.inputs.swept.len() + 2), "");
        Ok(self.conclude(self.look()?, accepted, threads))
    }

    /// The part of this machine, as far as it was made before an interrupt.
    ///
    /// # Errors
    /// As for [`AuditRun::all`].
    pub fn part(&self) -> Result<Seen, NotUnder> {
        (self.progress)(RunCount::Parts(self.inputs.swept.len() + 1), "");
        self.look()
    }

    /// The whole, of parts; one with something missing is partial.
    pub fn of_parts(&self, parts: Joined, accepted: &Accepted, threads: usize) -> Audited {
        (self.progress)(RunCount::Parts(1), "");
        let Joined { cases, known, sweeps, missing } = parts;
        let (times, is_partial) = (Times::default(), !missing.is_empty());
        self.conclude(Seen { cases, known, sweeps, times, is_partial }, accepted, threads)
    }

    fn look(&self) -> Result<Seen, NotUnder> {
        let inputs = self.inputs;
        inputs.under.is_taken_by(self.pool, std::slice::from_ref(&inputs.world))?;
        let mut seen = Seen::default();
        let started = Instant::now();
        let ran = self.run_cases(&mut seen);
        seen.times.cases = started.elapsed();
        seen.is_partial = ran.and_then(|()| self.sweeps(&mut seen)).is_err();
        Ok(seen)
    }

    /// Finds the causes of what was seen, and makes each small, unless it is only a part of it.
    fn conclude(&self, seen: Seen, accepted: &Accepted, threads: usize) -> Audited {
        let inputs = self.inputs;
        let (setting, Seen { mut cases, known, mut sweeps, times, is_partial }) =
            (self.setting(), seen);
        for case in cases.iter_mut().filter(|case| case.verdict.is_broken_promise()) {
            case.accepted = accepted.case(&case.name, case.verdict);
        }
        sweeps.iter_mut().for_each(|sweep| sweep.classify(accepted));
        let mut done = if is_partial { Err(Interrupted) } else { Ok(()) };
        let file = |case: &CaseRecord| {
            let mut files = inputs.cases.iter().map(|case| &case.file);
            files.find(|file| file.name == case.name)
        };
        let files: Vec<&CaseFile> = cases.iter().filter_map(file).collect();
        let mut causes =
            Causes::of(&sweeps, &cases, &files, &inputs.world.label, accepted, &setting);
        if done.is_ok() {
            (self.progress)(RunCount::PartBegins, "");
            (self.progress)(RunCount::Planned(causes.count()), "");
            let advance = || (self.progress)(RunCount::Done(1), "the smallest scripts");
            causes.shrink(self.pool, &inputs.world, threads, advance);
            done = if self.pool.is_stopped() { Err(Interrupted) } else { Ok(()) };
        }
        if done.is_ok() && inputs.explain {
            (self.progress)(RunCount::Planned(causes.count()), "");
            let advance = || (self.progress)(RunCount::Done(1), "explanations");
            done = causes.explain(self.pool, &inputs.world, advance);
        }
        causes.compare_with_known(&known);
        cases.iter_mut().for_each(|case| case.token = causes.token_of_case(&case.name));
        let subject = inputs.subject();
        let audit = Audit {
            format: record::FORMAT.to_string(),
            version: record::VERSION,
            sabot: subject.sabot,
            server: subject.server,
            world: inputs.world.label.clone(),
            config: subject.config,
            partial: done.is_err(),
            sample: inputs.sample,
            counts: counts(&cases, &sweeps, accepted),
            cases,
            sweeps,
            causes: causes.list(),
            stale: Vec::new(),
        };
        Audited { audit, causes, times }
    }

    /// Which cases and workloads have another policy than the user's.
    fn setting(&self) -> Setting {
        let Some(policy) = self.inputs.under.policy() else { return Setting::default() };
        let all = self.inputs.cases.iter().chain(&self.inputs.swept);
        let other = all.filter(|case| policy.is_overridden_by(&case.script));
        Setting { other_policy: other.map(|case| case.file.name.clone()).collect() }
    }

    /// All cases of this part, as far as they were run, and the known bugs that show.
    fn run_cases(&self, seen: &mut Seen) -> Result<(), Interrupted> {
        let here = |case: &&ParsedCase| self.inputs.shard.has(&case.file.name, CASE);
        let cases: Vec<&ParsedCase> = self.inputs.cases.iter().filter(here).collect();
        (self.progress)(RunCount::PartBegins, "");
        (self.progress)(RunCount::Planned(cases.len()), "");
        let mut found: Vec<Option<(CaseRecord, Option<Shown>)>> = vec![None; cases.len()];
        let jobs = cases.iter().map(|case| job(&case.file, &self.inputs.world));
        let done = self.pool.run_all(jobs).try_for_each(|outcome| {
            let (number, outcome) = outcome?;
            let ParsedCase { file, script } = cases[number];
            let shown = Shown::of(cases[number], &outcome);
            let runs = [outcome];
            let assessment = judge(script, &runs, &Reviewed::Never);
            found[number] = Some((CaseRecord::of(&file.name, &runs[0], assessment), shown));
            (self.progress)(RunCount::Done(1), &file.name);
            Ok(())
        });
        for (case, shown) in found.into_iter().flatten() {
            seen.cases.push(case);
            seen.known.extend(shown);
        }
        done
    }

    /// All sweeps, as far as they come.
    fn sweeps(&self, seen: &mut Seen) -> Result<(), Interrupted> {
        let workload = |case: &ParsedCase| Workload::of(&case.file.name, &case.script);
        let workloads: Vec<Workload> = self.inputs.swept.iter().map(workload).collect();
        if self.inputs.sample == Some(Sample::Quick) {
            return self.quick_sweeps(&workloads, seen);
        }
        for workload in &workloads {
            let started = Instant::now();
            let progress = |step| (self.progress)(step, &workload.name);
            let (sweep, swept) = self.sweeper(&progress).sweep(workload, &self.inputs.world);
            self.take(sweep, &mut seen.sweeps);
            seen.times.sweeps.push(started.elapsed());
            swept?;
        }
        Ok(())
    }

    /// The same for the runs that all workloads together need for a quick look.
    fn quick_sweeps(&self, workloads: &[Workload], seen: &mut Seen) -> Result<(), Interrupted> {
        let world = &self.inputs.world;
        let mut prepared = Vec::new();
        for workload in workloads {
            let started = Instant::now();
            let progress = |step| (self.progress)(step, &workload.name);
            prepared.push(self.sweeper(&progress).prepare(workload, world));
            seen.times.sweeps.push(started.elapsed());
            if prepared.last().is_some_and(Prepared::is_interrupted) {
                break;
            }
        }
        let mut plans: Vec<&mut RunPlan> = prepared.iter_mut().filter_map(Prepared::plan).collect();
        enumerate::quick(&mut plans);
        for ((workload, prepared), time) in
            workloads.iter().zip(prepared).zip(&mut seen.times.sweeps)
        {
            let started = Instant::now();
            let progress = |step| (self.progress)(step, &workload.name);
            let (sweep, swept) = self.sweeper(&progress).carry_out(prepared, workload, world);
            self.take(sweep, &mut seen.sweeps);
            *time += started.elapsed();
            swept?;
        }
        Ok(())
    }

    fn sweeper<'b>(&'b self, progress: &'b dyn Fn(RunCount)) -> Sweeper<'b> {
        let sample = match self.inputs.sample {
            Some(Sample::PerWorkload(runs)) => Some(runs as usize),
            Some(Sample::Quick) | None => None,
        };
        let scope = Scope { sample, shard: self.inputs.shard, ..Scope::WHOLE };
        Sweeper { pool: self.pool, scope, pairs: false, progress }
    }

    fn take(&self, sweep: Sweep, sweeps: &mut Vec<Sweep>) {
        sweeps.push(if self.inputs.posix { sweep } else { without_posix(sweep) });
    }
}

/// The sweep without what only a disk shows that keeps nothing but what was synced by name: no
/// server syncs the directory that holds its own, so all of them fail there.
fn without_posix(mut sweep: Sweep) -> Sweep {
    let made = sweep.records.len();
    sweep.records.retain(|record| !record.is_posix());
    sweep.other_states.retain(|record| !record.is_posix());
    sweep.planned -= (made - sweep.records.len()).min(sweep.planned);
    sweep
}

/// Every run and case that counts.
pub fn counts(cases: &[CaseRecord], sweeps: &[Sweep], accepted: &Accepted) -> Tally {
    let cases: Tally = cases.iter().map(CaseRecord::class).collect();
    [cases, Tally::of_sweeps(sweeps, accepted)].into_iter().sum()
}

fn config(conf: &Conf) -> Config {
    let dropped = conf.dropped.iter();
    let dropped =
        dropped.map(|(given, why)| (given.place.clone(), given.text.clone(), why.to_string()));
    Config {
        path: conf.path.clone(),
        kept: conf.kept.iter().map(|given| given.text.clone()).collect(),
        dropped: dropped.collect(),
    }
}
