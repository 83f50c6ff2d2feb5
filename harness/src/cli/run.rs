//! `sabot run`: cases in worlds, one line per case, a table, and one last line with the counts.
//!
//! Must not know: how a case runs.

use std::sync::mpsc::{Receiver, Sender};

use super::args::RunArgs;
use super::screen::Progress;
use super::{keep, screen};
use crate::engine::interrupt;
use crate::engine::pool::{Fleet, Settings};
use crate::engine::session::{Event, with_fleet};
use crate::engine::worlds::{Absent, Choice, World};
use crate::error::Stop;
use crate::exit::{Exit, Finding, overall};
use crate::report::table::Table;
use crate::runner::Outcome;
use crate::suite::check::{Cell, judge};
use crate::suite::library::{Library, Ready, job, understand};
use crate::suite::snapshots::{Reviewed, Snapshots};

/// The mode.
pub fn main(args: &RunArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let library = Library::open()?;
    let cases = understand(library.select(&args.cases)?)?;
    let choice = Choice::of(&args.worlds)?;
    for absent in &choice.absent {
        screen::error(&announce(absent));
    }
    let settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    let mut run = Run::new(args, &cases, &choice, Snapshots::of(&library));
    let interrupted = with_fleet(&settings, |fleet, events, sender| {
        run.submit(fleet, sender);
        run.collect(&events)
    })?;
    run.conclude()?;
    Ok(if interrupted { Exit::Interrupted } else { overall(run.findings()) })
}

fn announce(absent: &Absent) -> String {
    let what = if absent.wanted { "missing" } else { "skipped" };
    format!("{what}: world {}: {}", absent.label, absent.reason)
}

/// One go of the mode.
struct Run<'a> {
    args: &'a RunArgs,
    cases: &'a [Ready],
    choice: &'a Choice,
    snapshots: Snapshots,
    /// By case and world: the runs that are done.
    done: Vec<Vec<Vec<Outcome>>>,
    cells: Vec<Vec<Option<Cell>>>,
    /// How many cases have been printed, from the first on.
    printed: usize,
    progress: Progress,
    unkept: Option<Stop>,
}

