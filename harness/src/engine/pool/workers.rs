//! The living workers of a pool, so that a stop reaches each of them.
//!
//! Must not know: what a worker is asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine::worker::Worker;
use crate::world::Broken;

#[derive(Debug, Default)]
pub(super) struct WorkerSet {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    living: BTreeSet<i32>,
}

impl WorkerSet {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker on this core, unless the pool was stopped.
    pub fn start(&self, exe: &Path, cpu: usize) -> Result<Worker, Broken> {
        // Under the lock, so that a stop meets either a listed worker or none at all.
        let mut state = self.lock();
        if state.stopped {
            return Err(Broken::Harness("interrupted".into()));
        }
        let worker = Worker::start(exe, cpu)?;
        state.living.insert(worker.pid());
        Ok(worker)
    }

    /// Takes a worker off the list; it must not have been waited for yet.
    pub fn remove(&self, worker: &Worker) {
        self.lock().living.remove(&worker.pid());
    }

    /// Kills all workers and lets no new one start.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for pid in &state.living {
            // Listed ones have not been waited for, so the number is still theirs.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }
}
