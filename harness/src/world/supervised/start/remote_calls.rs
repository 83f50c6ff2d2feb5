//! Remote calls: system calls that a stopped process makes on the supervisor's behalf.
//!
//! A few instructions are written over its code. They make one call after the other from a table in
//! the memory of the process, replace the number of each by its result, and stop at a breakpoint.
//! Must not know: what the calls are for.

use libc::{c_long, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::world::supervised::memory::Memory;

/// rbx points to the next row of the table; rbp says how many are left.
///
/// ```text
/// next: mov rax, [rbx]      mov rdi, [rbx+8]    mov rsi, [rbx+16]   mov rdx, [rbx+24]
///       mov r10, [rbx+32]   mov r8, [rbx+40]    mov r9, [rbx+48]    syscall
///       mov [rbx], rax      add rbx, 56         dec rbp             jnz next
///       int3
/// ```
pub const CODE: [u8; 48] = [
    0x48, 0x8b, 0x03, 0x48, 0x8b, 0x7b, 0x08, 0x48, 0x8b, 0x73, 0x10, 0x48, 0x8b, 0x53, 0x18, 0x4c,
    0x8b, 0x53, 0x20, 0x4c, 0x8b, 0x43, 0x28, 0x4c, 0x8b, 0x4b, 0x30, 0x0f, 0x05, 0x48, 0x89, 0x03,
    0x48, 0x83, 0xc3, 0x38, 0x48, 0xff, 0xcd, 0x75, 0xd7, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
];
const WORD: usize = size_of::<c_long>();

/// A call with its arguments, and its name in error messages.
#[derive(Clone, Copy, Debug)]
pub struct RemoteCall {
    what: &'static str,
    row: [u64; 7],
}

impl RemoteCall {
    pub fn new(what: &'static str, number: c_long, args: &[u64]) -> RemoteCall {
        let mut row = [0; 7];
        row[0] = number as u64;
        row[1..=args.len()].copy_from_slice(args);
        RemoteCall { what, row }
    }
}

/// Calls that a process is making.
#[derive(Debug)]
pub struct Batch<'a> {
    pid: Pid,
    table: u64,
    calls: &'a [RemoteCall],
}

impl Batch<'_> {
    /// Makes the stopped process `pid` start with these calls. It has [`CODE`] at `code` and room
    /// for the table at `table`. Registers that the code does not use are set from `registers`.
    pub fn begin<'a>(
        pid: Pid,
        registers: &user_regs_struct,
        code: u64,
        table: u64,
        calls: &'a [RemoteCall],
    ) -> Result<Batch<'a>, Errno> {
        let rows: Vec<u8> =
            calls.iter().flat_map(|call| call.row).flat_map(u64::to_ne_bytes).collect();
        Memory(pid.as_raw()).write(table, &rows)?;
        let start = user_regs_struct {
            rip: code,
            rbx: table,
            rbp: calls.len() as u64,
            // Otherwise Linux might restart a call that was interrupted by the stop.
            orig_rax: u64::MAX,
            ..*registers
        };
        ptrace::setregs(pid, start)?;
        ptrace::cont(pid, None)?;
        Ok(Batch { pid, table, calls })
    }

    /// Waits for the end. Returns the result of the last call; fails if any call has failed.
    pub fn end(self) -> Result<i64, String> {
        match waitpid(self.pid, None) {
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => self.results(self.calls.len()),
            other => Err(format!("expected a breakpoint, got {other:?}")),
        }
    }

    /// The result of the last of the first `count` calls, which must be over; fails if any of them
    /// has failed.
    pub fn results(&self, count: usize) -> Result<i64, String> {
        let memory = Memory(self.pid.as_raw());
        let mut last = 0;
        for (n, call) in self.calls[..count].iter().enumerate() {
            let row = self.table + size_of_val(&call.row) as u64 * n as u64;
            last = memory.u64(row).map_err(|errno| format!("{}: {errno}", call.what))? as i64;
            if last < 0 {
                return Err(format!("{}: {}", call.what, Errno::from_raw(-last as i32)));
            }
        }
        Ok(last)
    }
}

/// The code of a program at an address, as many bytes as [`CODE`] has.
pub fn read_code(pid: Pid, at: u64) -> Result<[u8; CODE.len()], Errno> {
    Memory(pid.as_raw()).array(at)
}

/// Overwrites the code of a stopped process, which gets copies of those pages.
pub fn write_code(pid: Pid, at: u64, code: &[u8; CODE.len()]) -> Result<(), Errno> {
    for (n, word) in code.chunks_exact(WORD).enumerate() {
        let word = c_long::from_ne_bytes(word.try_into().expect("a word"));
        ptrace::write(pid, (at as usize + n * WORD) as ptrace::AddressType, word)?;
    }
    Ok(())
}
