//! `sabot sweep`, `sabot merge`: many runs, one matrix; many shards, one report.
//!
//! Must not know: how a run is made, and what a promise is.

use std::path::Path;

use super::args::{MergeArgs, SweepArgs};
use super::screen::Progress;
use super::{output, screen};
use crate::engine::interrupt;
use crate::engine::pool::Settings;
use crate::engine::session::with_fleet;
use crate::engine::worlds::Choice;
use crate::error::{Stop, cannot};
use crate::exit::{Exit, Finding, overall};
use crate::report::matrix::LEGEND;
use crate::report::sweep_text;
use crate::suite::library::{Library, Ready, SWEEPS, understand};
use crate::sweep::accepted::Accepted;
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::{File, Shard, Sweep, Workload};

/// The mode.
pub fn main(args: &SweepArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    output::possible(
        args.reports.json.iter().chain(&args.reports.junit).map(|path| path.as_path()),
    )?;
    let accepted = Accepted::open(args.reports.accepted.as_deref())?;
    let workloads = workloads(&args.cases)?;
    let choice = choose(args)?;
    let mut settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    settings.jobs = args.cores.most();
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let sample = args.sample.map(|runs| runs as usize);
    let scope = Scope { kinds: &args.faults, shard, sample, images: args.images };
    let progress = Progress::of_many(0);
    let save = |sweeps: &[Sweep], partial: bool| -> Result<(), Stop> {
        let file = File::new(shard.to_string(), partial, sweeps.to_vec());
        write(&file, args.reports.json.as_deref(), args.reports.junit.as_deref(), &accepted)
    };
    // From here on a report is there, whatever ends this process.
    save(&[], true)?;
    let began = std::time::Instant::now();
    let (sweeps, interrupted) = with_fleet(&settings, |fleet, events, sender| {
        let mut sweeps = Vec::new();
        for (workload, world) in
            workloads.iter().flat_map(|w| choice.worlds.iter().map(move |world| (w, world)))
        {
            let what = format!("{} in {}", workload.name, world.label);
            let hear = |step| match step {
                RunCount::Planned(runs) => progress.more(runs),
                RunCount::Done(runs) => progress.advance_by(runs, &what),
            };
            let (events, sender) = (&events, &sender);
            let pairs = args.pairs;
            let sweeper = Sweeper { fleet, events, sender, scope, pairs, progress: &hear };
            let (sweep, swept) = sweeper.sweep(workload, world);
            progress.line(&shown(&sweep));
            sweeps.push(sweep);
            if save(&sweeps, true).is_err() {
                return (sweeps, true);
            }
            if swept.is_err() {
                return (sweeps, true);
            }
        }
        (sweeps, false)
    })?;
    progress.finish();
    let file = File::new(shard.to_string(), interrupted, sweeps);
    if file.sweeps.len() > 1 {
        screen::line(&format!("=== causes, the worst first\n{}", sweep_text::causes(&file.sweeps)));
    }
    conclude(&file, began.elapsed().as_secs_f64());
    write(&file, args.reports.json.as_deref(), args.reports.junit.as_deref(), &accepted)?;
    let counted = accepted.without(&file);
    let everywhere = !interrupted
        && (shard, sample, args.faults.is_empty()) == (Shard::WHOLE, None, true)
        && args.cases.is_empty();
    let stale = if everywhere { accepted.stale() } else { Vec::new() };
    say_accepted(&accepted, &file, &stale);
    let stale = stale.iter().map(|_| Finding::BadCase);
    let missing = choice.absent.iter().map(|_| Finding::NotMeasured);
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        overall(exits(&counted).chain(missing).chain(stale))
    })
}

fn workloads(words: &[String]) -> Result<Vec<Workload>, Stop> {
    let library = Library::open()?;
    let all = [SWEEPS.to_string()];
    let ready = understand(library.select(if words.is_empty() { &all } else { words })?)?;
    Ok(ready.iter().map(|Ready { file, script }| Workload::of(&file.name, script)).collect())
}

