//! The supervisor does without the time stamp counter for as long as it takes turns with a server.
//!
//! A server may not read it (`start/tsc.rs`), and Linux keeps that in a control register. Where a
//! virtual machine leaves on each write to that register, as on AMD, every switch between a task
//! that may and one that may not costs 6 µs, and a trapped call is two of them. So the supervisor's
//! thread may not either. What it reads all the same, such as the monotonic clock, makes a SIGSEGV
//! that gives the counter back to it, until the next turn.
//!
//! A program that is executed inherits the prohibition, so whoever starts one takes the counter
//! back first. Must not know: what is done without the counter.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use libc::{c_int, c_void, siginfo_t};

/// The code of a SIGSEGV for an instruction that is forbidden; of siginfo.h.
const SI_KERNEL: c_int = 0x80;

/// What SIGSEGV did before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

thread_local! {
    /// Whether this thread does without.
    static WITHOUT: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread does without the counter.
pub fn forgo() {
    if !WITHOUT.get() && (BEFORE.get().is_some() || install()) {
        WITHOUT.set(true);
        allow(libc::PR_TSC_SIGSEGV);
    }
}

/// Now it may read it again.
pub fn take_back() {
    if WITHOUT.replace(false) {
        allow(libc::PR_TSC_ENABLE);
    }
}

/// A processor without such a counter refuses, and then there is nothing to do without.
fn allow(mode: c_int) {
    // SAFETY: the arguments are plain numbers.
    unsafe { libc::prctl(libc::PR_SET_TSC, mode) };
}

/// Installs the handler; whether that worked.
fn install() -> bool {
    let mut before = MaybeUninit::zeroed();
    let mut action = libc::sigaction {
        sa_sigaction: on_fault as *const () as usize,
        // SAFETY: zeros are an empty set.
        sa_mask: unsafe { std::mem::zeroed() },
        sa_flags: libc::SA_SIGINFO | libc::SA_ONSTACK,
        sa_restorer: None,
    };
    // SAFETY: both are live, and the first call installs nothing. The handler reads what is set
    // before it is installed, and makes only calls that are safe in a handler.
    unsafe {
        libc::sigaction(libc::SIGSEGV, std::ptr::null(), before.as_mut_ptr()) == 0 && {
            let before = *BEFORE.get_or_init(|| before.assume_init());
            action.sa_mask = before.sa_mask;
            libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) == 0
        }
    }
}

/// Gives the counter back to a thread that reads it. The instruction runs once more when this
/// returns, and any other fault then meets what SIGSEGV did before.
extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    let mut mode: c_int = libc::PR_TSC_ENABLE;
    // SAFETY: the kernel gives a live siginfo and writes one live number. This thread has used its
    // flag before, so nothing is allocated for it here.
    unsafe {
        let forbidden = (*info).si_code == SI_KERNEL
            && libc::prctl(libc::PR_GET_TSC, &raw mut mode) == 0
            && mode == libc::PR_TSC_SIGSEGV;
        match (forbidden, BEFORE.get()) {
            (true, _) => {
                WITHOUT.set(false);
                allow(libc::PR_TSC_ENABLE);
            }
            (false, Some(before)) => drop(libc::sigaction(signal, before, std::ptr::null_mut())),
            (false, None) => {}
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn mode() -> c_int {
        let mut mode = 0;
        // SAFETY: the kernel writes one live number.
        unsafe { libc::prctl(libc::PR_GET_TSC, &raw mut mode) };
        mode
    }

    #[test]
    fn a_thread_that_reads_the_counter_gets_it_back_until_the_next_turn() {
        forgo();
        assert_eq!(mode(), libc::PR_TSC_SIGSEGV);
        // SAFETY: every x86-64 has the instruction.
        assert!(unsafe { std::arch::x86_64::_rdtsc() } > 0);
        assert_eq!(mode(), libc::PR_TSC_ENABLE);
        forgo();
        assert_eq!(mode(), libc::PR_TSC_SIGSEGV);
        take_back();
        assert_eq!(mode(), libc::PR_TSC_ENABLE);
    }

    #[test]
    fn another_fault_still_ends_the_process() {
        // SAFETY: the child only faults; it allocates nothing and returns to nobody.
        let child = unsafe { libc::fork() };
        if child == 0 {
            forgo();
            // SAFETY: a fault is what is asked for. The second one ends the process.
            unsafe {
                let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &none);
                std::ptr::null_mut::<u8>().add(1).write_volatile(1);
                libc::_exit(0);
            }
        }
        let mut status = 0;
        // SAFETY: the kernel writes one live number.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV, "{status}");
    }
}
