//! The fleet: one manager thread per core, each with a worker process of its own.
//!
//! Jobs of the world `sim` run on the manager's thread. The others go over a pipe to its worker,
//! which is started when it is first needed. A worker that dies or stays silent past the deadline
//! is killed, and its machine with it: the init of each machine carries a parent-death signal, and
//! everything on it dies with the init. The run then counts as `harness-broken` or `hung`, and the
//! next job gets a new worker. Once stopped, nobody begins another script, also not the next one of
//! a batch, and nothing more is handed over. Workers are children of the manager's *thread*,
//! because parent-death signals are per thread. Must not know: what a job is about.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::entry;
use super::host::{self, Host};
use super::wire::{Batch, Cuts, Job, Reply, Request, Survey};
use super::worker::Worker;
use crate::runner::{Outcome, RunSummary};
use crate::world::Broken;

/// How workers are started and how long one run may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The binary `sabot`.
    pub exe: PathBuf,
    pub deadline: Duration,
    /// At most so many managers; there are never more than cores.
    pub jobs: usize,
}

impl Settings {
    /// This very binary.
    pub fn of_this_binary(deadline: Duration) -> std::io::Result<Settings> {
        Ok(Settings { exe: std::env::current_exe()?, deadline, jobs: usize::MAX })
    }
}

/// The managers and a queue to them. Dropping it ends the workers.
pub struct Fleet {
    orders: Option<Sender<Order>>,
    managers: Vec<JoinHandle<()>>,
    roster: Arc<Roster>,
}

enum Order {
    Run { job: Job, then: Box<dyn FnOnce(Outcome) + Send> },
    Summaries { batch: Batch, then: Box<dyn FnOnce(Vec<RunSummary>) + Send> },
    Cut { cuts: Cuts, then: Box<dyn FnOnce(Vec<Survey>) + Send> },
}

impl Fleet {
    /// One manager for each core that this process may use.
    pub fn new(settings: &Settings) -> std::io::Result<Fleet> {
        entry::keep();
        let (orders, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let roster = Arc::new(Roster::default());
        let managers = cores().into_iter().take(settings.jobs).map(|cpu| {
            let manager = Manager {
                cpu,
                settings: settings.clone(),
                roster: Arc::clone(&roster),
                worker: None,
            };
            let queue = Arc::clone(&queue);
            let name = format!("core-{cpu}");
            std::thread::Builder::new().name(name).spawn(move || manager.serve(&queue))
        });
        let managers = managers.collect::<Result<_, _>>()?;
        Ok(Fleet { orders: Some(orders), managers, roster })
    }

    /// Puts a job in the queue; `then` gets its outcome, on a manager's thread.
    pub fn submit(&self, job: Job, then: impl FnOnce(Outcome) + Send + 'static) {
        self.order(Order::Run { job, then: Box::new(then) });
    }

    /// Puts a batch in the queue; `then` gets one verdict for each script.
    pub fn brief(&self, batch: Batch, then: impl FnOnce(Vec<RunSummary>) + Send + 'static) {
        self.order(Order::Summaries { batch, then: Box::new(then) });
    }

    /// Puts power cuts in the queue; `then` gets what each call may come to.
    pub fn cut(&self, cuts: Cuts, then: impl FnOnce(Vec<Survey>) + Send + 'static) {
        self.order(Order::Cut { cuts, then: Box::new(then) });
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // Nobody takes orders any more only after an interrupt, and then nobody waits for
            // outcomes.
            let _ = orders.send(order);
        }
    }

    /// Runs one job and waits for its outcome; None after an interrupt.
    pub fn run(&self, job: Job) -> Option<Outcome> {
        let (sender, receiver) = channel();
        self.submit(job, move |outcome| {
            let _ = sender.send(outcome);
        });
        receiver.recv().ok()
    }

    /// Something that ends all workers and lets no new one start.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let roster = Arc::clone(&self.roster);
        move || roster.stop()
    }
}

impl Drop for Fleet {
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

/// The living workers.
#[derive(Default)]
struct Roster {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stopped: bool,
    living: BTreeSet<i32>,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for pid in &state.living {
            // Listed ones have not been waited for, so the number is still theirs.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
    }

