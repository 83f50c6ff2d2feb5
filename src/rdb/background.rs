//! Having a child write the snapshot (Redis: `rdbSaveBackground`, `backgroundSaveDoneHandler`).
//!
//! 1. Parent: opens the child-info pipe and forks. It goes on serving; what it changes from now on
//!    is copied page by page, which is the price of a consistent snapshot.
//! 2. Child: writes the file and puts it in its place ([`super::save`]), reports what copy-on-write
//!    has cost, exits with 0; with 1 if it could not.
//! 3. Parent: reaps it. Changes since the fork go on counting as unsaved.
//!
//! The file is in its place before the parent learns of it: a child that is killed in between has
//! saved, and its parent thinks that it has not. The other way round cannot happen.
//! Must not know: who asked for it.

use super::save::{SaveFailed, SaveOptions, rdb_remove_temp_file, rdb_save};
use super::state::Rdb;
use crate::child::Outcome;
use crate::child_info::ProcessType;
use crate::clock;
use crate::env::{Env, Inherited, Status};
use crate::keyspace::Keyspace;
use crate::os::{ForkChild, Os, Pid, Signal, WaitStatus};

/// What the child takes with it from its parent.
struct SaveChild<'a> {
    inherited: Inherited<'a>,
    options: SaveOptions,
}

impl ForkChild for SaveChild<'_> {
    fn copy(&self) -> Box<dyn ForkChild> {
        Box::new(SaveChild { inherited: self.inherited.copy(), options: self.options.clone() })
    }

    fn run(&self, os: &mut dyn Os) -> i32 {
        let Inherited { keyspace, log, .. } = &self.inherited;
        self.inherited.begin(os);
        if rdb_save(os, log, keyspace, &self.options, &mut |_, _| {}).is_err() {
            return 1;
        }
        self.inherited.report(os, ProcessType::Rdb, "RDB");
        0
    }
}

impl Rdb {
    /// Starts a background save: step 1 above (Redis: `rdbSaveBackground`).
    ///
    /// When the fork fails, the save counts as failed, and writes are refused until one succeeds.
    pub fn save_background(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, SaveFailed> {
        if env.children.any() {
            return Err(SaveFailed);
        }
        self.dirty_before_bgsave = self.dirty;
        self.lastbgsave_try = clock::time(env.os);
        let child =
            |config: &_, inherited| SaveChild { inherited, options: SaveOptions::new(config) };
        let Some(pid) = env.redis_fork(keyspace, child, "Can't save in background") else {
            self.lastbgsave_status = Status::Err;
            return Err(SaveFailed);
        };
        env.notice(&format!("Background saving started by pid {pid}"));
        self.save_time_start = clock::time(env.os);
        env.children.rdb = Some(pid);
        Ok(pid)
    }

    /// The child was reaped: step 3 above (Redis: `backgroundSaveDoneHandlerDisk`).
    ///
    /// A child that SIGUSR1 told to stop leaves the status as it was.
    pub fn background_save_done_handler(&mut self, env: &mut Env<'_>, status: WaitStatus) {
        let Some(pid) = env.children.rdb else { return };
        match Outcome::of(status) {
            Outcome::Success => {
                env.notice("Background saving terminated with success");
                self.dirty -= self.dirty_before_bgsave;
                self.lastsave = clock::time(env.os);
                self.lastbgsave_status = Status::Ok;
            }
            Outcome::Error => {
                env.warning("Background saving error");
                self.lastbgsave_status = Status::Err;
            }
            Outcome::Signal(signal) => {
                env.warning(&format!("Background saving terminated by signal {signal}"));
                let started = env.latency_start();
                rdb_remove_temp_file(env.os, env.bio, pid);
                let latency = env.latency_end(started);
                env.latency_sample("rdb-unlink-temp-file", latency);
                if signal != Signal::SIGUSR1 as i32 {
                    self.lastbgsave_status = Status::Err;
                }
            }
        }
        env.children.rdb = None;
        self.save_time_last = clock::time(env.os) - self.save_time_start;
        self.save_time_start = -1;
    }

    /// Tells the child to stop and removes its file at once; it is reaped later, as any child that
    /// ends (Redis: `killRDBChild`). A child that was just about to rename has saved all the same.
    pub fn kill_rdb_child(&mut self, env: &mut Env<'_>) {
        let Some(pid) = env.children.rdb else { return };
        let _ = env.os.kill(pid, Signal::SIGUSR1);
        rdb_remove_temp_file(env.os, env.bio, pid);
        env.children.close_info_pipe(env.os);
    }
}
