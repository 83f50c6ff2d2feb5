//! Time and randomness: clocks, sleeping, random numbers.
//!
//! Each run has its virtual clock, and each start of the server a stream of random numbers that is
//! always the same.
//! Must not know: who asks and why.

use std::cell::Cell;
use std::time::Duration;

use libc::c_long;
use nix::errno::Errno;

use super::tsc::read_counter;
use super::{Action, Outcome};
use crate::kernel::{Clock, Time};
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::stand_in::random;
use crate::world::supervised::start::tsc;
use crate::world::supervised::tasks::Wait;

const SECOND: u64 = 1_000_000_000;
/// The most that one call returns, in bytes.
const MOST_RANDOM: u64 = 1 << 16;

/// Answers calls for the time or random numbers, which never wait: writes the result to memory, and
/// says what the call returns. None: it is another call.
pub fn answer_at_once(
    memory: Memory,
    number: c_long,
    args: [u64; 6],
    clock: &Clock,
    drawn: &mut u64,
) -> Result<Option<i64>, Errno> {
    match number {
        libc::SYS_clock_gettime => {
            let nanos = read(clock, args[0] as i32);
            memory.write_time(args[1], nanos / SECOND, nanos % SECOND)?;
        }
        libc::SYS_gettimeofday => {
            let nanos = clock.realtime();
            if args[0] != 0 {
                memory.write_time(args[0], nanos / SECOND, nanos % SECOND / 1000)?;
            }
            if args[1] != 0 {
                memory.write(args[1], &[0; 8])?;
            }
        }
        libc::SYS_time => {
            let seconds = clock.realtime() / SECOND;
            if args[0] != 0 {
                memory.write(args[0], &seconds.to_ne_bytes())?;
            }
            return Ok(Some(seconds as i64));
        }
        libc::SYS_getrandom => {
            let len = args[1].min(MOST_RANDOM);
            memory.write(args[0], &random(*drawn, len as usize))?;
            *drawn += 1;
            return Ok(Some(len as i64));
        }
        tsc::READ => return read_counter(memory, args[2], clock).map(Some),
        _ => return Ok(None),
    }
    Ok(Some(0))
}

/// Clocks of CPU time advance like the others, even while a process waits.
fn read(clock: &Clock, id: i32) -> u64 {
    match id {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => clock.realtime(),
        _ => clock.monotonic(),
    }
}

impl Supervised {
    /// [`tell`] to the caller of a trapped call.
    pub(in super::super) fn time(&self, notice: &Notice) -> Result<Option<Action>, Errno> {
        let clock = &self.kernel.borrow().clock;
        let incarnation = self.table.task(notice.tid).and_then(|task| self.table.process(task.pid));
        let drawn = incarnation.map(|process| &process.incarnation.drawn);
        let mut next = drawn.map_or(0, Cell::get);
        let memory = Memory(notice.tid);
        let told = answer_at_once(memory, notice.number, notice.args, clock, &mut next)?;
        drawn.inspect(|drawn| drawn.set(next));
        Ok(told.map(Action::value))
    }

    fn clock(&self, id: i32) -> u64 {
        read(&self.kernel.borrow().clock, id)
    }

    /// nanosleep(2) and clock_nanosleep(2).
    pub(super) fn sleep(&self, notice: &Notice) -> Outcome {
        let (absolute, id, request, remaining) = match notice.number {
            libc::SYS_nanosleep => (false, libc::CLOCK_MONOTONIC, notice.args[0], notice.args[1]),
            _ => {
                let absolute = notice.int(1) & libc::TIMER_ABSTIME != 0;
                (absolute, notice.int(0), notice.args[2], notice.args[3])
            }
        };
        let (seconds, nanos) = Memory(notice.tid).time(request)?;
        if seconds < 0 || !(0..SECOND as i64).contains(&nanos) {
            return Ok(Action::error(Errno::EINVAL));
        }
        let stamp = (seconds as u64).saturating_mul(SECOND).saturating_add(nanos as u64);
        let since = if absolute { stamp.saturating_sub(self.clock(id)) } else { stamp };
        let until = self.kernel.borrow().now() + Duration::from_nanos(since);
        if since == 0 {
            return Ok(Action::value(0));
        }
        let remaining = if absolute { 0 } else { remaining };
        Ok(Action::hold(Wait::Sleep { until, remaining }))
    }

    /// Ends a sleep: its time is over, or a signal has come.
    pub(super) fn end_sleep(
        &self,
        notice: &Notice,
        until: Time,
        remaining: u64,
        interrupted: bool,
    ) -> Outcome {
        let left = (until - self.kernel.borrow().now()).as_nanos() as u64;
        if !interrupted || left == 0 {
            return Ok(Action::value(0));
        }
        if remaining != 0 {
            Memory(notice.tid).write_time(remaining, left / SECOND, left % SECOND)?;
        }
        Ok(Action::error(Errno::EINTR))
    }
}
