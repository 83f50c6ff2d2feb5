//! Writes the buffer to the file and syncs it by policy (Redis: `flushAppendOnlyFile`, aof.c).
//!
//! Commands collect in `buf` and are written in one call just before the event loop sleeps, which
//! is also just before replies are sent. So no client gets +OK for a command that has not at least
//! been written.
//!
//! When a flush returns without an error:
//!
//! - under `always`, all of `buf` has been written and fdatasync called. What its failure means is
//!   in [`super::failed_sync`]. A failing write ends the server, because the replies are already in
//!   the output buffers and the promise can no longer be kept.
//! - under `everysec`, all of `buf` has been written, or the flush was postponed because an fsync
//!   is in progress (write(2) would block on it anyway). After 2 seconds, or with `force`, it
//!   writes regardless. At most one fsync per second is queued for the background thread.
//! - under `no`, all of `buf` has been written.
//!
//! When a write fails under `everysec` or `no`, a short write is truncated away, `buf` keeps
//! everything, and the server refuses writes until a later flush succeeds. If the truncation fails
//! too, the written part is dropped from `buf`, so that the next write continues exactly where the
//! file ends.
//!
//! Must not know: who is waiting for the replies.

use super::failed_sync::errors;
use super::state::Core;
use crate::bio::{Job, JobType};
use crate::config::AppendFsync;
use crate::env::{Env, Status};
use crate::os::{Errno, Fd, Os, strerror};

/// Minimum seconds between two log lines about failing writes.
const AOF_WRITE_LOG_ERROR_RATE: i64 = 30;
/// Seconds that a flush waits for an fsync in progress.
const POSTPONED_MAX: i64 = 2;
/// A buffer with less capacity than this, in bytes, is reused.
const REUSED_BUF_MAX: usize = 4000;

impl Core {
    /// Writes the buffer and syncs by policy. With `force`, writes even while an fsync is in
    /// progress.
    pub fn flush_append_only_file(&mut self, env: &mut Env<'_>, force: bool) {
        let everysec = env.config.appendfsync == AppendFsync::Everysec;
        let sync_in_progress = everysec && self.fsync_in_progress(env);
        if self.buf.is_empty() {
            // The last write may have come within a second of the last sync, with nothing written
            // since.
            let unsynced = self.fsync_offset != self.file_size;
            let waits = everysec && (env.unixtime <= self.last_fsync || sync_in_progress);
            let policy = env.config.appendfsync;
            let errors = errors(env.config.generation.failed_sync);
            if unsynced && !waits && errors.syncs_when_idle(policy) {
                self.try_fsync(env, sync_in_progress);
            }
            return;
        }
        if sync_in_progress && !force && self.postpone(env) {
            return;
        }
        if self.flush_sleep != 0 {
            env.os.nanosleep(self.flush_sleep.saturating_mul(1_000));
        }
        let started = env.latency_start();
        let (written, error) = aof_write(env.os, self.raw_fd(), &self.buf);
        let latency = env.latency_end(started);
        let event = match sync_in_progress {
            true => "aof-write-pending-fsync",
            false if env.children.any() => "aof-write-active-child",
            false => "aof-write-alone",
        };
        env.latency_sample(event, latency);
        env.latency_sample("aof-write", latency);
        self.flush_postponed_start = 0;
        match error {
            Some(errno) => self.write_failed(env, written, errno),
            None => {
                self.write_succeeded(env);
                self.try_fsync(env, sync_in_progress);
            }
        }
    }

    /// Forces a flush and syncs, before a shutdown. At most it is logged that this failed, as in
    /// Redis (`finishShutdown`).
    pub fn fsync_for_shutdown(&mut self, env: &mut Env<'_>) {
        env.notice("Calling fsync() on the AOF file.");
        self.flush_append_only_file(env, true);
        if let Err(errno) = env.os.fdatasync(self.raw_fd()) {
            errors(env.config.generation.failed_sync).last_sync_failed(env, errno);
        }
    }

    /// Whether a background sync is queued or running (Redis: `aofFsyncInProgress`).
    fn fsync_in_progress(&self, env: &Env<'_>) -> bool {
        env.bio.pending_jobs_of_type(JobType::AofFsync) != 0
    }

    /// Queues a sync for the background thread (Redis: `aof_background_fsync`).
    pub(super) fn background_fsync(&self, env: &mut Env<'_>) {
        env.bio.create_background_job(env.os, Job::AofFsync(self.raw_fd()));
    }

