//! The kernel: one model of Linux behind both doors.
//!
//! A door (the simulation, or the supervisor of a real process) brings every system call about
//! files, pipes and processes here. [`Kernel::enter`] names the call (its site), counts it, and
//! asks the plan. Once the call is no longer delayed, the door completes it with one of the methods
//! in [`mod@calls`]: that carries the call out on the model, tells the door what to do for real,
//! and writes the result to the trace.
//!
//! Not modelled, because the doors have the real thing or need none: the content of pipes, sockets,
//! readiness, futexes, memory. Must not know: Redis, cases, reports, and who is calling.

pub mod call;
pub mod calls;
pub mod clock;
pub mod disk;
mod entered;
pub mod fd;
mod halts;
mod kinship;
pub mod looks;
pub mod name;
mod own_syncs;
mod part;
pub mod plan;
pub mod process;
mod readiness;
pub mod resting;
pub mod retries;
pub mod role;
pub mod schedule;
pub mod site;
#[cfg(test)]
mod tests;
pub mod trace;
mod written;

use std::cell::Cell;
use std::sync::Arc;

use nix::sys::signal::Signal;

pub use call::CallName;
pub use clock::{Clock, Time};
pub use disk::{Cut, Disk, Image};
pub use entered::{Entered, Request, Target};
pub use fd::{Fd, Object};
pub use halts::Survey;
pub use looks::Look;
pub use name::Name;
pub use plan::{Claim, Effect, Halt, Overclaim, Plan, Rule, Selector, Victim, When, Window};
pub use process::{Ending, Pid, Program, TaskId};
pub use role::Roles;
pub use schedule::{Candidate, Class, Decision, Schedule};
pub use site::Site;
pub use trace::Trace;

use entered::Delay;
use fd::{Descriptions, End, PipeId};
use part::Part;
use plan::Decided;
use process::Processes;
use trace::{CallRecord, Detail, Event, OpenFlags, Returned};

/// Tasks of this name are kept from running.
#[derive(Clone, Debug)]
struct HeldTask {
    name: String,
    /// Whether there ever was such a task.
    met: Cell<bool>,
}

/// One machine: everything in it that outlives a server.
#[derive(Debug)]
pub struct Kernel {
    pub clock: Clock,
    pub disk: Part<Disk>,
    pub plan: Plan,
    pub schedule: Schedule,
    pub trace: Trace,
    roles: Arc<Roles>,
    processes: Part<Processes>,
    descriptions: Part<Descriptions>,
    /// The role of each pipe once a fork has bound it.
    pipe_roles: Part<Vec<Option<Name>>>,
    first_fd: Fd,
    /// What the last server had open to be written when it ended.
    last_written: Part<Vec<String>>,
    held_tasks: Vec<HeldTask>,
    calls: u64,
    /// The kill or power cut that comes before anybody runs on.
    halt: Option<Halt>,
    /// Set by whoever wants to know what the next power cut could leave.
    pub survey: Option<Survey>,
    /// None: nobody wants to know what is on the disk at each call.
    looks: Option<looks::Looks>,
    /// Questions that are sites.
    watched: Vec<CallName>,
}

