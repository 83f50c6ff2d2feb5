//! Runs per second on one core, and what one trapped system call costs.
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
//! and the little that the server does in between. Starting, linking and loading cancel out. Beside
//! it stands what a trapped call costs at the least: no decision, and a caller that does nothing.
//!
//! **One start.** In the simulation, a machine with an empty disk is switched on and the server
//! started on it until it waits for clients; switching off is not counted.
//!
//! Must not know: how a case runs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::engine::host::Host;
use crate::engine::pool::Settings;
pub use crate::engine::wire::Measured;
use crate::engine::wire::{Job, Request};
use crate::engine::worker::{self, Worker};
use crate::engine::worlds::World;
use crate::profile::Profile;
use crate::world::sim::{Sim, Stacks};
use crate::world::supervised::floor;
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

/// It does not get more exact in a longer time.
const LONGEST_FLOOR: Duration = Duration::from_secs(3);

/// Measurements in one world on one core, each for so long.
pub struct Bench<'a> {
    pub world: &'a World,
    pub cpu: usize,
    pub time: Duration,
}

impl Bench<'_> {
    /// The case as a whole, again and again.
    pub fn runs(&self) -> Result<Measured, String> {
        self.measure(RUN)
    }

    /// The short and the long wait, behind the supervised door.
    pub fn waits(&self) -> Result<[Measured; 2], String> {
        let [short, long] = WAITS.map(idle);
        Ok([self.measure(&short)?, self.measure(&long)?])
    }

    /// Microseconds that a trapped call costs at the least.
    pub fn floor(&self) -> Result<f64, String> {
        floor::micros_per_call(self.cpu, self.time.min(LONGEST_FLOOR))
    }

    /// Microseconds that one start in the simulation takes.
    pub fn start(&self) -> Result<f64, String> {
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
    fn measure(&self, text: &str) -> Result<Measured, String> {
        let job = Job {
            case: "bench".into(),
            source: "bench".into(),
            text: text.into(),
            head: 0,
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
        let exe = Settings::of_this_binary(patience).exe;
        let mut worker = Worker::start(&exe, self.cpu).map_err(|broken| broken.to_string())?;
        let nanos = u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX);
        let measured = worker
            .await_ready(patience)
            .and_then(|()| worker.ask(&Request::Measure { job, nanos }, patience))
            .and_then(worker::measured);
        worker.kill();
        measured.map_err(|broken| broken.to_string())
    }
}
