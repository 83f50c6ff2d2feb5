//! Which commands a server lists, by its own account (COMMAND), and what it makes that nothing else
//! can make (DUMP).
//!
//! Must not know: what becomes of a command.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, name};
use super::replies::{self, Node};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::Job;
use crate::engine::worlds::World;

/// The commands of a server by name, in capitals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    commands: BTreeMap<String, Listed>,
    /// What takes the place of `{name}` in a command.
    made: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Listed {
    writes: bool,
    /// With whether they write.
    subcommands: BTreeMap<String, bool>,
}

/// Commands that a server knows and does not list.
const UNLISTED: &[&str] = &["QUIT"];

impl Listing {
    /// Asks the server of a world.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn of(pool: &Pool, world: &World, catalogue: &Catalogue) -> Result<Listing, Interrupted> {
        let asked = "> COMMAND\n";
        let of_made = |commands: &Vec<String>| {
            commands.iter().map(|command| format!("> {command}\n")).collect::<String>()
        };
        let scripts: Vec<String> =
            std::iter::once(asked.into()).chain(catalogue.made.values().map(of_made)).collect();
        let jobs = scripts.iter().map(|text| job(world, text));
        let outcomes = pool.run_all(jobs).in_order(|_, _| {})?;
        let mut last = outcomes.iter().zip(&scripts).map(|(outcome, script)| {
            replies::of(&outcome.transcript, script).pop().unwrap_or_default()
        });
        let commands = commands(&replies::tree(&last.next().unwrap_or_default()));
        let made = catalogue.made.keys().zip(last);
        let made = made.filter_map(|(name, reply)| Some((name.clone(), reply.into_iter().next()?)));
        Ok(Listing { commands, made: made.filter(|(_, reply)| reply.starts_with('"')).collect() })
    }

    /// The names of commands and subcommands that write.
    pub fn writes(&self) -> impl Iterator<Item = (String, Option<String>)> {
        self.commands.iter().flat_map(|(name, listed)| {
            let subcommands = listed.subcommands.iter().filter(|(_, writes)| **writes);
            let own = listed.writes.then(|| (name.clone(), None));
            own.into_iter().chain(subcommands.map(|(sub, _)| (name.clone(), Some(sub.clone()))))
        })
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.commands.keys().map(String::as_str)
    }

    /// Whether the server has this command, subcommand included where it lists those.
    pub fn has(&self, command: &str) -> bool {
        let (name, second) = name(command);
        let Some(listed) = self.commands.get(&name) else {
            return UNLISTED.contains(&name.as_str());
        };
        let sub = second.unwrap_or_default();
        listed.subcommands.is_empty() || listed.subcommands.contains_key(&sub)
    }

    /// The command with what the server has made; None: it makes no such thing.
    pub fn filled(&self, command: &str) -> Option<String> {
        let mut filled = command.to_string();
        while let Some((head, rest)) = filled.split_once('{') {
            let Some((hole, tail)) = rest.split_once('}') else { break };
            if !hole.chars().all(|c| c.is_ascii_lowercase()) || hole.is_empty() {
                break;
            }
            filled = format!("{head}{}{tail}", self.made.get(hole)?);
        }
        Some(filled)
    }
}

/// A job of this world.
pub fn job(world: &World, text: &str) -> Job {
    Job {
        case: "commands".to_string(),
        source: "commands".to_string(),
        text: text.to_string(),
        head: 0,
        world: world.label.clone(),
        place: world.place.clone(),
    }
}

fn commands(listing: &Node) -> BTreeMap<String, Listed> {
    let writes = |entry: &[Node]| entry.get(2).is_some_and(|all| all.items().iter().any(is_write));
    let mut commands = BTreeMap::new();
    for entry in listing.items() {
        let fields = entry.items();
        let Some(name) = fields.first() else { continue };
        let subcommands = fields.get(9).map(Node::items).unwrap_or_default().iter();
        let subcommands = subcommands.filter_map(|sub| {
            let (_, name) = sub.items().first()?.text().split_once('|')?;
            Some((name.to_uppercase(), writes(sub.items())))
        });
        let listed = Listed { writes: writes(fields), subcommands: subcommands.collect() };
        commands.insert(name.text().to_uppercase(), listed);
    }
    commands
}

fn is_write(flag: &Node) -> bool {
    flag.text() == "write"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_has_made_is_filled_in() {
        let made = [("dump".to_string(), "\"\\x00\"".to_string())].into();
        let listing = Listing { made, ..Listing::default() };
        assert_eq!(listing.filled("RESTORE a 0 {dump}").as_deref(), Some("RESTORE a 0 \"\\x00\""));
        assert_eq!(listing.filled("RESTORE a 0 {other}"), None);
        let json = "VSETATTR v a \"{\\\"n\\\":1}\"";
        assert_eq!(listing.filled(json).as_deref(), Some(json));
    }
}