impl Kernel {
    /// A machine with an empty disk whose files have these roles. Descriptors are numbered from
    /// `first_fd` on.
    pub fn new(roles: impl Into<Arc<Roles>>, first_fd: Fd) -> Self {
        Kernel {
            clock: Clock::new(),
            disk: Disk::new().into(),
            plan: Plan::default(),
            schedule: Schedule::default(),
            trace: Trace::default(),
            roles: roles.into(),
            processes: Part::default(),
            descriptions: Part::default(),
            pipe_roles: Part::default(),
            first_fd,
            last_written: Part::default(),
            held_tasks: Vec::new(),
            calls: 0,
            halt: None,
            survey: None,
            looks: None,
            watched: Vec::new(),
        }
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn advance_to(&mut self, to: Time) {
        self.clock.advance_to(to);
    }

    pub fn roles(&self) -> &Arc<Roles> {
        &self.roles
    }

    /// How many calls were entered so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    // Processes and tasks -------------------------------------------------------------------------

    /// Starts a server: a process without descriptors. Returns its main task, `parent`.
    pub fn boot(&mut self, pid: Pid, program: Program) -> TaskId {
        let task = self.processes.boot(pid, program);
        self.record(Event::Started { incarnation: self.processes.incarnation });
        task
    }

    /// Starts a thread in the process of `by`.
    pub fn spawn(&mut self, by: TaskId, name: Name) -> TaskId {
        self.processes.spawn(by, name)
    }

    pub fn task_name(&self, task: TaskId) -> &Name {
        &self.processes.task(task).name
    }

    /// The main task of the living process with this pid.
    pub fn main_task(&self, pid: Pid) -> Option<TaskId> {
        let process = self.processes.alive(pid)?;
        self.processes.tasks.iter().position(|task| task.process == process).map(TaskId)
    }

    pub fn pid_of(&self, task: TaskId) -> Pid {
        self.processes.process_of(task).pid
    }

    /// Which start of the server is the latest, from 1; 0 before the first.
    pub fn incarnation(&self) -> u32 {
        self.processes.incarnation
    }

    /// A process has ended: its descriptors close, and its parent may wait for it.
    pub fn ended(&mut self, pid: Pid, ending: Ending) {
        let Some(process) = self.processes.alive(pid) else { return };
        self.remember_written(process);
        let fds = std::mem::take(&mut self.processes.processes[process].fds);
        for (_, description) in fds.iter() {
            self.release(description);
        }
        let main = self.processes.tasks.iter().find(|task| task.process == process);
        let incarnation = main.map_or(0, |task| task.incarnation);
        let task = self.processes.processes[process].name.clone();
        self.processes.end(process, ending);
        self.record(Event::Ended { incarnation, task, ending });
    }

    /// Records that a signal was sent to the process of `task`.
    pub fn signalled(&mut self, task: TaskId, signal: Signal) {
        let task = self.task_name(task).clone();
        self.record(Event::Signal { task, signal });
    }

    /// Holds every task of this name at its next call, until [`Kernel::release_task`].
    pub fn hold_task(&mut self, name: &str) {
        self.held_tasks.push(HeldTask { name: name.to_string(), met: Cell::new(false) });
    }

    /// Whether there ever was a task to hold; None: nothing of this name was held.
    pub fn release_task(&mut self, name: &str) -> Option<bool> {
        let met = self.has_held(name);
        self.held_tasks.retain(|held| held.name != name);
        met
    }

    /// What [`Kernel::release_task`] would say.
    pub fn has_held(&self, name: &str) -> Option<bool> {
        let mut held = self.held_tasks.iter().filter(|held| held.name == name).peekable();
        held.peek()?;
        Some(held.any(|held| held.met.get()))
    }

    /// Releases every held task.
    pub fn release_all(&mut self) {
        self.held_tasks.clear();
    }

    pub fn is_held(&self, task: TaskId) -> bool {
        let held = self.held_tasks.iter().find(|held| held.name == *self.task_name(task));
        held.inspect(|held| held.met.set(true)).is_some()
    }

    // Faults --------------------------------------------------------------------------------------

    /// Ends all faults: rules with their delays, the limit on disk space, a disk that can only be
    /// read. Returns the origins of rules that never fired.
    pub fn heal(&mut self) -> Vec<u32> {
        // A change, even to the same, would part this disk from those that share it.
        if !self.disk.is_large() {
            self.disk.set_space(None);
        }
        if self.disk.read_only {
            self.disk.read_only = false;
        }
        self.plan.heal()
    }

    /// Whether no fault is in force.
    pub fn is_healthy(&self) -> bool {
        self.plan.is_empty() && self.disk.is_large() && !self.disk.read_only
    }

    // Calls ---------------------------------------------------------------------------------------

    /// What a descriptor in the process of `task` stands for; None: nothing that is modelled.
    pub fn lookup(&self, task: TaskId, fd: Fd) -> Option<Object> {
        let description = self.processes.process_of(task).fds.get(fd)?;
        Some(self.descriptions.get(description).object)
    }

    /// How many ends of this kind the pipe still has, in all processes.
    pub fn pipe_ends(&self, pipe: PipeId, end: End) -> usize {
        self.descriptions.count(Object::Pipe(pipe, end))
    }

    /// A task makes a call. Names it, counts it, and asks the plan.
    pub fn enter(&mut self, task: TaskId, request: &Request<'_>) -> Entered {
        self.calls += 1;
        let role = self.role_of_target(task, request.target);
        let detail = self.detail(request);
        self.schedule.entered(task);
        let next_at = self.processes.task(task).failures.next_at(self.now());
        let counted = &mut self.processes.tasks[task.0];
        let number = counted.count(request.call, role.as_ref());
        let (incarnation, name) = (counted.incarnation, counted.name.clone());
        let site = Site { incarnation, task: name, role, call: request.call, number };
        self.look_before(&site);
        let moves = matches!(request.call, CallName::Read | CallName::Write);
        // A plan is about the server, which is not there yet.
        let decided = match site.is_launchers() {
            true => Decided::default(),
            false => self.plan.decide(&site, moves.then_some(request.argument)),
        };
        let syncs_after = self.sync_before(&site, decided.syncs);
        let mark = match self.file_of(task, request) {
            Some(ino) if request.call.is_sync() => Some(self.disk.mark(ino)),
            _ => None,
        };
        let (delay, effect) = match decided.effect {
            Some(Effect::Delay(time)) => (Delay::Until(self.now() + time), None),
            Some(Effect::Hold) => (Delay::UntilHealed, None),
            Some(Effect::ReadOnly) => {
                self.disk.read_only = true;
                (Delay::None, Some(Effect::Error(nix::errno::Errno::EROFS)))
            }
            other => (next_at.map_or(Delay::None, Delay::Tick), other),
        };
        let (began, rule) = (self.now(), decided.by);
        let entered = Entered { task, site, effect, syncs_after, detail, mark, delay, began, rule };
        if delay.is_of_plan() {
            self.record(Event::Call(CallRecord {
                injected: entered.injected(),
                site: entered.site.clone(),
                detail: entered.detail.clone(),
                returned: None,
                began: None,
                checksum: 0,
            }));
        }
        entered
    }

    /// Whether the calls of a task fail again and again, and will do so for ever.
    pub fn is_in_endless_loop(&self, task: TaskId) -> bool {
        self.processes.task(task).failures.are_endless()
    }

    fn role_of_target(&self, task: TaskId, target: Target<'_>) -> Option<Name> {
        match target {
            Target::None => None,
            Target::Path(name) | Target::Rename { from: name, .. } => Some(self.role_of_name(name)),
            Target::Fd(fd) => match self.lookup(task, fd)? {
                Object::File(ino) => Some(self.role_of_name(&self.disk.inode(ino).name)),
                Object::Pipe(pipe, _) => {
                    Some(self.pipe_roles[pipe].clone().unwrap_or(Name::known("pipe")))
                }
            },
        }
    }

    fn file_of(&self, task: TaskId, request: &Request<'_>) -> Option<disk::Ino> {
        match request.target {
            Target::Fd(fd) => match self.lookup(task, fd)? {
                Object::File(ino) => Some(ino),
                Object::Pipe(..) => None,
            },
            _ => None,
        }
    }

    fn detail(&self, request: &Request<'_>) -> Detail {
        match request.call {
            CallName::Read | CallName::Write => Detail::Bytes(request.argument),
            CallName::Ftruncate | CallName::Truncate => Detail::Length(request.argument),
            CallName::Open => Detail::Flags(OpenFlags(request.argument)),
            CallName::Rename => match request.target {
                Target::Rename { to, .. } => Detail::To(self.role_of_name(to)),
                _ => Detail::None,
            },
            _ => Detail::None,
        }
    }

    /// The task was killed before it made the call.
    pub fn abandon(&mut self, entered: Entered) {
        self.finish(entered, Returned::Never, 0);
    }

    fn finish(&mut self, mut entered: Entered, returned: Returned, checksum: u32) {
        let delayed = entered.delay.is_of_plan();
        let mut syncs = std::mem::take(&mut entered.syncs_after);
        if let Some(halt) = entered.halt(When::After) {
            self.halt = Some(halt);
            syncs.clear();
        }
        let site = (!syncs.is_empty()).then(|| entered.site.clone());
        let failed = entered.got_nowhere(&returned);
        let returned_at_all = returned != Returned::Never;
        let (began, now) = (entered.began, self.now());
        self.processes.tasks[entered.task.0].failures.note(failed, began, now);
        self.record(Event::Call(CallRecord {
            injected: entered.injected(),
            site: entered.site,
            detail: entered.detail,
            returned: Some(returned),
            began: delayed.then_some(entered.began),
            checksum,
        }));
        if let Some(site) = site.filter(|_| returned_at_all) {
            syncs.into_iter().for_each(|role| self.sync_by_itself(When::After, &site, role));
        }
    }

    fn record(&mut self, event: Event) {
        let now = self.now();
        self.trace.push(now, event);
    }
}
