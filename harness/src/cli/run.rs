//! `sabot run`: cases in worlds, one line per case, a table, and one last line with the counts.
//!
//! Must not know: how a case runs.

use std::collections::BTreeMap;

use super::annotations::{self, Annotation};
use super::args::RunArgs;
use super::error::CommandError;
use super::progress::Progress;
use super::session::{Session, announce, announcement};
use super::{keep, screen};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::{Choice, World};
use crate::exit::{Exit, Status, overall};
use crate::report::table::{Table, short};
use crate::runner::Outcome;
use crate::suite::check::{Assessment, judge};
use crate::suite::library::{CaseFile, Library, ParsedCase, job};
use crate::suite::redis_conf::NotUnder;
use crate::suite::snapshots::{Reviewed, Snapshots};

/// The mode.
pub fn main(args: &RunArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?;
    let library = Library::open()?;
    keep::possible(args.keep.as_deref())?;
    let under = args.under.read()?;
    let cases = under.cases(library.select(&args.cases)?)?;
    let choice = Choice::of(&args.worlds)?;
    announce(&choice);
    let mut run = Run::new(args, &cases, &choice, Snapshots::of(&library));
    let done = session.with_pool(|pool| -> Result<_, NotUnder> {
        under.is_taken_by(pool, &choice.worlds)?;
        Ok(run.make(pool))
    })??;
    run.conclude()?;
    Ok(if done.is_err() { Exit::Interrupted } else { overall(run.statuses()) })
}

/// One go of the mode.
struct Run<'a> {
    args: &'a RunArgs,
    cases: &'a [ParsedCase],
    choice: &'a Choice,
    snapshots: Snapshots,
    /// By case and world: its runs by number, until all are done.
    done: Vec<Vec<BTreeMap<usize, Outcome>>>,
    /// By case and world: the transcript of the first run.
    transcripts: Vec<Vec<String>>,
    assessed: Vec<Vec<Option<Assessment>>>,
    /// How many cases have been printed, from the first on.
    printed: usize,
    progress: Progress,
    unkept: Option<CommandError>,
}