    fn is_stopped(&self) -> bool {
        self.lock().stopped
    }
}

/// One core's thread.
struct Manager {
    cpu: usize,
    settings: Settings,
    roster: Arc<Roster>,
    worker: Option<Worker>,
}

impl Manager {
    fn serve(mut self, queue: &Mutex<Receiver<Order>>) {
        let mut host = Host::without_machine();
        loop {
            // The lock is held while waiting: whoever holds it is the next to get an order.
            let order = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(order) = order else { break };
            if self.roster.is_stopped() {
                continue;
            }
            match order {
                Order::Run { job, then } => {
                    let outcome = self.execute(&mut host, job);
                    if !self.roster.is_stopped() {
                        then(outcome);
                    }
                }
                Order::Summaries { batch, then } => {
                    let briefs = self.execute_batch(&mut host, batch);
                    if !self.roster.is_stopped() {
                        then(briefs);
                    }
                }
                Order::Cut { cuts, then } => {
                    let surveys = self.execute_cuts(&mut host, cuts);
                    if !self.roster.is_stopped() {
                        then(surveys);
                    }
                }
            }
        }
        self.part_with(Worker::retire);
    }

    /// A worker that fails has done so in one of the scripts, so each goes by itself.
    fn execute_batch(&mut self, host: &mut Host, batch: Batch) -> Vec<RunSummary> {
        if !batch.place.is_supervised() {
            return host.briefs(&batch, &|| self.roster.is_stopped());
        }
        let Batch { place, scripts, collect } = batch;
        let mut briefs = Vec::with_capacity(scripts.len());
        for script in scripts {
            let one = Batch { place: place.clone(), scripts: vec![script], collect };
            let asked = self.ask(&Request::Summaries(one)).and_then(super::worker::briefs);
            match asked {
                Ok(more) => briefs.extend(more),
                Err(failure) => briefs.push(host::broken_brief(failure)),
            }
        }
        briefs
    }

    fn execute_cuts(&mut self, host: &mut Host, cuts: Cuts) -> Vec<Survey> {
        if !cuts.place.is_supervised() {
            return host.surveys(&cuts, &|| self.roster.is_stopped());
        }
        let Cuts { place, points, budget } = cuts;
        let mut surveys = Vec::with_capacity(points.len());
        for point in points {
            let one = Cuts { place: place.clone(), points: vec![point], budget };
            let asked = self.ask(&Request::Cut(one)).and_then(super::worker::surveys);
            match asked {
                Ok(more) => surveys.extend(more),
                Err(failure) => surveys.push(Err(host::broken_brief(failure))),
            }
        }
        surveys
    }

    /// Asks the worker, which is gone if it fails.
    fn ask(&mut self, request: &Request) -> Result<Reply, Broken> {
        self.hire()?;
        let worker = self.worker.as_mut().expect("one was just hired");
        let reply = worker.ask(request, self.settings.deadline);
        if reply.is_err() {
            self.dismiss();
        }
        reply
    }

    fn execute(&mut self, host: &mut Host, job: Job) -> Outcome {
        if !job.place.is_supervised() {
            return host.run_guarded(&job);
        }
        let asked = self.ask(&Request::Run(job.clone())).and_then(super::worker::outcome);
        asked.unwrap_or_else(|failure| host::broken(&job, failure))
    }

    /// Starts a worker if there is none.
    fn hire(&mut self) -> Result<(), Broken> {
        if self.worker.is_some() {
            return Ok(());
        }
        let mut worker = {
            // Under the lock, so that a stop meets either a listed worker or none at all.
            let mut state = self.roster.lock();
            if state.stopped {
                return Err(Broken::Harness("interrupted".into()));
            }
            let worker = Worker::start(&self.settings.exe, self.cpu)?;
            state.living.insert(worker.pid());
            worker
        };
        let ready = worker.await_ready(self.settings.deadline);
        self.worker = Some(worker);
        ready.inspect_err(|_| self.dismiss())
    }

    /// Ends the worker and everything in it.
    fn dismiss(&mut self) {
        self.part_with(Worker::end);
    }

    fn part_with(&mut self, way: fn(Worker)) {
        if let Some(worker) = self.worker.take() {
            let pid = worker.pid();
            let mut state = self.roster.lock();
            state.living.remove(&pid);
            drop(state);
            way(worker);
        }
    }
}
