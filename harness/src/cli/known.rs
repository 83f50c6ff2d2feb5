//! `sabot known`: every known bug on every server, what is on record against what is seen.
//!
//! A server of the record must be as recorded: exit 0 when each cell is, 1 when one is not. Of any
//! other server it is said what was seen, with the nearest server of the record beside it where
//! that differs. Must not know: how a case runs, and by what a bug shows.

use super::args::KnownArgs;
use super::screen::{self, Progress};
use crate::case::known_bug::{Recorded, column, nearest};
use crate::contract::Verdict;
use crate::engine::interrupt;
use crate::engine::pool::{Fleet, Settings};
use crate::engine::session::{Event, with_fleet};
use crate::engine::wire::Place;
use crate::engine::worlds::{Choice, World};
use crate::error::Stop;
use crate::exit::{Exit, Finding, overall};
use crate::profile::Profile;
use crate::report::known::{Cell, Row, Seen, Sheet};
use crate::runner::Outcome;
use crate::suite::library::{CaseFile, Library, Ready, job, understand};

/// The folder of known bugs.
pub const FOLDER: &str = "known";

/// What of the catalogue is no case, and what is missing for it.
const NOT_EXPRESSED: &str = include_str!("../../../cases/known/not-expressed.txt");

/// A world with the name under which its server would be on record.
pub struct Server {
    pub world: World,
    pub column: String,
}

/// The mode.
pub fn main(args: &KnownArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let bugs = understand(select(&Library::open()?, &args.bugs)?)?;
    let choice = worlds(&args.worlds)?;
    for absent in &choice.absent {
        let what = if absent.wanted { "missing" } else { "skipped" };
        screen::error(&format!("{what}: world {}: {}", absent.label, absent.reason));
    }
    let missing = choice.absent.iter().any(|absent| absent.wanted);
    let servers: Vec<Server> = choice.worlds.into_iter().map(Server::of).collect();
    let settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    let Some(outcomes) = outcomes(&settings, &bugs, &servers)? else {
        return Ok(Exit::Interrupted);
    };
    let sheet = sheet(&bugs, &servers, &outcomes);
    screen::line(&sheet.render());
    if args.bugs.is_empty() {
        for line in not_expressed() {
            screen::line(&format!("no case for {line}"));
        }
    }
    screen::line(&sheet.last_line());
    let absent = missing.then_some(Finding::NotMeasured);
    Ok(overall(sheet.cells().map(finding).chain(absent)))
}

/// The lines of the list that say something.
pub fn not_expressed() -> impl Iterator<Item = &'static str> {
    NOT_EXPRESSED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn finding(cell: &Cell) -> Finding {
    match cell {
        Cell { seen: Seen::Unmeasured, .. } => Finding::NotMeasured,
        Cell { seen: Seen::NotApplicable, .. } if cell.is_as_recorded() => Finding::NotApplicable,
        cell if cell.is_as_recorded() => Finding::AsExpected,
        _ => Finding::BrokenPromise,
    }
}

impl Server {
    /// The world's server; one that cannot be asked is on no record, and says why when it runs.
    pub fn of(world: World) -> Server {
        let column = match &world.place {
            Place::Sim | Place::Server => Profile::named("sabot").map(|core| column(&core)),
            Place::Binary(path) => Profile::of(path).ok().map(|(profile, _)| column(&profile)),
        };
        Server { column: column.unwrap_or_else(|| world.label.clone()), world }
    }
}

/// The bugs that `words` name, by number or by name; all, when there are no words. A library
/// without any leaves those that are part of the program.
pub fn select(library: &Library, words: &[String]) -> Result<Vec<CaseFile>, Stop> {
    let of = |library: &Library| -> Vec<CaseFile> {
        let bugs = library.cases.iter().filter(|case| stem(case).is_some());
        bugs.cloned().collect()
    };
    let mut bugs = of(library);
    if bugs.is_empty() {
        bugs = of(&Library::embedded());
    }
    for word in words {
        if !bugs.iter().any(|bug| is_called(bug, word)) {
            let names: Vec<&str> = bugs.iter().filter_map(stem).collect();
            return Err(Stop::usage(format!(
                "no known bug {word}: there are {}",
                names.join(", ")
            )));
        }
    }
    bugs.retain(|bug| words.is_empty() || words.iter().any(|word| is_called(bug, word)));
    Ok(bugs)
}

/// The name in the folder of known bugs.
fn stem(case: &CaseFile) -> Option<&str> {
    case.name.split_once('/').filter(|(folder, _)| *folder == FOLDER).map(|(_, name)| name)
}

