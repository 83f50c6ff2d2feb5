//! Tasks that wait without a system call. I/O threads, and those that wait for them, spin on a word
//! of memory, while nobody else runs until they block.
//!
//! A thread that makes no call for a while is stopped and looked at. If it does nothing but wait
//! ([`super::waiting_loop`]), it stays stopped, and can run again once a word that it reads has
//! changed. So who spins, and for how long, does not depend on the machine: it is as if the thread
//! slept on those words. A loop that counts its passes ends by itself; if nobody else can run, it
//! gets the time for that. A thread that works is left alone, and looked at again later.
//!
//! A thread is traced only while it is stopped, and must not be when its process ends: Linux would
//! wait until its tracer has collected it. Must not know: what a task waits for.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use super::Supervised;
use super::apart::{Apart, Spin, Watch};
use super::cpu_time::cpu_time;
use super::notify::Notice;
use super::schedule::os_error;
use super::tasks::Wait;
use super::traced::wait_for;
use super::waiting_loop::{Doing, KnownLoops, WaitingLoop, examine};
use crate::kernel::Pid as ServerPid;
use crate::world::Broken;

/// How long a thread may make no call before it is looked at for the first time, in real time.
const FIRST: Duration = Duration::from_micros(200);
/// The same in a process whose threads have been seen to wait in loops.
const AGAIN: Duration = Duration::from_micros(60);
/// How often that time doubles in a process in which looks find nobody waiting.
const MOST_DOUBLINGS: u32 = 6;
/// The longest time between two looks.
const LONGEST: Duration = Duration::from_millis(20);
/// The same at a thread that works, because a long look takes some milliseconds itself.
const LONGEST_AT_WORK: Duration = Duration::from_millis(160);
/// How many instructions are carried out at the first look. Each takes microseconds, a loop that
/// waits for one word has three, and most threads that are looked at work.
const FEW_STEPS: usize = 32;
/// The same at later looks, for loops that wait for many threads.
const MANY_STEPS: usize = 2048;
/// CPU time in which any counter that a server waits by ends.
const COUNTED: Duration = Duration::from_millis(50);
/// How many looks may find a waiting loop before the clock moves: threads that wake each other
/// without end get nowhere.
const LOOKS: u32 = 100_000;

impl Supervised {
    /// For a thread that goes on.
    pub(super) fn watch(&self, tid: i32) -> Watch {
        let process = self.table.task(tid).and_then(|task| self.table.process(task.pid));
        let known = process.is_some_and(|process| !process.loops.is_empty());
        let in_vain = process.map_or(0, |process| process.looks_in_vain).min(MOST_DOUBLINGS);
        let pause = if known { AGAIN } else { FIRST } * (1 << in_vain);
        Watch { pause, steps: FEW_STEPS, counting_since: None }
    }

    /// Looks at a running task that has made no call for a while. What it waits in, if it does
    /// nothing else.
    pub(super) fn look(&mut self, tid: i32, watch: &mut Watch) -> Result<Option<Apart>, Broken> {
        let works = is_running(tid);
        watch.pause = (watch.pause * 2).min(if works { LONGEST_AT_WORK } else { LONGEST });
        let steps = watch.steps;
        watch.steps = (steps * 4).min(MANY_STEPS);
        // A clone(2) that is interrupted is made, and trapped, once more.
        if !self.table.births.is_empty() {
            return Ok(None);
        }
        if !works {
            let long = watch.pause == LONGEST;
            return Ok((long && self.is_anybody_runnable()?).then_some(Apart::Blocked));
        }
        if !self.has_others(tid) {
            return Ok(None);
        }
        let used = watch.counting_since.zip(cpu_time(tid));
        let has_counted = used.map(|(then, now)| now.saturating_sub(then) >= COUNTED);
        if has_counted == Some(false) {
            return Ok(None);
        }
        let process = self.table.task(tid).map(|task| task.pid);
        let Some(process) = process.and_then(|pid| self.table.process_mut(pid)) else {
            return Ok(None);
        };
        let looked = stop_and_look(tid, &mut process.loops, steps);
        let looked = looked.map_err(|errno| os_error("look at a thread", errno))?;
        process.looks_in_vain = if looked.is_some() { 0 } else { process.looks_in_vain + 1 };
        match looked {
            Some(waits) => {
                self.looks += 1;
                if self.looks > LOOKS {
                    let what = "threads wait for each other without a call, and get nowhere";
                    return Err(Broken::NotMeasured(what.to_string()));
                }
                let ends = waits.counts && has_counted.is_none();
                Ok(Some(Apart::Stopped(Spin { waits, ends, interrupted: false })))
            }
            None => Ok(None),
        }
    }

