//! Replaces base and increments by a new base: the parent's side (Redis: aof.c, "AOF background
//! rewrite").
//!
//! 1. Parent: flushes, opens a new increment, lists it in the manifest, has the old one synced and
//!    closed in the background, and forks. From here on it appends to the new increment.
//! 2. Child: writes the dataset as of the fork to `temp-rewriteaof-bg-PID.aof` ([`super::base`]).
//! 3. Parent: reaps the child, renames that file into the directory, and writes a manifest with it
//!    as the base, the old parts as history, and the new increment.
//! 4. Parent: deletes history in the background and takes it off the manifest.
//!
//! A rewrite may fail at any point without loss: the old base and all increments are complete.
//! While the AOF is being switched on there is nothing old, so commands go to a temporary
//! increment, which the manifest does not list before step 3.
//!
//! Must not know: who asked for it.

use super::super::state::{Core, State};
use super::super::storage::RewriteFailed;
use super::base::{RewriteChild, bg_name, temp_name};
use super::manifest_file::{NotPersisted, create_dir, path, persist};
use super::state::{MultiPart, size_of, temp_increment};
use crate::bio::Job;
use crate::child::{self, ChildOutcome};
use crate::clock;
use crate::env::{Env, Status};
use crate::keyspace::Keyspace;
use crate::log::Level;
use crate::os::{OFlag, Pid, Signal, WaitStatus, strerror};

/// A file that cannot be installed; the log says why.
struct NotInstalled;

