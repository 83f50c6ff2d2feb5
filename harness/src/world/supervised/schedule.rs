//! Running tasks one at a time: which of them can run, and following one until it blocks.
//!
//! The kernel says who is next. A new task runs up to its first trapped call and is held there
//! until its turn, so that it does nothing while the one that made it runs. Must not know: what
//! calls do.

use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Supervised;
use super::apart::{Apart, Watch};
use super::busy::Silence;
use super::calls::Action;
use super::cpu_time::cpu_time;
use super::notify::{Answer, Listener, Notice};
use super::start::namespace::open_process;
use super::tasks::{Birth, Busy, Held, Origin, Process, Task, Wait, inner_pid_and_name};
use crate::kernel::{Class, Kernel, Pid, TaskId, Time};
use crate::world::Broken;

/// How long the supervisor waits for a call of the running task before it asks why there is none,
/// in real time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the running task did next.
enum Next {
    Called(Notice),
    /// Its process, or only this thread, has ended.
    Ended,
    /// It waits for others without making a call that is trapped.
    Waits(Apart),
}

/// The result of one wait for a trapped call.
enum Heard {
    Call(Notice),
    /// Something else has happened.
    Other,
    /// Nothing for a while.
    Silence,
}

impl Supervised {
    /// The task that runs next; None: nobody can run.
    pub(super) fn next_task(&self) -> Result<Option<i32>, Broken> {
        let can_run = |kernel: &Kernel, tid| self.is_runnable(kernel, tid);
        self.kernel.borrow_mut().next_task(self.table.candidates(), can_run)
    }

    /// Whether any held task can run.
    pub(super) fn is_anybody_runnable(&self) -> Result<bool, Broken> {
        let can_run = |kernel: &Kernel, tid| self.is_runnable(kernel, tid);
        let first = self.kernel.borrow().first_runnable(self.table.candidates(), can_run)?;
        Ok(first.is_some())
    }

    fn is_runnable(&self, kernel: &Kernel, tid: i32) -> Result<bool, Broken> {
        let Some(task) = self.table.task(tid) else { return Ok(false) };
        let Some(held) = &task.held else {
            let held_by_case = task.known.is_some_and(|known| kernel.is_held(known));
            let over = matches!(&task.apart, Some(Apart::Stopped(spin)) if spin.is_over(tid));
            return Ok(over && !held_by_case);
        };
        if held.interrupted && (held.wait.is_interruptible() || may_handle(kernel, task, held)) {
            return Ok(true);
        }
        if task.known.is_some_and(|known| kernel.is_held(known)) {
            return Ok(false);
        }
        let late = |until: &Option<Time>| until.is_some_and(|until| until <= kernel.now());
        Ok(match &held.wait {
            Wait::Turn => true,
            Wait::Tick { until } => *until <= kernel.now(),
            Wait::Call(entered, _) => kernel.is_ready(entered),
            Wait::Child(entered, _) => kernel.can_wait(entered.task),
            Wait::Sleep { until, .. } => *until <= kernel.now(),
            Wait::Futex { until, woken, .. } => *woken || late(until),
            Wait::Ready { of, until } => late(until) || self.is_any_ready(task.pid, of)?,
            Wait::Pipe { call, .. } => self.is_pipe_ready(task.pid, call)?,
        })
    }

    /// When the first task that waits for the clock can run.
    pub(super) fn earliest_deadline(&self) -> Option<Time> {
        let kernel = self.kernel.borrow();
        let free = self
            .table
            .tasks
            .iter()
            .filter(|task| !task.known.is_some_and(|known| kernel.is_held(known)));
        free.filter_map(|task| match &task.held.as_ref()?.wait {
            Wait::Call(entered, _) => kernel.deadline(entered),
            Wait::Ready { until, .. } | Wait::Futex { until, .. } => *until,
            Wait::Sleep { until, .. } | Wait::Tick { until } => Some(*until),
            _ => None,
        })
        .min()
    }

    /// Resumes a held task and follows it until it blocks.
    pub(super) fn run(&mut self, tid: i32) -> Result<(), Broken> {
        self.tell_time(tid);
        let Some(task) = self.table.task_mut(tid) else { return Ok(()) };
        let Some(held) = task.held.take() else {
            self.let_go(tid)?;
            return self.go_on(tid);
        };
        if held.interrupted && may_handle(&self.kernel.borrow(), task, &held) {
            let notice = held.notice;
            task.in_handler = Some(Box::new(Held { interrupted: false, ..held }));
            self.apply(tid, &notice, Action::Answer(Answer::Restart))?;
            return self.go_on(tid);
        }
        let Held { notice, wait, interrupted, .. } = held;
        let action = self.resume(tid, &notice, wait, interrupted)?;
        if self.apply(tid, &notice, action)? { self.go_on(tid) } else { Ok(()) }
    }

    /// Follows a running task until it blocks or ends.
    pub(super) fn go_on(&mut self, tid: i32) -> Result<(), Broken> {
        let watch = self.watch(tid);
        self.follow(tid, watch)
    }

