//! What a trapped call costs at the least: a process that makes one call again and again under a
//! filter of a few instructions, and a supervisor that does nothing but to answer.
//!
//! Must not know: what a server is.
//!
//! # Safety
//!
//! The forked child installs a filter, writes to a pipe and makes a call; it does not allocate.

#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libc::{c_int, sock_filter};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe, read};

use super::doctor::in_child;
use super::notify::{Answer, Listener};
use super::start::filter;
use super::start::namespace::{copy_descriptor, open_process};
use super::start::privileges::install;

/// Microseconds for one call, measured for so long with caller and supervisor on one core.
pub fn micros_per_call(cpu: usize, time: Duration) -> Result<f64, String> {
    let micros = in_child(|| measure(cpu, time).map_err(|errno| errno.to_string()))?;
    micros.parse().map_err(|_| format!("not a number: {micros}"))
}

fn measure(cpu: usize, time: Duration) -> Result<String, Errno> {
    let mut one = CpuSet::new();
    one.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    let filter = filter::only(libc::SYS_getppid);
    let (from, to) = pipe()?;
    // SAFETY: the child does what the module says.
    match unsafe { fork() }? {
        ForkResult::Child => call_for_ever(&filter, &to),
        ForkResult::Parent { child } => {
            drop(to);
            let calls = answer_for(child, &from, time);
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, None);
            Ok((time.as_secs_f64() * 1e6 / calls? as f64).to_string())
        }
    }
}

/// Answers the child's calls for so long; how many there were.
fn answer_for(child: Pid, from: &OwnedFd, time: Duration) -> Result<u64, Errno> {
    let mut number = [0; size_of::<c_int>()];
    read(from, &mut number)?;
    let number = c_int::from_ne_bytes(number);
    let process = open_process(child.as_raw())?;
    let listener = Listener::new(copy_descriptor(process.as_fd(), number)?);
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < time {
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::NONE)?;
        if let Some(notice) = listener.receive()? {
            listener.answer(notice.id, Answer::Value(0))?;
            calls += 1;
        }
    }
    Ok(calls)
}

/// In the child: installs the filter, tells the listener's number, and makes trapped calls.
fn call_for_ever(filter: &[sock_filter], to: &OwnedFd) -> ! {
    // SAFETY: system calls with plain numbers, and a live local with its size.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        let number = install(filter) as c_int;
        libc::write(to.as_raw_fd(), (&raw const number).cast(), size_of::<c_int>());
        loop {
            libc::syscall(libc::SYS_getppid);
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sched::sched_getaffinity;

    use super::*;
    use crate::world::supervised::doctor::examine;

    #[test]
    fn calls_are_trapped_and_answered() {
        let ours = sched_getaffinity(Pid::from_raw(0)).expect("the cores of this process");
        let cpu = (0..CpuSet::count()).find(|cpu| ours.is_set(*cpu) == Ok(true)).expect("a core");
        let micros = micros_per_call(cpu, Duration::from_millis(20));
        let answered = micros.as_ref().is_ok_and(|micros| micros.is_finite());
        assert!(answered || examine().iter().any(|check| !check.ok), "{micros:?}");
    }
}