impl<'a> Run<'a> {
    fn new(
        args: &'a RunArgs,
        cases: &'a [ParsedCase],
        choice: &'a Choice,
        snapshots: Snapshots,
    ) -> Run<'a> {
        let worlds = choice.worlds.len();
        Run {
            args,
            cases,
            choice,
            snapshots,
            done: vec![vec![BTreeMap::new(); worlds]; cases.len()],
            transcripts: vec![vec![String::new(); worlds]; cases.len()],
            assessed: vec![vec![None; worlds]; cases.len()],
            printed: 0,
            progress: Progress::new(cases.len() * worlds * args.repeat as usize),
            unkept: None,
        }
    }

    /// Makes all runs, or as many as come before an interrupt.
    fn make(&mut self, pool: &Pool) -> Result<(), Interrupted> {
        let (cases, worlds) = (self.cases, &self.choice.worlds);
        let repeat = self.args.repeat as usize;
        let of_case = |case| (0..worlds.len()).map(move |world| (case, world));
        let of_world = |(case, world)| (0..repeat).map(move |run| [case, world, run]);
        let places: Vec<[usize; 3]> =
            (0..cases.len()).flat_map(of_case).flat_map(of_world).collect();
        let jobs = places.iter().map(|[case, world, _]| job(&cases[*case].file, &worlds[*world]));
        for outcome in pool.run_all(jobs) {
            let (number, outcome) = outcome?;
            self.take(places[number], outcome);
        }
        Ok(())
    }

    fn take(&mut self, [case, world, run]: [usize; 3], outcome: Outcome) {
        let ParsedCase { file, script } = &self.cases[case];
        self.progress.advance(&file.name);
        let runs = &mut self.done[case][world];
        runs.insert(run, outcome);
        if runs.len() < self.args.repeat as usize {
            return;
        }
        let runs: Vec<Outcome> = std::mem::take(runs).into_values().collect();
        let its_world = &self.choice.worlds[world];
        if let (Some(folder), None) = (&self.args.keep, &self.unkept) {
            let kept = keep::files(folder, &file.name, &its_world.label, &runs[0].files);
            self.unkept = kept.err();
        }
        let reviewed = match () {
            () if file.own => Reviewed::ByItsAssertions,
            () if self.args.under.config.is_some() => Reviewed::UnderAnotherConfiguration,
            () if file.is_workload() => Reviewed::Never,
            () => self.snapshots.find(&file.name, &its_world.family),
        };
        let assessment = judge(script, &runs, &reviewed);
        if assessment.status == Status::BrokenPromise {
            annotate(file, &runs[0]);
        }
        self.assessed[case][world] = Some(assessment);
        self.transcripts[case][world].clone_from(&runs[0].transcript);
        self.print();
    }

    /// Prints the cases that are complete, in order.
    fn print(&mut self) {
        while let Some(assessed) = self.assessed.get(self.printed) {
            let assessed: Option<Vec<Assessment>> = assessed.iter().cloned().collect();
            let Some(assessed) = assessed else { break };
            let file = &self.cases[self.printed].file;
            self.progress.line(&line(&file.name, &self.choice.worlds, &assessed));
            if file.own {
                self.print_transcripts(file);
            }
            self.printed += 1;
        }
    }

    /// Each different transcript once, with the worlds that gave it.
    fn print_transcripts(&self, file: &CaseFile) {
        let mut different: Vec<(&str, Vec<String>)> = Vec::new();
        let transcripts = &self.transcripts[self.printed];
        for (world, text) in self.choice.worlds.iter().zip(transcripts) {
            match different.iter_mut().find(|(other, _)| *other == text) {
                Some((_, labels)) => labels.push(short(&world.label)),
                None if text.is_empty() => {}
                None => different.push((text.as_str(), vec![short(&world.label)])),
            }
        }
        for (text, labels) in different {
            let worlds = labels.join(", ");
            self.progress.line(&format!("--- {} in {worlds}\n{text}", file.source));
        }
    }

    /// The table and the last line.
    fn conclude(&mut self) -> Result<(), CommandError> {
        self.progress.finish();
        screen::line("");
        screen::line(&self.table().render());
        for remark in self.choice.worlds.iter().filter_map(World::remark) {
            screen::line(&remark);
        }
        for absent in &self.choice.absent {
            screen::line(&announcement(absent));
        }
        screen::line(&self.counts());
        self.unkept.take().map_or(Ok(()), Err)
    }

    fn table(&self) -> Table {
        let labels = self.choice.worlds.iter().map(|world| short(&world.label));
        let absent = self.choice.absent.iter().map(|absent| short(&absent.label));
        let gaps = self.choice.absent.iter().map(|absent| match absent.wanted {
            true => "missing".to_string(),
            false => "skipped".to_string(),
        });
        let row = |case: &ParsedCase, assessed: &[Option<Assessment>]| {
            let word =
                |one: &Option<Assessment>| one.as_ref().map_or("-".into(), |a| a.word.clone());
            let words = assessed.iter().map(word);
            (case.file.name.clone(), words.chain(gaps.clone()).collect())
        };
        Table {
            worlds: labels.chain(absent).collect(),
            rows: self
                .cases
                .iter()
                .zip(&self.assessed)
                .map(|(case, assessed)| row(case, assessed))
                .collect(),
        }
    }

    fn statuses(&self) -> Vec<Status> {
        let absent = self.choice.absent.iter().map(|absent| match absent.wanted {
            true => Status::NotMeasured,
            false => Status::Skipped,
        });
        self.assessed
            .iter()
            .flatten()
            .flatten()
            .map(|assessed| assessed.status)
            .chain(absent)
            .collect()
    }

    /// Everything that happened to a run, counted; what must not be overlooked is said even when it
    /// is 0.
    fn counts(&self) -> String {
        let statuses: Vec<Status> =
            self.assessed.iter().flatten().flatten().map(|assessed| assessed.status).collect();
        let count = |finding| statuses.iter().filter(|other| **other == finding).count();
        let planned = self.cases.len() * self.choice.worlds.len();
        let absent = |wanted| {
            let these = self.choice.absent.iter().filter(|absent| absent.wanted == wanted);
            these.count() * self.cases.len()
        };
        let mut parts = vec![format!("{} as expected", count(Status::AsExpected))];
        for (finding, words) in [
            (Status::BrokenPromise, "with a promise broken"),
            (Status::BadCase, "of a bad case"),
            (Status::NotMeasured, "not measured"),
            (Status::Differs, "unlike the snapshot"),
            (Status::NotApplicable, "not applicable"),
        ] {
            if count(finding) > 0 {
                parts.push(format!("{} {words}", count(finding)));
            }
        }
        parts.push(format!("{} unreviewed", count(Status::Unreviewed)));
        parts.push(format!("{} skipped", absent(false)));
        if absent(true) > 0 {
            parts.push(format!("{} missing", absent(true)));
        }
        if statuses.len() < planned {
            parts.push(format!("{} not run", planned - statuses.len()));
        }
        let cases = count_of(self.cases.len(), "case");
        let worlds = count_of(self.choice.worlds.len(), "world");
        format!("{cases} in {worlds}: {}", parts.join(", "))
    }
}

/// What was broken or not met, at the lines of the case.
fn annotate(file: &CaseFile, outcome: &Outcome) {
    let broken = outcome.rulings.iter().filter(|ruling| ruling.is_unexpected());
    let broken =
        broken.map(|ruling| (ruling.line, ruling.verdict.as_str(), ruling.sentence.as_str()));
    let unmet = outcome.failures.iter().filter(|failure| !failure.bad_case);
    let unmet = unmet.map(|failure| (failure.line, "expect", failure.message.as_str()));
    let annotation =
        |(line, title, message)| Annotation { file: &file.source, line, title, message };
    annotations::print(broken.chain(unmet).map(annotation));
}

/// `1 case`, `2 cases`.
fn count_of(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The line of a case: whether all is as expected, and what is not.
fn line(name: &str, worlds: &[World], assessed: &[Assessment]) -> String {
    let exit = overall(assessed.iter().map(|assessed| assessed.status));
    let mut text = format!("{}  {name}", if exit == Exit::Expected { "ok  " } else { "FAIL" });
    for (world, assessment) in worlds.iter().zip(assessed) {
        for note in &assessment.notes {
            let note = note.replace('\n', "\n          ");
            text.push_str(&format!("\n        {}: {note}", short(&world.label)));
        }
    }
    text
}
