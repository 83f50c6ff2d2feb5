//! No blind spot: each write of a server, one by one, in a run that loses just that write.
//!
//! Nothing was promised (`appendfsync no`), so the loss shows as `lost-allowed`, with the place at
//! which it shows. The same run in which the write is made durable must be `kept`: an oracle that
//! takes everything for lost is no better. Before the end a second passes, so that an expiry that
//! depends on the time of the start is another one. Must not know: how a table is printed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::catalogue::{Catalogue, Group, name};
use super::listing::{Listing, job};
use super::replies;
use crate::contract::Verdict;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::Outcome;

/// What became of one write on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Its loss was seen, and there is none where it was made durable.
    Seen,
    /// The run in which it is lost is `kept`.
    Blind,
    /// The run in which it is durable comes to something else.
    Blamed { verdict: Verdict, why: String },
    /// As before, and that is a bug of the server which the file knows.
    Bug(String),
    /// The run in which it is lost comes to something that is neither.
    Other { verdict: Verdict, why: String },
    /// The server does not take it in this form.
    Refused(String),
    /// The server does not list it.
    NotListed,
}

/// All writes on one server.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    pub world: String,
    /// By the order of [`tries`].
    pub found: Vec<Found>,
    /// Writes that the server lists, and nothing in the file has shown, with the reason where the
    /// file gives one.
    pub missing: Vec<(String, Option<String>)>,
    /// How many writes the server lists.
    pub listed: usize,
}

impl Proof {
    /// Whether every write that the server lists was seen, or is left out for a reason.
    pub fn holds(&self) -> bool {
        let bad = |found: &Found| {
            matches!(found, Found::Blind | Found::Blamed { .. } | Found::Other { .. })
        };
        self.listed > 0
            && !self.found.iter().any(bad)
            && self.missing.iter().all(|(_, reason)| reason.is_some())
    }

    /// Whether a loss was not seen.
    pub fn is_blind(&self) -> bool {
        self.found.contains(&Found::Blind)
    }
}

/// One write with what must be there before.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    group: &'a Group,
    pub commands: &'a [String],
}

/// Every write of the file, in its order.
pub fn tries(catalogue: &Catalogue) -> Vec<Try<'_>> {
    let of = |group| Group::runs(group).map(move |commands| Try { group, commands });
    catalogue.writes.iter().flat_map(of).collect()
}

/// The scripts of a write: lost, and durable.
struct Scripts {
    lost: String,
    durable: String,
}

impl Try<'_> {
    /// None: this server does not list some command of it.
    fn scripts(&self, listing: &Listing) -> Option<Scripts> {
        let all = self.group.setup.iter().chain(self.commands);
        if !all.clone().all(|command| listing.has(command)) {
            return None;
        }
        let lines: Vec<String> =
            all.map(|command| listing.filled(command)).collect::<Option<_>>()?;
        let line = |command: &String| format!("> {command}\n");
        let (setup, run) = lines.split_at(self.group.setup.len());
        let setup: String = setup.iter().map(line).collect();
        let run: String = run.iter().map(line).collect();
        let script = |durable: &str| {
            format!(
                "config appendonly yes\nconfig appendfsync no\n{setup}settle\n{run}{durable}\
                 advance 1s\npower-cut none@posix\nrestart\n"
            )
        };
        Some(Scripts { lost: script(""), durable: script("settle\n") })
    }
}

/// Tries every write on one server; `done` hears of each run.
///
/// # Errors
/// When the pool was stopped first.
pub fn prove(
    pool: &Pool,
    catalogue: &Catalogue,
    world: &World,
    mut done: impl FnMut(),
) -> Result<Proof, Interrupted> {
    let listing = Listing::of(pool, world, catalogue)?;
    let tries = tries(catalogue);
    let scripts: Vec<Option<Scripts>> = tries.iter().map(|it| it.scripts(&listing)).collect();
    let both = scripts.iter().flatten().flat_map(|both| [&both.lost, &both.durable]);
    let jobs = both.map(|text| job(world, text));
    let mut outcomes = pool.run_all(jobs).in_order(|_, _| done())?.into_iter();
    let found: Vec<Found> = scripts
        .iter()
        .zip(&tries)
        .map(|(scripts, it)| match scripts {
            None => Found::NotListed,
            Some(scripts) => match (outcomes.next(), outcomes.next()) {
                (Some(lost), Some(durable)) => {
                    with_bug(judge(&scripts.lost, &lost, &durable), it, catalogue, world)
                }
                _ => unreachable!("two runs for each"),
            },
        })
        .collect();
    let (missing, listed) = missing(catalogue, &listing, &tries, &found);
    Ok(Proof { world: world.label.clone(), found, missing, listed })
}

