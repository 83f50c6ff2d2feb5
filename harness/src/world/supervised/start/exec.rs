//! What is done to a process that has executed a program, before that has run an instruction.
//!
//! Its auxiliary vector is changed: without AT_SYSINFO_EHDR libc asks Linux for the time instead of
//! the vDSO, and AT_RANDOM points to bytes that are the same in every run. And it cannot read the
//! time stamp counter. Must not know: what the program is, and who made it run.

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::remote_calls::{CODE, read_code, write_code};
use super::tsc::{self, Forbidden};
use crate::world::supervised::memory::Memory;

/// What AT_RANDOM points to; libc takes its stack protector and pointer guard from it.
const RANDOM: [u8; 16] = *b"sabot is no dice";
/// How far below the stack pointer the memory for remote calls starts.
const SCRATCH: u64 = 1 << 14;

/// Prepares a process that is stopped at the end of an exec and may not read the time stamp
/// counter.
pub fn prepare(host: i32) -> Result<(), String> {
    fix_auxiliary_vector(host).map_err(|errno| format!("auxiliary vector: {errno}"))?;
    let pid = Pid::from_raw(host);
    let failed = |errno: Errno| format!("ptrace: {errno}");
    let start = ptrace::getregs(pid).map_err(failed)?;
    let code = read_code(pid, start.rip).map_err(failed)?;
    write_code(pid, start.rip, &CODE).map_err(failed)?;
    let table = (start.rsp - SCRATCH) & !15;
    tsc::arm(pid, &start, start.rip, table, Forbidden::Already)?;
    write_code(pid, start.rip, &code).map_err(failed)?;
    // The result of the exec, which it would have got from Linux.
    let start = libc::user_regs_struct { rax: 0, orig_rax: u64::MAX, ..start };
    ptrace::setregs(pid, start).map_err(failed)
}

/// Changes the auxiliary vector as the module says. Returns AT_ENTRY.
pub fn fix_auxiliary_vector(host: i32) -> Result<u64, Errno> {
    let memory = Memory(host);
    let mut at = auxiliary_vector(memory, ptrace::getregs(Pid::from_raw(host))?.rsp)?;
    let mut entry = 0;
    loop {
        match memory.u64(at)? {
            libc::AT_NULL => return Ok(entry),
            libc::AT_ENTRY => entry = memory.u64(at + 8)?,
            libc::AT_SYSINFO_EHDR => memory.write(at, &libc::AT_IGNORE.to_ne_bytes())?,
            libc::AT_RANDOM => memory.write(memory.u64(at + 8)?, &RANDOM)?,
            _ => {}
        }
        at += 16;
    }
}

/// Where the auxiliary vector of a new program starts: on its stack, behind argc, argv and envp.
pub fn auxiliary_vector(memory: Memory, stack: u64) -> Result<u64, Errno> {
    let mut at = stack + 8 * (1 + memory.u64(stack)? + 1);
    while memory.u64(at)? != 0 {
        at += 8;
    }
    Ok(at + 8)
}
