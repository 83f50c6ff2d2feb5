//! From exec to the entry point: runs the dynamic linker and the constructors of libraries.
//!
//! Every call is checked. Calls that change nothing but memory are fine, because memory is copied.
//! The process gets the same answers as from the supervisor: the time of the run, its random
//! numbers, stand-ins for files that differ from machine to machine. Must not know: what becomes of
//! the process.

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
use super::view::View;
use crate::world::supervised::calls::time::answer_at_once;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::stand_in;

/// Calls that change nothing but memory, signal handlers and thread registers, and whose results do
/// not depend on when they are made.
const HARMLESS: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_brk,
    libc::SYS_close,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fstat,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_lstat,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readlink,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sched_getaffinity,
    libc::SYS_stat,
    libc::SYS_statfs,
    libc::SYS_uname,
];

/// How far below the stack pointer a path may be written: the process does not use that much.
const SPARE: u64 = 1 << 14;

/// A process at its entry point.
#[derive(Debug)]
pub struct Linked {
    pub entry: u64,
    pub registers: user_regs_struct,
    /// The auxiliary vector, with its end.
    pub auxiliary: Vec<u64>,
    /// Where the C library keeps the thread's number, which differs in each copy.
    pub clear_tid: Option<u64>,
    /// The arguments of set_robust_list(2), which a fork does not inherit.
    pub robust_list: Option<(u64, u64)>,
    /// Whether it has asked for the time.
    pub timed: bool,
    /// How many random numbers it has drawn.
    pub drawn: u64,
}

impl Linked {
    /// The flags that fork(3) of the C library uses.
    pub fn clone_flags(&self) -> c_int {
        let set = libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
        self.clear_tid.map_or(0, |_| set)
    }
}

/// Lets a process that is stopped at its exec run up to `entry`, in its view. It stays traced.
/// Fails with the reason if the process does something that a copy could not inherit.
pub fn link(pid: Pid, entry: u64, key: &StartKey, view: &View) -> Result<Linked, String> {
    let failed = |errno: Errno| format!("ptrace: {errno}");
    let at = entry as ptrace::AddressType;
    let original = ptrace::read(pid, at).map_err(failed)?;
    ptrace::write(pid, at, original & !0xff | 0xcc).map_err(failed)?;
    let mut found = Found {
        pid,
        key,
        stand_in: PathBuf::from(format!("/stand-in-{pid}")),
        view,
        redirected: None,
        clear_tid: None,
        robust_list: None,
        timed: false,
        drawn: 0,
    };
    let mut inside = false;
    loop {
        ptrace::syscall(pid, None).map_err(failed)?;
        match waitpid(pid, None).map_err(failed)? {
            WaitStatus::PtraceSyscall(_) => {
                inside = !inside;
                let registers = ptrace::getregs(pid).map_err(failed)?;
                if inside { found.enters(&registers)? } else { found.leaves(&registers)? }
            }
            WaitStatus::Stopped(_, Signal::SIGTRAP) => break,
            other => return Err(format!("it did not come to its entry point: {other:?}")),
        }
    }
    ptrace::write(pid, at, original).map_err(failed)?;
    let registers = ptrace::getregs(pid).map_err(failed)?;
    if registers.rip != entry + 1 {
        return Err(format!("it stopped at {:#x} instead of its entry point", registers.rip));
    }
    if !has_only_streams(pid) {
        return Err("its libraries keep files open".to_string());
    }
    let auxiliary = auxiliary(pid, registers.rsp).map_err(failed)?;
    let Found { clear_tid, robust_list, timed, drawn, .. } = found;
    Ok(Linked { entry, registers, auxiliary, clear_tid, robust_list, timed, drawn })
}

/// What was found out on the way.
struct Found<'a> {
    pid: Pid,
    key: &'a StartKey,
    view: &'a View,
    /// In the view.
    stand_in: PathBuf,
    /// The original registers of a call that now opens a stand-in.
    redirected: Option<user_regs_struct>,
    clear_tid: Option<u64>,
    robust_list: Option<(u64, u64)>,
    timed: bool,
    drawn: u64,
}

