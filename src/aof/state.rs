//! What is remembered about the append only file, however it is kept on disk.
//!
//! Must not know: clients, and what commands do.

use crate::config::Config;
use crate::env::Status;
use crate::os::{Errno, Fd};

/// Whether commands are appended (Redis: `aof_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Off,
    On,
    /// Switched on, but the first rewrite is not finished. Until then nothing that is executed can
    /// be loaded again.
    WaitRewrite,
}

/// The state that both layouts have. Fields have Redis' names without `aof_`.
pub struct Core {
    pub state: State,
    /// Executed commands that are not yet written.
    pub buf: Vec<u8>,
    /// The file that is appended to; None while off.
    pub fd: Option<Fd>,
    /// Length of all files in bytes, as far as we know.
    pub current_size: u64,
    /// The same just after the last rewrite or start; growth is measured from here.
    pub rewrite_base_size: u64,
    pub last_write_status: Status,
    /// Why writing fails; when it is updated depends on the generation, see `flush`.
    pub last_write_errno: Errno,
    pub last_bgrewrite_status: Status,
    /// How many flushes gave up waiting for an fsync in progress.
    pub delayed_fsync: u64,
    /// Start a rewrite as soon as no child is running.
    pub rewrite_scheduled: bool,
    /// Duration of the last rewrite in seconds; -1 if there was none.
    pub rewrite_time_last: i64,
    /// Start of the current rewrite, in seconds since the epoch; -1 if there is none.
    pub rewrite_time_start: i64,
    /// Microseconds to sleep before each write (DEBUG AOF-FLUSH-SLEEP).
    pub flush_sleep: u64,
    /// Copy-on-write memory of the last rewrite, in bytes.
    pub stat_aof_cow_bytes: u64,
    /// Rewrites that were started.
    pub stat_rewrites: u64,
    /// Rewrites that failed since one succeeded.
    pub stat_rewrites_consecutive_failures: u64,
    /// Since when a flush has been postponed, in seconds since the epoch; 0 if none is.
    pub flush_postponed_start: i64,
    /// Length of the file that is appended to, in bytes (Redis: `aof_last_incr_size`).
    pub(super) file_size: u64,
    /// Up to where that file was synced, or a background sync was queued.
    pub(super) fsync_offset: u64,
    /// When that was, in seconds since the epoch.
    pub(super) last_fsync: i64,
    /// When a write error was last logged, in seconds since the epoch.
    pub(super) last_write_error_log: i64,
    /// The database of the last SELECT in the file; None forces a new SELECT.
    pub(super) selected_db: Option<usize>,
}

impl Core {
    /// The state before anything is opened or loaded.
    pub(super) fn new(config: &Config) -> Self {
        Core {
            state: if config.appendonly { State::On } else { State::Off },
            buf: Vec::new(),
            fd: None,
            current_size: 0,
            rewrite_base_size: 0,
            last_write_status: Status::Ok,
            last_write_errno: Errno::from_raw(0),
            last_bgrewrite_status: Status::Ok,
            delayed_fsync: 0,
            rewrite_scheduled: false,
            rewrite_time_last: -1,
            rewrite_time_start: -1,
            flush_sleep: 0,
            stat_aof_cow_bytes: 0,
            stat_rewrites: 0,
            stat_rewrites_consecutive_failures: 0,
            file_size: 0,
            fsync_offset: 0,
            last_fsync: 0,
            flush_postponed_start: 0,
            last_write_error_log: 0,
            selected_db: None,
        }
    }

    /// The descriptor as Redis passes it to the kernel: -1 while off, so the call fails with EBADF.
    pub(super) fn raw_fd(&self) -> Fd {
        self.fd.unwrap_or(-1)
    }
}
