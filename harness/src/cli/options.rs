//! Arguments that several modes share. Must not know: what a mode does with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::CommandError;
use crate::engine::pool::times::Times;
use crate::suite::redis_conf::{BadConf, Conf, Under};
use crate::sweep::{self, Shard};

/// Which of all runs to make.
#[derive(Debug, clap::Args)]
pub struct Sample {
    /// A first look: a tenth of all runs, of as many kinds as possible over all workloads
    #[arg(long)]
    quick: bool,
    /// Only N runs per workload, of as many kinds as possible. A power cut is one run, and has a
    /// record for each kind of file system
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(conflicts_with = "quick")]
    sample: Option<u32>,
}

impl Sample {
    /// Which part; None: everything.
    pub fn part(&self) -> Option<sweep::Sample> {
        let quick = self.quick.then_some(sweep::Sample::Quick);
        self.sample.map(sweep::Sample::PerWorkload).or(quick)
    }
}

/// One of several machines, or what all of them made.
#[derive(Debug, clap::Args)]
pub struct Division {
    /// Make only part K of N, on one of several machines; it goes to the file of --json
    #[arg(long, value_name = "K/N", requires = "json", conflicts_with = "out")]
    pub shard: Option<Shard>,
    /// Put the files of all parts together and go on from there, with causes and smallest scripts
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "shard")]
    pub parts: Vec<PathBuf>,
}

/// Where else results go, and which findings are known.
#[derive(Debug, clap::Args)]
pub struct Reports {
    /// Also write the results as JSON, for `merge` and `diff`
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// File of known findings, each with a reason; they do not count for the exit code
    #[arg(long, value_name = "FILE")]
    pub accepted: Option<PathBuf>,
}

/// The configuration that cases run under.
#[derive(Debug, clap::Args)]
pub struct Configuration {
    /// Run everything under this configuration, except for what the harness decides itself
    #[arg(long, value_name = "REDIS.CONF")]
    pub config: Option<PathBuf>,
    /// Leave out every case that sets another policy (appendonly, appendfsync, save) than this
    /// configuration
    #[arg(long, requires = "config")]
    pub my_policy: bool,
}

impl Configuration {
    /// Reads the file, if there is one.
    pub fn read(&self) -> Result<Under, BadConf> {
        let conf = self.config.as_deref().map(Conf::open).transpose()?;
        Ok(Under { conf, only_its_policy: self.my_policy })
    }
}

/// How much of the machine a command may use.
#[derive(Debug, clap::Args)]
pub struct Cores {
    /// Use at most N cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Also write how long each request took, for `bench --workers`
    #[arg(long, value_name = "FILE")]
    times: Option<PathBuf>,
}

impl Cores {
    /// How many cores at most.
    pub fn most(&self) -> usize {
        self.jobs.map_or(usize::MAX, |jobs| jobs as usize)
    }

    /// The new file for the times, if one is wanted.
    pub fn times(&self) -> Result<Option<Arc<Times>>, CommandError> {
        let Some(path) = &self.times else { return Ok(None) };
        let times = Times::create(path);
        let failed = |error| CommandError::unable(format!("{}: {error}", path.display()));
        times.map(|times| Some(Arc::new(times))).map_err(failed)
    }
}

#[derive(Clone, Debug, clap::Args)]
pub struct Limits {
    /// Kill a supervised run, with everything in it, after so much real time
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub deadline: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, for example 60 or 0.5")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("expected more than 0 seconds".into()),
    }
}