/// What a server that is known to lose the write by itself is blamed for is its bug.
fn with_bug(found: Found, it: &Try<'_>, catalogue: &Catalogue, world: &World) -> Found {
    let bug = catalogue.bug(&world.family, it.commands);
    match (found, bug) {
        (Found::Blamed { .. } | Found::Other { .. }, Some(bug)) => {
            Found::Bug(format!("{} ({})", bug.why, bug.proof))
        }
        // A bug that does not show has gone, or was none.
        (Found::Seen, Some(bug)) => {
            let why = format!("this does not show: {}", bug.why);
            Found::Other { verdict: Verdict::Kept, why }
        }
        (found, _) => found,
    }
}

/// Words by which a server says that it does not know a form of a command.
const UNKNOWN: &[&str] = &[
    "syntax error",
    "unknown command",
    "unknown subcommand",
    "Unknown subcommand",
    "wrong number of arguments",
    "Unsupported option",
    "Invalid stream ID",
];

fn judge(script: &str, lost: &Outcome, durable: &Outcome) -> Found {
    let replies = replies::of(&lost.transcript, script);
    let is_unknown = |reply: &&String| {
        reply.starts_with('-') && UNKNOWN.iter().any(|words| reply.contains(words))
    };
    let refused = replies.iter().filter_map(|reply| reply.first()).find(is_unknown);
    let why = |outcome: &Outcome| {
        let decisive = outcome.rulings.iter().find(|ruling| ruling.verdict == outcome.verdict);
        let failure = outcome.failures.first().map(|failure| failure.message.clone());
        failure.or(decisive.map(|ruling| ruling.sentence.clone())).unwrap_or_default()
    };
    let shown = lost
        .rulings
        .iter()
        .any(|ruling| ruling.verdict == Verdict::LostAllowed && ruling.difference.is_some());
    match (lost.verdict, durable.verdict) {
        (Verdict::Kept, _) if refused.is_some() => {
            Found::Refused(refused.cloned().unwrap_or_default())
        }
        (Verdict::Kept, _) => Found::Blind,
        (Verdict::LostAllowed, Verdict::Kept) if shown => Found::Seen,
        (Verdict::LostAllowed, Verdict::Kept) => {
            let why = format!("no place is named: {}", why(lost));
            Found::Other { verdict: lost.verdict, why }
        }
        (Verdict::LostAllowed, verdict) => Found::Blamed { verdict, why: why(durable) },
        (verdict, _) => Found::Other { verdict, why: why(lost) },
    }
}

/// Writes of the server that no run has shown, and how many it lists.
fn missing(
    catalogue: &Catalogue,
    listing: &Listing,
    tries: &[Try<'_>],
    found: &[Found],
) -> (Vec<(String, Option<String>)>, usize) {
    let tried = tries
        .iter()
        .zip(found)
        .filter(|(_, found)| !matches!(found, Found::Refused(_) | Found::NotListed));
    let tried: BTreeSet<(String, Option<String>)> =
        tried.flat_map(|(it, _)| it.commands.iter().map(|command| name(command))).collect();
    let also = catalogue.also_write.iter().filter(|command| listing.has(command));
    let also = also.map(|command| name(command));
    let mut writes: Vec<_> = listing.writes().chain(also).collect();
    writes.sort();
    writes.dedup();
    let listed = writes.len();
    writes.retain(|(name, sub)| match sub {
        Some(_) => !tried.contains(&(name.clone(), sub.clone())),
        None => !tried.iter().any(|(tried, _)| tried == name),
    });
    let named = writes.into_iter().map(|(name, sub)| {
        let reason = catalogue.not_tried.get(&name).cloned();
        (sub.map_or(name.clone(), |sub| format!("{name} {sub}")), reason)
    });
    (named.collect(), listed)
}
