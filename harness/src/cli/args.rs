//! The arguments of `sabot`. Must not know: what a mode does.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::options::{Configuration, Cores, Division, Limits, Reports, Sample};
use crate::sweep::{Kind, Shard};

/// How a world is named.
const SERVER: &str = "sim, server, redis, or the name, path or profile of a server";

/// The same, with the default.
fn server(default: &str) -> String {
    format!("{SERVER} [default: {default}]")
}

/// Finds out what a Redis-style server does with your data when the operating system lets it down.
#[derive(Debug, Parser)]
#[command(name = "sabot", version, after_help = crate::exit::HELP)]
pub struct Args {
    /// Use the exit codes of `git bisect run`: 125 (skip) instead of 3, 128 (stop) instead of 2
    #[arg(long, global = true)]
    pub bisect: bool,
    #[command(subcommand)]
    pub mode: Mode,
}

/// The modes, each with a function of its own.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Run cases and judge the data that is there after each restart
    Run(RunArgs),
    /// Print the transcript of a case: its script with everything that was observed
    Show(OneArgs),
    /// List the fault sites of a case, by the names that `inject at` takes
    Sites(OneArgs),
    /// Try every known bug on every server and compare with the record
    Known(KnownArgs),
    /// Run every case and every sweep on one server and write a page about it
    Audit(AuditArgs),
    /// Try every fault at every call of a workload and judge each outcome
    Sweep(SweepArgs),
    /// Draw commands, faults and task orders at random and judge each outcome
    Explore(ExploreArgs),
    /// Say why a finding is what it is, and what would have helped
    Explain(ExplainArgs),
    /// Replay the exact run that a token stands for
    Replay(TokenArgs),
    /// Find the smallest script that fails the way a token's run does
    Shrink(TokenArgs),
    /// Write a token's run, or a known bug, as something to paste into a report
    Export(ExportArgs),
    /// Merge the JSON reports of the shards of a sweep
    Merge(MergeArgs),
    /// Audit two servers under one configuration: is the upgrade from OLD to NEW safe?
    Compare(CompareArgs),
    /// Diff two JSON reports of `sweep` or `audit`: is this upgrade safe?
    Diff(DiffArgs),
    /// Run every case on two or more servers and show, side by side, where they differ
    Conform(ConformArgs),
    /// Lose each write of a server once, or draw scripts without faults: are its verdicts true?
    Commands(CommandsArgs),
    /// Check what this machine can do, and say what to change where it cannot
    Doctor(DoctorArgs),
    /// Measure runs per second and the cost of a trapped system call
    Bench(BenchArgs),
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A path to a .case file, or a name or folder under cases/ [default: all of cases/]
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    #[arg(long = "world", value_name = "WORLD")]
    #[arg(help = server("sim, server, and redis where found"))]
    pub worlds: Vec<String>,
    /// Keep the files that each run left on its disk, under DIR/CASE/WORLD
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Run each case N times per world; all its traces must be the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    #[command(flatten)]
    pub under: Configuration,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Try this server instead: start, write, rewrite, save, kill, restart; and write its profile
    #[arg(value_name = "SERVER")]
    pub server: Option<String>,
    /// Where the profile goes [default: standard output]
    #[arg(long, value_name = "FILE", requires = "server")]
    pub profile: Option<PathBuf>,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct KnownArgs {
    /// Numbers or names of known bugs, such as 5a [default: all]
    #[arg(value_name = "BUG")]
    pub bugs: Vec<String>,
    #[arg(long = "world", value_name = "WORLD")]
    #[arg(help = server("sim and every server of target/servers"))]
    pub worlds: Vec<String>,
    #[command(flatten)]
    pub under: Configuration,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// A path to a .case file, or a name under cases/
    #[arg(value_name = "CASE")]
    pub case: String,
    #[arg(long, value_name = "WORLD", default_value = "sim", help = SERVER)]
    pub world: String,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct SweepArgs {
    /// Paths to .case files, or names or folders under cases/ [default: cases/sweep]
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    #[arg(long = "world", value_name = "WORLD", help = server("sim"))]
    pub worlds: Vec<String>,
    /// Sweep in every world that this machine has
    #[arg(long)]
    pub all: bool,
    /// Only these kinds of faults: error, short, lie, delay, kill, power, order [default: all]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub faults: Vec<Kind>,
    /// Also try a second event, a power cut too, at calls that each fault has made different: at
    /// most five times as many runs, of as many kinds as possible
    #[arg(long)]
    pub pairs: bool,
    #[command(flatten)]
    pub cores: Cores,
    /// Only part K of N; a site's name decides which part it is in
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Only N runs per workload, of as many kinds as possible. A power cut is one run, and has a
    /// record for each kind of file system
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Also tell what only a disk loses that keeps nothing but what was synced by name; it does not
    /// count
    #[arg(long)]
    pub posix: bool,
    /// At each power cut try at most N disk states per kind of file system, besides those that are
    /// always tried [default: 4096 in sim, 16 elsewhere]
    #[arg(long, value_name = "N")]
    pub images: Option<u64>,
    /// Make every recovery, also where an equal one was seen before; slower, with the same result
    #[arg(long)]
    pub no_memory: bool,
    #[command(flatten)]
    pub reports: Reports,
    #[command(flatten)]
    pub under: Configuration,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct ExploreArgs {
    /// The same seed gives the same runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Number of runs
    #[arg(long, value_name = "M", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    #[arg(long, value_name = "WORLD", default_value = "sim", help = SERVER)]
    pub world: String,
    #[command(flatten)]
    pub cores: Cores,
    /// Folder for cases: one is written for each new cause, and causes of cases in it are known
    /// [default: cases/regressions]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub division: Division,
    /// Output file of a part
    #[arg(long, value_name = "FILE", requires = "shard")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub under: Configuration,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    #[arg(value_name = "SERVER", help = SERVER)]
    pub server: String,
    #[command(flatten)]
    pub under: Configuration,
    /// Output file of the page [default: sabot-audit.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub reports: Reports,
    #[command(flatten)]
    pub cores: Cores,
    #[command(flatten)]
    pub sample: Sample,
    /// Also show what only a disk loses that keeps nothing but what was synced by name; it does not
    /// count
    #[arg(long)]
    pub posix: bool,
    /// Explain each finding: what would have helped
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    pub division: Division,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    #[arg(value_name = "OLD", help = SERVER)]
    pub old: String,
    #[arg(value_name = "NEW", help = "the server that would replace it")]
    pub new: String,
    #[command(flatten)]
    pub under: Configuration,
    /// Output file of the page [default: sabot-compare.html]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Output file of the comparison as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub cores: Cores,
    #[command(flatten)]
    pub sample: Sample,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The token of a finding, as `sweep` prints it
    pub token: String,
    #[arg(long, value_name = "WORLD", help = server("the token's"))]
    pub world: Option<String>,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The token of a finding, as `sweep` prints it; or a path to a .case file, or a name under
    /// cases/
    #[arg(value_name = "TOKEN")]
    pub what: String,
    #[arg(long, value_name = "WORLD", help = server("the token's; of a case, sim"))]
    pub world: Option<String>,
    /// Output file of the explanation as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub cores: Cores,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The token of a finding, as `sweep` prints it, or the number or name of a known bug
    pub token: String,
    /// Where to try it, a development build for example [default: the token's world, but not a
    /// program that only the token names; of a known bug as `known`]
    #[arg(long = "world", value_name = "WORLD")]
    pub worlds: Vec<String>,
    /// How many times to try it
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Output file [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// Files written by `sweep --shard K/N --json FILE`
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reports: Reports,
}

#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The JSON report of the server as it is now
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The report, of the same mode, of the server that would replace it
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.map(Kind::as_str).join(", ");
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| format!("expected one of: {known}"))
}

#[derive(Debug, clap::Args)]
pub struct ConformArgs {
    /// A path to a .case file, or a name or folder under cases/ [default: all of cases/]
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    #[arg(
        long = "world",
        value_name = "WORLD",
        help = format!(
            "{SERVER}; the others are compared with the first \
             [default: sim and redis-6.0.16]"
        )
    )]
    pub worlds: Vec<String>,
    /// Print only the table
    #[arg(long)]
    pub summary: bool,
    #[command(flatten)]
    pub sweeps: ConformSweeps,
    #[command(flatten)]
    pub cores: Cores,
    #[command(flatten)]
    pub under: Configuration,
    #[command(flatten)]
    pub limits: Limits,
}