/// The worlds: sim unless others are named, or all of them.
fn choose(args: &SweepArgs) -> Result<Choice, Stop> {
    let sim = ["sim".to_string()];
    let words: &[String] = match (args.all, args.worlds.is_empty()) {
        (true, true) => &[],
        (false, true) => &sim,
        (_, false) => &args.worlds,
    };
    let mut choice = Choice::of(words)?;
    for absent in &choice.absent {
        let what = if absent.wanted { "missing" } else { "skipped" };
        screen::error(&format!("{what}: world {}: {}", absent.label, absent.reason));
    }
    choice.absent.retain(|absent| absent.wanted);
    Ok(choice)
}

/// One sweep on the terminal.
fn shown(sweep: &Sweep) -> String {
    let world = &sweep.world;
    format!(
        "=== {} in {world}\n{}\n{}",
        sweep.workload,
        sweep_text::matrix(sweep),
        sweep_text::told(sweep, true)
    )
}

fn conclude(file: &File, seconds: f64) {
    screen::line(LEGEND);
    let runs: usize = file.sweeps.iter().map(|sweep| sweep.records.len()).sum();
    let refused = file.sweeps.iter().filter(|sweep| sweep.refused.is_some()).count();
    let mut text = format!("{} sweeps, {runs} runs", file.sweeps.len());
    for exit in [Finding::BrokenPromise, Finding::NotMeasured] {
        let what = match exit {
            Finding::BrokenPromise => "with a promise broken",
            _ => "not measured",
        };
        let count = exits(file).filter(|finding| *finding == exit).count();
        text.push_str(&format!(", {count} {what}"));
    }
    text.push_str(&format!(", {refused} workloads not swept"));
    if file.partial {
        text.push_str("; interrupted, so this is partial");
    }
    if seconds > 0.0 {
        text.push_str(&format!(" ({seconds:.1} s, {:.0} runs/s)", runs as f64 / seconds));
    }
    screen::line(&text);
}

/// What each run and each workload means for the exit code.
pub fn exits(file: &File) -> impl Iterator<Item = Finding> {
    file.sweeps.iter().flat_map(|sweep| {
        let refused = sweep.refused.iter().map(|_| Finding::NotMeasured);
        refused.chain(sweep.records.iter().map(|record| match record.verdict() {
            // No server syncs the directory that holds its own, so this would say nothing.
            _ if record.is_posix() || !record.is_finding() => Finding::AsExpected,
            Some(verdict) if verdict.is_broken_promise() => Finding::BrokenPromise,
            Some(verdict) if verdict.is_no_measurement() => Finding::NotMeasured,
            _ => Finding::AsExpected,
        }))
    })
}

/// Puts the reports in place, each as a whole or not at all.
fn write(
    file: &File,
    json: Option<&Path>,
    junit: Option<&Path>,
    accepted: &Accepted,
) -> Result<(), Stop> {
    if let Some(path) = json {
        output::write(path, &file.write())?;
    }
    if let Some(path) = junit {
        output::write(path, &sweep_text::junit(file, accepted).map_err(Stop::unable)?)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<File, Stop> {
    let text = std::fs::read_to_string(path).map_err(|e| Stop::usage(cannot("read", path, &e)))?;
    File::read(&text).map_err(|why| Stop::usage(format!("{}: {why}", path.display())))
}

/// `sabot merge`: the shards of one sweep.
pub fn merge(args: &MergeArgs) -> Result<Exit, Stop> {
    let accepted = Accepted::open(args.reports.accepted.as_deref())?;
    let files: Vec<File> = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    output::possible(
        args.reports.json.iter().chain(&args.reports.junit).map(|path| path.as_path()),
    )?;
    let merged = File::merge(files).map_err(Stop::usage)?;
    merged.sweeps.iter().for_each(|sweep| screen::line(&shown(sweep)));
    conclude(&merged, 0.0);
    write(&merged, args.reports.json.as_deref(), args.reports.junit.as_deref(), &accepted)?;
    say_accepted(&accepted, &merged, &[]);
    Ok(overall(exits(&accepted.without(&merged))))
}

/// Says how many findings each reason accepts, and which entries nothing needs.
fn say_accepted(accepted: &Accepted, file: &File, stale: &[String]) {
    for (reason, count) in accepted.reasons(file) {
        screen::line(&format!("accepted, {count} runs: {reason}"));
    }
    stale.iter().for_each(|entry| screen::error(entry));
}
