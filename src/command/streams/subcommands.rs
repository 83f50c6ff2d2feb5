//! What is said of a subcommand of XGROUP or XINFO that is not known, or not with these arguments.
//!
//! Must not know: the subcommands' effects.

use crate::command::descriptions::described;
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

/// Each subcommand has an entry of its own in the table, and is refused as a command is.
pub fn counted_subcommand(argv: &[Bytes]) -> Failure {
    let (command, sub) = (text(&argv[0]), text(&argv[1]));
    let sub: String = sub.chars().take(128).collect();
    let upper = command.to_ascii_uppercase();
    match described(format!("{command}|{sub}").as_bytes()) {
        None => Failure::new(format!("unknown subcommand '{sub}'. Try {upper} HELP.")),
        Some(known) if !known.accepts(argv.len()) => {
            Failure::new(format!("wrong number of arguments for '{}' command", known.name))
        }
        Some(_) => Failure::new(format!(
            "unknown subcommand or wrong number of arguments for '{sub}'. Try {upper} HELP."
        )),
    }
}
