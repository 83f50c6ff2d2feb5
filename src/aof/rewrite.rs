//! Replaces the file by a shorter one that rebuilds the same dataset: the parent's side (Redis:
//! aof.c, "AOF background rewrite").
//!
//! 1. Parent: opens the three [`super::pipes`] and the child-info pipe, and forks.
//! 2. Child: writes the dataset as of the fork to `temp-rewriteaof-PID.aof`
//!    ([`super::rewrite_child`]). Parent: keeps serving. Each command goes to the old file *and* to
//!    the rewrite buffer, which is sent through the data pipe whenever that has room.
//! 3. Child: syncs, reads from the pipe for up to a second, and sends '!' to ask the parent to
//!    stop. Parent: stops sending and answers '!'. The rest stays in the buffer.
//! 4. Child: appends what it received, syncs, renames the file to `temp-rewriteaof-bg-PID.aof`,
//!    exits.
//! 5. Parent: reaps the child, appends the rest of the buffer to that file, and renames it to the
//!    real name. From here on a restart loads the new file.
//! 6. Parent: switches to the new file, syncs it by policy, and has the old one closed in the
//!    background, because freeing its blocks can take long.
//!
//! Until step 5 the old file is complete, so a rewrite may fail at any point without loss. In 6.0
//! the rename publishes the rest of the buffer *before* it is synced: a power cut in between can
//! lose writes that were durable in the old file.
//!
//! Must not know: who asked for it.

use super::pipes::Pipes;
use super::rewrite_child::{RewriteChild, bg_name, temp_name};
use super::state::{Aof, State, open_for_appending};
use crate::bio::{Bio, Job};
use crate::child::{self, ChildOutcome};
use crate::clock;
use crate::config::AppendFsync;
use crate::env::{Env, Status};
use crate::keyspace::Keyspace;
use crate::log::Level;
use crate::os::{Errno, Fd, OFlag, Os, Pid, Signal, WaitStatus, strerror};

/// No rewrite was started. The log says why, unless a child is already running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteFailed;

