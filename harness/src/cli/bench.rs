//! `sabot bench`: runs per second on one core, and what one trapped system call costs. Prints,
//! asserts nothing.
//!
//! **Runs.** One worker, pinned to one core, runs one case again and again: a write error, its
//! recovery, a kill, and a restart that loads the file ([`RUN`]). Everything that `sabot run` does
//! for a case is in the time, except comparing with a snapshot; what the oracle knows it has learnt
//! in a first run that is not counted.
//!
//! **One trapped call.** An idle server with `hz 100` turns its event loop a hundred times a
//! second, and hardly does anything but ask for the time and wait, all of it trapped. The same case
//! is run with a short and with a long wait in virtual time; the difference in real time, divided
//! by the difference in calls, is the cost of one more call: the trap, both switches, the decision,
//! and the little that the server does in between. Starting, linking and loading cancel out.
//!
//! **One start.** In the simulation, a machine with an empty disk is switched on and the server
//! started on it until it waits for clients; switching off is not counted.
//!
//! Must not know: how a case runs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::args::BenchArgs;
use super::{bench_sweep, screen};
use crate::engine::host::Host;
use crate::engine::pool::{Settings, cores};
use crate::engine::wire::{Job, Measured, Request};
use crate::engine::worker::{self, Worker};
use crate::engine::worlds::{Choice, World};
use crate::error::Stop;
use crate::exit::Exit;
use crate::profile::Profile;
use crate::world::sim::{Sim, Stacks};
use crate::world::{Directive, World as _};

/// A write error, its recovery, a kill, and a restart that loads.
const RUN: &str = "\
config appendonly yes
config appendfsync everysec
> SET a 1
inject write on=aof short=5 when=1
inject write on=aof error=ENOSPC when=2+
> SET b 2
> SET c 3
heal
advance 1s
> SET c 3
kill all
restart
> DBSIZE
";

/// An idle server for a while.
fn idle(seconds: u64) -> String {
    format!("config appendonly no\nconfig hz 100\n> PING\nadvance {seconds}s\nkill all\nrestart\n")
}

/// The short and the long wait, in seconds of the server's time.
const WAITS: [u64; 2] = [1, 11];

/// The mode.
pub fn main(args: &BenchArgs) -> Result<Exit, Stop> {
    let choice = Choice::of(&args.worlds)?;
    let mut exit = Exit::Expected;
    for absent in &choice.absent {
        screen::error(&format!("{}: not measured: {}", absent.label, absent.reason));
        if absent.wanted {
            exit = Exit::NotMeasured;
        }
    }
    let cpu = cores()[0];
    screen::line(&format!("one core (number {cpu}), {} s per measurement", args.seconds));
    let mut rates = Vec::new();
    for world in &choice.worlds {
        let mut bench = Bench { world, cpu, time: Duration::from_secs(args.seconds) };
        match bench.report() {
            Ok(rate) => {
                rates.push((world.label.as_str(), rate));
                if let Err(why) = bench_sweep::report(world, cpu, bench.time) {
                    screen::line(&format!("{:8}  sweeps not measured: {why}", world.label));
                    exit = Exit::NotMeasured;
                }
            }
            Err(why) => {
                screen::line(&format!("{:8}  not measured: {why}", world.label));
                exit = Exit::NotMeasured;
            }
        }
    }
    for (label, rate) in rates.iter().skip(1) {
        let (first, fastest) = rates[0];
        screen::line(&format!("{first} is {:.0} times as fast as {label}", fastest / rate));
    }
    Ok(exit)
}

/// Measurements in one world.
struct Bench<'a> {
    world: &'a World,
    cpu: usize,
    time: Duration,
}

impl Bench<'_> {
    /// Prints the lines of this world; returns runs per second.
    fn report(&mut self) -> Result<f64, String> {
        let run = self.measure(RUN)?;
        let seconds = run.nanos as f64 / 1e9;
        let rate = run.runs as f64 / seconds;
        screen::line(&format!(
            "{:8}  {rate:10.1} runs/s  {:8.1} µs per run  {:5.0} calls per run",
            self.world.label,
            1e6 / rate,
            run.calls as f64 / run.runs as f64,
        ));
        if !self.world.place.is_supervised() {
            let label = &self.world.label;
            let micros = self.start()?;
            screen::line(&format!("{label:8}  {micros:10.1} µs per start on an empty disk"));
        } else {
            let [short, long] = WAITS.map(idle);
            let (short, long) = (self.measure(&short)?, self.measure(&long)?);
            screen::line(&trapped(&self.world.label, &short, &long));
        }
        Ok(rate)
    }

    /// Microseconds that one start takes.
    fn start(&self) -> Result<f64, String> {
        let profile = Rc::new(Profile::named("sabot").expect("it is part of this program"));
        let stacks = Stacks::default();
        let directives = [Directive { name: "appendonly".into(), value: "yes".into() }];
        let (mut taken, mut starts) = (Duration::ZERO, 0_u32);
        let began = Instant::now();
        while began.elapsed() < self.time || starts == 0 {
            let before = Instant::now();
            let mut machine = Sim::new(profile.clone(), stacks.clone());
            machine.start(&directives).map_err(|broken| broken.to_string())?;
            taken += before.elapsed();
            starts += 1;
        }
        Ok(taken.as_secs_f64() * 1e6 / f64::from(starts))
    }

    /// Runs `text` for the time, in a process of its own where supervision takes one.
    fn measure(&mut self, text: &str) -> Result<Measured, String> {
        let job = Job {
            case: "bench".into(),
            source: "bench".into(),
            text: text.into(),
            world: self.world.label.clone(),
            place: self.world.place.clone(),
        };
        let measured = if job.place.is_supervised() {
            self.supervised(job)?
        } else {
            Host::without_machine().measure(&job, self.time)
        };
        match measured.problem {
            Some(problem) => Err(problem),
            None => Ok(measured),
        }
    }

    fn supervised(&self, job: Job) -> Result<Measured, String> {
        let patience = self.time + Duration::from_secs(20);
        let exe = Settings::of_this_binary(patience).map_err(|e| e.to_string())?.exe;
        let mut worker = Worker::start(&exe, self.cpu).map_err(|broken| broken.to_string())?;
        let nanos = u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX);
        let measured = worker
            .await_ready(patience)
            .and_then(|()| worker.ask(&Request::Measure { job, nanos }, patience))
            .and_then(worker::measured);
        worker.end();
        measured.map_err(|broken| broken.to_string())
    }
}

/// The line about trapped calls.
fn trapped(label: &str, short: &Measured, long: &Measured) -> String {
    let per_run = |of: &Measured, what: u64| what as f64 / of.runs as f64;
    let micros = (per_run(long, long.nanos) - per_run(short, short.nanos)) / 1000.0;
    let calls = per_run(long, long.trapped) - per_run(short, short.trapped);
    if calls < 1.0 {
        return format!("{label:8}  a trapped call: no more calls in a longer wait");
    }
    format!(
        "{label:8}  {:10.2} µs per trapped call ({calls:.0} more calls took {micros:.0} µs more)",
        micros / calls
    )
}
