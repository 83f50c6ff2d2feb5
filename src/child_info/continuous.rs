//! Progress about once a second and a last message at the end, since 6.2:
//!
//! ```text
//! 0                8                16               24               32     36     40
//! | keys           | cow            | cow_updated    | progress       | type | zero |
//! ```
//!
//! A child whose message cannot be written exits: its parent has probably been killed. To measure
//! copy-on-write memory is slow, so it is done only now and then.
//! Must not know: what the child did.

use super::report::{ChildInfo, ParentGone, ProcessType, Progress, Report};
use crate::clock::mstime;
use crate::log::{Level, Log};
use crate::os::{Clock, Errno, Fd, Os, strerror};

/// Length of a message in bytes.
const MESSAGE_LEN: usize = 40;
/// The clock is read once in this many keys.
const KEYS_BETWEEN_LOOKS: u64 = 1024;
/// Milliseconds between two messages.
const UPDATE_MS: i64 = 1000;
/// At most this share of the time is spent on measuring (Redis: `CHILD_COW_DUTY_CYCLE`).
const COW_DUTY_CYCLE: u64 = 100;

/// Redis: `childInfoType`.
const CURRENT_INFO: u32 = 0;
const AOF_COW_SIZE: u32 = 1;
const RDB_COW_SIZE: u32 = 2;

/// The copy-on-write memory, as far as it was measured, in bytes.
#[derive(Default)]
struct Cow {
    size: u64,
    peak: u64,
    sum: u64,
    count: u64,
    /// When it was measured, and how long that took, in microseconds; 0 for never.
    updated: u64,
    cost: u64,
}

pub(super) struct Continuous {
    write: Option<Fd>,
    cow: Cow,
    /// When progress was last reported, in milliseconds since the epoch.
    updated_time: i64,
}

impl Continuous {
    pub(super) fn new(write: Option<Fd>, updated_time: i64) -> Continuous {
        Continuous { write, cow: Cow::default(), updated_time }
    }

    /// Redis: `sendChildInfoGeneric`.
    fn send(
        &mut self,
        os: &mut dyn Os,
        log: &Log,
        process: ProcessType,
        kind: u32,
        keys: u64,
    ) -> Result<(), ParentGone> {
        let Some(write) = self.write else { return Ok(()) };
        let now = monotonic_us(os);
        let cow = &mut self.cow;
        let last = kind != CURRENT_INFO;
        if last || cow.updated == 0 || now - cow.updated > cow.cost * COW_DUTY_CYCLE {
            cow.size = os.private_dirty();
            cow.updated = monotonic_us(os);
            cow.cost = cow.updated - now;
            cow.peak = cow.peak.max(cow.size);
            cow.sum += cow.size;
            cow.count += 1;
            if cow.size != 0 || last {
                let megabytes = |bytes: u64| bytes >> 20;
                let line = format!(
                    "Fork CoW for {}: current {} MB, peak {} MB, average {} MB",
                    process.name(),
                    megabytes(cow.size),
                    megabytes(cow.peak),
                    megabytes(cow.sum / cow.count)
                );
                let level = if last { Level::Notice } else { Level::Verbose };
                log.line(os, level, &line);
            }
        }
        let message = encode(kind, keys, &self.cow);
        match os.write(write, &message) {
            Ok(MESSAGE_LEN) => Ok(()),
            other => {
                let errno = other.err().unwrap_or(Errno::from_raw(0));
                let line =
                    format!("Child failed reporting info to parent, exiting. {}", strerror(errno));
                log.line(os, Level::Warning, &line);
                Err(ParentGone)
            }
        }
    }
}

impl Report for Continuous {
    fn after_key(
        &mut self,
        os: &mut dyn Os,
        log: &Log,
        process: ProcessType,
        keys: u64,
    ) -> Result<(), ParentGone> {
        if !(keys - 1).is_multiple_of(KEYS_BETWEEN_LOOKS) {
            return Ok(());
        }
        let now = mstime(os);
        if now - self.updated_time < UPDATE_MS {
            return Ok(());
        }
        self.send(os, log, process, CURRENT_INFO, keys)?;
        self.updated_time = now;
        Ok(())
    }

    fn last_report(&self) -> i64 {
        self.updated_time
    }

    fn done(&mut self, os: &mut dyn Os, log: &Log, process: ProcessType) -> Result<(), ParentGone> {
        let kind = match process {
            ProcessType::Rdb => RDB_COW_SIZE,
            ProcessType::Aof => AOF_COW_SIZE,
        };
        self.send(os, log, process, kind, 0)
    }
}

/// All messages that are there. A short read ends it; its bytes are lost, which one pipe of one
/// child never shows, because a message is written at once.
pub(super) fn receive(os: &mut dyn Os, read: Fd) -> Vec<ChildInfo> {
    let mut messages = Vec::new();
    let mut message = [0; MESSAGE_LEN];
    while os.read(read, &mut message) == Ok(MESSAGE_LEN) {
        messages.extend(decode(&message));
    }
    messages
}

fn monotonic_us(os: &mut dyn Os) -> u64 {
    os.clock_gettime(Clock::Monotonic) / 1000
}

fn encode(kind: u32, keys: u64, cow: &Cow) -> [u8; MESSAGE_LEN] {
    let mut message = [0; MESSAGE_LEN];
    let words = [keys, cow.size, cow.updated, (-1f64).to_bits()];
    for (place, word) in message.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    message[32..36].copy_from_slice(&kind.to_ne_bytes());
    message
}

fn decode(message: &[u8; MESSAGE_LEN]) -> Option<ChildInfo> {
    let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| message[at + i]));
    let kind = u32::from_ne_bytes(std::array::from_fn(|i| message[32 + i]));
    let cow = word(8);
    match kind {
        CURRENT_INFO => {
            Some(ChildInfo::Progress(Progress { keys: word(0), cow, cow_updated: word(16) }))
        }
        AOF_COW_SIZE => Some(ChildInfo::Done(ProcessType::Aof, cow)),
        RDB_COW_SIZE => Some(ChildInfo::Done(ProcessType::Rdb, cow)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CURRENT_INFO, ChildInfo, Cow, Progress, RDB_COW_SIZE, decode, encode};
    use crate::child_info::ProcessType;

    #[test]
    fn a_message_is_redis_struct() {
        let cow = Cow { size: 2, updated: 3, ..Cow::default() };
        let message = encode(CURRENT_INFO, 1, &cow);
        assert_eq!(message[..8], 1u64.to_ne_bytes());
        assert_eq!(message[24..32], (-1f64).to_ne_bytes());
        assert_eq!(message[32..], [0; 8]);
        let progress = Progress { keys: 1, cow: 2, cow_updated: 3 };
        assert_eq!(decode(&message), Some(ChildInfo::Progress(progress)));
        let last = encode(RDB_COW_SIZE, 0, &cow);
        assert_eq!(decode(&last), Some(ChildInfo::Done(ProcessType::Rdb, 2)));
    }

    #[test]
    fn a_message_of_an_unknown_type_is_none() {
        assert_eq!(decode(&[1; 40]), None);
    }
}
