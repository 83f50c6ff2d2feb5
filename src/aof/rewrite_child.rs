//! The life of a rewrite child: from the fork to a finished, synced, renamed file
//! (Redis: `rewriteAppendOnlyFile`).
//!
//! 1. Writes the dataset to `temp-rewriteaof-PID.aof`, as an RDB file or as commands, listening to
//!    the parent now and then.
//! 2. Flushes and syncs while the parent still sends: that makes the last sync short.
//! 3. Listens for at most 1 second, or until nothing came for 20 ms in a row.
//! 4. Sends '!' and waits for the parent's '!', at most 5 seconds. It may be lost; the parent may
//!    be gone.
//! 5. Reads what was still in the pipe and appends all it was sent.
//! 6. Flushes, syncs, closes, renames to the name by which the parent looks for it.
//!
//! When the child exits with 0, the renamed file rebuilds the dataset as of the fork and everything
//! that the parent sent since, and is durable but for its name. Otherwise the temporary file is
//! gone, or was tried to be.
//!
//! Must not know: what the parent does with the file.

use super::pipes::Ends;
use super::rewrite_dataset::{AOF_READ_DIFF_INTERVAL_BYTES, rewrite_append_only_file_rio};
use crate::child_info::ProcessType;
use crate::clock::mstime;
use crate::config::Config;
use crate::env::Inherited;
use crate::log::Level;
use crate::os::{Errno, Fd, ForkChild, Interest, OFlag, Os, Pid, strerror};
use crate::rdb::{SaveOptions, rdb_save_rio};
use crate::rio::{REDIS_AUTOSYNC_BYTES, Rio};

/// Most bytes taken from the pipe at once: what a pipe holds on most machines.
const DIFF_CHUNK: usize = 64 * 1024;
/// Milliseconds to listen for more before the file is finished.
const LISTEN_MS: i64 = 1000;
/// Contiguous milliseconds of silence that end the listening early.
const SILENCE_MAX: u32 = 20;
/// Milliseconds to wait for the parent's '!'.
const ACK_TIMEOUT_MS: i64 = 5000;
/// Shortest single wait for it (Redis: `SYNCIO__RESOLUTION`).
const ACK_WAIT_MIN_MS: i64 = 10;

/// The name under which a child leaves its finished file.
pub(super) fn bg_name(pid: Pid) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

/// The name under which a child writes.
pub(super) fn temp_name(pid: Pid) -> String {
    format!("temp-rewriteaof-{pid}.aof")
}

/// What the child takes with it from its parent.
pub(super) struct RewriteChild<'a> {
    inherited: Inherited<'a>,
    ends: Ends,
    incremental_fsync: bool,
    /// How to write the preamble, if there is to be one.
    preamble: Option<SaveOptions>,
}

impl<'a> RewriteChild<'a> {
    pub(super) fn new(config: &Config, inherited: Inherited<'a>, ends: Ends) -> Self {
        RewriteChild {
            inherited,
            ends,
            incremental_fsync: config.aof_rewrite_incremental_fsync,
            preamble: config
                .aof_use_rdb_preamble
                .then(|| SaveOptions { aof_preamble: true, ..SaveOptions::new(config) }),
        }
    }
}

impl ForkChild for RewriteChild<'_> {
    fn copy(&self) -> Box<dyn ForkChild> {
        Box::new(RewriteChild {
            inherited: self.inherited.copy(),
            ends: self.ends,
            incremental_fsync: self.incremental_fsync,
            preamble: self.preamble.clone(),
        })
    }

    fn run(&self, os: &mut dyn Os) -> i32 {
        self.inherited.begin(os);
        let name = bg_name(os.getpid());
        let mut work = Work { child: self, os, diff: Diff::default(), errno: Errno::from_raw(0) };
        if work.rewrite_append_only_file(&name).is_err() {
            return 1;
        }
        self.inherited.report(os, ProcessType::Aof, "AOF rewrite");
        0
    }
}

/// What the parent has sent.
#[derive(Default)]
struct Diff {
    /// Redis: `aof_child_diff`.
    bytes: Vec<u8>,
    /// Where the next of it is read to.
    chunk: Vec<u8>,
}

/// The rewrite as it goes on in the child.
struct Work<'c> {
    child: &'c RewriteChild<'c>,
    os: &'c mut dyn Os,
    diff: Diff,
    /// C's `errno`: what is logged when something failed without an error of its own.
    errno: Errno,
}

