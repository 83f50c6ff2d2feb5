//! Background saves: a child writes the snapshot (Redis: `rdbSaveBackground`,
//! `backgroundSaveDoneHandler`, rdb.c).
//!
//! 1. Parent: opens the child-info pipe and forks. It keeps serving; pages that it changes from now
//!    on are copied.
//! 2. Child: writes the file and renames it ([`super::save`]), reports its copy-on-write memory,
//!    exits with 0; or with 1 if it failed.
//! 3. Parent: reaps the child. Changes since the fork still count as unsaved.
//!
//! The file is renamed before the parent is told. If the child is killed in between, the snapshot
//! exists but the parent counts it as failed; the reverse cannot happen.
//! Must not know: who asked for it.

use super::save::{Reached, SaveFailed, SaveOptions, rdb_remove_temp_file, rdb_save};
use super::state::Rdb;
use crate::child::ChildOutcome;
use crate::child_info::ProcessType;
use crate::clock;
use crate::env::{Env, Inherited, Status};
use crate::generation::KilledSave;
use crate::keyspace::Keyspace;
use crate::os::{ForkChild, Os, Pid, Signal, WaitStatus};

/// What the child inherits from its parent.
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
        let mut reporter = self.inherited.reporter(ProcessType::Rdb);
        let mut after_key = |os: &mut dyn Os, reached| {
            if matches!(reached, Reached::Key(_)) && reporter.after_key(os).is_err() {
                os.exit(1);
            }
        };
        if rdb_save(os, log, keyspace, &self.options, &mut after_key).is_err() {
            return 1;
        }
        i32::from(reporter.done(os).is_err())
    }
}

impl Rdb {
    /// Starts a background save: step 1 above (Redis: `rdbSaveBackground`).
    ///
    /// If the fork fails, the save counts as failed, and writes are refused until one succeeds.
    pub fn save_background(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, SaveFailed> {
        if env.children.any() {
            return Err(SaveFailed);
        }
        self.stat_saves += 1;
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
    /// A child killed by SIGUSR1 does not change the status.
    pub fn background_save_done_handler(&mut self, env: &mut Env<'_>, status: WaitStatus) {
        let Some(pid) = env.children.rdb else { return };
        match ChildOutcome::of(status) {
            ChildOutcome::Success => {
                env.notice("Background saving terminated with success");
                self.dirty -= self.dirty_before_bgsave;
                self.lastsave = clock::time(env.os);
                self.lastbgsave_status = Status::Ok;
            }
            ChildOutcome::Error => {
                env.warning("Background saving error");
                self.lastbgsave_status = Status::Err;
            }
            ChildOutcome::Signal(signal) => {
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

    /// Sends SIGUSR1 to the child, which is reaped later as usual (Redis: `killRDBChild`). A child
    /// that has already renamed its file has saved all the same.
    pub fn kill_rdb_child(&mut self, env: &mut Env<'_>) {
        let Some(pid) = env.children.rdb else { return };
        let _ = env.os.kill(pid, Signal::SIGUSR1);
        match env.config.generation.killed_save {
            KilledSave::AtOnce => {
                rdb_remove_temp_file(env.os, env.bio, pid);
                env.children.close_info_pipe(env.os);
            }
            KilledSave::WhenReaped => {}
        }
    }

    /// The same before a shutdown, after which nobody reaps the child.
    pub fn kill_rdb_child_for_good(&mut self, env: &mut Env<'_>) {
        self.kill_rdb_child(env);
        let killed_save = env.config.generation.killed_save;
        if let (Some(pid), KilledSave::WhenReaped) = (env.children.rdb, killed_save) {
            rdb_remove_temp_file(env.os, env.bio, pid);
        }
    }
}
