//! One message before the child exits successfully, as up to 6.0:
//!
//! ```text
//! 0        4        8                16               24
//! | type   | zero   | cow_size       | magic          |
//! ```
//!
//! It only carries a statistic: neither side treats its loss as an error.
//! Must not know: what the child did.

use super::report::{ChildInfo, ParentGone, ProcessType, Report};
use crate::log::{Level, Log};
use crate::os::{Fd, Os};

/// Marks a complete message (Redis: `CHILD_INFO_MAGIC`).
pub const CHILD_INFO_MAGIC: u64 = 0xC17D_DA7A_1234_5678;
/// Length of a message in bytes.
const MESSAGE_LEN: usize = 24;
/// Which child reports, in Redis' numbers.
const TYPES: [ProcessType; 2] = [ProcessType::Rdb, ProcessType::Aof];

pub(super) struct AtTheEnd {
    pub(super) write: Option<Fd>,
}

impl Report for AtTheEnd {
    fn after_key(
        &mut self,
        _os: &mut dyn Os,
        _log: &Log,
        _process: ProcessType,
        _keys: u64,
    ) -> Result<(), ParentGone> {
        Ok(())
    }

    /// Measures, logs a non-zero size, and sends (Redis: `sendChildCOWInfo`).
    fn done(&mut self, os: &mut dyn Os, log: &Log, process: ProcessType) -> Result<(), ParentGone> {
        let cow_size = os.private_dirty();
        if cow_size != 0 {
            let (name, megabytes) = (process.name(), cow_size / (1024 * 1024));
            let line = format!("{name}: {megabytes} MB of memory used by copy-on-write");
            log.line(os, Level::Notice, &line);
        }
        if let Some(write) = self.write {
            let _ = os.write(write, &encode(process, cow_size));
        }
        Ok(())
    }
}

/// The message, if a complete one arrived.
pub(super) fn receive(os: &mut dyn Os, read: Fd) -> Vec<ChildInfo> {
    let mut message = [0; MESSAGE_LEN];
    match os.read(read, &mut message) {
        Ok(MESSAGE_LEN) => decode(&message).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn encode(process: ProcessType, cow_size: u64) -> [u8; MESSAGE_LEN] {
    let mut message = [0; MESSAGE_LEN];
    message[..4].copy_from_slice(&(process as u32).to_ne_bytes());
    message[8..16].copy_from_slice(&cow_size.to_ne_bytes());
    message[16..].copy_from_slice(&CHILD_INFO_MAGIC.to_ne_bytes());
    message
}

fn decode(message: &[u8; MESSAGE_LEN]) -> Option<ChildInfo> {
    let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| message[at + i]));
    let number = u32::from_ne_bytes(std::array::from_fn(|i| message[i]));
    let process = TYPES.into_iter().find(|&process| process as u32 == number)?;
    (word(16) == CHILD_INFO_MAGIC).then(|| ChildInfo::Done(process, word(8)))
}

#[cfg(test)]
mod tests {
    use super::{ChildInfo, ProcessType, decode, encode};

    #[test]
    fn a_message_is_redis_struct() {
        let message = encode(ProcessType::Aof, 0x0102_0304);
        assert_eq!(message[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[8..16], [4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(message[16..], [0x78, 0x56, 0x34, 0x12, 0x7A, 0xDA, 0x7D, 0xC1]);
        assert_eq!(decode(&message), Some(ChildInfo::Done(ProcessType::Aof, 0x0102_0304)));
    }

    #[test]
    fn a_message_without_the_magic_is_none() {
        assert_eq!(decode(&[1; 24]), None);
    }
}
