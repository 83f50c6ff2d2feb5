//! Signals and ends of processes: what a signal does to a process all of whose threads are held,
//! and what to do when a process has ended.
//!
//! With WAIT_KILLABLE_RECV a held call does not notice any signal but a fatal one. So the
//! supervisor looks up what the signal will do: kill the process, and then it waits for the end,
//! having answered the held call if the signal is one that dumps core; run a handler, for which an
//! interruptible call must return EINTR; or nothing. Must not know: why a signal is sent.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

use crate::kernel::{Class, Ending, Entered, Halt, Pid};
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::{Answer, Notice};
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::start::namespace::{send_signal, signal_thread};
use crate::world::supervised::start::tsc;
use crate::world::supervised::tasks::{Process, TaskTable};
use crate::world::{Broken, Status, World};

/// How long a killed process may take to end, in real milliseconds.
const PATIENCE: u16 = 60_000;

/// What a signal does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    Dies,
    /// The same, and by default it dumps core. Linux does not take such a signal for fatal before
    /// the process sees it, so a held call does not notice it.
    DiesOnceItSees,
    /// It is blocked for now: the process dies of it once it unblocks it. A new child is in that
    /// state at its first call if its C library blocks signals while it forks, as glibc 2.41 does
    /// (2.36 does not).
    DiesLater,
    Handles,
    /// Ignored, or handled and blocked for now.
    Ignores,
    Stops,
}

impl Supervised {
    /// Sends a signal to a process of the run. True: it has died of it.
    pub(in super::super) fn deliver(&mut self, pid: Pid, signal: i32) -> Result<bool, Broken> {
        let disposition = self.send_to(pid, signal)?;
        self.apply_signal(pid, signal, disposition)
    }

    /// Sends a signal to a process that has just entered `call`. If it dies of that, the call was
    /// never made, which the trace says before it says how the process ended; then `call` is None.
    pub(super) fn deliver_during(
        &mut self,
        pid: Pid,
        signal: i32,
        notice: &Notice,
        call: &mut Option<Entered>,
    ) -> Result<bool, Broken> {
        let disposition = self.send_to(pid, signal)?;
        if [Disposition::Dies, Disposition::DiesOnceItSees].contains(&disposition)
            && let Some(entered) = call.take()
        {
            self.kernel.borrow_mut().abandon(entered);
            if disposition == Disposition::DiesOnceItSees {
                self.let_see(notice)?;
            }
        }
        self.apply_signal(pid, signal, disposition)
    }

    /// See [`World::signal_task`].
    pub(in super::super) fn deliver_to_task(
        &mut self,
        name: &str,
        signal: Signal,
    ) -> Result<bool, Broken> {
        let Some(known) = self.kernel.borrow().task_named(name) else { return Ok(false) };
        let its = self.table.tasks.iter().find(|task| task.known == Some(known));
        let Some((pid, tid, class)) = its.map(|task| (task.pid, task.tid, task.class)) else {
            return Ok(false);
        };
        match class {
            Class::Thread => self.deliver_to_thread(pid, tid, signal)?,
            _ => drop(self.deliver(pid, signal as i32)?),
        }
        Ok(true)
    }

    /// Sends a signal to one thread. It runs the handler, and nobody else is interrupted; what ends
    /// a thread ends its process.
    fn deliver_to_thread(&mut self, pid: Pid, tid: i32, signal: Signal) -> Result<(), Broken> {
        if disposition(tid, signal as i32)? != Disposition::Handles {
            return self.deliver(pid, signal as i32).map(drop);
        }
        let Some(process) = self.table.process(pid) else { return Ok(()) };
        signal_thread(process.host, tid, signal as i32).map_err(|why| os_error("tgkill", why))?;
        let Some(task) = self.table.task_mut(tid) else { return Ok(()) };
        if let Some(held) = &mut task.held {
            held.interrupted = true;
        }
        if let Some(known) = task.known {
            self.kernel.borrow_mut().signalled(known, signal);
        }
        Ok(())
    }

