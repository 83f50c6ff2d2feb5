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

use super::super::state::{Core, State};
use super::super::storage::RewriteFailed;
use super::pipes::Pipes;
use super::rewrite_child::{RewriteChild, bg_name, temp_name};
use super::state::{SingleFile, update_current_size};
use crate::bio::{Bio, Job};
use crate::child::{self, ChildOutcome};
use crate::clock;
use crate::config::AppendFsync;
use crate::env::{Env, Status};
use crate::keyspace::Keyspace;
use crate::log::Level;
use crate::os::{Errno, Fd, OFlag, Os, Pid, Signal, WaitStatus, strerror};

impl SingleFile {
    /// Starts a rewrite: steps 1 and 2 above (Redis: `rewriteAppendOnlyFileBackground`).
    ///
    /// On failure no child is running and no descriptor is left open; 6.0 does not change
    /// `last_bgrewrite_status`.
    pub(super) fn start_child(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed> {
        let pipes = Pipes::create(env).ok_or(RewriteFailed)?;
        let child = |config: &_, inherited| RewriteChild::new(config, inherited, pipes.ends());
        let doing = "Can't rewrite append only file in background";
        let Some(pid) = env.redis_fork(keyspace, child, doing) else {
            pipes.close(env);
            return Err(RewriteFailed);
        };
        env.notice(&format!("Background append only file rewriting started by pid {pid}"));
        core.rewrite_scheduled = false;
        core.rewrite_time_start = clock::time(env.os);
        env.children.aof = Some(pid);
        self.pipes = Some(pipes);
        // The rewritten file may end in another database.
        core.selected_db = None;
        Ok(pid)
    }

    /// The child was reaped: steps 5 and 6 above, or the cleanup after a failure (Redis:
    /// `backgroundRewriteDoneHandler`).
    ///
    /// On return no descriptor or temporary file of the rewrite is left, and a new rewrite is
    /// scheduled if the AOF still waits for its first. If the parent cannot finish, the old file
    /// and `last_bgrewrite_status` stay as they were and the buffer is dropped.
    pub(super) fn child_done(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        pid: Pid,
        status: WaitStatus,
    ) {
        match ChildOutcome::of(status) {
            ChildOutcome::Success => self.install_rewritten_file(core, env, pid),
            ChildOutcome::Error => {
                core.last_bgrewrite_status = Status::Err;
                env.warning("Background AOF rewrite terminated with error");
            }
            ChildOutcome::Signal(signal) => {
                if signal != Signal::SIGUSR1 as i32 {
                    core.last_bgrewrite_status = Status::Err;
                }
                let line = format!("Background AOF rewrite terminated by signal {signal}");
                env.warning(&line);
            }
        }
        self.close_pipes(env);
        self.rewrite_buffer.reset();
        remove_temp_files(env.os, env.bio, pid);
        env.children.aof = None;
        core.rewrite_time_last = clock::time(env.os) - core.rewrite_time_start;
        core.rewrite_time_start = -1;
        if core.state == State::WaitRewrite {
            core.rewrite_scheduled = true;
        }
    }

    fn install_rewritten_file(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid) {
        let start = clock::ustime(env.os);
        env.notice("Background AOF rewrite terminated with success");
        let Some(new_fd) = self.append_residual_diff(env, pid) else { return };
        let target = &env.config.appendfilename;
        // While off, the old file is held open so that its blocks are freed in the background and
        // not by the rename.
        let mut old_fd = match core.fd {
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
        if let Some(fd) = core.fd {
            old_fd = Some(fd);
            switch_to(core, env, new_fd);
        } else {
            let _ = env.os.close(new_fd);
        }
        core.last_bgrewrite_status = Status::Ok;
        env.notice("Background AOF rewrite finished successfully");
        if core.state == State::WaitRewrite {
            core.state = State::On;
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

    /// Kills the rewrite child, if there is one, waits for it, and removes its files (Redis:
    /// `killAppendOnlyChild`).
    pub(super) fn kill(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid) {
        env.notice(&format!("Killing running AOF rewrite child: {pid}"));
        child::kill_and_wait(env.os, pid);
        self.rewrite_buffer.reset();
        remove_temp_files(env.os, env.bio, pid);
        env.children.aof = None;
        core.rewrite_time_start = -1;
        self.close_pipes(env);
        env.children.close_info_pipe(env.os);
    }

    fn close_pipes(&mut self, env: &mut Env<'_>) {
        if let Some(pipes) = self.pipes.take() {
            pipes.close(env);
        }
    }
}

/// Makes `fd` the current file. What is in `buf` is already in it, by way of the rewrite
/// buffer.
fn switch_to(core: &mut Core, env: &mut Env<'_>, fd: Fd) {
    core.fd = Some(fd);
    match env.config.appendfsync {
        AppendFsync::Always => drop(env.os.fdatasync(fd)),
        AppendFsync::Everysec => core.background_fsync(env),
        AppendFsync::No => {}
    }
    core.selected_db = None;
    update_current_size(core, env);
    core.rewrite_base_size = core.current_size;
    core.fsync_offset = core.file_size;
    core.buf = Vec::new();
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
