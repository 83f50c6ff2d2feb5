//! `sabot conform`: every case on several servers, each compared with the first.
//!
//! Prints what differs, side by side and grouped by kind, and a table with the counts. Differences
//! on the [reviewed list](crate::report::conformance::reviewed_list) are counted apart. Must not
//! know: how a case runs.

use super::args::ConformArgs;
use super::conform_sweeps;
use super::error::CommandError;
use super::progress::Progress;
use super::screen;
use super::session::{Session, announcement};
use crate::engine::worlds::{Choice, World};
use crate::exit::Exit;
use crate::report::conformance::compare;
use crate::report::conformance::counts::{table, unlisted};
use crate::report::conformance::document::Document;
use crate::report::conformance::reviewed_list::List;
use crate::report::table::short;
use crate::runner::Outcome;
use crate::suite::library::{Library, ParsedCase};
use crate::suite::redis_conf::NotUnder;
use crate::suite::runs;

/// The worlds that are compared when none is named.
const DEFAULTS: [&str; 2] = ["sim", "redis-6.0.16"];

/// The mode.
pub fn main(args: &ConformArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    if args.sweeps.sweep {
        return conform_sweeps::main(args, session, &worlds(&args.worlds)?);
    }
    let library = Library::open()?;
    let under = args.under.read()?;
    let cases = under.cases(library.select(&args.cases)?)?;
    let worlds = worlds(&args.worlds)?;
    let progress = Progress::new(cases.len() * worlds.len());
    let outcomes = session.with_pool(|pool| -> Result<_, NotUnder> {
        under.is_taken_by(pool, &worlds)?;
        Ok(runs::run_all(pool, &cases, &worlds, |name| progress.advance(name))?)
    })??;
    progress.finish();
    let exit = conclude(args, &cases, &worlds, &outcomes);
    let unmeasured = unmeasured(&outcomes);
    unmeasured.iter().for_each(|why| screen::error(&format!("not compared: {why}")));
    Ok(if exit == Exit::Expected && !unmeasured.is_empty() { Exit::NotMeasured } else { exit })
}

/// At least two worlds, all of them there.
fn worlds(words: &[String]) -> Result<Vec<World>, CommandError> {
    let words = match words {
        [] => DEFAULTS.map(String::from).to_vec(),
        [one] => {
            let message = format!("nothing to compare {one} with: name two worlds");
            return Err(CommandError::usage(message));
        }
        more => more.to_vec(),
    };
    let choice = Choice::of(&words)?;
    if let Some(absent) = choice.absent.first() {
        return Err(CommandError::unable(announcement(absent)));
    }
    if choice.worlds.len() < 2 {
        return Err(CommandError::usage("these worlds are one and the same server"));
    }
    Ok(choice.worlds)
}

/// The runs that say nothing about their servers, each with the reason.
fn unmeasured(outcomes: &[Vec<Outcome>]) -> Vec<String> {
    let bad = outcomes.iter().flatten().filter(|outcome| outcome.verdict.is_no_measurement());
    bad.map(|bad| {
        let why = bad.rulings.iter().find(|ruling| ruling.verdict == bad.verdict);
        let why = why.map_or("", |ruling| &ruling.sentence);
        format!("{} in {}: {}: {why}", bad.case, bad.world_label, bad.verdict)
    })
    .collect()
}

/// Prints each pair and the table.
fn conclude(
    args: &ConformArgs,
    cases: &[ParsedCase],
    worlds: &[World],
    outcomes: &[Vec<Outcome>],
) -> Exit {
    let first = &worlds[0];
    let mut rows = Vec::new();
    let mut alike = true;
    for (number, world) in worlds.iter().enumerate().skip(1) {
        let measured = |(_, runs): &(&ParsedCase, &Vec<Outcome>)| {
            ![&runs[0], &runs[number]].iter().any(|outcome| outcome.verdict.is_no_measurement())
        };
        let compared = cases.iter().zip(outcomes).filter(measured).map(|(case, runs)| {
            let (left, right) = (&runs[0].transcript, &runs[number].transcript);
            (case.file.name.clone(), compare(&case.file.text, left, right))
        });
        let mut list = List::reviewed(&first.family, &world.family);
        let (counts, unlisted) = unlisted(compared, &mut list);
        if !args.summary {
            let (left, right) = (short(&first.label), short(&world.label));
            screen::line(&Document { left, right, cases: unlisted }.render());
        }
        let stale: Vec<&str> = list.stale().filter(|_| args.cases.is_empty()).collect();
        for reason in &stale {
            screen::error(&format!("the reviewed list has an entry that nothing needs: {reason}"));
        }
        alike &= counts.are_alike() && stale.is_empty();
        rows.push((short(&world.label), counts));
    }
    screen::line(&table(&short(&first.label), &rows));
    if alike { Exit::Expected } else { Exit::BrokenPromise }
}
