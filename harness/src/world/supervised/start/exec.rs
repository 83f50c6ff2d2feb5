//! What is done to a process that has executed a program, before that has run an instruction.
//!
//! Its auxiliary vector is changed: AT_SYSINFO_EHDR leads to a vDSO that knows virtual time, and
//! AT_RANDOM to bytes that are the same in every run. And it cannot read the time stamp counter.
//! Must not know: what the program is, and who made it run.

use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::remote_calls::{CODE, read_code, write_code};
use super::tsc::{self, Forbidden};
use super::vdso;
use crate::world::supervised::memory::Memory;

/// What AT_RANDOM points to; libc takes its stack protector and pointer guard from it.
const RANDOM: [u8; 16] = *b"sabot is no dice";
/// How far below the stack pointer the memory for remote calls starts.
const SCRATCH: u64 = 1 << 14;

/// Where a process has its clock from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// It has the time page as a descriptor.
    Page,
    /// Only from system calls: libc makes those where there is no vDSO.
    Calls,
}

/// Prepares a process that is stopped at the end of an exec and may not read the time stamp
/// counter.
pub fn prepare(host: i32, clocks: Clocks) -> Result<(), String> {
    prepare_with(host, clocks, |pid, start, table| {
        tsc::arm(pid, start, start.rip, table, Forbidden::Already)
    })
    .map(drop)
}

/// Prepares a process that is stopped at the end of an exec, except for the time stamp counter.
/// Returns AT_ENTRY.
pub fn prepare_for_linking(host: i32) -> Result<u64, String> {
    prepare_with(host, Clocks::Page, |_, _, _| Ok(()))
}

fn prepare_with(
    host: i32,
    clocks: Clocks,
    besides: impl FnOnce(Pid, &user_regs_struct, u64) -> Result<(), String>,
) -> Result<u64, String> {
    let pid = Pid::from_raw(host);
    let failed = |errno: Errno| format!("ptrace: {errno}");
    let start = ptrace::getregs(pid).map_err(failed)?;
    let code = read_code(pid, start.rip).map_err(failed)?;
    write_code(pid, start.rip, &CODE).map_err(failed)?;
    let table = (start.rsp - SCRATCH) & !15;
    let vdso = match clocks {
        Clocks::Page => Some(vdso::map(pid, &start, start.rip, table)?),
        Clocks::Calls => None,
    };
    besides(pid, &start, table)?;
    write_code(pid, start.rip, &code).map_err(failed)?;
    let entry = fix_auxiliary_vector(host, start.rsp, vdso)
        .map_err(|errno| format!("auxiliary vector: {errno}"))?;
    // The result of the exec, which it would have got from Linux.
    let start = user_regs_struct { rax: 0, orig_rax: u64::MAX, ..start };
    ptrace::setregs(pid, start).map_err(failed)?;
    Ok(entry)
}

/// Changes the auxiliary vector as the module says. Returns AT_ENTRY.
fn fix_auxiliary_vector(host: i32, stack: u64, vdso: Option<u64>) -> Result<u64, Errno> {
    let memory = Memory(host);
    let mut at = auxiliary_vector(memory, stack)?;
    let mut entry = 0;
    loop {
        match (memory.u64(at)?, vdso) {
            (libc::AT_NULL, _) => return Ok(entry),
            (libc::AT_ENTRY, _) => entry = memory.u64(at + 8)?,
            (libc::AT_SYSINFO_EHDR, Some(image)) => memory.write(at + 8, &image.to_ne_bytes())?,
            (libc::AT_SYSINFO_EHDR, None) => memory.write(at, &libc::AT_IGNORE.to_ne_bytes())?,
            (libc::AT_RANDOM, _) => memory.write(memory.u64(at + 8)?, &RANDOM)?,
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