impl Work<'_> {
    fn rewrite_append_only_file(&mut self, filename: &str) -> Result<(), Errno> {
        let temp = temp_name(self.os.getpid());
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let fd = self.os.open(&temp, flags, 0o666).inspect_err(|&errno| {
            let reason = strerror(errno);
            self.warning(&format!(
                "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {reason}"
            ));
        })?;
        let mut aof = Rio::with_file(fd);
        let written = self.produce(&mut aof).and_then(|()| aof.close(self.os));
        written.inspect_err(|&errno| {
            let reason = strerror(errno);
            self.warning(&format!("Write error writing append only file on disk: {reason}"));
            let _ = aof.close(self.os);
            let _ = self.os.unlink(&temp);
        })?;
        self.os.rename(&temp, filename).inspect_err(|&errno| {
            let reason = strerror(errno);
            self.warning(&format!(
                "Error moving temp append only file on the final destination: {reason}"
            ));
            let _ = self.os.unlink(&temp);
        })?;
        self.notice("SYNC append only file rewrite performed");
        Ok(())
    }

    /// Steps 1 to 6, but for closing and renaming.
    fn produce(&mut self, aof: &mut Rio) -> Result<(), Errno> {
        if self.child.incremental_fsync {
            aof.set_auto_sync(REDIS_AUTOSYNC_BYTES);
        }
        self.write_dataset(aof)?;
        aof.flush(self.os)?;
        aof.fsync(self.os)?;
        self.listen();
        self.agree_to_stop()?;
        self.notice("Parent agreed to stop sending diffs. Finalizing AOF...");
        self.read_diff_from_parent();
        let megabytes = self.diff.bytes.len() as f64 / (1024.0 * 1024.0);
        self.notice(&format!("Concatenating {megabytes:.2} MB of AOF diff received from parent."));
        aof.write(self.os, &self.diff.bytes)?;
        aof.flush(self.os)?;
        aof.fsync(self.os)
    }

    fn write_dataset(&mut self, aof: &mut Rio) -> Result<(), Errno> {
        let Work { child, os, diff, errno } = self;
        let fd = child.ends.read_data_from_parent;
        let mut listened_at = 0;
        let mut after_key = |os: &mut dyn Os, processed: u64| {
            if processed > listened_at + AOF_READ_DIFF_INTERVAL_BYTES {
                listened_at = processed;
                *errno = read_diff(os, fd, diff).unwrap_or(*errno);
            }
        };
        match &child.preamble {
            Some(options) => {
                rdb_save_rio(*os, aof, &child.inherited.keyspace, options, &mut after_key)
            }
            None => {
                rewrite_append_only_file_rio(*os, aof, &child.inherited.keyspace, &mut after_key)
            }
        }
    }

    /// Step 3.
    fn listen(&mut self) {
        let fd = self.child.ends.read_data_from_parent;
        let start = mstime(self.os);
        let mut silence = 0;
        while mstime(self.os) - start < LISTEN_MS && silence < SILENCE_MAX {
            let ready = self.os.poll(fd, Interest::READABLE, 1).unwrap_or_default();
            if ready.is_empty() {
                silence += 1;
                continue;
            }
            silence = 0;
            self.read_diff_from_parent();
        }
    }

    /// Step 4.
    fn agree_to_stop(&mut self) -> Result<(), Errno> {
        let ends = self.child.ends;
        if self.os.write(ends.write_ack_to_parent, b"!")? != 1 {
            return Err(self.errno);
        }
        self.os.set_nonblocking(ends.read_ack_from_parent)?;
        match self.sync_read(ends.read_ack_from_parent)? {
            b'!' => Ok(()),
            _ => Err(self.errno),
        }
    }

    /// The next byte of a descriptor that does not block, within [`ACK_TIMEOUT_MS`] (Redis:
    /// `syncRead`).
    fn sync_read(&mut self, fd: Fd) -> Result<u8, Errno> {
        let start = mstime(self.os);
        let mut remaining = ACK_TIMEOUT_MS;
        let mut byte = [0];
        loop {
            match self.os.read(fd, &mut byte) {
                Ok(0) => return Err(self.errno),
                Ok(_) => return Ok(byte[0]),
                Err(Errno::EAGAIN) => self.errno = Errno::EAGAIN,
                Err(errno) => return Err(errno),
            }
            let wait = remaining.max(ACK_WAIT_MIN_MS) as u64;
            let _ = self.os.poll(fd, Interest::READABLE, wait);
            let elapsed = mstime(self.os) - start;
            if elapsed >= ACK_TIMEOUT_MS {
                return Err(Errno::ETIMEDOUT);
            }
            remaining = ACK_TIMEOUT_MS - elapsed;
        }
    }

    fn read_diff_from_parent(&mut self) {
        let fd = self.child.ends.read_data_from_parent;
        let stopped = read_diff(self.os, fd, &mut self.diff);
        self.errno = stopped.unwrap_or(self.errno);
    }

    fn notice(&mut self, message: &str) {
        self.child.inherited.log.line(self.os, Level::Notice, message);
    }

    fn warning(&mut self, message: &str) {
        self.child.inherited.log.line(self.os, Level::Warning, message);
    }
}

/// Takes what is in the pipe, and returns the error that ended it, which is EAGAIN when all is well
/// (Redis: `aofReadDiffFromParent`).
fn read_diff(os: &mut dyn Os, fd: Fd, diff: &mut Diff) -> Option<Errno> {
    diff.chunk.resize(DIFF_CHUNK, 0);
    loop {
        match os.read(fd, &mut diff.chunk) {
            Ok(0) => return None,
            Ok(count) => diff.bytes.extend_from_slice(&diff.chunk[..count]),
            Err(errno) => return Some(errno),
        }
    }
}
