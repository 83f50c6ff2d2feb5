//! `sabot sweep`, `sabot merge`: many runs, one matrix; many shards, one report.
//!
//! Must not know: how a run is made, and what a promise is.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use super::annotations::{self, Annotation};
use super::args::{MergeArgs, SweepArgs};
use super::error::CommandError;
use super::options::Reports;
use super::progress::Progress;
use super::session::{Session, announce};
use super::{output, screen};
use crate::engine::worlds::{Choice, NoWorld};
use crate::error::cannot;
use crate::exit::{Exit, Status, overall};
use crate::report::matrix::legend;
use crate::report::table::short;
use crate::report::{sweep_junit, sweep_text};
use crate::suite::library::{Library, LibraryError, ParsedCase, SWEEPS};
use crate::suite::redis_conf::{NotUnder, Under};
use crate::sweep::accepted::Accepted;
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::finding::{Finding, findings};
use crate::sweep::{Class, File, Shard, Sweep, Tally, Workload};

/// The mode.
pub fn main(args: &SweepArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    output::possible(
        args.reports.json.iter().chain(&args.reports.junit).map(|path| path.as_path()),
    )?;
    let accepted = accepted(&args.reports)?;
    let under = args.under.read()?;
    let workloads = workloads(&args.cases, &under)?;
    let choice = choose(args)?;
    announce(&choice);
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let sample = args.sample.map(|runs| runs as usize);
    let (kinds, images, computes) = (&args.faults, args.images, args.no_memory);
    let scope = Scope { kinds, shard, sample, images, computes };
    let progress = Progress::of_many(0);
    progress.hear(RunCount::Parts(workloads.len() * choice.worlds.len()), "");
    let (json, junit) = (args.reports.json.as_deref(), args.reports.junit.as_deref());
    let save = |sweeps: &[Sweep], times: &[Duration]| -> Result<(), CommandError> {
        let file = File::new(shard.to_string(), true, sweeps.to_vec());
        write(&file, json, junit, &accepted, times)
    };
    // From here on a report is there, whatever ends this process.
    save(&[], &[])?;
    let began = Instant::now();
    let unsaved = RefCell::new(None);
    let swept = session.with_pool(|pool| -> Result<_, NotUnder> {
        under.is_taken_by(pool, &choice.worlds)?;
        let (mut sweeps, mut times) = (Vec::new(), Vec::new());
        for (workload, world) in
            workloads.iter().flat_map(|w| choice.worlds.iter().map(move |world| (w, world)))
        {
            let what = format!("{} in {}", workload.name, world.label);
            let hear = |step| progress.hear(step, &what);
            let sweeper = Sweeper { pool, scope, pairs: args.pairs, progress: &hear };
            let started = Instant::now();
            let (sweep, swept) = sweeper.sweep(workload, world);
            times.push(started.elapsed());
            progress.line(&shown(&sweep, args.posix));
            sweeps.push(sweep);
            let saved = save(&sweeps, &times);
            if saved.is_err() || swept.is_err() {
                *unsaved.borrow_mut() = saved.err();
                return Ok((sweeps, times, true));
            }
        }
        Ok((sweeps, times, false))
    })?;
    progress.finish();
    if let Some(why) = unsaved.take() {
        return Err(why);
    }
    let (sweeps, times, interrupted) = swept?;
    let file = File::new(shard.to_string(), interrupted, sweeps);
    if file.sweeps.len() > 1 {
        screen::line(&format!(
            "=== causes, the worst first\n{}",
            sweep_text::causes(&file.sweeps, args.posix)
        ));
    }
    conclude(&file, &accepted, began.elapsed().as_secs_f64());
    write(&file, json, junit, &accepted, &times)?;
    let everywhere = !interrupted
        && (shard, sample, args.faults.is_empty()) == (Shard::WHOLE, None, true)
        && args.cases.is_empty()
        && args.under.config.is_none();
    let stale = if everywhere { accepted.stale() } else { Vec::new() };
    say_accepted(&accepted, &file, &stale);
    let stale = stale.iter().map(|_| Status::BadCase);
    let missing = choice.absent.iter().filter(|absent| absent.wanted);
    let missing = missing.map(|_| Status::NotMeasured);
    let undone = file.missing();
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        undone.iter().for_each(|what| screen::error(what));
        let undone = undone.iter().map(|_| Status::NotMeasured);
        overall(statuses(&file, &accepted).into_iter().chain(missing).chain(undone).chain(stale))
    })
}

fn workloads(words: &[String], under: &Under) -> Result<Vec<Workload>, LibraryError> {
    let library = Library::open()?;
    let all = [SWEEPS.to_string()];
    let cases = under.cases(library.select(if words.is_empty() { &all } else { words })?)?;
    Ok(cases.iter().map(|ParsedCase { file, script }| Workload::of(&file.name, script)).collect())
}

/// The worlds: sim unless others are named, or all of them.
fn choose(args: &SweepArgs) -> Result<Choice, NoWorld> {
    let sim = ["sim".to_string()];
    let words: &[String] = match (args.all, args.worlds.is_empty()) {
        (true, true) => &[],
        (false, true) => &sim,
        (_, false) => &args.worlds,
    };
    Choice::of(words)
}