    /// Whether to go on waiting for the fsync in progress.
    fn postpone(&mut self, env: &mut Env<'_>) -> bool {
        if self.flush_postponed_start == 0 {
            self.flush_postponed_start = env.unixtime;
            return true;
        }
        if env.unixtime - self.flush_postponed_start < POSTPONED_MAX {
            return true;
        }
        self.delayed_fsync += 1;
        env.notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer \
             without waiting for fsync to complete, this may slow down Redis.",
        );
        false
    }

    fn write_succeeded(&mut self, env: &mut Env<'_>) {
        if self.last_write_status == Status::Err {
            env.warning("AOF write error looks solved, Redis can write again.");
            self.last_write_status = Status::Ok;
        }
        self.grown_by(self.buf.len());
        if self.buf.capacity() < REUSED_BUF_MAX {
            self.buf.clear();
        } else {
            self.buf = Vec::new();
        }
    }

    fn grown_by(&mut self, bytes: usize) {
        self.current_size += bytes as u64;
        self.file_size += bytes as u64;
    }

    /// Only `written` bytes of the buffer reached the file. Under `always` this does not return.
    fn write_failed(&mut self, env: &mut Env<'_>, written: usize, errno: Errno) {
        let can_log = env.unixtime - self.last_write_error_log > AOF_WRITE_LOG_ERROR_RATE;
        if can_log {
            self.last_write_error_log = env.unixtime;
        }
        let in_file = if written == 0 {
            if can_log {
                env.warning(&format!("Error writing to the AOF file: {}", strerror(errno)));
            }
            errors(env.config.generation.failed_sync).write_failed(self, errno, can_log);
            0
        } else {
            self.remove_short_write(env, written, can_log)
        };
        if env.config.appendfsync == AppendFsync::Always {
            env.warning(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. \
                 Exiting...",
            );
            env.os.exit(1);
        }
        self.last_write_status = Status::Err;
        self.grown_by(in_file);
        self.buf.drain(..in_file);
    }

    /// Truncates a short write away. Returns how many bytes of it are still in the file.
    fn remove_short_write(&mut self, env: &mut Env<'_>, written: usize, can_log: bool) -> usize {
        if can_log {
            let expected = self.buf.len();
            env.warning(&format!(
                "Short write while writing to the AOF file: (nwritten={written}, \
                 expected={expected})"
            ));
        }
        self.last_write_errno = Errno::ENOSPC;
        let Err(errno) = env.os.ftruncate(self.raw_fd(), self.file_size) else { return 0 };
        if can_log {
            env.warning(&format!(
                "Could not remove short write from the append-only file.  Redis may refuse to load \
                 the AOF the next time it starts.  ftruncate: {}",
                strerror(errno)
            ));
        }
        written
    }

    /// Syncs if the policy asks for it now. With `no-appendfsync-on-rewrite` not while a child is
    /// running.
    fn try_fsync(&mut self, env: &mut Env<'_>, sync_in_progress: bool) {
        if env.config.no_appendfsync_on_rewrite && env.children.any() {
            return;
        }
        match env.config.appendfsync {
            AppendFsync::Always => {
                let started = env.latency_start();
                if let Err(errno) = env.os.fdatasync(self.raw_fd()) {
                    errors(env.config.generation.failed_sync).sync_failed(env, errno);
                }
                let latency = env.latency_end(started);
                env.latency_sample("aof-fsync-always", latency);
                self.fsync_offset = self.file_size;
                self.last_fsync = env.unixtime;
            }
            AppendFsync::Everysec if env.unixtime > self.last_fsync => {
                if !sync_in_progress {
                    self.background_fsync(env);
                    self.fsync_offset = self.file_size;
                }
                self.last_fsync = env.unixtime;
            }
            AppendFsync::Everysec | AppendFsync::No => {}
        }
    }
}

/// Calls write(2) until everything is written or an error occurs; short counts and EINTR are
/// retried. Returns the bytes written and the error (Redis: `aofWrite`).
fn aof_write(os: &mut dyn Os, fd: Fd, buf: &[u8]) -> (usize, Option<Errno>) {
    let mut written = 0;
    while written < buf.len() {
        match os.write(fd, &buf[written..]) {
            Ok(count) => written += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return (written, Some(errno)),
        }
    }
    (written, None)
}

#[cfg(test)]
mod tests {
    use super::super::Aof;
    use super::super::test_env::Fixture;
    use crate::config::Config;

    #[test]
    fn a_small_buffer_is_kept_and_a_larger_one_given_back() {
        let mut fixture = Fixture::new();
        let kept = [3999, 4000, 4001].map(|capacity| {
            let mut aof = Aof::new(&Config::default());
            aof.buf = Vec::with_capacity(capacity);
            aof.write_succeeded(&mut fixture.env());
            aof.buf.capacity()
        });
        assert_eq!(kept, [3999, 0, 0]);
    }
}
