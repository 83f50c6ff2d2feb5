//! The command line: words in, a table and an exit code out.
//!
//! Each mode is one function and returns what it found; [`exit`] alone turns that into a number.
//! Must not know: how a case runs (the case runner does) and what a promise is (the contract does).

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

pub mod accepted;
pub mod again;
pub mod args;
pub mod audit;
pub mod bench;
mod bench_sweep;
pub mod conform;
pub mod date;
pub mod diff;
pub mod doctor;
pub mod exit;
pub mod explore;
pub mod fleet;
pub mod interrupt;
pub mod job;
pub mod judge;
pub mod keep;
pub mod known;
pub mod known_export;
pub mod library;
pub mod line;
pub mod output;
pub mod reap;
pub mod run;
pub mod screen;
pub mod servers;
pub mod show;
pub mod snapshot;
pub mod sweep;
pub mod sweeper;
pub mod tell;
pub mod tokens;
pub mod wire;
pub mod worker;
pub mod worlds;

use args::{Args, Mode};
use exit::Exit;

/// Runs the mode that the arguments name.
pub fn main() -> ExitCode {
    let mut bisect = false;
    let exit = reap::leave_nothing(|| {
        let args = Args::parse();
        bisect = args.bisect;
        carry_out(args.mode)
    })
    .unwrap_or_else(|stop| {
        screen::error(&stop.message);
        stop.exit
    });
    ExitCode::from(if bisect { exit.code_for_bisect() } else { exit.code() })
}

fn carry_out(mode: Mode) -> Result<Exit, Stop> {
    match mode {
        Mode::Run(args) => run::main(&args),
        Mode::Show(args) => show::transcript(&args),
        Mode::Sites(args) => show::sites(&args),
        Mode::Sweep(args) => sweep::main(&args),
        Mode::Explore(args) => explore::main(&args),
        Mode::Replay(args) => tokens::replay(&args),
        Mode::Shrink(args) => tokens::shrink(&args),
        Mode::Export(args) => tokens::export(&args),
        Mode::Merge(args) => sweep::merge(&args),
        Mode::Diff(args) => diff::main(&args),
        Mode::Audit(args) => audit::main(&args),
        Mode::Known(args) => known::main(&args),
        Mode::Conform(args) => conform::main(&args),
        Mode::Doctor => doctor::main(),
        Mode::Bench(args) => bench::main(&args),
    }
}

/// Why a mode ends before it has found out anything: a message for stderr, and the exit.
#[derive(Debug)]
pub struct Stop {
    pub exit: Exit,
    pub message: String,
}

impl Stop {
    /// The user asked for something that does not exist or makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Stop { exit: Exit::BadUsage, message: message.into() }
    }

    /// The machine, or the harness, cannot do what was asked.
    pub fn unable(message: impl Into<String>) -> Self {
        Stop { exit: Exit::NotMeasured, message: message.into() }
    }
}

/// A file could not be used: its path, and what the system says.
pub(crate) fn cannot(verb: &str, path: &Path, why: &std::io::Error) -> String {
    format!("cannot {verb} {}: {why}", path.display())
}