impl<'a> Run<'a> {
    fn new(
        args: &'a RunArgs,
        cases: &'a [Ready],
        choice: &'a Choice,
        snapshots: Snapshots,
    ) -> Run<'a> {
        let worlds = choice.worlds.len();
        Run {
            args,
            cases,
            choice,
            snapshots,
            done: cases.iter().map(|_| vec![Vec::new(); worlds]).collect(),
            cells: vec![vec![None; worlds]; cases.len()],
            printed: 0,
            progress: Progress::new(cases.len() * worlds * args.repeat as usize),
            unkept: None,
        }
    }

    fn submit(&self, fleet: &Fleet, sender: Sender<Event>) {
        for (case, ready) in self.cases.iter().enumerate() {
            for (world, its_world) in self.choice.worlds.iter().enumerate() {
                for _ in 0..self.args.repeat {
                    let sender = sender.clone();
                    fleet.submit(job(&ready.file, its_world), move |outcome| {
                        let outcome = Box::new(outcome);
                        let _ = sender.send(Event::Done { case, world, outcome });
                    });
                }
            }
        }
    }

    /// Takes outcomes until all are there; true: interrupted.
    fn collect(&mut self, events: &Receiver<Event>) -> bool {
        let mut missing = self.cases.len() * self.choice.worlds.len() * self.args.repeat as usize;
        while missing > 0 {
            match events.recv() {
                Ok(Event::Done { case, world, outcome }) => self.take(case, world, *outcome),
                Ok(Event::Briefed { .. } | Event::Surveyed { .. }) => {
                    unreachable!("`run` asks for no batches")
                }
                Ok(Event::Interrupted) | Err(_) => return true,
            }
            missing -= 1;
        }
        false
    }

    fn take(&mut self, case: usize, world: usize, outcome: Outcome) {
        let ready = &self.cases[case];
        self.progress.advance(&ready.file.name);
        let runs = &mut self.done[case][world];
        runs.push(outcome);
        if runs.len() < self.args.repeat as usize {
            return;
        }
        let its_world = &self.choice.worlds[world];
        if let (Some(folder), None) = (&self.args.keep, &self.unkept) {
            let kept = keep::files(folder, &ready.file.name, &its_world.label, &runs[0].files);
            self.unkept = kept.err();
        }
        let reviewed = match ready.file.own || ready.file.is_workload() {
            true => Reviewed::Never,
            false => self.snapshots.find(&ready.file.name, &its_world.family),
        };
        self.cells[case][world] = Some(judge(&ready.script, runs, &reviewed));
        self.print();
    }

    /// Prints the cases that are complete, in order.
    fn print(&mut self) {
        while let Some(cells) = self.cells.get(self.printed) {
            let Some(cells) = cells.iter().cloned().collect::<Option<Vec<Cell>>>() else { break };
            let ready = &self.cases[self.printed];
            self.progress.line(&line(&ready.file.name, &self.choice.worlds, &cells));
            if ready.file.own {
                self.print_transcripts(ready);
            }
            self.printed += 1;
        }
    }

    /// Each different transcript once, with the worlds that gave it.
    fn print_transcripts(&self, ready: &Ready) {
        let mut different: Vec<(&str, Vec<&str>)> = Vec::new();
        for (world, runs) in self.choice.worlds.iter().zip(&self.done[self.printed]) {
            let text = runs[0].transcript.as_str();
            match different.iter_mut().find(|(other, _)| *other == text) {
                Some((_, labels)) => labels.push(&world.label),
                None if text.is_empty() => {}
                None => different.push((text, vec![&world.label])),
            }
        }
        for (text, labels) in different {
            let worlds = labels.join(", ");
            self.progress.line(&format!("--- {} in {worlds}\n{text}", ready.file.source));
        }
    }

    /// The table and the last line.
    fn conclude(&mut self) -> Result<(), Stop> {
        self.progress.finish();
        screen::line("");
        screen::line(&self.table().render());
        for absent in &self.choice.absent {
            screen::line(&announce(absent));
        }
        screen::line(&self.counts());
        self.unkept.take().map_or(Ok(()), Err)
    }

    fn table(&self) -> Table {
        let labels = self.choice.worlds.iter().map(|world| world.label.clone());
        let absent = self.choice.absent.iter().map(|absent| absent.label.clone());
        let gaps = self.choice.absent.iter().map(|absent| match absent.wanted {
            true => "missing".to_string(),
            false => "skipped".to_string(),
        });
        let row = |ready: &Ready, cells: &[Option<Cell>]| {
            let words =
                cells.iter().map(|cell| cell.as_ref().map_or("-".into(), |cell| cell.word.clone()));
            (ready.file.name.clone(), words.chain(gaps.clone()).collect())
        };
        Table {
            worlds: labels.chain(absent).collect(),
            rows: self
                .cases
                .iter()
                .zip(&self.cells)
                .map(|(ready, cells)| row(ready, cells))
                .collect(),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let absent = self.choice.absent.iter().map(|absent| match absent.wanted {
            true => Finding::NotMeasured,
            false => Finding::Skipped,
        });
        self.cells.iter().flatten().flatten().map(|cell| cell.finding).chain(absent).collect()
    }

    /// Everything that happened to a run, counted; what must not be overlooked is said even when it
    /// is 0.
    fn counts(&self) -> String {
        let findings: Vec<Finding> =
            self.cells.iter().flatten().flatten().map(|cell| cell.finding).collect();
        let count = |finding| findings.iter().filter(|other| **other == finding).count();
        let planned = self.cases.len() * self.choice.worlds.len();
        let absent = |wanted| {
            let these = self.choice.absent.iter().filter(|absent| absent.wanted == wanted);
            these.count() * self.cases.len()
        };
        let mut parts = vec![format!("{} as expected", count(Finding::AsExpected))];
        for (finding, words) in [
            (Finding::BrokenPromise, "with a promise broken"),
            (Finding::BadCase, "of a bad case"),
            (Finding::NotMeasured, "not measured"),
            (Finding::Differs, "unlike the snapshot"),
            (Finding::NotApplicable, "not applicable"),
        ] {
            if count(finding) > 0 {
                parts.push(format!("{} {words}", count(finding)));
            }
        }
        parts.push(format!("{} unreviewed", count(Finding::Unreviewed)));
        parts.push(format!("{} skipped", absent(false)));
        if absent(true) > 0 {
            parts.push(format!("{} missing", absent(true)));
        }
        if findings.len() < planned {
            parts.push(format!("{} not run", planned - findings.len()));
        }
        let cases = count_of(self.cases.len(), "case");
        let worlds = count_of(self.choice.worlds.len(), "world");
        format!("{cases} in {worlds}: {}", parts.join(", "))
    }
}

/// `1 case`, `2 cases`.
fn count_of(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The line of a case: whether all is as expected, and what is not.
fn line(name: &str, worlds: &[World], cells: &[Cell]) -> String {
    let exit = overall(cells.iter().map(|cell| cell.finding));
    let mut text = format!("{}  {name}", if exit == Exit::Expected { "ok  " } else { "FAIL" });
    for (world, cell) in worlds.iter().zip(cells) {
        for note in &cell.notes {
            let note = note.replace('\n', "\n          ");
            text.push_str(&format!("\n        {}: {note}", world.label));
        }
    }
    text
}
