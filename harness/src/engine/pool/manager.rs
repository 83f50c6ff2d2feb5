//! The manager of one core: takes orders from the queue and carries them out, on its own thread
//! for `sim`, else by its worker.
//!
//! A worker that dies or stays silent past the deadline is killed, and its machine with it: the
//! init of each machine carries a parent-death signal, and everything on it dies with the init. The
//! run then counts as `harness-broken` or `not-measured`, and the next job gets a new worker.
//! Workers are children of the manager's *thread*, because parent-death signals are per thread.
//! Must not know: what a job is about.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::pending::Slot;
use super::workers::WorkerSet;
use super::{Numbered, Order, Settings};
use crate::engine::host::{self, Host};
use crate::engine::wire::{Batch, Cuts, Job, Reply, Request, Survey};
use crate::engine::worker::{self, Worker};
use crate::runner::{Outcome, RunSummary};
use crate::world::Broken;

pub(super) struct Manager {
    cpu: usize,
    settings: Settings,
    workers: Arc<WorkerSet>,
    worker: Option<Worker>,
}

impl Manager {
    pub fn new(cpu: usize, settings: &Settings, workers: &Arc<WorkerSet>) -> Manager {
        let (settings, workers) = (settings.clone(), Arc::clone(workers));
        Manager { cpu, settings, workers, worker: None }
    }

    /// Carries out orders until nobody can give any more. After a stop they are dropped.
    pub fn serve(mut self, queue: &Mutex<Receiver<Numbered>>) {
        let mut host = Host::without_machine();
        loop {
            // The lock is held while waiting: whoever holds it is the next to get an order.
            let order = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((question, order)) = order else { break };
            if self.workers.is_stopped() {
                continue;
            }
            let began = Instant::now();
            match order {
                Order::Run(job, slot) => {
                    let outcome = self.run(&mut host, job);
                    self.hand_over(outcome, slot);
                }
                Order::Summarize(batch, slot) => {
                    let summaries = self.summarize(&mut host, batch);
                    self.hand_over(summaries, slot);
                }
                Order::Survey(cuts, slot) => {
                    let surveys = self.survey(&mut host, cuts);
                    self.hand_over(surveys, slot);
                }
            }
            let times = self.settings.times.iter();
            times.for_each(|times| times.note(question, began));
        }
        self.stop_worker(Worker::retire);
    }

    fn hand_over<T>(&self, result: T, slot: Slot<T>) {
        if !self.workers.is_stopped() {
            slot.fill(result);
        }
    }

    fn run(&mut self, host: &mut Host, job: Job) -> Outcome {
        if !job.place.is_supervised() {
            return host.run_guarded(&job);
        }
        let asked = self.ask(&Request::Run(job.clone())).and_then(worker::outcome);
        asked.unwrap_or_else(|failure| host::broken(&job, failure))
    }

    fn summarize(&mut self, host: &mut Host, batch: Batch) -> Vec<RunSummary> {
        if !batch.place.is_supervised() {
            return host.summaries(&batch, &|| self.workers.is_stopped());
        }
        let Batch { place, scripts, collect, computes } = batch;
        let one = |script| Batch { place: place.clone(), scripts: vec![script], collect, computes };
        let requests = scripts.into_iter().map(one).map(Request::Summarize);
        self.ask_each(requests, worker::summaries, host::broken_summary)
    }

    fn survey(&mut self, host: &mut Host, cuts: Cuts) -> Vec<Survey> {
        if !cuts.place.is_supervised() {
            return host.surveys(&cuts, &|| self.workers.is_stopped());
        }
        let Cuts { place, points, budget, computes } = cuts;
        let one = |point| Cuts { place: place.clone(), points: vec![point], budget, computes };
        let requests = points.into_iter().map(one).map(Request::Survey);
        self.ask_each(requests, worker::surveys, |failure| Err(host::broken_summary(failure)))
    }

    /// A worker that fails has done so in one of the requests, so each goes by itself.
    fn ask_each<T>(
        &mut self,
        requests: impl Iterator<Item = Request>,
        read: fn(Reply) -> Result<Vec<T>, Broken>,
        failed: fn(Broken) -> T,
    ) -> Vec<T> {
        let answers = requests.map(|request| match self.ask(&request).and_then(read) {
            Ok(answers) => answers,
            Err(failure) => vec![failed(failure)],
        });
        answers.flatten().collect()
    }

    /// Asks the worker, which is gone if it fails.
    fn ask(&mut self, request: &Request) -> Result<Reply, Broken> {
        self.start_worker()?;
        let worker = self.worker.as_mut().expect("one was just started");
        let reply = worker.ask(request, self.settings.deadline);
        if reply.is_err() {
            self.stop_worker(Worker::kill);
        }
        reply
    }

    /// Starts a worker if there is none.
    fn start_worker(&mut self) -> Result<(), Broken> {
        if self.worker.is_some() {
            return Ok(());
        }
        let mut worker = self.workers.start(&self.settings.exe, self.cpu)?;
        let ready = worker.await_ready(self.settings.deadline);
        self.worker = Some(worker);
        ready.inspect_err(|_| self.stop_worker(Worker::kill))
    }

    fn stop_worker(&mut self, way: fn(Worker)) {
        if let Some(worker) = self.worker.take() {
            self.workers.remove(&worker);
            way(worker);
        }
    }
}
