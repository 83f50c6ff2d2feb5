//! Known bugs: which there are, and what runs show of them on each server, held against what is on
//! record.
//!
//! Must not know: how a case runs, and how a table looks.

use super::library::{CaseFile, Library, ParsedCase};
use crate::case::known_bug::{Recorded, column, nearest};
use crate::contract::Verdict;
use crate::engine::worlds::World;
use crate::runner::Outcome;

/// The folder of known bugs.
pub const FOLDER: &str = "known";

/// What of the catalogue has no case, and what is missing for one.
const NOT_EXPRESSED: &str = include_str!("../../built-in-cases/known/not-expressed.txt");

/// The lines of that list that say something.
pub fn not_expressed() -> impl Iterator<Item = &'static str> {
    NOT_EXPRESSED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A word names no known bug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no known bug {word}: there are {}", known.join(", "))]
pub struct NoSuchBug {
    pub word: String,
    pub known: Vec<String>,
}

/// A world with the name under which its server would be on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub world: World,
    pub column: String,
    /// It runs under a configuration of the user's, of which there is no record.
    pub under_conf: bool,
}

/// Whether a bug shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Shows,
    Absent,
    NotApplicable,
    /// The run says nothing about the server.
    Unmeasured,
}

/// One bug on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BugOnServer {
    pub seen: Seen,
    /// What is on record for the server, or for the one that it is like; None: there is none.
    pub recorded: Option<Seen>,
    /// Whose record that is.
    pub like: Option<String>,
    /// Whether it is the server's own.
    pub on_record: bool,
    /// What did not come true on the way.
    pub notes: Vec<String>,
}

/// One bug on all servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    pub name: String,
    /// Where it was reported.
    pub upstream: String,
    pub on_servers: Vec<BugOnServer>,
}

/// All bugs on all servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub servers: Vec<String>,
    pub bugs: Vec<Bug>,
}

impl Server {
    /// The world's server; one that cannot be asked is on no record, and says why when it runs.
    pub fn of(world: World, under_conf: bool) -> Server {
        let column = world.profile().map(|profile| column(&profile));
        Server { column: column.unwrap_or_else(|| world.label.clone()), world, under_conf }
    }
}

impl BugOnServer {
    /// Whether there is nothing to object to; a server of no record has nothing to be held against.
    pub fn is_as_recorded(&self) -> bool {
        let differs =
            self.on_record && (self.recorded != Some(self.seen) || !self.notes.is_empty());
        !differs && self.seen != Seen::Unmeasured
    }

    fn of(case: &ParsedCase, server: &Server, outcome: &Outcome, all: &[&str]) -> BugOnServer {
        let seen = seen(case, outcome);
        let on_record = all.contains(&server.column.as_str());
        let like = match on_record {
            true => Some(server.column.as_str()),
            false => nearest(&server.column, all.iter().copied()),
        };
        let on_record = on_record && !server.under_conf;
        let recorded = like.map(|server| match case.script.recorded(server) {
            Recorded::Shows => Seen::Shows,
            Recorded::Absent => Seen::Absent,
            Recorded::NotApplicable => Seen::NotApplicable,
        });
        let failures = outcome.failures.iter();
        let mut notes: Vec<String> = failures
            .map(|failure| format!("{}:{}: {}", case.file.source, failure.line, failure.message))
            .collect();
        if seen == Seen::Unmeasured {
            let rulings = outcome.rulings.iter();
            notes.extend(rulings.map(|ruling| format!("{}: {}", ruling.verdict, ruling.sentence)));
        }
        BugOnServer { seen, recorded, like: like.map(String::from), on_record, notes }
    }
}

impl Comparison {
    /// What the runs of these bugs show; `outcomes` are by bug and server.
    pub fn of(cases: &[ParsedCase], servers: &[Server], outcomes: &[Vec<Outcome>]) -> Comparison {
        let all: Vec<&str> =
            cases.iter().flat_map(|case| case.script.servers_on_record()).collect();
        let bug = |(case, outcomes): (&ParsedCase, &Vec<Outcome>)| {
            let on_servers = servers.iter().zip(outcomes);
            let on_servers =
                on_servers.map(|(server, outcome)| BugOnServer::of(case, server, outcome, &all));
            Bug {
                name: stem(&case.file).unwrap_or(&case.file.name).to_string(),
                upstream: upstream(case.file.own_text()).to_string(),
                on_servers: on_servers.collect(),
            }
        };
        Comparison {
            servers: servers.iter().map(|server| server.world.label.clone()).collect(),
            bugs: cases.iter().zip(outcomes).map(bug).collect(),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &BugOnServer> {
        self.bugs.iter().flat_map(|bug| &bug.on_servers)
    }
}

/// A bug shows where all of its symptoms do. A run that did not get through them says nothing.
pub fn seen(case: &ParsedCase, outcome: &Outcome) -> Seen {
    let symptoms = case.script.symptoms();
    match outcome.verdict {
        Verdict::NotApplicable => Seen::NotApplicable,
        _ if outcome.symptoms.len() < symptoms || outcome.is_bad_case() => Seen::Unmeasured,
        Verdict::HarnessBroken | Verdict::Hung => Seen::Unmeasured,
        _ if outcome.symptoms.iter().all(|check| check.instead.is_none()) => Seen::Shows,
        _ => Seen::Absent,
    }
}

/// What the first line of a known bug names before its colon.
pub fn upstream(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
    first.split(": ").next().unwrap_or_default()
}

/// The bugs that `words` name, by number or by name; all, when there are no words. A library
/// without any leaves those that are part of the program.
///
/// # Errors
/// When a word names none.
pub fn select(library: &Library, words: &[String]) -> Result<Vec<CaseFile>, NoSuchBug> {
    let of = |library: &Library| -> Vec<CaseFile> {
        library.cases.iter().filter(|case| stem(case).is_some()).cloned().collect()
    };
    let mut bugs = of(library);
    if bugs.is_empty() {
        bugs = of(&Library::embedded());
    }
    if let Some(word) = words.iter().find(|word| !bugs.iter().any(|bug| is_called(bug, word))) {
        let known = bugs.iter().filter_map(stem).map(String::from).collect();
        return Err(NoSuchBug { word: word.clone(), known });
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
