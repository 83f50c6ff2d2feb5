//! `sabot conform`: every case on several servers, each compared with the first.
//!
//! Prints what differs, side by side and grouped by kind, and a table with the counts. Differences
//! on the [reviewed list](crate::report::conformance::reviewed_list) are counted apart. Must not
//! know: how a case runs.

use std::sync::mpsc::Receiver;

use super::args::ConformArgs;
use super::screen;
use super::screen::Progress;
use crate::engine::interrupt;
use crate::engine::pool::Settings;
use crate::engine::session::{Event, with_fleet};
use crate::engine::worlds::Choice;
use crate::error::Stop;
use crate::exit::Exit;
use crate::report::conformance::document::Document;
use crate::report::conformance::reviewed_list::List;
use crate::report::conformance::{Compared, Kind, compare};
use crate::runner::Outcome;
use crate::suite::library::{Library, Ready, job, understand};

/// The worlds that are compared when none is named.
const DEFAULTS: [&str; 2] = ["sim", "redis-6.0.16"];

/// How the cases came out in one pair of worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub identical: usize,
    /// Different in lines that are on the reviewed list, and in no others.
    pub listed: usize,
    pub differing: usize,
    /// One of the servers lacks what the case needs.
    pub one_only: usize,
    pub neither: usize,
}

/// The mode.
pub fn main(args: &ConformArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let library = Library::open()?;
    let cases = understand(library.select(&args.cases)?)?;
    let worlds = match args.worlds.as_slice() {
        [] => DEFAULTS.map(String::from).to_vec(),
        [one] => {
            return Err(Stop::usage(format!("nothing to compare {one} with: name two worlds")));
        }
        more => more.to_vec(),
    };
    let choice = Choice::of(&worlds)?;
    if let Some(absent) = choice.absent.first() {
        return Err(Stop::unable(format!("missing: world {}: {}", absent.label, absent.reason)));
    }
    if choice.worlds.len() < 2 {
        return Err(Stop::usage("these worlds are one and the same server".to_string()));
    }
    let Some(outcomes) = outcomes(args, &cases, &choice)? else { return Ok(Exit::Interrupted) };
    if let Some(problem) = unmeasured(&outcomes) {
        return Err(Stop::unable(problem));
    }
    Ok(conclude(args, &cases, &choice, &outcomes))
}

/// By case and world; None: interrupted.
fn outcomes(
    args: &ConformArgs,
    cases: &[Ready],
    choice: &Choice,
) -> Result<Option<Vec<Vec<Outcome>>>, Stop> {
    let settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    let worlds = choice.worlds.len();
    with_fleet(&settings, |fleet, events, sender| {
        for (case, ready) in cases.iter().enumerate() {
            for (world, its_world) in choice.worlds.iter().enumerate() {
                let sender = sender.clone();
                fleet.submit(job(&ready.file, its_world), move |outcome| {
                    let outcome = Box::new(outcome);
                    let _ = sender.send(Event::Done { case, world, outcome });
                });
            }
        }
        collect(&events, cases.len(), worlds)
    })
}

fn collect(events: &Receiver<Event>, cases: usize, worlds: usize) -> Option<Vec<Vec<Outcome>>> {
    let progress = Progress::new(cases * worlds);
    let mut done: Vec<Vec<Option<Outcome>>> = vec![vec![None; worlds]; cases];
    for _ in 0..cases * worlds {
        match events.recv() {
            Ok(Event::Done { case, world, outcome }) => {
                progress.advance(&outcome.case);
                done[case][world] = Some(*outcome);
            }
            _ => return None,
        }
    }
    progress.finish();
    Some(done.into_iter().map(|row| row.into_iter().flatten().collect()).collect())
}

/// The first run that says nothing about its server.
fn unmeasured(outcomes: &[Vec<Outcome>]) -> Option<String> {
    let all = outcomes.iter().flatten();
    let bad = all.into_iter().find(|outcome| outcome.verdict.is_no_measurement())?;
    let why = bad.rulings.iter().find(|ruling| ruling.verdict == bad.verdict);
    let why = why.map_or("", |ruling| &ruling.sentence);
    Some(format!("{} in {}: {}: {why}", bad.case, bad.world_label, bad.verdict))
}

/// Prints each pair and the table.
fn conclude(
    args: &ConformArgs,
    cases: &[Ready],
    choice: &Choice,
    outcomes: &[Vec<Outcome>],
) -> Exit {
    let first = &choice.worlds[0];
    let mut rows = Vec::new();
    let mut alike = true;
    for (number, world) in choice.worlds.iter().enumerate().skip(1) {
        let compared = cases.iter().zip(outcomes).map(|(ready, runs)| {
            let (left, right) = (&runs[0].transcript, &runs[number].transcript);
            (ready.file.name.clone(), compare(&ready.file.text, left, right))
        });
        let mut list = List::reviewed(&first.family, &world.family);
        let (counts, unlisted) = sort_out(compared.collect(), &mut list);
        if !args.summary {
            let (left, right) = (first.label.clone(), world.label.clone());
            screen::line(&Document { left, right, cases: unlisted }.render());
        }
        let stale: Vec<&str> = list.stale().filter(|_| args.cases.is_empty()).collect();
        for reason in &stale {
            screen::error(&format!("the reviewed list has an entry that nothing needs: {reason}"));
        }
        alike &= counts.differing + counts.one_only == 0 && stale.is_empty();
        rows.push((world.label.clone(), counts));
    }
    screen::line(&table(&first.label, &rows));
    if alike { Exit::Expected } else { Exit::BrokenPromise }
}

/// Counts, and the cases without what is on the list.
pub fn sort_out(
    compared: Vec<(String, Compared)>,
    list: &mut List,
) -> (Counts, Vec<(String, Compared)>) {
    let mut counts = Counts::default();
    let mut unlisted = Vec::new();
    for (name, compared) in compared {
        let Compared::Differs(mut hunks) = compared else {
            match compared {
                Compared::Neither => counts.neither += 1,
                _ => counts.identical += 1,
            }
            continue;
        };
        hunks.retain(|hunk| !list.covers(hunk));
        match hunks.first().map(|hunk| hunk.kind) {
            None => counts.listed += 1,
            Some(Kind::Applies) => counts.one_only += 1,
            Some(_) => counts.differing += 1,
        }
        if !hunks.is_empty() {
            unlisted.push((name, Compared::Differs(hunks)));
        }
    }
    (counts, unlisted)
}

/// Servers down, counts across, each line ended.
pub fn table(first: &str, rows: &[(String, Counts)]) -> String {
    let headings = ["identical", "listed", "differing", "for one only", "for neither"];
    let head = format!("against {first}");
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let width = names.chain([head.chars().count()]).max().unwrap_or(0);
    let mut text = format!("{head:width$}  {}\n", headings.join("  "));
    for (name, counts) in rows {
        let Counts { identical, listed, differing, one_only, neither } = counts;
        text.push_str(&format!("{name:width$}"));
        for (count, heading) in
            [identical, listed, differing, one_only, neither].into_iter().zip(headings)
        {
            text.push_str(&format!("  {count:>wide$}", wide = heading.len()));
        }
        text.push('\n');
    }
    text
}
