//! `sabot sweep`, `sabot merge`, `sabot diff`: many runs, one matrix; many shards, one report; two
//! reports, what changed.
//!
//! Must not know: how a run is made, and what a promise is.

use std::path::Path;

use super::args::{DiffArgs, MergeArgs, SweepArgs};
use super::exit::{Exit, Finding, overall};
use super::fleet::Settings;
use super::library::{Library, SWEEPS};
use super::run::{Ready, understand, with_fleet};
use super::screen::Progress;
use super::sweeper::{Step, Sweeper};
use super::worlds::Choice;
use super::{Stop, cannot, interrupt, screen, tell};
use crate::report::matrix::LEGEND;
use crate::sweep::enumerate::Scope;
use crate::sweep::{Came, File, Shard, Sweep, Workload, file};

/// The mode.
pub fn main(args: &SweepArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let outputs: Vec<&Path> = args.json.iter().chain(&args.junit).map(|p| p.as_path()).collect();
    outputs.iter().try_for_each(|path| writable(path))?;
    let workloads = workloads(&args.cases)?;
    let choice = choose(args)?;
    let mut settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    settings.jobs = args.jobs.map_or(usize::MAX, |jobs| jobs as usize);
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let sample = args.sample.map(|runs| runs as usize);
    let scope = Scope { kinds: &args.faults, shard, sample, images: args.images };
    let progress = Progress::of_many(0);
    let save = |sweeps: &[Sweep], partial: bool| -> Result<(), Stop> {
        let file = File::new(shard.to_string(), partial, sweeps.to_vec());
        write(&file, args.json.as_deref(), args.junit.as_deref())
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
                Step::Planned(runs) => progress.more(runs),
                Step::Done(runs) => progress.advance_by(runs, &what),
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
        screen::line(&format!("=== causes, the worst first\n{}", tell::causes(&file.sweeps)));
    }
    conclude(&file, began.elapsed().as_secs_f64());
    write(&file, args.json.as_deref(), args.junit.as_deref())?;
    let missing = choice.absent.iter().map(|_| Finding::NotMeasured);
    Ok(if interrupted { Exit::Interrupted } else { overall(exits(&file).chain(missing)) })
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

/// A report that cannot be written is found out before anything runs.
fn writable(path: &Path) -> Result<(), Stop> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|e| Stop::usage(cannot("write", path, &e)))
}

/// One sweep on the terminal.
fn shown(sweep: &Sweep) -> String {
    let world = &sweep.world;
    format!(
        "=== {} in {world}\n{}\n{}",
        sweep.workload,
        tell::matrix(sweep),
        tell::told(sweep, true)
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
fn exits(file: &File) -> impl Iterator<Item = Finding> {
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

/// A file is replaced as a whole, so that no end of this process leaves half of it; what is no file
/// (a terminal, a pipe) is written to.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if path.exists() && !path.is_file() {
        return std::fs::write(path, text);
    }
    let mut part = path.as_os_str().to_os_string();
    part.push(".part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, path).inspect_err(|_| drop(std::fs::remove_file(&part)))
}

/// Puts the reports in place, each as a whole or not at all.
fn write(file: &File, json: Option<&Path>, junit: Option<&Path>) -> Result<(), Stop> {
    let to = |path: &Path, text: &str| {
        put(path, text).map_err(|e| Stop::unable(cannot("write", path, &e)))
    };
    if let Some(path) = json {
        to(path, &file.write())?;
    }
    if let Some(path) = junit {
        let xml = tell::junit(file).map_err(Stop::unable)?;
        to(path, &xml)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<File, Stop> {
    let text = std::fs::read_to_string(path).map_err(|e| Stop::usage(cannot("read", path, &e)))?;
    File::read(&text).map_err(|why| Stop::usage(format!("{}: {why}", path.display())))
}

/// `sabot merge`: the shards of one sweep.
pub fn merge(args: &MergeArgs) -> Result<Exit, Stop> {
    let outputs: Vec<&Path> = args.json.iter().chain(&args.junit).map(|p| p.as_path()).collect();
    let files: Vec<File> = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    outputs.iter().try_for_each(|path| writable(path))?;
    let merged = File::merge(files).map_err(Stop::usage)?;
    merged.sweeps.iter().for_each(|sweep| screen::line(&shown(sweep)));
    conclude(&merged, 0.0);
    write(&merged, args.json.as_deref(), args.junit.as_deref())?;
    Ok(overall(exits(&merged)))
}

/// `sabot diff`: what a new server does otherwise than an old one.
pub fn diff(args: &DiffArgs) -> Result<Exit, Stop> {
    let changes = file::changes(&read(&args.old)?, &read(&args.new)?);
    let word = |came: Option<Came>| match came {
        None => "(not run)".to_string(),
        Some(Came::NothingInjected) => "(not injected)".to_string(),
        Some(Came::Judged(verdict)) => verdict.to_string(),
    };
    let broken =
        |came: Option<Came>| matches!(came, Some(Came::Judged(v)) if v.is_broken_promise());
    let mut workload = "";
    for change in &changes {
        if change.workload != workload {
            workload = &change.workload;
            screen::line(workload);
        }
        let (old, new) = (word(change.old), word(change.new));
        screen::line(&format!("  {}  {}: {old} → {new}", change.site, change.fault));
        if broken(change.new) {
            screen::line(&format!("      {}", change.sentence));
        }
    }
    let worse = changes.iter().filter(|c| broken(c.new) && !broken(c.old)).count();
    let better = changes.iter().filter(|c| broken(c.old) && !broken(c.new)).count();
    screen::line(&format!(
        "{} runs differ: {worse} break a promise now, {better} do no longer",
        changes.len()
    ));
    Ok(match (worse, changes.is_empty()) {
        (0, true) => Exit::Expected,
        (0, false) => Exit::Differs,
        _ => Exit::BrokenPromise,
    })
}