    /// The same; `watch` says when it is first looked at.
    pub(super) fn follow(&mut self, tid: i32, mut watch: Watch) -> Result<(), Broken> {
        if let Some(task) = self.table.task_mut(tid) {
            task.apart = None;
        }
        loop {
            let again = self.watch(tid);
            let notice = match self.next(tid, std::mem::replace(&mut watch, again))? {
                Next::Called(notice) => notice,
                Next::Ended => return Ok(()),
                Next::Waits(apart) => {
                    if let Some(task) = self.table.task_mut(tid) {
                        task.apart = Some(apart);
                    }
                    return Ok(());
                }
            };
            if self.kernel.borrow().halt_due().is_some() {
                self.hold(tid, &notice, Wait::Turn);
                return Ok(());
            }
            if self.is_back(tid, &notice) {
                return Ok(());
            }
            self.count(tid, &notice)?;
            self.tell_time(tid);
            let action = self.dispatch(tid, &notice)?;
            if !self.apply(tid, &notice, action)? {
                return Ok(());
            }
        }
    }

    /// Whether the task makes the call again that it was held in before a handler ran. Then it is
    /// held once more, as if nothing had been.
    fn is_back(&mut self, tid: i32, notice: &Notice) -> bool {
        let Some(task) = self.table.task_mut(tid) else { return false };
        let same =
            |held: &Held| held.notice.number == notice.number && held.notice.args == notice.args;
        if !task.in_handler.as_deref().is_some_and(same) {
            return false;
        }
        let held = task.in_handler.take();
        task.held = held.map(|held| Held { notice: *notice, ..*held });
        true
    }

    /// Carries out the action. True: the task runs on.
    fn apply(&mut self, tid: i32, notice: &Notice, action: Action) -> Result<bool, Broken> {
        match action {
            Action::Answer(answer) => {
                let listener = self.listener(tid)?;
                listener.answer(notice.id, answer).map_err(|errno| os_error("answer", errno))?;
                Ok(true)
            }
            Action::Answered => Ok(true),
            Action::Gone => Ok(false),
            Action::Hold(wait) => {
                self.hold(tid, notice, *wait);
                Ok(false)
            }
        }
    }

    pub(super) fn hold(&mut self, tid: i32, notice: &Notice, wait: Wait) {
        self.rests(tid, &wait);
        let held = Held { notice: *notice, wait, since: self.trapped, interrupted: false };
        if let Some(task) = self.table.task_mut(tid) {
            task.held = Some(held);
        }
    }

    pub(super) fn listener(&self, tid: i32) -> Result<Rc<Listener>, Broken> {
        let process = self.table.task(tid).and_then(|task| self.table.process(task.pid));
        let listener = process.map(|process| Rc::clone(&process.listener));
        listener.ok_or_else(|| Broken::Harness(format!("thread {tid} belongs to no process")))
    }

    /// What the running task does next, once every task that it has made has arrived.
    fn next(&mut self, tid: i32, mut watch: Watch) -> Result<Next, Broken> {
        let mut called = None;
        let mut waited = Duration::ZERO;
        let mut used_before = None;
        loop {
            if self.table.births.is_empty() {
                if let Some(notice) = called {
                    return Ok(Next::Called(notice));
                }
                if self.table.task(tid).is_none() {
                    return Ok(Next::Ended);
                }
            }
            let listener = self.listener_in_use(tid)?;
            match self.await_notice(tid, &listener, called.is_none(), watch.pause)? {
                Heard::Call(notice) if notice.tid == tid => called = Some(notice),
                Heard::Call(notice) if self.table.task(notice.tid).is_some() => {
                    self.catch_up(&notice);
                }
                Heard::Call(notice) => self.arrive(&notice)?,
                Heard::Other => {}
                Heard::Silence => {
                    used_before = used_before.or_else(|| cpu_time(tid));
                    waited += watch.pause;
                    self.collect_dead();
                    if called.is_none()
                        && let Some(apart) = self.look(tid, &mut watch)?
                    {
                        return Ok(Next::Waits(apart));
                    }
                }
            }
            if waited >= PATIENCE {
                let used =
                    cpu_time(tid).zip(used_before).map(|(now, then)| now.saturating_sub(then));
                let silence = Silence::of(tid, used.unwrap_or_default());
                if waited >= silence.patience() {
                    return Err(silence.told());
                }
            }
        }
    }

    /// The listener of a task; if that is dead, of the tasks that it has made.
    fn listener_in_use(&self, tid: i32) -> Result<Rc<Listener>, Broken> {
        self.listener(tid).or_else(|broken| {
            let maker = self.table.births.first().map(|birth| match birth.of {
                Origin::Thread { process } | Origin::Child { parent: process, .. } => process,
            });
            let process = maker.and_then(|pid| self.table.process(pid));
            process.map(|process| Rc::clone(&process.listener)).ok_or(broken)
        })
    }

