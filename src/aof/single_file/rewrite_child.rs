//! What a rewrite child does, from the fork to a finished, synced and renamed file (Redis:
//! `rewriteAppendOnlyFile`, aof.c).
//!
//! 1. Writes the dataset to `temp-rewriteaof-PID.aof`, as an RDB file or as commands, and reads the
//!    data pipe every 10 KiB.
//! 2. Flushes and syncs while the parent is still sending, which makes the last sync short.
//! 3. Reads the data pipe for at most 1 second, or until nothing arrives for 20 ms.
//! 4. Sends '!' and waits at most 5 seconds for the parent's '!', which may never come.
//! 5. Reads what is still in the pipe and appends everything it received.
//! 6. Flushes, syncs, closes, and renames the file to the name that the parent expects.
//!
//! If the child exits with 0, the renamed file rebuilds the dataset as of the fork and everything
//! the parent sent since. Its contents are durable, its name is not. Otherwise the child has tried
//! to remove the temporary file.
//!
//! Must not know: what the parent does with the file.

use super::super::rewrite_dataset::rewrite_append_only_file_rio;
use super::pipes::Ends;
use crate::child_info::ProcessType;
use crate::clock::mstime;
use crate::config::Config;
use crate::env::Inherited;
use crate::generation::Autosync;
use crate::log::Level;
use crate::os::{Errno, Fd, ForkChild, Interest, OFlag, Os, Pid, strerror};
use crate::rdb::{Reached, SaveOptions, rdb_save_rio};
use crate::rio::Rio;

/// Bytes written between two reads of the data pipe.
const AOF_READ_DIFF_INTERVAL_BYTES: u64 = 10 * 1024;
/// Bytes per read: the capacity of a pipe on most machines.
const DIFF_CHUNK: usize = 64 * 1024;
/// Milliseconds for which step 3 reads at most.
const READ_DIFF_MS: i64 = 1000;
/// Polls of 1 ms in a row without data that end step 3 early.
const QUIET_POLLS_MAX: u32 = 20;
/// Milliseconds to wait for the parent's '!'.
const ACK_TIMEOUT_MS: i64 = 5000;
/// Shortest single wait for it (Redis: `SYNCIO__RESOLUTION`).
const ACK_WAIT_MIN_MS: i64 = 10;

/// The name of a child's finished file.
pub(super) fn bg_name(pid: Pid) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

/// The name of the file that a child is writing.
pub(super) fn temp_name(pid: Pid) -> String {
    format!("temp-rewriteaof-{pid}.aof")
}

/// What the child inherits from its parent.
pub(super) struct RewriteChild<'a> {
    inherited: Inherited<'a>,
    ends: Ends,
    /// How the file is synced on the way; None without.
    autosync: Option<Autosync>,
    /// How to write the preamble; None without one.
    preamble: Option<SaveOptions>,
}

impl<'a> RewriteChild<'a> {
    pub(super) fn new(config: &Config, inherited: Inherited<'a>, ends: Ends) -> Self {
        RewriteChild {
            inherited,
            ends,
            autosync: config
                .aof_rewrite_incremental_fsync
                .then_some(config.generation.rdb.autosync),
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
            autosync: self.autosync,
            preamble: self.preamble.clone(),
        })
    }

    fn run(&self, os: &mut dyn Os) -> i32 {
        self.inherited.begin(os);
        let name = bg_name(os.getpid());
        let mut rewriter =
            Rewriter { child: self, os, diff: Diff::default(), errno: Errno::from_raw(0) };
        if rewriter.rewrite_append_only_file(&name).is_err() {
            return 1;
        }
        i32::from(self.inherited.reporter(ProcessType::Aof).done(os).is_err())
    }
}

/// What the parent has sent so far.
#[derive(Default)]
struct Diff {
    /// Redis: `aof_child_diff`.
    bytes: Vec<u8>,
    /// The read buffer.
    chunk: Vec<u8>,
}

/// The rewrite in progress.
struct Rewriter<'c> {
    child: &'c RewriteChild<'c>,
    os: &'c mut dyn Os,
    diff: Diff,
    /// C's `errno`, which is logged when something fails without setting one.
    errno: Errno,
}

impl Rewriter<'_> {
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

    /// Steps 1 to 6, except for closing and renaming.
    fn produce(&mut self, aof: &mut Rio) -> Result<(), Errno> {
        if let Some(autosync) = self.child.autosync {
            aof.set_auto_sync(autosync);
        }
        self.write_dataset(aof)?;
        aof.flush(self.os)?;
        aof.fsync(self.os)?;
        self.read_diff_until_quiet();
        self.ask_parent_to_stop()?;
        self.notice("Parent agreed to stop sending diffs. Finalizing AOF...");
        self.read_diff_from_parent();
        let megabytes = self.diff.bytes.len() as f64 / (1024.0 * 1024.0);
        self.notice(&format!("Concatenating {megabytes:.2} MB of AOF diff received from parent."));
        aof.write(self.os, &self.diff.bytes)?;
        aof.flush(self.os)?;
        aof.fsync(self.os)
    }

    fn write_dataset(&mut self, aof: &mut Rio) -> Result<(), Errno> {
        let Rewriter { child, os, diff, errno } = self;
        let fd = child.ends.read_data_from_parent;
        let mut read_at = 0;
        let mut after_key = |os: &mut dyn Os, reached: Reached| {
            let Reached::Key(processed) = reached else { return };
            if processed > read_at + AOF_READ_DIFF_INTERVAL_BYTES {
                read_at = processed;
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
    fn read_diff_until_quiet(&mut self) {
        let fd = self.child.ends.read_data_from_parent;
        let start = mstime(self.os);
        let mut quiet_polls = 0;
        while mstime(self.os) - start < READ_DIFF_MS && quiet_polls < QUIET_POLLS_MAX {
            let ready = self.os.poll(fd, Interest::READABLE, 1).unwrap_or_default();
            if ready.is_empty() {
                quiet_polls += 1;
                continue;
            }
            quiet_polls = 0;
            self.read_diff_from_parent();
        }
    }

    /// Step 4.
    fn ask_parent_to_stop(&mut self) -> Result<(), Errno> {
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

    /// The next byte from a non-blocking descriptor, within [`ACK_TIMEOUT_MS`] (Redis: `syncRead`).
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

/// Reads until the pipe is empty. Returns the error that ended it, normally EAGAIN (Redis:
/// `aofReadDiffFromParent`).
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
