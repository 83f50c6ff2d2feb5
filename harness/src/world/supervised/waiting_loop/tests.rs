//! Loops of real instructions, in a child that is stopped somewhere in the middle.
//!
//! # Safety
//!
//! Before it loops a child allocates a few words, which the C library allows after a fork, and
//! writes to a pipe. It touches those words alone, and is killed.

use std::arch::asm;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe, read, write};

use super::{Doing, KnownLoops, WaitingLoop, examine};

/// What a child that goes through `forever` is found to do.
fn found(forever: fn(&[u32; 4])) -> Doing {
    let (from_child, to_parent) = pipe().expect("a pipe");
    // SAFETY: as the module says.
    let child = match unsafe { fork() }.expect("a fork") {
        ForkResult::Child => {
            let words = Box::leak(Box::new([0; 4]));
            let told = write(&to_parent, b".");
            assert_eq!(told, Ok(1));
            forever(words);
            unreachable!("it is killed");
        }
        ForkResult::Parent { child } => child,
    };
    // What it does after that is a few instructions, and then the loop.
    assert_eq!(read(&from_child, &mut [0]), Ok(1));
    ptrace::seize(child, ptrace::Options::empty()).expect("a child of ours");
    ptrace::interrupt(child).expect("a tracee of ours");
    waitpid(child, Some(WaitPidFlag::__WALL)).expect("it stops");
    let mut known = KnownLoops::default();
    let doing = examine(child.as_raw(), &mut known, 1500).expect("it can be followed");
    if let Doing::Waits(waits) = &doing {
        assert_eq!(known.is_empty(), waits.counts);
        let again = examine(child.as_raw(), &mut known, 1500).expect("it can be followed");
        assert!(matches!(again, Doing::Waits(_)), "{again:?}");
    }
    end(child);
    doing
}

fn end(child: Pid) {
    kill(child, Signal::SIGKILL).expect("a child of ours");
    let _ = waitpid(child, Some(WaitPidFlag::__WALL));
}

/// The number of words read, and whether it counts; None: it works.
fn waits(forever: fn(&[u32; 4])) -> Option<(usize, bool)> {
    match found(forever) {
        Doing::Waits(WaitingLoop { reads, counts }) => Some((reads.len(), counts)),
        Doing::Works => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_loop_that_only_reads_waits() {
    let waiting = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe { asm!("2: pause", "cmp dword ptr [{0}], 0", "je 2b", in(reg) words.as_ptr()) }
    };
    assert_eq!(waits(waiting), Some((1, false)));
}

#[test]
fn a_loop_that_counts_its_passes_ends_by_itself() {
    let counting = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe {
            asm!("2: inc {1}", "cmp dword ptr [{0}], 0", "je 2b", in(reg) words.as_ptr(),
                inout(reg) 0u64 => _)
        }
    };
    assert_eq!(waits(counting), Some((1, true)));
}

#[test]
fn a_loop_around_a_loop_reads_all_words_before_it_is_recognised() {
    let nested = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe {
            asm!("2: xor {1:e}, {1:e}", "3: cmp dword ptr [{0} + 4 * {1}], 0", "jne 4f",
                "inc {1}", "cmp {1}, 4", "jne 3b", "jmp 2b", "4:",
                in(reg) words.as_ptr(), out(reg) _)
        }
    };
    assert_eq!(waits(nested), Some((4, false)));
}

#[test]
fn a_loop_that_leaves_something_behind_works() {
    let storing = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe {
            asm!("2: inc dword ptr [{0} + 4]", "cmp dword ptr [{0}], 0", "je 2b",
                in(reg) words.as_ptr())
        }
    };
    assert_eq!(waits(storing), None);
    let summing = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe {
            asm!("2: add {1}, 3", "add {2}, {1}", "cmp dword ptr [{0}], 0", "je 2b",
                in(reg) words.as_ptr(), inout(reg) 0u64 => _, inout(reg) 0u64 => _)
        }
    };
    assert_eq!(waits(summing), None);
    let mixing = |words: &[u32; 4]| {
        // SAFETY: as the module says.
        unsafe {
            asm!("pcmpeqd xmm1, xmm1", "2: paddd xmm0, xmm1", "cmp dword ptr [{0}], 0", "je 2b",
                in(reg) words.as_ptr(), out("xmm0") _, out("xmm1") _)
        }
    };
    assert_eq!(waits(mixing), None);
}
