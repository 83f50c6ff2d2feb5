//! Streams that write an AOF or an RDB file and sync it as they go (Redis: `rio.c`).
//!
//! Must not know: the dataset, and whether anybody waits for the file.

pub mod crc64;
pub mod stdio;

use crate::os::{Errno, Fd, Os};
use crc64::Crc64;
use stdio::FileWriter;

/// How many bytes a rewrite lets the page cache gather before it syncs, when it does so
/// incrementally.
pub const REDIS_AUTOSYNC_BYTES: u64 = 32 * 1024 * 1024;

/// A stream into a file. Once a write has failed, every later one fails with the same error and
/// writes nothing.
pub struct Rio {
    file: FileWriter,
    autosync: u64,
    /// Bytes since the last automatic sync.
    buffered: u64,
    processed_bytes: u64,
    /// None as long as nobody wants one.
    checksum: Option<Crc64>,
    failed: Option<Errno>,
}

impl Rio {
    /// A stream that owns `fd`, open for writing (Redis: `rioInitWithFile`).
    pub fn with_file(fd: Fd) -> Self {
        let file = FileWriter::new(fd);
        Rio { file, autosync: 0, buffered: 0, processed_bytes: 0, checksum: None, failed: None }
    }

    /// From now on every `bytes` bytes are synced with fdatasync; 0 turns it off (Redis:
    /// `rioSetAutoSync`).
    ///
    /// Without this the page cache gathers the whole file, and the one fsync at the end stalls the
    /// disk for everybody.
    pub fn set_auto_sync(&mut self, bytes: u64) {
        self.autosync = bytes;
    }

    /// From now on a checksum is kept of what is written.
    pub fn start_checksum(&mut self) {
        self.checksum = Some(Crc64::default());
    }

    /// The checksum so far; 0 when none is kept.
    pub fn checksum(&self) -> u64 {
        self.checksum.as_ref().map_or(0, Crc64::value)
    }

    /// How many bytes were given to [`Rio::write`], whether they have left the buffer or not.
    pub fn processed_bytes(&self) -> u64 {
        self.processed_bytes
    }

    /// Writes all of `data`, at the latest when [`Rio::flush`] returns (Redis: `rioWrite`).
    ///
    /// An automatic sync that is due happens here, and nobody looks at its result: in 6.0 a
    /// window that could not be flushed or synced is lost in silence.
    pub fn write(&mut self, os: &mut dyn Os, data: &[u8]) -> Result<(), Errno> {
        if let Some(errno) = self.failed {
            return Err(errno);
        }
        if data.is_empty() {
            return Ok(());
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(data);
        }
        let written = self.file.write(os, data);
        self.buffered += data.len() as u64;
        if self.autosync != 0 && self.buffered >= self.autosync {
            let _ = self.file.flush(os);
            let _ = os.fdatasync(self.file.fd());
            self.buffered = 0;
        }
        self.failed = written.err();
        written?;
        self.processed_bytes += data.len() as u64;
        Ok(())
    }

    /// `fflush` — when this returns without an error, the kernel has all that was written.
    pub fn flush(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        self.file.flush(os)
    }

    /// `fsync(fileno(fp))` — of what was flushed before.
    pub fn fsync(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        os.fsync(self.file.fd())
    }

    /// `fclose` — the descriptor is gone, even when an error is returned. Closing again does
    /// nothing.
    pub fn close(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        self.file.close(os)
    }

    /// `*<count>\r\n` or, with another prefix, the length of a bulk string.
    pub fn write_bulk_count(
        &mut self,
        os: &mut dyn Os,
        prefix: char,
        count: usize,
    ) -> Result<(), Errno> {
        self.write(os, format!("{prefix}{count}\r\n").as_bytes())
    }

    /// `$<length>\r\n<bytes>\r\n`.
    pub fn write_bulk_string(&mut self, os: &mut dyn Os, bytes: &[u8]) -> Result<(), Errno> {
        self.write_bulk_count(os, '$', bytes.len())?;
        self.write(os, bytes)?;
        self.write(os, b"\r\n")
    }

    /// A number as a bulk string.
    pub fn write_bulk_long_long(&mut self, os: &mut dyn Os, number: i64) -> Result<(), Errno> {
        self.write_bulk_string(os, number.to_string().as_bytes())
    }
}
