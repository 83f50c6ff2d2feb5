//! `sabot known`: every known bug on every server, what is on record against what is seen; and
//! `sabot export BUG`.
//!
//! A server of the record must be as recorded: exit 0 when each bug is, 1 when one is not. Of any
//! other server it is said what was seen, with the nearest server of the record beside it where
//! that differs. Must not know: how a case runs, and by what a bug shows.

use super::args::{ExportArgs, KnownArgs};
use super::error::CommandError;
use super::progress::Progress;
use super::screen;
use super::session::{Session, announce, announcement};
use crate::engine::pool::Interrupted;
use crate::engine::worlds::{Choice, NoWorld, World};
use crate::exit::{Exit, Status, overall};
use crate::report::{bug_report, known_bugs as words, repeats};
use crate::runner::Outcome;
use crate::suite::known_bugs::{self, BugOnServer, Comparison, FOLDER, Seen, Server};
use crate::suite::library::{self, Library, ParsedCase, parse_all};
use crate::suite::redis_conf::{NotUnder, Under};
use crate::suite::runs::{self, repeat};

/// The mode.
pub fn main(args: &KnownArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?;
    let under = args.under.read()?;
    let bugs = under.cases(known_bugs::select(&Library::open()?, &args.bugs)?)?;
    let choice = worlds(&args.worlds)?;
    let missing = announce(&choice);
    let outcomes = run(&session, &bugs, &choice.worlds, &under)?;
    let server = |world| Server::of(world, under.conf.is_some());
    let servers: Vec<Server> = choice.worlds.into_iter().map(server).collect();
    let comparison = Comparison::of(&bugs, &servers, &outcomes);
    screen::line(&words::table(&comparison));
    if args.bugs.is_empty() {
        for line in known_bugs::not_expressed() {
            screen::line(&format!("no case for {line}"));
        }
    }
    screen::line(&words::last_line(&comparison));
    let absent = missing.then_some(Status::NotMeasured);
    Ok(overall(comparison.all().map(status).chain(absent)))
}

fn status(found: &BugOnServer) -> Status {
    match found.seen {
        Seen::Unmeasured => Status::NotMeasured,
        Seen::NotApplicable if found.is_as_recorded() => Status::NotApplicable,
        _ if found.is_as_recorded() => Status::AsExpected,
        _ => Status::BrokenPromise,
    }
}

/// The worlds that were asked for; else the core and every server that has a name here, or, where
/// none has, the one on PATH.
fn worlds(words: &[String]) -> Result<Choice, NoWorld> {
    if !words.is_empty() {
        return Choice::of(words);
    }
    let mut choice = Choice::everywhere()?;
    let named = choice.worlds.iter().any(|world| !DEFAULTS.contains(&world.label.as_str()));
    let beside = |label: &str| label == "server" || named && label == "redis";
    choice.worlds.retain(|world| !beside(&world.label));
    choice.absent.retain(|absent| absent.wanted || !beside(&absent.label));
    Ok(choice)
}

const DEFAULTS: [&str; 3] = ["sim", "server", "redis"];

/// By bug and server.
fn run(
    session: &Session,
    bugs: &[ParsedCase],
    worlds: &[World],
    under: &Under,
) -> Result<Vec<Vec<Outcome>>, CommandError> {
    let progress = Progress::new(bugs.len() * worlds.len());
    let outcomes = session.with_pool(|pool| -> Result<_, NotUnder> {
        under.is_taken_by(pool, worlds)?;
        Ok(runs::run_all(pool, bugs, worlds, |name| progress.advance(name))?)
    })?;
    progress.finish();
    Ok(outcomes?)
}

/// The known bug that a word names, if there is exactly one.
pub fn bug(word: &str) -> Result<Option<ParsedCase>, CommandError> {
    let Ok(mut bugs) = known_bugs::select(&Library::open()?, &[word.to_string()]) else {
        return Ok(None);
    };
    if bugs.len() > 1 {
        let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        let message = format!("{word} is more than one bug: {}", names.join(", "));
        return Err(CommandError::usage(message));
    }
    Ok(parse_all(vec![bugs.remove(0)])?.pop())
}

/// What is said of a word that names nothing that can be exported.
pub fn unknown(word: &str) -> Result<CommandError, CommandError> {
    let bugs = known_bugs::select(&Library::open()?, &[])?;
    let stem = word.strip_prefix(FOLDER).map_or(word, |rest| rest.trim_start_matches('/'));
    let near = library::near_it(&library::near(stem, &bugs));
    Ok(CommandError::usage(format!("{word} is neither a token nor a known bug{near}")))
}

/// A known bug as a report to paste.
pub fn export(bug: &ParsedCase, args: &ExportArgs) -> Result<String, CommandError> {
    let session = Session::begin(&args.limits)?;
    let choice = worlds(&args.worlds)?;
    if let Some(absent) = choice.absent.iter().find(|absent| absent.wanted) {
        return Err(CommandError::unable(announcement(absent)));
    }
    let bugs = std::slice::from_ref(bug);
    let outcomes = run(&session, bugs, &choice.worlds, &Under::default())?;
    let server = |world| Server::of(world, false);
    let servers: Vec<Server> = choice.worlds.into_iter().map(server).collect();
    let comparison = Comparison::of(bugs, &servers, &outcomes);
    let found = &comparison.bugs[0].on_servers;
    let tried = tried(&session, bug, &servers, found, args)?;
    Ok(bug_report::report(bug, &servers, found, &outcomes[0], &tried))
}

/// How often the bug was seen on each server that was asked for by name, or else on the first that
/// has it.
fn tried(
    session: &Session,
    bug: &ParsedCase,
    servers: &[Server],
    found: &[BugOnServer],
    args: &ExportArgs,
) -> Result<Vec<String>, CommandError> {
    let first = found.iter().position(|found| found.seen == Seen::Shows);
    let these = servers.iter().enumerate();
    let these = these.filter(|(n, _)| !args.worlds.is_empty() || Some(*n) == first);
    let mut tried = Vec::new();
    for (_, server) in these {
        let runs = args.runs as usize;
        let outcomes = session.with_pool(|pool| repeat(pool, &bug.file, &server.world, runs))?;
        let outcomes = outcomes.map_err(|Interrupted| CommandError::interrupted())?;
        let shows = |outcome: &Outcome| known_bugs::seen(bug, outcome) == Seen::Shows;
        let (label, build) = (&server.world.label, server.world.build());
        tried.push(format!("{}, on {label} ({build})", repeats::seen(&outcomes, shows)));
    }
    Ok(tried)
}
