//! The words that `sabot` understands. Must not know: what a mode does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Finds out what a Redis-style server does with your data when the operating system lets it down.
#[derive(Debug, Parser)]
#[command(name = "sabot", version, after_help = super::exit::HELP)]
pub struct Args {
    #[command(subcommand)]
    pub mode: Mode,
}

/// One word, one function.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Run cases and judge what comes back after each restart
    Run(RunArgs),
    /// Print the transcript of one case: the script with everything that was observed
    Show(OneArgs),
    /// List the fault sites of one case under the names that `inject at` takes
    Sites(OneArgs),
    /// Say what this machine can do and, for what it cannot, what to change
    Doctor,
    /// Measure runs per second and the cost of a trapped system call
    Bench(BenchArgs),
    /// One supervised worker process; fed by `run`
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Our own server core as a process; started by the world `server`
    #[command(hide = true, name = "server-core")]
    ServerCore {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A path to a .case file, or a name or folder under cases/ [default: all of cases/]
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    /// sim, server, redis or a path to a server [default: sim, server, and redis where found]
    #[arg(long = "world", value_name = "WORLD")]
    pub worlds: Vec<String>,
    /// Keep what each run left on its disk, under DIR/CASE/WORLD
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Run each case N times per world and demand the same trace each time
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// A path to a .case file, or a name under cases/
    #[arg(value_name = "CASE")]
    pub case: String,
    /// sim, server, redis or a path to a server
    #[arg(long, value_name = "WORLD", default_value = "sim")]
    pub world: String,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// sim, server, redis or a path to a server [default: all that this machine has]
    #[arg(long = "world", value_name = "WORLD")]
    pub worlds: Vec<String>,
    /// Real seconds per measurement
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
}

#[derive(Debug, clap::Args)]
pub struct WorkerArgs {
    /// The core that the worker and its servers stay on
    #[arg(long, value_name = "N")]
    pub cpu: usize,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Limits {
    /// Real time that one supervised run may take before it is killed with everything in it
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub deadline: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, for example 20 or 0.5")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("expected more than 0 seconds".into()),
    }
}