/// Sweeps instead of cases.
#[derive(Debug, clap::Args)]
pub struct ConformSweeps {
    /// Compare sweeps of the workloads in cases/sweep instead, run for run
    #[arg(long)]
    pub sweep: bool,
    /// Only N of the runs that both worlds can make, per workload, of as many kinds as possible
    #[arg(long, value_name = "N", requires = "sweep")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Only these kinds of faults: error, short, lie, delay, kill, power, order [default: all]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    #[arg(requires = "sweep")]
    pub faults: Vec<Kind>,
    /// At each power cut try at most N disk states per kind of file system, besides those that are
    /// always tried
    #[arg(long, value_name = "N", default_value_t = 16, requires = "sweep")]
    pub images: u64,
}

#[derive(Debug, clap::Args)]
pub struct CommandsArgs {
    #[arg(long = "world", value_name = "WORLD", help = server("all that this machine has"))]
    pub worlds: Vec<String>,
    /// Instead draw so many scripts without faults, none of which may be blamed
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..))]
    pub scripts: Option<u64>,
    /// The same seed gives the same scripts
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Also write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub cores: Cores,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    #[arg(long = "world", value_name = "WORLD", help = server("all that this machine has"))]
    pub worlds: Vec<String>,
    /// Real seconds per measurement
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// Instead say what a command would take with 1 to 64 workers, by its `--times`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["worlds", "seconds"])]
    pub workers: Option<PathBuf>,
}
