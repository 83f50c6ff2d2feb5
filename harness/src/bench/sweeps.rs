//! What a sweep costs on one core: runs per second, states of a power cut per second, and how the
//! cost grows with the length of a workload.
//!
//! **Runs.** The runs of a workload with a rewrite in it, evenly spread over all of them, for as
//! long as the time lasts. **States.** One cut of the power behind writes that were never synced:
//! each state is loaded and judged, none of them known before. **Growth.** A workload of N writes
//! has about N calls, and a run goes through all of them, so what should stay the same is the time
//! per call of a run: also where each write makes one value longer, and with it the question that
//! each judgement asks.
//!
//! Must not know: how a run is made.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::runs::Bench;
use crate::case;
use crate::engine::host::Host;
use crate::engine::pool::Settings;
use crate::engine::wire::{Batch, Cuts, Reply, Request, Survey};
use crate::engine::worker::{self, Worker};
use crate::engine::worlds::World;
use crate::kernel::{CallName, Site};
use crate::runner::{Collect, CutPoint, Remembered, RunSummary};
use crate::sweep::enumerate::Scope;
use crate::sweep::{Kind, RunPlan, Workload, cuts};
use crate::world::remembered::Starts;

const REWRITE: &str = "\
config appendonly yes
config appendfsync everysec
config aof-use-rdb-preamble no
> INCR n
> RPUSH l one
> BGREWRITEAOF
> INCR n
await child
> RPUSH l two
";

/// Lengths of workloads whose cost is compared.
const LENGTHS: [usize; 4] = [10, 100, 1000, 10_000];

/// A value that stays as long as it is, and one that grows.
const WRITES: [&str; 2] = ["SET key", "RPUSH list"];

/// How many writes stand before the cut.
const UNSYNCED: usize = 24;

/// Real time that one request may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs of a sweep, as many as the time allowed.
pub struct SweepRuns {
    /// How many there are.
    pub planned: usize,
    /// How many calls they have a fault at.
    pub sites: usize,
    /// Microseconds that one took.
    pub micros: f64,
    /// How much of what was asked of the oracle it remembered; None: a worker knows, and does not
    /// tell.
    pub remembered: Option<Remembered>,
    /// Starts on a machine at rest, in these runs and those before them.
    pub starts: Starts,
}

/// States of one power cut.
pub struct States {
    pub images: u64,
    /// What all of them took.
    pub seconds: f64,
}

/// Runs of a workload of so many writes.
pub struct Growth {
    pub write: &'static str,
    pub length: usize,
    pub runs: SweepRuns,
}

/// Every kind of write in every length, for [`SweepBench::growth`].
pub fn lengths() -> impl Iterator<Item = (&'static str, usize)> {
    WRITES.into_iter().flat_map(|write| LENGTHS.map(|length| (write, length)))
}

/// Where runs are made.
enum Place {
    Here(Box<Host>),
    Worker(Box<Worker>),
}

/// Measurements of sweeps in one world.
pub struct SweepBench<'a> {
    world: &'a World,
    /// None once it was given up.
    place: Option<Place>,
    time: Duration,
}

impl Drop for SweepBench<'_> {
    fn drop(&mut self) {
        if let Some(Place::Worker(worker)) = self.place.take() {
            worker.kill();
        }
    }
}

