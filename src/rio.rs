//! Output streams for AOF and RDB files, with incremental syncs (Redis: rio.c).
//!
//! Must not know: the dataset.

pub mod crc64;
pub mod stdio;

use crate::generation::Autosync;
use crate::os::{Errno, Fd, Os};
use crc64::Crc64;
use stdio::FileWriter;

/// A stream into a file. After a failed write all later ones fail with the same error and write
/// nothing.
pub struct Rio {
    file: FileWriter,
    /// None for no automatic syncs.
    autosync: Option<Autosync>,
    /// Bytes since the last automatic sync.
    buffered: u64,
    processed_bytes: u64,
    /// None if not requested.
    checksum: Option<Crc64>,
    failed: Option<Errno>,
}

impl Rio {
    /// A stream that owns `fd`, open for writing (Redis: `rioInitWithFile`).
    pub fn with_file(fd: Fd) -> Self {
        let file = FileWriter::new(fd);
        Rio { file, autosync: None, buffered: 0, processed_bytes: 0, checksum: None, failed: None }
    }

    /// Syncs automatically from now on (Redis: `rioSetAutoSync`).
    ///
    /// Without it the whole file collects in the page cache, and the fsync at the end stalls the
    /// disk.
    pub fn set_auto_sync(&mut self, autosync: Autosync) {
        self.autosync = Some(autosync);
    }

    /// Starts a checksum of what is written.
    pub fn start_checksum(&mut self) {
        self.checksum = Some(Crc64::default());
    }

    /// The checksum so far; 0 if none was started.
    pub fn checksum(&self) -> u64 {
        self.checksum.as_ref().map_or(0, Crc64::value)
    }

    /// Number of bytes passed to [`Rio::write`], flushed or not.
    pub fn processed_bytes(&self) -> u64 {
        self.processed_bytes
    }

    /// Writes `data`; it may stay in the buffer until [`Rio::flush`] (Redis: `rioWrite`).
    ///
    /// An automatic sync happens here if it is due.
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
        let written = match self.autosync {
            None => self.file.write(os, data),
            Some(Autosync::Whole(bytes)) => self.write_and_sync(os, data, bytes),
            Some(Autosync::Ranges(bytes)) => self.write_in_ranges(os, data, bytes),
        };
        self.failed = written.err();
        written?;
        self.processed_bytes += data.len() as u64;
        Ok(())
    }

    fn write_and_sync(&mut self, os: &mut dyn Os, data: &[u8], bytes: u64) -> Result<(), Errno> {
        let written = self.file.write(os, data);
        self.buffered += data.len() as u64;
        if self.buffered >= bytes {
            let _ = self.file.flush(os);
            let _ = os.fdatasync(self.file.fd());
            self.buffered = 0;
        }
        written
    }

    /// Never writes more at once than up to the end of a range, so that there are never too many
    /// dirty pages.
    fn write_in_ranges(
        &mut self,
        os: &mut dyn Os,
        mut data: &[u8],
        bytes: u64,
    ) -> Result<(), Errno> {
        let mut processed = self.processed_bytes;
        while !data.is_empty() {
            let room = (bytes - self.buffered) as usize;
            let (now, rest) = data.split_at(room.min(data.len()));
            self.file.write(os, now)?;
            data = rest;
            processed += now.len() as u64;
            self.buffered += now.len() as u64;
            if self.buffered >= bytes {
                // As in Redis, an error of the flush shows at the next write.
                let _ = self.file.flush(os);
                os.sync_file_range(self.file.fd(), processed - bytes, bytes, false)?;
                if processed >= bytes * 2 {
                    os.sync_file_range(self.file.fd(), processed - bytes * 2, bytes, true)?;
                }
                self.buffered = 0;
            }
        }
        Ok(())
    }

    /// `fflush` — on success everything written has been passed to the kernel.
    pub fn flush(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        self.file.flush(os)
    }

    /// `fsync(fileno(fp))` — syncs what was flushed before.
    pub fn fsync(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        os.fsync(self.file.fd())
    }

    /// `fclose` — closes the descriptor, even if it returns an error. Closing again does nothing.
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
