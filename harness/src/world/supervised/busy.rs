//! Tasks that run and run: how many calls they may make, and what it means if they make none.
//!
//! A server that makes calls without end is hung. One that makes none may be computing, and how
//! long that takes in real time says nothing about it. A task that asks for the time again and
//! again waits for it to pass: from some point on each such question takes a while, and everybody
//! else runs meanwhile. Must not know: what the calls are about.

use std::fs;
use std::time::Duration;

use super::apart::Apart;
use super::calls::{Action, Outcome};
use super::notify::Notice;
use super::start::tsc;
use super::tasks::{Busy, Wait, inner_pid_and_name};
use super::{Supervised, names};
use crate::kernel::retries;
use crate::world::{Broken, LAST_CALL, LOOP, Waiting};

/// How many calls a server may make before the clock moves.
const CALLS: u64 = 1_000_000;
/// How many calls a task may make without waiting before it waits for the time that it asks for.
pub(super) const BUSY: u64 = 300_000;
/// The calls that ask for the time.
const CLOCKS: [i64; 4] =
    [libc::SYS_clock_gettime, libc::SYS_gettimeofday, libc::SYS_time, tsc::READ];
/// How long it waits each time.
const TICK: Duration = Duration::from_millis(1);
/// How often it does so. Servers give up after some seconds.
const TICKS: u64 = 60_000;
/// CPU time, of what is waited for in real time, from which on a task counts as computing.
const COMPUTES: Duration = Duration::from_secs(1);

impl Supervised {
    pub(super) fn refill(&mut self) {
        self.budget = CALLS;
        self.looks = 0;
    }

    /// Counts a call of a running task, and the times that it has asked for the time before.
    pub(super) fn count(&mut self, tid: i32, notice: &Notice) -> Result<(), Broken> {
        self.trapped += 1;
        let asked = self.time.take_back();
        self.budget = self.budget.saturating_sub(asked);
        let Some(task) = self.table.task_mut(tid) else { return Ok(()) };
        task.busy.calls += 1 + asked;
        let (known, busy) = (task.known, task.busy);
        let kernel = self.kernel.borrow();
        let how = if known.is_some_and(|known| kernel.is_in_endless_loop(known)) {
            retries::ENDLESS.to_string()
        } else if self.budget == 0 {
            format!("{CALLS} calls without waiting for anything")
        } else if busy.ticks >= TICKS {
            format!("the time was asked for {TICKS} times and more, and has passed")
        } else {
            self.budget -= 1;
            return Ok(());
        };
        let name = known.map(|known| kernel.task_name(known).to_string()).unwrap_or_default();
        let call = names::name(notice.number);
        Err(Broken::Hung(format!("{how}{LAST_CALL}{name}: {call}")))
    }

    /// Tells a task that goes on what time it is, and how often it may ask for it.
    pub(super) fn tell_time(&self, tid: i32) {
        let calls = self.table.task(tid).map_or(0, |task| task.busy.calls);
        let questions = BUSY.saturating_sub(calls).min(self.budget);
        self.time.grant(&self.kernel.borrow().clock, questions);
    }

    /// A task is held: has it got to a point where it waits?
    pub(super) fn rests(&mut self, tid: i32, wait: &Wait) {
        let busy = matches!(wait, Wait::Turn | Wait::Tick { .. });
        if let Some(task) = self.table.task_mut(tid)
            && !busy
        {
            task.busy = Busy::default();
        }
    }

    /// What each task waits in that is in a trapped call.
    pub(super) fn waits(&self) -> Vec<Waiting> {
        let kernel = self.kernel.borrow();
        let each = self.table.tasks.iter().filter_map(|task| {
            let name = task.known.map(|known| kernel.task_name(known).to_string());
            let name = name.or_else(|| Some(inner_pid_and_name(task.tid)?.1)).unwrap_or_default();
            let Some(held) = &task.held else {
                let waits = matches!(task.apart, Some(Apart::Stopped(_)));
                let call = LOOP.to_string();
                return waits.then_some(Waiting { task: name, call, can_end: false });
            };
            let by_case = task.known.is_some_and(|known| kernel.is_held(known));
            let can_end = match &held.wait {
                Wait::Turn | Wait::Tick { .. } | Wait::Call(..) => true,
                Wait::Ready { .. } | Wait::Sleep { .. } => true,
                Wait::Futex { until, .. } => until.is_some(),
                Wait::Pipe { .. } | Wait::Child(..) => false,
            };
            Some(Waiting {
                task: name,
                call: names::name(held.notice.number),
                can_end: can_end || by_case || held.interrupted,
            })
        });
        each.collect()
    }

    /// Where a task is to wait before it is told the time that it asks for; None: it asks for
    /// something else, or is told at once.
    pub(super) fn tick(&mut self, tid: i32, notice: &Notice) -> Option<Action> {
        let task = self.table.task_mut(tid)?;
        if task.busy.calls < BUSY || !CLOCKS.contains(&notice.number) {
            return None;
        }
        task.busy.ticks += 1;
        let until = self.kernel.borrow().now() + TICK;
        Some(Action::hold(Wait::Tick { until }))
    }

    /// Ends a tick.
    pub(super) fn end_tick(&mut self, notice: &Notice) -> Outcome {
        Ok(self.time(notice)?.unwrap_or(Action::CONTINUE))
    }
}

/// Why a task makes no call.
pub(super) enum Silence {
    Computes,
    /// In a call that is not trapped.
    Waits(String),
    /// It could run, and Linux runs others. That can take long: with autogroups (sched(7)), Linux
    /// 6.18 has let a session wait for half a minute beside another one that forks a lot.
    NoCore,
}

impl Silence {
    /// Of a task that has used so much CPU time since it was last heard of.
    pub(super) fn of(tid: i32, used: Duration) -> Silence {
        match waits_in(tid) {
            _ if used >= COMPUTES => Silence::Computes,
            Some(call) => Silence::Waits(call),
            None => Silence::NoCore,
        }
    }

    /// How long that may last, in real time.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(if matches!(self, Silence::NoCore) { 60 } else { 10 })
    }

    pub(super) fn told(&self) -> Broken {
        let what = match self {
            Silence::Computes => "the server computes",
            Silence::Waits(call) => &format!("the server waits in {call}, which is not trapped"),
            Silence::NoCore => "the server gets no core to run on",
        };
        let seconds = self.patience().as_secs();
        Broken::NotMeasured(format!("no system call within {seconds} s of real time: {what}"))
    }
}

/// The call that a thread is in, which was not trapped; None: it is in none.
fn waits_in(tid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{tid}/syscall")).ok()?;
    let number: i64 = text.split(' ').next()?.parse().ok()?;
    Some(names::name(number))
}