impl MultiPart {
    /// Step 1 (Redis: `rewriteAppendOnlyFileBackground`).
    pub(super) fn start_child(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed> {
        let failed = |core: &mut Core| {
            core.last_bgrewrite_status = Status::Err;
            RewriteFailed
        };
        create_dir(env).map_err(|_| failed(core))?;
        // Forces a SELECT: the increment may be loaded after another one that ends elsewhere.
        core.selected_db = None;
        core.flush_append_only_file(env, true);
        self.open_new_increment(core, env).map_err(|_| failed(core))?;
        core.stat_rewrites += 1;
        let child = |config: &_, inherited| RewriteChild::new(config, inherited);
        let doing = "Can't rewrite append only file in background";
        let pid = env.redis_fork(keyspace, child, doing).ok_or_else(|| failed(core))?;
        env.notice(&format!("Background append only file rewriting started by pid {pid}"));
        env.children.aof = Some(pid);
        core.rewrite_scheduled = false;
        core.rewrite_time_start = clock::time(env.os);
        Ok(pid)
    }

    /// Opens the increment that is appended to from now on. On an error nothing has changed, except
    /// that a file may be left (Redis: `openNewIncrAofForAppend`).
    fn open_new_increment(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
    ) -> Result<(), NotPersisted> {
        let mut changed = self.manifest.clone();
        let name = match core.state {
            State::Off => return Ok(()),
            State::WaitRewrite => temp_increment(env),
            State::On => changed.new_increment(&env.config.appendfilename),
        };
        let flags = OFlag::O_WRONLY | OFlag::O_TRUNC | OFlag::O_CREAT;
        let fd = env.os.open(&path(env.config, &name), flags, 0o644).map_err(|errno| {
            let reason = strerror(errno);
            env.warning(&format!("Can't open the append-only file {name}: {reason}"));
            NotPersisted
        })?;
        if core.state == State::On
            && let Err(failed) = persist(env, &mut changed)
        {
            let _ = env.os.close(fd);
            return Err(failed);
        }
        env.notice(&format!("Creating AOF incr file {name} on background rewrite"));
        if let Some(old) = core.fd.replace(fd) {
            env.bio.create_background_job(env.os, Job::SyncAndClose(old));
            core.last_fsync = env.unixtime;
        }
        core.file_size = 0;
        core.fsync_offset = 0;
        self.manifest = changed;
        Ok(())
    }

    /// Steps 3 and 4, or the cleanup after a failure (Redis: `backgroundRewriteDoneHandler`).
    pub(super) fn child_done(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        pid: Pid,
        status: WaitStatus,
    ) {
        match ChildOutcome::of(status) {
            ChildOutcome::Success => {
                let start = clock::ustime(env.os);
                env.notice("Background AOF rewrite terminated with success");
                match self.install(core, env, pid) {
                    Ok(()) => self.finish(core, env, start),
                    Err(NotInstalled) => note_failure(core),
                }
            }
            ChildOutcome::Error => {
                note_failure(core);
                env.warning("Background AOF rewrite terminated with error");
            }
            ChildOutcome::Signal(signal) => {
                if signal != Signal::SIGUSR1 as i32 {
                    note_failure(core);
                }
                env.warning(&format!("Background AOF rewrite terminated by signal {signal}"));
            }
        }
        remove_temp_files(env, pid);
        if core.state == State::WaitRewrite {
            core.buf = Vec::new();
            let name = temp_increment(env);
            env.notice(&format!("Removing the temp incr aof file {name} in the background"));
            env.bio.bg_unlink(env.os, &path(env.config, &name));
        }
        env.children.aof = None;
        core.rewrite_time_last = clock::time(env.os) - core.rewrite_time_start;
        core.rewrite_time_start = -1;
        if core.state == State::WaitRewrite {
            core.rewrite_scheduled = true;
        }
    }

    /// Step 3: the new parts get their names, and the manifest lists them.
    fn install(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        pid: Pid,
    ) -> Result<(), NotInstalled> {
        let config = env.config;
        let mut changed = self.manifest.clone();
        let base = changed.new_base(&config.appendfilename, config.aof_use_rdb_preamble);
        let base_path = path(config, &base);
        let temp = bg_name(pid);
        rename(env, &temp, &base_path, ["base", &temp, &base])?;
        let mut increment = None;
        if core.state == State::WaitRewrite {
            let (temp, name) = (temp_increment(env), changed.new_increment(&config.appendfilename));
            let (from, to) = (path(config, &temp), path(config, &name));
            if let Err(failed) = rename(env, &from, &to, ["incr", &temp, &name]) {
                env.bio.bg_unlink(env.os, &base_path);
                return Err(failed);
            }
            increment = Some(to);
        }
        changed.mark_rewritten_as_history(core.fd.is_some());
        if persist(env, &mut changed).is_err() {
            env.bio.bg_unlink(env.os, &base_path);
            if let Some(increment) = increment {
                env.bio.bg_unlink(env.os, &increment);
            }
            return Err(NotInstalled);
        }
        self.manifest = changed;
        if core.state != State::Off {
            core.current_size = size_of(env, &base).unwrap_or(0) + core.file_size;
            core.rewrite_base_size = core.current_size;
        }
        Ok(())
    }

    /// Step 4.
    fn finish(&mut self, core: &mut Core, env: &mut Env<'_>, start: i64) {
        self.delete_history(env);
        core.last_bgrewrite_status = Status::Ok;
        core.stat_rewrites_consecutive_failures = 0;
        env.notice("Background AOF rewrite finished successfully");
        if core.state == State::WaitRewrite {
            core.state = State::On;
        }
        let took = (clock::ustime(env.os) - start).max(0);
        let line = format!("Background AOF rewrite signal handler took {took}us");
        env.log.line(env.os, Level::Verbose, &line);
    }

    /// Redis: `killAppendOnlyChild`.
    pub(super) fn kill(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid) {
        env.notice(&format!("Killing running AOF rewrite child: {pid}"));
        child::kill_and_wait(env.os, pid);
        remove_temp_files(env, pid);
        env.children.aof = None;
        env.children.close_info_pipe(env.os);
        core.rewrite_time_start = -1;
    }
}

fn note_failure(core: &mut Core) {
    core.last_bgrewrite_status = Status::Err;
    core.stat_rewrites_consecutive_failures += 1;
}

/// Gives a part its name: what it is, its name so far, and the new one are for the log.
fn rename(
    env: &mut Env<'_>,
    from: &str,
    to: &str,
    [what, temp, name]: [&str; 3],
) -> Result<(), NotInstalled> {
    let started = env.latency_start();
    if let Err(errno) = env.os.rename(from, to) {
        let reason = strerror(errno);
        env.warning(&format!(
            "Error trying to rename the temporary AOF {what} file {from} into {to}: {reason}"
        ));
        return Err(NotInstalled);
    }
    let latency = env.latency_end(started);
    env.latency_sample("aof-rename", latency);
    env.notice(&format!("Successfully renamed the temporary AOF {what} file {temp} into {name}"));
    Ok(())
}

/// Redis: `aofRemoveTempFile`.
fn remove_temp_files(env: &mut Env<'_>, pid: Pid) {
    env.bio.bg_unlink(env.os, &bg_name(pid));
    env.bio.bg_unlink(env.os, &temp_name(pid));
}
