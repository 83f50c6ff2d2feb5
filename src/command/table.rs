//! The command table of a generation.
//!
//! Must not know: what the handlers do.

use super::definition::Command;
use super::failure::Failure;
use super::{table_6_0, table_7_0};
use crate::generation::{Commands, Generation};
use crate::keyspace::Bytes;

/// All commands of a generation.
pub fn commands(generation: &Generation) -> &'static [Command] {
    match generation.commands {
        Commands::Redis60 => table_6_0::COMMANDS,
        Commands::Redis70 => &table_7_0::COMMANDS,
    }
}

/// The command of this name, ignoring case.
pub fn lookup(generation: &Generation, name: &[u8]) -> Option<&'static Command> {
    commands(generation).iter().find(|command| command.is_called(name))
}

/// The command of these words; where subcommands are known, only if this is one (Redis:
/// `lookupCommand`).
pub fn lookup_with_subcommand(generation: &Generation, argv: &[Bytes]) -> Option<&'static Command> {
    let command = lookup(generation, argv.first()?)?;
    let known = match generation.commands {
        Commands::Redis60 => true,
        Commands::Redis70 => table_7_0::knows_subcommand(command, argv),
    };
    known.then_some(command)
}

/// The name in the log: since 7.0 that of the subcommand, `xgroup|create`.
pub fn full_name(generation: &Generation, command: &Command, argv: &[Bytes]) -> &'static str {
    match generation.commands {
        Commands::Redis60 => command.name,
        Commands::Redis70 => {
            table_7_0::subcommand(command, argv).map_or(command.name, |it| it.name)
        }
    }
}

/// Whether a command takes so many arguments, and where subcommands are known, whether this is one
/// and takes them.
pub fn check_arity(
    generation: &Generation,
    command: &Command,
    argv: &[Bytes],
) -> Result<(), Failure> {
    match generation.commands {
        Commands::Redis60 if command.accepts(argv.len()) => Ok(()),
        Commands::Redis60 => Err(Failure::wrong_arity(command.name)),
        Commands::Redis70 => table_7_0::check_arity(generation, command, argv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::{GENERATIONS, REDIS_6_0};

    #[test]
    fn names_are_found_in_any_case_and_arity_counts_the_name() {
        let set = lookup(&REDIS_6_0, b"SeT").expect("known");
        assert!(set.accepts(3) && set.accepts(5) && !set.accepts(2));
        assert!(lookup(&REDIS_6_0, b"get").is_some_and(|get| get.accepts(2) && !get.accepts(3)));
        assert!(lookup(&REDIS_6_0, b"blah").is_none());
        assert_eq!(set.flags.names().collect::<Vec<_>>(), ["write", "denyoom"]);
    }

    #[test]
    fn no_name_is_there_twice() {
        for generation in GENERATIONS {
            let all = commands(generation);
            for (index, command) in all.iter().enumerate() {
                assert!(all[..index].iter().all(|other| other.name != command.name));
            }
        }
    }
}
