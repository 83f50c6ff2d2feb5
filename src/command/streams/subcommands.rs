//! What is said of a subcommand of XGROUP or XINFO that is not known, or not with these arguments.
//!
//! Must not know: the subcommands' effects.

use crate::command::failure::Failure;
use crate::keyspace::Bytes;

fn text(argument: &[u8]) -> String {
    String::from_utf8_lossy(super::printed(argument)).into_owned()
}

pub fn plain_subcommand(argv: &[Bytes]) -> Failure {
    let (command, sub) = (text(&argv[0]).to_ascii_uppercase(), text(&argv[1]));
    Failure::new(format!(
        "Unknown subcommand or wrong number of arguments for '{sub}'. Try {command} HELP."
    ))
}

/// The subcommands with the number of their arguments, the command's name included; -N for N or
/// more.
const ARITIES: [(&str, &str, i32); 10] = [
    ("xgroup", "create", -5),
    ("xgroup", "createconsumer", 5),
    ("xgroup", "delconsumer", 5),
    ("xgroup", "destroy", 4),
    ("xgroup", "help", 2),
    ("xgroup", "setid", -5),
    ("xinfo", "consumers", 4),
    ("xinfo", "groups", 3),
    ("xinfo", "help", 2),
    ("xinfo", "stream", -3),
];

/// Each subcommand has an entry of its own in the table, and is refused as a command is.
pub fn counted_subcommand(argv: &[Bytes]) -> Failure {
    let (command, sub) = (text(&argv[0]), text(&argv[1]));
    let sub: String = sub.chars().take(128).collect();
    let known = ARITIES.iter().find(|(name, known, _)| {
        command.eq_ignore_ascii_case(name) && sub.eq_ignore_ascii_case(known)
    });
    let argc = argv.len() as i32;
    let upper = command.to_ascii_uppercase();
    match known {
        None => Failure::new(format!("unknown subcommand '{sub}'. Try {upper} HELP.")),
        Some((name, known, arity)) if (*arity > 0 && argc != *arity) || argc < -*arity => {
            Failure::new(format!("wrong number of arguments for '{name}|{known}' command"))
        }
        Some(_) => Failure::new(format!(
            "unknown subcommand or wrong number of arguments for '{sub}'. Try {upper} HELP."
        )),
    }
}
