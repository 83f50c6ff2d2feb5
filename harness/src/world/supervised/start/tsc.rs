//! The time stamp counter, a clock that needs no system call: Linux lets a process forbid itself to
//! read it (PR_SET_TSC), and then rdtsc and rdtscp end in SIGSEGV.
//!
//! A page of code of ours handles that signal. It asks the supervisor by a system call that Linux
//! does not have, [`READ`], which puts the virtual time into the registers of the interrupted
//! instruction and skips it. Any other SIGSEGV goes to the handler that the program believes to
//! have installed: its sigaction(2) for this signal is kept in a page of data, and never reaches
//! Linux. Pages, handler and prohibition are inherited by threads and forks; an exec takes the
//! pages away, so each program gets them anew.
//!
//! The signal mask of the program's handler is not applied, and a thread that blocks SIGSEGV and
//! reads the counter dies of it. Must not know: what the time is.

use libc::{c_long, user_regs_struct};
use nix::errno::Errno;
use nix::unistd::Pid;

use super::remote_calls::{Batch, CODE, RemoteCall};
use crate::world::supervised::memory::Memory;

/// The call by which the handler asks; Linux has none of this number.
pub const READ: c_long = 0x5ab0;
/// Where the page of code is: nothing else is ever put there, because programs lie below and
/// libraries far above. The page of data follows.
pub const PAGE: u64 = 0x1000_0000_0000;
/// What the program believes to be its action for SIGSEGV, as in rt_sigaction(2).
pub const ACTION: u64 = PAGE + SIZE;
/// The size of such an action: handler, flags, restorer and mask.
pub const ACTION_SIZE: usize = 32;

const SIZE: u64 = 4096;
/// The default action, and the real one.
const DEFAULT: u64 = ACTION + 32;
const OURS: u64 = ACTION + 64;
/// A copy of [`CODE`], whose calls the filter knows by their address.
const REMOTE: u64 = PAGE + 2048;
/// Where [`HANDLER`] returns from the signal.
const RESTORER: u64 = PAGE + 0x5b;
/// SA_RESTORER of asm/signal.h.
const SA_RESTORER: u64 = 0x0400_0000;

/// The handler, for `handler(signal, siginfo, ucontext)` in rdi, rsi, rdx.
///
/// ```text
///           cmp dword [rsi+8], SI_KERNEL     only a forbidden instruction has that code
///           jne chain
///           mov eax, READ
///           syscall                          0: it was one of ours
///           test rax, rax
///           jnz chain
///           ret
/// chain:    mov rax, [handler]
///           test [flags], SA_RESETHAND
///           jz 1f
///           mov qword [handler], SIG_DFL
/// 1:        cmp rax, SIG_IGN
///           je 2f
///           jb die
///           jmp rax
/// 2:        ret
/// die:      rt_sigaction(SIGSEGV, default, NULL, 8)
///           hlt                              forbidden, too, and now nobody handles it
/// restorer: rt_sigreturn()
/// ```
const HANDLER: [u8; 0x62] = [
    0x81, 0x7e, 0x08, 0x80, 0x00, 0x00, 0x00, 0x75, 0x0d, 0xb8, 0xb0, 0x5a, 0x00, 0x00, 0x0f, 0x05,
    0x48, 0x85, 0xc0, 0x75, 0x01, 0xc3, 0x48, 0x8b, 0x05, 0xe3, 0x0f, 0x00, 0x00, 0xf7, 0x05, 0xe4,
    0x0f, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x74, 0x0b, 0x48, 0xc7, 0x05, 0xcc, 0x0f, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x48, 0x83, 0xf8, 0x01, 0x74, 0x04, 0x72, 0x03, 0xff, 0xe0, 0xc3, 0xb8,
    0x0d, 0x00, 0x00, 0x00, 0xbf, 0x0b, 0x00, 0x00, 0x00, 0x48, 0x8d, 0x35, 0xd0, 0x0f, 0x00, 0x00,
    0x31, 0xd2, 0x41, 0xba, 0x08, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xf4, 0xb8, 0x0f, 0x00, 0x00, 0x00,
    0x0f, 0x05,
];

/// When the prohibition is put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is already: it survives an exec.
    Already,
    Now,
}

/// Gives a stopped process the pages and the handler. It has [`CODE`] at `code` and room for a
/// table of calls at `table`; `registers` are those that it is to go on with.
pub fn arm(
    pid: Pid,
    registers: &user_regs_struct,
    code: u64,
    table: u64,
    forbidden: Forbidden,
) -> Result<(), String> {
    let failed = |errno: Errno| format!("time stamp counter: {errno}");
    let go = |code: u64, calls: &[RemoteCall]| {
        let batch = Batch::begin(pid, registers, code, table, calls).map_err(failed)?;
        batch.end().map(drop)
    };
    let (read, write, execute) = (libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC);
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let [data, kind] = [read | write, kind].map(|bits| bits as u64);
    go(code, &[RemoteCall::new("mmap", libc::SYS_mmap, &[PAGE, 2 * SIZE, data, kind, u64::MAX])])?;
    let memory = Memory(pid.as_raw());
    memory.write(PAGE, &HANDLER).map_err(failed)?;
    memory.write(REMOTE, &CODE).map_err(failed)?;
    memory.write(OURS, &action()).map_err(failed)?;
    let mut calls = vec![RemoteCall::new(
        "mprotect",
        libc::SYS_mprotect,
        &[PAGE, SIZE, (read | execute) as u64],
    )];
    if forbidden == Forbidden::Now {
        let [set, to] = [libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV].map(|word| word as u64);
        calls.push(RemoteCall::new("prctl", libc::SYS_prctl, &[set, to]));
    }
    go(code, &calls)?;
    let signal = libc::SIGSEGV as u64;
    go(REMOTE, &[RemoteCall::new("sigaction", libc::SYS_rt_sigaction, &[signal, OURS, 0, 8])])
}

/// The real action, as Linux reads it.
fn action() -> Vec<u8> {
    let flags = (libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_ONSTACK) as u64 | SA_RESTORER;
    [PAGE, flags, RESTORER, 0].into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// Keeps [`DEFAULT`] where [`HANDLER`] looks for it.
const _: () = assert!(DEFAULT == PAGE + 0x1020 && HANDLER[0x4c] == 0xd0);
