//! From exec to the entry point: runs the dynamic linker and the constructors of libraries.
//!
//! Every call is checked ([`super::inherited`]). Calls that change nothing but memory are fine,
//! because memory is copied. Must not know: what becomes of the process.

use std::fs;

use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::inherited::while_linking;
use super::start_key::StartKey;
use super::view::View;
use super::watched::{Noted, Watched};
use crate::world::supervised::memory::Memory;

/// A process at its entry point.
#[derive(Debug)]
pub struct Linked {
    pub entry: u64,
    pub registers: user_regs_struct,
    /// The auxiliary vector, with its end.
    pub auxiliary: Vec<u64>,
    pub noted: Noted,
}

/// Lets a process that is stopped at its exec run up to `entry`, in its view. It stays traced.
/// Fails with the reason if the process does something that a copy could not inherit.
pub fn link(pid: Pid, entry: u64, key: &StartKey, view: &View) -> Result<Linked, String> {
    let failed = |errno: Errno| format!("ptrace: {errno}");
    let at = entry as ptrace::AddressType;
    let original = ptrace::read(pid, at).map_err(failed)?;
    ptrace::write(pid, at, original & !0xff | 0xcc).map_err(failed)?;
    let mut watched = Watched::new(pid, key, view, Noted::default());
    while let Some(call) = watched.next_call()? {
        while_linking(watched.memory(), &call)?;
        watched.make(&call)?;
    }
    ptrace::write(pid, at, original).map_err(failed)?;
    let registers = watched.registers()?;
    if registers.rip != entry + 1 {
        return Err(format!("it stopped at {:#x} instead of its entry point", registers.rip));
    }
    if !has_only_streams(pid) {
        return Err("its libraries keep files open".to_string());
    }
    let auxiliary = auxiliary(pid, registers.rsp).map_err(failed)?;
    Ok(Linked { entry, registers, auxiliary, noted: watched.noted })
}

/// The auxiliary vector, up to and including its end.
fn auxiliary(pid: Pid, stack: u64) -> Result<Vec<u64>, Errno> {
    let memory = Memory(pid.as_raw());
    let mut at = super::exec::auxiliary_vector(memory, stack)?;
    let mut words = Vec::new();
    loop {
        let kind = memory.u64(at)?;
        words.extend([kind, memory.u64(at + 8)?]);
        if kind == libc::AT_NULL {
            return Ok(words);
        }
        at += 16;
    }
}

/// Whether a process has nothing open but its standard streams and what it was started with.
fn has_only_streams(pid: Pid) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|open| open.count() == 4)
}
