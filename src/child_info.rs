//! The pipe by which a child reports its copy-on-write memory to the parent, just before it exits
//! successfully (Redis: childinfo.c).
//!
//! The message is Redis' struct on x86-64, byte for byte, in native byte order:
//!
//! ```text
//! 0        4        8                16               24
//! | type   | zero   | cow_size       | magic          |
//! ```
//!
//! It only carries a statistic: neither side treats its loss as an error.
//! Must not know: what the child did.

use crate::log::{Level, Log};
use crate::os::{Fd, Os};

/// Marks a complete message (Redis: `CHILD_INFO_MAGIC`).
pub const CHILD_INFO_MAGIC: u64 = 0xC17D_DA7A_1234_5678;
/// Length of a message in bytes.
const MESSAGE_LEN: usize = 24;

/// Which child reports, with Redis' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessType {
    Rdb = 0,
    Aof = 1,
}

/// What a child reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildInfo {
    /// A [`ProcessType`] by number.
    pub process_type: u32,
    /// Private dirty memory of the child, in bytes.
    pub cow_size: u64,
}

impl ChildInfo {
    fn encode(self) -> [u8; MESSAGE_LEN] {
        let mut message = [0; MESSAGE_LEN];
        message[..4].copy_from_slice(&self.process_type.to_ne_bytes());
        message[8..16].copy_from_slice(&self.cow_size.to_ne_bytes());
        message[16..].copy_from_slice(&CHILD_INFO_MAGIC.to_ne_bytes());
        message
    }

    fn decode(message: &[u8; MESSAGE_LEN]) -> Option<ChildInfo> {
        let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| message[at + i]));
        let process_type = u32::from_ne_bytes(std::array::from_fn(|i| message[i]));
        (word(16) == CHILD_INFO_MAGIC).then(|| ChildInfo { process_type, cow_size: word(8) })
    }
}

/// Both ends, if open. Parent and child each hold both.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChildInfoPipe {
    ends: Option<(Fd, Fd)>,
}

impl ChildInfoPipe {
    /// pipe(2) with a non-blocking read end. If it fails, the child's report is lost (Redis:
    /// `openChildInfoPipe`).
    pub fn open(&mut self, os: &mut dyn Os) {
        self.ends = os.pipe().ok();
        if let Some((read, _)) = self.ends
            && os.set_nonblocking(read).is_err()
        {
            self.close(os);
        }
    }

    /// Closes both ends, if open (Redis: `closeChildInfoPipe`).
    pub fn close(&mut self, os: &mut dyn Os) {
        if let Some((read, write)) = self.ends.take() {
            let _ = os.close(read);
            let _ = os.close(write);
        }
    }

    /// Child: measures, logs a non-zero size, and sends (Redis: `sendChildCOWInfo`).
    pub fn send_cow_info(&self, os: &mut dyn Os, log: &Log, process: ProcessType, name: &str) {
        let cow_size = os.private_dirty();
        if cow_size != 0 {
            let megabytes = cow_size / (1024 * 1024);
            let line = format!("{name}: {megabytes} MB of memory used by copy-on-write");
            log.line(os, Level::Notice, &line);
        }
        if let Some((_, write)) = self.ends {
            let info = ChildInfo { process_type: process as u32, cow_size };
            let _ = os.write(write, &info.encode());
        }
    }

    /// Parent: the message, if a complete one arrived (Redis: `receiveChildInfo`).
    pub fn receive(&self, os: &mut dyn Os) -> Option<ChildInfo> {
        let (read, _) = self.ends?;
        let mut message = [0; MESSAGE_LEN];
        match os.read(read, &mut message) {
            Ok(MESSAGE_LEN) => ChildInfo::decode(&message),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ChildInfo;

    #[test]
    fn a_message_is_redis_struct() {
        let info = ChildInfo { process_type: 1, cow_size: 0x0102_0304 };
        let message = info.encode();
        assert_eq!(message[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[8..16], [4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(message[16..], [0x78, 0x56, 0x34, 0x12, 0x7A, 0xDA, 0x7D, 0xC1]);
        assert_eq!(ChildInfo::decode(&message), Some(info));
    }

    #[test]
    fn a_message_without_the_magic_is_none() {
        assert_eq!(ChildInfo::decode(&[1; 24]), None);
    }
}
