//! Calls about the time stamp counter: see [`crate::world::supervised::start::tsc`].
//!
//! Must not know: who reads it and why.

use nix::errno::Errno;

use super::{Action, Trouble};
use crate::kernel::Clock;
use crate::world::Broken;
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::start::tsc;

/// Where `struct ucontext` has its registers, and which of them these are.
const REGISTERS: u64 = 40;
const RDX: u64 = REGISTERS + 8 * 12;
const RAX: u64 = REGISTERS + 8 * 13;
const RCX: u64 = REGISTERS + 8 * 14;
const RIP: u64 = REGISTERS + 8 * 16;
const RDTSC: [u8; 2] = [0x0f, 0x31];
const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];
/// The size of a signal set.
const SET: u64 = 8;

/// Carries out the instruction that a SIGSEGV has interrupted, if it reads the counter: it counts
/// nanoseconds. What the handler's question returns.
pub fn read_counter(memory: Memory, context: u64, clock: &Clock) -> Result<i64, Errno> {
    let rip = memory.u64(context + RIP)?;
    let code = memory.up_to(rip, RDTSCP.len())?;
    let (length, with_processor) = match code.as_slice() {
        [a, b, ..] if [*a, *b] == RDTSC => (RDTSC.len(), false),
        code if code == RDTSCP => (RDTSCP.len(), true),
        _ => return Ok(1),
    };
    let count = clock.monotonic();
    memory.write(context + RAX, &(count & 0xffff_ffff).to_ne_bytes())?;
    memory.write(context + RDX, &(count >> 32).to_ne_bytes())?;
    if with_processor {
        memory.write(context + RCX, &0u64.to_ne_bytes())?;
    }
    memory.write(context + RIP, &(rip + length as u64).to_ne_bytes())?;
    Ok(0)
}

impl Supervised {
    /// sigaction(2) for SIGSEGV and prctl(PR_SET_TSC); None: it is another call.
    pub(super) fn about_the_counter(&self, notice: &Notice) -> Result<Option<Action>, Trouble> {
        match notice.number {
            libc::SYS_rt_sigaction => {
                let told = segv_action(Memory(notice.tid), notice.args)?;
                Ok(Some(Action::value(told)))
            }
            libc::SYS_prctl => Err(Trouble::Broken(Broken::NotMeasured(
                "the server changes who may read the time stamp counter (PR_SET_TSC)".to_string(),
            ))),
            _ => Ok(None),
        }
    }
}

/// rt_sigaction(2) with these arguments: sets and tells what the program believes to be its action.
pub fn segv_action(memory: Memory, args: [u64; 6]) -> Result<i64, Errno> {
    let [_, new, old, size, ..] = args;
    if size != SET {
        return Err(Errno::EINVAL);
    }
    let before = memory.read(tsc::ACTION, tsc::ACTION_SIZE)?;
    if new != 0 {
        memory.write(tsc::ACTION, &memory.read(new, tsc::ACTION_SIZE)?)?;
    }
    if old != 0 {
        memory.write(old, &before)?;
    }
    Ok(0)
}
