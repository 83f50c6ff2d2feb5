//! System calls made by a stopped process on the supervisor's behalf.
//!
//! A few instructions are written over the code at some place. They make one call after the other
//! from a table that lies in the process' memory, put each result where the number was, and stop at
//! a breakpoint. Must not know: what the calls are for.

use libc::{c_long, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::world::supervised::memory::Memory;

/// rbx: the next row of the table; rbp: how many there are.
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

/// A call with its arguments, and what to call it when it fails.
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

/// Calls that a process has been set to make.
#[derive(Debug)]
pub struct Batch<'a> {
    pid: Pid,
    table: u64,
    calls: &'a [RemoteCall],
}

impl Batch<'_> {
    /// Sets the stopped process `pid`, which has [`CODE`] at `code` and room for a table at
    /// `table`, going. Registers that the code does not use are as in `registers`.
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
            // No call is in progress that might have to be made again.
            orig_rax: u64::MAX,
            ..*registers
        };
        ptrace::setregs(pid, start)?;
        ptrace::cont(pid, None)?;
        Ok(Batch { pid, table, calls })
    }

    /// Waits for the end and returns what the last call did. Fails if any call has.
    pub fn end(self) -> Result<i64, String> {
        match waitpid(self.pid, None) {
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => self.results(self.calls.len()),
            other => Err(format!("expected a breakpoint, got {other:?}")),
        }
    }

    /// The result of the last of the first `count` calls, which must be over.
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

/// What stands at a place of the program, as much as [`CODE`] takes.
pub fn read_code(pid: Pid, at: u64) -> Result<[u8; CODE.len()], Errno> {
    Memory(pid.as_raw()).array(at)
}

/// Writes over the program of a stopped process, which gets copies of the pages concerned.
pub fn write_code(pid: Pid, at: u64, code: &[u8; CODE.len()]) -> Result<(), Errno> {
    for (n, word) in code.chunks_exact(WORD).enumerate() {
        let word = c_long::from_ne_bytes(word.try_into().expect("a word"));
        ptrace::write(pid, (at as usize + n * WORD) as ptrace::AddressType, word)?;
    }
    Ok(())
}
