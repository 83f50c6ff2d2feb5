//! The registers of a stopped thread, as instructions name them and as ptrace(2) tells them.
//!
//! Must not know: which instructions.

use iced_x86::Register;
use libc::{user_fpregs_struct, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// How far from its stack pointer memory is the thread's own, in bytes: below and above.
const OWN_STACK: (u64, u64) = (1 << 12, 1 << 16);

/// The general registers, as [`general`] orders them.
pub const GENERAL: [Register; 16] = [
    Register::RSP,
    Register::RAX,
    Register::RBX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::RBP,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

pub fn general(registers: &user_regs_struct) -> [u64; 16] {
    let r = registers;
    [
        r.rsp, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12,
        r.r13, r.r14, r.r15,
    ]
}

pub fn value(registers: &user_regs_struct, register: Register) -> Option<u64> {
    match register {
        Register::FS => Some(registers.fs_base),
        Register::GS => Some(registers.gs_base),
        Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
        _ => {
            let at = GENERAL.iter().position(|known| *known == register)?;
            Some(general(registers)[at])
        }
    }
}

/// The registers for floating point and vectors, as far as fxsave stores them.
pub fn vectors(tid: i32) -> Result<([u32; 32], [u32; 64]), Errno> {
    let pid = Pid::from_raw(tid);
    let all: user_fpregs_struct = ptrace::getregset::<ptrace::regset::NT_PRFPREG>(pid)?;
    Ok((all.st_space, all.xmm_space))
}

pub fn is_own_stack(registers: &user_regs_struct, at: u64) -> bool {
    let (below, above) = OWN_STACK;
    (registers.rsp.saturating_sub(below)..registers.rsp.saturating_add(above)).contains(&at)
}

/// Whether registers at the same place of three passes differ in nothing but a counter.
pub fn is_one_loop(passes: [&user_regs_struct; 3]) -> bool {
    let [first, second, third] = passes.map(general);
    let mut counters = 0;
    for ((first, second), third) in first.iter().zip(second).zip(third) {
        let delta = second.wrapping_sub(*first);
        if third.wrapping_sub(second) != delta {
            return false;
        }
        counters += usize::from(delta != 0);
    }
    counters <= 1
}