    /// Waits a while for a trapped call, or for the end of the running process.
    fn await_notice(
        &mut self,
        tid: i32,
        listener: &Listener,
        watch_process: bool,
        patience: Duration,
    ) -> Result<Heard, Broken> {
        let pid = self.table.task(tid).map(|task| task.pid);
        let process = pid.and_then(|pid| self.table.process(pid)).filter(|_| watch_process);
        let mut fds = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(process.map(|p| PollFd::new(p.pidfd.as_fd(), PollFlags::POLLIN)));
        match ppoll(&mut fds, Some(TimeSpec::from(patience)), None) {
            Ok(0) => Ok(Heard::Silence),
            Ok(_) => {
                // Only POLLIN: a listener without tasks reports a hang-up, and receiving from it
                // might block.
                let input =
                    |fd: &PollFd| fd.revents().is_some_and(|r| r.contains(PollFlags::POLLIN));
                let called = input(&fds[0]);
                let ended = fds.get(1).is_some_and(|fd| fd.any() == Some(true));
                if called
                    && let Some(notice) = listener.receive().map_err(|e| os_error("receive", e))?
                {
                    return Ok(Heard::Call(notice));
                }
                if ended && let Some(pid) = pid {
                    self.process_ended(pid)?;
                }
                Ok(Heard::Other)
            }
            Err(Errno::EINTR) => Ok(Heard::Other),
            Err(errno) => Err(os_error("poll", errno)),
        }
    }

    /// A new task has made its first call: from now on it is in the table.
    fn arrive(&mut self, notice: &Notice) -> Result<(), Broken> {
        let tid = notice.tid;
        let stranger = || Broken::Harness(format!("a call by thread {tid}, which nobody made"));
        if self.table.births.is_empty() {
            return Err(stranger());
        }
        let Birth { pid, clear_tid, of } = self.table.births.remove(0);
        match inner_pid_and_name(tid) {
            Some((inner, _)) if inner == pid => {}
            other => {
                return Err(Broken::Harness(format!("expected the birth of {pid}, got {other:?}")));
            }
        }
        let (wait, since) = (Wait::Turn, self.trapped);
        let held = Some(Held { notice: *notice, wait, since, interrupted: false });
        let (pid, class, known) = match of {
            Origin::Thread { process } => {
                let main = self.main_task(process).ok_or_else(stranger)?;
                (process, self.kernel.borrow().class(main).of_threads(), None)
            }
            Origin::Child { task, parent, files } => {
                let maker = self.table.process(parent).ok_or_else(stranger)?;
                let (listener, incarnation) =
                    (Rc::clone(&maker.listener), Rc::clone(&maker.incarnation));
                if self.table.process(pid).is_some() {
                    // Each start has its own numbers.
                    let what = format!("an orphan forks, and another process {pid} lives");
                    return Err(Broken::NotMeasured(what));
                }
                let pidfd = open_process(tid).map_err(|errno| os_error("pidfd_open", errno))?;
                self.table.processes.push(Process {
                    pid,
                    host: tid,
                    pidfd,
                    incarnation,
                    parent: Some(parent),
                    listener,
                    files,
                    epolls: Default::default(),
                    boots: false,
                    loops: Default::default(),
                    looks_in_vain: 0,
                    ending: None,
                });
                (pid, Class::Child, Some(task))
            }
        };
        let (in_handler, apart, busy) = (None, None, Busy::default());
        self.table.tasks.push(Task {
            tid,
            pid,
            class,
            known,
            clear_tid,
            held,
            in_handler,
            apart,
            busy,
        });
        Ok(())
    }

    /// The kernel's name for a task. A thread gets it at its first call that may be a site.
    pub(super) fn known(&mut self, tid: i32) -> Result<TaskId, Broken> {
        let unknown = || Broken::Harness(format!("a call by thread {tid}, which nobody made"));
        let task = self.table.task(tid).ok_or_else(unknown)?;
        if let Some(known) = task.known {
            return Ok(known);
        }
        let pid: Pid = task.pid;
        let main = self.main_task(pid).ok_or_else(unknown)?;
        let (_, comm) = inner_pid_and_name(tid).ok_or_else(unknown)?;
        let name = self.program.profile.thread(&comm);
        let known = self.kernel.borrow_mut().spawn(main, name);
        if let Some(task) = self.table.task_mut(tid) {
            task.known = Some(known);
        }
        Ok(known)
    }
}

/// Whether a signal handler runs although the task is held: not while its call takes its time, as
/// on a slow disk.
fn may_handle(kernel: &Kernel, task: &Task, held: &Held) -> bool {
    match &held.wait {
        Wait::Call(entered, _) => !kernel.is_ready(entered) && !kernel.is_slow(entered),
        Wait::Turn => task.known.is_some_and(|known| kernel.is_held(known)),
        _ => false,
    }
}

/// A system call of the supervisor itself has failed.
pub(super) fn os_error(what: &str, errno: Errno) -> Broken {
    Broken::Harness(format!("{what}: {errno}"))
}