impl<'a> SweepBench<'a> {
    /// In the same world and for as long as `bench`.
    pub fn new(bench: &Bench<'a>) -> Result<SweepBench<'a>, String> {
        let Bench { world, cpu, time } = *bench;
        let place = match world.place.is_supervised() {
            false => Place::Here(Box::new(Host::without_machine())),
            true => Place::Worker(Box::new(start_worker(cpu)?)),
        };
        Ok(SweepBench { world, place: Some(place), time })
    }

    /// Runs of a workload with a rewrite.
    pub fn rewrite(&mut self) -> Result<SweepRuns, String> {
        self.runs(REWRITE)
    }

    /// Runs of a workload of so many writes of one kind.
    pub fn growth(&mut self, write: &'static str, length: usize) -> Result<Growth, String> {
        Ok(Growth { write, length, runs: self.runs(&writes(length, write))? })
    }

    /// One cut of the power in every state, never seen before.
    pub fn states(&mut self) -> Result<States, String> {
        let workload = workload(&writes(UNSYNCED, WRITES[0]));
        let plan = self.plan(&workload)?;
        let last = plan.runs.iter().rfind(|run| {
            let Site { incarnation, task, role, call, .. } = &run.site.first;
            let write = *call == CallName::Write && role.as_deref() == Some("aof");
            let workload = *incarnation == 1 && task == "parent" && !run.past_last_call;
            run.kind() == Kind::Power && workload && write
        });
        let point = last.and_then(|run| cuts::point(&workload, run)).ok_or("there is no write")?;
        let mut states = States { images: 0, seconds: 0.0 };
        // A host that has seen nothing yet can be had again and again, a worker cannot.
        let supervised = self.world.place.is_supervised();
        let budget = if supervised { 32 } else { 4096 };
        while states.images == 0 || !supervised && states.seconds < self.time.as_secs_f64() {
            if !supervised {
                self.place = Some(Place::Here(Box::new(Host::without_machine())));
            }
            let began = Instant::now();
            let surveys = self.surveys(point.clone(), budget)?;
            states.seconds += began.elapsed().as_secs_f64();
            let Some(Ok(Some(surveyed))) = surveys.first() else {
                return Err("the power was not cut".to_string());
            };
            states.images += surveyed.images.iter().sum::<u64>();
        }
        Ok(states)
    }

    /// Makes runs for the time.
    fn runs(&mut self, text: &str) -> Result<SweepRuns, String> {
        let workload = workload(text);
        let plan = self.plan(&workload)?;
        let all: Vec<_> = plan.runs.iter().filter(|run| !run.cuts_power()).collect();
        let began = Instant::now();
        let mut done = 0;
        // A step that shares no factor with the number of runs comes to all of them in the end.
        let step = (7919..).find(|step| gcd(*step, all.len().max(1)) == 1).unwrap_or(1);
        while began.elapsed() < self.time {
            let script = |n: usize| {
                let run = all[(n * step) % all.len()];
                workload.script(&run.added, run.ending)
            };
            let count = if self.world.place.is_supervised() { 1 } else { 8 };
            self.summaries((done..done + count).map(script).collect(), Collect::Verdicts)?;
            done += count;
        }
        let micros = began.elapsed().as_secs_f64() * 1e6 / done as f64;
        let sites = all.iter().map(|run| run.place).collect::<BTreeSet<_>>();
        let remembered = match self.place.as_ref() {
            Some(Place::Here(host)) => Some(host.remembered()),
            _ => None,
        };
        let starts = self.starts()?;
        Ok(SweepRuns { planned: all.len(), sites: sites.len(), micros, remembered, starts })
    }

    fn starts(&mut self) -> Result<Starts, String> {
        match self.place()? {
            Place::Here(host) => Ok(host.starts()),
            Place::Worker(worker) => {
                let reply = ask(worker, &Request::Starts)?;
                worker::starts(reply).map_err(|broken| broken.to_string())
            }
        }
    }

    fn plan(&mut self, workload: &Workload) -> Result<RunPlan, String> {
        let dry = self.summaries(vec![workload.dry()], Collect::Sites)?.remove(0);
        match dry.wrong() {
            Some(failure) => Err(failure.message.clone()),
            None => Ok(RunPlan::of(workload, &dry.reached, Scope::WHOLE)),
        }
    }

    fn summaries(
        &mut self,
        scripts: Vec<String>,
        collect: Collect,
    ) -> Result<Vec<RunSummary>, String> {
        let batch = Batch { place: self.world.place.clone(), scripts, collect, computes: false };
        match self.place()? {
            Place::Here(host) => Ok(host.summaries(&batch, &|| false)),
            Place::Worker(worker) => {
                let reply = ask(worker, &Request::Summarize(batch))?;
                worker::summaries(reply).map_err(|broken| broken.to_string())
            }
        }
    }

    fn surveys(&mut self, point: CutPoint, budget: u64) -> Result<Vec<Survey>, String> {
        let cuts =
            Cuts { place: self.world.place.clone(), points: vec![point], budget, computes: false };
        match self.place()? {
            Place::Here(host) => Ok(host.surveys(&cuts, &|| false)),
            Place::Worker(worker) => {
                let reply = ask(worker, &Request::Survey(cuts))?;
                worker::surveys(reply).map_err(|broken| broken.to_string())
            }
        }
    }

    fn place(&mut self) -> Result<&mut Place, String> {
        self.place.as_mut().ok_or_else(|| "it was given up".to_string())
    }
}

fn start_worker(cpu: usize) -> Result<Worker, String> {
    let exe = Settings::of_this_binary(PATIENCE).exe;
    let mut worker = Worker::start(&exe, cpu).map_err(|broken| broken.to_string())?;
    match worker.await_ready(PATIENCE) {
        Ok(()) => Ok(worker),
        Err(broken) => {
            worker.kill();
            Err(broken.to_string())
        }
    }
}

fn ask(worker: &mut Worker, request: &Request) -> Result<Reply, String> {
    worker.ask(request, PATIENCE).map_err(|broken| broken.to_string())
}

/// Writes of one kind behind each other that no sync covers.
fn writes(count: usize, write: &str) -> String {
    let head = "config appendonly yes\nconfig appendfsync no\nconfig aof-use-rdb-preamble no\n";
    let lines = (0..count).map(|n| format!("> {write} {n}\n"));
    head.to_string() + &lines.collect::<String>()
}

fn workload(text: &str) -> Workload {
    Workload::of("bench", &case::parse("bench", text).expect("it is one of ours"))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
