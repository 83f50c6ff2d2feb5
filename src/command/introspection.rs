//! COMMAND: describes the command table (Redis: `commandCommand`, server.c; the keys: db.c).
//!
//! Must not know: what they do.

use super::arguments::is;
use super::definition::Command;
use super::failure::{Answer, Failure};
use super::streams::read_keys;
use crate::generation::Generation;
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::atoi;

/// COMMAND [COUNT | INFO name … | GETKEYS command argument …]
pub fn command(generation: &Generation, table: &[Command], argv: &[Bytes]) -> Answer {
    match argv.get(1).map(|word| word.to_ascii_lowercase()).as_deref() {
        None => Ok(Reply::Array(table.iter().map(describe).collect())),
        Some(b"count") if argv.len() == 2 => Ok(Reply::Integer(table.len() as i64)),
        Some(b"info") => {
            let found = argv[2..].iter().map(|name| find(table, name));
            Ok(Reply::Array(found.map(|found| found.map_or(Reply::Null, describe)).collect()))
        }
        Some(b"getkeys") if argv.len() > 2 => get_keys(table, &argv[2..]),
        Some(_) => Err(Failure::subcommand(generation, argv)),
    }
}

/// The command of this name, in any case.
fn find<'t>(table: &'t [Command], name: &[u8]) -> Option<&'t Command> {
    table.iter().find(|command| command.is_called(name))
}

/// Name, arity, flags, keys, and ACL categories.
fn describe(command: &Command) -> Reply {
    let (first, last, step) = command.keys;
    let movable = key_finder(command).map(|_| Reply::status("movablekeys"));
    let categories = command.flags.categories().map(|name| Reply::status(format!("@{name}")));
    Reply::Array(vec![
        Reply::bulk(command.name),
        Reply::Integer(command.arity.into()),
        Reply::Array(command.flags.names().map(Reply::status).chain(movable).collect()),
        Reply::Integer(first.into()),
        Reply::Integer(last.into()),
        Reply::Integer(step.into()),
        Reply::Array(categories.collect()),
    ])
}

/// COMMAND GETKEYS. Only the number of arguments is checked.
fn get_keys(table: &[Command], argv: &[Bytes]) -> Answer {
    let command = find(table, &argv[0]).ok_or_else(|| Failure::new("Invalid command specified"))?;
    let finder = key_finder(command);
    if finder.is_none() && command.keys.0 == 0 {
        return Err(Failure::new("The command has no key arguments"));
    }
    if !command.accepts(argv.len()) {
        return Err(Failure::new("Invalid number of arguments specified for command"));
    }
    let places = finder.unwrap_or(|_| None)(argv);
    let places = if finder.is_some() { places } else { table_keys(command, argv.len()) };
    let places = places.ok_or_else(|| Failure::new("Invalid arguments specified for command"))?;
    Ok(Reply::bulks(places.into_iter().map(|place| argv[place].clone())))
}

/// Returns the indexes of a command's keys; None if the arguments are invalid.
type KeyFinder = fn(&[Bytes]) -> Option<Vec<usize>>;

/// For a command whose keys are not at fixed positions (Redis: `getkeys_proc`).
fn key_finder(command: &Command) -> Option<KeyFinder> {
    match command.name {
        "zunionstore" | "zinterstore" => Some(destination_and_counted_keys),
        "sort" => Some(sort_keys),
        "xread" | "xreadgroup" => Some(read_keys),
        _ => None,
    }
}

/// Redis: `getKeysUsingCommandTable`.
fn table_keys(command: &Command, argc: usize) -> Option<Vec<usize>> {
    let (first, last, step) = command.keys;
    let last = if last < 0 { argc as i32 + last } else { last };
    let places: Vec<usize> = (first..=last).step_by(step as usize).map(|at| at as usize).collect();
    places.iter().all(|&place| place < argc).then_some(places)
}

/// ZUNIONSTORE destination count key …: the destination is listed last (Redis:
/// `zunionInterGetKeys`).
fn destination_and_counted_keys(argv: &[Bytes]) -> Option<Vec<usize>> {
    let count = usize::try_from(atoi(&argv[2])).ok()?;
    let known = (1..=argv.len() - 3).contains(&count);
    known.then(|| (3..3 + count).chain([1]).collect())
}

/// SORT key … [STORE destination]; the last STORE counts (Redis: `sortGetKeys`).
pub fn sort_keys(argv: &[Bytes]) -> Option<Vec<usize>> {
    let (mut at, mut destination) = (2, None);
    while let Some(word) = argv.get(at) {
        if is(word, "store") && at + 1 < argv.len() {
            destination = Some(at + 1);
        }
        let arguments = match word.to_ascii_lowercase().as_slice() {
            b"limit" => 2,
            b"get" | b"by" => 1,
            _ => 0,
        };
        at += 1 + arguments;
    }
    Some([1].into_iter().chain(destination).collect())
}

#[cfg(test)]
mod tests {
    use super::super::table_6_0::COMMANDS;
    use super::*;

    fn keys(words: &str) -> Answer {
        let words: Vec<Bytes> = words.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        get_keys(COMMANDS, &words)
    }

    #[test]
    fn keys_are_found_by_the_table_or_by_the_words() {
        let found = |words, expected: &[&str]| {
            assert_eq!(keys(words), Ok(Reply::bulks(expected.iter().copied())), "{words}");
        };
        found("GET a", &["a"]);
        found("mset a 1 b 2", &["a", "b"]);
        found("BLPOP a b 0", &["a", "b"]);
        found("ZUNIONSTORE z 2 a b WEIGHTS 1 2", &["a", "b", "z"]);
        found("SORT a BY store GET x LIMIT 0 1 STORE b STORE c", &["a", "c"]);
    }

    #[test]
    fn what_has_no_keys_is_refused_for_its_reason() {
        let refused = |words, reason: &str| assert_eq!(keys(words), Err(Failure::new(reason)));
        refused("BLAH a", "Invalid command specified");
        refused("PING a", "The command has no key arguments");
        refused("GET a b", "Invalid number of arguments specified for command");
        refused("ZUNIONSTORE z 3 a b", "Invalid arguments specified for command");
        refused("OBJECT HELP", "Invalid arguments specified for command");
    }
}
