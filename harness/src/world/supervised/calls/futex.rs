//! futex(2): sleeping on a word of memory, on the virtual clock.
//!
//! A futex is identified by process and address, which is right for private futexes and for
//! everything that threads of one process do. Sleepers are woken in the order in which they fell
//! asleep. Must not know: what a word means.

use nix::errno::Errno;

use super::{Action, Outcome, Trouble};
use crate::kernel::{Pid, Time};
use crate::world::Broken;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::tasks::Wait;
use crate::world::supervised::{Supervised, names};

/// FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
const FLAGS: i32 = libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME;

impl Supervised {
    pub(super) fn futex(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let [address, _, value, _, _, bits] = notice.args;
        let value = value as u32;
        let pid = self.table.task(tid).map_or(0, |task| task.pid);
        match notice.int(1) & !FLAGS {
            libc::FUTEX_WAIT => self.futex_wait(notice, address, value, u32::MAX),
            libc::FUTEX_WAIT_BITSET => self.futex_wait(notice, address, value, bits as u32),
            libc::FUTEX_WAKE => Ok(Action::value(self.wake(pid, address, value, u32::MAX))),
            libc::FUTEX_WAKE_BITSET => {
                Ok(Action::value(self.wake(pid, address, value, bits as u32)))
            }
            _ => Err(Trouble::Broken(Broken::Harness(format!(
                "not modelled: {}",
                names::describe(notice)
            )))),
        }
    }

    fn futex_wait(&self, notice: &Notice, address: u64, expected: u32, bits: u32) -> Outcome {
        let memory = Memory(notice.tid);
        if bits == 0 {
            return Ok(Action::error(Errno::EINVAL));
        }
        if memory.u32(address)? != expected {
            return Ok(Action::error(Errno::EAGAIN));
        }
        let until = match notice.args[3] {
            0 => None,
            at => Some(self.futex_deadline(notice.int(1), memory.time(at)?)),
        };
        Ok(Action::hold(Wait::Futex { address, bits, until, woken: false }))
    }

    /// The timeout of FUTEX_WAIT is relative, that of FUTEX_WAIT_BITSET is absolute.
    fn futex_deadline(&self, operation: i32, (seconds, nanos): (i64, i64)) -> Time {
        let kernel = self.kernel.borrow();
        let stamp = (seconds.max(0) as u64).saturating_mul(1_000_000_000) + nanos.max(0) as u64;
        let now = kernel.now().as_nanos();
        let since = if operation & !FLAGS == libc::FUTEX_WAIT {
            stamp
        } else if operation & libc::FUTEX_CLOCK_REALTIME != 0 {
            stamp.saturating_sub(kernel.clock.realtime())
        } else {
            stamp.saturating_sub(kernel.clock.monotonic())
        };
        Time(now.saturating_add(since))
    }

    /// Wakes up to `count` sleepers on a word. Returns how many.
    pub(super) fn wake(&mut self, pid: Pid, word: u64, count: u32, mask: u32) -> i64 {
        let mut sleepers: Vec<_> = self
            .table
            .tasks
            .iter_mut()
            .filter(|task| task.pid == pid)
            .filter_map(|task| task.held.as_mut())
            .filter_map(|held| match &mut held.wait {
                Wait::Futex { address, bits, woken, .. }
                    if *address == word && *bits & mask != 0 && !*woken =>
                {
                    Some((held.since, woken))
                }
                _ => None,
            })
            .collect();
        sleepers.sort_by_key(|(since, _)| *since);
        let count = sleepers.len().min(count as usize);
        sleepers.iter_mut().take(count).for_each(|(_, woken)| **woken = true);
        count as i64
    }
}