/// One sweep on the terminal.
fn shown(sweep: &Sweep, posix: bool) -> String {
    let world = short(&sweep.world);
    let remark = sweep.remark.as_ref().map(|remark| format!("\n{remark}"));
    format!(
        "=== {} in {world}{}\n{}\n{}",
        sweep.workload,
        remark.unwrap_or_default(),
        sweep_text::matrix_within(sweep, screen::width().unwrap_or(usize::MAX)),
        sweep_text::told(sweep, true, posix)
    )
}

/// What was broken, each finding once, at the workload.
fn annotate(file: &File, accepted: &Accepted) {
    for sweep in &file.sweeps {
        let source = format!("cases/{}.case", sweep.workload);
        for Finding { verdict, example, .. } in findings(sweep) {
            let known = accepted.run(&sweep.workload, &example).is_some() || example.is_posix();
            if verdict.is_broken_promise() && !known {
                let (title, token) = (verdict.as_str(), &example.token);
                let message = format!("{}\nsabot replay {token}", example.sentence);
                let (file, message) = (source.as_str(), message.as_str());
                annotations::print([Annotation { file, line: 0, title, message }]);
            }
        }
    }
}

fn conclude(file: &File, accepted: &Accepted, seconds: f64) {
    annotate(file, accepted);
    screen::line(&legend());
    let tally = Tally::of_sweeps(&file.sweeps, accepted);
    let (sweeps, runs) = (file.sweeps.len(), tally.total());
    let [broken, unmeasured] = [Class::Broken, Class::NotMeasured].map(|class| tally.count(class));
    let mut text = format!(
        "{sweeps} sweeps, {runs} runs, {broken} with a promise broken, {unmeasured} not measured"
    );
    let refused = file.sweeps.iter().filter(|sweep| sweep.refused.is_some()).count();
    if refused > 0 {
        text.push_str(&format!(", among them {refused} workloads that were not swept"));
    }
    if file.partial {
        text.push_str("; interrupted, so this is partial");
    }
    if seconds > 0.0 {
        text.push_str(&format!(" ({seconds:.1} s, {:.0} runs/s)", runs as f64 / seconds));
    }
    screen::line(&text);
}

/// What a class means for the exit code.
pub fn status(class: Class) -> Status {
    match class {
        Class::Broken => Status::BrokenPromise,
        Class::NotMeasured => Status::NotMeasured,
        Class::NotApplicable => Status::NotApplicable,
        _ => Status::AsExpected,
    }
}

/// What runs and workloads mean for the exit code.
fn statuses(file: &File, accepted: &Accepted) -> Vec<Status> {
    let bad_cases = file.sweeps.iter().filter(|sweep| sweep.bad_case).map(|_| Status::BadCase);
    let tally = Tally::of_sweeps(&file.sweeps, accepted);
    bad_cases.chain(tally.classes().map(status)).collect()
}

/// Puts the reports in place, each as a whole or not at all.
fn write(
    file: &File,
    json: Option<&Path>,
    junit: Option<&Path>,
    accepted: &Accepted,
    times: &[Duration],
) -> Result<(), CommandError> {
    if let Some(path) = json {
        let mut counted = file.clone();
        counted.sweeps.iter_mut().for_each(|sweep| sweep.classify(accepted));
        output::write_json(path, &counted.write())?;
    }
    if let Some(path) = junit {
        output::write(
            path,
            &sweep_junit::junit(file, accepted, times).map_err(CommandError::unable)?,
        )?;
    }
    Ok(())
}

/// The findings that are known, each with its reason.
pub fn accepted(reports: &Reports) -> Result<Accepted, CommandError> {
    Accepted::open(reports.accepted.as_deref()).map_err(CommandError::usage)
}

fn read(path: &Path) -> Result<File, CommandError> {
    let text =
        std::fs::read_to_string(path).map_err(|e| CommandError::usage(cannot("read", path, &e)))?;
    File::read(&text).map_err(|why| CommandError::usage(format!("{}: {why}", path.display())))
}

/// `sabot merge`: the shards of one sweep. It says which have to be run again.
pub fn merge(args: &MergeArgs) -> Result<Exit, CommandError> {
    let accepted = accepted(&args.reports)?;
    let files: Vec<File> = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    output::possible(
        args.reports.json.iter().chain(&args.reports.junit).map(|path| path.as_path()),
    )?;
    let interrupted = args.files.iter().zip(&files).filter(|(_, file)| file.partial);
    let interrupted: Vec<String> = interrupted
        .map(|(path, file)| format!("{}: shard {} was interrupted", path.display(), file.shard))
        .collect();
    let merged = File::merge(files).map_err(CommandError::usage)?;
    merged.sweeps.iter().for_each(|sweep| screen::line(&shown(sweep, false)));
    conclude(&merged, &accepted, 0.0);
    let (json, junit) = (args.reports.json.as_deref(), args.reports.junit.as_deref());
    write(&merged, json, junit, &accepted, &[])?;
    say_accepted(&accepted, &merged, &[]);
    let missing = merged.missing();
    interrupted.iter().chain(&missing).for_each(|what| screen::error(what));
    let missing = missing.iter().map(|_| Status::NotMeasured);
    Ok(overall(statuses(&merged, &accepted).into_iter().chain(missing)))
}

/// Says how many findings each reason accepts, and which entries nothing needs.
fn say_accepted(accepted: &Accepted, file: &File, stale: &[String]) {
    for (reason, count) in accepted.reasons(file) {
        screen::line(&format!("accepted, {count} runs: {reason}"));
    }
    stale.iter().for_each(|entry| screen::error(entry));
}