    /// Whether there are other threads in its process that it may wait for.
    fn has_others(&self, tid: i32) -> bool {
        let pid = self.table.task(tid).map(|task| task.pid);
        self.table.tasks.iter().filter(|task| Some(task.pid) == pid).count() > 1
    }

    /// A task that ran beside the others has made a call.
    pub(super) fn catch_up(&mut self, notice: &Notice) {
        if let Some(task) = self.table.task_mut(notice.tid) {
            task.apart = None;
        }
        self.hold(notice.tid, notice, Wait::Turn);
    }

    /// Nobody can run: waits for a thread in a call that is not trapped, or gives one whose counter
    /// has not ended the time for that. False: there is none.
    pub(super) fn follow_one_apart(&mut self) -> Result<bool, Broken> {
        let goes_on = |apart: &Apart| match apart {
            Apart::Blocked => true,
            Apart::Stopped(spin) => spin.ends,
        };
        let mut tasks = self.table.tasks.iter();
        let first = tasks.find(|task| task.apart.as_ref().is_some_and(goes_on));
        let Some(tid) = first.map(|task| task.tid) else { return Ok(false) };
        self.tell_time(tid);
        self.let_go(tid)?;
        let watch = Watch { counting_since: cpu_time(tid), ..self.watch(tid) };
        self.follow(tid, watch)?;
        Ok(true)
    }

    /// Lets a stopped thread go on.
    pub(super) fn let_go(&mut self, tid: i32) -> Result<(), Broken> {
        let apart = self.table.task_mut(tid).and_then(|task| task.apart.take());
        match apart {
            Some(Apart::Stopped(_)) => detach(tid, None).map_err(|e| os_error("ptrace", e)),
            _ => Ok(()),
        }
    }

    /// The process is about to end: nobody may trace its threads any more.
    pub(super) fn let_all_go(&mut self, pid: ServerPid) -> Result<(), Broken> {
        let its = self.table.tasks.iter().filter(|task| task.pid == pid && task.apart.is_some());
        let tids: Vec<i32> = its.map(|task| task.tid).collect();
        tids.into_iter().try_for_each(|tid| self.let_go(tid))
    }

    /// Collects stopped threads whose process has died; it could not end otherwise.
    pub(super) fn collect_dead(&mut self) {
        for task in &mut self.table.tasks {
            if !matches!(task.apart, Some(Apart::Stopped(_))) {
                continue;
            }
            match wait_for(task.tid, WaitPidFlag::WNOHANG) {
                Ok(WaitStatus::StillAlive) => {}
                _ => task.apart = None,
            }
        }
    }
}

/// Stops a thread and finds out what it does. If it waits, it stays stopped; else it goes on.
fn stop_and_look(
    tid: i32,
    known: &mut KnownLoops,
    steps: usize,
) -> Result<Option<WaitingLoop>, Errno> {
    let pid = Pid::from_raw(tid);
    if !is_running(tid) {
        return Ok(None);
    }
    match ptrace::seize(pid, ptrace::Options::empty()) {
        Ok(()) => {}
        Err(Errno::ESRCH) => return Ok(None),
        Err(errno) => return Err(errno),
    }
    ptrace::interrupt(pid)?;
    let signal = match wait_for(tid, WaitPidFlag::empty())? {
        WaitStatus::PtraceEvent(_, Signal::SIGTRAP, libc::PTRACE_EVENT_STOP) => None,
        WaitStatus::Stopped(_, signal) => Some(signal),
        _ => return Ok(None),
    };
    let in_call = ptrace::getregs(pid)?.orig_rax as i64 >= 0;
    if signal.is_some() || in_call {
        detach(tid, signal)?;
        return Ok(None);
    }
    let signal = match examine(tid, known, steps) {
        Ok(Doing::Waits(waits)) => return Ok(Some(waits)),
        Ok(Doing::Gone) => return Ok(None),
        Ok(Doing::Signalled(signal)) => Some(signal),
        // An address that cannot be read: the thread is about to find that out by itself.
        Ok(Doing::Works) | Err(Errno::EFAULT) => None,
        Err(errno) => return Err(errno),
    };
    detach(tid, signal)?;
    Ok(None)
}

fn detach(tid: i32, signal: Option<Signal>) -> Result<(), Errno> {
    match ptrace::detach(Pid::from_raw(tid), signal) {
        // It is dead: unless it is the first of its process, collecting it lets that end.
        Err(Errno::ESRCH) => {
            let _ = wait_for(tid, WaitPidFlag::WNOHANG);
            Ok(())
        }
        done => done,
    }
}

/// Whether a thread runs, or would if it had a processor, instead of being in a call.
fn is_running(tid: i32) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{tid}/syscall"));
    call.is_ok_and(|text| text.starts_with("running"))
}
