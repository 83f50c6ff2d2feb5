//! A process that is traced from call to call. It gets the same answers as from the supervisor: the
//! time of the run, its random numbers, stand-ins for files that differ from machine to machine.
//!
//! Must not know: which calls it may make, and what becomes of it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use libc::{c_int, c_long, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::start_key::StartKey;
use super::tsc;
use super::view::View;
use crate::kernel::Clock;
use crate::world::supervised::calls::time::answer_at_once;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::stand_in;

/// How far below the stack pointer a path may be written: the process does not use that much.
const SPARE: u64 = 1 << 14;
/// The size of a `syscall` instruction.
const SYSCALL: u64 = 2;

/// What a process has done so far that matters to a copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noted {
    /// Where the C library keeps the thread's number, which differs in each copy.
    pub clear_tid: Option<u64>,
    /// The arguments of set_robust_list(2), which a fork does not inherit.
    pub robust_list: Option<(u64, u64)>,
    /// Whether it has asked for the time.
    pub timed: bool,
    /// How many random numbers it has drawn.
    pub drawn: u64,
}

impl Noted {
    /// The flags that fork(3) of the C library uses.
    pub fn clone_flags(&self) -> c_int {
        let set = libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
        self.clear_tid.map_or(0, |_| set)
    }
}

/// A process that is stopped, or on its way to its next stop.
#[derive(Debug)]
pub struct Watched<'a> {
    pid: Pid,
    clock: &'a Clock,
    view: &'a View,
    /// A path in the view.
    stand_in: PathBuf,
    pub noted: Noted,
}

impl<'a> Watched<'a> {
    /// A stopped process that is traced, in its view.
    pub fn new(pid: Pid, key: &'a StartKey, view: &'a View, noted: Noted) -> Watched<'a> {
        let stand_in = PathBuf::from(format!("/stand-in-{pid}"));
        Watched { pid, clock: &key.clock, view, stand_in, noted }
    }

    pub fn memory(&self) -> Memory {
        Memory(self.pid.as_raw())
    }

    /// Lets it go on until it is about to make a call; None: to a breakpoint. A signal goes to its
    /// handler: one that the time stamp counter sends, for example.
    pub fn next_call(&self) -> Result<Option<user_regs_struct>, String> {
        let mut signal = None;
        loop {
            match self.step(signal.take())? {
                WaitStatus::PtraceSyscall(_) => return self.registers().map(Some),
                WaitStatus::Stopped(_, Signal::SIGTRAP) => return Ok(None),
                WaitStatus::Stopped(_, Signal::SIGSEGV) => signal = Some(Signal::SIGSEGV),
                other => return Err(format!("it did not come to its next call: {other:?}")),
            }
        }
    }

    /// Lets it make the call that it is about to make.
    pub fn make(&mut self, call: &user_regs_struct) -> Result<user_regs_struct, String> {
        let redirected = self.note(call)?;
        self.finish_call()?;
        let registers = self.registers()?;
        let mut after = registers;
        if redirected {
            (after.rdi, after.rsi) = (call.rdi, call.rsi);
            let _ = fs::remove_file(self.outside());
        }
        let args = [call.rdi, call.rsi, call.rdx, call.r10, call.r8, call.r9];
        let (memory, drawn) = (self.memory(), &mut self.noted.drawn);
        let number = call.orig_rax as c_long;
        let told = answer_at_once(memory, number, args, self.clock, drawn)
            .map_err(|errno| format!("system call {number}: {errno}"))?;
        after.rax = told.map_or(after.rax, |value| value as u64);
        if after != registers {
            self.set_registers(after)?;
        }
        Ok(after)
    }

    /// Lets the call that it is about to make return this without being made.
    pub fn answer(&self, value: i64) -> Result<(), String> {
        let after = self.cancel()?;
        self.set_registers(user_regs_struct { rax: value as u64, ..after })
    }

    /// Takes back the call that it is about to make. Returns the registers with which it would make
    /// it again.
    pub fn take_back(&self, call: &user_regs_struct) -> Result<user_regs_struct, String> {
        let after = self.cancel()?;
        let (rax, rip, orig_rax) = (call.orig_rax, after.rip - SYSCALL, u64::MAX);
        Ok(user_regs_struct { rax, rip, orig_rax, ..after })
    }

    /// Writes a file where the process finds it; returns the path in the view.
    pub fn put_stand_in(&self, content: &[u8]) -> Result<Vec<u8>, String> {
        fs::write(self.outside(), content).map_err(|error| format!("a stand-in: {error}"))?;
        Ok([self.stand_in.as_os_str().as_bytes(), &[0]].concat())
    }

    /// Where the stand-in lies outside the view.
    pub fn outside(&self) -> PathBuf {
        self.view.outside(&self.stand_in)
    }

    /// Notes what matters of a call. If it opens a file that has a stand-in, makes it open that
    /// and returns true.
    fn note(&mut self, call: &user_regs_struct) -> Result<bool, String> {
        let user_regs_struct { rdi, rsi, .. } = *call;
        match call.orig_rax as c_long {
            libc::SYS_set_tid_address => self.noted.clear_tid = Some(rdi),
            libc::SYS_set_robust_list => self.noted.robust_list = Some((rdi, rsi)),
            libc::SYS_clock_gettime | libc::SYS_gettimeofday | libc::SYS_time | tsc::READ => {
                self.noted.timed = true;
            }
            libc::SYS_open => return self.redirect(call, rdi),
            libc::SYS_openat => return self.redirect(call, rsi),
            _ => {}
        }
        Ok(false)
    }

    fn redirect(&mut self, call: &user_regs_struct, path: u64) -> Result<bool, String> {
        let Ok(name) = self.memory().path(path) else { return Ok(false) };
        let Some(content) = stand_in::content(&name, self.clock) else { return Ok(false) };
        self.noted.timed |= stand_in::tells_time(&name);
        let at = call.rsp - SPARE;
        let name = self.put_stand_in(&content)?;
        self.memory().write(at, &name).map_err(|errno| format!("a stand-in: {errno}"))?;
        let mut other = *call;
        if call.orig_rax as c_long == libc::SYS_open {
            other.rdi = at;
        } else {
            other.rsi = at;
        }
        self.set_registers(other)?;
        Ok(true)
    }

    /// Makes the call that it is about to make one that Linux does not have, and lets it return.
    fn cancel(&self) -> Result<user_regs_struct, String> {
        self.set_registers(user_regs_struct { orig_rax: u64::MAX, ..self.registers()? })?;
        self.finish_call()?;
        self.registers()
    }

    fn finish_call(&self) -> Result<(), String> {
        match self.step(None)? {
            WaitStatus::PtraceSyscall(_) => Ok(()),
            other => Err(format!("a call did not return: {other:?}")),
        }
    }

    fn step(&self, signal: Option<Signal>) -> Result<WaitStatus, String> {
        ptrace::syscall(self.pid, signal).map_err(failed)?;
        waitpid(self.pid, None).map_err(failed)
    }

    pub fn registers(&self) -> Result<user_regs_struct, String> {
        ptrace::getregs(self.pid).map_err(failed)
    }

    fn set_registers(&self, registers: user_regs_struct) -> Result<(), String> {
        ptrace::setregs(self.pid, registers).map_err(failed)
    }
}

fn failed(errno: Errno) -> String {
    format!("ptrace: {errno}")
}
