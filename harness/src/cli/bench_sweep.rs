//! What a sweep costs on one core: runs per second, states of a power cut per second, and how the
//! cost grows with the length of a workload. Prints, asserts nothing.
//!
//! **Runs.** The runs of a workload with a rewrite in it, evenly spread over all of them, for as
//! long as the time lasts. **States.** One cut of the power behind writes that were never synced:
//! each state is loaded and judged, none of them known before. **Growth.** A workload of N writes
//! has about N calls, and a run goes through all of them, so what should stay the same is the time
//! per call of a run: also where each write makes one value longer, and with it the question that
//! each judgement asks.
//!
//! Must not know: how a run is made.

use std::time::{Duration, Instant};

use super::screen;
use crate::case;
use crate::engine::host::Host;
use crate::engine::pool::Settings;
use crate::engine::wire::{Batch, Cuts, Reply, Request, Survey};
use crate::engine::worker::{self, Worker};
use crate::engine::worlds::World;
use crate::kernel::CallName;
use crate::runner::{Collect, CutPoint, RunSummary};
use crate::sweep::enumerate::Scope;
use crate::sweep::{Kind, RunPlan, Workload, cuts};

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
const LENGTHS: [usize; 3] = [10, 100, 1000];

/// Writes of one kind behind each other that no sync covers.
fn writes(count: usize, write: &str) -> String {
    let head = "config appendonly yes\nconfig appendfsync no\nconfig aof-use-rdb-preamble no\n";
    let lines = (0..count).map(|n| format!("> {write} {n}\n"));
    head.to_string() + &lines.collect::<String>()
}

/// A value that stays as long as it is, and one that grows.
const WRITES: [&str; 2] = ["SET key", "RPUSH list"];

/// Prints the lines of one world.
pub fn report(world: &World, cpu: usize, time: Duration) -> Result<(), String> {
    let mut desk = Desk::new(world, cpu, time)?;
    let done = desk.report();
    if let Place::Worker(worker) = desk.place {
        worker.end();
    }
    done
}

/// Where runs are made.
enum Place {
    Here(Box<Host>),
    Worker(Box<Worker>),
}

struct Desk<'a> {
    world: &'a World,
    place: Place,
    time: Duration,
}

impl<'a> Desk<'a> {
    fn new(world: &'a World, cpu: usize, time: Duration) -> Result<Desk<'a>, String> {
        if !world.place.is_supervised() {
            return Ok(Desk { world, place: Place::Here(Box::new(Host::without_machine())), time });
        }
        let exe = Settings::of_this_binary(PATIENCE).map_err(|e| e.to_string())?.exe;
        let mut worker = Worker::start(&exe, cpu).map_err(|broken| broken.to_string())?;
        if let Err(broken) = worker.await_ready(PATIENCE) {
            worker.end();
            return Err(broken.to_string());
        }
        Ok(Desk { world, place: Place::Worker(Box::new(worker)), time })
    }

    fn report(&mut self) -> Result<(), String> {
        let runs = self.runs(REWRITE)?;
        self.line(&format!(
            "{:10.1} sweep runs/s  {:8.1} µs per run  (of {} runs in {} sites)",
            1e6 / runs.micros,
            runs.micros,
            runs.planned,
            runs.sites
        ));
        self.states()?;
        if self.world.place.is_supervised() {
            return Ok(());
        }
        for (write, length) in WRITES.into_iter().flat_map(|w| LENGTHS.map(|length| (w, length))) {
            let runs = self.runs(&writes(length, write))?;
            let per_call = runs.micros / runs.sites as f64;
            self.line(&format!(
                "{length:10} times {write}: {} sites, {} runs, {:8.1} µs per run, {per_call:.2} µs \
                 per call of it",
                runs.sites, runs.planned, runs.micros,
            ));
        }
        Ok(())
    }

    fn line(&self, text: &str) {
        screen::line(&format!("{:8}  {text}", self.world.label));
    }

    /// Makes runs for the time.
    fn runs(&mut self, text: &str) -> Result<Runs, String> {
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
            self.briefs((done..done + count).map(script).collect(), Collect::Verdicts)?;
            done += count;
        }
        let micros = began.elapsed().as_secs_f64() * 1e6 / done as f64;
        let sites = all.iter().map(|run| run.place).collect::<std::collections::BTreeSet<_>>();
        Ok(Runs { planned: all.len(), sites: sites.len(), micros })
    }

    fn plan(&mut self, workload: &Workload) -> Result<RunPlan, String> {
        let dry = self.briefs(vec![workload.dry()], Collect::Sites)?.remove(0);
        match dry.wrong() {
            Some(failure) => Err(failure.message.clone()),
            None => Ok(RunPlan::of(workload, &dry.reached, Scope::WHOLE)),
        }
    }

    /// One cut of the power in every state, never seen before.
    fn states(&mut self) -> Result<(), String> {
        let workload = workload(&writes(UNSYNCED, WRITES[0]));
        let plan = self.plan(&workload)?;
        let last = plan.runs.iter().rfind(|run| {
            let site = &run.site.first;
            let write = site.call == CallName::Write && site.role.as_deref() == Some("aof");
            run.kind() == Kind::Power && write && site.task == "parent" && !run.past_last_call
        });
        let point = last.and_then(|run| cuts::point(&workload, run)).ok_or("there is no write")?;
        let budget = if self.world.place.is_supervised() { 32 } else { 4096 };
        let began = Instant::now();
        let surveys = self.surveys(point, budget)?;
        let seconds = began.elapsed().as_secs_f64();
        let Some(Ok(Some(surveyed))) = surveys.first() else {
            return Err("the power was not cut".to_string());
        };
        let images: u64 = surveyed.images.iter().sum();
        self.line(&format!(
            "{:10.1} states of a power cut per second  ({images} distinct ones, loaded and judged)",
            images as f64 / seconds
        ));
        Ok(())
    }

    fn briefs(
        &mut self,
        scripts: Vec<String>,
        collect: Collect,
    ) -> Result<Vec<RunSummary>, String> {
        let batch = Batch { place: self.world.place.clone(), scripts, collect };
        match &mut self.place {
            Place::Here(host) => Ok(host.briefs(&batch, &|| false)),
            Place::Worker(worker) => {
                let reply = ask(worker, &Request::Summaries(batch))?;
                worker::briefs(reply).map_err(|broken| broken.to_string())
            }
        }
    }

    fn surveys(&mut self, point: CutPoint, budget: u64) -> Result<Vec<Survey>, String> {
        let cuts = Cuts { place: self.world.place.clone(), points: vec![point], budget };
        match &mut self.place {
            Place::Here(host) => Ok(host.surveys(&cuts, &|| false)),
            Place::Worker(worker) => {
                let reply = ask(worker, &Request::Cut(cuts))?;
                worker::surveys(reply).map_err(|broken| broken.to_string())
            }
        }
    }
}

/// How many writes stand before the cut.
const UNSYNCED: usize = 24;

/// Real time that one request may take.
const PATIENCE: Duration = Duration::from_secs(120);

struct Runs {
    planned: usize,
    sites: usize,
    micros: f64,
}

fn ask(worker: &mut Worker, request: &Request) -> Result<Reply, String> {
    worker.ask(request, PATIENCE).map_err(|broken| broken.to_string())
}

fn workload(text: &str) -> Workload {
    Workload::of("bench", &case::parse("bench", text).expect("it is one of ours"))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
