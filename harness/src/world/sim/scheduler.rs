//! The tasks of a simulated machine: which of them can run, and running one until it blocks.
//!
//! Exactly one task runs at a time; the kernel says which is next. A waiting task can run when what
//! it waits for is there and no case holds it. Must not know: what a task does while it runs.

use std::rc::Rc;
use std::sync::Arc;

use corosensei::CoroutineResult;
use nix::sys::signal::Signal;

use super::shared::{Birth, Body, Resume, Shared, Wait};
use super::task::{self, ending, is_ignored};
use crate::kernel::fd::End;
use crate::kernel::{Candidate, Class, Ending, Kernel, Pid, TaskId, Time};
use crate::world::{Broken, Waiting};

/// A task that is suspended.
struct Slot {
    task: TaskId,
    pid: Pid,
    class: Class,
    body: Body,
    /// None: it has not run yet.
    wait: Option<Wait>,
    /// It sleeps on a futex and was woken.
    woken: bool,
    /// A signal has arrived: the call that it waits in returns EINTR, or the process ends.
    interrupt: Option<Signal>,
}

/// All suspended tasks, in order of birth.
pub struct Scheduler {
    shared: Rc<Shared>,
    slots: Vec<Slot>,
}

impl Scheduler {
    pub fn new(shared: Rc<Shared>) -> Self {
        Scheduler { shared, slots: Vec::new() }
    }

    /// Adds a new task: the main task of a server, or one that another task has made.
    pub fn add(&mut self, Birth { task, pid, body }: Birth) {
        let class = self.shared.kernel.borrow().class(task);
        let slot = Slot { task, pid, class, body, wait: None, woken: false, interrupt: None };
        self.slots.push(slot);
    }

    /// Runs tasks until none can before the clock moves.
    pub fn settle(&mut self) -> Result<(), Broken> {
        while let Some(next) = self.next_task()? {
            self.run(next)?;
            self.absorb();
            // The signal is delivered: its sender's turn goes on.
            while let Some(sender) = self.sender() {
                self.run(sender)?;
                self.absorb();
            }
        }
        Ok(())
    }

    fn next_task(&self) -> Result<Option<usize>, Broken> {
        let candidates = self.slots.iter().enumerate().map(|(handle, slot)| {
            // A newborn thread has not named itself yet.
            let named = slot.class != Class::Thread || slot.wait.is_some();
            Candidate { handle, class: slot.class, task: named.then_some(slot.task) }
        });
        let can_run = |kernel: &Kernel, slot: usize| Ok(self.can_run(kernel, &self.slots[slot]));
        self.shared.kernel.borrow_mut().next_task(candidates, can_run)
    }

    fn sender(&self) -> Option<usize> {
        self.slots.iter().position(|slot| matches!(slot.wait, Some(Wait::Sent)))
    }

    fn can_run(&self, kernel: &Kernel, slot: &Slot) -> bool {
        let shared = &self.shared;
        if slot.interrupt.is_some() && self.is_interruptible(kernel, slot) {
            return true;
        }
        if kernel.is_held(slot.task) {
            return false;
        }
        let due = |time: Time| kernel.now() >= time;
        match &slot.wait {
            None => true,
            Some(Wait::Call(entered)) => kernel.is_ready(entered),
            Some(Wait::Epoll { epoll, deadline }) => {
                deadline.is_some_and(due)
                    || shared.net.borrow().epoll_is_ready(kernel, &shared.pipes.borrow(), *epoll)
            }
            Some(Wait::Poll { fd, interest, deadline }) => {
                let net = shared.net.borrow();
                let pipes = shared.pipes.borrow();
                due(*deadline)
                    || !net.ready_for(kernel, &pipes, slot.task, *fd, *interest).is_empty()
            }
            Some(Wait::Sleep { until }) => due(*until),
            Some(Wait::Futex { .. }) => slot.woken,
            Some(Wait::Pipe { pipe, end }) => {
                !shared.pipes.borrow().readiness(kernel, *pipe, *end).is_empty()
            }
            Some(Wait::Child) => kernel.can_wait(slot.task),
            Some(Wait::Halt | Wait::Turn | Wait::Sent) => true,
            Some(Wait::End(_) | Wait::Overrun(_)) => false,
        }
    }