/// `05a_leftover_counts_twice` is called so, with its folder or without, `5a` and `5`.
fn is_called(bug: &CaseFile, word: &str) -> bool {
    let Some(stem) = stem(bug) else { return false };
    let word = word.strip_prefix("cases/").unwrap_or(word).trim_end_matches(".case");
    let word = word.strip_prefix(FOLDER).map_or(word, |rest| rest.trim_start_matches('/'));
    let number = stem.split('_').next().unwrap_or_default().trim_start_matches('0');
    let entry = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let short = word.trim_start_matches('0');
    stem == word || !short.is_empty() && (number == short || entry == short)
}

/// The worlds that were asked for; else the core and every server that has a name here, or, where
/// none has, the one on PATH.
pub fn worlds(words: &[String]) -> Result<Choice, Stop> {
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

/// By bug and server; None: interrupted.
pub fn outcomes(
    settings: &Settings,
    bugs: &[Ready],
    servers: &[Server],
) -> Result<Option<Vec<Vec<Outcome>>>, Stop> {
    let progress = Progress::new(bugs.len() * servers.len());
    let outcomes = with_fleet(settings, |fleet, events, sender| {
        let mut found: Vec<Vec<Option<Outcome>>> = Vec::new();
        for (case, bug) in bugs.iter().enumerate() {
            found.push(vec![None; servers.len()]);
            for (world, server) in servers.iter().enumerate() {
                submit(fleet, bug, server, &sender, [case, world]);
            }
        }
        for _ in 0..bugs.len() * servers.len() {
            match events.recv() {
                Ok(Event::Done { case, world, outcome }) => {
                    progress.advance(&bugs[case].file.name);
                    found[case][world] = Some(*outcome);
                }
                _ => return None,
            }
        }
        found.into_iter().map(|row| row.into_iter().collect()).collect()
    })?;
    progress.finish();
    Ok(outcomes)
}

fn submit(
    fleet: &Fleet,
    bug: &Ready,
    server: &Server,
    sender: &std::sync::mpsc::Sender<Event>,
    [case, world]: [usize; 2],
) {
    let sender = sender.clone();
    fleet.submit(job(&bug.file, &server.world), move |outcome| {
        let outcome = Box::new(outcome);
        let _ = sender.send(Event::Done { case, world, outcome });
    });
}

/// The table: a row for each bug.
pub fn sheet(bugs: &[Ready], servers: &[Server], outcomes: &[Vec<Outcome>]) -> Sheet {
    let all: Vec<&str> = bugs.iter().flat_map(|bug| bug.script.servers_on_record()).collect();
    let row = |bug: &Ready, outcomes: &Vec<Outcome>| {
        let cells = servers.iter().zip(outcomes);
        Row {
            bug: stem(&bug.file).unwrap_or(&bug.file.name).to_string(),
            upstream: upstream(&bug.file.text).to_string(),
            cells: cells.map(|(server, outcome)| cell(bug, server, outcome, &all)).collect(),
        }
    };
    Sheet {
        servers: servers.iter().map(|server| server.world.label.clone()).collect(),
        rows: bugs.iter().zip(outcomes).map(|(bug, outcomes)| row(bug, outcomes)).collect(),
    }
}

/// What the first line of a known bug names before its colon.
fn upstream(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
    first.split(": ").next().unwrap_or_default()
}

/// A bug shows where all of its symptoms do. A run that did not get through them says nothing.
fn seen(bug: &Ready, outcome: &Outcome) -> Seen {
    let symptoms = bug.script.symptoms();
    match outcome.verdict {
        Verdict::NotApplicable => Seen::NotApplicable,
        _ if outcome.symptoms.len() < symptoms || outcome.is_bad_case() => Seen::Unmeasured,
        Verdict::HarnessBroken | Verdict::Hung => Seen::Unmeasured,
        _ if outcome.symptoms.iter().all(|check| check.instead.is_none()) => Seen::Shows,
        _ => Seen::Absent,
    }
}

fn cell(bug: &Ready, server: &Server, outcome: &Outcome, all: &[&str]) -> Cell {
    let seen = seen(bug, outcome);
    let on_record = all.contains(&server.column.as_str());
    let like = match on_record {
        true => Some(server.column.as_str()),
        false => nearest(&server.column, all.iter().copied()),
    };
    let recorded = like.map(|server| match bug.script.recorded(server) {
        Recorded::Shows => Seen::Shows,
        Recorded::Absent => Seen::Absent,
        Recorded::NotApplicable => Seen::NotApplicable,
    });
    let mut notes: Vec<String> = outcome
        .failures
        .iter()
        .map(|failure| format!("{}:{}: {}", bug.file.source, failure.line, failure.message))
        .collect();
    if seen == Seen::Unmeasured {
        notes.extend(
            outcome.rulings.iter().map(|ruling| format!("{}: {}", ruling.verdict, ruling.sentence)),
        );
    }
    Cell { seen, recorded, like: like.map(String::from), on_record, notes }
}
