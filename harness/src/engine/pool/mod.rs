//! The pool: one manager thread per core, each with a worker process of its own.
//!
//! Jobs of the world `sim` run on the manager's thread. The others go over a pipe to its worker,
//! which is started when it is first needed. Each kind of request has results of its own type
//! ([`Pending`]). Once the pool was stopped, nobody begins another script, also not the next one of
//! a batch, and nothing more is handed over: whoever waits for results gets [`Interrupted`].
//! Must not know: what a job is about.

mod manager;
mod pending;
pub mod times;
mod workers;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use super::entry;
use super::wire::{Batch, Cuts, Job, Survey};
use crate::runner::{Outcome, RunSummary};
use manager::Manager;
use pending::Slot;
pub use pending::{Interrupted, Pending};
use times::Times;
use workers::WorkerSet;

/// How workers are started and how long one run may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The binary `sabot`.
    pub exe: PathBuf,
    /// Real time that one supervised run may take.
    pub deadline: Duration,
    /// At most so many managers; there are never more than cores.
    pub jobs: usize,
    /// Where it is written how long each request took.
    pub times: Option<Arc<Times>>,
}

impl Settings {
    /// This very binary. Without a /proc nobody knows where that is; then no worker starts, and the
    /// world `sim` needs none.
    pub fn of_this_binary(deadline: Duration) -> Settings {
        let exe = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        Settings { exe, deadline, jobs: usize::MAX, times: None }
    }
}

/// The managers and a queue to them. Dropping it ends the workers.
pub struct Pool {
    orders: Option<Sender<Numbered>>,
    /// How many questions were asked.
    asked: AtomicUsize,
    managers: Vec<JoinHandle<()>>,
    workers: Arc<WorkerSet>,
}

/// A request with the number of the question that it is a part of.
type Numbered = (usize, Order);

/// One request, and where its result goes.
enum Order {
    Run(Job, Slot<Outcome>),
    Summarize(Batch, Slot<Vec<RunSummary>>),
    Survey(Cuts, Slot<Vec<Survey>>),
}

impl Pool {
    /// One manager for each core that this process may use.
    pub fn new(settings: &Settings) -> std::io::Result<Pool> {
        entry::keep();
        let (orders, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let workers = Arc::new(WorkerSet::default());
        let managers = cores().into_iter().take(settings.jobs).map(|cpu| {
            let manager = Manager::new(cpu, settings, &workers);
            let queue = Arc::clone(&queue);
            let name = format!("core-{cpu}");
            std::thread::Builder::new().name(name).spawn(move || manager.serve(&queue))
        });
        let managers: Vec<_> = managers.collect::<Result<_, _>>()?;
        settings.times.iter().for_each(|times| times.has_managers(managers.len()));
        Ok(Pool { orders: Some(orders), asked: AtomicUsize::new(0), managers, workers })
    }

    /// Runs one job and waits for its outcome.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn run(&self, job: Job) -> Result<Outcome, Interrupted> {
        let outcome = self.run_all([job]).next().unwrap_or(Err(Interrupted));
        outcome.map(|(_, outcome)| outcome)
    }

    /// Puts jobs in the queue: one outcome for each.
    pub fn run_all<'a>(
        &'a self,
        jobs: impl IntoIterator<Item = Job, IntoIter: 'a>,
    ) -> Pending<'a, Outcome> {
        self.order(jobs, Order::Run)
    }

    /// Puts batches in the queue: for each, one summary per script.
    pub fn summarize<'a>(
        &'a self,
        batches: impl IntoIterator<Item = Batch, IntoIter: 'a>,
    ) -> Pending<'a, Vec<RunSummary>> {
        self.order(batches, Order::Summarize)
    }

    /// Puts power cuts in the queue: for each, what every one of its calls may come to.
    pub fn survey<'a>(
        &'a self,
        cuts: impl IntoIterator<Item = Cuts, IntoIter: 'a>,
    ) -> Pending<'a, Vec<Survey>> {
        self.order(cuts, Order::Survey)
    }

    fn order<'a, R: 'a, T: 'a>(
        &'a self,
        requests: impl IntoIterator<Item = R, IntoIter: 'a>,
        order: fn(R, Slot<T>) -> Order,
    ) -> Pending<'a, T> {
        let question = self.asked.fetch_add(1, Relaxed);
        Pending::ordered(requests, &self.workers, move |request, slot| {
            if let Some(orders) = &self.orders {
                // Nobody takes orders only when all managers have failed; then the slot is dropped.
                let _ = orders.send((question, order(request, slot)));
            }
        })
    }

    /// Something that stops the pool: it ends all workers and lets no new one start.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let workers = Arc::clone(&self.workers);
        move || workers.stop()
    }

    /// Whether the pool was stopped.
    pub fn is_stopped(&self) -> bool {
        self.workers.is_stopped()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.orders = None;
        for manager in self.managers.drain(..) {
            let _ = manager.join();
        }
    }
}

/// The cores that this process may use, by number.
pub fn cores() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
    let cores: Vec<_> =
        (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect();
    if cores.is_empty() { vec![0] } else { cores }
}