    /// Whether a signal ends the wait: if it kills, or where the man page says EINTR. In a call
    /// that takes a while no handler runs before it is made: it is like a disk that is slow. In one
    /// that is held it does.
    fn is_interruptible(&self, kernel: &Kernel, slot: &Slot) -> bool {
        let Some(signal) = slot.interrupt else { return false };
        match &slot.wait {
            Some(Wait::Call(entered)) => match ending(signal, slot.class == Class::Child) {
                Some(Ending::Exited(_)) => !kernel.is_ready(entered) && !kernel.is_slow(entered),
                ending => ending.is_some(),
            },
            Some(
                Wait::Epoll { .. } | Wait::Poll { .. } | Wait::Sleep { .. } | Wait::Pipe { .. },
            ) => true,
            _ => ending(signal, slot.class == Class::Child).is_some(),
        }
    }

    fn run(&mut self, index: usize) -> Result<(), Broken> {
        let interruptible = self.is_interruptible(&self.shared.kernel.borrow(), &self.slots[index]);
        let interrupt = match interruptible {
            true => self.slots[index].interrupt.take(),
            false => None,
        };
        let slot = &mut self.slots[index];
        let is_child = slot.class == Class::Child;
        if let Some(ending) = interrupt.and_then(|signal| ending(signal, is_child)) {
            let pid = slot.pid;
            self.shared.write_handler_line(pid);
            self.end(pid, ending);
            return Ok(());
        }
        if let (Body::Asleep(word, _), None) = (&slot.body, &slot.wait)
            && self.shared.falls_asleep(slot.pid, word)
        {
            slot.wait = Some(Wait::Futex { address: Arc::as_ptr(word) as usize });
            return Ok(());
        }
        slot.woken = false;
        if matches!(slot.wait, Some(Wait::Call(_)))
            && let Some(ending) = slot.interrupt.take().and_then(|signal| ending(signal, is_child))
        {
            self.shared.ending.borrow_mut().push((slot.pid, ending));
        }
        let resume = match (slot.wait.take(), interrupt) {
            (Some(Wait::Call(entered)), _) => Resume::Call(entered),
            (_, Some(_)) => Resume::Interrupted,
            _ => Resume::Go,
        };
        match task::resume(slot.body.awake(&self.shared, slot.task, slot.pid), resume) {
            Ok(CoroutineResult::Yield(Wait::End(ending)))
            | Ok(CoroutineResult::Return(Some(ending))) => {
                let pid = slot.pid;
                self.end(pid, ending);
            }
            Ok(CoroutineResult::Return(None)) => self.drop_slot(index),
            Ok(CoroutineResult::Yield(Wait::Overrun(how))) => return Err(Broken::Hung(how)),
            Ok(CoroutineResult::Yield(wait)) => slot.wait = Some(wait),
            Err(panic) => {
                self.drop_slot(index);
                return Err(Broken::Harness(format!("the server core panicked: {panic}")));
            }
        }
        Ok(())
    }

    /// Takes over what the task that ran has left: new tasks, wake-ups, signals.
    fn absorb(&mut self) {
        let births = std::mem::take(&mut *self.shared.births.borrow_mut());
        births.into_iter().for_each(|birth| self.add(birth));
        let wakes = std::mem::take(&mut *self.shared.wakes.borrow_mut());
        for (address, count) in wakes {
            let sleepers = self.slots.iter_mut().filter(
                |slot| matches!(slot.wait, Some(Wait::Futex { address: at }) if at == address),
            );
            sleepers.filter(|slot| !slot.woken).take(count as usize).for_each(|s| s.woken = true);
        }
        let kills = std::mem::take(&mut *self.shared.kills.borrow_mut());
        for (pid, signal) in kills {
            self.deliver(pid, signal);
        }
    }

    /// Sends a signal to a process from outside.
    pub fn signal(&mut self, pid: Pid, signal: Signal) {
        let task = self.shared.kernel.borrow().main_task(pid);
        if let Some(task) = task.filter(|_| !is_ignored(signal)) {
            self.shared.kernel.borrow_mut().signalled(task, signal);
            self.deliver(pid, signal);
        }
    }

    /// Sends a signal to one task. A thread runs the handler, and nobody else is interrupted.
    pub fn signal_task(&mut self, task: TaskId, signal: Signal) {
        let (pid, main) = {
            let kernel = self.shared.kernel.borrow();
            let pid = kernel.pid_of(task);
            (pid, kernel.main_task(pid))
        };
        let handled = signal != Signal::SIGKILL && ending(signal, false).is_none();
        if main == Some(task) || !handled {
            return self.signal(pid, signal);
        }
        if !is_ignored(signal) {
            self.shared.kernel.borrow_mut().signalled(task, signal);
            self.shared.pending.borrow_mut().push((pid, signal));
        }
    }