impl Found<'_> {
    fn enters(&mut self, registers: &user_regs_struct) -> Result<(), String> {
        let user_regs_struct { rdi, rsi, rdx, r10, .. } = *registers;
        let number = registers.orig_rax as c_long;
        let reads = |flags: u64| flags as c_int & libc::O_ACCMODE == libc::O_RDONLY;
        let fine = match number {
            libc::SYS_set_tid_address => {
                self.clear_tid = Some(rdi);
                true
            }
            libc::SYS_set_robust_list => {
                self.robust_list = Some((rdi, rsi));
                true
            }
            libc::SYS_open => reads(rsi) && self.redirect(registers, rdi)?,
            libc::SYS_openat => reads(rdx) && self.redirect(registers, rsi)?,
            libc::SYS_mmap => r10 as c_int & libc::MAP_TYPE == libc::MAP_PRIVATE,
            libc::SYS_futex => rsi as c_int & !libc::FUTEX_PRIVATE_FLAG == libc::FUTEX_WAKE,
            libc::SYS_prctl => rdi as c_int == libc::PR_CAPBSET_READ,
            libc::SYS_prlimit64 => rdx == 0,
            libc::SYS_clock_gettime | libc::SYS_gettimeofday | libc::SYS_time => {
                self.timed = true;
                true
            }
            libc::SYS_getrandom => true,
            _ => HARMLESS.contains(&number),
        };
        if fine {
            return Ok(());
        }
        Err(format!("it makes system call {number} before it begins"))
    }

    /// If the file has a stand-in, makes the call open that.
    fn redirect(&mut self, registers: &user_regs_struct, path: u64) -> Result<bool, String> {
        let failed = |errno: Errno| format!("a stand-in: {errno}");
        let memory = Memory(self.pid.as_raw());
        let Ok(name) = memory.path(path) else { return Ok(true) };
        let Some(content) = stand_in::content(&name, &self.key.clock) else {
            return match name.starts_with("/proc") {
                true => Err(format!("it opens {name} before it begins")),
                false => Ok(true),
            };
        };
        self.timed |= stand_in::tells_time(&name);
        fs::write(self.view.outside(&self.stand_in), content)
            .map_err(|error| format!("a stand-in: {error}"))?;
        let at = registers.rsp - SPARE;
        let name = [self.stand_in.as_os_str().as_bytes(), &[0]].concat();
        memory.write(at, &name).map_err(failed)?;
        let mut other = *registers;
        if registers.orig_rax as c_long == libc::SYS_open {
            other.rdi = at;
        } else {
            other.rsi = at;
        }
        ptrace::setregs(self.pid, other).map_err(failed)?;
        self.redirected = Some(*registers);
        Ok(true)
    }

    /// Gives the answer that the supervisor would give.
    fn leaves(&mut self, registers: &user_regs_struct) -> Result<(), String> {
        let user_regs_struct { rdi, rsi, rdx, r10, r8, r9, .. } = *registers;
        let mut after = *registers;
        if let Some(before) = self.redirected.take() {
            (after.rdi, after.rsi) = (before.rdi, before.rsi);
            let _ = fs::remove_file(self.view.outside(&self.stand_in));
        }
        let number = registers.orig_rax as c_long;
        let args = [rdi, rsi, rdx, r10, r8, r9];
        let memory = Memory(self.pid.as_raw());
        let told = answer_at_once(memory, number, args, &self.key.clock, &mut self.drawn)
            .map_err(|errno| format!("system call {number}: {errno}"))?;
        if let Some(value) = told {
            after.rax = value as u64;
        }
        if after == *registers {
            return Ok(());
        }
        ptrace::setregs(self.pid, after).map_err(|errno| format!("ptrace: {errno}"))
    }
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
