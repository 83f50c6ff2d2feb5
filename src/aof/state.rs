//! The append only file and everything that is remembered about it.
//!
//! Must not know: clients, and what commands do.

use super::pipes::Pipes;
use super::rewrite_buffer::RewriteBuffer;
use crate::config::Config;
use crate::env::{Env, Status};
use crate::os::{Errno, Fd, Interest, OFlag, strerror};

/// Whether commands are appended (Redis: `aof_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Off,
    On,
    /// Switched on, but the first rewrite is not finished. Until then commands go to the rewrite
    /// buffer only, and only while a child is running.
    WaitRewrite,
}

/// The append only file and its state. Fields have Redis' names without `aof_`.
pub struct Aof {
    pub state: State,
    /// Executed commands that are not yet written.
    pub buf: Vec<u8>,
    /// The open file; None while off.
    pub fd: Option<Fd>,
    /// Length of the file in bytes, as far as we know.
    pub current_size: u64,
    /// The same just after the last rewrite or start; growth is measured from here.
    pub rewrite_base_size: u64,
    pub last_write_status: Status,
    /// Why writing fails; updated only when it is logged, see `flush`.
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
    /// Since when a flush has been postponed, in seconds since the epoch; 0 if none is.
    pub flush_postponed_start: i64,
    /// Up to where the file was synced, or a background sync was queued.
    pub(super) fsync_offset: u64,
    /// When that was, in seconds since the epoch.
    pub(super) last_fsync: i64,
    /// When a write error was last logged, in seconds since the epoch.
    pub(super) last_write_error_log: i64,
    /// The database of the last SELECT in the file; None forces a new SELECT.
    pub(super) selected_db: Option<usize>,
    /// The pipes to the rewrite child, while there is one.
    pub(super) pipes: Option<Pipes>,
    /// Commands that have not been sent to the child.
    pub(super) rewrite_buffer: RewriteBuffer,
}

impl Aof {
    /// The state before anything is opened or loaded.
    pub fn new(config: &Config) -> Self {
        Aof {
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
            fsync_offset: 0,
            last_fsync: 0,
            flush_postponed_start: 0,
            last_write_error_log: 0,
            selected_db: None,
            pipes: None,
            rewrite_buffer: RewriteBuffer::default(),
        }
    }

    /// Opens the file for appending, creating it if needed (part of Redis' `initServer`). Does not
    /// log.
    pub fn open(&mut self, env: &mut Env<'_>) -> Result<(), Errno> {
        self.last_fsync = env.unixtime;
        self.fd = Some(open_for_appending(env)?);
        Ok(())
    }

    /// Bytes not yet sent to the child (INFO `aof_rewrite_buffer_length`).
    pub fn rewrite_buffer_size(&self) -> u64 {
        self.rewrite_buffer.size()
    }

    /// Memory of both buffers in bytes (INFO `mem_aof_buffer`).
    pub fn mem_aof_buffer(&self) -> u64 {
        match self.state {
            State::Off => 0,
            State::On | State::WaitRewrite => {
                self.buf.capacity() as u64 + self.rewrite_buffer.size()
            }
        }
    }

    /// Whether events on this descriptor belong to [`Aof::on_pipe_event`].
    pub fn owns_pipe(&self, fd: Fd) -> bool {
        self.pipes.as_ref().is_some_and(|pipes| pipes.watches(fd))
    }

    /// Called by the event loop when a pipe of the rewrite is ready.
    pub fn on_pipe_event(&mut self, env: &mut Env<'_>, fd: Fd, ready: Interest) {
        if let Some(pipes) = &mut self.pipes {
            pipes.on_event(env, &mut self.rewrite_buffer, fd, ready);
        }
    }

    /// The descriptor as Redis passes it to the kernel: -1 while off, so the call fails with EBADF.
    pub(super) fn raw_fd(&self) -> Fd {
        self.fd.unwrap_or(-1)
    }

    /// Gets the file's length by fstat(2) (Redis: `aofUpdateCurrentSize`). Between these calls it
    /// is tracked by adding what was written.
    pub(super) fn update_current_size(&mut self, env: &mut Env<'_>) {
        let started = env.latency_start();
        match env.os.fstat(self.raw_fd()) {
            Ok(stat) => self.current_size = stat.size,
            Err(errno) => {
                let reason = strerror(errno);
                env.warning(&format!("Unable to obtain the AOF file length. stat: {reason}"));
            }
        }
        let latency = env.latency_end(started);
        env.latency_sample("aof-fstat", latency);
    }
}

pub(super) fn open_for_appending(env: &mut Env<'_>) -> Result<Fd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
    env.os.open(&env.config.appendfilename, flags, 0o644)
}

#[cfg(test)]
mod tests {
    use super::{Aof, Config, State};

    #[test]
    fn both_buffers_count_as_memory_while_it_is_on() {
        let mut aof = Aof::new(&Config::default());
        aof.buf = Vec::with_capacity(100);
        aof.rewrite_buffer.append(b"four", &mut |_, _| {});
        assert_eq!(aof.mem_aof_buffer(), 0);
        for state in [State::On, State::WaitRewrite] {
            aof.state = state;
            assert_eq!(aof.mem_aof_buffer(), 104);
        }
        assert_eq!(aof.rewrite_buffer_size(), 4);
    }

    #[test]
    fn without_a_rewrite_no_descriptor_is_a_pipe_of_it() {
        assert!(!Aof::new(&Config::default()).owns_pipe(0));
    }
}
