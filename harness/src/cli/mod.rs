//! The command line: words in, a table and an exit code out.
//!
//! Each mode is one function and returns what it found; [`crate::exit`] alone turns that into a
//! number. Must not know: how a case runs (the case runner does) and what a promise is (the
//! contract does).

use std::process::ExitCode;

mod annotations;
pub mod args;
pub mod audit;
mod audit_parts;
pub mod bench;
pub mod commands;
pub mod compare;
pub mod conform;
mod conform_sweeps;
pub mod date;
pub mod diff;
pub mod doctor;
mod error;
pub mod explain;
pub mod explore;
mod explore_parts;
pub mod keep;
pub mod known;
mod options;
pub mod output;
mod paint;
mod printable;
mod progress;
pub mod run;
pub mod screen;
pub mod server_trial;
mod session;
pub mod show;
pub mod sweep;
pub mod tokens;
mod words;

use crate::engine::reap;
use crate::exit::Exit;
use args::Mode;
use error::CommandError;

/// Runs the mode that the arguments name.
pub fn main() -> ExitCode {
    let mut bisect = false;
    let ended = reap::leave_nothing(|| {
        let args = match words::read() {
            Ok(args) => args,
            Err(exit) => return Ok(exit),
        };
        bisect = args.bisect;
        carry_out(args.mode)
    });
    let ended = ended
        .unwrap_or_else(|why| Err(CommandError::unable(format!("cannot adopt orphans: {why}"))));
    let exit = ended.unwrap_or_else(|error| {
        screen::styled_error(&error.message);
        error.exit
    });
    ExitCode::from(if bisect { exit.code_for_bisect() } else { exit.code() })
}

fn carry_out(mode: Mode) -> Result<Exit, CommandError> {
    match mode {
        Mode::Run(args) => run::main(&args),
        Mode::Show(args) => show::transcript(&args),
        Mode::Sites(args) => show::sites(&args),
        Mode::Sweep(args) => sweep::main(&args),
        Mode::Explore(args) => explore::main(&args),
        Mode::Explain(args) => explain::main(&args),
        Mode::Replay(args) => tokens::replay(&args),
        Mode::Shrink(args) => tokens::shrink(&args),
        Mode::Export(args) => tokens::export(&args),
        Mode::Merge(args) => sweep::merge(&args),
        Mode::Compare(args) => compare::main(&args),
        Mode::Diff(args) => diff::main(&args),
        Mode::Audit(args) => audit::main(&args),
        Mode::Known(args) => known::main(&args),
        Mode::Conform(args) => conform::main(&args),
        Mode::Commands(args) => commands::main(&args),
        Mode::Doctor(args) => match &args.server {
            Some(server) => server_trial::main(server, &args),
            None => doctor::main(),
        },
        Mode::Bench(args) => bench::main(&args),
    }
}
