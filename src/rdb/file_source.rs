//! A file as a [`Source`] that counts bytes, computes the checksum, and calls the receiver
//! regularly so that clients are served (Redis: `rdbLoadProgressCallback`).
//!
//! Must not know: what the bytes mean.

use super::receiver::Receiver;
use super::source::{LoadError, Loaded, Source};
use crate::keyspace::Bytes;
use crate::os::Os;
use crate::rio::crc64::Crc64;
use crate::rio::stdio::FileReader;

/// Clients are served each time this many bytes were read (Redis:
/// `loading_process_events_interval_bytes`).
const PROCESS_EVENTS_INTERVAL: u64 = 2 * 1024 * 1024;

/// A file as a [`Source`] (Redis: `rdbLoadProgressCallback`).
pub(super) struct FileSource<'a> {
    pub(super) os: &'a mut dyn Os,
    file: &'a mut FileReader,
    /// Called every [`PROCESS_EVENTS_INTERVAL`] bytes.
    pub(super) receiver: Option<&'a mut dyn Receiver>,
    pub(super) processed_bytes: u64,
    /// The progress last reported to the receiver.
    pub(super) loaded_bytes: u64,
    checksum: Option<Crc64>,
}

impl<'a> FileSource<'a> {
    pub(super) fn new(
        os: &'a mut dyn Os,
        file: &'a mut FileReader,
        receiver: Option<&'a mut dyn Receiver>,
        checksum: bool,
    ) -> Self {
        let checksum = checksum.then(Crc64::default);
        FileSource { os, file, receiver, processed_bytes: 0, loaded_bytes: 0, checksum }
    }

    pub(super) fn checksum(&self) -> Option<u64> {
        self.checksum.as_ref().map(Crc64::value)
    }

    fn has_read(&mut self, data: &[u8]) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(data);
        }
        let before = self.processed_bytes;
        self.processed_bytes += data.len() as u64;
        if let Some(receiver) = &mut self.receiver
            && self.processed_bytes / PROCESS_EVENTS_INTERVAL != before / PROCESS_EVENTS_INTERVAL
        {
            self.loaded_bytes = before;
            receiver.progress(self.os, before);
        }
    }
}

impl Source for FileSource<'_> {
    fn fill(&mut self, buf: &mut [u8]) -> Loaded<()> {
        if !self.file.fill(self.os, buf) {
            return Err(LoadError::ShortRead);
        }
        self.has_read(buf);
        Ok(())
    }

    fn take(&mut self, len: u64) -> Loaded<Bytes> {
        let chunk = if self.receiver.is_some() { PROCESS_EVENTS_INTERVAL } else { len };
        let mut data = Bytes::new();
        while (data.len() as u64) < len {
            let wanted = (len - data.len() as u64).min(chunk);
            let wanted = usize::try_from(wanted).map_err(|_| LoadError::ShortRead)?;
            let read = self.file.read(self.os, wanted);
            if read.len() < wanted {
                return Err(LoadError::ShortRead);
            }
            self.has_read(&read);
            if data.is_empty() {
                data = read;
            } else {
                data.extend_from_slice(&read);
            }
        }
        Ok(data)
    }
}