    fn deliver(&mut self, pid: Pid, signal: Signal) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.pid == pid) else { return };
        // A child that has never run has not installed its handler for SIGUSR1 yet.
        let no_handler = signal == Signal::SIGUSR1
            && slot.class == Class::Child
            && !self.shared.handler_lines.borrow().contains_key(&pid);
        if signal == Signal::SIGKILL || no_handler {
            self.end(pid, Ending::Signaled(signal as i32));
            return;
        }
        slot.interrupt = Some(signal);
        if ending(signal, slot.class == Class::Child).is_none() {
            self.shared.pending.borrow_mut().push((pid, signal));
        }
    }

    /// Ends a process with all its tasks.
    fn end(&mut self, pid: Pid, ending: Ending) {
        self.shared.kernel.borrow_mut().ended(pid, ending);
        self.shared.net.borrow_mut().ended(pid);
        self.shared.forget(pid);
        self.forget_births(|birth| birth.pid == pid);
        while let Some(index) = self.slots.iter().position(|slot| slot.pid == pid) {
            self.drop_slot(index);
        }
        self.shared.refresh();
    }

    /// The power is cut: drops every task, without telling any other.
    pub fn power_off(&mut self) {
        for pid in self.alive() {
            self.shared.net.borrow_mut().ended(pid);
            self.shared.forget(pid);
        }
        self.forget_births(|_| true);
        while let Some(last) = self.slots.len().checked_sub(1) {
            self.drop_slot(last);
        }
    }

    /// Drops tasks that have not run yet.
    fn forget_births(&self, which: impl Fn(&Birth) -> bool) {
        let births = std::mem::take(&mut *self.shared.births.borrow_mut());
        let (gone, kept) = births.into_iter().partition::<Vec<_>, _>(which);
        *self.shared.births.borrow_mut() = kept;
        for birth in gone {
            self.end_body(birth.body);
        }
    }

    fn drop_slot(&mut self, index: usize) {
        let slot = self.slots.remove(index);
        self.end_body(slot.body);
    }

    fn end_body(&self, body: Body) {
        if let Body::Coroutine(mut coroutine) = body {
            coroutine.force_unwind();
            self.shared.stacks.give_back(coroutine.into_stack());
        }
    }

    pub fn is_alive(&self, pid: Pid) -> bool {
        self.slots.iter().any(|slot| slot.pid == pid)
    }

    /// The living processes, the server first.
    pub fn alive(&self) -> Vec<Pid> {
        let mut slots: Vec<&Slot> = self.slots.iter().collect();
        slots.sort_by_key(|slot| slot.class);
        let mut pids: Vec<Pid> = slots.into_iter().map(|slot| slot.pid).collect();
        pids.dedup();
        pids
    }

    /// What each task waits in; threads that have not named themselves do not count.
    pub fn waiting(&self) -> Vec<Waiting> {
        let kernel = self.shared.kernel.borrow();
        let each = self.slots.iter().filter_map(|slot| {
            let (call, can_end) = match slot.wait.as_ref()? {
                _ if kernel.is_held(slot.task) => ("its next call, held by the case", true),
                Wait::Call(entered) => (entered.site.call.as_str(), true),
                Wait::Epoll { .. } => ("epoll_wait", true),
                Wait::Poll { .. } => ("poll", true),
                Wait::Sleep { .. } => ("nanosleep", true),
                Wait::Futex { .. } => ("futex", false),
                Wait::Pipe { end: End::Read, .. } => ("a read from a pipe", false),
                Wait::Pipe { end: End::Write, .. } => ("a write to a pipe", false),
                Wait::Child => ("wait4", false),
                Wait::Sent | Wait::Turn | Wait::Halt | Wait::End(_) | Wait::Overrun(_) => {
                    return None;
                }
            };
            let (task, call) = (kernel.task_name(slot.task).to_string(), call.to_string());
            Some(Waiting { task, call, can_end })
        });
        each.collect()
    }

    /// The next moment at which a waiting task can run by itself.
    pub fn next_deadline(&self) -> Option<Time> {
        let kernel = self.shared.kernel.borrow();
        let deadlines = self.slots.iter().filter_map(|slot| match &slot.wait {
            _ if kernel.is_held(slot.task) => None,
            Some(Wait::Call(entered)) => kernel.deadline(entered),
            Some(Wait::Epoll { deadline, .. }) => *deadline,
            Some(Wait::Poll { deadline, .. }) => Some(*deadline),
            Some(Wait::Sleep { until }) => Some(*until),
            _ => None,
        });
        deadlines.min()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        while !self.slots.is_empty() {
            self.drop_slot(self.slots.len() - 1);
        }
    }
}
