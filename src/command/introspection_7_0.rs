//! COMMAND as in 7.0: what it says of each command, its subcommands, and keys by specification
//! (Redis: server.c, db.c).
//!
//! Must not know: what the commands do.

use super::arguments::is;
use super::definition::Command;
use super::descriptions::{Begin, Description, Find, KeySpec, described, subcommands};
use super::failure::{Answer, Failure};
use super::introspection::sort_keys;
use crate::generation::Generation;
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::glob_match;

/// `COMMAND [COUNT | INFO [name …] | LIST [FILTERBY MODULE name | ACLCAT category | PATTERN
/// pattern] | GETKEYS command argument … | GETKEYSANDFLAGS command argument …]`
pub fn command(generation: &Generation, table: &[Command], argv: &[Bytes]) -> Answer {
    let all = || table.iter().filter_map(|command| described(command.name.as_bytes()));
    match argv.get(1).map(|word| word.to_ascii_lowercase()).as_deref() {
        None => Ok(Reply::Array(all().map(describe).collect())),
        Some(b"count") => Ok(Reply::count(table.len())),
        Some(b"info") if argv.len() == 2 => Ok(Reply::Array(all().map(describe).collect())),
        Some(b"info") => {
            let found = argv[2..].iter().map(|name| known(table, name));
            Ok(Reply::Array(found.map(|found| found.map_or(Reply::Null, describe)).collect()))
        }
        Some(b"list") => list(table, &argv[2..]),
        Some(b"getkeys") => get_keys(table, &argv[2..], false),
        Some(b"getkeysandflags") => get_keys(table, &argv[2..], true),
        Some(_) => Err(Failure::subcommand(generation, argv)),
    }
}

/// The names of commands and subcommands.
fn list(table: &[Command], words: &[Bytes]) -> Answer {
    let category = |it: &Description, name: &[u8]| {
        it.categories.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    };
    let filter: &dyn Fn(&Description) -> bool = match words {
        [] => &|_| true,
        [by, kind, name] if is(by, "filterby") && is(kind, "aclcat") => &|it| category(it, name),
        [by, kind, pattern] if is(by, "filterby") && is(kind, "pattern") => {
            &|it| glob_match(pattern, it.name.as_bytes(), true)
        }
        // There are no modules.
        [by, kind, _] if is(by, "filterby") && is(kind, "module") => &|_| false,
        _ => return Err(Failure::syntax()),
    };
    let all = table.iter().filter_map(|command| described(command.name.as_bytes()));
    let all = all.flat_map(|it| std::iter::once(it).chain(subcommands(it.name)));
    Ok(Reply::bulks(all.filter(|it| filter(it)).map(|it| it.name)))
}

/// What is said of a name, if the table has its command.
fn known(table: &[Command], name: &[u8]) -> Option<&'static Description> {
    let command = name.split(|byte| *byte == b'|').next().unwrap_or_default();
    let has = table.iter().any(|known| known.is_called(command));
    described(name).filter(|_| has)
}

/// Redis: `addReplyCommandInfo`.
fn describe(it: &'static Description) -> Reply {
    let categories = it.categories.iter().map(|name| Reply::status(format!("@{name}")));
    Reply::Array(vec![
        Reply::bulk(it.name),
        Reply::Integer(it.arity.into()),
        statuses(&it.flags),
        Reply::Integer(it.keys[0]),
        Reply::Integer(it.keys[1]),
        Reply::Integer(it.keys[2]),
        Reply::Array(categories.collect()),
        Reply::bulks(it.tips.iter().copied()),
        Reply::Array(it.key_specs.iter().map(key_spec).collect()),
        Reply::Array(subcommands(it.name).map(describe).collect()),
    ])
}

fn statuses(words: &[&'static str]) -> Reply {
    Reply::Array(words.iter().copied().map(Reply::status).collect())
}

/// Names and values, one after the other.
fn map<const N: usize>(pairs: [(&'static str, Reply); N]) -> Reply {
    Reply::Array(pairs.into_iter().flat_map(|(name, value)| [Reply::bulk(name), value]).collect())
}

fn typed(name: &'static str, spec: Reply) -> Reply {
    map([("type", Reply::bulk(name)), ("spec", spec)])
}

fn key_spec(spec: &KeySpec) -> Reply {
    let begin = match spec.begin {
        Begin::Unknown => typed("unknown", Reply::EMPTY_ARRAY),
        Begin::Index(index) => typed("index", map([("index", Reply::Integer(index))])),
        Begin::After(word, from) => {
            let from = ("startfrom", Reply::Integer(from));
            typed("keyword", map([("keyword", Reply::bulk(word)), from]))
        }
    };
    let numbers = |names: [&'static str; 3], values: [i64; 3]| {
        let [one, two, three] = [0, 1, 2].map(|n| (names[n], Reply::Integer(values[n])));
        map([one, two, three])
    };
    let find = match spec.find {
        Find::Unknown => typed("unknown", Reply::EMPTY_ARRAY),
        Find::Range { last, step, limit } => {
            typed("range", numbers(["lastkey", "keystep", "limit"], [last, step, limit]))
        }
        Find::Number { at, first, step } => {
            typed("keynum", numbers(["keynumidx", "firstkey", "keystep"], [at, first, step]))
        }
    };
    let flags = ("flags", statuses(&spec.flags));
    let (begin, find) = (("begin_search", begin), ("find_keys", find));
    match spec.note {
        Some(note) => map([("notes", Reply::bulk(note)), flags, begin, find]),
        None => map([flags, begin, find]),
    }
}

/// Redis: `getKeysSubcommandImpl`.
fn get_keys(table: &[Command], argv: &[Bytes], with_flags: bool) -> Answer {
    let (name, rest) = argv.split_first().ok_or_else(Failure::syntax)?;
    let sub = rest.first().map(|sub| [name, &b"|"[..], sub].concat());
    let command = known(table, name);
    let sub = sub.filter(|_| command.is_some_and(|it| subcommands(it.name).next().is_some()));
    let command = match sub {
        Some(sub) => known(table, &sub),
        None => command,
    };
    let command = command.ok_or_else(|| Failure::new("Invalid command specified"))?;
    if command.key_specs.is_empty() {
        return Err(Failure::new("The command has no key arguments"));
    }
    if !command.accepts(argv.len()) {
        return Err(Failure::new("Invalid number of arguments specified for command"));
    }
    let places = match command.name {
        // Where its keys are depends on the words.
        "sort" => sort_keys(argv).map(|places| places.into_iter().zip(sort_flags()).collect()),
        _ => by_specs(command, argv),
    };
    let places: Vec<(usize, Vec<&str>)> =
        places.ok_or_else(|| Failure::new("Invalid arguments specified for command"))?;
    let shown = places.into_iter().map(|(place, flags)| match with_flags {
        true => Reply::Array(vec![Reply::Bulk(argv[place].clone()), statuses(&flags)]),
        false => Reply::Bulk(argv[place].clone()),
    });
    Ok(Reply::Array(shown.collect()))
}

/// The places of all keys, each with its flags.
fn by_specs(
    command: &'static Description,
    argv: &[Bytes],
) -> Option<Vec<(usize, Vec<&'static str>)>> {
    let mut all = Vec::new();
    for spec in &command.key_specs {
        all.extend(spec.places(argv)?.into_iter().map(|place| (place, spec.flags.clone())));
    }
    Some(all)
}

/// The key, and the destination of STORE.
fn sort_flags() -> [Vec<&'static str>; 2] {
    [vec!["RO", "access"], vec!["OW", "update"]]
}