impl Aof {
    /// Starts a rewrite: steps 1 and 2 above (Redis: `rewriteAppendOnlyFileBackground`).
    ///
    /// On failure no child is running and no descriptor is left open; 6.0 does not change
    /// `last_bgrewrite_status`.
    pub fn rewrite_append_only_file_background(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed> {
        if env.children.any() {
            return Err(RewriteFailed);
        }
        let pipes = Pipes::create(env).ok_or(RewriteFailed)?;
        let child = |config: &_, inherited| RewriteChild::new(config, inherited, pipes.ends());
        let doing = "Can't rewrite append only file in background";
        let Some(pid) = env.redis_fork(keyspace, child, doing) else {
            pipes.close(env);
            return Err(RewriteFailed);
        };
        env.notice(&format!("Background append only file rewriting started by pid {pid}"));
        self.rewrite_scheduled = false;
        self.rewrite_time_start = clock::time(env.os);
        env.children.aof = Some(pid);
        self.pipes = Some(pipes);
        // The rewritten file may end in another database.
        self.selected_db = None;
        Ok(pid)
    }

    /// The child was reaped: steps 5 and 6 above, or the cleanup after a failure (Redis:
    /// `backgroundRewriteDoneHandler`).
    ///
    /// On return no descriptor or temporary file of the rewrite is left, and a new rewrite is
    /// scheduled if the AOF still waits for its first. If the parent cannot finish, the old file
    /// and `last_bgrewrite_status` stay as they were and the buffer is dropped.
    pub fn background_rewrite_done_handler(&mut self, env: &mut Env<'_>, status: WaitStatus) {
        let Some(pid) = env.children.aof else { return };
        match ChildOutcome::of(status) {
            ChildOutcome::Success => self.install_rewritten_file(env, pid),
            ChildOutcome::Error => {
                self.last_bgrewrite_status = Status::Err;
                env.warning("Background AOF rewrite terminated with error");
            }
            ChildOutcome::Signal(signal) => {
                if signal != Signal::SIGUSR1 as i32 {
                    self.last_bgrewrite_status = Status::Err;
                }
                let line = format!("Background AOF rewrite terminated by signal {signal}");
                env.warning(&line);
            }
        }
        self.close_pipes(env);
        self.rewrite_buffer.reset();
        remove_temp_files(env.os, env.bio, pid);
        env.children.aof = None;
        self.rewrite_time_last = clock::time(env.os) - self.rewrite_time_start;
        self.rewrite_time_start = -1;
        if self.state == State::WaitRewrite {
            self.rewrite_scheduled = true;
        }
    }

    fn install_rewritten_file(&mut self, env: &mut Env<'_>, pid: Pid) {
        let start = clock::ustime(env.os);
        env.notice("Background AOF rewrite terminated with success");
        let Some(new_fd) = self.append_residual_diff(env, pid) else { return };
        let target = &env.config.appendfilename;
        // While off, the old file is held open so that its blocks are freed in the background and
        // not by the rename.
        let mut old_fd = match self.fd {
            Some(_) => None,
            None => env.os.open(target, OFlag::O_RDONLY | OFlag::O_NONBLOCK, 0).ok(),
        };
        let temp = bg_name(pid);
        let started = env.latency_start();
        if let Err(errno) = env.os.rename(&temp, target) {
            let reason = strerror(errno);
            env.warning(&format!(
                "Error trying to rename the temporary AOF file {temp} into {target}: {reason}"
            ));
            let _ = env.os.close(new_fd);
            if let Some(fd) = old_fd {
                let _ = env.os.close(fd);
            }
            return;
        }
        let latency = env.latency_end(started);
        env.latency_sample("aof-rename", latency);
        if let Some(fd) = self.fd {
            old_fd = Some(fd);
            self.switch_to(env, new_fd);
        } else {
            let _ = env.os.close(new_fd);
        }
        self.last_bgrewrite_status = Status::Ok;
        env.notice("Background AOF rewrite finished successfully");
        if self.state == State::WaitRewrite {
            self.state = State::On;
        }
        if let Some(fd) = old_fd {
            env.bio.create_background_job(env.os, Job::CloseFile(fd));
        }
        let took = (clock::ustime(env.os) - start).max(0);
        let line = format!("Background AOF rewrite signal handler took {took}us");
        env.log.line(env.os, Level::Verbose, &line);
    }

    /// Opens the child's file and appends what the child was not sent. Logs errors.
    fn append_residual_diff(&mut self, env: &mut Env<'_>, pid: Pid) -> Option<Fd> {
        let started = env.latency_start();
        let fd = match env.os.open(&bg_name(pid), OFlag::O_WRONLY | OFlag::O_APPEND, 0) {
            Ok(fd) => fd,
            Err(errno) => {
                let reason = strerror(errno);
                env.warning(&format!(
                    "Unable to open the temporary AOF produced by the child: {reason}"
                ));
                return None;
            }
        };
        for block in self.rewrite_buffer.blocks() {
            if let Err(errno) = write_whole(env.os, fd, block) {
                let reason = strerror(errno);
                env.warning(&format!(
                    "Error trying to flush the parent diff to the rewritten AOF: {reason}"
                ));
                let _ = env.os.close(fd);
                return None;
            }
        }
        let latency = env.latency_end(started);
        env.latency_sample("aof-rewrite-diff-write", latency);
        let megabytes = self.rewrite_buffer.size() as f64 / (1024.0 * 1024.0);
        env.notice(&format!(
            "Residual parent diff successfully flushed to the rewritten AOF ({megabytes:.2} MB)"
        ));
        Some(fd)
    }

    /// Makes `fd` the current file. What is in `buf` is already in it, by way of the rewrite
    /// buffer.
    fn switch_to(&mut self, env: &mut Env<'_>, fd: Fd) {
        self.fd = Some(fd);
        match env.config.appendfsync {
            AppendFsync::Always => drop(env.os.fdatasync(fd)),
            AppendFsync::Everysec => self.background_fsync(env),
            AppendFsync::No => {}
        }
        self.selected_db = None;
        self.update_current_size(env);
        self.rewrite_base_size = self.current_size;
        self.fsync_offset = self.current_size;
        self.buf = Vec::new();
    }

    /// Kills the rewrite child, if there is one, waits for it, and removes its files (Redis:
    /// `killAppendOnlyChild`).
    pub fn kill_append_only_child(&mut self, env: &mut Env<'_>) {
        let Some(pid) = env.children.aof else { return };
        env.notice(&format!("Killing running AOF rewrite child: {pid}"));
        child::kill_and_wait(env.os, pid);
        self.rewrite_buffer.reset();
        remove_temp_files(env.os, env.bio, pid);
        env.children.aof = None;
        self.rewrite_time_start = -1;
        self.close_pipes(env);
        env.children.close_info_pipe(env.os);
    }

    /// `appendonly` changes from `no` to `yes` at run time (Redis: `startAppendOnly`).
    ///
    /// On success the file is open and a rewrite has started, or will start when the running
    /// snapshot is done. Nothing is appended until that rewrite finishes, so writes acknowledged
    /// until then survive only if it does.
    pub fn start_append_only(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        let fd = match open_for_appending(env) {
            Ok(fd) => fd,
            Err(errno) => {
                let dir = env.os.getcwd().unwrap_or_else(|_| "unknown".to_string());
                let (name, reason) = (&env.config.appendfilename, strerror(errno));
                env.warning(&format!(
                    "Redis needs to enable the AOF but can't open the append only file {name} (in \
                     server root dir {dir}): {reason}"
                ));
                return Err(RewriteFailed);
            }
        };
        if let Err(failed) = self.start_first_rewrite(env, keyspace) {
            let _ = env.os.close(fd);
            env.warning(
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite \
                 operation. Check the above logs for more info about the error.",
            );
            return Err(failed);
        }
        self.state = State::WaitRewrite;
        self.last_fsync = env.unixtime;
        self.fd = Some(fd);
        Ok(())
    }

    /// Starts the first rewrite, or schedules it while a snapshot is being saved. A rewrite that is
    /// already running cannot be used, because commands executed since its fork were not collected.
    fn start_first_rewrite(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        if env.children.rdb.is_some() {
            self.rewrite_scheduled = true;
            env.warning(
                "AOF was enabled but there is already another background operation. An AOF \
                 background was scheduled to start when possible.",
            );
            return Ok(());
        }
        if env.children.aof.is_some() {
            env.warning(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping \
                 background AOF and starting a rewrite now.",
            );
            self.kill_append_only_child(env);
        }
        self.rewrite_append_only_file_background(env, keyspace).map(drop)
    }

    /// `appendonly` changes from `yes` to `no` at run time (Redis: `stopAppendOnly`).
    ///
    /// On return everything so far was flushed, fdatasync was called, the file is closed, and no
    /// rewrite is running.
    pub fn stop_append_only(&mut self, env: &mut Env<'_>) {
        self.flush_append_only_file(env, true);
        let _ = env.os.fdatasync(self.raw_fd());
        let _ = env.os.close(self.raw_fd());
        self.fd = None;
        self.selected_db = None;
        self.state = State::Off;
        self.rewrite_scheduled = false;
        self.kill_append_only_child(env);
    }

    fn close_pipes(&mut self, env: &mut Env<'_>) {
        if let Some(pipes) = self.pipes.take() {
            pipes.close(env);
        }
    }
}

/// One write(2) that must take the whole block: a short count is an error here, though without an
/// errno of its own (Redis: `aofRewriteBufferWrite`).
fn write_whole(os: &mut dyn Os, fd: Fd, block: &[u8]) -> Result<(), Errno> {
    match os.write(fd, block)? {
        count if count == block.len() => Ok(()),
        0 => Err(Errno::EIO),
        _ => Err(Errno::from_raw(0)),
    }
}

/// Redis: `aofRemoveTempFile`.
fn remove_temp_files(os: &mut dyn Os, bio: &Bio, pid: Pid) {
    bio.bg_unlink(os, &bg_name(pid));
    bio.bg_unlink(os, &temp_name(pid));
}
