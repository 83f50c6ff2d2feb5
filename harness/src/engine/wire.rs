//! What goes over the pipes between the command and its workers: one JSON value per line.
//!
//! Must not know: who runs a job and how.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::profile::OwnServer;
use crate::runner::{Collect, CutPoint, Outcome, RunSummary, Surveyed};
use crate::world::remembered::Starts;

/// Which server a case runs on, and behind which door.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// Our own core on the kernel, in this process.
    Sim(OwnServer),
    /// Our own core as a supervised process.
    Server(OwnServer),
    /// Somebody's server as a supervised process.
    Binary(PathBuf),
}

impl Place {
    /// Whether a worker process is needed.
    pub fn is_supervised(&self) -> bool {
        !matches!(self, Place::Sim(_))
    }
}

/// One run of one case in one world.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The name of the case, for people.
    pub case: String,
    /// Where its text came from, for error messages.
    pub source: String,
    pub text: String,
    /// So many lines at the beginning of the text are not counted in what is said of lines.
    pub head: u32,
    /// The name of the world, for people.
    pub world: String,
    pub place: Place,
}

/// Scripts that run one after the other in one world, for their verdicts alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    pub place: Place,
    pub scripts: Vec<String>,
    pub collect: Collect,
    /// Every start is made, and none remembered.
    pub computes: bool,
}

/// Calls at which the power is cut, each in every state that this may leave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cuts {
    pub place: Place,
    pub points: Vec<CutPoint>,
    /// Images of each profile at each call, beside those that are always taken.
    pub budget: u64,
    /// As for a batch.
    pub computes: bool,
}

/// What became of one of them: None: its call was never made.
pub type Survey = Result<Option<Surveyed>, crate::runner::RunSummary>;

/// What a worker is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    Run(Job),
    Summarize(Batch),
    Survey(Cuts),
    /// Run the job again and again for this many nanoseconds of real time.
    Measure {
        job: Job,
        nanos: u64,
    },
    /// How many starts were remembered so far.
    Starts,
}

/// What a worker says. The first line is `Ready` or `Unable`; then one line per request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    Ready,
    /// This machine cannot supervise; says why.
    Unable(String),
    Ran(Box<Outcome>),
    /// One for each script.
    Summarized(Vec<RunSummary>),
    /// One for each call.
    Surveyed(Vec<Survey>),
    Measured(Measured),
    Starts(Starts),
}

/// How many runs fitted into a stretch of real time on one core.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    pub runs: u64,
    pub nanos: u64,
    /// Calls that reached the kernel, in all runs.
    pub calls: u64,
    /// Calls that were trapped, in all runs: more than reach the kernel; 0 where nothing is
    /// trapped.
    pub trapped: u64,
    /// Why nothing was measured.
    pub problem: Option<String>,
}

impl Measured {
    /// Runs per second.
    pub fn rate(&self) -> f64 {
        self.runs as f64 / (self.nanos as f64 / 1e9)
    }
}
