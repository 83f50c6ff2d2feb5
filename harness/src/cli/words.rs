//! From words to arguments: help, a slip of the pen, and what cannot be written.
//!
//! Must not know: what a mode does.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{CommandFactory, Parser};

use super::args::Args;
use super::screen;
use crate::exit::Exit;

/// The arguments of this process; else everything has been said, and this is the exit.
pub fn read() -> Result<Args, Exit> {
    Args::try_parse().map_err(|mut why| {
        suggest(&mut why);
        if let Err(unwritten) = why.print() {
            screen::unwritten(&unwritten);
        }
        if why.use_stderr() { Exit::BadUsage } else { Exit::Expected }
    })
}

/// A mode that is a slip for another one gets that one as a suggestion: also one with two letters
/// the wrong way round, which clap does not take for a slip.
fn suggest(why: &mut Error) {
    let told = why.get(ContextKind::SuggestedSubcommand).is_some();
    if why.kind() != ErrorKind::InvalidSubcommand || told {
        return;
    }
    let Some(ContextValue::String(word)) = why.get(ContextKind::InvalidSubcommand) else { return };
    let command = Args::command();
    let modes = command.get_subcommands().map(|mode| mode.get_name());
    let slips = |mode: &&str| strsim::damerau_levenshtein(mode, word) <= 1;
    let near: Vec<String> = modes.filter(slips).map(String::from).collect();
    if !near.is_empty() {
        why.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_the_mode() {
        for (slip, mode) in [("rnu", "run"), ("swep", "sweep"), ("dif", "diff"), ("auidt", "audit")]
        {
            let mut why = Args::try_parse_from(["sabot", slip]).expect_err("no such mode");
            suggest(&mut why);
            let text = why.to_string();
            assert!(text.contains("similar") && text.contains(&format!("'{mode}'")), "{text}");
        }
    }
}
