//! What XGROUP and XINFO say of a subcommand that they do not know, or not with these arguments.
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

/// The table has refused subcommands that it does not know, and numbers of arguments.
pub fn counted_subcommand(argv: &[Bytes]) -> Failure {
    let (command, sub) = (text(&argv[0]).to_ascii_uppercase(), text(&argv[1]));
    let sub: String = sub.chars().take(128).collect();
    Failure::new(format!(
        "unknown subcommand or wrong number of arguments for '{sub}'. Try {command} HELP."
    ))
}