    /// Sends a signal, and says what it will do.
    fn send_to(&mut self, pid: Pid, signal: i32) -> Result<Disposition, Broken> {
        let Some(process) = self.table.process(pid) else { return Ok(Disposition::Ignores) };
        let disposition = disposition(process.host, signal)?;
        if disposition == Disposition::Stops {
            return Err(Broken::Harness(format!("signal {signal} stops processes: not modelled")));
        }
        if [Disposition::Dies, Disposition::DiesOnceItSees].contains(&disposition) {
            self.let_all_go(pid)?;
        }
        let Some(process) = self.table.process(pid) else { return Ok(Disposition::Ignores) };
        send_signal(process.pidfd.as_fd(), signal).map_err(|errno| os_error("kill", errno))?;
        if let (Some(task), Ok(named)) = (self.main_task(pid), Signal::try_from(signal))
            && disposition != Disposition::Ignores
        {
            self.kernel.borrow_mut().signalled(task, named);
        }
        Ok(disposition)
    }

    /// Waits for the effect of a signal that was sent. True: the process is gone.
    fn apply_signal(
        &mut self,
        pid: Pid,
        signal: i32,
        disposition: Disposition,
    ) -> Result<bool, Broken> {
        match disposition {
            Disposition::Dies | Disposition::DiesOnceItSees => {
                if disposition == Disposition::DiesOnceItSees {
                    let held = self.table.main_of(pid).and_then(|task| task.held.as_ref());
                    let notice = held.map(|held| held.notice);
                    notice.map_or(Ok(()), |notice| self.let_see(&notice))?;
                }
                if let Some(process) = self.table.process_mut(pid) {
                    process.ending = Some(Ending::Signaled(signal));
                }
                self.await_exit(pid)?;
                Ok(true)
            }
            Disposition::DiesLater => {
                // If it is an orphan by then, nothing will say how it ended.
                if let Some(process) = self.table.process_mut(pid) {
                    process.ending = Some(Ending::Signaled(signal));
                }
                Ok(false)
            }
            Disposition::Handles => {
                self.table.interrupt_main(pid);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Answers a call whose caller is to see a signal before it goes on.
    fn let_see(&self, notice: &Notice) -> Result<(), Broken> {
        let answer = Answer::Error(Errno::EINTR);
        let answered = self.listener(notice.tid)?.answer(notice.id, answer);
        answered.map(drop).map_err(|errno| os_error("answer", errno))
    }

    /// Carries out a kill or power cut that the plan has put at a call.
    pub(in super::super) fn carry_out(&mut self, halt: Halt) -> Result<(), Broken> {
        match halt {
            Halt::Kill(victim) => self.kill(victim),
            Halt::Power(cut) => self.cut_power(cut),
        }
    }

    /// The power is cut: kills every process, without telling any parent.
    pub(in super::super) fn power_off(&mut self) -> Result<(), Broken> {
        let pids: Vec<Pid> = self.table.processes.iter().map(|process| process.pid).collect();
        pids.into_iter().try_for_each(|pid| self.let_all_go(pid))?;
        let living = self.table.processes.iter().map(|process| process.pidfd.as_fd());
        for pidfd in living {
            send_signal(pidfd, libc::SIGKILL).map_err(|errno| os_error("kill", errno))?;
        }
        for process in &self.table.processes {
            let mut fds = [PollFd::new(process.pidfd.as_fd(), PollFlags::POLLIN)];
            let ended =
                poll(&mut fds, PollTimeout::from(PATIENCE)).map_err(|e| os_error("poll", e))?;
            if ended == 0 {
                return Err(never_ends(process.pid));
            }
            if self.server == Some(process.pid) {
                reap(process.pidfd.as_fd())?;
            }
        }
        self.table = TaskTable::default();
        self.server = None;
        self.status = Status::Off;
        Ok(())
    }

    /// Waits until a process that is about to end has ended.
    pub(super) fn await_exit(&mut self, pid: Pid) -> Result<(), Broken> {
        let Some(process) = self.table.process(pid) else { return Ok(()) };
        let mut fds = [PollFd::new(process.pidfd.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::from(PATIENCE)).map_err(|e| os_error("poll", e))?;
        if ready == 0 {
            return Err(never_ends(pid));
        }
        self.process_ended(pid)
    }

    /// A process has ended: tells the kernel and the parent, and drops its tasks and descriptors.
    pub(in super::super) fn process_ended(&mut self, pid: Pid) -> Result<(), Broken> {
        let Some(process) = self.table.process(pid) else { return Ok(()) };
        let parent = process.parent;
        let ending = if parent.is_none() && self.server == Some(pid) {
            let ending = reap(process.pidfd.as_fd())?;
            self.status = match ending {
                Ending::Exited(code) => Status::Exited(code),
                Ending::Signaled(number) => Status::Signaled(number),
            };
            ending
        } else {
            zombie_ending(process).or(process.ending).unwrap_or(Ending::Signaled(libc::SIGKILL))
        };
        self.table.remove(pid);
        self.kernel.borrow_mut().ended(pid, ending);
        self.notify_parent(parent)
    }

    /// SIGCHLD has reached the parent by now. If it has a handler, its call is interrupted.
    fn notify_parent(&mut self, parent: Option<Pid>) -> Result<(), Broken> {
        let Some(process) = parent.and_then(|pid| self.table.process(pid)) else { return Ok(()) };
        if disposition(process.host, libc::SIGCHLD)? == Disposition::Handles {
            let pid = process.pid;
            self.table.interrupt_main(pid);
        }
        Ok(())
    }
}

/// Linux has not ended a process within the real time for that: it says nothing about the server.
fn never_ends(pid: Pid) -> Broken {
    Broken::NotMeasured(format!("process {pid} was killed and does not end"))
}

/// Collects a child of ours.
fn reap(pidfd: BorrowedFd<'_>) -> Result<Ending, Broken> {
    match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED) {
        Ok(WaitStatus::Exited(_, code)) => Ok(Ending::Exited(code)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Ok(Ending::Signaled(signal as i32)),
        Ok(other) => Err(Broken::Harness(format!("the server ended with {other:?}"))),
        Err(errno) => Err(os_error("waitid", errno)),
    }
}

/// How a zombie ended, from the last field of /proc/PID/stat, in the format of wait(2). None: it is
/// gone already, because its parent was init.
fn zombie_ending(process: &Process) -> Option<Ending> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.host)).ok()?;
    let status: i32 = stat.split_whitespace().last()?.parse().ok()?;
    Some(match status & 0x7f {
        0 => Ending::Exited(status >> 8 & 0xff),
        signal => Ending::Signaled(signal),
    })
}

/// Whether this signal dumps core by default, see signal(7).
fn dumps_core(signal: i32) -> bool {
    let crashes = [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE];
    let others = [libc::SIGQUIT, libc::SIGSEGV, libc::SIGSYS, libc::SIGXCPU, libc::SIGXFSZ];
    crashes.contains(&signal) || others.contains(&signal)
}

/// What a signal will do to a process or thread, from the masks in /proc/PID/status.
pub(super) fn disposition(tid: i32, signal: i32) -> Result<Disposition, Broken> {
    if signal == libc::SIGKILL {
        return Ok(Disposition::Dies);
    }
    let file = format!("/proc/{tid}/status");
    let status = fs::read_to_string(&file).map_err(|e| Broken::Harness(format!("{file}: {e}")))?;
    let has = |mask: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(mask));
        let bits = line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
        bits >> (signal - 1) & 1 == 1
    };
    if signal == libc::SIGSTOP {
        return Ok(Disposition::Stops);
    }
    let blocked = has("SigBlk:");
    // Linux has our handler for it, see `start/tsc.rs`.
    if signal == libc::SIGSEGV {
        let handler = Memory(tid).u64(tsc::ACTION).map_err(|errno| os_error("read", errno))?;
        return Ok(match (handler as usize, blocked) {
            (libc::SIG_DFL, false) => Disposition::DiesOnceItSees,
            (libc::SIG_DFL, true) => Disposition::DiesLater,
            (libc::SIG_IGN, _) | (_, true) => Disposition::Ignores,
            _ => Disposition::Handles,
        });
    }
    if has("SigIgn:") || blocked && has("SigCgt:") {
        return Ok(Disposition::Ignores);
    }
    if has("SigCgt:") {
        return Ok(Disposition::Handles);
    }
    Ok(match signal {
        libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH => Disposition::Ignores,
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU if blocked => Disposition::Ignores,
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Disposition::Stops,
        _ if blocked => Disposition::DiesLater,
        _ if dumps_core(signal) => Disposition::DiesOnceItSees,
        _ => Disposition::Dies,
    })
}
